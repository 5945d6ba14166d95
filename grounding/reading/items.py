"""The state that the readers of boxes, points and spans share while they go through the tokens of an answer.

An item is so many numbers in a flat list, alone or behind a key (`"bbox_2d": [x1, y1, x2, y2]`, `[[...],
[...]]`), the same in a string, or two keys of one object (`{"x": ..., "y": ...}`). Each reader says how many
numbers, which keys, and what else it knows; brackets, labels, reasoning, fences and unfinished ends are the
same for all and live here. Numbers stay in the unit and order they were written in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from vleval.grounding.ledger import COORDINATE_LIMIT, cap
from vleval.grounding.reading.judge import Ledger, judge
from vleval.grounding.reading.scan import Token, entries, list_in_string, number, tokens
from vleval.grounding.reading.strict import Document, Dress, document, is_json, keyed_items

BOX_KEYS = frozenset(
    ("bbox_2d", "bbox", "bboxes", "box_2d", "box", "boxes", "bounding_box", "bounding_boxes", "coordinates")
)
POINT_KEYS = frozenset(
    ("point_2d", "point", "points", "coordinate", "coordinate2", "coordinates", "click", "click_point")
)
ANSWER_KEYS = frozenset(("answer", "final_answer"))
LABEL_KEYS = ("label", "text_content")
SCORE_KEY = "score"

INFINITY = float("inf")


@dataclass(slots=True)
class Draft:
    """An item whose label may still come."""

    values: tuple[float, ...]
    offset: int
    label: str | None
    score: float | None = None
    dropped: bool = False


@dataclass(slots=True)
class Opened:
    """A bracket that has not been closed yet."""

    bracket: str
    offset: int


@dataclass(slots=True)
class Object(Opened):
    """A brace that has not been closed yet, and what was read inside it."""

    key: str | None = None
    """The key it is the value of."""
    drafts: list[Draft] = field(default_factory=list)
    label: str | None = None
    score: float | None = None
    parts: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Numbers under the keys of `Reader.part_keys`, with their offsets."""


class Reader:
    """Goes through the tokens of one answer and drafts its items."""

    noun: ClassVar[str]
    arity: ClassVar[int]
    """Numbers of an item."""
    first_end: ClassVar[int]
    """How many of them make the first of two ends: 2 of a box, 1 of a span, 0 of a point."""
    keys: ClassVar[frozenset[str]]
    """Keys of which an item is the value."""
    part_keys: ClassVar[Mapping[str, str]] = {}
    """Keys of an item's single numbers, and what each is."""
    named_by_key: ClassVar[bool] = True
    """Whether `{"the red car": [...]}` is an item with the key as its label."""

    def __init__(self, text: str) -> None:
        self.text, capped = cap(text)
        self.ledger = Ledger(self.text, capped)
        self.drafts: list[Draft] = []
        self.key: str | None = None
        self.reference: str | None = None  # text of the last object_ref tag: it names the items after it
        self.in_box = False  # whether the last special tag opened a box
        self._reference_start = 0
        self.objects: list[Object] = []  # the open braces
        self._stack: list[Opened] = []  # these and the open brackets
        self._bare = Object("{", 0)  # stands for the object where a model left the braces out
        self.fences: list[tuple[int, int]] = []  # the marks outside strings and reasoning
        self.document: Document | None = None  # the whole answer, where it is JSON
        self._structures: list[tuple[int, int]] = []  # outermost lists and objects that gave items
        self._outermost = (0, 0)  # offset of the outermost open bracket, drafts before it
        for token in tokens(self.text):
            self.take(token)

    def take(self, token: Token) -> None:
        """Go on by one token."""
        match token.kind:
            case "key":
                self.key = token.text
            case "string" | "scalar":
                key, self.key = self.key, None
                if key is not None:
                    self.value(key, token)
            case "list":
                self._list(token)
            case "pairs":
                self.pairs(token)
            case "open":
                self._open(token)
            case "close":
                self._close(token)
            case "tag":
                self.tag(token.text.strip("<|> "), token)
            case "points":
                self.xml(token)
            case "fence":
                self._close_all(token.start)
                self.fences.append((token.start, token.end))
            case "think":
                self._think(token)
            case "unclosed_think":
                self.ledger.think_on(token.start, token.end)

    def value(self, key: str, token: Token) -> None:
        """Take the string or number behind a key."""
        owner = self.objects[-1] if self.objects else self._bare
        if key in self.part_keys:
            self._part(owner, self.part_keys[key], token)
        elif key == SCORE_KEY:
            score = number(token.text)
            owner.score = score if score is not None and -INFINITY < score < INFINITY else owner.score
        elif token.kind != "string":
            return
        elif key in LABEL_KEYS and self.objects:
            owner.label = token.text if owner.label is None else owner.label
        elif key in self.keys or key in ANSWER_KEYS:
            content = list_in_string(token.text)
            if content is not None:
                self.numbers(content, token.start, key)

    def numbers(self, content: str, offset: int, key: str | None) -> None:
        """Take the content of a flat list, `key` being the key it stands behind."""
        values = [self.number(entry) for entry in entries(content)]
        foreign = key is not None and key not in self.keys and key not in ANSWER_KEYS
        known = key in BOX_KEYS or key in POINT_KEYS
        if foreign and not (known and len(values) != self.arity):
            self.ledger.note("foreign_key", f"{len(values)} numbers under {key!r}", offset)
            if len(values) != self.arity or not self.named_by_key:
                return
        if len(values) != self.arity:
            self.ledger.note("wrong_arity", f"{len(values)} numbers instead of {self.arity}", offset)
        elif not (key is None and self.misleading(offset)):
            self.add(values, offset, key if foreign and not known else self.reference)

    def number(self, text: str) -> float | None:
        """The number that a member of a list spells, None where it is none."""
        return number(text)

    def misleading(self, offset: int) -> bool:
        """Whether the words before a list say that its numbers are something else; enters it if so."""
        return False

    def pairs(self, token: Token) -> None:
        """Take `(a, b), (c, d)`."""

    def xml(self, token: Token) -> None:
        """Take a `<point ...>` or `<points ...>` tag."""

    def parts(self, owner: Object) -> None:
        """Take the single numbers of an object that has ended."""

    def tag(self, name: str, token: Token) -> None:
        """Take a special tag."""
        self.in_box = name == "box_start"
        if name == "/answer":
            self._close_all(token.start)
        elif name in ("object_ref_start", "ref"):
            self._reference_start = token.end
        elif name in ("object_ref_end", "/ref"):
            self.reference = self.text[self._reference_start : token.start].strip() or None

    def add(self, values: list[float | None], offset: int, label: str | None) -> Draft | None:
        """Draft an item, unless its values are no numbers that can be one."""
        numbers = tuple(value for value in values if value is not None)
        if len(numbers) != len(values):
            self.ledger.note("not_numbers", f"no {self.noun}: not {self.arity} numbers", offset)
            return None
        magnitude = max(map(abs, numbers))
        if not all(-INFINITY < value < INFINITY for value in numbers):
            self.ledger.note("non_finite", "NaN, infinity or a runaway number", offset)
        elif magnitude > COORDINATE_LIMIT:
            self.ledger.note("out_of_range", f"a value of {magnitude:.3g}", offset)
        else:
            draft = Draft(numbers, offset, label)
            self.drafts.append(draft)
            if self.objects:
                self.objects[-1].drafts.append(draft)
            return draft
        return None

    def judge(
        self, *, expected: int | None, limits: tuple[float, ...] | None, labelled: bool = False
    ) -> list[Draft]:
        """The items in reading order; the ledger is complete after it."""
        self.end()
        self._note_form()
        drafts = sorted((draft for draft in self.drafts if not draft.dropped), key=lambda draft: draft.offset)
        judge(
            self.ledger,
            drafts,
            noun=self.noun,
            first_end=self.first_end,
            expected=expected,
            limits=limits,
            # Where labels were asked for, one place under two labels is two answers.
            identity=lambda draft: (draft.values, draft.label if labelled else None),
        )
        for draft in drafts if labelled else ():
            if not (draft.label or "").strip():
                self.ledger.note("unlabelled", f"a {self.noun} without a label", draft.offset)
        if not drafts:
            self.ledger.nothing(self.noun)
        return drafts

    def end(self) -> None:
        """What is still open at the end of the text was cut off: its items are not whole."""
        self.parts(self._bare)
        if not self._stack:
            return
        last = self._stack[-1].offset
        self.ledger.note("truncated", "the text ends inside a list or object", last)
        for opened in self.objects:
            for draft in opened.drafts:
                draft.dropped = True
        self._structure_ends(len(self.text))
        self._stack.clear()
        self.objects.clear()

    def strict(self, drafts: list[Draft], key: str) -> bool:
        """Whether the document, read as objects with `key`, gives exactly these items."""
        if self.document is None or not self.ledger.in_order:
            return False
        found = keyed_items(self.document.value, key, LABEL_KEYS)
        return found == [(draft.values, draft.label) for draft in drafts]

    def _note_form(self) -> None:
        if self.fences:
            self.ledger.note("fenced", "the answer stands in a code fence", self.fences[0][0])
        self.document = found = document(self.text, Dress(self.fences, self.ledger.thoughts))
        for start, end in self._structures:
            inside = found is not None and found.start <= start and end <= found.end
            if not inside and not is_json(self.text[start:end]):
                self.ledger.note("repaired", "not valid JSON as it stands", start)

    def _list(self, token: Token) -> None:
        before = len(self.drafts)
        self.numbers(token.text, token.start, self.key)
        if not self._stack and len(self.drafts) > before:
            self._structures.append((token.start, token.end))

    def _part(self, owner: Object, name: str, token: Token) -> None:
        value = self.number(token.text)
        if value is None:
            self.ledger.note("not_numbers", f"{name!r} without a number", token.start)
            return
        if name in owner.parts:  # the next item already
            self.parts(owner)
            owner.parts.clear()
        owner.parts[name] = (value, token.start)

    def _open(self, token: Token) -> None:
        if not self._stack:
            self._outermost = (token.start, len(self.drafts))
        if token.text == "{":
            opened = Object("{", token.start, self.key)
            self._stack.append(opened)
            self.objects.append(opened)
            self.key = None
            return
        self._stack.append(Opened("[", token.start))
        if len(token.text) > 1 and self.key in self.keys:
            self.ledger.note("not_numbers", f"{self.key} without {self.arity} numbers", token.start)

    def _close(self, token: Token) -> None:
        """Close the innermost open bracket of this kind, if any, and whatever was forgotten inside it."""
        bracket = "[" if token.text == "]" else "{"
        if bracket == "{":
            self.key = None
        there = len(self.objects) if bracket == "{" else len(self._stack) - len(self.objects)
        while there and self._pop() != bracket:
            pass
        if there and not self._stack:
            self._structure_ends(token.end)

    def _close_all(self, offset: int) -> None:
        """Nothing stays open past a fence or the end of the answer."""
        if self._stack:
            while self._stack:
                self._pop()
            self._structure_ends(offset)
        self.parts(self._bare)
        self._bare = Object("{", 0)
        self.key = None

    def _pop(self) -> str:
        bracket = self._stack.pop().bracket
        if bracket == "{":
            opened = self.objects[-1]
            self.parts(opened)
            self.objects.pop()
            for draft in opened.drafts:
                draft.label = opened.label if opened.label is not None else draft.label
                draft.score = opened.score
        return bracket

    def _structure_ends(self, end: int) -> None:
        start, before = self._outermost
        if any(not draft.dropped for draft in self.drafts[before:]):
            self._structures.append((start, end))

    def _think(self, token: Token) -> None:
        if token.start > 0:
            self._close_all(token.start)
        else:  # all before was reasoning
            for found in (self.drafts, self._structures, self.fences, self._stack, self.objects):
                found.clear()
            self._bare, self.key = Object("{", 0), None
        self.ledger.think(token.start, token.end)
