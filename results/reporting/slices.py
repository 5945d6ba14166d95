"""Scores by what makes a question hard: the size of the object as the model saw it, the length of the event.

Sizes are areas of the true box in INPUT pixels, in COCO's classes: an object of one size in the original
picture is larger to the model at a higher resolution. So a class holds other questions at every setting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vleval.grounding.frame import to_input
from vleval.results.record import SampleRecord
from vleval.results.statistics.aggregate import estimates, scores
from vleval.results.statistics.stats import Estimate
from vleval.tasks.base import Metric

SIZE, LENGTH = "object size", "event length"

SIZES = (("small (under 32²)", 32.0**2), ("medium (under 96²)", 96.0**2), ("large", float("inf")))
"""COCO's classes of area (Lin et al. 2014), here in input pixels."""
LENGTHS = (
    ("under 2 s", 2.0),
    ("2 to 5 s", 5.0),
    ("5 to 10 s", 10.0),
    ("10 to 30 s", 30.0),
    ("30 s and more", float("inf")),
)
MOST_VALUES = 12
"""A tag with more values than that is a name, not a kind."""

NOTES = {
    SIZE: "area of the true box in the pixels that the model saw (width x height of its input): the same "
    "object is larger at a higher resolution, so a row holds other questions at every setting",
    LENGTH: "seconds from start to end of the true event",
}


class Slice(NamedTuple):
    """The questions of one class, in one run."""

    family: str
    """What the class is of: `object size`, `event length`, or a tag of the data set."""
    name: str
    estimate: Estimate


def slices(records: Sequence[SampleRecord], metrics: Sequence[Metric]) -> list[Slice]:
    """The first of a task's metrics over every class that it has a value in; families in order, classes from
    small to large.

    The value is what a run of these questions alone would have: the figure of a `figure`, without interval.
    """
    groups: dict[tuple[str, str], list[SampleRecord]] = {}
    for record in records:
        for key in _classes(record):
            groups.setdefault(key, []).append(record)
    found = [(key, _estimate(groups[key], metrics)) for key in _ordered(list(groups))]
    return [Slice(*key, estimate) for key, estimate in found if estimate.n]


def _estimate(records: Sequence[SampleRecord], metrics: Sequence[Metric]) -> Estimate:
    head = metrics[0]
    if head.figure is None:
        return estimates(records, [head], metrics)[head.name]
    # A bootstrap of every class would take as long as the rest of the report many times over.
    n = sum(record.evidence is not None for record in records)
    clusters = len({record.cluster for record in records if record.evidence is not None})
    value = scores(records, [head], metrics).get(head.name)
    return Estimate(value, None, None, n, clusters, "no interval of a class is computed")


def size_class(record: SampleRecord) -> str | None:
    """The class of the true box in input pixels; None without a box, or where no input was seen."""
    box = record.target.get("bbox_xyxy")
    if box is None or not record.frames:
        return None
    x1, y1, x2, y2 = to_input([box], record.frames[0])[0].tolist()
    return _class(abs(x2 - x1) * abs(y2 - y1), SIZES)


def length_class(record: SampleRecord) -> str | None:
    """The class of the true span; None without one."""
    span = record.target.get("span")
    return None if span is None else _class(abs(span[1] - span[0]), LENGTHS)


def _classes(record: SampleRecord) -> Iterator[tuple[str, str]]:
    if (size := size_class(record)) is not None:
        yield SIZE, size
    if (length := length_class(record)) is not None:
        yield LENGTH, length
    yield from record.tags.items()


def _class(value: float, classes: Sequence[tuple[str, float]]) -> str:
    return next(name for name, below in classes if value < below)


def _ordered(keys: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Our own families first, in the order of their classes; tags by name."""
    ranks = {
        (family, name): rank
        for family, classes in ((SIZE, SIZES), (LENGTH, LENGTHS))
        for rank, (name, _) in enumerate(classes)
    }
    values: dict[str, int] = {}
    for family, _ in keys:
        values[family] = values.get(family, 0) + 1
    kept = [key for key in keys if key in ranks or values[key[0]] <= MOST_VALUES]
    return sorted(kept, key=lambda key: (key not in ranks, key[0] == LENGTH, key[0], ranks.get(key, 0), key))
