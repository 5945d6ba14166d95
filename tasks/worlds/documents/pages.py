"""Generated pages for the parsing of documents: every block with its box, its text and its place in the
reading order.

They are made to test the metrics as much as the reader: two columns, which read down and not across; tables
with cells over several columns; a paragraph that goes on in the next column; list items, formulas, a chart
with its numbers, and running heads that are not part of the text.
"""

from __future__ import annotations

import textwrap
from random import Random
from typing import Literal, NamedTuple

from PIL import Image, ImageDraw

from vleval.tasks.worlds.documents.paper import font, stream

WIDTH, HEIGHT, MARGIN = 448, 448, 28
GUTTER = 24
INK, GREY = (20, 20, 30), (140, 140, 146)

Kind = Literal["title", "text", "list", "table", "formula", "chart", "caption", "header", "page number"]
Box = tuple[int, int, int, int]


class Cell(NamedTuple):
    """One cell of a table."""

    text: str
    columns: int = 1
    """Columns that it covers."""


class Block(NamedTuple):
    """One element of a page; blocks stand in reading order."""

    kind: Kind
    box: Box
    """(x1, y1, x2, y2) in pixels."""
    text: str
    """What is written; of a formula its LaTeX."""
    rows: tuple[tuple[Cell, ...], ...] = ()
    """Of a table, and of a chart the numbers that it shows; the first row is the head."""
    items: tuple[tuple[str, Box], ...] = ()
    """Of a list."""
    goes_on: bool = False
    """The paragraph is continued by the next block."""


class Page(NamedTuple):
    """A picture and all that is on it."""

    image: Image.Image
    blocks: tuple[Block, ...]


_PLACES = ("Ashford", "Brixby", "Calder Bay", "Dunmore", "Elmstead", "Fairwick", "Glenrock", "Harlow End")
_THINGS = ("timber", "paper", "wool", "copper", "barley", "slate", "honey", "rope")
_SENTENCES = (
    "The port of {place} shipped {n} tons of {thing} in {year}.",
    "Prices of {thing} rose by {n}% after {year}.",
    "Since {year} the road to {place} has been closed {n} times.",
    "Most of the {thing} came from {place}.",
    "A second mill was built at {place} in {year}.",
    "The council counted {n} boats & barges that winter.",
)
_FORMULAS = (
    ("y = {a}x", "2", " + {b}", "y={a}x^{{2}}+{b}"),
    ("E = mc", "2", "", "E=mc^{{2}}"),
    ("V = {a}r", "3", " - {b}", "V={a}r^{{3}}-{b}"),
)


class _Pen:
    """Draws blocks one below the other in a column."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.image = Image.new("RGB", (WIDTH, HEIGHT), "white")
        self.draw = ImageDraw.Draw(self.image)
        self.blocks: list[Block] = []
        self.left, self.width, self.y = MARGIN, WIDTH - 2 * MARGIN, 50

    def sentence(self) -> str:
        words = {"place": self.random.choice(_PLACES), "thing": self.random.choice(_THINGS)}
        pattern = self.random.choice(_SENTENCES)
        return pattern.format(**words, n=self.random.randint(12, 98), year=self.random.randint(1820, 1960))

    def lines(self, text: str, size: int, indent: int = 0) -> Box:
        """Writes wrapped text at the pen; its box."""
        fitting = max(12, int((self.width - indent) / (size * 0.55)))
        top, right = self.y, self.left + indent
        for line in textwrap.wrap(text, fitting):
            box = self.draw.textbbox((self.left + indent, self.y), line, font(size))
            self.draw.text((self.left + indent, self.y), line, INK, font(size))
            right, self.y = max(right, int(box[2]) + 1), self.y + size + 4
        return self.left, top, right, self.y - 2

    def add(self, kind: Kind, box: Box, text: str, *, gap: int = 10, **more: object) -> None:
        self.blocks.append(Block(kind, box, text, **more))  # type: ignore[arg-type]
        self.y += gap

    def title(self, text: str, size: int = 18) -> None:
        self.add("title", self.lines(text, size), text)

    def paragraph(self, text: str, *, goes_on: bool = False) -> None:
        self.add("text", self.lines(text, 12), text, goes_on=goes_on)

    def bullets(self, texts: list[str]) -> None:
        top, items = self.y, []
        for text in texts:
            self.draw.ellipse((self.left + 2, self.y + 4, self.left + 7, self.y + 9), INK)
            items.append((text, self.lines(text, 12, indent=14)))
            self.y += 3
        right = max(box[2] for _, box in items)
        self.add("list", (self.left, top, right, self.y - 5), "\n".join(texts), items=tuple(items))

    def formula(self) -> None:
        before, power, after, latex = self.random.choice(_FORMULAS)
        a, b = self.random.randint(2, 9), self.random.randint(2, 9)
        x, top = self.left + 40, self.y
        for text, size, lift in ((before, 15, 3), (power, 10, 0), (after, 15, 3)):
            words = text.format(a=a, b=b)
            self.draw.text((x, top + lift), words, INK, font(size))
            x += int(self.draw.textlength(words, font(size))) + 1
        self.y += 22
        self.add("formula", (self.left + 40, top, x, self.y - 2), latex.format(a=a, b=b))

    def table(self) -> None:
        """Places and two years under a common head, which is one cell over two columns."""
        year = self.random.randint(1850, 1950)
        rows = [
            (Cell("Place"), Cell(f"Tons of {self.random.choice(_THINGS)}", 2)),
            (Cell("Year"), Cell(str(year)), Cell(str(year + 1))),
        ]
        for place in self.random.sample(_PLACES, self.random.randint(2, 4)):
            counts = [str(self.random.randint(10, 990)) for _ in range(2)]
            rows.append((Cell(place.split()[0]), *map(Cell, counts)))
        top, step, height = self.y, self.width // 3, 19
        for row in rows:
            x = self.left
            for cell in row:
                self.draw.rectangle((x, self.y, x + step * cell.columns, self.y + height), outline=GREY)
                self.draw.text((x + 4, self.y + 3), cell.text, INK, font(12))
                x += step * cell.columns
            self.y += height
        text = "\n".join(cell.text for row in rows for cell in row)
        self.add("table", (self.left, top, self.left + 3 * step, self.y), text, rows=tuple(rows))

    def chart(self, number: int) -> None:
        names, top = self.random.sample(_PLACES, 3), self.y
        heights = self.random.sample(range(10, 60), 3)
        step = self.width // 3
        for place, (name, height) in enumerate(zip(names, heights, strict=True)):
            x = self.left + place * step
            self.draw.rectangle((x + 8, top + 74 - height, x + step - 20, top + 74), GREY)
            self.draw.text((x + 4, top + 78), name.split()[0], INK, font(10))
            self.draw.text((x + 12, top + 61 - height), str(height), INK, font(10))
        self.y += 92
        rows = ((Cell("Place"), Cell("Ships")),) + tuple(
            (Cell(name.split()[0]), Cell(str(height))) for name, height in zip(names, heights, strict=True)
        )
        text = "\n".join(cell.text for row in rows for cell in row)
        self.add("chart", (self.left, top, self.left + self.width, self.y), text, rows=rows, gap=4)
        caption = f"Figure {number}: Ships of {self.random.choice(_PLACES)}."
        self.add("caption", self.lines(caption, 11), caption)


def make_page(split: str, seed: int, index: int) -> Page:
    """The page with this number: one column and two in turn, tables, charts and formulas on some."""
    pen = _Pen(stream("pages", split, seed, index))
    pen.y = 14
    header = f"Yearbook of {pen.random.choice(_PLACES)}"
    pen.add("header", pen.lines(header, 10), header)
    pen.y = 40
    pen.title(
        f"{pen.random.choice(_THINGS).title()} and {pen.random.choice(_THINGS)} in {1800 + 7 * index}", 20
    )
    (_two_columns if index % 2 else _one_column)(pen, index)
    pen.left, pen.width, pen.y = WIDTH // 2 - 8, 60, HEIGHT - 26
    number = str(index + 11)
    pen.add("page number", pen.lines(number, 11), number)
    return Page(pen.image, tuple(pen.blocks))


def _one_column(pen: _Pen, index: int) -> None:
    pen.paragraph(" ".join(pen.sentence() for _ in range(3)))
    if index % 4 == 0:
        pen.table()
    pen.title("What was found", 15)
    pen.bullets([pen.sentence() for _ in range(3)])
    if index % 8 in (2, 4):
        pen.formula()
    if index % 4 == 2:
        pen.chart(index)
    pen.paragraph(" ".join(pen.sentence() for _ in range(2)))


def _two_columns(pen: _Pen, index: int) -> None:
    """The first column, then the second; a paragraph goes on from one to the other."""
    top, width = pen.y, (WIDTH - 2 * MARGIN - GUTTER) // 2
    pen.width = width
    pen.paragraph(" ".join(pen.sentence() for _ in range(2)))
    if index % 4 == 1:
        pen.table()
    else:
        pen.formula()
    words = " ".join(pen.sentence() for _ in range(3)).split()
    middle = len(words) // 2
    pen.paragraph(" ".join(words[:middle]), goes_on=True)
    pen.left, pen.y = MARGIN + width + GUTTER, top
    pen.paragraph(" ".join(words[middle:]))
    if index % 4 == 3:
        pen.chart(index)
    pen.title("Later years", 15)
    pen.paragraph(" ".join(pen.sentence() for _ in range(2)))
