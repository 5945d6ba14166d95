"""Reads QwenVL HTML, the answer to a document: every element that has a `data-bbox`, with its box and text.

The form is that of the Qwen2.5-VL technical report, section 2.2.1: `<p data-bbox="x1 y1 x2 y2">...</p>`,
tables, and `<div class="chart" data-bbox="..."><img data-bbox="..."/>...</div>` for what is no running text.
The report itself closes `</html></body>` in the wrong order and answers end at the token limit, so this is a
scanner of our own: a tag is what stands between `<` and `>`, an end tag without a beginning means nothing,
and what is open at the end of the text counts. It never raises and takes linear time. The standard library's
parser treats malformed pages differently from one version to the next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from vleval.grounding.ledger import COORDINATE_LIMIT, Parsed, ParsedElement, cap
from vleval.grounding.reading.judge import Ledger, judge
from vleval.grounding.reading.scan import number, reasoning, without_entities
from vleval.grounding.reading.strict import Dress, body_of

_MARKUP = re.compile(
    r"""
      <!--
    | <(?P<end>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9]{0,31})(?![a-zA-Z0-9])
      (?P<attributes>(?:[^<>"']++|"[^"<]*+"|'[^'<]*+'|["'])*+)(?:>|\Z)
    """,
    re.VERBOSE,
)
_BOX = re.compile(
    r"""(?<=[\s"'])data-bbox\s{0,4}=\s{0,4}(?:"(?P<double>[^"]*+)"|'(?P<single>[^']*+)'"""
    r"""|["']?(?P<bare>[-+0-9.,\s]*+)(?P<more>.)?)""",
    re.DOTALL,
)
_CLASS = re.compile(r"""(?<=[\s"'])class\s{0,4}=\s{0,4}(?:"([^"]*+)"|'([^']*+)'|([^\s"'>/]++))""")
_FENCE = re.compile(r"```")
_COMMENT_END = re.compile("-->")
_HIDDEN_END = {tag: re.compile(f"(?=</{tag})", re.IGNORECASE) for tag in ("style", "script")}
"""Elements whose content is no text."""
_SPACE = re.compile(r"\s+")

VOID_TAGS = frozenset(("img", "br", "hr", "input", "meta", "link", "col"))
_INLINE = frozenset(("a", "b", "i", "u", "s", "em", "strong", "span", "sub", "sup", "font", "code", "small"))
_NOT_INSIDE_ITSELF = frozenset(("p", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6"))
_PAGE = frozenset(("html", "body"))


def parse_html(text: str, *, extent: tuple[float, float] | None = None) -> Parsed[ParsedElement]:
    """The elements with a box of a page in QwenVL HTML, in reading order, in the unit they are written in.

    `extent` is that of `parse_boxes`. An element whose `data-bbox` is whole counts, even when the text ends
    inside it. Its text is its own: what lies in it and in no element with a box inside it; entities are
    replaced, white space is one blank or one line break, and tags other than inline ones break the line. Text
    outside all boxes is in no element. Never raises.

    >>> page = '<body><h1 data-bbox="10 20 90 40">Sums</h1><p data-bbox="10 50 90 80">1 &lt; 2 and <b>so'
    >>> [(element.tag, element.values, element.text) for element in parse_html(page).items]
    [('h1', (10.0, 20.0, 90.0, 40.0), 'Sums'), ('p', (10.0, 50.0, 90.0, 80.0), '1 < 2 and so')]
    >>> [entry.kind for entry in parse_html(page).ledger]
    ['truncated']
    """
    reader = _PageReader(text)
    reader.read()
    return reader.answer(extent)


@dataclass(slots=True)
class _Element:
    """An element with a box whose text is being collected."""

    tag: str
    kind: str | None
    values: tuple[float, float, float, float]
    offset: int
    pieces: list[str] = field(default_factory=list)


class _PageReader:
    def __init__(self, text: str) -> None:
        self.text, capped = cap(text)
        self.ledger = Ledger(self.text, capped)
        self.found: list[_Element] = []
        self.open: list[tuple[str, int]] = []  # tags and their offsets
        self.boxed: list[tuple[int, _Element]] = []  # elements with a box among them, and their depth
        self.depths: dict[str, list[int]] = {}  # of the open elements of a tag
        self.fences: list[tuple[int, int]] = []
        self.last_thought = self.text.rfind("</think>")
        self.last_mark = len(self.text.rstrip())
        self.is_page = False
        self.cut_tag: int | None = None  # offset of a tag that the text ends in

    def read(self) -> None:
        """Go through tags and the text between them."""
        position = 0
        while match := _MARKUP.search(self.text, position):
            self._words(position, match.start())
            position = self._markup(match)
        self._words(position, len(self.text))
        self._end()

    def answer(self, extent: tuple[float, float] | None) -> Parsed[ParsedElement]:
        """What was read, judged."""
        items = tuple(
            ParsedElement(each.tag, each.kind, each.values, _joined(each.pieces), each.offset)
            for each in self.found
        )
        judge(
            self.ledger,
            items,
            noun="element",
            first_end=2,
            identity=lambda item: (item.tag, item.values),
            limits=extent and (*extent, *extent),
        )
        if self.fences:
            self.ledger.note("fenced", "the answer stands in a code fence", self.fences[0][0])
        if not items and self.is_page and self.ledger.in_order:
            self.ledger.note("refusal", "an empty page", 0)
        elif not items:
            self.ledger.nothing("element with a data-bbox")
        body = body_of(self.text, Dress(self.fences, self.ledger.thoughts))
        page = self.text[slice(*body)].strip() if body else ""
        whole = page.startswith("<") and page.endswith(">")
        return self.ledger.close(items, whole and self.ledger.in_order)

    def _markup(self, match: re.Match[str]) -> int:
        """Take a comment or tag; where to go on."""
        tag = (match["tag"] or "").lower()
        if not tag:
            return self._after(_COMMENT_END, match.end())
        if tag == "think":
            return self._think(match)
        if match.end() == len(self.text) and not match[0].endswith(">"):
            self.cut_tag = match.start()
        if tag not in _INLINE and self.boxed:
            self.boxed[-1][1].pieces.append("\n")
        if match["end"]:
            self._close(tag)
        else:
            self._open(tag, match)
            if tag in _HIDDEN_END:
                return self._after(_HIDDEN_END[tag], match.end())
        return match.end()

    def _after(self, mark: re.Pattern[str], start: int) -> int:
        end = mark.search(self.text, start)
        if end is None:
            self.cut_tag = start
        return end.end() if end else len(self.text)

    def _think(self, match: re.Match[str]) -> int:
        token = reasoning(self.text, match.start(), match.end(), self.last_thought)
        if token.kind == "unclosed_think":
            self.ledger.think_on(token.start, token.end)
            return token.end
        if token.start == 0:
            for seen in (self.found, self.open, self.boxed, self.fences):
                seen.clear()
            self.depths.clear()
        self.ledger.think(token.start, token.end)
        return token.end

    def _words(self, start: int, end: int) -> None:
        """Text between two tags."""
        for mark in _FENCE.finditer(self.text, start, end):
            # Inside an element it is text, unless it ends the answer.
            if not self.boxed or mark.end() == self.last_mark:
                self.fences.append(mark.span())
                end = min(end, mark.start())
        if self.boxed:
            self.boxed[-1][1].pieces.append(self.text[start:end])

    def _open(self, tag: str, match: re.Match[str]) -> None:
        if tag in _NOT_INSIDE_ITSELF and self.open and self.open[-1][0] == tag:
            self._close(tag)
        self.is_page |= tag in _PAGE
        element = self._element(tag, match)
        if element:
            self.found.append(element)
        if tag in VOID_TAGS or match["attributes"].endswith("/"):
            return
        depth = len(self.open)
        self.open.append((tag, match.start()))
        self.depths.setdefault(tag, []).append(depth)
        if element:
            self.boxed.append((depth, element))

    def _close(self, tag: str) -> None:
        """Close the innermost open element of this tag, if any, and whatever was forgotten inside it."""
        if not self.depths.get(tag):
            return
        depth = self.depths[tag][-1]
        while len(self.open) > depth:
            self.depths[self.open.pop()[0]].pop()
        while self.boxed and self.boxed[-1][0] >= depth:
            self.boxed.pop()

    def _element(self, tag: str, match: re.Match[str]) -> _Element | None:
        box = _BOX.search(self.text, match.end("tag"), match.end("attributes"))
        if box is None:
            return None
        quoted = box["double"] if box["double"] is not None else box["single"]
        if quoted is None and self.cut_tag == match.start() and not box["more"]:
            return None  # its last number may have more digits
        source = quoted if quoted is not None else box["bare"]
        values = self._numbers(source, box.start())
        if values is None:
            return None
        if box["double"] is None or "," in source:
            self.ledger.note("repaired", "a data-bbox that is not four numbers between blanks", box.start())
        kind = _CLASS.search(self.text, match.end("tag"), match.end("attributes"))
        name = without_entities(kind[kind.lastindex or 0]) if kind else None
        return _Element(tag, name, values, match.start())

    def _numbers(self, source: str, offset: int) -> tuple[float, float, float, float] | None:
        words = source.replace(",", " ").replace("[", " ").replace("]", " ").split()
        found = [number(word) for word in words]
        values = tuple(value for value in found if value is not None)
        if len(values) != len(found):
            self.ledger.note("not_numbers", "words in a data-bbox", offset)
        elif len(values) != 4:
            self.ledger.note("wrong_arity", f"{len(values)} numbers instead of 4", offset)
        elif not all(abs(value) < float("inf") for value in values):
            self.ledger.note("non_finite", "NaN, infinity or a runaway number", offset)
        elif max(map(abs, values)) > COORDINATE_LIMIT:
            self.ledger.note("out_of_range", f"a value of {max(map(abs, values)):.3g}", offset)
        else:
            return values
        return None

    def _end(self) -> None:
        """Was the page cut off? Its own end tag, or else the fence after it, says that it was not."""
        if self.cut_tag is not None:
            self.ledger.note("truncated", "the text ends inside a tag", self.cut_tag)
            return
        unfinished = any(tag in _PAGE for tag, _ in self.open) if self.is_page else bool(self.boxed)
        if unfinished and len(self.fences) == 2:
            self.ledger.note("repaired", "the page has no end", self.open[-1][1])
        elif unfinished:
            self.ledger.note("truncated", "the text ends inside the page", self.open[-1][1])


def _joined(pieces: list[str]) -> str:
    """Words of an element: each run of white space is one blank, or one line break if it holds one."""
    words = without_entities("".join(pieces)).strip()
    return _SPACE.sub(lambda run: "\n" if "\n" in run[0] else " ", words)
