"""Two measures of nested fields (the JSON of a receipt): accuracy by tree edit distance, and F1 of fields.

Source: Donut (Kim et al., 2022, `JSONParseEvaluator`), in the form of CC-OCR's script (`kie_evaluator.py`).
Values are strings; names are sorted by length and then by letter; empty lists and objects go. Accuracy is
max(0, 1 - TED(said, true) / TED({}, true)), where adding or removing a name costs 1, and a value as many as
it has characters; exchanging two values costs their edit distance, two names 1 unless equal.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from vleval.tasks.text.tree_distance import Branch, Costs, Tree, too_large, tree_distance

DEPTH_LIMIT = 40
"""Levels of an object that is read: no document has as many."""

_VALUE = "<leaf>"
"""What the labels of values begin with, so that no name equals one."""


def read_json(text: str) -> Any | None:
    """The JSON of an answer: what its first ```json fence holds, else all of it; line breaks go first.

    None where it is none, or null, or nested deeper than DEPTH_LIMIT.
    """
    if "```json" in text:
        fenced, closing, _ = text.partition("```json")[2].partition("```")
        text = fenced if closing else ""
    try:
        found = json.loads(text.strip().replace("\n", ""))
    except (ValueError, RecursionError):
        return None
    return found if shallow(found) else None


def shallow(value: Any) -> bool:
    """Whether a value is nested no deeper than DEPTH_LIMIT."""
    level = [value]
    for _ in range(DEPTH_LIMIT):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return True
    return False


def field_accuracy(prediction: Any, truth: Any, clean: Callable[[str], str] = str) -> float:
    """1 where the fields agree, down to 0; `clean` goes over values first.

    0 for a pair that is `too_large`. An answer that says much more than the truth scores 0 without a table:
    the distance is never below the difference of what both say.
    """
    said, true = _tree(prediction, clean), _tree(truth, clean)
    said_costs, true_costs = _prices(said), _prices(true)
    whole = sum(true_costs) - 1
    if whole <= 0:
        return float(said.labels == true.labels)
    if sum(said_costs) - sum(true_costs) >= whole or too_large(said, true):
        return 0.0
    costs = Costs(said_costs, true_costs, _exchanges(said, true, said_costs, true_costs))
    return max(0.0, 1.0 - tree_distance(said, true, costs) / whole)


def field_f1(prediction: Any, truth: Any, clean: Callable[[str], str] = str) -> float:
    """2 · right / (said + true) of fields, as multisets of names with their values; 0 without any."""
    said = Counter(_flat(_ordered(_cleaned(prediction, clean)), ""))
    true = Counter(_flat(_ordered(_cleaned(truth, clean)), ""))
    right = (said & true).total()
    return 2 * right / (said.total() + true.total()) if right else 0.0


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    """Values of objects, cleaned; strings in lists stay as they are, as in the script."""
    if isinstance(value, dict):
        return {name: _cleaned(one, clean) for name, one in value.items()}
    if isinstance(value, list):
        return [_cleaned(one, clean) if isinstance(one, dict) else one for one in value]
    return clean(value) if isinstance(value, str) else value


def _ordered(value: Any) -> Any:
    """Objects with sorted names and lists as values; lists of objects, or of strings."""
    if isinstance(value, dict):
        inner = {name: _ordered(value[name]) for name in sorted(value, key=lambda name: (len(name), name))}
        return {name: one if isinstance(one, list) else [one] for name, one in inner.items() if one}
    if not isinstance(value, list):
        return [str(value).strip()]
    if all(isinstance(one, dict) for one in value):
        return [found for one in value if (found := _ordered(one))]
    texts = (str(one).strip() for one in value if type(one) in (str, int, float))
    return [text for text in texts if text]


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """(path of names, value) of every value."""
    if isinstance(value, dict):
        for inner, one in value.items():
            yield from _flat(one, f"{name}.{inner}" if name else inner)
    elif isinstance(value, list):
        for one in value:
            yield from _flat(one, name)
    else:
        yield name, value


def _tree(value: Any, clean: Callable[[str], str]) -> Tree:
    return Tree.of(_branch("<root>", _ordered(_cleaned(value, clean))))


def _branch(label: str, value: Any) -> Branch:
    if isinstance(value, dict):
        return Branch(label, [_branch(name, one) for name, one in value.items()])
    children = (_branch("<subtree>", one) if isinstance(one, dict) else Branch(_VALUE + one) for one in value)
    return Branch(label, list(children))


def _prices(tree: Tree) -> list[int]:
    return [len(_text(label)) if label.startswith(_VALUE) else 1 for label in tree.labels]


def _text(label: str) -> str:
    return label.removeprefix(_VALUE)


def _exchanges(said: Tree, true: Tree, said_costs: list[int], true_costs: list[int]) -> Any:
    """What it costs to exchange any node of one tree for any of the other."""
    import numpy as np
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    numbers: dict[str, int] = {}
    rows, columns = (
        np.array([numbers.setdefault(label, len(numbers)) for label in labels])
        for labels in (said.labels, true.labels)
    )
    names = (rows[:, None] != columns).astype(np.int64)
    is_said, is_true = (
        np.array([label.startswith(_VALUE) for label in labels]) for labels in (said.labels, true.labels)
    )
    texts = ([_text(label) for label in labels] for labels in (said.labels, true.labels))
    values = cdist(*texts, scorer=Levenshtein.distance, dtype=np.int64)
    mixed = 1 + np.where(is_said[:, None], np.array(said_costs)[:, None], np.array(true_costs))
    both, neither = is_said[:, None] & is_true, ~is_said[:, None] & ~is_true
    return np.where(both, values, np.where(neither, names, mixed))
