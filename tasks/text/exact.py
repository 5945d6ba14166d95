"""Exact match: the answer is an accepted one, to the letter or but for case."""

from __future__ import annotations

from collections.abc import Sequence


def exact_match(prediction: str, references: Sequence[str], *, ignore_case: bool = False) -> float:
    """1 where the answer equals one of `references`, else 0."""
    if ignore_case:
        return float(prediction.lower() in {reference.lower() for reference in references})
    return float(prediction in references)
