"""The one check of a coordinate array's shape, for every metric that takes boxes, points or spans."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def coordinates(values: ArrayLike, size: int, noun: str) -> NDArray[np.float64]:
    """`values` as a float array [..., size]; an empty list is [0, size].

    Raises ValueError, naming the things by `noun`, where the last axis is not `size`.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape == (0,):
        return array.reshape(0, size)
    if array.ndim == 0 or array.shape[-1] != size:
        raise ValueError(
            f"{noun} must have {size} numbers along the last axis, not shape {list(array.shape)}"
        )
    return array
