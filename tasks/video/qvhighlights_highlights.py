"""QVHighlights, highlights: how well does each clip of two seconds show what a query describes?

The same lines as in `qvhighlights`: three people rated the clips `relevant_clip_ids` from 0 to 4, and all
other clips of the video are 0. A model gives one number for each clip; so do files of predictions for the
official program, as `pred_saliency_scores`. Only the order of the numbers counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vleval.grounding.frame import Convention
from vleval.grounding.highlights import CLIP_SECONDS, LEVELS, each_query, ratings
from vleval.grounding.ledger import TEXT_LIMIT
from vleval.grounding.reading.scan import entries, number, tokens
from vleval.model.io import Message
from vleval.tasks.base import Answer, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.data.moment_files import open_qvhighlights
from vleval.tasks.prompts import RATE, caption
from vleval.tasks.video import qvhighlights

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATERS = 3
CLIPS = "The video consists of {clips} clips of two seconds each. "
NAMES = {"VeryGood": "very_good", "Good": "good", "Fair": "fair"}
"""Levels, the one of published comparisons first."""

METRICS = tuple(
    metric
    for level, name in NAMES.items()
    for metric in (
        Metric(
            f"hl_map_{name}",
            f"HL-mAP {level}",
            formula=f"mean over queries and raters of AP over clips; highlights are rated >= {LEVELS[level]}",
        ),
        Metric(
            f"hl_hit1_{name}",
            f"HL-Hit1 {level}",
            formula=f"share of queries whose highest clip any rater rated >= {LEVELS[level]}",
        ),
    )
)

KEYS = (None, "ratings", "rating", "scores", "saliency", "saliency_scores", "pred_saliency_scores", "answer")
"""What a list of ratings may stand behind."""

_BARE = re.compile(r"[-+0-9.eE]++(?:[\s,]++[-+0-9.eE]++)++[\s,.]*+")


def table(value: Any, column: str) -> list[list[float]]:
    """Ratings of every clip, [[r1, r2, r3], ...]. Raises ValueError."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, list) or not value:
        raise ValueError(f"{column} must be a list of {RATERS} ratings for each clip")
    return [rows.numbers(item, RATERS, column) for item in value]


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    duration = rows.numbers([row["duration"]], 1, "duration")[0]
    clips, rated = row["relevant_clip_ids"], table(row["saliency_scores"], "saliency_scores")
    if not isinstance(clips, list) or not all(type(clip) is int for clip in clips):
        raise ValueError("relevant_clip_ids must be whole numbers")
    yield Sample(
        id=str(row["qid"]),
        media=(rows.media(row["video"], "video"),),
        question=rows.sentence(row["query"], "query"),
        target={"ratings": ratings(duration, clips, rated).tolist(), "duration": duration},
        cluster=str(row["vid"]),
    )


def messages(sample: Sample) -> tuple[Message, ...]:
    """The video, then how many clips it has, and the question."""
    clips = CLIPS.format(clips=len(sample.target["ratings"]))
    return (Message("user", (*sample.media, clips + RATE.fill(caption(sample.question)))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """The one list of numbers in an answer, or the numbers that it consists of."""
    text = answer.text[:TEXT_LIMIT]
    lists, key, cut = [], None, False
    for token in tokens(text):
        if token.kind == "list" and key in KEYS:
            lists.append(token)
        cut = cut or token.kind == "unclosed_think"
        key = token.text if token.kind == "key" else None
    content = lists[0].text if len(lists) == 1 else None
    if not lists and (bare := _BARE.fullmatch(text.strip())):
        content = re.sub(r"[\s,]+", ",", bare[0].strip(" \n\t\r,."))
    if content is None:
        reason = "several lists" if lists else "reasoning without an end" if cut else "no list of numbers"
        return Reading(None, {"ratings": []}, reason)
    values = [number(entry) for entry in entries(content)]
    kept = [value for value in values if value is not None and abs(value) < 1e9]
    if len(kept) != len(values):
        return Reading(None, {"ratings": kept}, "not all are numbers")
    return Reading(kept, {"ratings": kept})


def judge(rated: Sequence[Any], truths: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Each query's share in the official figures."""
    each = each_query(rated, truths)
    return {f"hl_map_{name}": each[level].precision for level, name in NAMES.items()} | {
        f"hl_hit1_{name}": each[level].hit for level, name in NAMES.items()
    }


def baselines(of: list[Sample]) -> dict[str, dict[str, float]]:
    """Metrics of the same rating for every clip: the least that any answer of a whole list can say."""
    truths = [sample.target["ratings"] for sample in of]
    columns = judge([[1.0] * len(truth) for truth in truths], truths) if truths else {}
    return {"all clips alike": {name: float(values.mean()) for name, values in columns.items()}}


TASK = Task(
    name="qvhighlights-highlights",
    title="QVHighlights-HL",
    description="Rate how well each clip of two seconds shows what a query describes (HL-mAP, HL-Hit1).",
    version=1,
    media="video",
    target=Target("[[r1, r2, r3], ...], three ratings of every clip of the video", {"ratings": table}),
    metrics=METRICS,
    prompt=CLIPS + RATE.template,
    max_new_tokens=512,
    columns=(*qvhighlights.COLUMNS, "relevant_clip_ids", "saliency_scores"),
    checks={"query": rows.sentence, "saliency_scores": table},
    hub=(),
    media_columns=("vid",),
    splits=qvhighlights.TASK.splits,
    default_split=qvhighlights.TASK.default_split,
    bundled_splits=qvhighlights.TASK.bundled_splits,
    bundled_name="qvhighlights",
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    local=open_qvhighlights,
    answer_columns=("pred_saliency_scores",),
    baselines=baselines,
    references=(
        f"prompt: {RATE.source}",
        *qvhighlights.TASK.references[1:2],
        "metric: highlight detection of QVHighlights (Lei et al., NeurIPS 2021) and its evaluation program",
    ),
    traps=(
        "Clips outside the rated ones count as 0 for all three raters, those inside may be 0 as well.",
        "HL-mAP is the mean over the raters; HL-Hit1 needs one rater alone.",
        "A rater without a highlight at a level gives 0 to HL-mAP there, whatever is answered: no answer "
        "reaches 100 on such queries.",
        "Ratings beyond the last clip are cut, missing ones are 0. Equal ratings are one step of the curve: "
        "a scale of five whole numbers makes many.",
        f"A clip is {CLIP_SECONDS:g} seconds; what is left at the end of a video is none.",
    ),
    comparability=(
        "The official program averages over answered queries; here an unread answer counts as zero.",
        "Models with a score for every clip (Moment-DETR and its kind) rank finely; a model that writes five "
        "numbers cannot.",
    ),
)
