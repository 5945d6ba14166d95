"""Takes a page in Markdown apart: tables, formulas, and the blocks of text between them.

Source: OmniDocBench's `md_tex_filter` (v1.0, and VLMEvalKit's copy). LaTeX tables come out first, then HTML
tables, then formulas, then tables drawn with `|`; each leaves blanks behind, and what is left is split at
empty lines. Inline formulas stay in their text and count as formulas as well: which of them is a displayed
one is settled by matching. Takes linear time on any text.

Otherwise than upstream: code blocks are text (upstream removes their last fence first, and then hardly ever
finds one), a formula inside `\\[ \\]` is never taken for an inline one, and tables drawn with `|` keep cells
with a colon or `---` in them, which upstream drops.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vleval.tasks.text.latex_tables import latex_to_html


class Piece(NamedTuple):
    """A part of a page."""

    start: int
    """Where it begins, in characters of the page."""
    text: str


class Parts(NamedTuple):
    """The parts of a page, each kind in the order of the page."""

    text: tuple[Piece, ...]
    formulas: tuple[Piece, ...]
    """Displayed and inline, without delimiters and white space."""
    tables: tuple[Piece, ...]
    """In HTML, whatever they were written in."""


_IMAGE = re.compile(r"!\[[^\]\n]{0,500}\]\([^)\n]{0,500}\)")
_FENCES = re.compile(r"^```markdown\n?|```\n?$", re.MULTILINE)
_RUNS = (
    (re.compile(r"_{4,}"), "____"),
    (re.compile(r" {4,}"), "    "),
    (re.compile(r"([^a-zA-Z0-9])\1{10,}"), r"\1\1\1\1"),
)
_TEX_TABLE = re.compile(r"\\(?:(begin)|end)\{table\*?\}")
_TABULAR = re.compile(r"\\(?:(begin)|end)\{tabular[*x]?\}")
_HTML_TABLE = re.compile(r"(<table[^<>]*>)|</table>")
_HEADINGS = re.compile(r"\\(?:title|text|section\*?)\s?\{([^{}]*)\}")
_RULE = re.compile(r"\s*:?-+:?\s*")

DISPLAYED = (("$$", "$$"), ("\\[", "\\]"))
INLINE = (("$", "$"), ("\\(", "\\)"))


class Formula(NamedTuple):
    """A formula among words."""

    start: int
    end: int
    content: str
    displayed: bool


def formulas(text: str, *, across_lines: bool = True) -> Iterator[Formula]:
    """Formulas between their delimiters, the first that begins first; `$$` goes before `$`.

    `across_lines` False: inline ones of one line only, as OmniDocBench finds them in blocks of text.
    """
    closers = dict((*DISPLAYED, *INLINE)) if across_lines else dict(INLINE)
    missing: set[str] = set()  # what is not there any more: looking once is enough
    position = 0
    while (found := _opener(text, position, closers)) is not None:
        start, opener = found
        inside = start + len(opener)
        end = -1 if closers[opener] in missing else text.find(closers[opener], inside)
        if end < 0:
            missing.add(closers[opener])
            closers = {key: value for key, value in closers.items() if value not in missing}
            position = start
            continue
        if not across_lines and "\n" in text[inside:end]:
            position = text.index("\n", inside)
            continue
        position = end + len(closers[opener])
        yield Formula(start, position, text[inside:end], opener in dict(DISPLAYED))


def _opener(text: str, position: int, closers: dict[str, str]) -> tuple[int, str] | None:
    """The next delimiter that may begin a formula, the longest of those that begin at one place."""
    pattern = re.compile("|".join(map(re.escape, sorted(closers, key=len, reverse=True))))
    match = pattern.search(text, position) if closers else None
    return (match.start(), match[0]) if match else None


def split_page(markdown: str) -> Parts:
    """The parts of a page. Never raises."""
    page = _FENCES.sub("", _IMAGE.sub("", markdown.replace("\r", "")))
    for pattern, short in _RUNS:
        page = pattern.sub(short, page)
    tables: list[Piece] = []
    for pattern in (_TEX_TABLE, _TABULAR, _HTML_TABLE):
        spans = _outermost(page, pattern)
        tables += [Piece(start, page[start:end]) for start, end in spans]
        page = _blanked(page, spans)
    tables = [Piece(at, text if text.startswith("<") else latex_to_html(text)) for at, text in tables]
    found = [formula for formula in formulas(page) if formula.content.strip()]
    said = [Piece(formula.start, _joined(formula.content)) for formula in found]
    page = _blanked(page, [(formula.start, formula.end) for formula in found if formula.displayed])
    drawn = list(_drawn_tables(page))
    tables += [Piece(start, table) for start, _, table in drawn]
    page = _HEADINGS.sub(r"\1", _blanked(page, [(start, end) for start, end, _ in drawn]))
    text, alone = _blocks(page)
    return Parts(text, _in_order(said + alone), _in_order(tables))


def _in_order(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    return tuple(sorted(pieces, key=lambda piece: piece.start))


def _joined(formula: str) -> str:
    return "".join(formula.split())


def _outermost(text: str, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
    """(start, end) of the pairs of a beginning (group 1) and an end that lie in no other pair."""
    waiting: list[int] = []
    pairs: list[tuple[int, int]] = []
    for match in pattern.finditer(text):
        if match[1]:
            waiting.append(match.start())
        elif waiting:
            start = waiting.pop()
            while pairs and pairs[-1][0] > start:
                pairs.pop()
            pairs.append((start, match.end()))
    return pairs


def _blanked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with blanks in place of some stretches, which stand in order: all else keeps its place."""
    pieces, position = [], 0
    for start, end in spans:
        pieces += [text[position:start], " " * (end - start)]
        position = end
    return "".join([*pieces, text[position:]])


def _drawn_tables(page: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, HTML) of two or more lines that begin and end with `|`."""
    rows: list[str] = []
    start = position = 0
    for line in [*page.split("\n"), ""]:
        stripped = line.strip()
        if len(stripped) > 1 and stripped[0] == stripped[-1] == "|":
            start = start if rows else position
            rows.append(stripped)
        else:
            if len(rows) > 1:
                yield start, position - 1, _drawn(rows)
            rows = []
        position += len(line) + 1


def _drawn(rows: Sequence[str]) -> str:
    cells = [row[1:-1].split("|") for row in rows]
    cells = [row for row in cells if not all(_RULE.fullmatch(cell) for cell in row)]
    return f"<table>{''.join(map(_drawn_row, cells))}</table>"


def _drawn_row(cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<td>{html.escape(cell.strip(), quote=False)}</td>' for cell in cells)}</tr>"


def _blocks(page: str) -> tuple[tuple[Piece, ...], list[Piece]]:
    """Blocks of text, and formulas that are a block of their own; lines are blocks where none is empty."""
    separator = "\n\n" if "\n\n" in page else "\n"
    texts, alone, position = [], [], 0
    for block in page.split(separator):
        text = "\n".join(line.strip() for line in block.split("\n") if line.strip())
        if len(text) > 1 and text[0] == text[-1] == "$":
            alone += [Piece(position, _joined(text.strip("$")))] if text.strip("$ \n") else []
        elif text:
            texts.append(Piece(position, text))
        position += len(block) + len(separator)
    return tuple(texts), alone
