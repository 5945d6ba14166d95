"""Charades-STA: when in a video does the described event happen?

A hub row is one sentence about one video file. The first span in reading order is scored, read forwards;
further spans are counted. Two answers that never look at the video stand beside every score: many true spans
are long, so that the whole clip, or one well-chosen fraction of it, already overlaps a good deal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from vleval.grounding.frame import Convention, Frame
from vleval.grounding.ledger import to_json, why_nothing
from vleval.grounding.parse import parse_spans
from vleval.grounding.spans import sort_ends, temporal_iou
from vleval.model.io import Media, Message
from vleval.tasks import rows
from vleval.tasks.base import Metric, Sample, Score, Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROMPT = (
    "Please find the visual event described by the sentence '{caption}', determining its starting and ending "
    "times. The format should be: 'The event happens in <start time> - <end time> seconds'."
)

THRESHOLDS = {"r1@0.3": 0.3, "r1@0.5": 0.5, "r1@0.7": 0.7}

METRICS = (
    Metric("miou", "mIoU"),
    Metric("r1@0.3", "R1@0.3"),
    Metric("r1@0.5", "R1@0.5"),
    Metric("r1@0.7", "R1@0.7"),
)

FRACTION_STEPS = 20
"""The best constant span is searched on a grid of this many steps from start to end."""


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    video = rows.media(row["video"], "video")
    start, end = rows.numbers(row["timestamp"], 2, "timestamp")
    if end <= start:
        raise ValueError(f"timestamp must be start, end with start before end, not {start}, {end}")
    target: dict[str, Any] = {"span": [start, end]}
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
    caption = sample.question.rstrip(". ")
    return (Message("user", (*sample.media, PROMPT.format(caption=caption))),)


def score(sample: Sample, text: str, frames: tuple[Frame, ...], convention: Convention) -> Score:
    """Judge the first span; seconds are seconds in every convention."""
    answer = parse_spans(text, expected=1)
    spans = [span.values for span in answer.items]
    parsed = {
        "spans": [list(span) for span in spans],
        "extra": max(len(spans) - 1, 0),
        "problems": to_json(answer.problems),
    }
    if not spans:
        return Score(
            "unparsed", {metric.name: 0.0 for metric in METRICS}, parsed, why_nothing(answer.problems)
        )
    overlap = temporal_iou(sort_ends(spans[0]), sample.target["span"])
    return Score("scored", _metrics(np.atleast_1d(overlap)), parsed)


def baselines(of: list[Sample]) -> dict[str, dict[str, float]]:
    """Metrics of the whole clip and of the best constant span (in durations, chosen with the truth).

    Only samples whose duration is known, from their row or from their file's header, take part; {} without
    any.
    """
    known: dict[Media, float | None] = {}
    spans, durations = [], []
    for sample in of:
        medium = sample.media[0]
        if medium not in known:
            known[medium] = sample.target.get("duration") or _duration(medium)
        if duration := known[medium]:
            spans.append(sample.target["span"])
            durations.append(duration)
    if not spans:
        return {}
    truth, length = np.asarray(spans), np.asarray(durations)
    whole = _constant_iou(truth, length, 0.0, 1.0)
    grid = np.linspace(0.0, 1.0, FRACTION_STEPS + 1)
    constants = [
        _constant_iou(truth, length, start, end) for i, start in enumerate(grid) for end in grid[i + 1 :]
    ]
    best = max(constants, key=lambda overlaps: float(overlaps.mean()))
    return {"whole clip": _metrics(whole), "best constant span": _metrics(best)}


def _constant_iou(
    truth: NDArray[np.float64], length: NDArray[np.float64], start: float, end: float
) -> NDArray[np.float64]:
    return temporal_iou(np.stack([start * length, end * length], axis=-1), truth)


def _metrics(overlaps: NDArray[np.float64]) -> dict[str, float]:
    shares = {name: float((overlaps >= threshold).mean()) for name, threshold in THRESHOLDS.items()}
    return {"miou": float(overlaps.mean())} | shares


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
    metrics=METRICS,
    prompt=PROMPT,
    max_new_tokens=128,
    columns=("video", "caption", "timestamp"),
    hub=("lmms-eval/charades_sta", "lmms-lab/charades_sta"),
    splits=("test",),
    default_split="test",
    bundled_splits=("test", "val"),
    rows=samples,
    messages=messages,
    score=score,
    references=(
        "prompt: TimeLens (it states the unit, and shows no example, least of all one of the test split)",
        "metric: mIoU and R1@t = share of queries with temporal IoU >= t (TALL, Gao et al. 2017)",
        "truth is used as annotated: some spans end after their video and are not clamped",
    ),
    baselines=baselines,
)
