"""What a reader of model text hands back: the items, and a ledger of everything that was not in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

EntryKind = Literal[
    "fenced",
    "reasoning",
    "capped",
    "unclosed_think",
    "repaired",
    "truncated",
    "wrong_arity",
    "not_numbers",
    "non_finite",
    "out_of_range",
    "out_of_frame",
    "swapped",
    "duplicate",
    "extra_items",
    "unlabelled",
    "foreign_key",
    "ambiguous",
    "refusal",
    "nothing_found",
]
"""fenced: the answer stands in a code fence · reasoning: text in `<think>` was not read · capped: the text is
longer than `TEXT_LIMIT` and was cut · unclosed_think: the reasoning never ended · repaired: a list, object or
page that items were read from is not well formed as it stands · truncated: the text ends inside a list,
object or element; an unfinished item was left out · wrong_arity: a list of another length than an item has ·
not_numbers: an item's key without numbers · non_finite: NaN or infinity · out_of_range: beyond
`COORDINATE_LIMIT`, not kept · out_of_frame: outside the picture or the video (kept as written) · swapped:
corners or ends in the wrong order (kept as written) · duplicate: the same item again (kept) · extra_items: a
distinct item beyond those the question asked for (kept; one entry per item) · unlabelled: an item without a
label where labels were asked for (kept) · foreign_key: numbers of another thing · ambiguous: numbers without
a sound reading · refusal: the answer says that there is nothing · nothing_found: no item, no refusal."""

FORM: frozenset[EntryKind] = frozenset(("fenced", "reasoning"))
"""Entries that only say how an answer is dressed; all others are problems."""

TEXT_LIMIT = 64 * 1024
"""Characters of an answer that are read."""

COORDINATE_LIMIT = 1e6
"""Largest magnitude of a number that can be a coordinate or a time."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger."""

    kind: EntryKind
    detail: str
    offset: int
    """Characters from the start of the text."""


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Item]):
    """Items in reading order, exactly as written (no clipping, no sorting, no merging), and the ledger."""

    items: tuple[Item, ...]
    ledger: tuple[Entry, ...]
    """Everything that happened on the way, in the order of the text."""
    strict: bool = False
    """Whether a reader that repairs nothing gets exactly these items: the answer, out of its reasoning,
    answer tags and code fence, is in a documented form. The strict score of an answer is its score where this
    holds and 0 elsewhere."""

    @property
    def problems(self) -> tuple[Entry, ...]:
        """The ledger without what only says how the answer is dressed."""
        return tuple(entry for entry in self.ledger if entry.kind not in FORM)


@dataclass(frozen=True, slots=True)
class ParsedBox:
    """A box in the unit the model wrote it in; `frame.to_original` maps it."""

    values: tuple[float, float, float, float]
    """(x1, y1, x2, y2) as written: corners may be in the wrong order."""
    label: str | None
    offset: int
    score: float | None = None
    """What the answer itself says under `score`, where it does: files of detectors have one."""


@dataclass(frozen=True, slots=True)
class ParsedSpan:
    """A stretch of time in seconds."""

    values: tuple[float, float]
    """(start, end) as written: may be in the wrong order."""
    offset: int


@dataclass(frozen=True, slots=True)
class ParsedPoint:
    """A point in the unit the model wrote it in; `frame.to_original` maps it."""

    values: tuple[float, float]
    """(x, y)."""
    label: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class ParsedElement:
    """A block of a page in QwenVL HTML."""

    tag: str
    """`h1`, `p`, `table`, `div`, ..."""
    kind: str | None
    """Its class attribute: `chart`, `formula`, `image caption`, ..."""
    values: tuple[float, float, float, float]
    """(x1, y1, x2, y2) of `data-bbox` as written, in the model's unit."""
    text: str
    """Its own text without tags: what lies in it and in no element with a box inside it, so that the texts of
    all elements, one after the other, are the text of the page."""
    offset: int


def cap(text: str) -> tuple[str, list[Entry]]:
    """The part of an answer that is read, and the start of its ledger."""
    if len(text) <= TEXT_LIMIT:
        return text, []
    entry = Entry("capped", f"{len(text)} characters, of which {TEXT_LIMIT} are read", TEXT_LIMIT)
    return text[:TEXT_LIMIT], [entry]


def to_json(ledger: tuple[Entry, ...]) -> list[list[str | int]]:
    """The ledger as [kind, detail, offset] lists, for records."""
    return [[entry.kind, entry.detail, entry.offset] for entry in ledger]


def why_nothing(problems: tuple[Entry, ...]) -> str:
    """A few words on why an answer gave no item, from its problems."""
    kinds = dict.fromkeys(entry.kind.replace("_", " ") for entry in problems)
    telling = [kind for kind in kinds if kind != "nothing found"]
    return ", ".join(telling) or "nothing found"
