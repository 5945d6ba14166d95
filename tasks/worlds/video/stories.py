"""Short clips to be asked about: shapes that come one after the other, each in a corner, one of them moving.

No two shapes of a story have the same form or colour, so that either names one; every question has one right
choice, and its place among the choices is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vleval.tasks.worlds.shapes import COLORS, SHAPES, Box, background, pick, stream, tint
from vleval.tasks.worlds.video.clips import FPS, Clip, ClipEvent, ClipObject

SIZE = (140, 112)
"""Width and height of the picture."""
FIRST, EACH = 0.5, 1.0
"""Seconds before the first shape comes, and that each stays."""
CORNERS = ("top left", "top right", "bottom left", "bottom right")
WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}
NUMBERS = ("one", "two", "three", "four", "five")

_SIDE, _DRIFT = 34, 18
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Actor:
    """One shape of a story."""

    color: str
    shape: str
    corner: str
    way: str | None
    """Where it moves; None for one that stays where it is."""

    @property
    def look(self) -> str:
        """`red circle`."""
        return f"{self.color} {self.shape}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its choices."""

    kind: str
    words: str
    choices: tuple[str, ...]
    true: int
    """Index of the right choice."""


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """A clip and what happens in it."""

    clip: Clip
    actors: tuple[Actor, ...]
    """In the order in which they come."""

    def shown(self, number: int) -> tuple[float, float]:
        """Seconds from which to which an actor is there."""
        event = self.clip.events[number]
        return event.start, event.end

    @property
    def mover(self) -> Actor:
        """The one that moves."""
        return next(actor for actor in self.actors if actor.way)


def make_story(name: str, seed: int, index: int) -> Story:
    """The story of this data set, seed and index: two to four shapes."""
    rng = stream(f"story {name}", "test", seed, index)
    count = 2 + index % 3
    colors, shapes = _some(rng, tuple(COLORS), count), _some(rng, SHAPES, count)
    corners, moves = _some(rng, CORNERS, count), int(rng.random() * count)
    actors = tuple(
        Actor(color, shape, corner, pick(rng, tuple(WAYS)) if number == moves else None)
        for number, (color, shape, corner) in enumerate(zip(colors, shapes, corners, strict=True))
    )
    ground = np.array(background(rng, *SIZE))
    objects = []
    for number, actor in enumerate(actors):
        box, drift = _path(actor)
        start = FIRST + number * EACH
        fill = tint(rng, actor.color)
        objects.append(ClipObject(actor.shape, actor.color, fill, box, drift, start, start + EACH))
    events = tuple(ClipEvent(f"the {thing.color} {thing.shape}", thing.start, thing.end) for thing in objects)
    return Story(Clip(ground, tuple(objects), events, 2 * FIRST + count * EACH, FPS), actors)


def ask(story: Story, kind: str, seed: int, number: int) -> Asked:
    """A question of a kind: `first`, `last`, `after`, `count`, `colour`, `direction` or `corner`."""
    rng = stream(f"question {kind}", story.clip.events[0].text, seed, number)
    actors, mover = story.actors, story.mover
    looks = [actor.look for actor in actors]
    some = actors[number % len(actors)]
    still = next(actor for actor in actors if actor.way is None)
    words, true, others = {
        "first": ("Which shape appears first?", looks[0], _other_looks(rng, looks)),
        "last": ("Which shape appears last?", looks[-1], _other_looks(rng, looks)),
        "after": (f"Which shape appears right after the {looks[0]}?", looks[1], _other_looks(rng, looks)),
        "count": ("How many shapes appear in the video?", NUMBERS[len(actors) - 1], list(NUMBERS)),
        "colour": (f"What is the colour of the {some.shape}?", some.color, list(COLORS)),
        "direction": (f"In which direction does the {mover.shape} move?", str(mover.way), list(WAYS)),
        "corner": (f"In which corner is the {still.color} shape?", still.corner, list(CORNERS)),
    }[kind]
    wrong = _some(rng, tuple(other for other in others if other != true), _SHOWN - 1)
    at = int(rng.random() * _SHOWN)
    return Asked(kind, words, (*wrong[:at], true, *wrong[at:]), at)


def _other_looks(rng: np.random.Generator, looks: list[str]) -> list[str]:
    """The looks of a story, and some of shapes that are not in it."""
    absent = [f"{color} {shape}" for color in COLORS for shape in SHAPES]
    absent = [look for look in absent if look not in looks]
    return [*looks, *_some(rng, tuple(absent), max(0, _SHOWN - len(looks)))]


def _some(rng: np.random.Generator, items: tuple[str, ...], count: int) -> list[str]:
    left = list(items)
    return [left.pop(int(rng.random() * len(left))) for _ in range(count)]


def _path(actor: Actor) -> tuple[Box, tuple[int, int]]:
    """Where an actor starts within its quarter of the picture, and how far it goes there."""
    quarter = SIZE[0] // 2, SIZE[1] // 2
    x, y = WAYS[actor.way] if actor.way else (0, 0)
    corner = ("right" in actor.corner) * quarter[0], ("bottom" in actor.corner) * quarter[1]
    left = corner[0] + (quarter[0] - _SIDE - x * _DRIFT) // 2
    top = corner[1] + (quarter[1] - _SIDE - y * _DRIFT) // 2
    return Box(left, top, left + _SIDE, top + _SIDE), (x * _DRIFT, y * _DRIFT)
