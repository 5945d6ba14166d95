"""The readers on texts nobody wrote: no exception, sound items, linear time; and the inverse of rendering."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vleval.grounding.ledger import COORDINATE_LIMIT, ParsedElement
from vleval.grounding.parse import (
    Parsed,
    parse_boxes,
    parse_html,
    parse_points,
    parse_spans,
    render_boxes,
    render_html,
    render_points,
    render_spans,
)

Parse = Callable[[str], Parsed[Any]]
READERS: dict[str, Parse] = {
    "boxes": lambda text: parse_boxes(text, expected=1, extent=(640, 480), labelled=True),
    "points": lambda text: parse_points(text, expected=1, extent=(640, 480), labelled=True),
    "spans": lambda text: parse_spans(text, expected=1, duration=30.0),
    "html": lambda text: parse_html(text, extent=(640, 480)),
}

COORDINATE = st.one_of(st.integers(-5000, 5000), st.floats(-1e5, 1e5, allow_nan=False))
LABEL = st.one_of(st.none(), st.text(st.characters(exclude_categories=("Cs",)), max_size=20))
WORDS = st.lists(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8), max_size=5)
ELEMENT = st.builds(
    ParsedElement,
    st.sampled_from(["p", "h1", "div", "table", "ol"]),
    st.one_of(st.none(), st.text(st.characters(exclude_categories=("C",)), max_size=12)),
    st.tuples(*[COORDINATE.map(float)] * 4),
    WORDS.map(" ".join).filter(lambda text: "```" not in text),
    st.just(0),
)


def test_rendered_answer_is_the_official_one() -> None:
    text = render_boxes([((10, 20.0, 110.5, 220), 'a "red" cat'), ((1, 2, 3, 4), None)])
    assert text == (
        '```json\n[\n\t{"bbox_2d": [10, 20, 110.5, 220], "label": "a \\"red\\" cat"},\n'
        '\t{"bbox_2d": [1, 2, 3, 4]}\n]\n```'
    )
    assert render_boxes([]) == "```json\n[]\n```"
    assert render_points([((1, 2.5), "a")]) == '```json\n[\n\t{"point_2d": [1, 2.5], "label": "a"}\n]\n```'
    assert render_spans([(2, 4.5)]) == "The event happens in 2.0 - 4.5 seconds."
    picture = ParsedElement("img", "a & b", (1.0, 2.0, 3.0, 4.5), "", 0)
    assert render_html([picture]) == (
        '```html\n<html><body>\n<img class="a &amp; b" data-bbox="1 2 3 4.5"/>\n</body></html>\n```'
    )


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_what_is_no_number_is_not_rendered(value: float) -> None:
    for render in (
        lambda: render_boxes([((0, 0, 1, value), None)]),
        lambda: render_points([((0, value), None)]),
        lambda: render_spans([(0, value)]),
        lambda: render_html([ParsedElement("p", None, (0, 0, 1, value), "", 0)]),
    ):
        with pytest.raises(ValueError, match="no coordinate"):
            render()


@given(st.lists(st.tuples(st.tuples(*[COORDINATE] * 4), LABEL), max_size=4))
def test_reading_rendered_boxes_gives_the_same(boxes: list[Any]) -> None:
    read = parse_boxes(render_boxes(boxes))
    assert [(box.values, box.label) for box in read.items] == boxes
    assert read.strict or "swapped" in {entry.kind for entry in read.problems}


@given(st.lists(st.tuples(st.tuples(*[COORDINATE] * 2), LABEL), max_size=4))
def test_reading_rendered_points_gives_the_same(points: list[Any]) -> None:
    read = parse_points(render_points(points))
    assert [(point.values, point.label) for point in read.items] == points
    assert read.strict


@given(st.lists(st.tuples(*[st.decimals(0, 100_000, places=2).map(float)] * 2), max_size=4))
def test_reading_rendered_spans_gives_the_same(spans: list[tuple[float, float]]) -> None:
    read = parse_spans(render_spans(spans))
    assert [span.values for span in read.items] == spans
    assert read.strict == (bool(spans) and all(start <= end for start, end in spans))


@given(st.lists(ELEMENT, max_size=4))
def test_reading_a_rendered_page_gives_the_same(elements: list[ParsedElement]) -> None:
    read = parse_html(render_html(elements))
    assert [(item.tag, item.kind, item.values, item.text) for item in read.items] == [
        (item.tag, item.kind, item.values, item.text) for item in elements
    ]
    assert read.strict or "swapped" in {entry.kind for entry in read.problems}


PIECES = (
    [
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        "<",
        ">",
        "'",
        '"',
        "\\",
        ",",
        ":",
        "-",
        "/",
        "=",
        "&",
        ";",
        " ",
        "\n",
        "\t",
    ]
    + ["[1, 2, 3, 4]", "[5, 6]", "(1,2),(3,4)", "(1,2)", "1.5", "-2", "1e999", "NaN", "9" * 40, "9" * 5000]
    + [
        '{"',
        '"bbox_2d": ',
        '"point_2d": ',
        '"label": "',
        '"x": 1',
        '"y": 2',
        '"answer": "',
        '"size": ',
        "null",
    ]
    + [
        '"start": 1',
        '"end": ',
        "seconds",
        "0:12 - ",
        "from 3 to ",
        "between 1.0 and ",
        "start 1 end 2 ",
        "1:2:3",
    ]
    + ["<think>", "</think>", "<answer>", "</answer>", "```", "```json\n", "```html\n", "<|box_start|>"]
    + ["<|object_ref_start|>", "<|object_ref_end|>", "<points x1='1' y1=2 ", 'alt="', "x2='3'", "<point "]
    + ['<p data-bbox="1 2 3 4">', "<div class='", "data-bbox=", "</p>", "<style>", "<!--", "-->", "<html>"]
    + [
        "</html></body>",
        "&#99999999;",
        "&#" + "9" * 5000 + ";",
        "\ud800",
        "\0",
        "٣",
        "１",
        "\u2028",
        "cannot",
    ]
)
ANSWERS = [
    '```json\n[\n\t{"bbox_2d": [10, 20, 110, 220], "label": "a \\"b\\""},\n\t{"bbox_2d": [1, 2, 3, 4]}\n]```',
    '<think>It is [1, 2, 3, 4].</think>\n<answer>["{"bbox_2d": [0, 295, 237, 364], "label": "a"}]</answer>',
    '[{"point_2d": [500, 250], "label": "x"}, {"point": {"x": 3, "y": 4}}] <points x1="1" y1="2" alt="q"/>',
    '<tool_call>\n{"name": "use", "arguments": {"action": "click", "coordinate": [935, 406]}}\n</tool_call>',
    "<|object_ref_start|>cat<|object_ref_end|><|box_start|>(10,20),(110,220)<|box_end|>",
    "The event happens in 2.0 - 4.5 seconds, or from 00:12 to 00:31.5; between 3 and 5 s.",
    '```json\n[{"start_time": "00:25.00", "end_time": "01:30.00", "description": "cut it at 3 - 4 s"}]\n```',
    '```html\n<html><body>\n<h1 data-bbox="9 9 99 99">A &amp; B</h1><div class="image" data-bbox="1 2 3 4">'
    '<img data-bbox="1 2 3 4"/><p>so</p></div></body></html>\n```',
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A sound answer with stretches cut out, doubled, replaced or put in, and its end cut off."""
    text = draw(st.sampled_from(ANSWERS))
    for _ in range(draw(st.integers(0, 4))):
        start, length = draw(st.integers(0, len(text))), draw(st.integers(0, 12))
        middle = draw(
            st.one_of(st.just(text[start : start + length] * 2), st.sampled_from(PIECES), st.just(""))
        )
        text = text[:start] + middle + text[start + length :]
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


TEXTS = st.one_of(
    st.text(),
    st.binary().map(lambda data: data.decode("latin-1")),
    st.binary().map(lambda data: data.decode("utf-8", "replace")),
    st.lists(st.sampled_from(PIECES)).map("".join),
    mutated(),
)


@pytest.mark.parametrize("kind", READERS)
@given(text=TEXTS)
def test_no_text_breaks_a_reader(kind: str, text: str) -> None:
    read = READERS[kind](text)
    assert all(abs(value) <= COORDINATE_LIMIT for item in read.items for value in item.values)
    assert all(0 <= entry.offset <= len(text) for entry in (*read.items, *read.ledger))
    assert read.items or read.problems
    offsets = [item.offset for item in read.items]
    assert offsets == sorted(offsets)
    unread = {"repaired", "truncated", "refusal", "wrong_arity", "swapped", "non_finite", "out_of_range"}
    kinds = {entry.kind for entry in read.ledger}
    assert not read.strict or not kinds & (unread - ({"refusal"} if not read.items else set()))


@given(
    st.lists(
        st.sampled_from(["2 dogs", "3 cats", "1 person and 4 cars", "at 10:20, 30, 40", "5.5 m", "7 of 9"])
    )
)
def test_no_item_is_made_of_stray_numbers_in_prose(words: list[str]) -> None:
    text = ", ".join(words)
    assert parse_boxes(text).items == parse_points(text).items == ()


HOSTILE = {
    "any": [
        "[",
        "{",
        '{"a":[',
        '"',
        "'a': \"",
        '"a": \'',
        '"a": "\\',
        "\\",
        "[1,",
        "(1,2),",
        "9",
        " ",
        "[ ",
        "\n",
    ]
    + [
        "]",
        "}",
        "[1,2,3,4],",
        '"a"  ',
        "<think>",
        "</think>",
        "<think><answer>",
        '```{"',
        "no x ",
        "```[1,2,3,4]",
    ],
    "boxes": [
        '{"bbox_2d":[1,2,3,4],',
        '{"bbox_2d":[1,2,3,4]},',
        '{"label":"',
        "<|box_start|>",
        "<ref>",
        "top left ",
    ],
    "points": [
        '{"x":1,',
        '{"x":1,"y":2},',
        '{"point":{"x":1,"y":2},',
        '<points x1="1" ',
        "<points x='",
        " x=\"y='",
    ],
    "spans": [
        "1 - ",
        "start 1 ",
        "between 1 and ",
        "1:",
        "1 m ",
        '{"start":1,',
        '{"start":1,"end":2},',
        "1.0 - 2.0,",
    ],
    "html": [
        '<p data-bbox="1 2 3 4">',
        "<p data-bbox=",
        "<a",
        "<a '",
        '<a "b',
        "<!--",
        "<style>",
        "</p>",
        "<div>",
    ]
    + ["<i>a</i>", "&#9", "<p data-bbox='1 2 3 4'><b>", "<br/>", "<html>"],
}
GROWTH = [(kind, piece) for kind in READERS for piece in HOSTILE["any"] + HOSTILE[kind]]


@pytest.mark.parametrize(("kind", "piece"), GROWTH)
def test_time_grows_linearly(kind: str, piece: str) -> None:
    """Eight times the text takes at most twelve times as long: quadratic growth would take 64 times as long.

    A busy machine spoils single measurements, never five in a row, so one good measurement is enough.
    """

    def spent(length: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length]
        began = time.process_time()
        READERS[kind](text)
        return time.process_time() - began

    assert any(spent(64 * 1024) <= 12 * spent(8 * 1024) + 0.02 for _ in range(5))
