"""Points (x, y): whether they lie in a box, and which predicted point answers for which true one.

Predicted and true points must be in one unit, pixels of the original image by convention.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vleval.grounding.arrays import coordinates
from vleval.grounding.rates import Agreement, agreement


def point_in_box(points: ArrayLike, boxes: ArrayLike) -> NDArray[np.bool_]:
    """Whether each point lies in its box or on its border: [..., 2] against [..., 4], broadcast, as [...].

    All four sides belong to the box (ScreenSpot, and the centre accuracy of RefCOCO). A reversed box holds no
    point, and NaN lies nowhere. Raises ValueError on a wrong last axis.

    >>> point_in_box([[5, 5], [10, 5], [10.1, 5]], [0, 0, 10, 10]).tolist()
    [True, True, False]
    """
    xy, xyxy = coordinates(points, 2, "points"), coordinates(boxes, 4, "boxes")
    inside: NDArray[np.bool_] = (xy >= xyxy[..., :2]) & (xy <= xyxy[..., 2:])
    return inside[..., 0] & inside[..., 1]


@dataclass(frozen=True, slots=True)
class PointMatch:
    """Predicted points, paired with true ones."""

    rates: Agreement
    """Precision (hits per predicted point), recall (hits per true point) and F1 of this picture."""
    pairs: NDArray[np.intp]
    """[K, 2]: row of the predicted point, row of the true one, by predicted row; K <= min(N, M)."""
    hit: NDArray[np.bool_]
    """[K]: whether the predicted point lies in the object that it was paired with."""


def match_points(predicted: ArrayLike, truth: ArrayLike, hits: ArrayLike) -> PointMatch:
    """Pair points by the least total Euclidean distance, and count the pairs that hit their object.

    `predicted` [N, 2]; `truth` [M, 2], a point of each true object; `hits` [N, M] bools: whether predicted
    point n lies in object m, as `point_in_box(predicted[:, None], boxes)` or `masks.points_in_masks` say. A
    point in another object than its own is no hit. Points that are not finite are paired with nothing but
    count as predicted. Without a true object all rates are 1 if no point was made, else 0. The result does
    not depend on the order of the points. Raises ValueError on shapes that do not fit.
    Source: PixMo-Points (Deitke et al. 2024); average the rates over pictures for its score.

    >>> found = match_points([[9, 9], [2, 2]], [[1, 1], [8, 8]], [[False, True], [True, False]])
    >>> found.pairs.tolist(), found.rates.f1
    ([[0, 1], [1, 0]], 1.0)
    """
    from scipy.optimize import linear_sum_assignment

    made, true = _points(predicted, "predicted points"), _points(truth, "true points")
    inside = np.asarray(hits, dtype=np.bool_)
    if not inside.size and not (len(made) and len(true)):
        inside = inside.reshape(len(made), len(true))
    if inside.shape != (len(made), len(true)):
        raise ValueError(f"hits must be [{len(made)}, {len(true)}], not {list(inside.shape)}")
    if not np.isfinite(true).all():
        raise ValueError("true points must be finite")
    rows = _canonical(made, inside)
    rows = rows[np.isfinite(made[rows]).all(axis=1)]
    columns = _canonical(true, inside[rows].T)
    apart = np.linalg.norm(made[rows][:, None] - true[columns][None], axis=-1)
    chosen, of = linear_sum_assignment(apart)
    pairs = np.stack([rows[chosen], columns[of]], axis=1)
    pairs = pairs[np.argsort(pairs[:, 0])]
    hit = inside[pairs[:, 0], pairs[:, 1]]
    return PointMatch(agreement(int(hit.sum()), len(made), len(true)), pairs, hit)


def _points(points: ArrayLike, noun: str) -> NDArray[np.float64]:
    array = coordinates(points, 2, noun)
    if array.ndim != 2:
        raise ValueError(f"{noun} must be [N, 2], not {list(array.shape)}")
    return array


def _canonical(points: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows by x, y and the objects they lie in: equal distances are then settled alike in every order."""
    return np.lexsort((*inside.T[::-1], points[:, 1], points[:, 0]))
