"""How near a Markdown document comes to the true one by its outline: headings, and lines below each.

Source: the script of OCRBench v2 (`doc_parsing_evaluation`; called STEDS there): 1 - (edit distance of the
outlines) / (nodes of the larger one). Its quirks are part of every published score:
- what a line says is not compared: any line may stand for any other, blank ones apart;
- a blank line differs from everything, another blank line included;
- lines below a heading go to the first node that bears the heading's words, wherever that is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vleval.tasks.text.tree_distance import Branch, Costs, Tree, too_large, tree_distance

_CLEANING = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        ("<(?:bos|eos|pad|unk)>", ""),
        (r"\s##(\S)", r"\1"),
        (r"\\\s", r"\\"),
        (r"\s\*\s\*\s", "**"),
        (r"\{\s", "{"),
        (r"\s\}", "}"),
        (r"\s\}", "}"),
        (r"\\begin\s", r"\\begin"),
        (r"\\end\s", r"\\end"),
    )
]
_AS_SPACE = str.maketrans("*_\n", "   ")


def outline_similarity(prediction: str, truth: str) -> float:
    """1 where the outlines are alike, down to 0; 0 for a pair that is `too_large`."""
    import numpy as np

    said, true = outline(prediction), outline(truth)
    larger = max(len(said.labels), len(true.labels))
    if too_large(said, true):
        return 0.0
    blank_said, blank_true = (np.array([not label.split() for label in tree.labels]) for tree in (said, true))
    update = (blank_said[:, None] | blank_true[None, :]).astype(np.int64)
    costs = Costs(remove=[1] * len(said.labels), insert=[1] * len(true.labels), update=update)
    return 1.0 - tree_distance(said, true, costs) / larger


def outline(text: str) -> Tree:
    """The outline of a document: a root, a node for what precedes the first heading, and one per heading."""
    root = _Line(Branch("ROOT"))
    first = {"ROOT": root}
    title = above = root.add("TITLE", first)
    for line in text.split("\n"):
        cleaned = _clean(line)
        if cleaned.startswith("#"):
            label = cleaned.replace("#", "")
            root.add(label, first)
            # An empty heading is none: what follows belongs to the title again.
            above = first[label] if label else title
        else:
            above.add(cleaned, first)
    return Tree.of(root.branch)


@dataclass(eq=False, slots=True)
class _Line:
    """A node on its way into the outline."""

    branch: Branch
    parent: _Line | None = None
    index: int = 0
    """Among its parent's children."""
    depth: int = 0

    def add(self, label: str, first: dict[str, _Line]) -> _Line:
        """A new last child; `first` keeps the first node in reading order of every label."""
        child = _Line(Branch(label), self, len(self.branch.children), self.depth + 1)
        self.branch.children.append(child.branch)
        if label not in first or child.precedes(first[label]):
            first[label] = child
        return child

    def precedes(self, other: _Line) -> bool:
        """Whether this node is read before another one, which is not below it."""
        one: _Line | None = self
        while one and one.depth > other.depth:
            one = one.parent
        two: _Line | None = other
        while two and one and two.depth > one.depth:
            two = two.parent
        while one and two and one.parent is not two.parent:
            one, two = one.parent, two.parent
        return bool(one and two and one.index < two.index)


def _clean(line: str) -> str:
    for pattern, replacement in _CLEANING:
        line = pattern.sub(replacement, line)
    return line.translate(_AS_SPACE)
