"""Relaxed accuracy: numbers may be 5% off, all else must be equal but for case.

Source: Masry et al., "ChartQA" (2022), in the form of pix2struct's `relaxed_correctness`, which lmms-eval,
VLMEvalKit and Molmo share. Its quirks are part of every published score; `MENDED` is without them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class Rules(NamedTuple):
    """The benchmark's definition, and what one may want of it instead."""

    tolerance: float = 0.05
    """How far a number may be off, as a share of the true one."""
    percent_is_share: bool = True
    """Whether "12%" is 0.12, so that "12" is wrong and "0.12" right; else it is 12."""
    zero_as_text: bool = True
    """Whether a true 0 is compared as text, so that "0.0" is wrong; else as a number, without tolerance."""
    separators: bool = False
    """Whether "1,234" and "$5" are numbers; else they are text."""
    exact_years: bool = False
    """Whether whole numbers from 1500 to 2099 get no tolerance: 5% of a year is a century."""


BENCHMARK = Rules()
MENDED = Rules(percent_is_share=False, zero_as_text=False, separators=True, exact_years=True)

_YEAR = re.compile(r"(1[5-9]|20)[0-9]{2}")
_GROUPED = re.compile(r"([-+]?)[$€£]?([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(\.[0-9]+)?(%?)")


def relaxed_accuracy(prediction: str, references: Sequence[str], rules: Rules = BENCHMARK) -> float:
    """1 where the answer is near enough to one of `references`, else 0."""
    return float(any(_matches(prediction, reference, rules) for reference in references))


def _matches(prediction: str, reference: str, rules: Rules) -> bool:
    said, truth = number(prediction, rules), number(reference, rules)
    if said is None or truth is None or (truth == 0 and rules.zero_as_text):
        return prediction.lower() == reference.lower()
    if truth == 0 or (rules.exact_years and _YEAR.fullmatch(reference)):
        return said == truth
    return abs(said - truth) / abs(truth) <= rules.tolerance


def number(text: str, rules: Rules = BENCHMARK) -> float | None:
    """The number a text is, None for any other; whatever Python's `float` takes is one."""
    if rules.separators and (grouped := _GROUPED.fullmatch(text)):
        sign, whole, rest, percent = grouped.groups()
        text = f"{sign}{whole.replace(',', '')}{rest or ''}{percent}"
    try:
        if text.endswith("%"):
            return float(text.rstrip("%")) / (100.0 if rules.percent_is_share else 1.0)
        return float(text)
    except ValueError:
        return None
