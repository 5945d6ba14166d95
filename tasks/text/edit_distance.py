"""Edit distance (Levenshtein: insertions, deletions, substitutions of one character) as a share."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein


def normalised_edit_distance(prediction: str, reference: str, *, length: int | None = None) -> float:
    """Edit distance over the longer length, 0 (equal) to 1; 0 for two empty strings.

    `length` divides in place of the longer length, for scripts that measure it on other strings than they
    compare. Source: the MIT-licensed notebooks behind `json_extraction.json`, and ANLS (2019).
    """
    whole = max(len(prediction), len(reference)) if length is None else length
    return Levenshtein.distance(prediction, reference) / whole if whole else 0.0
