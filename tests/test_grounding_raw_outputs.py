"""All 64 real outputs of the shared fixtures, read as they were judged by eye, and the policies they ask for.

A row of `READ` names the output, its reader, whether it is strict, its ledger, and what it is there for; the
items are the fixtures' own (`expected`). The referring logs asked for one item each.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from helpers import fixtures_path
from vleval.grounding.parse import Parsed, parse_boxes, parse_html, parse_points, parse_spans

READ: list[tuple[str, Callable[..., Parsed[Any]], bool, str, str]] = [
    (
        "log-000",
        parse_boxes,
        True,
        "reasoning refusal fenced",
        "an empty list after words that say there is no such thing",
    ),
    (
        "log-001",
        parse_boxes,
        False,
        "fenced refusal",
        "objects without a box: the answer is a sentence in a string",
    ),
    ("log-002", parse_boxes, False, "reasoning refusal", "a refusal in an answer tag"),
    (
        "log-005",
        parse_boxes,
        True,
        "reasoning refusal fenced",
        "an empty list after a refusal, with reasoning before",
    ),
    ("log-006", parse_boxes, False, "fenced refusal", "null for an answer, think tags inside a string"),
    (
        "log-008",
        parse_boxes,
        False,
        "reasoning refusal",
        "a refusal in words, after reasoning about what is there",
    ),
    (
        "log-013",
        parse_points,
        True,
        "reasoning",
        "a pair in an answer tag; the same pair in the reasoning is not read",
    ),
    ("log-014", parse_points, True, "", "a bare pair"),
    (
        "log-015",
        parse_points,
        False,
        "reasoning extra_items",
        "two pairs in an answer tag: both are kept, the second is extra",
    ),
    ("log-016", parse_points, True, "reasoning", "a pair between blanks"),
    ("log-020", parse_boxes, True, "", "a bare list of four"),
    ("log-021", parse_boxes, True, "fenced duplicate", "the same box twice under different labels"),
    ("log-022", parse_boxes, True, "fenced extra_items", "two different boxes for one expression"),
    (
        "log-025",
        parse_boxes,
        False,
        "reasoning fenced duplicate",
        "the box in a fence and again in a second one, in an answer tag that never ends",
    ),
    ("log-026", parse_boxes, True, "fenced extra_items", "two different boxes for one expression"),
    (
        "log-028",
        parse_boxes,
        True,
        "fenced duplicate",
        "think and answer tags inside labels are text; the same box twice",
    ),
    ("log-029", parse_boxes, True, "fenced duplicate", "the same box twice under the same label"),
    (
        "log-030",
        parse_boxes,
        True,
        "fenced extra_items",
        "two different boxes whose labels are called think and answer: no reason to prefer the second",
    ),
    ("log-032", parse_boxes, False, "fenced duplicate", "the box again as a list in a string"),
    ("log-033", parse_boxes, False, "reasoning repaired", "an object opened inside a string that never ends"),
    ("log-034", parse_boxes, False, "reasoning repaired", "an object opened inside a string"),
    (
        "log-037",
        parse_boxes,
        False,
        "reasoning repaired",
        "an object opened inside a string, with a blank at the end",
    ),
    (
        "log-038",
        parse_boxes,
        False,
        "reasoning repaired",
        "an object opened inside a string; the box ends at the edge of the resized picture",
    ),
    (
        "log-039",
        parse_boxes,
        False,
        "reasoning repaired",
        "an object opened inside a string, with a stray link behind the bracket",
    ),
    (
        "log-043",
        parse_boxes,
        False,
        "reasoning swapped",
        "corners in the wrong vertical order, kept as written",
    ),
    ("log-044", parse_boxes, False, "reasoning swapped", "corners in the wrong horizontal order"),
    ("log-045", parse_boxes, False, "reasoning swapped", "corners in the wrong horizontal order"),
    ("log-047", parse_boxes, False, "swapped", "a bare list with corners in the wrong order"),
    ("log-049", parse_boxes, True, "reasoning", "a list in an answer tag, padded with blanks"),
    ("log-050", parse_boxes, True, "fenced", "the documented answer"),
    ("log-052", parse_boxes, True, "fenced", "the documented answer"),
    ("log-053", parse_boxes, True, "fenced", "the documented answer"),
    ("log-055", parse_boxes, True, "reasoning fenced", "a fence without an answer tag"),
    (
        "cb-ocr-invoice",
        parse_boxes,
        False,
        "fenced repaired",
        "a comma too many in every object and in the list",
    ),
    ("cb-ocr-receipt-a", parse_boxes, False, "fenced repaired", "a comma too many after the last object"),
    ("cb-ocr-receipt-b", parse_boxes, True, "fenced", "the documented answer with text for a label"),
    (
        "cb-doc-html-trunc",
        parse_html,
        False,
        "fenced truncated",
        "a page cut off in a paragraph whose box is whole",
    ),
    ("cb-mobile-en-local", parse_points, False, "", "a tool call with a coordinate"),
    ("cb-vid-seconds", parse_spans, True, "", "the documented sentence"),
    (
        "cb-vid-json8",
        parse_spans,
        True,
        "fenced",
        "eight objects with clock times; their descriptions are not read",
    ),
    ("fork-vid-3", parse_spans, False, "", "between two times, in prose"),
    ("fork-vid-5", parse_spans, False, "", "clock times around a dash without blanks"),
    ("cb3-food", parse_boxes, True, "fenced", "labels under keys of the dish's name are no labels"),
    ("cb3-zoom-0", parse_boxes, False, "", "a printed tool call after prose"),
    ("cb3-zoom-1", parse_boxes, False, "", "a printed tool call after prose"),
    ("cb3-zoom-2", parse_boxes, False, "", "a printed tool call after prose with a telephone number"),
    ("cb3-zoom-4", parse_boxes, False, "", "a printed tool call after prose"),
    (
        "cb3-3d-0",
        parse_boxes,
        False,
        "nothing_found foreign_key foreign_key",
        "nine numbers of a box in space are no box in a picture",
    ),
    ("cb3-3d-1", parse_boxes, False, "nothing_found foreign_key", "nine numbers, one object"),
    ("mlx-qwen2", parse_boxes, False, "fenced", "lists of lists under another key and another label key"),
    ("mlx-molmo-0", parse_points, False, "", "two points in one tag"),
    ("mlx-molmo-1", parse_points, False, "", "seven points in one tag"),
    (
        "fork-internvl-1",
        parse_boxes,
        False,
        "nothing_found ambiguous ambiguous ambiguous ambiguous",
        "four numbers that are called one corner",
    ),
    ("iss-swift-1", parse_boxes, False, "swapped", "a box token without its end, corners in the wrong order"),
    ("iss-swift-3", parse_boxes, False, "nothing_found", "a box token and nothing after it"),
    ("iss-swift-4", parse_boxes, False, "nothing_found wrong_arity", "three corners are no box"),
    ("iss-qwen-718", parse_boxes, True, "fenced", "three labelled boxes"),
    ("iss-lf-6925-a", parse_boxes, True, "", "a bare list of objects, label in Chinese"),
    ("iss-lf-6925-b", parse_boxes, True, "", "a bare list of one object"),
    ("iss-vllm-8408", parse_boxes, False, "", "two corner pairs, their tokens stripped"),
    (
        "iss-sspro-7",
        parse_boxes,
        False,
        "nothing_found wrong_arity",
        "mangled tokens and a corner that lost its comma",
    ),
    (
        "iss-dsvl2-96",
        parse_boxes,
        False,
        "repaired truncated",
        "runaway digits in the second list, which never ends",
    ),
    ("iss-timechat-20", parse_spans, False, "duplicate", "the same times for two events"),
    ("iss-qwen-1137", parse_boxes, True, "", "one object, no list"),
]


@cache
def outputs() -> dict[str, dict[str, Any]]:
    lines = fixtures_path("raw_outputs.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


def expected_items(row: dict[str, Any]) -> list[tuple[list[float], str | None]]:
    """(numbers, label) as judged; the label is the ellipsis where none was judged."""
    expected = row["expected"]
    if "boxes" in expected:
        return [(item["box"], item.get("label", ...)) for item in expected["boxes"]]
    return [(values, ...) for values in expected.get("points", expected.get("spans"))]


@pytest.mark.parametrize(("name", "parse", "strict", "ledger", "reason"), READ, ids=[row[0] for row in READ])
def test_a_real_output(
    name: str, parse: Callable[..., Parsed[Any]], strict: bool, ledger: str, reason: str
) -> None:
    row = outputs()[name]
    read = parse(row["raw"], expected=1) if name.startswith("log-") else parse(row["raw"])
    expected = expected_items(row)
    assert [list(item.values) for item in read.items] == [values for values, _ in expected], reason
    labels = [item.tag if parse is parse_html else getattr(item, "label", None) for item in read.items]
    judged = [
        label if wanted is not ... else ... for label, (_, wanted) in zip(labels, expected, strict=True)
    ]
    assert judged == [wanted for _, wanted in expected], reason
    assert [entry.kind for entry in read.ledger] == ledger.split(), reason
    assert read.strict is strict, reason
    if "boxes" in row["expected"]:
        # A strict reading asks for more than JSON; the recorded flag knows of no answer tags.
        assert row["strict_json"] or not read.strict or "<answer>" in row["raw"]


def test_every_output_has_a_row() -> None:
    assert {row[0] for row in READ} == set(outputs())
    assert len(READ) == 64


@pytest.mark.parametrize("name", [row[0] for row in READ if row[1] is parse_points])
def test_a_point_is_no_box(name: str) -> None:
    assert parse_boxes(outputs()[name]["raw"]).items == ()


@pytest.mark.parametrize("name", [row[0] for row in READ if row[1] is parse_boxes])
def test_a_box_is_no_point(name: str) -> None:
    # Corners without their tokens, or without the second one, are as much points: what was asked for decides.
    points = {"iss-vllm-8408": 2, "iss-sspro-7": 1}.get(name, 0)
    assert len(parse_points(outputs()[name]["raw"]).items) == points


@pytest.mark.parametrize("name", ["log-021", "log-025", "log-028", "log-029", "log-032", "iss-timechat-20"])
def test_policy_an_exact_repetition_is_kept_noted_and_never_extra(name: str) -> None:
    raw = outputs()[name]["raw"]
    read = (parse_spans if "spans" in outputs()[name]["expected"] else parse_boxes)(raw, expected=1)
    first, second = read.items
    assert first.values == second.values
    told = [(entry.kind, entry.offset) for entry in read.problems]
    assert told == [("duplicate", second.offset)]


@pytest.mark.parametrize("name", ["log-022", "log-026", "log-030"])
def test_policy_of_two_boxes_the_first_comes_first_and_the_second_is_extra(name: str) -> None:
    """Whatever the labels say: in `log-030` the second one calls itself the answer."""
    row = outputs()[name]
    read = parse_boxes(row["raw"], expected=1)
    assert list(read.items[0].values) == row["expected"]["boxes"][0]["box"]
    assert [(entry.kind, entry.offset) for entry in read.problems] == [("extra_items", read.items[1].offset)]


@pytest.mark.parametrize("name", ["cb3-food", "mlx-qwen2"])
def test_policy_boxes_without_a_label_are_kept_and_noted_where_labels_were_asked_for(name: str) -> None:
    raw = outputs()[name]["raw"]
    read = parse_boxes(raw, labelled=True)
    assert [item.label for item in read.items] == [None] * len(read.items)
    noted = [entry.offset for entry in read.ledger if entry.kind == "unlabelled"]
    assert noted == [item.offset for item in read.items]
    assert "unlabelled" not in {entry.kind for entry in parse_boxes(raw).ledger}


def test_boxes_of_another_library_are_read_and_the_unlabelled_ones_said() -> None:
    """Nine cases of supervision's reader, which drops a box without a label; we keep it, and note it."""
    suite = json.loads(fixtures_path("metrics", "expected_cases.json").read_text())["supervision_qwen25"]
    unlabelled = 0
    for case in suite["cases"]:
        read = parse_boxes(case["raw"], labelled=True)
        scale = [a / b for a, b in zip(case["resolution_wh"], case["input_wh"], strict=True)] * 2
        named = [item for item in read.items if item.label]
        assert [item.label for item in named] == case["labels"]
        scaled = [[value * by for value, by in zip(item.values, scale, strict=True)] for item in named]
        assert scaled == case["xyxy"]
        unlabelled += sum(entry.kind == "unlabelled" for entry in read.ledger)
    assert unlabelled == 2
