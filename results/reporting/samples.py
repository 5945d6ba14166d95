"""One answer as a page shows it, and which answers it shows: a page has room for ten thousand questions."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from vleval.grounding.frame import Frame
from vleval.results.record import SampleRecord
from vleval.results.words import Said, Words, said
from vleval.tasks.base import Metric, Status

MOST_QUESTIONS = 10_000
"""Questions on a page, over all its tasks."""
MOST_CHARACTERS = 2_000
"""Of an answer on a page."""
MOST_ITEMS = 50
"""Boxes, points or spans of one answer or truth on a page."""

_STATUS: Mapping[Status, int] = {"scored": 0, "unparsed": 1, "failed": 2}
_DIGITS = 4


class SampleView(NamedTuple):
    """One answer as a page shows it."""

    question: str
    truth: list[Any] | None
    """Kind of the places, places, labels, whether one is meant, words; None where the truth is kept back."""
    medium: str
    """Key of the image or video: the cluster."""
    frame: Frame | None
    answer: tuple[Any, ...]
    """Status, values of the task's metrics (None where one does not apply), kind of the places, places,
    labels, words, text, cut characters, ledger, reason, completion tokens."""


def sample_view(record: SampleRecord, metrics: Sequence[Metric]) -> SampleView:
    """The part of a record that a page shows."""
    read, text = said(record.parsed), record.text[:MOST_CHARACTERS]
    return SampleView(
        question=record.question,
        truth=_truth(said(record.target)) if record.target else None,
        medium=record.cluster,
        frame=record.frames[0] if record.frames else None,
        answer=(
            _STATUS[record.status],
            [_value(record.metrics.get(metric.name)) for metric in metrics],
            read.kind,
            _places(read),
            list(read.labels[:MOST_ITEMS]),
            # What is all of the answer stands below, as it was written.
            _words([words for words in read.words if words.texts != (record.text.strip(),)]),
            text,
            len(record.text) - len(text),
            [list(entry) for entry in record.parsed.get("ledger", ())],
            " ".join(filter(None, (record.failure, record.reason))),
            record.usage.completion_tokens,
        ),
    )


def _value(score: float | None) -> float | None:
    return None if score is None else round(score, _DIGITS)


def chooser(total: int, most: int = MOST_QUESTIONS) -> Callable[[str], bool]:
    """Whether the answers to a question are shown: of all `total` where they fit, else of an even draw.

    The draw goes by id, and so is the same for every run on the same questions.
    """
    if total <= most:
        return lambda id: True
    bound = most / total * 2**32
    return lambda id: zlib.crc32(id.encode("utf-8", "surrogatepass")) < bound


def _truth(true: Said) -> list[Any]:
    return [true.kind, _places(true), list(true.labels[:MOST_ITEMS]), true.one, _words(true.words)]


def _places(said: Said) -> list[list[float]]:
    return [[round(number, 2) for number in place] for place in said.places[:MOST_ITEMS]]


def _words(words: Sequence[Words]) -> list[list[Any]]:
    """Name, and texts with how many characters of each are cut."""
    return [
        [each.name, [[text[:MOST_CHARACTERS], max(0, len(text) - MOST_CHARACTERS)] for text in each.texts]]
        for each in words
    ]
