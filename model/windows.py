"""Window order of the vision tower: pure functions on grids, cached by grid.

Legend: a grid is (T, H, W) in patches; H/2 x W/2 merged tokens of 2 x 2 patches lie in it, listed frame by
frame in raster order. A window is 4 x 4 merged tokens (112 pixels); those at the right and bottom edge are
smaller, never padded.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

GridTHW = tuple[int, int, int]


class WindowOrder(NamedTuple):
    """How the merged tokens of one medium are reordered so that every window is contiguous."""

    order: NDArray[np.int64]
    """[n] merged token (raster index) at each place of the window order."""
    window_lengths: NDArray[np.int64]
    """Merged tokens per window, in window order; sums to n. Equal lengths are neighbours (see
    `window_order`)."""
    frame_lengths: NDArray[np.int64]
    """Merged tokens per temporal grid: the segments of the full-attention blocks; sums to n."""


@lru_cache(maxsize=1024)
def window_order(grid: GridTHW, window: int = 4, merge: int = 2) -> WindowOrder:
    """The window order of one medium.

    Windows never cross a temporal grid. Inside a frame they are sorted by size, whole windows first:
    attention does not care in which order windows stand, and neighbours of equal length need no gather to be
    batched.

    Args:
        grid: (T, H, W) in patches; H and W must be multiples of `merge`.
        window: merged tokens per window side.
        merge: patches per merged token side.

    Source: Qwen2.5-VL technical report, section 2.1.1 (window attention), checked against transformers'
    `get_window_index`.
    """
    t, h, w = grid[0], grid[1] // merge, grid[2] // merge
    rows, cols = np.divmod(np.arange(h * w), w)
    window_rows = np.minimum(window, h - rows // window * window)  # height of the window each token lies in
    window_cols = np.minimum(window, w - cols // window * window)
    # Last key first: windows of one shape together, then window by window, then raster order inside.
    order = np.lexsort((cols, rows, cols // window, rows // window, -window_cols, -window_rows))
    window_of = (rows // window) * -(-w // window) + cols // window
    changes = np.flatnonzero(np.diff(window_of[order])) + 1
    lengths = np.diff(np.concatenate(([0], changes, [h * w])))
    frames = np.arange(t)[:, None] * (h * w)
    return WindowOrder(
        order=(frames + order).reshape(-1),
        window_lengths=np.tile(lengths, t),
        frame_lengths=np.full(t, h * w),
    )
