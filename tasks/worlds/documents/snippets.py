"""Generated snippets of text for OCRBench's columns: its ten kinds of question, named as the hub set does.

What trips its metric is in here: crops of 25 x 16 pixels; answers that hold one another ("ON" is read into
every "LONDON"); texts whose case does not matter, and handwritten formulas (HME100k), where it does and
spaces do not.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from PIL import Image, ImageDraw

from vleval.tasks.worlds.documents.paper import Colour, font, money, paste_text, stream

WORD = "what is written in the image?"
_INK: Colour = (24, 26, 34)
_GROUNDS: tuple[Colour, ...] = ((236, 232, 220), (214, 226, 236), (240, 222, 214), (226, 236, 216))
_INKS: tuple[Colour, ...] = ((24, 26, 34), (120, 24, 30), (20, 60, 120), (40, 84, 40))
_WORDS = ("LONDON", "Harvest", "BRIDGE", "Lantern", "ON", "Velvet", "STATION", "Copper", "Go", "Meadow")
_NAMES = ("Ada Brook", "Tom Hale", "Mina Sato", "Luis Ortega", "Eva Lind")
_FIRMS = ("NORTHGATE TOOLS", "WILLOW PAPER", "HARBOUR LIGHTS", "BLUE KETTLE")


class Snippet(NamedTuple):
    """One row: a picture of text, the question, its answers, and where the hub set would have it from."""

    image: Image.Image
    source: str
    """`dataset` of the hub set: decides how formulas are judged."""
    kind: str
    """`question_type`."""
    question: str
    answers: tuple[str, ...]


def make_snippet(split: str, seed: int, index: int) -> Snippet:
    """The snippet with this number: the ten kinds in turn."""
    random = stream("snippets", split, seed, index)
    return _KINDS[index % len(_KINDS)](random, index // len(_KINDS))


def _ground(size: tuple[int, int], random: Random) -> tuple[Image.Image, Colour]:
    return Image.new("RGB", size, random.choice(_GROUNDS)), random.choice(_INKS)


def _regular(random: Random, turn: int) -> Snippet:
    """A printed word; every third one in a crop of 25 x 16 pixels, as there are in the set."""
    word = ("ON", "Go")[turn % 2] if turn % 3 == 0 else random.choice(_WORDS)
    size = (25, 16) if turn % 3 == 0 else (150, 44)
    image, ink = _ground(size, random)
    paste_text(image, (size[0] / 2, size[1] / 2), word, ink, 12 if size[1] < 20 else 28)
    return Snippet(image, "IIIT5K", "Regular Text Recognition", WORD, (word,))


def _irregular(random: Random, turn: int) -> Snippet:
    word = random.choice(_WORDS[:4])
    image, ink = _ground((150, 110), random)
    paste_text(image, (75, 55), word, ink, 30, angle=random.choice((-38, -25, 25, 38)))
    return Snippet(image, "svtp", "Irregular Text Recognition", WORD, (word,))


def _artistic(random: Random, turn: int) -> Snippet:
    """Letters that dance, each in its own colour."""
    word = random.choice(_WORDS[5:8])
    image, _ = _ground((32 * len(word) + 20, 80), random)
    for number, letter in enumerate(word):
        centre = 26 + 32 * number, 40 + 9 * (-1) ** number
        paste_text(image, centre, letter, _INKS[number % 4], 38, angle=random.randint(-22, 22))
    return Snippet(image, "WordArt", "Artistic Text Recognition", WORD, (word,))


def _handwriting(random: Random, turn: int) -> Snippet:
    """Slanted letters on a line that they do not keep to."""
    word = random.choice(_WORDS[1::2])
    image, _ = _ground((24 * len(word) + 30, 64), random)
    ImageDraw.Draw(image).line((4, 48, image.width - 4, 48), (150, 150, 160))
    for number, letter in enumerate(word):
        centre = 24 + 22 * number, 34 + random.randint(-4, 4)
        paste_text(image, centre, letter, (30, 40, 110), 30, angle=random.randint(-16, -6))
    return Snippet(image, "IAM", "Handwriting Recognition", WORD, (word,))


def _digits(random: Random, turn: int) -> Snippet:
    """An amount in digits; a leading 0 belongs to it."""
    digits = f"{'0' if turn % 2 else ''}{random.randint(1000, 99999)}"
    image, ink = _ground((150, 46), random)
    for number, digit in enumerate(digits):
        paste_text(
            image, (18 + 22 * number, 23 + random.randint(-2, 2)), digit, ink, 28, angle=random.randint(-8, 8)
        )
    return Snippet(image, "ORAND", "Digit String Recognition", "what is the number in the image?", (digits,))


def _nonsense(random: Random, turn: int) -> Snippet:
    """Letters that make no word, so that no language helps."""
    letters = "".join(random.choices("bcdfghjklmnpqrstvwxyz", k=7))
    image, ink = _ground((160, 46), random)
    paste_text(image, (80, 23), letters, ink, 28)
    return Snippet(image, "NonSemanticText", "Non-Semantic Text Recognition", WORD, (letters,))


def _scene(random: Random, turn: int) -> Snippet:
    image, _ = _ground((220, 160), random)
    firm = random.choice(_FIRMS)
    ImageDraw.Draw(image).rounded_rectangle((16, 40, 204, 96), 8, random.choice(_INKS[1:]))
    paste_text(image, (110, 68), firm, (250, 248, 240), 19, angle=random.choice((-4, 4)))
    ImageDraw.Draw(image).rectangle((86, 106, 134, 160), (80, 60, 44))
    # Two ways to write it; case and line breaks do not matter, the space does.
    question = "what is the name of the shop?"
    return Snippet(image, "STVQA", "Scene Text-centric VQA", question, (firm, firm.title()))


def _document(random: Random, turn: int) -> Snippet:
    image = Image.new("RGB", (260, 150), "white")
    draw = ImageDraw.Draw(image)
    draw.text((14, 10), "STAFF LIST", _INK, font(18))
    people = random.sample(_NAMES, 3)
    rooms = random.sample(range(101, 140), 3)
    for row, (name, room) in enumerate(zip(people, rooms, strict=True)):
        draw.text((14, 46 + 32 * row), name, _INK, font(16))
        draw.text((240, 46 + 32 * row), f"Room {room}", _INK, font(16), anchor="ra")
    row = random.randrange(3)
    question = f"In which room is {people[row]}?"
    return Snippet(image, "docVQA", "Doc-oriented VQA", question, (str(rooms[row]), f"Room {rooms[row]}"))


def _receipt(random: Random, turn: int) -> Snippet:
    image = Image.new("RGB", (200, 210), "white")
    draw = ImageDraw.Draw(image)
    firm, total = random.choice(_FIRMS), random.randint(400, 9800)
    day = f"{random.randint(1, 28):02}/{random.randint(1, 12):02}/2019"
    draw.text((100, 22), firm, _INK, font(16), anchor="mm")
    for row, (label, value) in enumerate(
        (("Date", day), ("Cash", money(total + 200)), ("Total", money(total)))
    ):
        draw.text((14, 60 + 44 * row), label, (110, 110, 116), font(15))
        draw.text((186, 60 + 44 * row), value, _INK, font(16), anchor="ra")
    key, value = (("total", money(total)), ("date", day), ("company", firm))[turn % 3]
    question = f"what is the {key} of this receipt? Answer with its text alone."
    return Snippet(image, "SROIE", "Key Information Extraction", question, (value,))


class _Formula(NamedTuple):
    parts: tuple[tuple[str, int], ...]
    """(text, steps above the line)."""
    latex: str


def _formula(random: Random, turn: int) -> Snippet:
    """Terms with powers, written as HME100k writes them: spaces between tokens, and case matters."""
    first, second = random.choice((("x", "X"), ("a", "A"), ("v", "V")))
    power, factor, term = random.randint(2, 5), random.randint(2, 9), random.randint(2, 9)
    formulas = (
        _Formula(
            ((f"{second}", 0), (str(power), 1), (f" + {factor}{first} = {term}", 0)),
            f"{second} ^ {{ {power} }} + {factor} {first} = {term}",
        ),
        _Formula(
            ((f"{factor}{first}", 0), (str(power), 1), (f" - {second}", 0), (str(term), -1)),
            f"{factor} {first} ^ {{ {power} }} - {second} _ {{ {term} }}",
        ),
    )
    chosen = formulas[turn % 2]
    image = Image.new("RGB", (260, 70), (250, 250, 244))
    x = 16.0
    for text, step in chosen.parts:
        size = 30 if step == 0 else 20
        paste_text(
            image, (x + font(size).getlength(text) / 2, 36 - 15 * step), text, (30, 40, 110), size, angle=-2
        )
        x += font(size).getlength(text) + 3
    question = "Please write out the expression of the formula in the image using LaTeX format."
    kind = "Handwritten Mathematical Expression Recognition"
    return Snippet(image, "HME100k", kind, question, (chosen.latex,))


_KINDS: tuple[Callable[[Random, int], Snippet], ...] = (
    _regular,
    _irregular,
    _artistic,
    _handwriting,
    _digits,
    _nonsense,
    _scene,
    _document,
    _receipt,
    _formula,
)
