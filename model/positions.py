"""Where tokens stand: 2D-RoPE of the vision tower, time-aligned MRoPE of the decoder; functions of grids.

Legend: a grid is (T, H, W) in patches; L tokens of the prompt; position ids have rows time, height, width.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vleval.model.windows import GridTHW

PositionRule = Literal["original", "transformers5"]


@lru_cache(maxsize=1024)
def patch_coordinates(grid: GridTHW, merge: int = 2) -> NDArray[np.int64]:
    """Row and column of every patch, [T*H*W, 2], in `pixel_values`' order (2 x 2 blocks in raster order).

    Time has no part: frames of one video share their coordinates (Qwen2.5-VL report 2.1.1, 2D-RoPE).
    """
    t, h, w = grid
    rows, cols = np.meshgrid(np.arange(h), np.arange(w), indexing="ij")
    stacked = np.stack((rows, cols), axis=-1).reshape(h // merge, merge, w // merge, merge, 2)
    return np.tile(stacked.transpose(0, 2, 1, 3, 4).reshape(h * w, 2), (t, 1))


def temporal_ids(grids: int, second_per_grid: float, tokens_per_second: float) -> NDArray[np.int64]:
    """Temporal ids of a video's grids, counted from its first: trunc(k * second_per_grid *
    tokens_per_second).

    The product is formed in float32 and truncated once, at the very end (Qwen2.5-VL report 2.1.3; truncating
    the seconds first, as transformers did until 5.22, gives every grid the same id above 2 fps).
    """
    seconds = np.arange(grids, dtype=np.float32) * np.float32(second_per_grid)
    return (seconds * np.float32(tokens_per_second)).astype(np.int64)


def temporal_ids_collide(grids: int, second_per_grid: float, tokens_per_second: float) -> bool:
    """Whether different temporal grids share an id: the frame rate is finer than the model's clock."""
    return len(np.unique(temporal_ids(grids, second_per_grid, tokens_per_second))) < grids


class Positions(NamedTuple):
    """Position ids of one prompt and where its answer goes on."""

    ids: NDArray[np.int64]
    """[3, L]: time, height, width."""
    next: int
    """Position of the first generated token on all three rows; each further token adds one."""


def mrope_positions(
    input_ids: Sequence[int],
    image_grids: Sequence[GridTHW],
    video_grids: Sequence[GridTHW],
    second_per_grid: Sequence[float],
    *,
    image_token_id: int,
    video_token_id: int,
    tokens_per_second: float,
    rule: PositionRule = "original",
    merge: int = 2,
) -> Positions:
    """MRoPE position ids of one unpadded prompt.

    Text counts on all three rows together. A visual starts where the text stopped: rows and columns count
    merged tokens, time stands still in an image and follows the clock in a video. Text after it goes on at
    one more than the largest id on any row (`original`), or at start + max(H, W) as transformers 5.x does
    (`transformers5`; differs after videos longer than they are wide).

    Args:
        input_ids: [L] token ids with visual placeholders expanded (T*H*W/4 each).
        image_grids: one (T, H, W) per image, in order of appearance.
        video_grids: one (T, H, W) per video, in order of appearance.
        second_per_grid: seconds per temporal grid, one per video.

    Raises:
        ValueError: placeholders and grids disagree.
    """
    ids = np.asarray(input_ids, dtype=np.int64)
    out = np.empty((3, len(ids)), dtype=np.int64)
    images, videos = iter(image_grids), iter(zip(video_grids, second_per_grid, strict=True))
    is_visual = (ids == image_token_id) | (ids == video_token_id)
    at, position = 0, 0
    while at < len(ids):
        if not is_visual[at]:
            run = int(np.argmax(is_visual[at:])) or len(ids) - at
            out[:, at : at + run] = np.arange(position, position + run)
            at, position = at + run, position + run
            continue
        video = ids[at] == video_token_id
        grid, seconds = next(videos, (None, 0.0)) if video else (next(images, None), 0.0)
        if grid is None:
            raise ValueError("the prompt has more visual placeholders than grids")
        t, h, w = grid[0], grid[1] // merge, grid[2] // merge
        run = t * h * w
        if at + run > len(ids) or not bool((ids[at : at + run] == ids[at]).all()):
            raise ValueError(f"the prompt holds fewer placeholders than the {run} tokens of grid {grid}")
        time = temporal_ids(t, seconds, tokens_per_second) if video else np.zeros(t, dtype=np.int64)
        block = np.broadcast_arrays(time[:, None, None], np.arange(h)[:, None], np.arange(w))
        out[:, at : at + run] = position + np.stack([axis.reshape(-1) for axis in block])
        position = int(out[:, at : at + run].max()) + 1 if rule == "original" else position + max(h, w)
        at += run
    if next(images, None) is not None or next(videos, None) is not None:
        raise ValueError("the prompt has fewer visual placeholders than grids")
    return Positions(out, position)
