"""TEDS against the definition written out by hand, its quirks one by one, and pages that would never end."""

from __future__ import annotations

import time
from functools import cache
from random import Random

import pytest
from rapidfuzz.distance import Levenshtein

from vleval.tasks.text import teds as module
from vleval.tasks.text.teds import Rules, teds


def row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def table(*rows: str) -> str:
    return f"<html><body><table>{''.join(rows)}</table></body></html>"


TREE = tuple[str, str, tuple["TREE", ...]]  # tag and spans, content, children


def forest_distance(one: tuple[TREE, ...], other: tuple[TREE, ...]) -> float:
    """The textbook recursion on the last trees of two ordered forests: slow but exact."""

    @cache
    def size(forest: tuple[TREE, ...]) -> int:
        return sum(1 + size(tree[2]) for tree in forest)

    @cache
    def between(one: tuple[TREE, ...], other: tuple[TREE, ...]) -> float:
        if not one or not other:
            return size(one) + size(other)
        (tag, text, under), (tag2, text2, under2) = one[-1], other[-1]
        longest = max(len(text), len(text2))
        cost = 1.0 if tag != tag2 else Levenshtein.distance(text, text2) / longest if longest else 0.0
        return min(
            between(one[:-1] + under, other) + 1,
            between(one, other[:-1] + under2) + 1,
            between(one[:-1], other[:-1]) + between(under, under2) + cost,
        )

    return between(one, other)


def random_table(random: Random) -> tuple[str, tuple[TREE, ...], int]:
    """A page, its rows as trees, and their nodes."""
    rows, markup, nodes = [], "", 0
    for _ in range(random.randint(1, 4)):
        cells = []
        markup += "<tr>"
        for _ in range(random.randint(1, 4)):
            text, span = "".join(random.choices("ab ", k=random.randint(0, 3))), random.choice((1, 1, 2))
            cells.append((f"td{span}", text, ()))
            markup += f'<td colspan="{span}">{text}</td>'
        rows.append(("tr", "", tuple(cells)))
        nodes += 1 + len(cells)
        markup += "</tr>"
    return table(markup), tuple(rows), nodes


def test_it_is_the_definition() -> None:
    random = Random(7)
    for _ in range(30):
        (page, trees, nodes), (page2, trees2, nodes2) = random_table(random), random_table(random)
        expected = 1 - forest_distance(trees, trees2) / max(nodes, nodes2)
        assert teds(page, page2) == pytest.approx(max(0.0, expected), abs=1e-12)
        assert teds(page, page) == 1.0


def test_structure_is_what_is_left_without_words() -> None:
    one, other = table(row("a", "b"), row("c", "d")), table(row("x", "y"), row("z", ""))
    assert teds(one, other, structure_only=True) == 1.0
    assert teds(one, other) == pytest.approx(1 - 4 / 6)
    assert teds(table(row("a", "b")), one, structure_only=True) == pytest.approx(1 - 3 / 6)


@pytest.mark.parametrize(
    "nothing", ["", "   ", "no table", "<p>a</p>", "<table></table>", "<table> </table>"]
)
def test_nothing_scores_nothing_on_either_side(nothing: str) -> None:
    whole = table(row("a"))
    assert teds(nothing, whole) == teds(whole, nothing) == teds(nothing, nothing) == 0.0


def test_inline_tags_count_in_the_divisor_and_in_the_cell() -> None:
    bold, plain = table(row("<b>ab</b>", "c")), table(row("ab", "c"))
    # Cells of 4 tokens and 2: half of one cell is wrong. Nodes: tr, td, b, td, or three without b.
    assert teds(plain, bold) == pytest.approx(1 - 0.5 / 4)
    assert teds(plain, bold, rules=Rules(count_inline_tags=False)) == pytest.approx(1 - 0.5 / 3)


def test_words_of_heading_cells_are_not_compared_unless_they_are_made_cells() -> None:
    right = table("<thead><tr><th>Year</th></tr></thead>", row("1"))
    wrong = table("<thead><tr><th>Near</th></tr></thead>", row("1"))
    assert teds(wrong, right) == 1.0
    assert teds(wrong, right, rules=Rules(th_as_td=True)) == pytest.approx(1 - (1 / 4) / 5)
    # A heading cell is no cell: exchanging them costs 1, whatever is in them.
    assert teds(table(row("Year")), table("<tr><th>Year</th></tr>")) == 0.5


def test_groups_of_rows_are_nodes_unless_they_are_left_out() -> None:
    grouped, plain = table(f"<thead>{row('a')}</thead><tbody>{row('b')}</tbody>"), table(row("a"), row("b"))
    assert teds(plain, grouped) == pytest.approx(1 - 2 / 6)
    assert teds(plain, grouped, rules=Rules(row_groups=False)) == 1.0


def test_spans_must_be_equal() -> None:
    wide = table('<tr><td colspan="2">a</td></tr>', row("b", "c"))
    assert teds(table(row("a"), row("b", "c")), wide) == pytest.approx(1 - 1 / 5)
    assert teds(table('<tr><td colspan="two">a</td></tr>', row("b", "c")), wide) == pytest.approx(1 - 1 / 5)


def test_deleting_all_spaces_first_makes_tags_of_attributes() -> None:
    right = table('<tr><td colspan="2">a b</td></tr>', row("b", "c"))
    wrong = table('<tr><td colspan="2">x y</td></tr>', row("b", "c"))
    assert teds(wrong, right) == pytest.approx(1 - (2 / 3) / 5)
    assert teds(wrong, right, rules=Rules(delete_spaces=True)) == 1.0
    spread = table(row("b c"), row("d"))
    assert teds(table(row("bc"), row("d")), spread, rules=Rules(delete_spaces=True)) == 1.0


def test_only_the_first_table_right_in_the_body_counts() -> None:
    first, second = "<table><tr><td>a</td></tr></table>", "<table><tr><td>b</td></tr></table>"
    assert teds(f"<p>So: {first} and {second}", table(row("a"))) == 1.0
    assert teds("<TABLE><TR><TD>a", table(row("a"))) == 1.0  # cut off, and loud
    assert teds(f"<div>{first}</div>", table(row("a"))) == 0.0
    assert teds(f"<body><div>{second}</div>{first}", table(row("a"))) == 1.0


HOSTILE = {
    "cells": "<table>" + "<td>" * 30000,
    "bold": "<table><tr><td>" + "<b>" * 20000,
    "tables": "<table><tr><td>" * 5000,
    "boxes": "<table>" + "<div>" * 20000,
    "words": "<table><tr><td>" + "ab " * 20000,
    "not text": "<table>\0<tr><td>\ud800\x08a</td></tr></table>",
    "open": "<table" * 10000,
    "comments": "<table><!--" * 5000,
    "entities": "<table><tr><td>" + "&lt;" * 15000,
}


@pytest.mark.parametrize("page", HOSTILE.values(), ids=HOSTILE)
def test_no_page_raises_or_runs_on(page: str) -> None:
    started = time.process_time()
    assert 0.0 <= teds(page, table(*[row(*"abcdefgh")] * 8)) < 1.0
    assert time.process_time() - started < 5


def test_beyond_the_limits_only_equal_trees_score(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = table(row("a", "b"), row("c")), table(row("a", "b"), row("d"))
    assert teds(one, other) == pytest.approx(0.8)
    monkeypatch.setattr(module, "NODES_LIMIT", 5)
    assert (teds(one, one), teds(one, other)) == (1.0, 0.0)
    monkeypatch.setattr(module, "NODES_LIMIT", 6)
    assert teds(one, other) == pytest.approx(0.8)
    monkeypatch.setattr(module, "DEPTH_LIMIT", 2)
    assert (teds(one, one), teds(one, other)) == (1.0, 0.0)
