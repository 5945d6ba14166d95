"""Where labels go: beside what they name, inside the picture, never over each other while there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vleval.grounding.drawing.outlines import Rect

_MOST = 800
"""Rectangles that labels try not to cover; a picture with more shapes has nothing that is not covered."""


class Wanted(NamedTuple):
    """A label that needs a place."""

    width: int
    height: int
    beside: Rect
    """What can be seen of the shape that it names."""
    gap: int
    """Pixels between that and the label, so that the line stays free."""


class Place(NamedTuple):
    """Where a label lies, in whole pixels."""

    left: int
    top: int
    apart: bool
    """Whether it lies away from its shape, so that a line must connect the two."""


def place_labels(
    wanted: Sequence[Wanted], size: tuple[int, int], taken: Sequence[Rect], busy: Sequence[Rect]
) -> list[Place]:
    """A place in a picture of `size` for each label, in order.

    Labels never lie over `taken` or over each other where any free place exists, and where there is a choice
    not over `busy` (what should stay visible). With none left they lie where they cover least.
    """
    rects = [*taken]
    places = []
    hopeless = size  # (width, height) of the smallest label for which the whole picture had no free place
    for label in wanted:
        full = label.width >= hopeless[0] and label.height >= hopeless[1]
        place, free = _best(label, size, _array(rects), _array(busy[:_MOST]), full)
        if not free:
            hopeless = min(hopeless, (label.width, label.height))
        rects.append(Rect(place.left, place.top, place.left + label.width, place.top + label.height))
        places.append(place)
    return places


def _common(rects: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area that rectangles [N, 4] have in common with others [M, 4]: [N, M]."""
    low = np.maximum(rects[:, None, :2], others[None, :, :2])
    high = np.minimum(rects[:, None, 2:], others[None, :, 2:])
    area: NDArray[np.float64] = np.prod(np.maximum(high - low, 0.0), axis=2)
    return area


def _cost(rects: NDArray[np.float64], busy: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a label hides at each place: a tenth for everything it touches, and the share of itself in use."""
    common = _common(rects, busy)
    area = np.prod(rects[:, 2:] - rects[:, :2], axis=1)
    cost: NDArray[np.float64] = 0.1 * (common > 0.0).sum(axis=1) + common.sum(axis=1) / area
    return cost


def _best(
    label: Wanted,
    size: tuple[int, int],
    taken: NDArray[np.float64],
    busy: NDArray[np.float64],
    full: bool,
) -> tuple[Place, bool]:
    """The place of one label, and whether it is free; `full`: nothing is free away from the shape."""
    meant = np.asarray(list(_beside(label)))
    near = _rects(label, _inside(meant, label, size))
    hidden = _common(near, taken).sum(axis=1)
    free = hidden == 0.0
    if free.any():
        shift = np.abs(near[:, :2] - meant).sum(axis=1)
        moved = np.maximum(shift - 2 * label.gap, 0.0) / label.height
        cost = _cost(near, busy) + 0.01 * np.arange(len(near)) + moved
        return _place(near[np.argmin(np.where(free, cost, np.inf))], apart=False), True
    if not full:
        far = _grid(label, size)
        far = far[~(_common(far, taken) > 0.0).any(axis=1)]
        if len(far):
            away = np.hypot(*(_centres(far) - _centres(_array([label.beside]))).T) / label.height
            return _place(far[np.argmin(away + 4 * _cost(far, busy))], apart=True), True
    return _place(near[np.argmin(hidden)], apart=False), False


def _grid(label: Wanted, size: tuple[int, int]) -> NDArray[np.float64]:
    """The label all over the picture, in steps small enough to find nearly every gap that holds it."""
    xs = np.arange(0, size[0] - label.width + 1, max(1, label.width // 4))
    ys = np.arange(0, size[1] - label.height + 1, max(1, label.height // 2))
    return _rects(label, np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).astype(np.float64))


def _beside(label: Wanted) -> Iterator[tuple[float, float]]:
    """Corners (left, top) around the shape, from the most to the least usual.

    Above and below, flush with either end; to the right and the left; above and below in between; inside.
    """
    left, top, right, bottom = label.beside
    above, below = top - label.gap - label.height, bottom + label.gap
    first, last = left - label.gap, right + label.gap - label.width
    along = [first, last, *(first + share * (last - first) for share in (0.5, 0.25, 0.75))]
    yield from ((x, y) for x in along[:2] for y in (above, below))
    for y in (top, (top + bottom - label.height) / 2, bottom - label.height):
        yield from ((right + label.gap, y), (left - label.gap - label.width, y))
    yield from ((x, y) for x in along[2:] for y in (above, below))
    inner = top + label.gap, bottom - label.gap - label.height
    yield from ((x, y) for y in inner for x in (left + label.gap, right - label.gap - label.width))


def _inside(corners: NDArray[np.float64], label: Wanted, size: tuple[int, int]) -> NDArray[np.float64]:
    """The corners in whole pixels, moved so that the label does not leave the picture."""
    most = max(0, size[0] - label.width), max(0, size[1] - label.height)
    inside: NDArray[np.float64] = np.clip(np.round(corners), 0, most)
    return inside


def _rects(label: Wanted, corners: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([corners, corners + (label.width, label.height)], axis=1)


def _centres(rects: NDArray[np.float64]) -> NDArray[np.float64]:
    return (rects[:, :2] + rects[:, 2:]) / 2


def _array(rects: Sequence[Rect]) -> NDArray[np.float64]:
    return np.asarray(rects, dtype=np.float64).reshape(-1, 4)


def _place(rect: NDArray[np.float64], apart: bool) -> Place:
    return Place(int(rect[0]), int(rect[1]), apart)
