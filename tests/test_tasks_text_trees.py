"""Distances of trees against APTED, and outlines of Markdown by hand."""

from __future__ import annotations

import time
from random import Random

import pytest
from apted import APTED, Config

from vleval.tasks.text.outline import outline, outline_similarity
from vleval.tasks.text.tree_distance import Branch, Costs, Tree, too_large, tree_distance

PRICES = {"a": 1, "b": 2, "c": 5}


class Priced(Config):  # type: ignore[misc]
    """Whole-number costs of every kind."""

    def delete(self, node: Branch) -> int:
        return PRICES[node.label]

    def insert(self, node: Branch) -> int:
        return PRICES[node.label] + 1

    def rename(self, one: Branch, other: Branch) -> int:
        return abs(PRICES[one.label] - PRICES[other.label])

    def children(self, node: Branch) -> list[Branch]:
        return node.children


def random_tree(random: Random, nodes: int) -> Branch:
    made = [Branch(random.choice("abc"))]
    for _ in range(nodes - 1):
        child = Branch(random.choice("abc"))
        random.choice(made[-5:]).children.append(child)
        made.append(child)
    return made[0]


def priced(one: Branch, other: Branch) -> int:
    left, right = Tree.of(one), Tree.of(other)
    costs = Costs(
        remove=[PRICES[label] for label in left.labels],
        insert=[PRICES[label] + 1 for label in right.labels],
        update=[[abs(PRICES[a] - PRICES[b]) for b in right.labels] for a in left.labels],
    )
    return tree_distance(left, right, costs)


def test_distances_are_those_of_apted() -> None:
    random = Random(4)
    for _ in range(150):
        one, other = (random_tree(random, random.randint(1, 14)) for _ in range(2))
        assert priced(one, other) == APTED(one, other, Priced()).compute_edit_distance()


def test_trees_list_children_before_parents() -> None:
    tree = Tree.of(Branch("r", [Branch("x", [Branch("y")]), Branch("z")]))
    assert (tree.labels, *tree[1:]) == (["y", "x", "z", "r"], (True, False, True, False), (0, 0, 2, 0))


def test_a_chain_of_any_depth_is_walked() -> None:
    deep = Branch("a")
    for _ in range(20_000):
        deep = Branch("a", [deep])
    assert len(Tree.of(deep).labels) == 20_001


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [
        ("# Title\nwords", "# Other\nentirely different", 1.0),  # what lines say is not compared
        ("# A\nx", "# A\nx\ny", 1 - 1 / 5),  # root, title, heading, two lines: one of five is missing
        ("x\ny", "# x\ny", 1 - 2 / 4),  # a heading instead of a line: one node goes and one comes
        ("# A\n\nx", "# A\n\nx", 1 - 1 / 5),  # a blank line differs from itself
        ("***", "", 1 - 1 / 3),  # stars are blanks
        ("", "# A\nx", 1 - 2 / 4),  # the blank line becomes x, and a node comes
    ],
)
def test_outlines_by_hand(prediction: str, truth: str, expected: float) -> None:
    assert outline_similarity(prediction, truth) == pytest.approx(expected)


def test_lines_go_below_the_first_node_with_the_heading_s_words() -> None:
    # " B" is a line first: what follows the heading of these words goes below the line.
    found = outline(" B\n# B\nx")
    assert found.labels == ["x", " B", "TITLE", " B", "ROOT"]
    assert found.first == (0, 0, 0, 3, 0)


@pytest.mark.parametrize("text", ["\n" * 65_000, "# a\nb\n" * 10_000, "# a\n b\n# b\n a\n" * 4_000])
def test_pages_without_end_are_compared_in_seconds(text: str) -> None:
    truth = "\n".join(f"# {n}" if n % 8 == 0 else "line" for n in range(120))
    start = time.process_time()
    assert outline_similarity(text, truth) < 0.01
    assert time.process_time() - start < 5.0


def test_a_pair_beyond_the_limits_scores_0_even_if_equal() -> None:
    text = "\n".join("# a" + "\nb" * n for n in range(80))
    assert too_large(outline(text), outline(text))
    assert outline_similarity(text, text) == 0.0
