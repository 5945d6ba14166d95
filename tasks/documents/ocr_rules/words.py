"""OCRBench v2's rules for answers of a few words: contained text, letters of choices, counts, formulas.

Source: `vqa_metric.py` and `eval.py` of the benchmark's script. Each function is one rule: (answer, truths)
-> 0..1. Their quirks are part of every published score, and stand in the docstrings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vleval.tasks.text.edit_distance import normalised_edit_distance
from vleval.tasks.text.substring import contains_formula

LONG_WORDS = 5
"""Words from which on a truth is compared as a whole."""

LONG_PARTS = 4
"""Parts between commas from which on a Chinese truth is compared as a whole."""

LETTERS_BETWEEN = ("", ".", ". ", ",", ", ", "、", ";", "; ", " ", "和")
"""What may stand between the letters of several choices."""

_DIGITS = re.compile(r"\d+")
_TEXT_TAG = re.compile(r"\\text\{([^{}]*)\}")


def contains_or_near(said: str, truths: Sequence[str]) -> float:
    """1 where a truth below five words occurs in the answer; a longer one counts by its likeness from 0.5 on.

    Case and line breaks do not matter. "3" occurs in "13".
    """
    return max((_contained(_line(said).lower(), _line(truth).lower()) for truth in truths), default=0.0)


def contains_or_near_cased(said: str, truths: Sequence[str]) -> float:
    """`contains_or_near` where case matters."""
    return max((_contained(_line(said), _line(truth)) for truth in truths), default=0.0)


def contains_or_near_chinese(said: str, truths: Sequence[str]) -> float:
    """`contains_or_near` without any spaces; truths are long from four parts between (ASCII) commas on."""
    text = _line(said).lower().replace(" ", "")
    best = 0.0
    for truth in truths:
        wanted = _line(truth).lower().replace(" ", "")
        short = len(wanted.split(",")) < LONG_PARTS
        best = max(best, float(wanted in text) if short else _near(text, wanted))
    return best


def chosen_letters(said: str, truths: Sequence[str]) -> float:
    """1 where all letters of the answer, joined, are the truth: "(B)" is B, and "B. cat" is not."""
    return float("".join(letter for letter in said if letter.isalpha()) == truths[0])


def counted_exactly(said: str, truths: Sequence[str]) -> float:
    """1 where the number occurs in the answer as text: "3" occurs in "13"."""
    return float(any(_line(truth).lower() in said for truth in truths))


def counted_nearly(said: str, truths: Sequence[str]) -> float:
    """1 - |n - g| / g where that is above 0.5, else 0; n is the first run of digits in the answer."""
    digits = _DIGITS.search(said)
    if digits is None or len(digits[0]) > 18:
        return 0.0
    number, best = int(digits[0]), 0.0
    for truth in map(int, truths):
        share = 1 - abs(number - truth) / truth if 0 < number < 2 * truth else 0.0
        best = max(best, share if share > 0.5 else 0.0)
    return best


def contains_formula_chinese(said: str, truths: Sequence[str]) -> float:
    r"""OCRBench's rule for formulas, with `\text{...}` replaced by what it holds."""
    return contains_formula(_TEXT_TAG.sub(r"\1", said), [_TEXT_TAG.sub(r"\1", truth) for truth in truths])


def contains_letters(said: str, truths: Sequence[str]) -> float:
    """1 where the truth occurs in the answer, or its letters one by one between the usual separators."""
    return float(any(between.join(truths[0]) in said for between in LETTERS_BETWEEN))


def _line(text: str) -> str:
    return text.strip().replace("\n", " ")


def _contained(text: str, wanted: str) -> float:
    return float(wanted in text) if len(wanted.split()) < LONG_WORDS else _near(text, wanted)


def _near(text: str, wanted: str) -> float:
    likeness = 1.0 - normalised_edit_distance(text, wanted)
    return likeness if likeness >= 0.5 else 0.0
