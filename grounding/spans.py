"""Geometry of time spans (start, end) in seconds: overlap, on continuous time.

R1@t and mIoU of a temporal task are the shares and the mean of these overlaps:

>>> from vleval.grounding.rates import accuracy_at
>>> overlaps = temporal_iou([[0, 10], [2, 8]], [[0, 10], [0, 10]])
>>> accuracy_at(overlaps, (0.3, 0.5, 0.7)).tolist(), float(overlaps.mean())
([1.0, 1.0, 0.5], 0.8)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vleval.grounding.arrays import coordinates


def temporal_iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of spans, pair by pair, from 0 to 1.

    [..., 2] against [..., 2], broadcast as in `boxes.iou`. A span without length (end <= start) is empty and
    overlaps nothing, nor does one with a number that is not finite; call `sort_ends` first to read a reversed
    span forwards. Raises ValueError on a last axis that is not 2. Source: TALL (Gao et al., ICCV 2017).

    >>> float(temporal_iou([0, 10], [5, 15]))
    0.3333333333333333
    """
    first, second = _spans(a), _spans(b)
    length_a, length_b = _length(first), _length(second)
    low, high = np.maximum(first[..., 0], second[..., 0]), np.minimum(first[..., 1], second[..., 1])
    common = _length(np.stack([low, high], axis=-1))
    ratio: NDArray[np.float64] = np.zeros_like(common)
    np.divide(common, length_a + length_b - common, out=ratio, where=(length_a > 0.0) & (length_b > 0.0))
    return ratio


def sort_ends(spans: ArrayLike) -> NDArray[np.float64]:
    """The same [..., 2] spans with start <= end.

    >>> sort_ends([10, 0]).tolist()
    [0.0, 10.0]
    """
    return np.sort(_spans(spans), axis=-1)


def _length(spans: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        length: NDArray[np.float64] = np.maximum(spans[..., 1] - spans[..., 0], 0.0)
    return np.where(np.isfinite(length), length, 0.0)


def _spans(spans: ArrayLike) -> NDArray[np.float64]:
    return coordinates(spans, 2, "spans")
