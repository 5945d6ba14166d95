"""Which part of a data set was asked: the same from every form of settings that a record may have."""

from __future__ import annotations

from typing import Any

import pytest

from vleval.results.subset import chosen, order_text, subset_text, title_text

EVERYTHING = {"limit": None, "offset": 0, "ids": (), "seed": None}

CASES: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({}, {}, "", ""),
    ({"limit": None, "offset": None, "sample_id": None, "shuffle_seed": None}, {}, "", ""),
    ({"limit": 200}, {"limit": 200}, "limit 200", ""),
    ({"limit": 0.125, "offset": 20}, {"limit": 0.125, "offset": 20}, "limit 0.125, offset 20", ""),
    ({"sample_id": ["a", "b"]}, {"ids": ("a", "b")}, "2 by id", ""),
    ({"shuffle_seed": 0}, {"seed": 0}, "", "shuffle-seed 0"),
    ({"limit": 5, "seed": 3}, {"limit": 5, "seed": 3}, "limit 5", "shuffle-seed 3"),
    ({"shuffle_seed": None, "seed": 3}, {}, "", ""),
]


@pytest.mark.parametrize(("config", "arguments", "part", "order"), CASES)
def test_settings_become_arguments_and_words(
    config: dict[str, Any], arguments: dict[str, Any], part: str, order: str
) -> None:
    """`seed` is what records of earlier versions called the seed of the order."""
    assert chosen(config) == {**EVERYTHING, **arguments}
    assert (subset_text(config), order_text(config)) == (part, order)
    assert title_text(config) == ", ".join(each for each in (part, order) if each)
