"""Geometry of boxes (x1, y1, x2, y2) in one common frame: overlap and centres, on continuous coordinates.

No `+ 1`: a box from 10 to 20 is 10 wide. A box without area (zero-sized, or reversed: x2 < x1 or y2 < y1) is
empty: it overlaps nothing, not even itself. Whoever wants a reversed box read as its mirror image calls
`sort_corners` first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def area(boxes: ArrayLike) -> NDArray[np.float64]:
    """Area of [..., 4] boxes as [...]; 0 for empty and reversed boxes."""
    xyxy = _boxes(boxes)
    sides: NDArray[np.float64] = np.maximum(xyxy[..., 2:] - xyxy[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of boxes, pair by pair.

    [..., 4] against [..., 4], broadcast: `iou(a, b)` of two [N, 4] gives [N]; `iou(a[:, None], b[None])`
    gives the [N, M] matrix. 0 where either box is empty or not a number. Raises ValueError on a last axis
    that is not 4.
    """
    first, second = _boxes(a), _boxes(b)
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    common = area(np.concatenate([low, high], axis=-1))
    area_a, area_b = area(first), area(second)
    ratio: NDArray[np.float64] = np.zeros_like(common)
    np.divide(common, area_a + area_b - common, out=ratio, where=(area_a > 0.0) & (area_b > 0.0))
    return ratio


def centre_inside(predicted: ArrayLike, truth: ArrayLike) -> NDArray[np.bool_]:
    """Whether the centre of each predicted box lies in the true box or on its border: [...] bools."""
    first, second = _boxes(predicted), _boxes(truth)
    centre = (first[..., :2] + first[..., 2:]) / 2.0
    inside: NDArray[np.bool_] = (centre >= second[..., :2]) & (centre <= second[..., 2:])
    return inside[..., 0] & inside[..., 1]


def sort_corners(boxes: ArrayLike) -> NDArray[np.float64]:
    """The same [..., 4] boxes with x1 <= x2 and y1 <= y2."""
    xyxy = _boxes(boxes)
    return np.concatenate(
        [np.minimum(xyxy[..., :2], xyxy[..., 2:]), np.maximum(xyxy[..., :2], xyxy[..., 2:])], axis=-1
    )


def _boxes(boxes: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(boxes, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != 4:
        raise ValueError(f"boxes must have 4 numbers along the last axis, not shape {list(array.shape)}")
    return array
