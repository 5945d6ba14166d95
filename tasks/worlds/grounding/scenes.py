"""Still scenes for referring expressions: coloured shapes on a plain ground, each sentence means one of them.

Every scene is a pure function of (split, seed, index), so that train, val and test never share a picture and
nothing has to be stored to reproduce one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

from vleval.tasks.worlds.grounding import language
from vleval.tasks.worlds.grounding.language import FREE, Dialect, Expression, SceneObject
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
from vleval.tasks.worlds.video.clips import WORDS as CLIP_WORDS

__all__ = ["VOCABULARY", "Expression", "Scene", "SceneObject", "make_scene"]

VOCABULARY: tuple[str, ...] = tuple(dict.fromkeys((*language.WORDS, *CLIP_WORDS)))
"""Every word of an expression or a clip's caption, for a tokenizer that holds whole words."""

_SIDES = (448, 640)
_SMALL, _MEDIUM, _LARGE = (0.15, 0.20), (0.20, 0.27), (0.27, 0.36)
"""An object's side as a share of the root of the picture's area: about 32 to 80 px at 64 visual tokens."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture, what is in it, and sentences about it."""

    image: Pixels
    """uint8 [H, W, 3]."""
    objects: tuple[SceneObject, ...]
    expressions: tuple[Expression, ...]


def make_scene(
    split: str,
    seed: int,
    index: int,
    *,
    min_objects: int = 3,
    max_objects: int = 5,
    max_expressions: int = 8,
    dialect: Dialect = FREE,
) -> Scene:
    """The scene of this split, seed and index: sides of 448 to 640 px, at least one expression.

    With three objects or more, the object of every expression shares its colour or shape with another one.
    """
    rng = stream(dialect.stream, split, seed, index)
    width, height = (int(between(rng, _SIDES[0], _SIDES[1] + 1)) for _ in range(2))
    image = background(rng, width, height)
    while True:
        count = min_objects + int(rng.random() * (max_objects - min_objects + 1))
        objects = _objects(rng, count, width, height)
        expressions = language.express(rng, objects, width, height, max_expressions, dialect)
        if expressions:
            break
    canvas = ImageDraw.Draw(image)
    for thing in objects:
        draw(canvas, thing.shape, Box(*(int(edge) for edge in thing.bbox_xyxy)), tint(rng, thing.color))
    return Scene(np.array(image), objects, expressions)


def _objects(rng: np.random.Generator, count: int, width: int, height: int) -> tuple[SceneObject, ...]:
    looks = _looks(rng, count)
    shrink = 1.0
    while True:
        sides, words = [], []
        for _ in looks:
            word, span = pick(rng, (("small", _SMALL), ("medium", _MEDIUM), ("large", _LARGE)))
            sides.append(round(shrink * between(rng, *span) * (width * height) ** 0.5))
            words.append(word)
        boxes = place(rng, [(side, side) for side in sides], width, height, gap=8)
        if boxes is not None:
            break
        # A crowded picture: new sizes, a little smaller each time, but never too small to be read.
        shrink = max(0.8, shrink * 0.97)
    return tuple(
        SceneObject(
            shape, color, word, (float(box.left), float(box.top), float(box.right), float(box.bottom))
        )
        for (color, shape), word, box in zip(looks, words, boxes, strict=True)
    )


def _looks(rng: np.random.Generator, count: int) -> list[tuple[str, str]]:
    """(colour, shape) of each object; later ones often borrow from earlier ones, to make look-alikes."""
    looks: list[tuple[str, str]] = []
    colors = tuple(COLORS)
    for _ in range(count):
        color, shape = pick(rng, colors), pick(rng, SHAPES)
        if looks:
            model = pick(rng, looks)
            roll = rng.random()
            if roll < 0.35:
                color = model[0]
            elif roll < 0.75:
                shape = model[1]
            elif roll < 0.87:
                color, shape = model
        looks.append((color, shape))
    return looks
