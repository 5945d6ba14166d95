"""Pictures of several kinds of things, some of them small, some in a heap: what detectors are asked about.

Every picture is a pure function of (split, seed, index, kinds, count, heap).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from vleval.tasks.worlds.shapes import RGB, Box, Pixels, background, between, draw, pick, place, stream

_SIDES = (220, 380)
_WIDTHS = ((0.05, 0.1), (0.14, 0.34))
"""A thing's width as a share of the root of the picture's area: small or large."""
_HEAP = 14
"""Things of a heap."""
_DARK: RGB = (34, 36, 42)
_GREY: RGB = (168, 172, 180)
_BROWN: RGB = (150, 74, 36)

Canvas = ImageDraw.ImageDraw


class Thing(NamedTuple):
    """One thing, or a heap of one kind."""

    kind: str
    box: Box
    area: int
    """Pixels drawn."""
    heap: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture and all that it shows."""

    image: Pixels
    """uint8 [H, W, 3]."""
    things: tuple[Thing, ...]


def make_view(
    split: str, seed: int, index: int, kinds: Sequence[str], count: int, heap: str | None = None
) -> View:
    """The picture of this split, seed and index: `count` things of `kinds`, and a heap if asked."""
    rng = stream(f"things {','.join(kinds)} {heap}", split, seed, index)
    width, height = (int(between(rng, _SIDES[0], _SIDES[1] + 1)) for _ in range(2))
    image = background(rng, width, height)
    chosen = [pick(rng, list(kinds)) for _ in range(count)]
    boxes = None
    while boxes is None:
        sizes = [_size(rng, kind, width, height) for kind in chosen]
        if heap is not None:
            sizes.append((int(between(rng, 110, 150)), int(between(rng, 70, 100))))
        boxes = place(rng, sizes, width, height, gap=3)
    canvas, things = ImageDraw.Draw(image), []
    for kind, box in zip(chosen, boxes, strict=False):
        _DRAWN[kind](canvas, box)
        things.append(Thing(kind, box, _covered(image.size, kind, [box])))
    if heap is not None:
        members = _members(rng, boxes[-1])
        for box in members:
            _DRAWN[heap](canvas, box)
        things.append(Thing(heap, boxes[-1], _covered(image.size, heap, members), heap=True))
    return View(np.array(image), tuple(things))


def _size(rng: np.random.Generator, kind: str, width: int, height: int) -> tuple[int, int]:
    wide = max(8, round(between(rng, *pick(rng, _WIDTHS)) * (width * height) ** 0.5))
    return wide, max(8, round(wide * _PROPORTION.get(kind, 1.0)))


def _members(rng: np.random.Generator, box: Box) -> list[Box]:
    """Boxes that overlap each other inside `box` and touch all its sides."""
    side = 26
    places = [
        (box.left, box.top),
        (box.right - side, box.bottom - side),
        *(
            (
                int(between(rng, box.left, box.right - side + 1)),
                int(between(rng, box.top, box.bottom - side + 1)),
            )
            for _ in range(_HEAP - 2)
        ),
    ]
    return [Box(left, top, left + side, top + side) for left, top in places]


def _covered(size: tuple[int, int], kind: str, boxes: Sequence[Box]) -> int:
    """Pixels that things of a kind cover together."""
    blank = Image.new("RGB", size)
    for box in boxes:
        _DRAWN[kind](ImageDraw.Draw(blank), box)
    return int(np.count_nonzero(np.asarray(blank).any(axis=-1)))


def _stop_sign(canvas: Canvas, box: Box) -> None:
    left, top, right, bottom = box.left, box.top, box.right - 1, box.bottom - 1
    x, y = round((right - left) * 0.29), round((bottom - top) * 0.29)
    corners = [
        *((left + x, top), (right - x, top), (right, top + y), (right, bottom - y)),
        *((right - x, bottom), (left + x, bottom), (left, bottom - y), (left, top + y)),
    ]
    canvas.polygon(corners, fill=(196, 24, 32), outline="white")
    middle = (top + bottom) // 2
    canvas.rectangle((left + x, middle - y // 4, right - x, middle + y // 4), fill="white")


def _traffic_light(canvas: Canvas, box: Box) -> None:
    canvas.rectangle((box.left, box.top, box.right - 1, box.bottom - 1), fill=_DARK, outline=_GREY)
    third, wide = (box.bottom - box.top) / 3, box.right - box.left
    for lamp, color in enumerate(((214, 40, 40), (238, 190, 40), (40, 160, 70))):
        top = box.top + lamp * third
        canvas.ellipse(
            (box.left + wide * 0.2, top + third * 0.15, box.right - 1 - wide * 0.2, top + third * 0.85),
            fill=color,
        )


def _kite(canvas: Canvas, box: Box) -> None:
    left, top, right, bottom = box.left, box.top, box.right - 1, box.bottom - 1
    middle, knee = (left + right) // 2, top + (bottom - top) // 3
    canvas.polygon([(middle, top), (right, knee), (middle, bottom), (left, knee)], fill=(122, 38, 160))
    canvas.polygon([(middle, top), (right, knee), (middle, bottom)], fill=(240, 150, 40))


def _book(canvas: Canvas, box: Box) -> None:
    canvas.rectangle((box.left, box.top, box.right - 1, box.bottom - 1), fill=(32, 84, 150))
    spine = max(1, (box.right - box.left) // 6)
    canvas.rectangle((box.left, box.top, box.left + spine, box.bottom - 1), fill=(20, 52, 100))


def _clock(canvas: Canvas, box: Box) -> None:
    canvas.ellipse((box.left, box.top, box.right - 1, box.bottom - 1), fill=(250, 248, 240), outline=_BROWN)
    middle = ((box.left + box.right) // 2, (box.top + box.bottom) // 2)
    canvas.line((*middle, middle[0], box.top + 2), fill=_DARK)
    canvas.line((*middle, (middle[0] + box.right) // 2, middle[1]), fill=_DARK)


def _orange(canvas: Canvas, box: Box) -> None:
    draw(canvas, "circle", box, (245, 135, 20))
    canvas.arc((box.left, box.top, box.right - 1, box.bottom - 1), 20, 70, fill=(196, 92, 8))


_DRAWN: Mapping[str, Callable[[Canvas, Box], None]] = {
    "stop sign": _stop_sign,
    "traffic light": _traffic_light,
    "kite": _kite,
    "book": _book,
    "clock": _clock,
    "orange": _orange,
}
"""Kind, as COCO calls it -> draws one so that it touches all four sides of its box."""

KINDS: tuple[str, ...] = tuple(_DRAWN)

_PROPORTION = {"traffic light": 2.2, "kite": 1.5, "book": 1.3}
"""Height by width."""
