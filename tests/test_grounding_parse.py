"""Reading boxes and spans out of model text: a row for each shape, with what is in it and what was wrong."""

from __future__ import annotations

import pytest

from vleval.grounding.parse import parse_boxes, parse_spans

BOX = (10.0, 20.0, 110.0, 220.0)
ONE = '{"bbox_2d": [10, 20, 110, 220], "label": "cat"}'

READ = [
    ("official answer", f"```json\n[\n\t{ONE}\n]\n```", [(BOX, "cat")], []),
    ("one object, no list", ONE, [(BOX, "cat")], []),
    ("fence without a language", f"```\n[{ONE}]\n```", [(BOX, "cat")], []),
    ("in prose", f"Here it is: [{ONE}] as asked.", [(BOX, "cat")], []),
    ("key bbox", '[{"bbox": [10, 20, 110, 220]}]', [(BOX, None)], []),
    ("bare list", "[10, 20, 110, 220]", [(BOX, None)], []),
    ("bare list in a sentence", "It is at [10,20,110,220].", [(BOX, None)], []),
    ("list of lists", "[[10, 20, 110, 220], [1, 2, 3, 4]]", [(BOX, None), ((1, 2, 3, 4), None)], []),
    ("python quotes", "[{'bbox_2d': [10, 20, 110, 220], 'label': 'cat'}]", [(BOX, "cat")], ["repaired"]),
    ("commas too many", '[{"bbox_2d": [10, 20, 110, 220,], "label": "cat",},]', [(BOX, "cat")], ["repaired"]),
    ("closing brackets forgotten", f"```json\n[{ONE[:-1]}\n```", [(BOX, "cat")], ["repaired"]),
    ("object inside an open string", f'<answer>["{ONE}]</answer>', [(BOX, "cat")], ["repaired"]),
    ("label before the box", '{"label": "cat", "bbox_2d": [10, 20, 110, 220]}', [(BOX, "cat")], []),
    (
        "escapes in the label",
        '{"bbox_2d": [10,20,110,220], "label": "a \\"b\\" \\u00e9"}',
        [(BOX, 'a "b" é')],
        [],
    ),
    ("half a surrogate pair", '{"bbox_2d": [10,20,110,220], "label": "\\ud800"}', [(BOX, "?")], []),
    (
        "box in the label is text",
        '{"bbox_2d": [10,20,110,220], "label": "[1,2,3,4]"}',
        [(BOX, "[1,2,3,4]")],
        [],
    ),
    ("answer as a string", '{"answer": "[10, 20, 110, 220]"}', [(BOX, None)], []),
    ("the key is the label", '{"the cat": [10, 20, 110, 220]}', [(BOX, "the cat")], ["foreign_key"]),
    ("think is not read", f"<think>[1, 2, 3, 4]</think><answer>{ONE}</answer>", [(BOX, "cat")], []),
    ("think without a start", f"maybe [1, 2, 3, 4]</think>{ONE}", [(BOX, "cat")], []),
    (
        "think never closed, then an answer",
        f"<think>[1, 2, 3, 4] <answer>{ONE}",
        [(BOX, "cat")],
        ["unclosed_think"],
    ),
    ("think to the end", f"<think>{ONE}", [], ["nothing_found", "unclosed_think"]),
    ("think tags in a label", '{"bbox_2d": [10,20,110,220], "label": "<think>x"}', [(BOX, "<think>x")], []),
    ("box tokens", "<|box_start|>(10,20),(110,220)<|box_end|>", [(BOX, None)], []),
    ("box tokens stripped", "(10, 20), (110, 220)", [(BOX, None)], []),
    (
        "referenced object",
        "<|object_ref_start|>cat<|object_ref_end|><|box_start|>(10,20),(110,220)<|box_end|>",
        [(BOX, "cat")],
        [],
    ),
    ("floats and signs", "[-1.5, +2, .5, 1e2]", [((-1.5, 2.0, 0.5, 100.0), None)], ["repaired"]),
    ("truncated in a number", f'[{ONE}, {{"bbox_2d": [1, 2', [(BOX, "cat")], ["truncated", "repaired"]),
    (
        "truncated in a label",
        f'[{ONE}, {{"bbox_2d": [1, 2, 3, 4], "label": "do',
        [(BOX, "cat")],
        ["truncated", "repaired"],
    ),
    ("truncated after an item", f"[{ONE},", [(BOX, "cat")], ["truncated", "repaired"]),
    ("swapped corners, kept", "[110, 220, 10, 20]", [((110, 220, 10, 20), None)], ["swapped"]),
    ("same box twice, kept", f"[{ONE}, {ONE}]", [(BOX, "cat"), (BOX, "cat")], ["duplicate"]),
    ("three numbers", '{"bbox_2d": [1, 2, 3]}', [], ["nothing_found", "wrong_arity"]),
    (
        "nine numbers of another kind",
        '{"bbox_3d": [1,2,3,4,5,6,7,8,9]}',
        [],
        ["nothing_found", "foreign_key"],
    ),
    ("three corners", "<|box_start|>(1,2),(3,4),(5,6)<|box_end|>", [], ["nothing_found", "wrong_arity"]),
    ("words for numbers", '{"bbox_2d": ["left", "top"]}', [], ["nothing_found", "not_numbers"]),
    ("a template, not an answer", '{"bbox_2d": [x1, y1, x2, y2]}', [], ["nothing_found"]),
    ("NaN", '{"bbox_2d": [NaN, 1, 2, 3]}', [], ["nothing_found", "non_finite"]),
    ("infinity", "[1e999, 1, 2, 3]", [], ["nothing_found", "non_finite"]),
    ("runaway digits", f"[{'9' * 5000}, 1, 2, 3]", [], ["nothing_found", "non_finite"]),
    ("beyond any image", "[1, 2, 3, 40000000]", [], ["nothing_found", "out_of_range"]),
    ("other digits", "[١, ٢, ٣, ٤]", [], ["nothing_found"]),
    (
        "one corner with four numbers",
        "Top-left corner (x1, y1): [1, 2, 3, 4]",
        [],
        ["nothing_found", "ambiguous"],
    ),
    ("stray numbers", "2 dogs, 3 cats, 1 person and 4 cars", [], ["nothing_found"]),
    ("stray numbers in brackets of prose", "(2 of 4) at 10:20, 30, 40 and (3, 4)", [], ["nothing_found"]),
    ("explicit nothing", "```json\n[]\n```", [], ["refusal"]),
    ("refusal in words", "There is no such object in the image.", [], ["refusal"]),
    ("not JSON", "```json\nnot valid json\n```", [], ["nothing_found"]),
    ("empty", "", [], ["nothing_found"]),
]


@pytest.mark.parametrize(("reason", "text", "boxes", "problems"), READ, ids=[row[0] for row in READ])
def test_boxes(reason: str, text: str, boxes: list[object], problems: list[str]) -> None:
    read = parse_boxes(text)
    assert [(box.values, box.label) for box in read.items] == boxes, reason
    assert sorted(problem.kind for problem in read.problems) == sorted(problems), reason


SPANS = [
    ("official sentence", "The event happens in 2.0 - 4.5 seconds.", [(2.0, 4.5)], []),
    ("two numbers", "2.0 - 4.5", [(2.0, 4.5)], []),
    ("whole numbers alone", "2 - 5", [(2.0, 5.0)], []),
    ("clock", "from 00:12 to 00:31.5", [(12.0, 31.5)], []),
    ("clock without blanks", "It occurs around 0:04-0:12 in the video.", [(4.0, 12.0)], []),
    ("hours", "1:02:03 to 1:03:00", [(3723.0, 3780.0)], []),
    ("units", "12s to 31 seconds", [(12.0, 31.0)], []),
    ("minutes in words", "1m30s to 2 minutes", [(90.0, 120.0)], []),
    ("between", "between 3 and 5", [(3.0, 5.0)], []),
    ("start and end in words", "It starts at 1.0 s and ends at 2.5 seconds", [(1.0, 2.5)], []),
    ("list", "[12.0, 31.0]", [(12.0, 31.0)], []),
    ("list of lists", "[[1, 2], [3, 4]]", [(1.0, 2.0), (3.0, 4.0)], []),
    ("list of clocks", '["00:12", "00:31"]', [(12.0, 31.0)], []),
    ("object", '{"start": 1.5, "end": "00:03"}', [(1.5, 3.0)], []),
    ("object, other keys", '{"start_time": "00:25.00", "end_time": "01:30.00"}', [(25.0, 90.0)], []),
    ("string in an object", '{"answer": "2.0 - 4.5 seconds"}', [(2.0, 4.5)], []),
    ("list in a string", '{"answer": "[2.0, 4.5]"}', [(2.0, 4.5)], []),
    ("description is not read", '{"start": 1, "end": 2, "description": "from 5 to 9 s"}', [(1.0, 2.0)], []),
    ("think is not read", "<think>1.0 - 2.0</think><answer>12.54 to 17.83</answer>", [(12.54, 17.83)], []),
    ("several", "0.0 - 24.2 seconds, a. 30.0 - 31.0 seconds, b.", [(0.0, 24.2), (30.0, 31.0)], []),
    ("long dash", "12.0–31.0s", [(12.0, 31.0)], []),
    ("backwards, kept", "from 5.0 to 2.0 seconds", [(5.0, 2.0)], ["swapped"]),
    ("object, end first", '{"end": 4.5, "start": 2}', [(2.0, 4.5)], []),
    ("object without braces", '"start": 2, "end": 4.5', [(2.0, 4.5)], []),
    ("two spans in one object", '{"start": 1, "end": 2, "start": 3, "end": 4}', [(1.0, 2.0), (3.0, 4.0)], []),
    (
        "an object in an object",
        '{"event": "a", "span": {"start": "00:01", "end": "00:02"}}',
        [(1.0, 2.0)],
        [],
    ),
    ("unfinished object, whole times", '{"start": 1, "end": 31', [], ["nothing_found", "truncated"]),
    ("times of something else", '{"size": [640, 480]}', [], ["foreign_key", "nothing_found"]),
    ("long and runaway", f"[1, {'9' * 5000}]", [], ["non_finite", "nothing_found"]),
    ("truncated", '[{"start": 1, "end": 3}, {"start": 4', [(1.0, 3.0)], ["truncated", "repaired"]),
    ("three numbers", "[3, 4, 5]", [], ["nothing_found", "wrong_arity"]),
    ("people, not time", "2-3 people walk", [], ["ambiguous", "nothing_found"]),
    ("a date", "on 2023-01-02 there", [], ["ambiguous", "nothing_found"]),
    ("two instants", "at 3.0s and 5.0s", [], ["nothing_found"]),
    (
        "no times in the object",
        '{"start": "soon", "end": "later"}',
        [],
        ["not_numbers", "not_numbers", "nothing_found"],
    ),
    ("refusal", "There is no such event.", [], ["refusal"]),
    ("empty", "", [], ["nothing_found"]),
]


@pytest.mark.parametrize(("reason", "text", "spans", "problems"), SPANS, ids=[row[0] for row in SPANS])
def test_spans(reason: str, text: str, spans: list[object], problems: list[str]) -> None:
    read = parse_spans(text)
    assert [span.values for span in read.items] == spans, reason
    assert sorted(problem.kind for problem in read.problems) == sorted(problems), reason
