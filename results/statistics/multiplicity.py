"""Many tests at once: p-values that hold for all of them together.

Holm (1979) bounds the chance of even one false alarm, so it is for what fails a build. Benjamini & Hochberg
(1995) bound the share of false alarms among all alarms, so it is for lists to look through, such as the
tasks of a comparison.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given: the i-th smallest of m times m - i, never falling, at most 1."""
    order, ranked = _ranked(p_values)
    return _back(np.minimum(1.0, np.maximum.accumulate(ranked * np.arange(len(ranked), 0, -1))), order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values (q-values) in the order given: the i-th smallest of m times m / i, never falling."""
    order, ranked = _ranked(p_values)
    scaled = ranked * (len(ranked) / np.arange(1, len(ranked) + 1))
    return _back(np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1]), order)


def _ranked(p_values: Sequence[float]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    array = np.asarray(p_values, np.float64)
    order = np.argsort(array, kind="stable")
    return order, array[order]


def _back(adjusted: NDArray[np.float64], order: NDArray[np.intp]) -> list[float]:
    result = np.empty_like(adjusted)
    result[order] = adjusted
    return [float(value) for value in result]
