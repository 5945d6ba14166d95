"""Geometry of boxes (x1, y1, x2, y2) in one common frame: overlap and centres, on continuous coordinates.

No `+ 1`: a box from 10 to 20 is 10 wide. A box without area (zero-sized, or reversed: x2 < x1 or y2 < y1) is
empty: it overlaps nothing, not even itself; so does a box with a number that is not finite. Whoever wants a
reversed box read as its mirror image calls `sort_corners` first.

Boxes may be in any unit, pixels of the original image by convention, as long as both sides share it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vleval.grounding.arrays import coordinates
from vleval.grounding.points import point_in_box


def area(boxes: ArrayLike) -> NDArray[np.float64]:
    """Area of [..., 4] boxes as [...], in square units; 0 for empty and reversed boxes.

    >>> area([[0, 0, 4, 5], [4, 5, 0, 0]]).tolist()
    [20.0, 0.0]
    """
    return _area(_boxes(boxes))


def intersection(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Area that two boxes share, pair by pair: [..., 4] against [..., 4], broadcast, as [...].

    0 where either box is empty or not finite. Raises ValueError on a last axis that is not 4.

    >>> float(intersection([0, 0, 2, 2], [1, 1, 3, 3]))
    1.0
    """
    first, second = _boxes(a), _boxes(b)
    return _common(first, second, _area(first), _area(second))


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of boxes, pair by pair, from 0 to 1.

    [..., 4] against [..., 4], broadcast: `iou(a, b)` of two [N, 4] gives [N]; `iou(a[:, None], b[None])`
    gives the [N, M] matrix. 0 where either box is empty or not finite. Raises ValueError on a last axis
    that is not 4.

    >>> float(iou([0, 0, 10, 10], [0, 0, 10, 5]))
    0.5
    """
    first, second = _boxes(a), _boxes(b)
    area_a, area_b = _area(first), _area(second)
    common = _common(first, second, area_a, area_b)
    return _share(common, area_a + area_b - common)


def giou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Generalised IoU, pair by pair, from -1 to 1: IoU less the share of the hull that neither box covers.

    Shapes and errors as `iou`. The hull is the smallest box around all four corners, so that an empty or
    reversed box, which covers nothing, still has a place. Two boxes without any area give -1, and so does a
    number that is not finite. Never above `iou`, and equal to it where the hull is covered.
    Source: Rezatofighi et al., CVPR 2019, algorithm 1.

    >>> float(giou([0, 0, 1, 1], [2, 0, 3, 1]))  # a third of the hull lies between them
    -0.3333333333333333
    """
    first, second = _boxes(a), _boxes(b)
    area_a, area_b = _area(first), _area(second)
    common = _common(first, second, area_a, area_b)
    union = area_a + area_b - common
    low = np.minimum(np.minimum(first[..., :2], first[..., 2:]), np.minimum(second[..., :2], second[..., 2:]))
    high = np.maximum(
        np.maximum(first[..., :2], first[..., 2:]), np.maximum(second[..., :2], second[..., 2:])
    )
    hull = _area(np.concatenate([low, high], axis=-1))
    uncovered = np.where(hull > 0.0, _share(np.maximum(hull - union, 0.0), hull), 1.0)
    return _share(common, union) - uncovered


def centre_inside(predicted: ArrayLike, truth: ArrayLike) -> NDArray[np.bool_]:
    """Whether the centre of each predicted box lies in the true box or on its border: [...] bools.

    >>> bool(centre_inside([0, 0, 10, 10], [5, 5, 20, 20]))
    True
    """
    boxes = _boxes(predicted)
    return point_in_box((boxes[..., :2] + boxes[..., 2:]) / 2.0, truth)


def sort_corners(boxes: ArrayLike) -> NDArray[np.float64]:
    """The same [..., 4] boxes with x1 <= x2 and y1 <= y2.

    >>> sort_corners([10, 2, 0, 5]).tolist()
    [0.0, 2.0, 10.0, 5.0]
    """
    xyxy = _boxes(boxes)
    return np.concatenate(
        [np.minimum(xyxy[..., :2], xyxy[..., 2:]), np.maximum(xyxy[..., :2], xyxy[..., 2:])], axis=-1
    )


def _area(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", over="ignore"):
        sides: NDArray[np.float64] = np.maximum(xyxy[..., 2:] - xyxy[..., :2], 0.0)
        product = sides[..., 0] * sides[..., 1]
    return np.where(np.isfinite(product), product, 0.0)


def _common(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    area_a: NDArray[np.float64],
    area_b: NDArray[np.float64],
) -> NDArray[np.float64]:
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    shared = _area(np.concatenate([low, high], axis=-1))
    return np.where((area_a > 0.0) & (area_b > 0.0), shared, 0.0)


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """part / whole, and 0 where there is no whole."""
    ratio: NDArray[np.float64] = np.zeros_like(whole)
    np.divide(part, whole, out=ratio, where=whole > 0.0)
    return ratio


def _boxes(boxes: ArrayLike) -> NDArray[np.float64]:
    return coordinates(boxes, 4, "boxes")
