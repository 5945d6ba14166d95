"""From overlaps and hits to the rates that tables show: shares above a threshold, precision, recall, F1.

Everything is a share from 0 to 1; percent is a matter of presentation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


def accuracy_at(overlaps: ArrayLike, thresholds: ArrayLike) -> NDArray[np.float64]:
    """Share of overlaps that reach each threshold: Acc@t of boxes, R1@t of spans.

    `overlaps` has any shape, one number for each question (0 where the answer had nothing to score);
    `thresholds` is [T], and the result is [T]. Reaching counts (IoU >= t), as in RefCOCO and TALL; NaN does
    not reach. Raises ValueError without any overlap: a share of nothing is no number.

    >>> accuracy_at([0.5, 0.71, 0.2, 0.0], [0.3, 0.5, 0.7]).tolist()
    [0.5, 0.5, 0.25]
    """
    values = np.asarray(overlaps, dtype=np.float64).reshape(-1, 1)
    if not values.size:
        raise ValueError("no overlaps: there is no share of nothing")
    shares: NDArray[np.float64] = (values >= np.asarray(thresholds, dtype=np.float64)).mean(axis=0)
    return shares


class Agreement(NamedTuple):
    """How well a set of predictions and a set of true things agree."""

    precision: float
    recall: float
    f1: float
    hits: int
    predicted: int
    true: int


def agreement(hits: int, predicted: int, true: int) -> Agreement:
    """Precision, recall and F1 of `hits` one-to-one matches among `predicted` and `true` things.

    Where nothing is true, silence is right and anything else is wrong: all three are 1 if nothing was
    predicted and 0 otherwise (the rule of PixMo-Points for pictures without the object). Raises ValueError on
    counts that cannot be.

    >>> agreement(hits=2, predicted=4, true=3)
    Agreement(precision=0.5, recall=0.6666666666666666, f1=0.5714285714285714, hits=2, predicted=4, true=3)
    >>> agreement(hits=0, predicted=0, true=0).f1
    1.0
    """
    if not 0 <= hits <= min(predicted, true):
        raise ValueError(f"{hits} hits are impossible among {predicted} predicted and {true} true things")
    if not true:
        silent = float(not predicted)
        return Agreement(silent, silent, silent, hits, predicted, true)
    precision = hits / predicted if predicted else 0.0
    return Agreement(precision, hits / true, 2 * hits / (predicted + true), hits, predicted, true)
