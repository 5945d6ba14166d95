"""Charades-STA: when in a video does the described event happen?

A hub row is one sentence about one video file. The first span in reading order is scored, read forwards;
further spans are counted. Two answers that never look at the video stand beside every score: many true spans
are long, so that the whole clip, or one well-chosen fraction of it, already overlaps a good deal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from vleval.grounding.frame import Convention
from vleval.grounding.ledger import to_json, why_nothing
from vleval.grounding.parse import parse_spans
from vleval.grounding.spans import sort_ends, temporal_iou
from vleval.model.io import Media, Message
from vleval.tasks.base import Answer, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.prompts import MOMENT, caption

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

THRESHOLDS = {"r1@0.3": 0.3, "r1@0.5": 0.5, "r1@0.7": 0.7}

METRICS = (
    Metric("miou", "mIoU", formula="mean temporal IoU of the first span; IoU = overlap / union"),
    *(Metric(name, name.upper(), formula=f"share of IoU >= {least}") for name, least in THRESHOLDS.items()),
)

FRACTION_STEPS = 20
"""The best constant span is searched on a grid of this many steps from start to end."""


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    video = rows.media(row["video"], "video")
    target: dict[str, Any] = {"span": rows.ends(row["timestamp"], "timestamp")}
    if row.get("duration") is not None:
        target["duration"] = rows.numbers([row["duration"]], 1, "duration")[0]
    name = row.get(rows.MEDIA_NAME) or (video.path.name if video.path else video.digest()[:16])
    yield Sample(
        id=f"{name}#{key}",
        media=(video,),
        question=rows.sentence(row["caption"], "caption"),
        target=target,
        cluster=str(name),
    )


def messages(sample: Sample) -> tuple[Message, ...]:
    """The video, then the question."""
    return (Message("user", (*sample.media, MOMENT.fill(caption(sample.question)))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """The first span; seconds are seconds in every convention."""
    duration = answer.frames[0].duration if answer.frames else answer.sample.target.get("duration")
    found = parse_spans(answer.text, expected=1, duration=duration)
    spans = [list(span.values) for span in found.items]
    parsed = {
        "spans": spans,
        "extra": max(len({span.values for span in found.items}) - 1, 0),
        "ledger": to_json(found.ledger),
        "strict": found.strict,
    }
    if not spans:
        return Reading(None, parsed, why_nothing(found.problems))
    return Reading(spans[0], parsed)


def judge(spans: ArrayLike, truths: ArrayLike) -> dict[str, NDArray[Any]]:
    """Overlaps of spans, read forwards, with the true ones, and thresholds of them."""
    overlap = temporal_iou(sort_ends(spans), truths)
    return {"miou": overlap} | {name: overlap >= threshold for name, threshold in THRESHOLDS.items()}


def baselines(of: list[Sample]) -> dict[str, dict[str, float]]:
    """Metrics of the whole clip and of the best constant span (in durations, chosen with the truth).

    Only samples whose duration is known, from their row or from their file's header, take part; {} without
    any.
    """
    known: dict[Media, float | None] = {}
    spans, durations = [], []
    for sample in of:
        duration = sample.target.get("duration")
        if duration is None and sample.media:
            (medium,) = sample.media
            if medium not in known:
                known[medium] = _duration(medium)
            duration = known[medium]
        if duration:
            spans.append(sample.target["span"])
            durations.append(duration)
    if not spans:
        return {}
    truth, length = np.asarray(spans), np.asarray(durations)
    whole = _constant(truth, length, 0.0, 1.0)
    grid = np.linspace(0.0, 1.0, FRACTION_STEPS + 1)
    constants = [
        _constant(truth, length, start, end) for i, start in enumerate(grid) for end in grid[i + 1 :]
    ]
    return {"whole clip": whole, "best constant span": max(constants, key=lambda means: means["miou"])}


def _constant(
    truth: NDArray[np.float64], length: NDArray[np.float64], start: float, end: float
) -> dict[str, float]:
    """Mean metrics of one span, in durations, as the answer to every question."""
    scores = judge(np.stack([start * length, end * length], axis=-1), truth)
    return {name: float(values.mean()) for name, values in scores.items()}


def _duration(video: Media) -> float | None:
    """Seconds a video file claims to last; None where it cannot be opened or does not say."""
    from io import BytesIO

    import av

    source = BytesIO(video.data) if video.data is not None else str(video.path)
    try:
        with av.open(source, mode="r") as container:
            length = container.duration
            return float(length / av.time_base) if length else None
    except (OSError, av.FFmpegError):
        return None


TASK = Task(
    name="charades-sta",
    title="Charades-STA",
    description="Find when a described event happens in a video: one span, scored by its temporal overlap.",
    version=1,
    media="video",
    target=Target("[start, end] in seconds", {"span": rows.ends}),
    metrics=METRICS,
    prompt=MOMENT.template,
    max_new_tokens=128,
    columns=("video", "caption", "timestamp"),
    checks={"caption": rows.sentence, "timestamp": rows.ends},
    hub=("lmms-eval/charades_sta", "lmms-lab/charades_sta"),
    splits=("test",),
    default_split="test",
    bundled_splits=("test", "val"),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    references=(
        f"prompt: {MOMENT.source}",
        "metric: mIoU and R1@t = share of queries with temporal IoU >= t (TALL, Gao et al. 2017)",
        "truth is used as annotated: some spans end after their video and are not clamped",
    ),
    baselines=baselines,
    traps=(
        "The frame rate must reach the position ids: without it the model's seconds are off, and a third "
        "of the mIoU may be lost.",
        "Many spans are long: the whole clip as an answer overlaps well (see the rows of trivial answers).",
        "Of the first 800 annotated spans 124 end after their video; they stay as they are.",
        "Equal spans with other sentences are common and are questions of their own.",
    ),
    comparability=(
        "lmms-eval shows a pair of the test split as an example in its prompt, and drops exact duplicates: "
        "29.5 mIoU were reported with it for a model that the report puts at 43.6.",
        "The report's prompt was not published: a difference of a few points may be that of the prompts.",
        "Xiaomi's Time-R1 counts an IoU above the threshold; most count from the threshold on.",
    ),
    taught=True,
)
