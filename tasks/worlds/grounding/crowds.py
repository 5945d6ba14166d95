"""Crowds: pictures with none to nine things of the kind that is asked about, among things of other kinds.

Every crowd is a pure function of (split, seed, index, wanted), as scenes are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vleval.tasks.worlds.shapes import (
    COLORS,
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

_SIDES = (232, 336)
_THING = (0.09, 0.14)
"""A thing's side as a share of the root of the picture's area."""


class Thing(NamedTuple):
    """One shape of a crowd."""

    shape: str
    color: str
    box: Box

    @property
    def point(self) -> tuple[float, float]:
        """The middle of its box, in pixels; every shape covers it."""
        return (self.box.left + self.box.right - 1) / 2, (self.box.top + self.box.bottom - 1) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """A picture and what is in it."""

    image: Pixels
    """uint8 [H, W, 3]."""
    kind: tuple[str, str]
    """(colour, shape) that is asked about."""
    wanted: tuple[Thing, ...]
    """The things of that kind, from left to right."""

    @property
    def label(self) -> str:
        """The kind in words: `red circles`."""
        return f"{self.kind[0]} {self.kind[1]}s"

    def mask(self, things: tuple[Thing, ...]) -> NDArray[np.bool_]:
        """Their pixels, [H, W]."""
        canvas = Image.new("RGB", (self.image.shape[1], self.image.shape[0]))
        for thing in things:
            draw(ImageDraw.Draw(canvas), thing.shape, thing.box, (255, 255, 255))
        return np.asarray(canvas)[..., 0] > 0


def make_crowd(split: str, seed: int, index: int, wanted: int) -> Crowd:
    """The crowd of this split, seed and index, with `wanted` things of its kind and two to five others.

    Others share the kind's colour or its shape, never both.
    """
    rng = stream(f"crowd {wanted}", split, seed, index)
    width, height = (int(between(rng, _SIDES[0], _SIDES[1] + 1)) for _ in range(2))
    image = background(rng, width, height)
    kind = pick(rng, tuple(COLORS)), pick(rng, SHAPES)
    looks = [kind] * wanted
    for _ in range(2 + int(rng.random() * 4)):
        if rng.random() < 0.5:
            looks.append((kind[0], pick(rng, tuple(shape for shape in SHAPES if shape != kind[1]))))
        else:
            looks.append((pick(rng, tuple(color for color in COLORS if color != kind[0])), kind[1]))
    boxes = None
    while boxes is None:
        sides = [round(between(rng, *_THING) * (width * height) ** 0.5) for _ in looks]
        boxes = place(rng, [(side, side) for side in sides], width, height, gap=6)
    things = [Thing(shape, color, box) for (color, shape), box in zip(looks, boxes, strict=True)]
    canvas = ImageDraw.Draw(image)
    for thing in things:
        draw(canvas, thing.shape, thing.box, tint(rng, thing.color))
    return Crowd(np.array(image), kind, tuple(sorted(things[:wanted], key=lambda thing: thing.point)))
