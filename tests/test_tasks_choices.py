"""Which choice an answer takes: every rule by its name, what is ambiguous, and what hostile text costs."""

from __future__ import annotations

import time

import pytest

from vleval.tasks import choices

ANIMALS = ("a man", "dog", "A cat.", "not known")

STATED = [
    ("B", "B", "the bare letter"),
    (" b\n", "B", "case and space"),
    ("(B)", "B", "in brackets"),
    ("B.", "B", "with a full stop"),
    ("**B**", "B", "in bold"),
    ("B. dog", "B", "with its text"),
    ("B) the dog barks", "B", "with more than its text"),
    ("(B) dog", "B", "in brackets, with its text"),
    ("B dog", "B", "with its text alone"),
    ("Answer: B", "B", "after a word"),
    ("The answer is B", "B", "in a sentence"),
    ("The best answer is: (B).", "B", "in a sentence, in brackets"),
    ("the correct option is B because it barks", "B", "before a reason"),
    ("It barks.\nSo the answer is **B**.", "B", "after a reason"),
    ("dog", "B", "the text"),
    ("'Dog.'", "B", "the text in quotes"),
    ("The answer is dog.", "B", "the text in a sentence"),
    ("a cat", "C", "the text of another case, with a full stop there"),
    ("I think it is (D)", "D", "in brackets anywhere"),
    ("(B) is right, and (B) alone", "B", "twice the same"),
    ("<think>(A)? No.</think><answer>B</answer>", "B", "after reasoning"),
    ("<think>A</think>\nThe answer is B.", "B", "after reasoning, without tags"),
    ("<answer>B", "B", "cut off"),
]
SILENT = [
    ("", "empty answer"),
    (" \n ", "empty answer"),
    ("A, B", "two choices"),
    ("A or B", "two choices"),
    ("A B", "two choices"),
    ("(A) or (B)", "two choices"),
    ("The answer is B or C.", "two choices"),
    ("B. dog or C. cat", "two choices"),
    ("A. a man\nB. dog\nC. A cat.\nD. not known", "two choices"),
    ("E", "no such choice"),
    ("Answer: E", "no such choice"),
    ("A bird flies", "no choice"),
    ("The answer is A bird", "no choice"),
    ("Definitely", "no choice"),
    ("I do not know", "no choice"),
    ("B <answer></answer>", "empty answer"),
    ("<think>It is (A)", "empty answer"),
    ("dogs", "no choice"),
    ("答案是狗", "no choice"),
]


@pytest.mark.parametrize(("text", "letter", "why"), STATED, ids=[case[2] for case in STATED])
def test_one_choice_is_stated(text: str, letter: str, why: str) -> None:
    assert choices.stated(text, ANIMALS) == (letter, None)


@pytest.mark.parametrize(("text", "reason"), SILENT)
def test_no_choice_is_stated(text: str, reason: str) -> None:
    assert choices.stated(text, ANIMALS) == (None, reason)


def test_without_the_choices_letters_alone_are_read() -> None:
    assert choices.stated("Answer: F").letter == "F"
    assert choices.stated("dog").letter is None


def test_two_choices_of_one_text_are_none() -> None:
    assert choices.stated("dog", ("dog", "cat", "Dog")) == (None, "two choices")
    assert choices.stated("C", ("dog", "cat", "Dog")).letter == "C"


OFFICIAL = [
    ("B", "B", "B", "B"),
    ("b", None, None, "b"),
    ("(C) cat", "C", "C", "C"),
    ("Answer: C", "A", "A", "A"),
    ("The best answer is D.", "D", "D", "T"),
    ("Best answer: C", "B", "C", "B"),
    ("E", None, "E", "E"),
    ("Definitely not", "D", "D", "D"),
    ("I think (B) fits", "B", "B", "B"),
    ("the second", None, None, "t"),
    ("", None, None, None),
]


@pytest.mark.parametrize(("text", "videomme", "longvideobench", "lvbench"), OFFICIAL)
def test_what_the_benchmarks_own_scripts_take(
    text: str, videomme: str | None, longvideobench: str | None, lvbench: str | None
) -> None:
    """By hand from the scripts: `Best answer:` is taken out by one of them, the word `Answer` by none."""
    assert choices.first_capital(text) == videomme
    assert choices.first_capital(text, "ABCDE", choices.MORE_PHRASES) == longvideobench
    assert choices.bracketed(text) == lvbench


@pytest.mark.parametrize(
    ("text", "found"),
    [("B", "B"), ("b.", "B"), ("B. The dog", "B"), ("The answer is B", None), ("B dog", None), ("AB", None)],
)
def test_the_exact_rule_searches_nothing(text: str, found: str | None) -> None:
    assert choices.exact(text).letter == found


def test_questions_keep_and_lose_their_lists() -> None:
    asked = "Which\nof them?"
    for form in ("{}. {}", "({}) {}"):
        listed = "\n".join([asked, *choices.lettered(ANIMALS, form)])
        assert choices.split(listed) == (asked, ANIMALS)
        assert choices.split(f"{listed}\nAnswer now:") == (asked, ANIMALS)
    assert choices.split("A. Smith asks: which?") == ("A. Smith asks: which?", ())
    assert choices.split("See:\nA. x\nC. y").choices == ()
    assert choices.split("A. old\nB. old\nNo:\nA. new\nB. newer").choices == ("new", "newer")
    assert choices.lettered(["two\nlines"]) == ["A. two lines"]
    assert choices.unlettered(["A. Apples.", "B. Pears."]) == ["Apples.", "Pears."]
    assert choices.unlettered(["A. Apples.", "Pears."]) == ["A. Apples.", "Pears."]


def test_the_truth_is_a_text_or_a_letter() -> None:
    assert choices.true_letter("dog", ANIMALS, "answer") == "B"
    assert choices.true_letter("d", ANIMALS, "answer") == "D"
    assert choices.true_letter("B", ("C", "A", "B"), "answer") == "C", "a text that looks like a letter"
    assert choices.true_letter("x", ("y", "x", "x"), "answer") == "B", "the first of equal texts"
    for value in ("E", "", None, 1, "bird"):
        with pytest.raises(ValueError, match="answer must be one of the 4 choices or its letter"):
            choices.true_letter(value, ANIMALS, "answer")


@pytest.mark.parametrize(
    "text",
    [
        "(A" * 50_000,
        "answer " * 50_000,
        "answer" + " " * 100_000 + "x",
        "A, " * 50_000,
        "A or (" * 50_000,
        "\n" * 50_000 + "B",
        "[(*`" * 50_000,
        "A. x\nB. y\n" * 20_000,
        "\x00\u202e" * 50_000,
    ],
    ids=["brackets", "words", "spaces", "list", "joins", "lines", "marks", "choices", "controls"],
)
def test_hostile_text_costs_its_length(text: str) -> None:
    before = time.process_time()
    choices.stated(text, ANIMALS)
    choices.exact(text)
    choices.first_capital(text)
    choices.bracketed(text)
    choices.split(text)
    assert time.process_time() - before < 2
