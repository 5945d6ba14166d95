"""Accuracy and F1 of nested fields: by hand, and against APTED on real answers of Qwen2.5-VL."""

from __future__ import annotations

import json
import time
from random import Random
from typing import Any

import pytest
from apted import APTED, Config
from rapidfuzz.distance import Levenshtein

from helpers import fixtures_path
from vleval.tasks.documents.ocr_rules.cc_parsing import clean_value, without_commands
from vleval.tasks.text.edit_distance import normalised_edit_distance
from vleval.tasks.text.nested_fields import DEPTH_LIMIT, field_accuracy, field_f1, read_json

NODE = tuple[bool, str, list["NODE"]]  # whether it is a value, its text, its children


class Donut(Config):  # type: ignore[misc]
    """The costs of the definition."""

    def delete(self, node: NODE) -> int:
        return len(node[1]) if node[0] else 1

    insert = delete

    def rename(self, one: NODE, other: NODE) -> int:
        if one[0] and other[0]:
            return Levenshtein.distance(one[1], other[1])
        if one[0] or other[0]:
            return 1 + len((one if one[0] else other)[1])
        return int(one[1] != other[1])

    def children(self, node: NODE) -> list[NODE]:
        return node[2]


def tree(value: Any, name: str = "root") -> NODE:
    """Flat or nested objects of strings and lists of objects, names in the definition's order."""
    if isinstance(value, dict):
        inner = ((key, value[key]) for key in sorted(value, key=lambda key: (len(key), key)))
        # An object in an object is a list of one.
        return (False, name, [tree([one] if isinstance(one, dict) else one, key) for key, one in inner])
    if isinstance(value, list):
        return (False, name, [tree(one, "list item") for one in value])
    return (False, name, [(True, str(value).strip(), [])])


def by_definition(said: Any, true: Any) -> float:
    distance = APTED(tree(said), tree(true), Donut()).compute_edit_distance()
    whole = APTED(tree({}), tree(true), Donut()).compute_edit_distance()
    return max(0.0, 1 - distance / whole)


def random_fields(random: Random, depth: int) -> dict[str, Any]:
    def value() -> Any:
        if depth and random.random() < 0.3:
            return [random_fields(random, depth - 1) for _ in range(random.randint(1, 3))]
        return "".join(random.choices("ab1", k=random.randint(1, 4)))

    return {name: value() for name in random.sample(["a", "b", "total", "date"], random.randint(1, 4))}


def test_accuracy_is_that_of_the_definition() -> None:
    random = Random(7)
    for _ in range(120):
        said, true = random_fields(random, 2), random_fields(random, 2)
        assert field_accuracy(said, true) == pytest.approx(by_definition(said, true), abs=1e-12)


def test_real_answers_score_as_by_definition_and_keep_their_edit_distance() -> None:
    path = fixtures_path("documents", "json_extraction.json")
    for row in json.loads(path.read_text()):
        figure = normalised_edit_distance(row["prediction"], row["target"])
        assert figure == pytest.approx(row["normalised_edit_distance"], abs=1e-10)
        said, true = read_json(row["prediction"]), json.loads(row["target"])
        if said is not None:
            assert field_accuracy(said, true) == pytest.approx(by_definition(said, true), abs=1e-12)


@pytest.mark.parametrize(
    ("said", "true", "expected"),
    [
        ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}, 1.0),
        ({"a": ["1", "2"]}, {"a": ["2", "1"]}, 1.0),
        ({"a": "1"}, {"a": "1", "b": "2"}, 2 / 3),
        ({"m": [{"n": "x"}]}, {"m": [{"n": "x"}, {"n": "y"}]}, 2 / 3),
        ({"a": 1}, {"a": "1"}, 1.0),
        ({"a": []}, {"a": "1"}, 0.0),
        ({}, {"a": "1"}, 0.0),
        ("text", {"a": "1"}, 0.0),
    ],
)
def test_f1_of_fields_by_hand(said: Any, true: Any, expected: float) -> None:
    assert field_f1(said, true) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":\n "1"}', {"a": "1"}),
        ('Here:\n```json\n{"a": "1"}\n```\ndone', {"a": "1"}),
        ('```json\n{"a": "1"}', None),
        ("null", None),
        ("{'a': 1}", None),
        ("[" * 30_000, None),
        ('{"a":' * DEPTH_LIMIT + "1" + "}" * DEPTH_LIMIT, None),
    ],
)
def test_json_is_read_from_the_fence_or_the_whole_answer(text: str, expected: Any) -> None:
    assert read_json(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ＡＢ　１", "AB 1"),
        ("中 文 a", "中文a"),
        ("a ,b", "a, b"),
        ("5 . 3", "5 . 3"),
        ("5.3", "5.3"),
        ("12kg", "12 kg"),
        ("、", ", "),
    ],
)
def test_values_are_cleaned_as_in_the_script(value: str, expected: str) -> None:
    assert clean_value(value) == expected


def test_a_preamble_goes_and_an_unclosed_command_stays() -> None:
    page = "\\documentclass{a}\\usepackage[b]{c}\n\\usepackage{d} x \\geometry{e}"
    assert without_commands(page + "\n\\begin{document}y\\end{document}") == "\n x \ny"
    assert without_commands("\\usepackage[a] {b}") == "\\usepackage[a] {b}"


@pytest.mark.parametrize("text", [" " * 65_000, "\\usepackage[" * 5_000, "\\usepackage[" + "]{" * 30_000])
def test_no_value_takes_long_to_clean(text: str) -> None:
    start = time.process_time()
    clean_value(text)
    without_commands(text)
    assert time.process_time() - start < 2.0


def test_long_receipts_and_answers_without_end_are_compared_in_seconds() -> None:
    items = [{"name": f"thing {n}", "price": f"{n}.00", "count": "1"} for n in range(150)]
    start = time.process_time()
    assert field_accuracy({"items": items}, {"items": items}) == 1.0
    assert field_accuracy({"items": items * 8}, {"items": items}) == 0.0
    assert time.process_time() - start < 8.0
