"""Edit distance of two ordered trees: the cheapest way to turn one into the other, node by node.

Source: Zhang and Shasha, "Simple fast algorithms for the editing distance between trees and related problems"
(SIAM J. Comput., 1989), with costs of any kind. The benchmarks' scripts call the `zss` package,
which takes minutes on a long page; here a row of the tables of all subtrees of one shape is one numpy
operation, and leaves, of which such trees mostly consist, need no table at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELLS_LIMIT = 4_000_000
"""Nodes of one tree times nodes of the other that are compared."""

STEPS_LIMIT = 100_000
"""Rows of tables that are computed: some seconds."""


class Node(Protocol):
    """What a tree is made of."""

    @property
    def children(self) -> Sequence[Any]:
        """Nodes of the same kind, in order."""


@dataclass(eq=False, slots=True)
class Branch:
    """A node that a tree is built from."""

    label: str
    children: list[Branch] = field(default_factory=list)


class Tree(NamedTuple):
    """A tree as the algorithm walks it: children before their parents."""

    nodes: tuple[Any, ...]
    leaf: tuple[bool, ...]
    first: tuple[int, ...]
    """Of each node the index of its leftmost leaf: its subtree is `first[i]` to `i`."""

    @classmethod
    def of(cls, root: Node) -> Tree:
        """The tree below a node, without recursion: a model decides how deep it is."""
        nodes: list[Node] = []
        leaf: list[bool] = []
        first: list[int] = []
        waiting: list[tuple[Node, int | None]] = [(root, None)]
        while waiting:
            node, start = waiting.pop()
            if start is None:
                waiting.append((node, len(nodes)))
                waiting += [(child, None) for child in reversed(node.children)]
            else:
                nodes.append(node)
                leaf.append(not node.children)
                first.append(start)
        return cls(tuple(nodes), tuple(leaf), tuple(first))

    @property
    def labels(self) -> list[str]:
        """Of a tree of branches."""
        return [node.label for node in self.nodes]


class Costs(NamedTuple):
    """What each change costs."""

    remove: Sequence[int]
    """Of each node of the first tree."""
    insert: Sequence[int]
    """Of each node of the second."""
    update: Any
    """[n, m]: to exchange a node of the first for one of the second."""


def too_large(one: Tree, other: Tree) -> bool:
    """Whether `tree_distance` of a pair is beyond the limits: it would take long."""
    steps = min(_steps(one, other), _steps(other, one))
    return steps > STEPS_LIMIT or len(one.nodes) * len(other.nodes) > CELLS_LIMIT


def tree_distance(one: Tree, other: Tree, costs: Costs) -> float:
    """The least cost of turning the tree `one` into `other`; a whole number where all costs are."""
    import numpy as np

    update = np.asarray(costs.update)
    remove, insert = np.asarray(costs.remove, update.dtype), np.asarray(costs.insert, update.dtype)
    if _steps(other, one) < _steps(one, other):
        one, other, remove, insert, update = other, one, insert, remove, update.T
    between = np.zeros_like(update)
    _leaves(between, one, other, remove, insert, update)
    _leaves(between.T, other, one, insert, remove, update.T)
    alike = _alike(other)
    for root in _inner_roots(one):
        for roots in alike:
            _compare(between, one, root, other, roots, remove, insert, update)
    return float(between[-1, -1])


def _leaves(
    between: NDArray[Any],
    one: Tree,
    other: Tree,
    remove: NDArray[Any],
    insert: NDArray[Any],
    update: NDArray[Any],
) -> None:
    """Fills in the rows of leaves: a leaf becomes the node of a subtree that suits it best, or goes."""
    import numpy as np

    leaves = np.flatnonzero(one.leaf)
    saved = update[leaves] - insert
    gone = remove[leaves]
    whole = np.concatenate([np.zeros(1, insert.dtype), np.cumsum(insert)])
    for j, start in enumerate(other.first):
        best = saved[:, j] if start == j else saved[:, start : j + 1].min(axis=1)
        between[leaves, j] = whole[j + 1] - whole[start] + np.minimum(best, gone)


def _inner_roots(tree: Tree) -> list[int]:
    """Nodes with children that are no first child: what is left of the algorithm's key roots."""
    last = {start: index for index, start in enumerate(tree.first)}
    return sorted(index for index in last.values() if not tree.leaf[index])


def _alike(tree: Tree) -> list[list[int]]:
    """The inner roots, those of one shape together: they are compared at once. Small subtrees come first."""
    shapes: dict[tuple[int, ...], list[int]] = {}
    for root in _inner_roots(tree):
        start = tree.first[root]
        shape = tuple(first - start for first in tree.first[start : root + 1])
        shapes.setdefault(shape, []).append(root)
    return [shapes[shape] for shape in sorted(shapes, key=len)]


def _steps(one: Tree, other: Tree) -> int:
    """How many rows are computed."""
    return sum(root - one.first[root] + 1 for root in _inner_roots(one)) * len(_alike(other))


def _compare(
    between: NDArray[Any],
    one: Tree,
    root: int,
    other: Tree,
    roots: list[int],
    remove: NDArray[Any],
    insert: NDArray[Any],
    update: NDArray[Any],
) -> None:
    """Compares one subtree with several of one shape, and all pairs on their left edges."""
    import numpy as np

    top, left = one.first[root], other.first[roots[0]]
    # [subtrees of `other`, their nodes]
    columns = np.array([other.first[index] for index in roots])[:, None] + np.arange(roots[0] - left + 1)
    before = np.array(other.first[left : roots[0] + 1]) - left
    on_edge = before == 0
    added = np.concatenate(
        [np.zeros((len(roots), 1), insert.dtype), np.cumsum(insert[columns], axis=1)], axis=1
    )
    rows = [added]
    for x in range(top, root + 1):
        above, known = rows[-1], between[x][columns]
        row = np.empty_like(added)
        row[:, 0] = above[:, 0] + remove[x]
        split = rows[one.first[x] - top][:, before] + known
        if one.first[x] == top:
            split = np.where(on_edge, above[:, :-1] + update[x][columns], split)
        row[:, 1:] = np.minimum(above[:, 1:] + remove[x], split)
        # Insertions run along the row: the least of all that could start them.
        row = np.minimum.accumulate(row - added, axis=1) + added
        rows.append(row)
        if one.first[x] == top:
            between[x, columns] = np.where(on_edge, row[:, 1:], known)
