"""Generated diagrams for AI2D's columns: food chains, life cycles and layers, their labels masked by letters.

Where a question asks for a label, the choices are letters themselves, in an order of their own: choice B may
say "A", so that who names the letter of the diagram in place of that of the choice is wrong.
"""

from __future__ import annotations

from math import cos, pi, sin
from random import Random
from typing import NamedTuple

from PIL import Image, ImageDraw

from vleval.tasks.worlds.documents.paper import Colour, font, stream

WIDTH, HEIGHT = 400, 320
CHOICES = 4

_INK: Colour = (30, 34, 40)
_MASK: Colour = (250, 236, 150)
_CHAINS = (
    ("Grass", "Grasshopper", "Frog", "Snake"),
    ("Algae", "Shrimp", "Herring", "Seal"),
    ("Leaf", "Caterpillar", "Sparrow", "Hawk"),
)
_CYCLES = (
    ("Egg", "Tadpole", "Froglet", "Adult frog"),
    ("Egg", "Caterpillar", "Pupa", "Butterfly"),
    ("Seed", "Seedling", "Young plant", "Flower"),
)
_LAYERS = (
    ("Crust", "Mantle", "Outer core", "Inner core"),
    ("Canopy", "Understorey", "Shrub layer", "Forest floor"),
    ("Topsoil", "Subsoil", "Loose rock", "Bedrock"),
)
_FILLS: tuple[Colour, ...] = ((190, 220, 170), (228, 206, 160), (180, 208, 228), (226, 186, 186))
_NOTES = ("makes its food from light", "eats only plants", "is eaten by the last one", "has no enemy here")


class Choice(NamedTuple):
    """A question with four choices."""

    question: str
    options: tuple[str, ...]
    truth: int
    """Index into the options."""


class Diagram(NamedTuple):
    """A picture and its questions."""

    image: Image.Image
    choices: tuple[Choice, ...]


def make_diagram(split: str, seed: int, index: int) -> Diagram:
    """The diagram with this number: chains, cycles and layers in turn, three questions each."""
    random = stream("diagrams", split, seed, index)
    kind, turn = index % 3, index // 3
    names = (_CHAINS, _CYCLES, _LAYERS)[kind][turn % 3]
    letters = random.sample("ABCDEFGH", CHOICES)
    image = Image.new("RGB", (WIDTH, HEIGHT), (252, 252, 248))
    draw = ImageDraw.Draw(image)
    (_draw_chain, _draw_cycle, _draw_layers)[kind](draw, names, letters)
    about = (_about_chain, _about_cycle, _about_layers)[kind](random, names)
    which = random.randrange(CHOICES)
    sought = _sought(kind, names, which)
    return Diagram(
        image,
        (
            _ask(random, sought, [letters[which], *(one for one in letters if one != letters[which])]),
            *(_ask(random, question, options) for question, options in about),
        ),
    )


def _ask(random: Random, question: str, options: list[str]) -> Choice:
    """The first option is the true one; they are put in an order of their own."""
    order = random.sample(range(CHOICES), CHOICES)
    return Choice(question, tuple(options[place] for place in order), order.index(0))


def _sought(kind: int, names: tuple[str, ...], which: int) -> str:
    """A description whose label is masked: the letter of the diagram is asked for."""
    if kind == 0:
        return f"Which label stands for the one that {_NOTES[which]}?"
    if kind == 1:
        before = names[which - 1].lower()
        return f"Which label stands for the stage that follows the {before}?"
    places = ("at the top", "second from the top", "third from the top", "at the bottom")
    return f"Which label stands for the layer {places[which]}?"


def _about_chain(random: Random, names: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    return [
        (f"What does the {names[2].lower()} eat?", [names[1], names[0], names[2], names[3]]),
        ("How many kinds of living things are there in the food chain?", ["4", "3", "5", "2"]),
    ]


def _about_cycle(random: Random, names: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    at = random.randrange(CHOICES)
    after = names[(at + 1) % CHOICES]
    rest = [name for name in names if name != after]
    return [
        (f"Which stage comes right after the {names[at].lower()}?", [after, *rest]),
        ("How many stages does the cycle have?", ["4", "6", "3", "8"]),
    ]


def _about_layers(random: Random, names: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    return [
        (
            f"What lies between the {names[0].lower()} and the {names[2].lower()}?",
            [names[1], names[3], names[0], "Nothing"],
        ),
        (f"What is right above the {names[3].lower()}?", [names[2], names[1], names[0], "Nothing"]),
    ]


def _mask(draw: ImageDraw.ImageDraw, x: float, y: float, letter: str) -> None:
    """A letter in a box, where a label was."""
    draw.rectangle((x - 15, y - 14, x + 15, y + 14), _MASK, _INK)
    draw.text((x, y), letter, _INK, font(19), anchor="mm")


def _arrow(draw: ImageDraw.ImageDraw, x1: float, y1: float, x2: float, y2: float) -> None:
    draw.line((x1, y1, x2, y2), _INK, 3)
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    left, right = (
        (x2 - 12 * dx + 6 * dy, y2 - 12 * dy - 6 * dx),
        (x2 - 12 * dx - 6 * dy, y2 - 12 * dy + 6 * dx),
    )
    draw.polygon(((x2, y2), left, right), _INK)


def _draw_chain(draw: ImageDraw.ImageDraw, names: tuple[str, ...], letters: list[str]) -> None:
    """From left to right, who is eaten first; a note below each says what it is."""
    draw.text((WIDTH / 2, 30), " - ".join(names), _INK, font(15), anchor="mm")
    draw.text((WIDTH / 2, 52), "(a food chain; each is eaten by the next)", _INK, font(14), anchor="mm")
    for number, letter in enumerate(letters):
        x = 54 + 97 * number
        draw.ellipse((x - 36, 110, x + 36, 182), _FILLS[number], _INK)
        _mask(draw, x, 146, letter)
        if number:
            _arrow(draw, x - 60, 146, x - 38, 146)
        draw.text((x, 214), f"({number + 1})", _INK, font(14), anchor="mm")
    for number, note in enumerate(_NOTES):
        draw.text((60, 236 + 20 * number), f"({number + 1}) {note}", _INK, font(14))


def _draw_cycle(draw: ImageDraw.ImageDraw, names: tuple[str, ...], letters: list[str]) -> None:
    """Clockwise from the top; names outside, letters where pictures would be."""
    centres = [
        (WIDTH / 2 + 110 * sin(pi * number / 2), HEIGHT / 2 - 100 * cos(pi * number / 2))
        for number in range(4)
    ]
    for number, ((x, y), name, letter) in enumerate(zip(centres, names, letters, strict=True)):
        after = centres[(number + 1) % 4]
        share = 0.34
        _arrow(
            draw,
            x + share * (after[0] - x),
            y + share * (after[1] - y),
            after[0] - share * (after[0] - x),
            after[1] - share * (after[1] - y),
        )
        draw.ellipse((x - 32, y - 32, x + 32, y + 32), _FILLS[number], _INK)
        _mask(draw, x, y, letter)
        draw.text((x, y + 44), name, _INK, font(15), anchor="mm")


def _draw_layers(draw: ImageDraw.ImageDraw, names: tuple[str, ...], letters: list[str]) -> None:
    for number, (name, letter) in enumerate(zip(names, letters, strict=True)):
        y = 36 + 66 * number
        draw.rectangle((40, y, 250, y + 60), _FILLS[number], _INK)
        _mask(draw, 145, y + 30, letter)
        draw.text((264, y + 30), name, _INK, font(16), anchor="lm")
