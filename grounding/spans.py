"""Geometry of time spans (start, end) in seconds: overlap, on continuous time."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def temporal_iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of spans, pair by pair.

    [..., 2] against [..., 2], broadcast as in `boxes.iou`. A span without length (end <= start) is empty and
    overlaps nothing; call `sort_ends` first to read a reversed span forwards. Raises ValueError on a last
    axis that is not 2.
    """
    first, second = _spans(a), _spans(b)
    length_a, length_b = first[..., 1] - first[..., 0], second[..., 1] - second[..., 0]
    common = np.minimum(first[..., 1], second[..., 1]) - np.maximum(first[..., 0], second[..., 0])
    common = np.maximum(common, 0.0)
    ratio: NDArray[np.float64] = np.zeros_like(common)
    np.divide(common, length_a + length_b - common, out=ratio, where=(length_a > 0.0) & (length_b > 0.0))
    return ratio


def sort_ends(spans: ArrayLike) -> NDArray[np.float64]:
    """The same [..., 2] spans with start <= end."""
    return np.sort(_spans(spans), axis=-1)


def _spans(spans: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(spans, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != 2:
        raise ValueError(f"spans must have 2 numbers along the last axis, not shape {list(array.shape)}")
    return array
