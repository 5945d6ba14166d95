"""A page in QwenVL HTML as docparse compares it: blocks with boxes, running text, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from vleval.grounding.ledger import TEXT_LIMIT, EntryKind, Parsed, ParsedElement
from vleval.tasks.text.edit_distance import normalised_edit_distance
from vleval.tasks.text.pairing import pair_texts
from vleval.tasks.text.teds import Rules, teds

FAULTS: frozenset[EntryKind] = frozenset(
    (
        *("truncated", "capped", "unclosed_think", "wrong_arity", "not_numbers", "non_finite"),
        *("out_of_range", "out_of_frame", "swapped"),
    )
)
"""What makes a page invalid: it is not whole, or has a box that is none, or one outside of the picture."""

TABLES = Rules(count_inline_tags=False, th_as_td=True, row_groups=False)
"""A table is its rows and cells, however they are marked."""

IOU, WORDS_APART = 0.5, 0.5
"""From which overlap on boxes, and to which edit distance texts, are those of one block."""

_CONTAINERS = ("ul", "ol")


class Block(NamedTuple):
    """One element."""

    kind: str
    """`heading`, `p`, `li`, `table`, or the class of a `div`: `formula`, `chart`, `image caption`, ..."""
    box: tuple[float, float, float, float]
    """(x1, y1, x2, y2) in original pixels."""
    text: str
    """With single blanks."""


class Page(NamedTuple):
    """What counts of one page."""

    blocks: tuple[Block, ...]
    """In the order written."""
    text: str
    """All of it, with single blanks."""
    tables: tuple[tuple[str, str], ...]
    """(words, HTML) of each."""
    valid: bool


def read_page(
    markup: str, found: Parsed[ParsedElement], boxes: Sequence[Sequence[float]], *, valid: bool
) -> Page:
    """The page of some markup that was parsed, with the boxes of all its elements in original pixels."""
    blocks, before = [], None
    for item, (x1, y1, x2, y2) in zip(found.items, boxes, strict=True):
        if item.tag not in _CONTAINERS and not (item.tag == "img" and before == "div"):
            blocks.append(Block(_kind(item), (x1, y1, x2, y2), _plain(item.text)))
        before = item.tag
    words = " ".join(filter(None, (_plain(item.text) for item in found.items)))
    return Page(tuple(blocks), words, tuple(_tables(markup[:TEXT_LIMIT], found.items)), valid)


def _kind(item: ParsedElement) -> str:
    if item.tag == "div" and item.kind:
        # `formula.machine_printed` is a formula.
        return item.kind.lower().partition(".")[0].strip()
    return "heading" if item.tag in ("h1", "h2", "h3", "h4", "h5", "h6") else item.tag


def _plain(text: str) -> str:
    return " ".join(text.split())


def _tables(markup: str, items: Sequence[ParsedElement]) -> Iterator[tuple[str, str]]:
    """Each table with a box, from its tag to the next table; one that has no end, to the next element."""
    lowered = markup.lower()
    starts = [item.offset for item in items if item.tag == "table"] + [len(markup)]
    nexts = {item.offset: after.offset for item, after in zip(items, items[1:], strict=False)}
    for item, end in zip((item for item in items if item.tag == "table"), starts[1:], strict=True):
        if lowered.find("</table", item.offset, end) < 0:
            end = nexts.get(item.offset, end)
        yield _plain(item.text), markup[item.offset : end]


def compare(said: Page, true: Page) -> dict[str, float]:
    """All metrics of one page but the headline."""
    pairs = pair_texts([words for words, _ in said.tables], [words for words, _ in true.tables])
    tables = [(said.tables[row][1], true.tables[column][1]) for row, column, _ in pairs]
    most = max(len(said.tables), len(true.tables), 1)
    return {
        "text": 1.0 - normalised_edit_distance(said.text, true.text),
        "table_teds": sum(teds(*pair, rules=TABLES) for pair in tables) / most,
        "table_structure": sum(teds(*pair, rules=TABLES, structure_only=True) for pair in tables) / most,
        "layout_f1": _layout(said.blocks, true.blocks, kinds=True),
        "layout_f1_any": _layout(said.blocks, true.blocks, kinds=False),
        "order": _order(said.blocks, true.blocks),
        "valid": float(said.valid),
    }


def _layout(said: Sequence[Block], true: Sequence[Block], *, kinds: bool) -> float:
    """F1 of the boxes, paired one to one, the largest overlap first."""
    from vleval.grounding.detection import greedy_f1
    from vleval.grounding.objects import FoundObjects, TrueObjects

    def sides(blocks: Sequence[Block]) -> tuple[list[tuple[float, ...]], list[str]]:
        return [block.box for block in blocks], [block.kind if kinds else "" for block in blocks]

    if not said:
        return 0.0
    return greedy_f1({"page": TrueObjects(*sides(true))}, {"page": FoundObjects(*sides(said))}).micro.f1


def _order(said: Sequence[Block], true: Sequence[Block]) -> float:
    """1 - edit distance of the true blocks' numbers as written / their number; blocks without text have no
    place."""
    said, true = [block for block in said if block.text], [block for block in true if block.text]
    if not true:
        return 1.0
    pairs = pair_texts([block.text for block in said], [block.text for block in true], limit=WORDS_APART)
    written = [number for _, number in sorted((place, number) for place, number, _ in pairs)]
    return 1.0 - Levenshtein.distance(written, list(range(len(true)))) / len(true)
