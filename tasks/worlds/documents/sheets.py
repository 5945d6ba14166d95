"""Generated sheets with a little of everything that OCRBench v2 and CC-OCR ask about, on one picture.

A sheet has signs, a form, a table, bars with values, a formula and ticked letters. Edges of signs lie on a
grid of 14 pixels, so that they are whole numbers in thousandths of the picture and in pixels of its inputs
of half, equal and double size alike.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from PIL import Image, ImageDraw

from vleval.tasks.worlds.documents.paper import font, stream

SIDE = 560
"""Pixels of both sides."""
STEP = 14
PER_STEP = 25
"""Thousandths of a side in one step of the grid."""
INK, GREY, PLATE = (20, 20, 30), (140, 140, 150), (252, 240, 205)

CAPTION = "Sold on three days"
"""Above every table."""

_TITLES = ("Harvest Fair", "Winter Sale", "Music Night", "Book Market")
_WORDS = ("Cafe", "Exit", "Open", "Tickets", "Toilets", "Gate", "Museum", "Bakery", "Taxi", "Hotel", "Garden")
_NAMES = ("Ada Brook", "Tom Hale", "Mina Sato", "Luis Ortega", "Eva Lind", "Omar Nasser")
_MONTHS = ("March", "April", "June", "August", "October")
_GOODS = ("Apples", "Bread", "Candles", "Dates", "Eggs", "Flour")
_DAYS = ("Fri", "Sat", "Sun")


class Sign(NamedTuple):
    """A plate with a word."""

    word: str
    box: tuple[int, int, int, int]
    """x1, y1, x2, y2 in steps of the grid."""

    @property
    def thousandths(self) -> list[int]:
        """x1, y1, x2, y2 in thousandths of the picture."""
        return [PER_STEP * edge for edge in self.box]


class Sheet(NamedTuple):
    """One picture, and all that is written on it."""

    image: Image.Image
    title: str
    signs: tuple[Sign, ...]
    form: dict[str, str]
    """Name, date and number."""
    table: tuple[tuple[str, ...], ...]
    """Rows of cells, the head first."""
    bars: dict[str, int]
    formula: str
    """As it is printed; without spaces it is LaTeX too."""
    letters: str
    """Those that are ticked."""

    @property
    def text(self) -> str:
        """Everything in reading order, line by line."""
        lines = [
            self.title,
            " ".join(sign.word for sign in self.signs),
            *(f"{name}: {value}" for name, value in self.form.items()),
            CAPTION,
            *(" ".join(row) for row in self.table),
            *(f"{name} {value}" for name, value in self.bars.items()),
            self.formula,
            f"Ticked: {self.letters}",
        ]
        return "\n".join(lines)


def make_sheet(split: str, seed: int, index: int) -> Sheet:
    """The sheet with this number."""
    random = stream("sheets", split, seed, index)
    day, month, year = random.randint(1, 28), random.choice(_MONTHS), random.randint(1990, 2019)
    form = {
        "Name": random.choice(_NAMES),
        "Date": f"{day} {month} {year}",
        "Number": f"M-{random.randint(10000, 99999)}",
    }
    goods = random.sample(_GOODS, 2)
    cells = [str(value) for value in random.sample(range(12, 99), 6)]
    table = (("Goods", *_DAYS), (goods[0], *cells[:3]), (goods[1], *cells[3:]))
    heights = random.sample(range(3, 19), 3)
    factor, addend = random.randint(2, 9), random.randint(1, 9)
    image = Image.new("RGB", (SIDE, SIDE), "white")
    sheet = Sheet(
        image,
        random.choice(_TITLES),
        _signs(random),
        form,
        table,
        dict(zip(_DAYS, heights, strict=True)),
        f"y = {factor}x + {addend}",
        "".join(sorted(random.sample("ABCD", 2))),
    )
    _draw(sheet)
    return sheet


def _signs(random: Random) -> tuple[Sign, ...]:
    """Three words side by side, on plates of unlike places and sizes."""
    found = []
    for column, word in enumerate(random.sample(_WORDS, 3)):
        left, top = 2 + 13 * column + random.randint(0, 2), 5 + random.randint(0, 2)
        found.append(Sign(word, (left, top, left + random.randint(9, 10), top + random.randint(4, 5))))
    return tuple(found)


def _draw(sheet: Sheet) -> None:
    draw = ImageDraw.Draw(sheet.image)
    draw.text((2 * STEP, STEP), sheet.title, INK, font(28))
    for sign in sheet.signs:
        x1, y1, x2, y2 = (STEP * edge for edge in sign.box)
        draw.rectangle((x1, y1, x2 - 1, y2 - 1), PLATE, INK, 2)
        draw.text(((x1 + x2) / 2, (y1 + y2) / 2), sign.word, INK, font(26), anchor="mm")
    for row, (name, value) in enumerate(sheet.form.items()):
        draw.text((2 * STEP, 196 + 30 * row), f"{name}:", GREY, font(18))
        draw.text((140, 194 + 30 * row), value, INK, font(20))
    draw.text((SIDE / 2, 291), CAPTION, GREY, font(14), anchor="mm")
    for row, cells in enumerate(sheet.table):
        y = 300 + 32 * row
        draw.line((2 * STEP, y, SIDE - 2 * STEP, y), GREY)
        for column, cell in enumerate(cells):
            draw.text((2 * STEP + 130 * column, y + 5), cell, INK, font(19))
    draw.line((2 * STEP, 396, SIDE - 2 * STEP, 396), GREY)
    for row, (day, height) in enumerate(sheet.bars.items()):
        y = 410 + 28 * row
        draw.text((2 * STEP, y), day, INK, font(17))
        draw.rectangle((80, y + 2, 80 + 12 * height, y + 18), (90, 140, 200))
        draw.text((88 + 12 * height, y), str(height), INK, font(17))
    draw.text((2 * STEP, 508), sheet.formula, INK, font(24))
    draw.text((SIDE - 2 * STEP, 508), f"Ticked: {sheet.letters}", INK, font(22), anchor="ra")
