"""How a run's answers were read: strictly or not, with items to spare, in the declared unit or another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vleval.grounding.frame import Convention, Frame, Sizes
from vleval.grounding.lookalike import Lookalike, lookalikes
from vleval.results.record import SampleRecord

PLACES = ("boxes", "points")
KINDS = (*PLACES, "spans")


def strict_records(scored: Sequence[SampleRecord]) -> list[SampleRecord] | None:
    """Those that a reader who repairs nothing reads the same; None where no record tells."""
    if not any("strict" in record.parsed for record in scored):
        return None
    return [record for record in scored if record.parsed.get("strict")]


def extra_items(scored: Sequence[SampleRecord]) -> dict[str, int]:
    """Answers with more items than asked for, by kind of item: `{"boxes": 12}`."""
    return dict(Counter(_kind(record.parsed) for record in scored if record.parsed.get("extra")))


def convention_check(
    records: Sequence[SampleRecord], coordinates: Convention | None
) -> tuple[Lookalike, ...]:
    """Boxes and points as written against every convention but the declared one (`grounding.lookalike`).

    Empty where no answer has any, and without a convention (`coordinates` None).
    """
    if coordinates is None:
        return ()
    rows = [
        (item, _sizes(record, coordinates), record.cluster) for record in records for item in _items(record)
    ]
    if not rows:
        return ()
    items, sizes, clusters = zip(*rows, strict=True)
    if any(len(item) == 4 for item in items):
        # A point is a box without a size: a run of clicks may have both.
        items = tuple(item if len(item) == 4 else (*item, *item) for item in items)
    return lookalikes(items, sizes, clusters, coordinates)


def _items(record: SampleRecord) -> Iterator[Sequence[float]]:
    if _kind(record.parsed) in PLACES:
        yield from (item for item in record.parsed.get("as_written", ()) if len(item) in (2, 4))


def _sizes(record: SampleRecord, coordinates: Convention) -> Frame | Sizes | None:
    """What the model saw; without a frame, shares of a side need the original size alone."""
    if record.frames:
        return record.frames[0]
    if record.original_size is not None and coordinates != "absolute":
        return Sizes(record.original_size, record.original_size)
    return None


def _kind(parsed: Mapping[str, Any]) -> str:
    return next((kind for kind in KINDS if kind in parsed), "items")
