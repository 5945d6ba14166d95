"""Masks of objects: boolean arrays, COCO run lengths, COCO polygons; and whether points lie in them.

A point is looked up at its nearest pixel: both coordinates are rounded, halves to the even number, as the
evaluators of PixMo-Points and PointBench do. A point whose pixel lies outside the picture is in no mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vleval.grounding.arrays import coordinates

Mask: TypeAlias = NDArray[np.bool_] | Mapping[str, Any] | Sequence[Sequence[float]]
"""One object: a boolean array [H, W]; COCO run lengths {"size": [H, W], "counts": ...}, compressed (text or
bytes) or not (a list); or COCO polygons, a list of parts [x1, y1, x2, y2, ...] in pixels."""


def to_rle(mask: Mask, size: tuple[int, int] | None = None) -> dict[str, Any]:
    """A mask as compressed COCO run lengths, {"size": [H, W], "counts": bytes}.

    `size` is the picture's (width, height) in pixels: needed for polygons, checked for the other two. Raises
    ValueError on a mask that is none of the three, is empty, or does not fit `size`.

    >>> rle = to_rle([[0, 0, 4, 0, 4, 2, 0, 2]], size=(10, 5))
    >>> rle["size"], int(to_dense(rle).sum())
    ([5, 10], 8)
    """
    from pycocotools import mask as coco

    if isinstance(mask, Mapping):
        rle = _run_lengths(mask)
    elif isinstance(mask, np.ndarray):
        rle = coco.encode(np.asfortranarray(_dense(mask), dtype=np.uint8))
    elif size is None:
        raise ValueError("polygons need the picture's size (width, height)")
    else:
        rle = coco.merge(coco.frPyObjects(_parts(mask), size[1], size[0]))
    height, width = rle["size"]
    _check_size(width, height, size)
    return {"size": [height, width], "counts": rle["counts"]}


def to_dense(mask: Mask, size: tuple[int, int] | None = None) -> NDArray[np.bool_]:
    """A mask as a boolean array [H, W]; arguments and errors as `to_rle`.

    >>> to_dense({"size": [2, 3], "counts": [2, 1, 3]}).tolist()  # down the columns
    [[False, True, False], [False, False, False]]
    """
    if isinstance(mask, np.ndarray):
        dense = _dense(mask)
        _check_size(dense.shape[1], dense.shape[0], size)
        return dense
    rle = to_rle(mask, size)
    height, width = rle["size"]
    runs = _unpacked(rle["counts"])
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def point_in_mask(points: ArrayLike, mask: Mask, size: tuple[int, int] | None = None) -> NDArray[np.bool_]:
    """Whether each point [..., 2] (pixels x, y of the mask's picture) lies in the mask: [...] bools.

    The nearest pixel decides (see the module); outside the picture and not finite are False. `size` and
    errors as `to_rle`, and ValueError on a last axis that is not 2.

    >>> mask = np.zeros((4, 6), dtype=bool)
    >>> mask[1, 5] = True
    >>> point_in_mask([[5, 1], [4.6, 1.4], [5.6, 1], [1, 5]], mask).tolist()
    [True, True, False, False]
    """
    dense, pixels = to_dense(mask, size), np.rint(coordinates(points, 2, "points"))
    height, width = dense.shape
    column, row = pixels[..., 0], pixels[..., 1]
    within = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    x, y = (np.where(within, axis, 0.0).astype(np.intp) for axis in (column, row))
    inside: NDArray[np.bool_] = dense[y, x] & within
    return inside


def points_in_masks(
    points: ArrayLike, masks: Sequence[Mask], size: tuple[int, int] | None = None
) -> NDArray[np.bool_]:
    """`point_in_mask` of points [N, 2] for each of M masks: [N, M], as `match_points` takes it.

    >>> points_in_masks([[1, 1], [8, 1]], [[[0, 0, 4, 0, 4, 4, 0, 4]]], size=(10, 5)).tolist()
    [[True], [False]]
    """
    inside = np.zeros((len(coordinates(points, 2, "points")), len(masks)), dtype=np.bool_)
    for column, mask in enumerate(masks):
        inside[:, column] = point_in_mask(points, mask, size)
    return inside


def fraction_in_mask(points: ArrayLike, mask: Mask, size: tuple[int, int] | None = None) -> float:
    """Share of points [N, 2] that lie in the mask, 0 without points: the score of PointBench.

    Source: PointArena (Cheng et al. 2025) as scored by lmms-eval; its grey masks are `grey > 127`.

    >>> fraction_in_mask([[1, 1], [8, 1]], [[0, 0, 4, 0, 4, 4, 0, 4]], size=(10, 5))
    0.5
    """
    inside = point_in_mask(points, mask, size)
    return float(inside.mean()) if inside.size else 0.0


def _dense(mask: NDArray[Any]) -> NDArray[np.bool_]:
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(f"a mask array must be boolean [H, W], not {mask.dtype} {list(mask.shape)}")
    return mask


def _check_size(width: int, height: int, size: tuple[int, int] | None) -> None:
    if min(width, height) <= 0 or (width, height) != tuple(size or (width, height)):
        raise ValueError(f"the mask is {width} x {height}, the picture {size or 'not empty'}")


def _run_lengths(mask: Mapping[str, Any]) -> dict[str, Any]:
    """COCO run lengths, compressed, whole: pycocotools leaves to chance what short ones do not cover."""
    from pycocotools import mask as coco

    if "size" not in mask or "counts" not in mask:
        raise ValueError("run lengths must have size ([height, width]) and counts")
    (height, width), counts = mask["size"], mask["counts"]
    if isinstance(counts, str):
        counts = counts.encode()
    runs = _unpacked(counts) if isinstance(counts, bytes) else list(counts)
    if sum(runs) != height * width or min(runs, default=0) < 0:
        raise ValueError(f"the run lengths add up to {sum(runs)}, not to {height} x {width}")
    if isinstance(counts, bytes):
        return {"size": [height, width], "counts": counts}
    rle: dict[str, Any] = coco.frPyObjects({"size": [height, width], "counts": runs}, height, width)
    return rle


def _unpacked(counts: bytes) -> list[int]:
    """Run lengths of COCO's compressed text: five bits a character, lowest first, the sixth for "goes on";
    from the fourth number on they are differences to the last but one."""
    runs: list[int] = []
    value = shift = 0
    for code in counts:
        bits = code - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    return runs


def _parts(polygons: Sequence[Sequence[float]]) -> list[list[float]]:
    parts = [np.asarray(part, dtype=np.float64) for part in polygons]
    if not parts or any(part.ndim != 1 or part.size < 6 or part.size % 2 for part in parts):
        raise ValueError("polygons must be lists of at least three x, y pairs, one flat list for each part")
    if not all(np.isfinite(part).all() for part in parts):
        raise ValueError("the numbers of a polygon must be finite")
    return [part.tolist() for part in parts]
