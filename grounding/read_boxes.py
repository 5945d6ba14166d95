"""Reads boxes out of model text: never raises on any text, takes linear time, says what it could not read.

A box is four numbers in a flat list (`"bbox_2d": [x1, y1, x2, y2]`, `[[...], [...]]`, `[x1, y1, x2, y2]`
alone, the same in a string or in a fence or in prose), or two corner pairs (`<|box_start|>(x1,y1),(x2,y2)`).
Loose numbers in prose are never one. Reasoning inside `<think>` is not read. Numbers stay in the unit and
order they were written in: mapping is `frame.to_original`'s, and which box counts is the task's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from vleval.grounding.ledger import (
    COORDINATE_LIMIT,
    Parsed,
    ParsedBox,
    Problem,
    ProblemKind,
    cap,
)
from vleval.grounding.scan import Token, entries, list_in_string, number, tokens

BOX_KEYS = frozenset(
    ("bbox_2d", "bbox", "bboxes", "box_2d", "box", "boxes", "bounding_box", "bounding_boxes", "coordinates")
)
ANSWER_KEYS = frozenset(("answer", "final_answer"))
LABEL_KEYS = frozenset(("label", "text_content"))

_REFUSAL = re.compile(
    r"\bthere (?:is|are|was|were) no\b|\b(?:can(?:not|['’]t| not)|could not|couldn['’]t|unable to)\b"
    r"|\bnot (?:\w{1,20} )?(?:visible|present|shown|found)\b|\bnone\b|\bnull\b"
    r"|\bno (?:\w{1,20} ){0,2}(?:box|match|such)",
    re.IGNORECASE,
)
_EMPTY_LIST = re.compile(r"\[\s*+\]")
_CORNERS = (
    re.compile(r"top.?left|upper.?left|\(x1, ?y1\)", re.IGNORECASE),
    re.compile(r"bottom.?right|lower.?right|\(x2, ?y2\)", re.IGNORECASE),
)


def parse_boxes(text: str, *, expected: int | None = None) -> Parsed[ParsedBox]:
    """The boxes of an answer, in reading order.

    `expected` is how many boxes the question asked for: more are kept, and entered as `extra_items`.
    """
    text, problems = cap(text)
    reader = _BoxReader(text, problems)
    for token in tokens(text):
        reader.take(token)
    return reader.finish(expected)


def looks_like_refusal(text: str) -> bool:
    """Whether an answer without items says that there is nothing, rather than nothing readable."""
    return bool(_EMPTY_LIST.search(text) or _REFUSAL.search(text))


@dataclass(slots=True)
class _Draft:
    """A box whose label may still come."""

    values: tuple[float, float, float, float]
    offset: int
    label: str | None
    dropped: bool = False


@dataclass(slots=True)
class _Open:
    """A bracket or brace that has not been closed yet."""

    bracket: str
    offset: int
    drafts: list[_Draft] = field(default_factory=list)
    label: str | None = None


@dataclass(slots=True)
class _BoxReader:
    text: str
    problems: list[Problem]
    drafts: list[_Draft] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    objects: list[_Open] = field(default_factory=list)
    """The braces among the stack."""
    key: str | None = None
    reference: str | None = None
    """Label of the last object_ref tag: it names the boxes after it."""
    reference_start: int = 0

    def take(self, token: Token) -> None:
        match token.kind:
            case "key":
                self.key = token.text
            case "string":
                self._string(token)
            case "scalar":
                self.key = None
            case "list":
                self._list(token.text, token.start)
            case "pairs":
                self._pairs(token)
            case "open":
                self._open(token)
            case "close":
                self._close("[" if token.text == "]" else "{")
            case "fence":
                self._close_all()
            case "tag":
                self._tag(token)
            case "think":
                if token.start == 0:  # all before was reasoning
                    self.drafts.clear()
                self._close_all()
            case "unclosed_think":
                self._note("unclosed_think", "the reasoning has no end", token.start)

    def finish(self, expected: int | None) -> Parsed[ParsedBox]:
        self._drop_unfinished()
        items = tuple(
            ParsedBox(draft.values, draft.label, draft.offset) for draft in self.drafts if not draft.dropped
        )
        self._judge(items)
        if expected is not None and len(items) > expected:
            self._note("extra_items", f"{len(items)} boxes, {expected} asked for", items[expected].offset)
        if not items:
            kind: ProblemKind = "refusal" if looks_like_refusal(self.text) else "nothing_found"
            self._note(kind, "no box", 0)
        return Parsed(items, tuple(sorted(self.problems, key=lambda problem: problem.offset)))

    def _note(self, kind: ProblemKind, detail: str, offset: int) -> None:
        self.problems.append(Problem(kind, detail, offset))

    def _string(self, token: Token) -> None:
        if self.key in LABEL_KEYS and self.objects:
            owner = self.objects[-1]
            owner.label = token.text if owner.label is None else owner.label
        elif self.key in BOX_KEYS | ANSWER_KEYS and (content := list_in_string(token.text)):
            self._list(content, token.start)
        self.key = None

    def _list(self, content: str, offset: int) -> None:
        values = [number(entry) for entry in entries(content)]
        foreign = self.key is not None and self.key not in BOX_KEYS | ANSWER_KEYS
        if foreign:
            self._note("foreign_key", f"{len(values)} numbers under {self.key!r}", offset)
        if len(values) != 4:
            if not foreign:
                self._note("wrong_arity", f"{len(values)} numbers instead of 4", offset)
        elif self.key is None and self._names_one_corner(offset):
            self._note("ambiguous", "four numbers called one corner", offset)
        else:
            # `{"the red car": [x1, y1, x2, y2]}`: the key is the label.
            self._box(values, offset, self.key if foreign else self.reference)

    def _pairs(self, token: Token) -> None:
        parts = token.text.replace("(", " ").replace(")", " ").split(",")
        values = [number(part.strip()) for part in parts]
        if len(values) == 4:
            self._box(values, token.start, self.reference)
        elif len(values) > 4:
            self._note("wrong_arity", f"{len(values) // 2} corners instead of 2", token.start)

    def _box(self, values: list[float | None], offset: int, label: str | None) -> None:
        if any(value is None for value in values):
            self._note("not_numbers", "not four numbers", offset)
            return
        x1, y1, x2, y2 = (value for value in values if value is not None)
        magnitude = max(abs(x1), abs(y1), abs(x2), abs(y2))
        if not all(abs(value) < float("inf") for value in (x1, y1, x2, y2)):
            self._note("non_finite", "NaN, infinity or a runaway number", offset)
        elif magnitude > COORDINATE_LIMIT:
            self._note("out_of_range", f"a coordinate of {magnitude:.3g}", offset)
        else:
            draft = _Draft((x1, y1, x2, y2), offset, label)
            self.drafts.append(draft)
            if self.objects:
                self.objects[-1].drafts.append(draft)

    def _names_one_corner(self, offset: int) -> bool:
        lead = self.text[max(offset - 96, 0) : offset].rpartition("\n")[2]
        return bool(_CORNERS[0].search(lead)) != bool(_CORNERS[1].search(lead))

    def _open(self, token: Token) -> None:
        entry = _Open(token.text[0], token.start)
        self.stack.append(entry)
        if entry.bracket == "{":
            self.objects.append(entry)
            self.key = None
        elif len(token.text) > 1 and self.key in BOX_KEYS:
            self._note("not_numbers", f"{self.key} without four numbers", token.start)

    def _close(self, bracket: str) -> None:
        """Close the innermost open `bracket`, if any, and whatever was forgotten inside it."""
        if bracket == "{":
            self.key = None
        braces, brackets = len(self.objects), len(self.stack) - len(self.objects)
        there = braces if bracket == "{" else brackets
        while there and self._pop() != bracket:
            pass

    def _close_all(self) -> None:
        while self.stack:
            self._pop()
        self.key = None

    def _pop(self) -> str:
        entry = self.stack.pop()
        if entry.bracket == "{":
            self.objects.pop()
            for draft in entry.drafts:
                draft.label = entry.label if entry.label is not None else draft.label
        return entry.bracket

    def _tag(self, token: Token) -> None:
        name = token.text.strip("<|>")
        if name == "/answer":
            self._close_all()
        elif name in ("object_ref_start", "ref"):
            self.reference_start = token.end
        elif name in ("object_ref_end", "/ref"):
            self.reference = self.text[self.reference_start : token.start].strip() or None

    def _drop_unfinished(self) -> None:
        """What is still open at the end of the text was cut off: its boxes are not whole items."""
        if not self.stack:
            return
        self._note("truncated", "the text ends inside a list or object", self.stack[-1].offset)
        for entry in self.stack:
            for draft in entry.drafts:
                draft.dropped = True

    def _judge(self, items: tuple[ParsedBox, ...]) -> None:
        seen: set[tuple[float, float, float, float]] = set()
        for item in items:
            x1, y1, x2, y2 = item.values
            if x2 < x1 or y2 < y1:
                self._note("swapped", "corners in the wrong order", item.offset)
            if item.values in seen:
                self._note("duplicate", "the same four numbers again", item.offset)
            seen.add(item.values)
