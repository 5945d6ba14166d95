"""Reading pages in QwenVL HTML: a row for each shape, with its elements and what was wrong."""

from __future__ import annotations

import pytest

from vleval.grounding.parse import parse_html

BOX = 'data-bbox="1 2 3 4"'
NUMBERS = (1.0, 2.0, 3.0, 4.0)

# reason, text, [(tag, class, text)], problems; every box is 1 2 3 4 unless it is wrong
READ = [
    ("heading", f"<html><body><h1 {BOX}>A title</h1></body></html>", [("h1", None, "A title")], []),
    (
        "tags of the page in the wrong order",
        f"<html><body><p {BOX}>a</p></html></body>",
        [("p", None, "a")],
        [],
    ),
    ("fenced", f"```html\n<html><body>\n<p {BOX}>a</p>\n</body></html>\n```", [("p", None, "a")], []),
    ("words around the fence", f"Sure:\n```\n<p {BOX}>a</p>\n```\nDone <b>so</b>.", [("p", None, "a")], []),
    ("upper case", f"<P {BOX}>a</P>", [("p", None, "a")], []),
    ("class and box", f'<div class="image caption" {BOX}>a</div>', [("div", "image caption", "a")], []),
    ("class after the box", f"<div {BOX} class='chart'>a</div>", [("div", "chart", "a")], []),
    ("class without quotes", f"<div {BOX} class=formula>a</div>", [("div", "formula", "a")], []),
    ("entities", f"<p {BOX}>1 &lt; 2 &amp;&amp; &eacute;</p>", [("p", None, "1 < 2 && é")], []),
    ("runaway entity", f"<p {BOX}>&#{'9' * 5000};</p>", [("p", None, f"&#{'9' * 5000};")], []),
    ("a sign is no tag", f"<p {BOX}>1 < 2 and 3 > 2</p>", [("p", None, "1 < 2 and 3 > 2")], []),
    ("inline tags", f"<p {BOX}>a<b>b</b> <a href='x>y'>c</a></p>", [("p", None, "ab c")], []),
    ("lines and blanks", f"<p {BOX}>\n a \t b<br/>c\n\n d </p>", [("p", None, "a b\nc\nd")], []),
    (
        "every box counts",
        f"<ol {BOX}><li {BOX}>a</li><li {BOX}>b</li></ol>",
        [("ol", None, ""), ("li", None, "a"), ("li", None, "b")],
        ["duplicate"],
    ),
    (
        "picture with a caption",
        f'<div class="image" {BOX}><img {BOX}/><p>so</p></div>',
        [("div", "image", "so"), ("img", None, "")],
        [],
    ),
    (
        "text around an inner box is the outer element's",
        f"<div {BOX}>a <p {BOX}>b</p> c</div>",
        [("div", None, "a\nc"), ("p", None, "b")],
        [],
    ),
    (
        "table with a style",
        f"<style>#x > td {{color: red}}</style><table {BOX}><tr><td>1</td><td>2</td></tr></table>",
        [("table", None, "1\n2")],
        [],
    ),
    ("comment", f"<!-- <p {BOX}> --><p {BOX}>a<!-- > --></p>", [("p", None, "a")], []),
    ("without a box", f"<address><p>b</p></address><p {BOX}>a</p> c", [("p", None, "a")], []),
    (
        "end tags forgotten",
        f"<body><p {BOX}>a<p {BOX}>b</body>",
        [("p", None, "a"), ("p", None, "b")],
        ["duplicate"],
    ),
    ("list items without an end", f"<ul><li {BOX}>a<li>b</ul>", [("li", None, "a")], []),
    ("end tags without a beginning", f"</div></p><p {BOX}>a</b></p>", [("p", None, "a")], []),
    ("reasoning", f"<think><p {BOX}>b</p></think><p {BOX}>a</p>", [("p", None, "a")], []),
    ("reasoning without a start", f"<p {BOX}>b</think><p {BOX}>a</p>", [("p", None, "a")], []),
    ("reasoning without an end", f"<think><p {BOX}>b</p>", [], ["nothing_found", "unclosed_think"]),
    ("single quotes", "<p data-bbox='1 2 3 4'>a</p>", [("p", None, "a")], ["repaired"]),
    ("no quotes", "<p data-bbox=1 2 3 4 class=x>a</p>", [("p", "x", "a")], ["repaired"]),
    ("commas", '<p data-bbox="1, 2, 3, 4">a</p>', [("p", None, "a")], ["repaired"]),
    ("brackets", '<p data-bbox="[1, 2, 3, 4]">a</p>', [("p", None, "a")], ["repaired"]),
    ("no quotes, commas", "<p data-bbox=1,2,3,4>a</p>", [("p", None, "a")], ["repaired"]),
    ("three numbers", '<p data-bbox="1 2 3">a</p>', [], ["nothing_found", "wrong_arity"]),
    ("words", '<p data-bbox="a b c d">a</p>', [], ["not_numbers", "nothing_found"]),
    ("NaN", '<p data-bbox="nan 2 3 4">a</p>', [], ["non_finite", "nothing_found"]),
    ("beyond any page", '<p data-bbox="1 2 3 4e9">a</p>', [], ["nothing_found", "out_of_range"]),
    ("cut in the text", f"<html><body><p {BOX}>a and", [("p", None, "a and")], ["truncated"]),
    ("cut in an end tag", f"<p {BOX}>a</", [("p", None, "a</")], ["truncated"]),
    ("cut between elements", f"<html><body><p {BOX}>a</p>\n", [("p", None, "a")], ["truncated"]),
    (
        "cut after the box",
        f"<p {BOX}>a</p><p {BOX} cla",
        [("p", None, "a"), ("p", None, "")],
        ["duplicate", "truncated"],
    ),
    ("cut in the box", f'<p {BOX}>a</p><p data-bbox="1 2 3 4', [("p", None, "a")], ["truncated"]),
    ("cut in the box, no quotes", f"<p {BOX}>a</p><p data-bbox=1,2,3,4", [("p", None, "a")], ["truncated"]),
    ("cut in a comment", f"<p {BOX}>a</p><!-- b", [("p", None, "a")], ["truncated"]),
    ("cut in a style", f"<p {BOX}>a</p><style>b {{", [("p", None, "a")], ["truncated"]),
    ("fence without page end", f"```html\n<body><p {BOX}>a</p>\n```", [("p", None, "a")], ["repaired"]),
    ("a fence inside is text", f"<p {BOX}>```py\nx```</p>", [("p", None, "```py\nx```")], []),
    ("an empty page", "<html><body></body></html>", [], ["refusal"]),
    ("no page", "Nothing here.", [], ["nothing_found"]),
    ("refusal in words", "I cannot read this.", [], ["refusal"]),
    ("empty", "", [], ["nothing_found"]),
]


@pytest.mark.parametrize(("reason", "text", "elements", "problems"), READ, ids=[row[0] for row in READ])
def test_elements(reason: str, text: str, elements: list[object], problems: list[str]) -> None:
    read = parse_html(text)
    assert [(item.tag, item.kind, item.text) for item in read.items] == elements, reason
    assert all(item.values == NUMBERS for item in read.items)
    assert all(text[item.offset] == "<" for item in read.items)
    assert sorted(problem.kind for problem in read.problems) == sorted(problems), reason


def test_boxes_are_judged_as_any_other() -> None:
    text = '<p data-bbox="3 2 1 4">a</p><h1 data-bbox="0 0 10 10.5">b</h1><h1 data-bbox="1 2 3 4">c</h1>'
    read = parse_html(text, extent=(10, 10))
    assert [(entry.kind, text[entry.offset :][:3]) for entry in read.ledger] == [
        ("swapped", "<p "),
        ("out_of_frame", "<h1"),
    ]
    assert [item.values for item in read.items] == [(3, 2, 1, 4), (0, 0, 10, 10.5), (1, 2, 3, 4)]


def test_the_texts_of_all_elements_are_the_text_of_the_page() -> None:
    depth = 50
    text = f"<div {BOX}>a " * depth + "</div> b " * depth
    words = " ".join(item.text for item in parse_html(text).items).split()
    assert words.count("a") == depth
    assert words.count("b") == depth - 1  # the last one stands outside all boxes
