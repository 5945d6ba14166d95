"""What benchmarks with one span per sentence share: reading, temporal overlap, trivial answers, odd truths.

The first span in reading order is scored, read forwards; further spans are counted. The truth is used as it
was annotated: a span that ends after its video is neither cut nor dropped, for the benchmarks' own programs
do neither, and one that ends before it starts overlaps nothing. Both are counted in words beside the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from vleval.grounding.frame import Convention
from vleval.grounding.ledger import to_json, why_nothing
from vleval.grounding.parse import parse_spans
from vleval.grounding.spans import sort_ends, temporal_iou
from vleval.model.io import Media, Message
from vleval.tasks.base import Answer, Metric, Reading, Sample
from vleval.tasks.data import rows
from vleval.tasks.prompts import MOMENT, caption

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

THRESHOLDS = {"r1@0.3": 0.3, "r1@0.5": 0.5, "r1@0.7": 0.7}

MIOU = Metric("miou", "mIoU", formula="mean temporal IoU of the first span; IoU = overlap / union")

METRICS = (
    MIOU,
    *(Metric(name, name.upper(), formula=f"share of IoU >= {least}") for name, least in THRESHOLDS.items()),
)

FRACTION_STEPS = 20
"""The best constant span is searched on a grid of this many steps from start to end."""

LATE = {"truth ends": "after the video"}
"""Tag of samples whose true span goes on after their video, as far as the data set states its length."""

ANSWER_COLUMNS = ("output_text",)
"""Where Time-R1's evaluation keeps what the model said."""

Judge = Callable[["ArrayLike", "ArrayLike"], Mapping[str, "NDArray[Any]"]]


def annotated(value: Any, column: str) -> list[float]:
    """The start and end of a true span, in whatever order they were annotated. Raises ValueError."""
    return rows.numbers(value, 2, column)


def make_sample(
    row: Mapping[str, Any],
    key: str,
    *,
    video: Media,
    sentence: str,
    span: list[float],
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Sample:
    """The sample of a row, with its `duration` where it has one; `name` is the video's, where that is another
    than the row has. Raises ValueError."""
    target: dict[str, Any] = {"span": span}
    found = dict(tags or {})
    if row.get("duration") is not None:
        target["duration"] = rows.numbers([row["duration"]], 1, "duration")[0]
        if span[1] > target["duration"]:
            found |= LATE
    name = name or row.get(rows.MEDIA_NAME) or (video.path.name if video.path else video.digest()[:16])
    return Sample(f"{name}#{key}", (video,), sentence, target, str(name), tags=found)


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


def odd_truths(samples: Sequence[Sample]) -> list[str]:
    """How many true spans end after their video, as far as durations are stated, or have no length."""
    truth = np.array([sample.target["span"] for sample in samples])
    duration = np.array([sample.target.get("duration", np.inf) for sample in samples])
    late, empty = truth[:, 1] > duration, truth[:, 1] <= truth[:, 0]
    said = []
    if late.any():
        best = temporal_iou(np.stack([truth[:, 0], np.minimum(truth[:, 1], duration)], axis=-1), truth)
        over = float((truth[:, 1] - duration)[late].max())
        said.append(
            f"{late.sum()} of {len(samples)} true spans end after their video (by {over:.2f} s at most) and "
            f"count as annotated: answers that end with the video reach {100 * best.mean():.2f} mIoU at most."
        )
    if empty.any():
        said.append(
            f"{empty.sum()} of {len(samples)} true spans do not end after they start: no answer overlaps "
            "them."
        )
    return said


def baselines_by(judged: Judge) -> Callable[[list[Sample]], dict[str, dict[str, float]]]:
    """A task's `baselines`, from its `judge`: the whole clip and the best constant span.

    The constant is in durations, and chosen with the truth. Only samples whose duration is known, from their
    row or from their file's header, take part; {} without any.
    """

    def constant(
        truth: NDArray[np.float64], length: NDArray[np.float64], start: float, end: float
    ) -> dict[str, float]:
        """Mean metrics of one span, in durations, as the answer to every question."""
        scores = judged(np.stack([start * length, end * length], axis=-1), truth)
        return {name: float(values.mean()) for name, values in scores.items()}

    def baselines(of: list[Sample]) -> dict[str, dict[str, float]]:
        spans = [(sample.target["span"], seconds) for sample in of if (seconds := _length(sample))]
        if not spans:
            return {}
        truth, length = np.array([span for span, _ in spans]), np.array([seconds for _, seconds in spans])
        grid = np.linspace(0.0, 1.0, FRACTION_STEPS + 1)
        constants = [
            constant(truth, length, start, end) for i, start in enumerate(grid) for end in grid[i + 1 :]
        ]
        return {
            "whole clip": constant(truth, length, 0.0, 1.0),
            "best constant span": max(constants, key=lambda means: means["miou"]),
        }

    return baselines


def _length(sample: Sample) -> float | None:
    stated: float | None = sample.target.get("duration")
    return stated if stated is not None else file_seconds(sample.media[0]) if sample.media else None


@cache
def file_seconds(video: Media) -> float | None:
    """Seconds a video file claims to last; None where it cannot be opened or does not say."""
    from io import BytesIO

    import av

    try:
        source = BytesIO(video.read()) if video.path is None else str(video.path)
        with av.open(source, mode="r") as container:
            length = container.duration
            return float(length / av.time_base) if length else None
    except (OSError, av.FFmpegError):
        return None
