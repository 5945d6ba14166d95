"""One answer as a page shows it, and which answers it shows: a page has room for ten thousand questions."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from vleval.grounding.frame import Frame
from vleval.results.record import SampleRecord
from vleval.tasks.base import Metric, Status

MOST_QUESTIONS = 10_000
"""Questions on a page, over all its tasks."""
MOST_CHARACTERS = 2_000
"""Of an answer on a page."""
MOST_ITEMS = 50
"""Boxes, points or spans of one answer on a page: all but the first are extra."""

_STATUS: Mapping[Status, int] = {"scored": 0, "unparsed": 1, "failed": 2}
_DIGITS = 4


class SampleView(NamedTuple):
    """One answer as a page shows it."""

    question: str
    truth: tuple[str, list[float]] | None
    """Kind (`box`, `span`) and numbers, in original pixels or seconds."""
    medium: str
    """Key of the image or video: the cluster."""
    frame: Frame | None
    answer: tuple[Any, ...]
    """Status, values of the task's metrics, kind of the items, items, text, cut characters, ledger, reason,
    completion tokens."""


def sample_view(record: SampleRecord, metrics: Sequence[Metric]) -> SampleView:
    """The part of a record that a page shows."""
    kind, items = _items(record.parsed)
    text = record.text[:MOST_CHARACTERS]
    return SampleView(
        question=record.question,
        truth=_truth(record.target),
        medium=record.cluster,
        frame=record.frames[0] if record.frames else None,
        answer=(
            _STATUS[record.status],
            [round(record.metrics[metric.name], _DIGITS) for metric in metrics],
            kind,
            [[round(number, 2) for number in item] for item in items[:MOST_ITEMS]],
            text,
            len(record.text) - len(text),
            [list(entry) for entry in record.parsed.get("ledger", ())],
            " ".join(filter(None, (record.failure, record.reason))),
            record.usage.completion_tokens,
        ),
    )


def chooser(total: int, most: int = MOST_QUESTIONS) -> Callable[[str], bool]:
    """Whether the answers to a question are shown: of all `total` where they fit, else of an even draw.

    The draw goes by id, and so is the same for every run on the same questions.
    """
    if total <= most:
        return lambda id: True
    bound = most / total * 2**32
    return lambda id: zlib.crc32(id.encode("utf-8", "surrogatepass")) < bound


def _items(parsed: Mapping[str, Any]) -> tuple[str, Sequence[Sequence[float]]]:
    for kind in ("boxes", "points", "spans"):
        if kind in parsed:
            return kind, [item for item in parsed[kind] if all(number is not None for number in item)]
    return "", ()


def _truth(target: Mapping[str, Any]) -> tuple[str, list[float]] | None:
    if "bbox_xyxy" in target:
        return "box", list(target["bbox_xyxy"])
    return ("span", list(target["span"])) if "span" in target else None
