"""Pairs the texts of an answer with those of the truth, one to one, so that they differ least in all."""

from __future__ import annotations

from collections.abc import Sequence

ORDER_WEIGHT = 1e-12
"""What a pair costs for each squared place that it is out of line: equal texts are paired in order."""


def pair_texts(
    predicted: Sequence[str], true: Sequence[str], *, limit: float = 1.0
) -> list[tuple[int, int, float]]:
    """(index of a prediction, index of its truth, normalised edit distance), in the order of the truth.

    The pairs have the least sum of distances (Hungarian); then those further apart than `limit` are dropped.
    """
    if not predicted or not true:
        return []
    import numpy as np
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist
    from scipy.optimize import linear_sum_assignment

    distances = cdist(true, predicted, scorer=Levenshtein.normalized_distance, dtype=np.float64)
    places = np.arange(len(true))[:, None] - np.arange(len(predicted))[None]
    rows, columns = linear_sum_assignment(distances + ORDER_WEIGHT * places**2)
    pairs = zip(columns.tolist(), rows.tolist(), strict=True)
    found = ((said, truth, float(distances[truth, said])) for said, truth in pairs)
    return [pair for pair in found if pair[2] <= limit]
