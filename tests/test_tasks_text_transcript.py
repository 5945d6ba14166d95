"""BLEU, METEOR and their company: definitions worked out by hand, and published examples."""

from __future__ import annotations

import time

import pytest

from vleval.tasks.text.transcript import transcript_likeness, words

# The worked example in nltk's documentation of both metrics.
SAID = "It is a guide to action which ensures that the military always obeys the commands of the party"
TRUE = "It is a guide to action that ensures that the military will forever heed Party commands"


def test_published_examples() -> None:
    found = transcript_likeness(SAID, TRUE)
    assert found.bleu == pytest.approx(0.4118, abs=1e-4)
    assert found.meteor == pytest.approx(0.6944, abs=1e-4)


def test_the_parts_by_hand() -> None:
    found = transcript_likeness("the cat sat", "the cat sits")
    # No four words in a row: BLEU is a smallest float's fourth root.
    assert found.bleu < 1e-70
    # Two of three words agree, in one run: P = R = 2/3, and a penalty of 0.5 · (1/2)³.
    assert found.meteor == pytest.approx(2 / 3 * (1 - 0.5 / 8))
    assert found.f_measure == pytest.approx(2 / 3)
    assert found.characters == pytest.approx(1 - 2 / 12)
    assert found.mean == pytest.approx((found.meteor + 2 / 3 + 10 / 12) / 4)


def test_stems_agree_and_synonyms_do_not() -> None:
    assert transcript_likeness("jumps", "jumping").meteor == 0.5
    assert transcript_likeness("big", "large").meteor == 0.0


@pytest.mark.parametrize("count", [4, 10, 100])
def test_a_perfect_transcript_stays_below_1(count: int) -> None:
    text = " ".join(f"word{number}" for number in range(count))
    found = transcript_likeness(text, text)
    assert (found.bleu, found.f_measure, found.characters) == (1.0, 1.0, 1.0)
    assert found.meteor == pytest.approx(1 - 0.5 / count**3, abs=1e-12)


def test_chinese_on_either_side_is_cut_into_words() -> None:
    assert words("我来到北京清华大学", "") == ["我", "来到", "北京", "清华大学"]
    assert words("to Beijing", "北京") == ["to", " ", "Beijing"]
    assert words("to Beijing", "Peking") == ["to", "Beijing"]


def test_nothing_in_common_and_nothing_at_all() -> None:
    assert transcript_likeness("abc", "xyz").mean == 0.0
    assert transcript_likeness("   ", "xyz").mean == 0.0


@pytest.mark.parametrize("text", ["abcd " * 13_000, "今" * 22_000, "今天 " * 16_000])
def test_an_endless_answer_is_scored_in_seconds(text: str) -> None:
    start = time.process_time()
    transcript_likeness(text, "今天我们在北京大学学习" * 40)
    assert time.process_time() - start < 8.0
