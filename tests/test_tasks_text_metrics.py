"""Text metrics: the figures of other implementations to the digit, and what each quirk does, row by row."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import fixtures_path
from vleval.tasks.text import anls as anls_file
from vleval.tasks.text import relaxed as relaxed_file
from vleval.tasks.text import vqa as vqa_file
from vleval.tasks.text.anls import SERVER, anls
from vleval.tasks.text.edit_distance import normalised_edit_distance
from vleval.tasks.text.exact import exact_match
from vleval.tasks.text.relaxed import MENDED, relaxed_accuracy
from vleval.tasks.text.substring import contains, contains_formula
from vleval.tasks.text.vqa import VLMEVALKIT, normalise, vqa_accuracy

ANLS, RELAXED, VQA = anls_file.Rules, relaxed_file.Rules, vqa_file.Rules


def cases(name: str) -> Any:
    return json.loads(fixtures_path("metrics", "expected_cases.json").read_text())[name]


def percent(metric: Callable[[str, Sequence[str]], float]) -> float:
    """The mean of a metric over pix2struct's own cases."""
    table = cases("pix2struct")
    pairs = list(zip(table["predictions"], table["targets"], strict=True))
    return 100 * sum(metric(said, truth) for said, truth in pairs) / len(pairs)


def test_pix2struct() -> None:
    published = cases("pix2struct")["published"]
    assert percent(exact_match) == published["exact_match"] == 12.5
    assert percent(anls) == published["anls"] == 47.5
    assert percent(relaxed_accuracy) == published["relaxed_accuracy"] == 62.5
    with_case = percent(lambda said, truth: anls(said, truth, ANLS(lower_case=False)))
    assert with_case == pytest.approx(39.17, abs=0.005)


def test_anls_of_the_published_package() -> None:
    table = cases("anls_shunk031")
    assert len(table["cases"]) == 9
    for said, score in table["cases"]:
        assert anls(said, table["gold"]) == pytest.approx(score, abs=0.005), said
    gold = json.loads(fixtures_path("metrics", "anls_shunk031", "gold_label.json").read_text())["data"]
    submitted = fixtures_path("metrics", "anls_shunk031", "submission.json").read_text()
    said = {row["questionId"]: row["answer"] for row in json.loads(submitted)}
    mean = sum(anls(said[row["questionId"]], row["answers"]) for row in gold) / len(gold)
    assert mean == pytest.approx(0.37777777777)
    assert round(mean, 3) == table["file_score"]["published"] == 0.378


def test_edit_distances_of_real_answers() -> None:
    rows = json.loads(fixtures_path("documents", "json_extraction.json").read_text())
    assert len(rows) == 10
    for row in rows:
        found = normalised_edit_distance(row["prediction"], row["target"])
        assert found == pytest.approx(row["normalised_edit_distance"], abs=1e-12)


ANLS_TRAPS = [
    ("ab", ["cb"], ANLS(), 0.0, "a distance of exactly 0.5 is worth nothing"),
    ("ab", ["cb"], SERVER, 0.5, "on the server it is worth 0.5"),
    ("abc", ["abd"], ANLS(), 1 - 1 / 3, "below 0.5 the likeness counts"),
    ("ABC", ["abc"], ANLS(), 1.0, "case is ignored"),
    ("ABC", ["abc"], ANLS(lower_case=False), 0.0, "unless it is not"),
    ("a  b\n", ["a b"], ANLS(), 1.0, "runs of white space are one space"),
    ("a  b", ["a b"], ANLS(collapse_spaces=False), 0.75, "unless they are not"),
    ("Cola     ", ["Coca Cola"], ANLS(), 0.0, "5 edits of 9 letters"),
    (
        "    Cola     ",
        ["Coca Cola"],
        SERVER,
        1 - 5 / 13,
        "lengths as written: white space makes a wrong answer right",
    ),
    ("inv-39213", ["ORD-39213"], ANLS(), 1 - 3 / 9, "another number of the page is nearly right"),
    ("b", ["a", "b"], ANLS(), 1.0, "the best accepted answer counts"),
    ("", [""], ANLS(), 1.0, "nothing said where nothing is true"),
    ("", ["a"], ANLS(), 0.0, "nothing said"),
    ("a", [], ANLS(), 0.0, "nothing accepted"),
    ("abcd", ["abcx"], ANLS(threshold=0.25), 0.0, "the threshold is an option"),
]


@pytest.mark.parametrize(
    ("said", "truth", "rules", "score", "why"), ANLS_TRAPS, ids=[case[4] for case in ANLS_TRAPS]
)
def test_anls_traps(said: str, truth: list[str], rules: anls_file.Rules, score: float, why: str) -> None:
    assert anls(said, truth, rules) == pytest.approx(score)


RELAXED_TRAPS = [
    ("105", "100", RELAXED(), 1, "5% off is right"),
    ("94.9", "100", RELAXED(), 0, "more is wrong"),
    ("-100", "100", RELAXED(), 0, "a sign is no detail"),
    ("-96", "-100", RELAXED(), 1, "negative numbers have the tolerance of their size"),
    ("YES", "Yes", RELAXED(), 1, "words but for case"),
    ("Yes.", "Yes", RELAXED(), 0, "and to the full stop"),
    ("0.0", "0", RELAXED(), 0, "a true 0 is text"),
    ("0", "0", RELAXED(), 1, "the same text is right"),
    ("0.0", "0", RELAXED(zero_as_text=False), 1, "a true 0 as a number"),
    ("0.01", "0", RELAXED(zero_as_text=False), 0, "nothing is near 0"),
    ("12%", "12", RELAXED(), 0, "12% is 0.12"),
    ("0.12", "12%", RELAXED(), 1, "and so 0.12 is right"),
    ("12", "12%", RELAXED(), 0, "but 12 is not"),
    ("12", "12%", RELAXED(percent_is_share=False), 1, "unless the sign is only dress"),
    ("0.12", "12%", RELAXED(percent_is_share=False), 0, "when 0.12 is wrong"),
    ("1,234", "1234", RELAXED(), 0, "commas make text"),
    ("1,234", "1234", RELAXED(separators=True), 1, "commas read"),
    ("$5", "5", RELAXED(), 0, "a currency sign makes text"),
    ("$5", "5", RELAXED(separators=True), 1, "currency signs read"),
    ("-$1,200.50", "-1200.5", RELAXED(separators=True), 1, "all at once"),
    ("1,23", "123", RELAXED(separators=True), 0, "a comma that separates no thousands is none"),
    ("1950", "2010", RELAXED(), 1, "5% of a year is a century"),
    ("1950", "2010", RELAXED(exact_years=True), 0, "years exact"),
    ("2010.0", "2010", RELAXED(exact_years=True), 1, "by value"),
    ("2199", "2110", RELAXED(exact_years=True), 1, "2110 is no year of the past"),
    ("nan", "5", RELAXED(), 0, "not a number is near none"),
    ("inf", "5", RELAXED(), 0, "nor is infinity"),
    ("[Yes, No]", "[yes, no]", RELAXED(), 1, "lists are text"),
    ("%", "5%", RELAXED(), 0, "a sign without a number is text"),
]


@pytest.mark.parametrize(
    ("said", "truth", "rules", "score", "why"), RELAXED_TRAPS, ids=[case[4] for case in RELAXED_TRAPS]
)
def test_relaxed_traps(said: str, truth: str, rules: relaxed_file.Rules, score: int, why: str) -> None:
    assert relaxed_accuracy(said, [truth], rules) == score


WORDS = [
    ("The  Red, car?", VQA(), "red car", "articles, commas and question marks go"),
    ("two", VQA(), "2", "small numbers are digits"),
    ("none", VQA(), "0", "and none is zero"),
    ("dont", VQA(), "don't", "forgotten apostrophes return"),
    ("couldnt've", VQA(), "couldn't've", "one of two as well"),
    ("somebody'd", VQA(), "somebodyd", "upstream's own slip"),
    ("dog's", VQA(), "dog 's", "a genitive becomes a word"),
    ("dog's", VLMEVALKIT, "dog's", "not in VLMEvalKit"),
    ("coca-cola", VQA(), "coca cola", "a mark inside a word becomes a space"),
    ("coca - cola", VQA(), "coca cola", "a mark beside a space goes"),
    ("a-b -c", VQA(), "ab c", "and then everywhere"),
    ("1,000/2", VLMEVALKIT, "10002", "a comma between digits deletes all marks"),
    ("1,000/2", VQA(), "1000 2", "unless commas went first"),
    ("3.", VQA(), "3", "the check for a digit before a period is mistyped"),
    ("3.", VLMEVALKIT, "3.", "VLMEvalKit mended it"),
    ("3.5", VQA(), "3.5", "decimals stay"),
    ("st. john", VQA(), "st john", "other periods go"),
    ("." * 40, VQA(), "." * 8, "but 32 of them at most"),
    ("." * 40, VQA(periods=0), "", "unless there is no bound"),
    ("a\nb\tc", VQA(), "b c", "line breaks and tabs are spaces"),
]


@pytest.mark.parametrize(("text", "rules", "words", "why"), WORDS, ids=[case[3] for case in WORDS])
def test_vqa_words(text: str, rules: vqa_file.Rules, words: str, why: str) -> None:
    assert normalise(text, rules) == words


@pytest.mark.parametrize(("agree", "score"), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (10, 1)])
def test_vqa_accuracy_leaves_one_out(agree: int, score: float) -> None:
    people = ["Dakota"] * agree + [f"other {index}x" for index in range(10 - agree)]
    assert vqa_accuracy("dakota", people) == pytest.approx(score)
    assert vqa_accuracy("dakota", people, VQA(leave_one_out=False)) == pytest.approx(min(agree / 3, 1))


def test_nobody_to_agree_with() -> None:
    assert vqa_accuracy("dakota", []) == 0.0


SUBSTRINGS = [
    (contains, "It says CENTRE.", ["centre"], 1, "anywhere, in any case"),
    (contains, "cen tre", ["centre"], 0, "spaces matter"),
    (contains, "two\nlines", ["two lines"], 1, "line breaks are spaces"),
    (contains, "right", ["wrong", "right"], 1, "one of several is enough"),
    (contains, "ＡＢＣ", ["abc"], 0, "full-width letters are others"),
    (contains_formula, r"\frac { a } { b } + 1", [r"\frac{a}{b}"], 1, "formulas without spaces"),
    (contains_formula, "X + 1", ["x+1"], 0, "but with their case"),
]


@pytest.mark.parametrize(
    ("metric", "said", "truth", "score", "why"), SUBSTRINGS, ids=[case[4] for case in SUBSTRINGS]
)
def test_ocrbench_rules(
    metric: Callable[..., float], said: str, truth: list[str], score: int, why: str
) -> None:
    assert metric(said, truth) == score


def test_full_width_forms_fold_by_name() -> None:
    assert contains("ＡＢＣ　１２", ["abc 12"], fold_full_width=True) == 1


def test_exact_match_and_case() -> None:
    assert exact_match("Abc", ["abc"]) == 0
    assert exact_match("Abc", ["x", "aBC"], ignore_case=True) == 1
    assert exact_match("abc.", ["abc"], ignore_case=True) == 0


def brute(a: str, b: str) -> int:
    """Edit distance by its recurrence, row by row."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


short = st.text(st.characters(codec="utf-8") | st.sampled_from("ab .%,0123"), max_size=12)


@given(short, short)
def test_distance_is_levenshteins(a: str, b: str) -> None:
    found = normalised_edit_distance(a, b)
    assert found == (pytest.approx(brute(a, b) / max(len(a), len(b))) if a or b else 0.0)
    assert found == normalised_edit_distance(b, a)


@given(short, st.lists(short, max_size=3), short)
def test_more_accepted_answers_never_cost(said: str, truths: list[str], more: str) -> None:
    for metric in (
        anls,
        lambda s, t: anls(s, t, SERVER),
        relaxed_accuracy,
        lambda s, t: relaxed_accuracy(s, t, MENDED),
        contains,
        contains_formula,
        exact_match,
    ):
        before, after = metric(said, truths), metric(said, [*truths, more])
        assert 0.0 <= before <= after <= 1.0


@given(short)
def test_the_truth_is_right(text: str) -> None:
    assert anls(text, [text]) == contains(text, [text]) == contains_formula(text, [text]) == 1.0
    assert vqa_accuracy(text, [text] * 10) == vqa_accuracy(text, [text] * 10, VLMEVALKIT) == 1.0


@given(short, st.lists(short, max_size=12))
def test_agreement_is_a_share(said: str, people: list[str]) -> None:
    for rules in (VQA(), VLMEVALKIT, VQA(leave_one_out=False)):
        assert 0.0 <= vqa_accuracy(said, people, rules) <= 1.0
