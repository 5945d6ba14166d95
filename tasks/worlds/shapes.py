"""The coloured shapes of every generated world: names, drawing, backgrounds, placing, and the random stream.

Scenes and clips share this file, so that a "red circle" is the same thing in a still and in a video.
"""

from __future__ import annotations

import hashlib
import math
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

T = TypeVar("T")
RGB = tuple[int, int, int]
Pixels = NDArray[np.uint8]

SHAPES: tuple[str, ...] = ("circle", "square", "triangle", "star")
COLORS: dict[str, RGB] = {
    "red": (214, 32, 38),
    "orange": (245, 135, 20),
    "yellow": (238, 222, 40),
    "green": (36, 150, 58),
    "cyan": (40, 205, 215),
    "blue": (32, 72, 205),
    "purple": (122, 38, 160),
    "pink": (248, 140, 195),
}

_JITTER = 10
_UNIT: dict[str, list[tuple[float, float]]] = {
    "circle": [(math.cos(k * math.pi / 16), math.sin(k * math.pi / 16)) for k in range(32)],
    "star": [
        (radius * math.sin(k * math.pi / 5), -radius * math.cos(k * math.pi / 5))
        for k, radius in ((k, 0.45 if k % 2 else 1.0) for k in range(10))
    ],
}
"""Corners around the origin, stretched to the box when drawn."""


class Box(NamedTuple):
    """Integer pixel extents; right and bottom are exclusive, so `right - left` is the drawn width."""

    left: int
    top: int
    right: int
    bottom: int


def stream(world: str, split: str, seed: int, index: int) -> np.random.Generator:
    """The random stream of one item: other splits, seeds and indices give unrelated ones, everywhere."""
    digest = hashlib.sha256(f"{world}/{split}/{seed}/{index}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def pick(rng: np.random.Generator, items: tuple[T, ...] | list[T]) -> T:
    """One of `items`, uniformly."""
    return items[int(rng.random() * len(items))]


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A uniform number in [low, high)."""
    return low + (high - low) * float(rng.random())


def tint(rng: np.random.Generator, color: str) -> RGB:
    """The named colour, moved a little in each channel."""
    red, green, blue = (
        min(255, max(0, round(channel + between(rng, -_JITTER, _JITTER)))) for channel in COLORS[color]
    )
    return red, green, blue


def outline(shape: str, box: Box) -> list[tuple[int, int]]:
    """The corners (x, y) of `shape`, as pixels that are drawn, touching all four sides of `box`.

    A circle is given as a polygon of 32 corners. Raises ValueError for a name that is not in `SHAPES`.
    """
    left, top, right, bottom = box.left, box.top, box.right - 1, box.bottom - 1
    if shape == "square":
        return [(left, top), (right, top), (right, bottom), (left, bottom)]
    if shape == "triangle":
        return [((left + right) // 2, top), (right, bottom), (left, bottom)]
    if shape not in _UNIT:
        raise ValueError(f"unknown shape {shape!r}; one of {', '.join(SHAPES)}")
    xs, ys = zip(*_UNIT[shape], strict=True)
    wide, high = (right - left) / (max(xs) - min(xs)), (bottom - top) / (max(ys) - min(ys))
    return [
        (round(left + (x - min(xs)) * wide), round(top + (y - min(ys)) * high))
        for x, y in zip(xs, ys, strict=True)
    ]


def draw(canvas: ImageDraw.ImageDraw, shape: str, box: Box, fill: RGB) -> None:
    """Fills `shape` so that it touches all four sides of `box` and no pixel lies outside.

    Raises ValueError for a name that is not in `SHAPES`.
    """
    if shape == "circle":
        canvas.ellipse((box.left, box.top, box.right - 1, box.bottom - 1), fill=fill)
    else:
        canvas.polygon(outline(shape, box), fill=fill)


def background(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A nearly grey ground, light, middle or dark: flat or with a faint gradient, sometimes with faint lines.

    All channels stay close to each other, so that no ground comes near a colour of `COLORS`.
    """
    tone = pick(rng, ((205, 245), (95, 150), (14, 60)))
    base = between(rng, *tone) + np.array([between(rng, -5, 5) for _ in range(3)])
    slope = between(rng, -14, 14) if rng.random() < 0.6 else 0.0
    vertical = rng.random() < 0.5
    ramp = np.linspace(-slope, slope, height if vertical else width)[:, None] + base
    line = np.clip(ramp, 0, 255).astype(np.uint8)
    strip = Image.fromarray(line[:, None] if vertical else line[None])
    image = strip.resize((width, height), Image.Resampling.NEAREST)
    if rng.random() < 0.4:
        canvas = ImageDraw.Draw(image)
        for _ in range(1 + int(rng.random() * 3)):
            shade = between(rng, -22, 22)
            red, green, blue = (int(min(255, max(0, channel + shade))) for channel in base)
            ends = [between(rng, 0, 1) * side for side in (width, height, width, height)]
            canvas.line(ends, fill=(red, green, blue), width=1 + int(rng.random() * 4))
    return image


def place(
    rng: np.random.Generator, sizes: list[tuple[int, int]], width: int, height: int, gap: int
) -> list[Box] | None:
    """Boxes of the given (width, height) at random places inside the picture, at least `gap` pixels apart.

    Returns None where no free place was found after a fair number of tries; the caller draws smaller sizes.
    """
    boxes: list[Box] = []
    for wide, high in sizes:
        for _ in range(30):
            left = int(between(rng, gap, width - gap - wide + 1))
            top = int(between(rng, gap, height - gap - high + 1))
            box = Box(left, top, left + wide, top + high)
            if not any(_near(box, other, gap) for other in boxes):
                boxes.append(box)
                break
        else:
            return None
    return boxes


def _near(a: Box, b: Box, gap: int) -> bool:
    return (
        a.left < b.right + gap
        and b.left < a.right + gap
        and a.top < b.bottom + gap
        and b.top < a.bottom + gap
    )
