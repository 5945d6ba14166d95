"""What all readers note about items once they are read: order, repeats, frame, labels, and finding nothing.

Nothing is dropped, merged, sorted or clipped here. The policies (`docs/reading-answers.md`): an exact
repetition is a `duplicate` and never an extra item; of several items for one question all are kept, the first
counts and each further distinct one is an `extra_items`; an item without a label is kept, and said to have
none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from vleval.grounding.ledger import FORM, Entry, EntryKind, Item, Parsed

_REFUSAL = re.compile(
    r"\bthere (?:is|are|was|were) no\b|\b(?:can(?:not|['’]t| not)|could not|couldn['’]t|unable to)\b"
    r"|\bnot (?:\w{1,20} )?(?:visible|present|shown|found)\b|\bnone\b|\bnull\b"
    r"|\bno (?:\w{1,20} ){0,2}(?:box|match|such)",
    re.IGNORECASE,
)
_HARMLESS = FORM | {"duplicate", "extra_items", "out_of_frame", "unlabelled", "refusal"}
_EMPTY_LIST = re.compile(r"\[\s*+\]")


@dataclass(slots=True)
class Ledger:
    """Collects entries for one answer, in any order."""

    text: str
    entries: list[Entry]
    thoughts: list[tuple[int, int]] = field(default_factory=list)
    """(start, end) of the reasoning, which says nothing about the answer."""

    def note(self, kind: EntryKind, detail: str, offset: int) -> None:
        """Add one entry."""
        self.entries.append(Entry(kind, detail, offset))

    def think(self, start: int, end: int) -> None:
        """Enter a finished stretch of reasoning; one from 0 forgets what was read of it as an answer."""
        if start == 0:
            self.entries = [entry for entry in self.entries if entry.offset >= end]
            self.thoughts.clear()
        self.thoughts.append((start, end))
        self.note("reasoning", f"{end - start} characters of reasoning, not read", start)

    def think_on(self, start: int, end: int) -> None:
        """Enter reasoning without an end."""
        self.thoughts.append((start, end))
        self.note("unclosed_think", "the reasoning has no end", start)

    def nothing(self, noun: str) -> None:
        """Enter that no item was found, and whether the answer says so itself."""
        position, visible = 0, []
        for start, end in self.thoughts:
            visible.append(self.text[position:start])
            position = end
        visible.append(self.text[position:])
        answer = "\n".join(visible)
        refuses = _EMPTY_LIST.search(answer) or _REFUSAL.search(answer)
        self.note("refusal" if refuses else "nothing_found", f"no {noun}", 0)

    @property
    def in_order(self) -> bool:
        """Whether nothing was entered that a strict reader would stumble over."""
        return all(entry.kind in _HARMLESS for entry in self.entries)

    def close(self, items: tuple[Item, ...], strict: bool) -> Parsed[Item]:
        """The answer, with the ledger in the order of the text."""
        return Parsed(items, tuple(sorted(self.entries, key=lambda entry: entry.offset)), strict)


class HasValues(Protocol):
    """What is judged of an item."""

    @property
    def values(self) -> tuple[float, ...]:
        """Its numbers."""

    @property
    def offset(self) -> int:
        """Where it stands in the text."""


Judged = TypeVar("Judged", bound=HasValues)


def judge(
    ledger: Ledger,
    items: Iterable[Judged],
    *,
    noun: str,
    first_end: int,
    identity: Callable[[Judged], Hashable],
    expected: int | None = None,
    limits: tuple[float, ...] | None = None,
) -> None:
    """Enter what is to be said about the items.

    `first_end` is how many values make the first of an item's two ends (2 of a box, 1 of a span, 0 of a
    point); items of equal `identity` are one item said twice; `limits` are the largest allowed values, and 0
    is the smallest.
    """
    seen: set[Hashable] = set()
    for item in items:
        values = item.values
        if any(values[i + first_end] < values[i] for i in range(first_end)):
            ledger.note("swapped", f"the ends of the {noun} are in the wrong order", item.offset)
        if limits is not None and any(
            not 0 <= value <= limit for value, limit in zip(values, limits, strict=True)
        ):
            size = " x ".join(f"{limit:g}" for limit in limits[: first_end or None])
            ledger.note("out_of_frame", f"the {noun} leaves the frame of {size}", item.offset)
        name = identity(item)
        if name in seen:
            ledger.note("duplicate", f"the same {noun} again", item.offset)
        elif expected is not None and len(seen) >= expected:
            ledger.note("extra_items", f"{noun} {len(seen) + 1}, {expected} asked for", item.offset)
        seen.add(name)
