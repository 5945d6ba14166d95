"""Short clips for temporal grounding: coloured shapes that come and go, each caption means one span.

A clip is kept as a description and drawn at any time: training samples any frame rate without a video file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vleval.tasks.worlds.shapes import (
    COLORS,
    RGB,
    SHAPES,
    Box,
    Pixels,
    background,
    between,
    draw,
    pick,
    place,
    stream,
    tint,
)

FPS = 12
"""Native frame rate; half a second is a whole number of frames."""
STEP = 0.5
"""Events and durations lie on this grid, in seconds."""
WORDS: tuple[str, ...] = ("the", "a", "an", "appears", "is", "visible", *COLORS, *SHAPES)

_SIDES = (112, 224)
_DURATION = (4.0, 12.0)
_SHORTEST = 1.0
_SIZE = (0.22, 0.36)


@dataclass(frozen=True, slots=True)
class ClipEvent:
    """A caption and when it is true: from `start` (included) to `end` (excluded), in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class ClipObject:
    """A shape that is visible from `start` to `end` and drifts by `drift` pixels over that time."""

    shape: str
    color: str
    fill: RGB
    box: Box
    """Extents at `start`."""
    drift: tuple[int, int]
    start: float
    end: float


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A clip as a description; `render` draws it."""

    ground: Pixels
    """The empty picture, uint8 [H, W, 3]."""
    objects: tuple[ClipObject, ...]
    events: tuple[ClipEvent, ...]
    """One per object; no two objects of a clip have the same colour and shape."""
    duration: float
    fps: int


def make_clip(split: str, seed: int, index: int) -> Clip:
    """The clip of this split, seed and index: 4 to 12 seconds, two or three events of at most half of it."""
    rng = stream("clip", split, seed, index)
    width, height = (2 * int(between(rng, _SIDES[0] // 2, _SIDES[1] // 2 + 1)) for _ in range(2))
    duration = _on_grid(rng, *_DURATION)
    ground = np.array(background(rng, width, height))
    looks = _looks(rng, 2 + int(rng.random() * 2))
    objects = []
    for (color, shape), (box, drift) in zip(looks, _paths(rng, len(looks), width, height), strict=True):
        length = _on_grid(rng, _SHORTEST, int(duration / 2 / STEP) * STEP)
        start = _on_grid(rng, 0.0, duration - length)
        objects.append(ClipObject(shape, color, tint(rng, color), box, drift, start, start + length))
    events = tuple(ClipEvent(_caption(rng, thing), thing.start, thing.end) for thing in objects)
    return Clip(ground, tuple(objects), events, duration, FPS)


def _caption(rng: np.random.Generator, thing: ClipObject) -> str:
    article = "the" if rng.random() < 0.5 else "an" if thing.color == "orange" else "a"
    return f"{article} {thing.color} {thing.shape} {'appears' if rng.random() < 0.5 else 'is visible'}"


def render(clip: Clip, t: float) -> Pixels:
    """The picture at `t` seconds, uint8 [H, W, 3]."""
    image = Image.fromarray(clip.ground)
    canvas = ImageDraw.Draw(image)
    now = t + 1e-6  # a frame at k / fps that should open an event may lie one rounding error before it
    for thing in clip.objects:
        if thing.start <= now < thing.end:
            share = (now - thing.start) / (thing.end - thing.start)
            dx, dy = (round(share * way) for way in thing.drift)
            box = Box(thing.box.left + dx, thing.box.top + dy, thing.box.right + dx, thing.box.bottom + dy)
            draw(canvas, thing.shape, box, thing.fill)
    return np.array(image)


def _on_grid(rng: np.random.Generator, low: float, high: float) -> float:
    """A multiple of the grid step from `low` to `high`, both included."""
    return low + STEP * int(rng.random() * (round((high - low) / STEP) + 1))


def _looks(rng: np.random.Generator, count: int) -> list[tuple[str, str]]:
    looks: list[tuple[str, str]] = []
    while len(looks) < count:
        look = (pick(rng, tuple(COLORS)), pick(rng, SHAPES))
        if looks and rng.random() < 0.6:
            model = pick(rng, looks)
            look = (model[0], look[1]) if rng.random() < 0.5 else (look[0], model[1])
        if look not in looks:
            looks.append(look)
    return looks


def _paths(
    rng: np.random.Generator, count: int, width: int, height: int
) -> list[tuple[Box, tuple[int, int]]]:
    """Where each object starts and how far it drifts; swept areas do not touch, so nothing is ever hidden."""
    while True:
        side = (width * height) ** 0.5
        sizes = [round(between(rng, *_SIZE) * side) for _ in range(count)]
        drifts = [
            (round(between(rng, -0.12, 0.12) * side), round(between(rng, -0.12, 0.12) * side))
            if rng.random() < 0.5
            else (0, 0)
            for _ in range(count)
        ]
        swept = [(size + abs(dx), size + abs(dy)) for size, (dx, dy) in zip(sizes, drifts, strict=True)]
        areas = place(rng, swept, width, height, gap=3)
        if areas is not None:
            break
    paths = []
    for area, size, (dx, dy) in zip(areas, sizes, drifts, strict=True):
        left, top = area.left + max(0, -dx), area.top + max(0, -dy)
        paths.append((Box(left, top, left + size, top + size), (dx, dy)))
    return paths
