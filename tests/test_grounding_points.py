"""Reading points out of model text: a row for each shape, with what is in it and what was wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

from helpers import fixtures_path
from vleval.grounding.parse import parse_boxes, parse_points

POINT = (935.0, 406.0)
ONE = '{"point_2d": [935, 406], "label": "ok"}'
CALL = '{"name": "computer_use", "arguments": {"action": "left_click", "coordinate": [935, 406]}}'

READ = [
    ("official answer", f"```json\n[\n\t{ONE}\n]\n```", [(POINT, "ok")], []),
    ("one object, no list", ONE, [(POINT, "ok")], []),
    ("label before the point", '{"label": "ok", "point_2d": [935, 406]}', [(POINT, "ok")], []),
    ("key point", '{"point": [935, 406]}', [(POINT, None)], []),
    ("key click", '{"click": [935, 406]}', [(POINT, None)], []),
    ("list of pairs behind a key", '{"points": [[1, 2], [3, 4]]}', [((1, 2), None), ((3, 4), None)], []),
    ("bare list", "[935, 406]", [(POINT, None)], []),
    ("list of lists", "[[1, 2], [3, 4]]", [((1, 2), None), ((3, 4), None)], []),
    ("fractions", "[0.5, .25]", [((0.5, 0.25), None)], ["repaired"]),
    ("answer tag, two points", "<answer>[1,2], [3,4]</answer>", [((1, 2), None), ((3, 4), None)], []),
    ("think is not read", "<think>[1, 2]</think><answer>[935, 406]</answer>", [(POINT, None)], []),
    ("pair", "Click at (935, 406).", [(POINT, None)], []),
    ("pairs", "[(1, 2), (3,4)]", [((1, 2), None), ((3, 4), None)], []),
    ("box tokens", "<|box_start|>(935,406)<|box_end|>", [(POINT, None)], []),
    (
        "box tokens with a name",
        "<|object_ref_start|>ok<|object_ref_end|><|box_start|>(935,406)<|box_end|>",
        [(POINT, "ok")],
        [],
    ),
    ("tool call", f"<tool_call>\n{CALL}\n</tool_call>", [(POINT, None)], []),
    ("tool call without an end", f"<tool_call>\n{CALL}", [(POINT, None)], []),
    ("swipe", '{"coordinate": [1, 2], "coordinate2": [3, 4]}', [((1, 2), None), ((3, 4), None)], []),
    ("call in code", 'click(start_box="(935,406)")', [(POINT, None)], []),
    ("a string", '{"coordinate": "(935, 406)"}', [(POINT, None)], []),
    ("numbers as strings", '{"point_2d": ["935", "406"]}', [(POINT, None)], []),
    ("x and y", '{"x": 935, "y": 406, "label": "ok"}', [(POINT, "ok")], []),
    ("x and y as strings", '{"x": "935", "y": "406"}', [(POINT, None)], []),
    ("x and y in a point", '[{"point": {"x": 935, "y": 406}, "label": "ok"}]', [(POINT, "ok")], []),
    ("python quotes", "{'point_2d': [935, 406], 'label': 'ok'}", [(POINT, "ok")], ["repaired"]),
    ("one xml point", '<point x="935" y="406" alt="a &amp; b">here</point>', [(POINT, "a & b")], []),
    ("single quotes and none", "<point x='935' y=406>", [(POINT, None)], []),
    (
        "several xml points",
        '<points x1="1" y1="2" x2="3.5" y2="4" alt="q">q</points>',
        [((1, 2), "q"), ((3.5, 4), "q")],
        [],
    ),
    ("numbers in the alt", '<point x="935" y="406" alt="x=1 y=2">', [(POINT, "x=1 y=2")], []),
    ("xml cut after a point", '<points x1="1" y1="2" x2="3" y2="4', [((1, 2), None)], ["truncated"]),
    ("xml without a y", '<points x1="1" y1="2" x2="3" alt="q">', [((1, 2), "q")], ["wrong_arity"]),
    ("xml without numbers", '<point x="left" y="top">', [], ["not_numbers", "nothing_found"]),
    ("xml without a place", '<point alt="q">', [], ["nothing_found", "wrong_arity"]),
    ("truncated in a number", f'[{ONE}, {{"point_2d": [1, 2', [(POINT, "ok")], ["repaired", "truncated"]),
    ("truncated after x", '{"x": 1, "y": 2', [], ["nothing_found", "truncated"]),
    ("the key is the label", '{"the button": [935, 406]}', [(POINT, "the button")], ["foreign_key"]),
    ("a size is no place", '{"size": [640, 480], "point_2d": [935, 406]}', [(POINT, None)], ["foreign_key"]),
    ("four numbers", "[1, 2, 3, 4]", [], ["nothing_found", "wrong_arity"]),
    ("a box", '{"bbox_2d": [1, 2, 3, 4]}', [], ["nothing_found", "wrong_arity"]),
    ("a box in tokens", "<|box_start|>(1,2),(3,4)<|box_end|>", [], ["nothing_found", "wrong_arity"]),
    ("corner and size", '{"x": 1, "y": 2, "width": 3, "height": 4}', [], ["ambiguous", "nothing_found"]),
    ("one number", '{"x": 1}', [], ["nothing_found"]),
    ("words for numbers", '{"x": "left", "y": 2}', [], ["not_numbers", "nothing_found"]),
    ("infinity", "[1e999, 1]", [], ["non_finite", "nothing_found"]),
    ("beyond any image", "(1, 99999999)", [], ["nothing_found", "out_of_range"]),
    ("stray numbers", "2 dogs, 3 cats, 1 person and 4 cars", [], ["nothing_found"]),
    ("explicit nothing", "```json\n[]\n```", [], ["refusal"]),
    ("refusal in words", "This isn't in the image, there is no dog.", [], ["refusal"]),
    ("empty", "", [], ["nothing_found"]),
]


@pytest.mark.parametrize(("reason", "text", "points", "problems"), READ, ids=[row[0] for row in READ])
def test_points(reason: str, text: str, points: list[object], problems: list[str]) -> None:
    read = parse_points(text)
    assert [(point.values, point.label) for point in read.items] == points, reason
    assert sorted(problem.kind for problem in read.problems) == sorted(problems), reason


def test_offsets_point_to_the_numbers() -> None:
    text = 'a [1, 2] (3, 4), (5, 6) <points x1="7" y1="8" x2="9" y2="0"> {"y": 2, "x": 1}'
    starts = [text[point.offset :].split(",")[0].split(" ")[0] for point in parse_points(text).items]
    assert starts == ["[1", "(3", "(5", 'x1="7"', 'x2="9"', "2"]


def test_points_of_another_library_give_its_places() -> None:
    """Cases of lmms-eval's reader, on a 0..1000 grid or in fractions, scaled as published."""
    suite = json.loads(fixtures_path("metrics", "expected_cases.json").read_text())["lmms_eval_point2d"]
    for case in suite["cases"]:
        found = np.array([point.values for point in parse_points(case["raw"]).items])
        unit = 1.0 if found.max() <= 1.0 else 1000.0
        assert (found / unit * case["wh"]).tolist() == case["points"]


def test_a_click_log_is_points_or_boxes_and_never_both() -> None:
    """Of 334 answers 244 are four numbers: no point reading takes two of them, no box reading the others."""
    path = fixtures_path("screenspot", "iannxang_7b_baseline_desktop_click.json")
    texts = [row["model_output"] for row in json.loads(path.read_text())["results"]]
    points = [parse_points(text, expected=1) for text in texts]
    boxes = [parse_boxes(text, expected=1) for text in texts]
    assert all(bool(one.items) != bool(other.items) for one, other in zip(points, boxes, strict=True))
    assert sum(bool(read.items) for read in boxes) == 244
    assert all(read.problems[0].kind == "wrong_arity" for read in points if not read.items)
    assert [len(read.items) for read in points if len(read.items) > 1] == [2] * 8
    assert sum(entry.kind == "extra_items" for read in points for entry in read.ledger) == 8
