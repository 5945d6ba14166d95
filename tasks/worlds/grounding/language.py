"""Referring expressions about a scene: a small English grammar in which every sentence means one object.

A sentence is only emitted where it holds with a clear margin, and where its object has a look-alike (same
colour or same shape) in the scene, so that guessing does not answer it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from vleval.tasks.worlds.shapes import COLORS, SHAPES, pick

Kind = Literal["attribute", "superlative", "relation", "description"]

SUPERLATIVES: tuple[str, ...] = ("leftmost", "rightmost", "topmost", "bottom", "largest", "smallest")
RELATIONS: tuple[str, ...] = ("left of", "right of", "above", "below")

WORDS: tuple[str, ...] = (
    *("the", "shape", "large", "small", "left", "right", "of", "above", "below"),
    *SUPERLATIVES,
    *COLORS,
    *SHAPES,
)

SUPERLATIVE_MARGIN = 0.08
"""Distance to the runner-up along the axis, as a share of the picture's side."""
AREA_MARGIN = 1.3
"""Ratio of box areas to the runner-up for "largest" and "smallest"."""
SIZE_MARGIN = 1.6
"""Ratio of box areas between the "large" and the "small" of two objects that look the same otherwise."""
RELATION_MARGIN = 0.10
"""Distance between centres that makes a relation true, as a share of the picture's side."""
CONTRARY_MARGIN = 0.03
"""How far on the other side an object lies of which the relation is clearly false."""

_TRIES = 12


class Dialect(NamedTuple):
    """What may be said of a scene: the three ways of speaking of RefCOCO, RefCOCO+ and RefCOCOg."""

    stream: str
    """Name of the random streams of its scenes, so that no two dialects share pictures."""
    weights: tuple[tuple[Kind, float], ...]
    """Share of each kind of sentence; the first where no two objects share a colour or a shape."""
    superlatives: tuple[str, ...]


FREE = Dialect("scene", (("attribute", 0.47), ("superlative", 0.18), ("relation", 0.35)), SUPERLATIVES)
PLACELESS = Dialect(
    "scene without places", (("attribute", 0.45), ("superlative", 0.55)), ("largest", "smallest")
)
FULL = Dialect("scene in full", (("description", 1.0),), SUPERLATIVES)


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One drawn shape."""

    shape: str
    color: str
    size: str
    """`small`, `medium` or `large`: the side against the picture, in words."""
    bbox_xyxy: tuple[float, float, float, float]
    """Tight drawn extents in native pixels; right and bottom exclusive."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A sentence that means exactly one object of its scene."""

    text: str
    kind: Kind
    target: int
    """Index into the scene's objects."""


class Noun(NamedTuple):
    """What a phrase calls its object: `circle`, `red circle`, `red shape` or `shape`; None fits anything."""

    color: str | None
    shape: str | None

    @property
    def text(self) -> str:
        """The words, without an article."""
        return " ".join(word for word in (self.color, self.shape or "shape") if word)


class _View(NamedTuple):
    """A scene with what the grammar needs to know about it, computed once."""

    members: dict[Noun, list[int]]
    """Indices of the objects that each possible noun fits."""
    names: list[Noun]
    """Colour and shape of each object."""
    groups: list[Noun]
    """Nouns that fit two objects or more."""
    landmarks: list[int]
    """Objects that their colour and shape name alone."""
    centres: list[tuple[float, float]]
    """As shares of the picture's width and height."""
    areas: list[float]
    superlatives: tuple[str, ...]


def express(
    rng: np.random.Generator,
    objects: tuple[SceneObject, ...],
    width: int,
    height: int,
    limit: int,
    dialect: Dialect = FREE,
) -> tuple[Expression, ...]:
    """Up to `limit` different expressions about the objects; possibly none."""
    view = _view(objects, width, height, dialect.superlatives)
    eligible = [len(objects) < 3 or has_lookalike(objects, i) for i in range(len(objects))]
    found: dict[str, Expression] = {}
    for _ in range(limit):
        kind = _draw_kind(rng, dialect.weights) if view.groups else dialect.weights[0][0]
        for _ in range(_TRIES):
            made = _MAKERS[kind](rng, view)
            if made is not None and eligible[made[1]] and made[0] not in found:
                text = f"the {made[0]}" if rng.random() < 0.6 else made[0]
                found[made[0]] = Expression(text, kind, made[1])
                break
    return tuple(found.values())


def has_lookalike(objects: tuple[SceneObject, ...], target: int) -> bool:
    """Whether another object shares the target's colour or its shape."""
    mine = objects[target]
    return any(
        other.color == mine.color or other.shape == mine.shape
        for i, other in enumerate(objects)
        if i != target
    )


def _draw_kind(rng: np.random.Generator, weights: tuple[tuple[Kind, float], ...]) -> Kind:
    roll = float(rng.random())
    for kind, weight in weights:
        roll -= weight
        if roll < 0:
            return kind
    return weights[-1][0]


def _view(objects: tuple[SceneObject, ...], width: int, height: int, superlatives: tuple[str, ...]) -> _View:
    boxes = [thing.bbox_xyxy for thing in objects]
    names = [Noun(thing.color, thing.shape) for thing in objects]
    members: dict[Noun, list[int]] = {}
    for i, (color, shape) in enumerate(names):
        for noun in (Noun(color, shape), Noun(color, None), Noun(None, shape), Noun(None, None)):
            members.setdefault(noun, []).append(i)
    return _View(
        members,
        names,
        [noun for noun, found in members.items() if len(found) > 1],
        [i for i, name in enumerate(names) if len(members[name]) == 1],
        [((x1 + x2) / 2 / width, (y1 + y2) / 2 / height) for x1, y1, x2, y2 in boxes],
        [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes],
        superlatives,
    )


def _attribute(rng: np.random.Generator, view: _View) -> tuple[str, int] | None:
    target = int(rng.random() * len(view.names))
    name = view.names[target]
    twins = view.members[name]
    if len(twins) == 1:
        roll = rng.random()
        shorter = Noun(None, name.shape) if roll < 0.15 else Noun(name.color, None) if roll < 0.25 else name
        return (shorter if len(view.members[shorter]) == 1 else name).text, target
    if len(twins) == 2:
        other = view.areas[twins[0] if twins[1] == target else twins[1]]
        if view.areas[target] >= SIZE_MARGIN * other:
            return f"large {name.text}", target
        if other >= SIZE_MARGIN * view.areas[target]:
            return f"small {name.text}", target
    return None


def _superlative(rng: np.random.Generator, view: _View) -> tuple[str, int] | None:
    noun, word = pick(rng, view.groups), pick(rng, view.superlatives)
    members = view.members[noun]
    if word in ("largest", "smallest"):
        ranked = sorted(members, key=lambda i: view.areas[i], reverse=word == "largest")
        smaller, larger = sorted((view.areas[ranked[0]], view.areas[ranked[1]]))
        clear = larger >= AREA_MARGIN * smaller
    else:
        axis = 0 if word in ("leftmost", "rightmost") else 1
        ranked = sorted(members, key=lambda i: view.centres[i][axis], reverse=word in ("rightmost", "bottom"))
        clear = abs(view.centres[ranked[0]][axis] - view.centres[ranked[1]][axis]) >= SUPERLATIVE_MARGIN
    return (f"{word} {noun.text}", ranked[0]) if clear else None


def _relation(rng: np.random.Generator, view: _View) -> tuple[str, int] | None:
    if not view.landmarks:
        return None
    # The noun fits several objects: if it named one alone, the relation would be idle.
    noun, word, anchor = pick(rng, view.groups), pick(rng, RELATIONS), pick(rng, view.landmarks)
    ahead = {i: _ahead(view, i, word, anchor) for i in view.members[noun] if i != anchor}
    meant = [i for i, distance in ahead.items() if distance >= RELATION_MARGIN]
    if len(meant) != 1 or any(d > -CONTRARY_MARGIN for i, d in ahead.items() if i != meant[0]):
        return None
    return f"{noun.text} {word} the {view.names[anchor].text}", meant[0]


def _description(rng: np.random.Generator, view: _View) -> tuple[str, int] | None:
    """A noun of several objects and two relations, both of which hold for one of them alone."""
    if len(view.landmarks) < 2 or not view.groups:
        return None
    noun, anchors = pick(rng, view.groups), [pick(rng, view.landmarks), pick(rng, view.landmarks)]
    words = [pick(rng, RELATIONS), pick(rng, RELATIONS)]
    if anchors[0] == anchors[1]:
        return None
    # How far the weaker of the two holds: an object that fails one of them clearly is not meant.
    ahead = {
        i: min(_ahead(view, i, word, anchor) for word, anchor in zip(words, anchors, strict=True))
        for i in view.members[noun]
        if i not in anchors
    }
    meant = [i for i, distance in ahead.items() if distance >= RELATION_MARGIN]
    if len(meant) != 1 or any(d > -CONTRARY_MARGIN for i, d in ahead.items() if i != meant[0]):
        return None
    said = [f"{word} the {view.names[anchor].text}" for word, anchor in zip(words, anchors, strict=True)]
    return f"{noun.text} {said[0]} and {said[1]}", meant[0]


def _ahead(view: _View, index: int, word: str, anchor: int) -> float:
    """How far an object is `left of` (or the like) another, as a share of the side; negative: it is not."""
    axis = 0 if word in ("left of", "right of") else 1
    sign = 1 if word in ("right of", "below") else -1
    return sign * (view.centres[index][axis] - view.centres[anchor][axis])


_MAKERS: dict[Kind, Callable[[np.random.Generator, _View], tuple[str, int] | None]] = {
    "attribute": _attribute,
    "superlative": _superlative,
    "relation": _relation,
    "description": _description,
}
