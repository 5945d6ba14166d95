"""Pages in Markdown taken apart, what is compared of their parts, and how blocks are matched."""

from __future__ import annotations

import time

import pytest

from vleval.tasks.text import quick_match as matching
from vleval.tasks.text.latex_tables import latex_to_html
from vleval.tasks.text.markdown_page import formulas, split_page
from vleval.tasks.text.page_words import plain_formula, plain_table, plain_text
from vleval.tasks.text.pairing import pair_texts
from vleval.tasks.text.quick_match import Match, Rules, quick_match, simple_match

PAGE = """# Head

One $x_1$ line
and another.

$$a
+ b$$

<table><tr><td>1</td></tr></table>

| a | b:c |
|---|:-:|
| 1 | 2 |

![a picture](somewhere.png)
\\begin{table}\\begin{tabular}{l}9\\end{tabular}\\end{table}

$z$
"""


def test_a_page_is_taken_apart_in_its_order() -> None:
    parts = split_page(PAGE)
    assert [piece.text for piece in parts.text] == ["# Head", "One $x_1$ line\nand another."]
    assert [piece.text for piece in parts.formulas] == ["x_1", "a+b", "z", "z"]
    assert [piece.text for piece in parts.tables] == [
        "<table><tr><td>1</td></tr></table>",
        "<table><tr><td>a</td><td>b:c</td></tr><tr><td>1</td><td>2</td></tr></table>",
        "<table><tr><td>9</td></tr></table>",
    ]
    assert all(PAGE[piece.start :].startswith(piece.text[:5]) for piece in parts.text)


def test_lines_are_blocks_where_none_is_empty() -> None:
    assert [piece.text for piece in split_page("```markdown\na\nb\n```").text] == ["a", "b"]
    assert [piece.text for piece in split_page("a\nb\n\nc").text] == ["a\nb", "c"]
    assert split_page("") == ((), (), ())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$a$ and \\(b\\)", [("a", False), ("b", False)]),
        ("$$a$$ \\[b\\]", [("a", True), ("b", True)]),
        ("$$a$ b", [("", False)]),  # as the pattern upstream reads it
        ("\\[ a $b", []),
        ("costs $5", []),
        ("$a\nb$", [("a\nb", False)]),
    ],
)
def test_formulas(text: str, found: list[tuple[str, bool]]) -> None:
    assert [(formula.content, formula.displayed) for formula in formulas(text)] == found


def test_formulas_of_one_line_only() -> None:
    assert [formula.content for formula in formulas("$a\nb$ c$ \\(d\\)", across_lines=False)] == [" c", "d"]


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("**Bold**, 1.5 & a_b\n", "Bold15a_b"),
        ("a $x^{2}$ b $5$", "ax2b5"),
        ("$\\alpha_1$ is", "α_1is"),
        ("and/then", "andhen"),  # upstream deletes "/t"
        ("中文 ok", "中文ok"),
        ("$\\frac{" * 50 + "x$", None),
    ],
)
def test_words_of_a_block(block: str, words: str | None) -> None:
    found = plain_text(block)
    assert words is None or found == words


@pytest.mark.parametrize(
    ("latex", "plain"),
    [
        ("$$E = mc^2$$", "e=mc^2"),
        ("\\[ E = \n mc^2. \\]", "e=mc^2"),
        ("\\mathbf{A} \\quad \\tag{3}", "{a}"),
        ("\\begin{array}{c}1\\end{array}", "{c}1"),
    ],
)
def test_a_formula_without_what_may_be_either_way(latex: str, plain: str) -> None:
    assert plain_formula(latex) == plain


def test_a_table_without_what_may_be_either_way() -> None:
    table = (
        '<table border="1"><thead><tr><th colspan="2" style="x">a<sup>2</sup></th></tr></thead>\n'
        '<tbody><tr><td rowspan="1"> b\n c </td> <td><b>&lt;</b><br>d</td></tr></tbody></table>'
    )
    assert plain_table(table) == (
        '<html><body><table border="1" ><tr><td colspan="2">a2</td></tr>'
        '<tr><td rowspan="1"> b c </td> <td><b>&lt;</b><br/>d</td></tr></table></body></html>'
    )
    assert plain_table("no table") == ""


@pytest.mark.parametrize(
    ("latex", "rows"),
    [
        (
            "\\begin{tabular}{l|r}\\hline a & b \\\\ c & 5\\% \\& d \\\\ \\bottomrule\\end{tabular}",
            "<tr><td>a</td><td>b</td></tr><tr><td>c</td><td>5\\% \\&amp; d</td></tr>",
        ),
        (
            "\\begin{tabular}[t]{l}\\multicolumn{2}{c}{x}\\\\\\multirow{2}{*}{\\textbf{y}} & z\\end{tabular}",
            '<tr><td colspan="2">x</td></tr><tr><td rowspan="2">y</td><td>z</td></tr>',
        ),
        ("\\begin{tabular}{l} cut & off", "<tr><td>cut</td><td>off</td></tr>"),
        ("nothing", ""),
    ],
)
def test_latex_tables(latex: str, rows: str) -> None:
    assert latex_to_html(latex) == f"<table>{rows}</table>"


ONE, TWO, THREE = "alpha beta gamma delta", "one two three four five", "zinc yttrium xenon wolfram"


def test_blocks_are_paired_whatever_their_order() -> None:
    assert quick_match([TWO, ONE], [ONE, TWO]) == [Match((1,), (0,)), Match((0,), (1,))]


def test_neighbours_are_joined() -> None:
    broken = ["alpha beta", "gamma delta", TWO]
    assert quick_match(broken, [ONE, TWO]) == [Match((0, 1), (0,)), Match((2,), (1,))]


def test_true_blocks_are_found_inside_longer_ones() -> None:
    assert quick_match([ONE + TWO, THREE], [ONE, TWO, THREE]) == [Match((0,), (0, 1)), Match((1,), (2,))]


def test_what_is_left_over() -> None:
    left = Match((), (1,))
    assert quick_match([ONE], [ONE, TWO]) == [Match((0,), (0,)), left, left]
    assert quick_match([ONE], [ONE, TWO], Rules(missing_twice=False)) == [Match((0,), (0,)), left]
    assert quick_match([ONE, TWO, THREE], [ONE]) == [Match((0,), (0,)), Match((1, 2), ())]
    # Where both sides have some left they are paired, however far apart, and those still left are free.
    strange = ["%" * 20, "&" * 30]
    assert quick_match([ONE, *strange], [ONE, TWO]) == [Match((0,), (0,)), Match((1,), (1,))]
    assert quick_match([], [ONE, ""]) == [Match((), (0,))]
    assert quick_match(["", ONE, TWO], []) == [Match((1,), ()), Match((2,), ())]
    assert quick_match(["x"], [ONE]) == [Match((0,), (0,))]


def test_too_much_work_pairs_simply(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ["alpha beta", "gamma delta", TWO]
    monkeypatch.setattr(matching, "WORK_LIMIT", 100)
    assert quick_match(broken, [ONE, TWO]) == simple_match(broken, [ONE, TWO])
    assert simple_match(broken, [ONE, TWO]) == [Match((1,), (0,)), Match((2,), (1,)), Match((0,), ())]


def test_equal_texts_are_paired_in_order() -> None:
    assert pair_texts(["a", "b", "a", "a"], ["b", "a", "a", "a"]) == [
        (1, 0, 0),
        (0, 1, 0),
        (2, 2, 0),
        (3, 3, 0),
    ]
    assert pair_texts(["abcd", "xyz"], ["abce", "qqq"], limit=0.5) == [(0, 0, 0.25)]


@pytest.mark.parametrize(
    "text",
    ["![" * 32000, "\\[ " * 20000, "$" * 65000, "\\(" * 32000, "<table" * 10000, "\\begin{tabular}{" * 4000],
    ids=lambda text: str(text[:6]),
)
def test_no_page_runs_on(text: str) -> None:
    started = time.process_time()
    split_page(text)
    plain_text(text)
    plain_formula(text)
    latex_to_html(text)
    assert time.process_time() - started < 3
