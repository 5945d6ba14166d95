"""QVHighlights, moment retrieval: every window of a video that a query describes, scored as detections are.

A line of highlight_val_release.jsonl (a clip is two seconds; three people rated each clip of a window):

    {"qid": 2579, "query": "A girl and her mother cooked while talking with each other on facetime.",
     "duration": 150, "vid": "NUsG9BgSes0_210.0_360.0", "relevant_clip_ids": [0, 1, ...],
     "saliency_scores": [[2, 3, 4], [2, 2, 3], ...], "relevant_windows": [[0, 82], [90, 96]]}

A model names windows, the surest first. Files of predictions may hold what the official program takes:
`pred_relevant_windows`, [[start, end, score], ...]. `qvhighlights-highlights` asks for the ratings.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vleval.grounding.frame import Convention
from vleval.grounding.ledger import TEXT_LIMIT, to_json, why_nothing
from vleval.grounding.moments import LENGTHS, MOST_WINDOWS, THRESHOLDS, each_query, of_length
from vleval.grounding.parse import parse_spans
from vleval.model.io import Message
from vleval.tasks.base import Answer, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.data.moment_files import open_qvhighlights
from vleval.tasks.prompts import MOMENTS, caption

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAP = "mean of the average precision at IoU 0.5, 0.55, ... 0.95"
RANGES = {"short": "up to 10 s", "middle": "over 10 to 30 s", "long": "over 30 to 150 s"}

METRICS = (
    Metric("map", "mAP", formula=f"mean over queries of AP: {MAP}"),
    Metric("map@0.5", "mAP@0.5", formula="mean over queries of the average precision at IoU 0.5"),
    Metric("map@0.75", "mAP@0.75", formula="mean over queries of the average precision at IoU 0.75"),
    Metric("r1@0.5", "R1@0.5", formula="share of queries whose first window has IoU >= 0.5 with a true one"),
    Metric("r1@0.7", "R1@0.7", formula="share of queries whose first window has IoU >= 0.7 with a true one"),
    *(
        Metric(f"map_{name}", f"mAP {name}", formula=f"mAP of true windows of {seconds} alone")
        for name, seconds in RANGES.items()
    ),
)

COLUMNS = ("qid", "query", "duration", "relevant_windows")


def windows(value: Any, column: str) -> list[list[float]]:
    """True windows [[start, end], ...] in seconds, at least one. Raises ValueError."""
    if isinstance(value, str):
        value = rows.as_json(value)
    if not isinstance(value, list) or not value:
        raise ValueError(f"{column} must be a list of [start, end], at least one")
    return [rows.ends(window, column) for window in value]


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    found = windows(row["relevant_windows"], "relevant_windows")
    kinds = [name for name in LENGTHS if len(of_length(found, name))]
    yield Sample(
        id=str(row["qid"]),
        media=(rows.media(row["video"], "video"),),
        question=rows.sentence(row["query"], "query"),
        target={"spans": found, "duration": rows.numbers([row["duration"]], 1, "duration")[0]},
        cluster=str(row["vid"]),
        tags={
            "windows": "one" if len(found) == 1 else "several",
            "lengths": " and ".join(kinds) or "over 150 s",
        },
    )


def messages(sample: Sample) -> tuple[Message, ...]:
    """The video, then the question."""
    return (Message("user", (*sample.media, MOMENTS.fill(caption(sample.question)))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """All windows in the order of the answer; those of a file of predictions with their scores."""
    scored = _scored(answer.text)
    if scored is not None:
        return Reading(scored, {"spans": [window[:2] for window in scored], "ledger": [], "strict": True})
    duration = answer.frames[0].duration if answer.frames else answer.sample.target.get("duration")
    found = parse_spans(answer.text, duration=duration)
    spans = [list(span.values) for span in found.items]
    parsed = {"spans": spans, "ledger": to_json(found.ledger), "strict": found.strict}
    return Reading(spans, parsed) if spans else Reading(None, parsed, why_nothing(found.problems))


def _scored(text: str) -> list[list[float]] | None:
    """The windows [start, end, score] that are the whole of an answer; None where it is anything else."""
    found = rows.as_json(text[:TEXT_LIMIT])
    if not isinstance(found, list) or not found:
        return None
    numbers = all(
        isinstance(window, list)
        and len(window) == 3
        and all(type(item) in (int, float) and abs(item) < 1e9 for item in window)
        for window in found
    )
    return [[float(item) for item in window] for window in found] if numbers else None


def judge(named: Sequence[Any], truths: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Each query's share in the official figures; NaN for lengths of which it has no window."""
    each = each_query(named, truths)
    found: dict[str, NDArray[Any]] = {
        "map": each.precision.mean(axis=1),
        "map@0.5": each.precision[:, THRESHOLDS.index(0.5)],
        "map@0.75": each.precision[:, THRESHOLDS.index(0.75)],
        "r1@0.5": each.first >= 0.5,
        "r1@0.7": each.first >= 0.7,
    }
    for length in LENGTHS:
        kept = [of_length(truth, length) for truth in truths]
        has = [place for place, left in enumerate(kept) if len(left)]
        values = np.full(len(truths), math.nan)
        if has:
            part = each_query([named[place] for place in has], [kept[place] for place in has])
            values[has] = part.precision.mean(axis=1)
        found[f"map_{length}"] = values
    return found


def applies(sample: Sample) -> Collection[str]:
    """Everything but the lengths of which a query has no true window."""
    missing = {f"map_{name}" for name in LENGTHS if not len(of_length(sample.target["spans"], name))}
    return [metric.name for metric in METRICS if metric.name not in missing]


def baselines(of: list[Sample]) -> dict[str, dict[str, float]]:
    """Metrics of the whole video as the only window; {} where no duration is known."""
    known = [sample for sample in of if sample.target.get("duration")]
    if not known:
        return {}
    whole = [[[0.0, sample.target["duration"]]] for sample in known]
    columns = judge(whole, [sample.target["spans"] for sample in known])
    means = {name: values[~np.isnan(values)] for name, values in columns.items()}
    return {"whole clip": {name: float(values.mean()) for name, values in means.items() if values.size}}


TASK = Task(
    name="qvhighlights",
    title="QVHighlights",
    description="Find every window of a video that a query describes; scored as detections are (mAP, R1).",
    version=1,
    media="video",
    target=Target("[[start, end], ...] in seconds", {"spans": windows, "relevant_windows": windows}),
    metrics=METRICS,
    prompt=MOMENTS.template,
    max_new_tokens=512,
    columns=COLUMNS,
    checks={"query": rows.sentence, "relevant_windows": windows},
    hub=(),
    media_columns=("vid",),
    splits=("val", "test"),
    default_split="val",
    bundled_splits=("val",),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    local=open_qvhighlights,
    answer_columns=("pred_relevant_windows",),
    applies=applies,
    baselines=baselines,
    references=(
        f"prompt: {MOMENTS.source}",
        "data: highlight_val_release.jsonl, or highlight_test_with_gt.jsonl, of jayleicn/moment_detr with "
        "--data; the videos of qvhilights_videos.tar.gz with --media",
        "metric: moment retrieval of QVHighlights (Lei et al., NeurIPS 2021) and its evaluation program",
        "slices: windows (one, several), lengths",
    ),
    traps=(
        f"The first {MOST_WINDOWS} windows count. mAP ranks them by score, or as named where there is none; "
        "R1 takes the window named first whatever its score.",
        "A query without an answer counts as zero. The official program leaves it out of the means, or stops "
        "where its list is empty, and asks for the empty window [0, 0, 0], which is zero too.",
        "mAP short, middle and long are over the queries with a true window of that length. Windows of other "
        "lengths are taken out of the truth and stay in the answer, where they cost precision: the truth "
        "itself does not reach 100 there.",
        "A third of the queries has several windows: a model that names one cannot reach 100.",
        "The official program rounds to two decimals of a percent; here only tables round.",
    ),
    comparability=(
        "Highlights (HL-mAP, HL-Hit1) need a rating of every clip: see qvhighlights-highlights.",
        "lmms-eval has the queries of TimeLens, with one window each and mIoU: another benchmark.",
        "Qwen has published no score. Answers of models that write text have no scores of their own: their "
        "order stands for them.",
    ),
)
