"""Longer films for moment retrieval: shapes that come back, some large and some small, over a minute or so.

A film is a `Clip` of few frames a second, so that a minute of it stays small: each of its shapes is seen in
one or more windows, at its own place, and in each window at one size. Times lie on a grid of two seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vleval.tasks.worlds.shapes import COLORS, SHAPES, Box, background, between, pick, place, stream, tint
from vleval.tasks.worlds.video.clips import Clip, ClipEvent, ClipObject

FPS = 4
"""Native frame rate."""
STEP = 2.0
"""Seconds of the grid on which windows and durations lie, and of a rated clip."""
RATERS = 3

_SIDE = 112
_LARGE, _SMALL = 34, 18
"""Pixels of a side of a shape that is salient, and of one that is less so."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch in which a shape is seen."""

    start: float
    end: float
    large: bool


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A clip, and every window of each of its shapes."""

    clip: Clip
    captions: tuple[str, ...]
    """One per shape: `the red circle appears`."""
    windows: tuple[tuple[Window, ...], ...]
    """One per shape, in the order of time."""


def make_film(split: str, seed: int, index: int, lengths: Sequence[Sequence[float]], duration: float) -> Film:
    """The film of this split, seed and index: a shape for each list of `lengths`, of windows in seconds.

    Lengths and `duration` are multiples of `STEP`, and the windows of a shape with `STEP` between them must
    fit into the duration. The first window of a shape shows it large, further ones large and small by turns.
    """
    rng = stream("film", split, seed, index)
    ground = np.array(background(rng, _SIDE, _SIDE))
    looks: list[tuple[str, str]] = []
    while len(looks) < len(lengths):
        look = (pick(rng, tuple(COLORS)), pick(rng, SHAPES))
        looks += [look] if look not in looks else []
    areas = None
    while areas is None:
        areas = place(rng, [(_LARGE, _LARGE)] * len(lengths), _SIDE, _SIDE, gap=3)
    objects, captions, found = [], [], []
    for (color, shape), area, wanted in zip(looks, areas, lengths, strict=True):
        fill, start = tint(rng, color), 0.0
        free = duration - sum(wanted) - STEP * (len(wanted) - 1)
        windows = []
        for number, length in enumerate(wanted):
            wait = STEP * int(between(rng, 0, free / STEP + 1))
            free -= wait
            start += wait
            windows.append(Window(start, start + length, large=number % 2 == 0))
            box = _inner(area, _LARGE if windows[-1].large else _SMALL)
            objects.append(ClipObject(shape, color, fill, box, (0, 0), start, start + length))
            start += length + STEP
        captions.append(f"the {color} {shape} {'appears' if rng.random() < 0.5 else 'is visible'}")
        found.append(tuple(windows))
    events = tuple(
        ClipEvent(text, window.start, window.end)
        for text, windows in zip(captions, found, strict=True)
        for window in windows
    )
    return Film(Clip(ground, tuple(objects), events, duration, FPS), tuple(captions), tuple(found))


def _inner(area: Box, side: int) -> Box:
    margin = (_LARGE - side) // 2
    left, top = area.left + margin, area.top + margin
    return Box(left, top, left + side, top + side)


def ratings(windows: Sequence[Window], hidden_from: int | None) -> tuple[list[int], list[list[int]]]:
    """(numbers of the rated clips, their ratings by three people): 4 where the shape is large.

    The person `hidden_from` sees nothing worth a 4; all agree on the order.
    """
    clips, rated = [], []
    for window in windows:
        for clip in range(round(window.start / STEP), round(window.end / STEP)):
            clips.append(clip)
            full = [4, 4, 4] if window.large else [3, 2, 1]
            rated.append([min(rate, 3) if rater == hidden_from else rate for rater, rate in enumerate(full)])
    return clips, rated
