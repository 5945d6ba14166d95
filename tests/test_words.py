"""Truths and readings of every form, in words."""

from __future__ import annotations

from typing import Any

import pytest

from vleval.cards.check import TEXTS
from vleval.results.words import MOST_TEXTS, Said, in_words, plain_texts, said
from vleval.tasks.base import Answer, Sample
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import TASKS

WORDS: list[tuple[dict[str, Any], str]] = [
    ({"bbox_xyxy": [10, 20, 110.25, 220]}, "box 10, 20, 110.25, 220"),
    ({"span": [2.0, 4.5]}, "span 2 to 4.5 s"),
    ({"spans": [[1, 2], [3, 4]], "duration": 9}, "2 spans: 1 to 2 s; 3 to 4 s"),
    ({"boxes": [[1, 2, 3, 4]], "labels": ["cat"], "as_written": [[9, 9, 9, 9]]}, "box cat (1, 2, 3, 4)"),
    ({"boxes": [], "ledger": [["nothing_found", "", 0]]}, "no box"),
    ({"objects": {"points": [[1, 2], [3, 4]], "masks": ["x"]}}, "2 points: 1, 2; 3, 4"),
    ({"area": {"mask": {"size": [1, 1], "counts": "x"}, "count": 2}}, "mask an area of the picture; count 2"),
    ({"answers": ["$1,250", "1,250"]}, "$1,250 or 1,250"),
    ({"answers": ["a", "b", "a", "c", "d", "e"]}, "a (2 times) or b or c or d or 1 more"),
    ({"answers": {"formula": ["x ^ { 2 }"]}}, "formula x ^ { 2 }"),
    ({"letter": "C"}, "letter C"),
    ({"letter": None}, ""),
    ({"count": 3}, "count 3"),
    ({"html": "<p>one</p>\n<p>two</p>"}, "html <p>one</p> <p>two</p>"),
    ({"answer": "Paris"}, "Paris"),
    (
        {"page": {"dets": [{"category": "title", "text": "One"}, {"poly": [1]}]}},
        'dets category title, text One or {"poly": [1]}',
    ),
    ({}, ""),
]


@pytest.mark.parametrize(("data", "words"), WORDS, ids=[words or "nothing" for _, words in WORDS])
def test_in_words(data: dict[str, Any], words: str) -> None:
    assert in_words(data) == words


def test_a_single_place_is_told_from_a_list_of_one() -> None:
    assert said({"bbox_xyxy": [1, 2, 3, 4]}).one
    assert not said({"boxes": [[1, 2, 3, 4]]}).one


def test_a_page_of_html_is_its_blocks_and_its_text() -> None:
    page = '<html><body><h1 data-bbox="1 2 30 4">Title</h1><p data-bbox="1 6 30 9">Text</p></body></html>'
    found = said({"html": page})
    assert (found.kind, found.places, found.labels) == ("boxes", ((1, 2, 30, 4), (1, 6, 30, 9)), ("h1", "p"))
    assert found.words == (("html", (page,)),)
    assert plain_texts({"html": page}) == [page]


def test_what_is_no_place_is_left_out() -> None:
    found = said({"boxes": [[1, 2, None, 4], "no", [1, 2], [float("inf"), 2, 3, 4], [1, 2, 3, 4]]})
    assert found.places == ((1.0, 2.0, 3.0, 4.0),)


def test_labels_that_do_not_fit_the_places_are_not_guessed_at() -> None:
    assert said({"boxes": [[1, 2, 3, 4]], "labels": ["a", "b"]}).labels == ()


def test_many_texts_are_counted() -> None:
    (words,) = said({"answers": [str(number) for number in range(40)]}).words
    assert words.texts[-1] == f"and {40 - MOST_TEXTS} more"
    assert len(words.texts) == MOST_TEXTS + 1


def test_what_is_nested_without_end_is_text() -> None:
    deep: dict[str, Any] = {"leaf": 1}
    for _ in range(50):
        deep = {"in": deep}
    (words,) = said(deep).words
    assert words.name == "in"


def says_something(found: Said) -> bool:
    return bool(found.places or found.words) or found.kind != ""


@pytest.mark.parametrize(
    "task", [task for task in TASKS.values() if task.bundled_splits], ids=lambda task: task.name
)
def test_every_task_says_its_truths_and_readings(task: Any) -> None:
    samples: list[Sample] = open_data(task, "bundled", limit=3).samples
    for sample in samples:
        assert says_something(said(sample.target)), "a truth that the page would not show"
        for text in TEXTS:
            reading = task.read(Answer(sample, text, ()), "absolute")
            if reading.counts:
                assert says_something(said(reading.parsed)), text
