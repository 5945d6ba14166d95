"""TEDS: how near a table comes to the true one, by the edit distance of their HTML trees.

Source: Zhong, ShafieiBavani and Jimeno Yepes, "Image-based table recognition" (PubTabNet, 2019), and the
script that goes with it, which OmniDocBench, OCRBench v2, CC-OCR, lmms-eval and VLMEvalKit all run: 1 -
(edit distance of the trees) / (nodes of the larger one). Inserting or deleting a node costs 1. Exchanging two
costs 1 where tag, colspan or rowspan differ; for two `td`, the normalised edit distance of what stands in
them, letter by letter and tag by tag; else 0. The script's quirks are named in `Rules`.

The time of a comparison grows with the product of the trees' sizes, and a model can write any page: see
`NODES_LIMIT` and `DEPTH_LIMIT`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from vleval.tasks.text.tree_distance import Costs, Tree, too_large, tree_distance

if TYPE_CHECKING:
    from lxml.html import HtmlElement

NODES_LIMIT = 2_000
"""Nodes of a tree that is compared (a table of 1,900 cells): some seconds. A pair with a larger one scores 1
where the trees are equal, else 0."""

DEPTH_LIMIT = 8
"""Levels of a tree that is compared: a table has four (table, tbody, tr, td). Deeper ones as larger ones."""


class Rules(NamedTuple):
    """What uses of TEDS disagree on."""

    count_inline_tags: bool = True
    """Whether the divisor counts tags inside cells, although trees end at cells: `<td><b>1</b></td>` is then
    two nodes of which one can be wrong."""
    th_as_td: bool = False
    """Whether `th` cells are taken for `td`; else what stands in a `th` is not compared."""
    row_groups: bool = True
    """Whether `thead`, `tbody` and `tfoot` are nodes; else their rows are the table's own."""
    delete_spaces: bool = False
    """Whether all spaces of both pages go before anything else, as in VLMEvalKit's CC-OCR: `<td colspan="2">`
    becomes a tag of its own name, which is no `td`, and its text is not compared."""


PUBTABNET = Rules()


def teds(
    predicted_html: str, true_html: str, *, structure_only: bool = False, rules: Rules = PUBTABNET
) -> float:
    """The similarity, 0..1, of the first table of one page and the first of another.

    `structure_only` compares tables without what stands in their cells. A page without a table, or with an
    empty one, scores 0, whichever it is. So does one whose tables all stand in another element, such as a
    `div`: the script looks for `<table>` right in `<body>`, which may go unwritten. Very different shapes
    could score below 0 there, and score 0 here. Never raises on any text.

    >>> table = "<table><tr><td>{}</td><td>b</td></tr></table>"
    >>> teds(table.format("ab"), table.format("ax"))  # half a cell of three nodes
    0.8333333333333334
    >>> teds(table.format("ab"), table.format("ax"), structure_only=True)
    1.0
    """
    if rules.delete_spaces:
        predicted_html, true_html = predicted_html.replace(" ", ""), true_html.replace(" ", "")
    predicted, true = _read(predicted_html, structure_only, rules), _read(true_html, structure_only, rules)
    if predicted is None or true is None:
        return 0.0
    return max(0.0, 1.0 - _distance(predicted, true) / max(predicted.counted, true.counted))


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An element of a table; a cell's content is part of it and no node."""

    tag: str
    spans: tuple[int, int] | None
    """Columns and rows of a cell."""
    content: str
    """Of a cell: its letters, and one private character for each tag."""
    children: tuple[Node, ...]


class _Table(NamedTuple):
    root: Node
    preorder: tuple[tuple[str, tuple[int, int] | None, str, int], ...]
    """Of each node its tag, spans, content and number of children: equal trees have equal ones."""
    depth: int
    counted: int
    """Nodes below the root, as the divisor counts them; at least 1."""


@lru_cache(maxsize=64)
def _read(page: str, structure_only: bool, rules: Rules) -> _Table | None:
    """The first table of a page's body; None where there is none, or nothing in it."""
    from lxml import etree

    table = first_table(page, path="body/table")
    if table is None or not len(table):
        return None
    if not rules.row_groups:
        etree.strip_tags(table, "thead", "tbody", "tfoot")
    if rules.th_as_td:
        for cell in table.iter("th"):
            cell.tag = "td"
    root = _node(table, structure_only)
    preorder, depth = _walk(root)
    counted = sum(1 for _ in table.iterdescendants()) if rules.count_inline_tags else len(preorder) - 1
    return _Table(root, tuple(preorder), depth, counted)


_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def first_table(page: str, path: str = ".//table") -> HtmlElement | None:
    """The first `<table>` of a page at a path, as lxml mends it; None where there is none. Never raises."""
    if "<table" not in page.lower():
        return None
    from lxml import etree, html

    parser = html.HTMLParser(remove_comments=True, remove_pis=True, encoding="utf-8")
    try:
        # libxml2 nests elements 256 deep at most, which bounds every recursion here.
        root = html.document_fromstring(_UNPRINTABLE.sub("", page).encode(), parser=parser)
    except etree.LxmlError:
        return None
    return root.find(path)


def _node(element: HtmlElement, structure_only: bool) -> Node:
    tag = str(element.tag)
    if tag == "td":
        content = "" if structure_only else "".join(_content(element))
        return Node(tag, (_span(element, "colspan"), _span(element, "rowspan")), content, ())
    return Node(tag, None, "", tuple(_node(child, structure_only) for child in element))


def _span(cell: HtmlElement, attribute: str) -> int:
    try:
        return int(cell.get(attribute, "1"))
    except ValueError:
        return 1


def _content(element: HtmlElement) -> Iterator[str]:
    """The tokens inside an element: letters, and a character for each beginning and end of a tag."""
    yield element.text or ""
    for child in element:
        tag = str(child.tag)
        yield _tag_letter(f"<{tag}>")
        yield from _content(child)
        yield _tag_letter(f"</{tag}>")
        if tag != "td":  # the script drops what follows a cell in a cell
            yield child.tail or ""


_LETTERS: dict[str, str] = {}


def _tag_letter(tag: str) -> str:
    """A character of Unicode's last private plane, the same one for the same tag: one token, as upstream."""
    return _LETTERS.setdefault(tag, chr(0x100000 + len(_LETTERS) % 0xFFFE))


def _walk(root: Node) -> tuple[list[tuple[str, tuple[int, int] | None, str, int]], int]:
    """All nodes in order, and the number of levels."""
    waiting, order, depth = [(root, 1)], [], 0
    while waiting:
        node, level = waiting.pop()
        depth = max(depth, level)
        order.append((node.tag, node.spans, node.content, len(node.children)))
        waiting += [(child, level + 1) for child in reversed(node.children)]
    return order, depth


def _distance(predicted: _Table, true: _Table) -> float:
    """The edit distance of two trees; beyond the limits, that of two with nothing in common."""
    if predicted.preorder == true.preorder:
        return 0.0
    nodes, depth = max(len(predicted.preorder), len(true.preorder)), max(predicted.depth, true.depth)
    if nodes > NODES_LIMIT or depth > DEPTH_LIMIT:
        return float(max(predicted.counted, true.counted))
    import numpy as np
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    one, other = Tree.of(predicted.root), Tree.of(true.root)
    if too_large(one, other):
        return float(max(predicted.counted, true.counted))
    kinds: dict[tuple[str, tuple[int, int] | None], int] = {}
    rows, columns = (
        np.array([kinds.setdefault((node.tag, node.spans), len(kinds)) for node in tree.nodes])
        for tree in (one, other)
    )
    texts = [[node.content for node in tree.nodes] for tree in (one, other)]
    longest = np.maximum.outer(*([max(len(text), 1) for text in side] for side in texts))
    unlike = cdist(*texts, scorer=Levenshtein.distance, dtype=np.int64) / longest
    update = np.where(rows[:, None] == columns, unlike, 1.0)
    return tree_distance(one, other, Costs([1] * len(one.nodes), [1] * len(other.nodes), update))
