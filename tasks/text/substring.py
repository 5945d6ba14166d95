"""OCRBench's rule: an answer is right when an accepted one occurs anywhere in it.

Source: Liu et al., "OCRBench" (2023), and its script. Handwritten formulas (HME100k) have their own
rule.
"""

from __future__ import annotations

from collections.abc import Sequence

FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
"""Full-width forms of ASCII, and the ideographic space."""


def contains(prediction: str, references: Sequence[str], *, fold_full_width: bool = False) -> float:
    """1 where a reference occurs in the answer; case and line breaks do not matter, spaces do.

    `fold_full_width` takes full-width letters and digits for plain ones, as lmms-eval does since 2026.
    """
    said = _plain(prediction, fold_full_width)
    return float(any(_plain(reference, fold_full_width) in said for reference in references))


def contains_formula(prediction: str, references: Sequence[str]) -> float:
    """1 where a reference occurs in the answer without any spaces; case matters."""
    said = _without_spaces(prediction)
    return float(any(_without_spaces(reference) in said for reference in references))


def _plain(text: str, fold_full_width: bool) -> str:
    text = text.translate(FULL_WIDTH) if fold_full_width else text
    return text.lower().strip().replace("\n", " ")


def _without_spaces(text: str) -> str:
    return text.strip().replace("\n", " ").replace(" ", "")
