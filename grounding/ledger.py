"""What a reader of model text hands back: the items, and a ledger of everything that was not in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

ProblemKind = Literal[
    "capped",
    "unclosed_think",
    "truncated",
    "wrong_arity",
    "not_numbers",
    "non_finite",
    "out_of_range",
    "swapped",
    "duplicate",
    "extra_items",
    "foreign_key",
    "ambiguous",
    "refusal",
    "nothing_found",
]
"""capped: the text is longer than `TEXT_LIMIT` and was cut · unclosed_think: the reasoning never ended ·
truncated: an unfinished item at the end was left out · wrong_arity: a list of another length than an item has
· not_numbers: an item's key without numbers · non_finite: NaN or infinity · out_of_range: beyond
`COORDINATE_LIMIT` · swapped: corners or ends in the wrong order (kept as written) · duplicate: the same
numbers again (kept) · extra_items: more items than the question asked for (kept) · foreign_key: numbers of
another thing · ambiguous: numbers without a sound reading · refusal: the answer says that there is nothing ·
nothing_found: no item, no refusal."""

TEXT_LIMIT = 64 * 1024
"""Characters of an answer that are read."""

COORDINATE_LIMIT = 1e6
"""Largest magnitude of a number that can be a coordinate or a time."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of the ledger."""

    kind: ProblemKind
    detail: str
    offset: int
    """Characters from the start of the text."""


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Item]):
    """Items in reading order, exactly as written (no clipping, no sorting, no merging), and the ledger."""

    items: tuple[Item, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ParsedBox:
    """A box in the unit the model wrote it in; `frame.to_original` maps it."""

    values: tuple[float, float, float, float]
    """(x1, y1, x2, y2) as written: corners may be in the wrong order."""
    label: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class ParsedSpan:
    """A stretch of time in seconds."""

    values: tuple[float, float]
    """(start, end) as written: may be in the wrong order."""
    offset: int


def cap(text: str) -> tuple[str, list[Problem]]:
    """The part of an answer that is read, and the start of its ledger."""
    if len(text) <= TEXT_LIMIT:
        return text, []
    problem = Problem("capped", f"{len(text)} characters, of which {TEXT_LIMIT} are read", TEXT_LIMIT)
    return text[:TEXT_LIMIT], [problem]


def to_json(problems: tuple[Problem, ...]) -> list[list[str | int]]:
    """The ledger as [kind, detail, offset] lists, for records."""
    return [[problem.kind, problem.detail, problem.offset] for problem in problems]


def why_nothing(problems: tuple[Problem, ...]) -> str:
    """A few words on why an answer gave no item, from its ledger."""
    kinds = dict.fromkeys(problem.kind.replace("_", " ") for problem in problems)
    telling = [kind for kind in kinds if kind != "nothing found"]
    return ", ".join(telling) or "nothing found"
