"""How many there are: reading a count out of an answer, and the share of right counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vleval.grounding.ledger import TEXT_LIMIT

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {word: value for value, word in enumerate(_UNITS)}
_WORDS |= {word: 10 * value for value, word in enumerate(_TENS, start=2)}

# Digits glued to letters or points are names, ordinals or fractions; a number below zero is no count.
_DIGITS = r"(?<![A-Za-z0-9.])(?<![0-9],)(?<!(?<![0-9])-)(?P<digits>[0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,12})"
_DIGITS += r"(?![A-Za-z0-9%]|[.,][0-9]|-[A-Za-z])"
_NAMES = rf"(?<![A-Za-z0-9-])(?:(?P<tens>{'|'.join(_TENS)})[ -])?(?P<word>{'|'.join(_WORDS)})"
_NAMES += r"(?![A-Za-z0-9]|-[A-Za-z]|[ -](?:hundred|thousand|million|dozen)\b)"
_COUNT = re.compile(f"{_DIGITS}|{_NAMES}", re.IGNORECASE)
_NONE = re.compile(r"\bnone\b", re.IGNORECASE)


def read_count(text: str) -> int | None:
    """The last whole number of an answer, in digits or in words; 0 for "none" alone; None without any.

    "5.", "There are five." and "<answer>5</answer>" are 5; "twenty-one" is 21 and "1,200" is 1200. Fractions
    ("5.5", "50%"), ordinals ("2nd"), negative numbers and digits inside names ("v2") are no counts. Reads the
    first `ledger.TEXT_LIMIT` characters, never raises, and its time grows linearly.
    Source: CountBench as scored by Molmo's evaluator, without its substring and last-word rules.

    >>> read_count("I see 2 dogs and 3 cats, so there are five."), read_count("Many!")
    (5, None)
    """
    text = text[:TEXT_LIMIT]
    last = max(_COUNT.finditer(text), key=re.Match.start, default=None)
    if last is None:
        return 0 if _NONE.search(text) else None
    if digits := last["digits"]:
        return int(digits.replace(",", ""))
    return _WORDS[last["word"].lower()] + (_WORDS[last["tens"].lower()] if last["tens"] else 0)


def detect_then_count(items: Sequence[object], text: str) -> int | None:
    """The number of items read from an answer (boxes, points); without any, the number that it states.

    >>> detect_then_count([], "There are none.")
    0
    """
    return len(items) or read_count(text)


class CountAccuracy(NamedTuple):
    """Shares of all questions, from 0 to 1; one without a count is wrong."""

    exact: float
    close: float
    """Off by at most one."""
    read: float
    """With any count."""


def count_accuracy(predicted: Sequence[int | None], truth: Sequence[int]) -> CountAccuracy:
    """How often counts are right: `predicted` [N] (None: no count was read) against `truth` [N].

    Raises ValueError on lengths that differ and without any question.

    >>> count_accuracy([5, 4, None, 9], [5, 5, 0, 5])
    CountAccuracy(exact=0.25, close=0.5, read=0.75)
    """
    if len(predicted) != len(truth) or not truth:
        raise ValueError(f"{len(predicted)} counts for {len(truth)} questions")
    made = np.array([np.nan if count is None else count for count in predicted], dtype=np.float64)
    off = np.abs(made - np.asarray(truth, dtype=np.float64))
    return CountAccuracy(float((off == 0).mean()), float((off <= 1).mean()), float(np.isfinite(made).mean()))
