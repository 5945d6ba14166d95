"""Counts out of answers, and how many of them are right."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vleval.grounding.counting import count_accuracy, detect_then_count, read_count
from vleval.grounding.ledger import TEXT_LIMIT

WORDS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
]

CASES = [
    ("5", 5, "plain"),
    ("5.", 5, "a full stop is no fraction"),
    ("There are five.", 5, "a word"),
    ("FIVE!", 5, "whatever its letters"),
    ("12", 12, "not 1, not 2"),
    ("seventeen", 17, "not seven"),
    ("I see 2 dogs and 3 cats, so 5 animals.", 5, "the last"),
    ("There are 5 dogs; two of them are brown.", 2, "the last, for better or worse"),
    ("**5**", 5, "bold"),
    ("<think>4 or 6?</think><answer>5</answer>", 5, "tags"),
    ("有5只狗", 5, "letters that are not Latin"),
    ("$\\boxed{5}$", 5, "boxed"),
    ("twenty-one", 21, "not 1"),
    ("twenty one", 21, "not 1"),
    ("1,200", 1200, "thousands"),
    ("1, 2, 3", 3, "a list"),
    ("5,", 5, "a comma"),
    ("3-4", 4, "a range"),
    ("none", 0, "none alone"),
    ("There are 5, none of them red.", 5, "none beside a number says something else"),
    ("5.5", None, "a fraction"),
    ("1.5 to 2.5", None, "fractions"),
    ("50%", None, "a share"),
    ("v2", None, "a name"),
    ("2nd", None, "an ordinal"),
    ("3D", None, "a name"),
    ("-3", None, "below zero"),
    ("someone phoned, alone", None, "words inside words"),
    ("two hundred", None, "not two"),
    ("five-legged", None, "not five"),
    ("3-legged", None, "not three"),
    ("1" * 5000, None, "a wall of digits"),
    ("Many.", None, "no number"),
    ("", None, "nothing"),
]


@pytest.mark.parametrize(("text", "count", "why"), CASES, ids=[case[0][:30] or "empty" for case in CASES])
def test_read_count(text: str, count: int | None, why: str) -> None:
    assert read_count(text) == count, why


@pytest.mark.parametrize(("count", "word"), [*enumerate(WORDS)])
def test_every_word_up_to_twenty(count: int, word: str) -> None:
    assert read_count(word) == read_count(f"There are {word.title()} of them.") == count


@given(st.integers(0, 10**6))
def test_numbers_are_read_back(count: int) -> None:
    assert read_count(f"I count {count}.") == read_count(f"I count {count:,} of them") == count


@given(st.text() | st.text("0123456789,.-% aeinotwyh"))
def test_no_text_raises(text: str) -> None:
    assert (count := read_count(text)) is None or 0 <= count < 10**12


@pytest.mark.parametrize("unit", ["1,", "1", "-", "twenty-", "one", "1,111,", "1.", "none"])
def test_time_grows_linearly(unit: str) -> None:
    def seconds(length: int) -> float:
        """Of the processor's time, which a busy machine does not stretch; the least of several."""
        text, best = (unit * length)[:length], 1.0
        for _ in range(7):
            start = process_time()
            read_count(text)
            best = min(best, process_time() - start)
        return best

    assert seconds(TEXT_LIMIT) <= 12 * max(seconds(TEXT_LIMIT // 8), 1e-4)


def test_text_beyond_the_limit_is_not_read() -> None:
    assert read_count("7" + " " * TEXT_LIMIT + "9") == 7


def test_items_come_before_what_is_said() -> None:
    assert detect_then_count(["box", "box"], "There are 5.") == 2
    assert detect_then_count([], "There are 5.") == 5
    assert detect_then_count([], "Nothing to see.") is None


def test_accuracy_of_counts() -> None:
    made, true = [5, 4, 6, 7, None, 0], [5, 5, 5, 5, 0, 0]
    assert count_accuracy(made, true) == pytest.approx((2 / 6, 4 / 6, 5 / 6))
    assert count_accuracy([None], [0]) == (0.0, 0.0, 0.0)  # silence is not zero
    for wrong in (([], []), ([1], [1, 2])):
        with pytest.raises(ValueError, match="questions"):
            count_accuracy(*wrong)
