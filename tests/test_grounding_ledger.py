"""The ledger: every kind of entry comes about, at its place, and drops nothing; and what strict means."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from vleval.grounding.ledger import COORDINATE_LIMIT, FORM, TEXT_LIMIT, EntryKind, why_nothing
from vleval.grounding.parse import parse_boxes, parse_html, parse_points, parse_spans
from vleval.grounding.reading.spans import GRACE

ONE = '{"bbox_2d": [10, 20, 110, 220], "label": "cat"}'
TWO = '{"bbox_2d": [1, 2, 3, 4], "label": "dog"}'
THREE = '{"bbox_2d": [5, 6, 7, 8], "label": "cow"}'
UNLABELLED = f'[{ONE}, [1, 2, 3, 4], {{"bbox_2d": [5, 6, 7, 8], "label": " "}}]'

# kind, text, options, [what stands at its offsets], items kept
ENTRIES: list[tuple[EntryKind, str, dict[str, Any], list[str], int]] = [
    ("fenced", f"Here:\n```json\n[{ONE}]\n```", {}, ["```json"], 1),
    ("fenced", f"<think>```</think>```json\n[{ONE}]\n```", {}, ["```json"], 1),
    ("reasoning", f"So. <think>[1, 2, 3, 4]</think>{ONE}", {}, ["<think>"], 1),
    ("reasoning", f"[1, 2], hm</think>{ONE}", {}, ["[1, 2]"], 1),
    ("unclosed_think", f"<think>hm {ONE}", {}, ["<think>"], 0),
    ("repaired", f"Yes: [{ONE},]", {}, ["[{"], 1),
    ("repaired", f'["{ONE}] [{{"bbox_2d": [1,2,3,4]}}] [{TWO},]', {}, ['["{', '[{"bbox_2d": [1, 2'], 3),
    ("truncated", f'[{ONE}, {{"bbox_2d": [1, 2', {}, ["[1, 2"], 1),
    ("wrong_arity", f"[1, 2, 3] {ONE}", {}, ["[1, 2, 3]"], 1),
    ("not_numbers", f'{{"bbox_2d": ["left", "top"]}} {ONE}', {}, ['["left"'], 1),
    ("non_finite", f"[NaN, 1, 2, 3] {ONE}", {}, ["[NaN"], 1),
    ("out_of_range", f"[0, 0, 9, {COORDINATE_LIMIT * 2:.0f}] {ONE}", {}, ["[0, 0"], 1),
    ("out_of_frame", f"[{ONE}, {TWO}]", {"extent": (109.9, 300)}, ["[10, 20"], 2),
    ("out_of_frame", f"[{ONE}, [-1, 0, 3, 4]]", {"extent": (110, 220)}, ["[-1"], 2),
    ("swapped", f"{ONE} [9, 1, 1, 9]", {}, ["[9, 1"], 2),
    ("duplicate", f"[{ONE}, {TWO}, {ONE}, {ONE}]", {}, ["[10, 20", "[10, 20"], 4),
    ("extra_items", f"[{ONE}, {ONE}, {TWO}, {THREE}, {TWO}]", {"expected": 1}, ["[1, 2", "[5, 6"], 5),
    ("unlabelled", UNLABELLED, {"labelled": True}, ["[1, 2", "[5, 6"], 3),
    ("foreign_key", '{"the cat": [10, 20, 110, 220]}', {}, ["[10"], 1),
    ("ambiguous", f"Top-left: [1, 2, 3, 4]\n{ONE}", {}, ["[1, 2"], 1),
    ("refusal", "I cannot see it.", {}, ["I cannot"], 0),
    ("nothing_found", "Hello.", {}, ["Hello"], 0),
]


@pytest.mark.parametrize(
    ("kind", "text", "options", "marks", "kept"), ENTRIES, ids=[row[0] for row in ENTRIES]
)
def test_each_entry_stands_at_its_place_and_drops_nothing(
    kind: EntryKind, text: str, options: dict[str, Any], marks: list[str], kept: int
) -> None:
    read = parse_boxes(text, **options)
    found = [text[entry.offset :] for entry in read.ledger if entry.kind == kind]
    assert len(found) == len(marks)
    assert all(there.startswith(mark) for there, mark in zip(found, marks, strict=True)), found
    assert len(read.items) == kept
    assert [entry.offset for entry in read.ledger] == sorted(entry.offset for entry in read.ledger)
    assert (kind in FORM) != (kind in {entry.kind for entry in read.problems})


def test_every_kind_of_entry_has_a_row() -> None:
    assert {row[0] for row in ENTRIES} | {"capped"} == set(get_args(EntryKind))


def test_long_text_is_capped_and_says_so() -> None:
    read = parse_boxes(" " * TEXT_LIMIT + ONE)
    assert not read.items
    assert [entry.kind for entry in read.ledger] == ["nothing_found", "capped"]
    assert read.ledger[1].offset == TEXT_LIMIT


def test_what_is_in_order_has_an_empty_ledger() -> None:
    text = f"[{ONE}, {TWO}]"
    assert parse_boxes(text, expected=2, extent=(110, 220), labelled=True).ledger == ()


def test_the_same_place_under_two_labels_is_a_repetition_only_where_no_labels_were_asked_for() -> None:
    text = '[{"bbox_2d": [1, 2, 3, 4], "label": "cat"}, {"bbox_2d": [1, 2, 3, 4], "label": "pet"}]'
    assert [entry.kind for entry in parse_boxes(text).ledger] == ["duplicate"]
    assert parse_boxes(text, labelled=True).ledger == ()


def test_reasoning_is_neither_answer_nor_refusal() -> None:
    read = parse_boxes("<think>There is no such object, or is it [1, 2, 3]?</think>Yes.")
    assert [entry.kind for entry in read.ledger] == ["reasoning", "nothing_found"]
    headless = parse_boxes("[1, 2, 3] there is no such thing</think>Yes.")
    assert [entry.kind for entry in headless.ledger] == ["reasoning", "nothing_found"]


def test_a_span_may_end_half_a_second_after_the_video() -> None:
    text = "1.0 - 10.5 seconds, 2.0 - 10.6 seconds, 11.0 - 12.0 seconds"
    read = parse_spans(text, duration=10.0, expected=2)
    assert GRACE == 0.5
    assert [entry.kind for entry in read.ledger] == ["out_of_frame", "out_of_frame", "extra_items"]
    assert [text[entry.offset :][:4] for entry in read.ledger] == ["2.0 ", "11.0", "11.0"]
    assert len(read.items) == 3


def test_points_leave_the_frame_on_either_side() -> None:
    read = parse_points("[[0, 10], [10, 0], [10.5, 0], [0, -1]]", extent=(10, 10), expected=9)
    assert [entry.detail for entry in read.ledger] == ["the point leaves the frame of 10 x 10"] * 2


def test_why_nothing_names_the_problems() -> None:
    assert why_nothing(parse_boxes("[1, 2, 3]").problems) == "wrong arity"
    assert why_nothing(parse_boxes("Hello.").problems) == "nothing found"


STRICT_BOXES = [
    (True, "the documented answer", f"```json\n[{ONE}, {TWO}]\n```"),
    (True, "without a fence", f" [{ONE}] \n"),
    (True, "one object", ONE),
    (True, "one fence in prose", f"Here it is:\n```json\n[{ONE}]\n```\nDone."),
    (True, "after reasoning", f"<think>```hm```</think>\n```\n[{ONE}]\n```"),
    (True, "nothing, and saying so", "```json\n[]\n```"),
    (True, "a repetition is well formed", f"[{ONE}, {ONE}]"),
    (True, "other keys beside it", '[{"bbox_2d": [1, 2.5, 3, 4], "name": "a", "score": 0.5, "label": 3}]'),
    (False, "json in prose", f"It is {ONE}"),
    (False, "two fences", f"```json\n[{ONE}]\n```\n```json\n[{ONE}]\n```"),
    (False, "a second fence without items", f"```json\n[{ONE}]\n```\n```\nhm\n```"),
    (False, "a fence left open", f"```json\n[{ONE}]\n"),
    (True, "an answer tag", f"<answer>[{ONE}]</answer>"),
    (True, "reasoning before it", f"<think>two [1, 2]</think>\n<answer>[{ONE}]</answer>"),
    (True, "a fence in the tag", f"<answer>\n```json\n[{ONE}]\n```\n</answer>"),
    (False, "an answer tag without an end", f"<answer>[{ONE}]"),
    (False, "words before the reasoning", f"So: <think>hm</think>[{ONE}]"),
    (True, "a bare list", "[1, 2, 3, 4]"),
    (True, "bare lists", "[[1, 2, 3, 4], [5, 6, 7, 8]]"),
    (False, "another key", '[{"bbox": [1, 2, 3, 4]}]'),
    (False, "an object without a box", f'[{ONE}, {{"label": "dog"}}]'),
    (False, "python quotes", "[{'bbox_2d': [1, 2, 3, 4]}]"),
    (False, "a comma too many", f"[{ONE},]"),
    (False, "truncated", f"[{ONE}, {TWO[:-1]}"),
    (False, "three numbers", '{"bbox_2d": [1, 2, 3]}'),
    (False, "five numbers", '{"bbox_2d": [1, 2, 3, 4, 5]}'),
    (False, "numbers in strings", '{"bbox_2d": ["1", "2", "3", "4"]}'),
    (False, "a bool is no number", '{"bbox_2d": [true, 2, 3, 4]}'),
    (False, "NaN", '{"bbox_2d": [NaN, 2, 3, 4]}'),
    (False, "infinity", '{"bbox_2d": [1e999, 2, 3, 4]}'),
    (False, "corners swapped", '{"bbox_2d": [3, 2, 1, 4]}'),
    (False, "a box inside a box's object", f'[{{"bbox_2d": [1, 2, 3, 4], "part": {TWO}}}]'),
    (False, "the key twice", '{"bbox_2d": [1, 2, 3, 4], "bbox_2d": [5, 6, 7, 8]}'),
    (False, "too deep to load", "[" * 30_000 + "]" * 30_000),
    (False, "an integer too long to load", f'{{"bbox_2d": [1, 2, 3, 4], "id": {"9" * 5000}}}'),
    (False, "longer than is read", f"[{ONE}]" + " " * TEXT_LIMIT),
    (False, "nothing to read", "Hello."),
]


@pytest.mark.parametrize(("strict", "reason", "text"), STRICT_BOXES, ids=[row[1] for row in STRICT_BOXES])
def test_strict_boxes(strict: bool, reason: str, text: str) -> None:
    assert parse_boxes(text, expected=1, extent=(2, 2), labelled=True).strict is strict, reason


STRICT_OTHERS = [
    (parse_points, True, '[{"point_2d": [1, 2], "label": "a"}]'),
    (parse_points, True, '```json\n{"point_2d": [1, 2]}\n```'),
    (parse_points, True, "[1, 2]"),
    (parse_points, False, "(1, 2)"),
    (parse_points, False, '[{"bbox_2d": [1, 2]}]'),
    (parse_points, False, '[{"point_2d": [1, 2, 3, 4]}]'),
    (parse_points, False, '<point x="1" y="2" alt="a">'),
    (parse_spans, True, "The event happens in 2.0 - 4.5 seconds."),
    (parse_spans, True, "The event happens in 2.0 - 4.5 seconds.\nThe event happens in 7 - 9 seconds."),
    (parse_spans, True, '{"start": 1, "end": 2.5}'),
    (parse_spans, True, '```json\n[{"start_time": "00:25", "end_time": "01:30.5", "about": "x"}]\n```'),
    (parse_spans, True, "[12.0, 31.0]"),
    (parse_spans, True, "[[1, 2], [3, 4]]"),
    (parse_spans, True, "[]"),
    (parse_spans, False, "The 2 events happen in 2.0 - 4.5 seconds."),
    (parse_spans, False, "0.0 - 24.2 seconds, then 30.0 - 31.0 seconds"),
    (parse_spans, False, "from 2.0 to 4.5"),
    (parse_spans, True, "<think>hm</think>The event happens in 2.0 - 4.5 seconds."),
    (parse_spans, False, "The event happens in 4.5 - 2.0 seconds."),
    (parse_spans, False, '{"start": 1, "finish": 2}'),
    (parse_spans, False, '{"start": "soon", "end": "later"}'),
    (parse_spans, False, "There is no such event."),
    (parse_html, True, '```html\n<html><body><p data-bbox="1 2 3 4">a</p></html></body>\n```'),
    (parse_html, True, '<p data-bbox="1 2 3 4">a</p>'),
    (parse_html, True, "<html><body></body></html>"),
    (parse_html, False, 'Here: <p data-bbox="1 2 3 4">a</p>'),
    (parse_html, False, '<html><body><p data-bbox="1 2 3 4">a</p>'),
    (parse_html, False, '<p data-bbox="3 2 1 4">a</p>'),
    (parse_html, False, '<p data-bbox="1 2 3">a</p><p data-bbox="1 2 3 4">a</p>'),
    (parse_html, False, '<p data-bbox="1,2,3,4">a</p>'),
    (parse_html, False, "A page without tags."),
]


@pytest.mark.parametrize(
    ("parse", "strict", "text"),
    STRICT_OTHERS,
    ids=[f"{row[0].__name__} {row[2][:40]}" for row in STRICT_OTHERS],
)
def test_strict_points_spans_and_pages(parse: Any, strict: bool, text: str) -> None:
    assert parse(text).strict is strict
