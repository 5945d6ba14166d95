"""OCRBench v2's rules one by one: values worked out by hand from the script, its quirks included."""

from __future__ import annotations

import time

import pytest

from vleval.tasks.documents.ocr_rules import fields, places, tables, words
from vleval.tasks.documents.ocr_rules.kinds import rule_of
from vleval.tasks.documents.ocr_rules.places import Spot, spotting_score
from vleval.tasks.documents.ocr_rules.truths import read_truth
from vleval.tasks.grounding.places import View

BARE = View(None, "absolute")


@pytest.mark.parametrize(
    ("rule", "said", "truths", "expected"),
    [
        (words.contains_or_near, "It is\nthe CAFE.", ["the cafe"], 1.0),
        (words.contains_or_near, "one two three four", ["one two three four"], 1.0),
        (words.contains_or_near, "so: one two three four fife", ["one two three four five"], 1 - 5 / 27),
        (words.contains_or_near, "one", ["one two three four five"], 0.0),
        (words.contains_or_near, "13", ["3"], 1.0),
        (words.contains_or_near, "ab", ["no", "a"], 1.0),
        (words.contains_or_near_cased, "the cafe", ["Cafe"], 0.0),
        (words.contains_or_near_cased, "the Cafe", ["Cafe"], 1.0),
        (words.contains_or_near_chinese, "答案 是 3 0", ["30"], 1.0),
        (words.contains_or_near_chinese, "a,b,c", ["a, b, c"], 1.0),
        (words.contains_or_near_chinese, "x a,b,c,d", ["a,b,c,d"], 1 - 1 / 8),
        (words.chosen_letters, " (B)", ["B"], 1.0),
        (words.chosen_letters, "B. cat", ["B"], 0.0),
        (words.counted_exactly, "13 letters", ["3"], 1.0),
        (words.counted_nearly, "about 9 of 10", ["10"], 0.9),
        (words.counted_nearly, "5", ["10"], 0.0),
        (words.counted_nearly, "6", ["10"], 0.6),
        (words.counted_nearly, "20", ["10"], 0.0),
        (words.counted_nearly, "0", ["10"], 0.0),
        (words.counted_nearly, "9" * 5000, ["10"], 0.0),
        (words.contains_formula_chinese, r"\text{面积} = 2", ["面积=2"], 1.0),
        (words.contains_letters, "选 A、C", ["AC"], 1.0),
        (words.contains_letters, "A-C", ["AC"], 0.0),
    ],
)
def test_answers_of_a_few_words(rule: object, said: str, truths: list[str], expected: float) -> None:
    assert rule(said, truths) == pytest.approx(expected)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "b": [2, 3]}', {"a": "1", "b": "[2, 3]"}),
        ('Sure:\n```json\n{"a": "x"}\n```', {"a": "x"}),
        ("{'a': 'x', 'b': None}", {"a": "x", "b": "None"}),
        ("total: 5\ndate = 3 May", {"total": "5", "date": "3 May"}),
        ("answer:cafe, bbox:(1,2,3,4)", {"answer": "cafe", "bbox": "(1"}),
        ('{"a": "x", "b": "y', {"a": "x", "b": "y"}),
        ('[{"a": 1}]', None),
        ("nothing at all", None),
        ("", None),
    ],
)
def test_fields_are_read_as_json_as_python_and_as_pairs(text: str, expected: dict[str, str] | None) -> None:
    assert fields.read_fields(text) == expected


def test_fields_count_by_name_and_without_case_and_spaces() -> None:
    truth = {"a": ["New York", "NY"], "b": ["2"], "c": ["3"]}
    assert fields.share_of_fields({"a": "newyork", "b": "2", "c": "4"}, truth) == pytest.approx(2 / 3)
    assert fields.share_of_fields({"a": "ny", "b": "2", "c": "3", "d": "more"}, truth) == 0.75
    assert fields.share_of_fields({"b": "2"}, truth) == pytest.approx(1 / 3)


def test_nested_dictionaries_are_python_not_json() -> None:
    assert fields.read_nested("data = {'a': {'b': 1}}  # done }") == {"a": {"b": 1}}
    assert fields.read_nested("```\n{}\n```\n```python\nx = {'a': 1}\n```") == {"a": 1}
    assert fields.read_nested('{"a": true}') is None


def test_tables_are_found_in_html_and_made_of_markdown() -> None:
    cells = "<tr><td>a</td><td>b</td></tr>"
    assert tables.html_table(f"Here:\n<table>{cells}</table> done") == f"<table>{cells}</table> done"
    assert tables.html_table("no table") is None
    assert tables.html_likeness(f"<table>{cells}", cells) == 1.0
    markdown = "|a|b|\n|-|-|\n|c| |"
    assert tables.markdown_table(f"```markdown\n{markdown}\n```") == (
        "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td> </td></tr></table>"
    )
    # One letter of one cell of six nodes, half of that cell.
    assert tables.markdown_likeness(markdown.replace("a", "ax"), markdown) == pytest.approx(1 - 0.5 / 6)


def test_values_of_charts_are_compared_letter_by_letter() -> None:
    assert tables.chart_table({"a": 12}) == "<table><tr><td>a</td><td>1 2</td></tr></table>"
    # "1 2" against "1 3": one of three letters of one of three nodes.
    assert tables.chart_likeness({"a": 12}, {"a": 13}) == pytest.approx(1 - (1 / 3) / 3)


def test_the_last_place_counts_and_as_asked_the_last_within_a_thousand() -> None:
    found = places.read_place("(1, 2, 3, 4) or [10,20,30,40], not (10, 20, 3000, 40) nor (1, 2, 3)", BARE)
    assert found.placed[0].box == (10, 20, 3000, 40)
    assert found.as_asked[0].box == (10, 20, 30, 40)
    assert places.place_overlap(found.as_asked, [10, 20, 30, 30]) == 0.5
    assert places.place_overlap([Spot((30, 40, 10, 20))], [10, 20, 30, 40]) == 0.0


@pytest.mark.parametrize("text", [f"({'9' * 400}, 2, 3, 4)", "(1e5, 2, 3, 4)", "(1, 2, 3)", "1, 2, 3, 4"])
def test_what_is_no_place_is_not_read(text: str) -> None:
    assert places.read_place(text, BARE).placed == ()


def test_a_position_counts_half_for_words_and_half_for_the_box() -> None:
    box = [0, 0, 10, 10]
    both = places.read_position({"answer": "The cafe", "bbox": "[0, 0, 10, 5]"}, BARE)
    assert places.position_score(both.answer, both.spots.placed, ["cafe"], box) == 0.75
    for broken in ("(0", "[0, 0]", "{'x': 1}", "['a', 0, 0, 0]", "[1e999, 0, 0, 0]"):
        found = places.read_position({"answer": "cafe", "bbox": broken}, BARE)
        assert places.position_score(found.answer, found.spots.placed, ["cafe"], box) == 0.5


def test_spots_are_read_from_lists_and_from_brackets() -> None:
    as_list = places.read_spots(
        "[(1, 2, 3, 4, 'a'), [5, 6, 7, 8, \"b, c\"], (1, 2, 3, 4, 'a'), (1, 2)]", BARE
    )
    assert as_list.as_asked == (Spot((1, 2, 3, 4), "a"), Spot((5, 6, 7, 8), "b, c"))
    loose = places.read_spots("I see (1, 2, 3, 4, cafe), and (1, 2, 1003, 4, 'gate') and [{}]", BARE)
    assert [spot.text for spot in loose.placed] == ["cafe", "gate"]
    assert [spot.text for spot in loose.as_asked] == ["cafe"]
    assert places.read_spots('[{"bbox_2d": [1, 2, 3, 4], "text_content": "a"}]', BARE).placed == ()


def test_spotting_is_the_harmonic_mean_of_places_whose_text_was_read() -> None:
    truths = places.true_spots(
        [[0, 0, 10, 0, 10, 10, 0, 10], [20, 0, 30, 0, 30, 10, 20, 10], [40, 0, 60, 0, 60, 10, 40, 10]],
        ['"Cafe!"', "Exit", "###"],
    )
    assert [truth.text for truth in truths] == ["Cafe!", "Exit", "###"]
    right, also = Spot((0, 0, 10, 10), "cafe"), Spot((20, 0, 30, 10), "EXIT")
    assert spotting_score([right, also], truths) == 1.0
    # In the unreadable place nothing counts; elsewhere a box too many costs precision.
    assert spotting_score([right, also, Spot((40, 0, 50, 10), "x")], truths) == 1.0
    assert spotting_score([right, also, Spot((80, 0, 90, 10), "x")], truths) == pytest.approx(4 / 5)
    # An overlap of exactly a half is none, and a wrong text uses up its place.
    assert spotting_score([right, Spot((20, 0, 30, 5), "exit")], truths) == 0.5
    assert spotting_score([right, Spot((20, 0, 30, 9), "x"), also], truths) == pytest.approx(2 / 5)
    assert spotting_score([], truths) == 0.0


@pytest.mark.parametrize(
    ("said", "truth", "expected"),
    [
        ("CAFE", "CAFE", True),
        ("CAFE", "(CAFE)", True),
        ("CAFE", "CAFE!!", False),
        ("CAFE!", "CAFE", False),
        ("A", "", False),
    ],
)
def test_a_true_word_may_have_one_mark_at_either_end(said: str, truth: str, expected: bool) -> None:
    assert places.same_text(said, truth) is expected


def test_the_rule_follows_from_type_eval_and_question() -> None:
    assert rule_of("science QA en", "multiple choice", "") == "choice"
    assert rule_of("cognition VQA cn", "None", "") == "words-chinese"
    assert rule_of("table parsing en", None, "in Markdown") == "markdown-table"
    assert rule_of("table parsing en", None, "in HTML, not Markdown") == "html-table"
    assert rule_of("handwritten answer extraction cn", None, "提取简答题的答案") == "transcript"
    assert rule_of("handwritten answer extraction cn", float("nan"), "选择题") == "letters"


def test_truths_are_read_from_the_hub_and_from_the_official_file_alike() -> None:
    hub = {"type": "key information extraction cn", "answers": ["{'姓名': 'Ada', '编号': ['1', '2']}"]}
    official = {"type": "key information extraction cn", "answers": [{"姓名": ["Ada"], "编号": ["1", "2"]}]}
    assert read_truth(hub, "row") == read_truth(official, "row")
    assert read_truth(read_truth(hub, "row"), "row") == read_truth(hub, "row")
    spots = {"type": "text spotting en", "content": ["a"], "answers": []}
    assert read_truth({**spots, "bbox": [[0, 0, 2, 2]]}, "row") == read_truth(
        {**spots, "bbox": None, "bbox_list": [[0, 0, 2, 2]]}, "row"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a" * 65_000,
        "a " * 32_000,
        "a:" * 32_000,
        "```\na" * 13_000,
        "(" * 65_000,
        "( " * 32_000,
        '"a" :' * 13_000,
    ],
)
def test_no_answer_takes_long_to_read(text: str) -> None:
    start = time.process_time()
    fields.read_fields(text)
    fields.read_nested(text)
    places.read_place(text, BARE)
    places.read_spots(text, BARE)
    assert time.process_time() - start < 2.0
