"""Generated infographics for InfoVQA's columns: icons to count, figures to add up, on very tall pages.

Answers are of the four types that the benchmark tells apart: a span of the page, several spans (accepted in
every order), a span of the question, and nothing that is written anywhere. Figures have two to four digits:
of two, one wrong digit lies exactly where the paper's ANLS and the server's part ways (a distance of 0.5); of
four, it still earns 0.75, however wrong the sum is.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from random import Random
from typing import NamedTuple

from PIL import Image, ImageDraw

from vleval.tasks.worlds.documents.paper import Asked, Colour, Picture, font, stream

WIDTH, SECTION, BANNER, FOOTER = 360, 330, 150, 70
"""In pixels: a page of seven sections is more than seven times as tall as it is wide."""

SINGLE, SEVERAL, IN_QUESTION, NOWHERE = "single span", "multi-span", "question span", "non-extractive"
"""Types of answers, as the benchmark calls them."""

INK: Colour = (38, 40, 52)
_PALETTES: tuple[tuple[Colour, Colour], ...] = (
    ((228, 240, 238), (20, 120, 110)),
    ((250, 238, 222), (196, 92, 30)),
    ((232, 234, 248), (70, 84, 170)),
)
_TOPICS = ("CYCLING", "RECYCLING", "READING", "SLEEP")
_CITIES = ("Ashford", "Brixby", "Calder Bay", "Dunmore", "Elmstead")
_WAYS = ("Bus", "Train", "Bicycle", "Car")
_MAKERS = ("Institute of Streets", "Open City Lab", "Bureau of Habits")
_COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Question(NamedTuple):
    """A question of an infographic, and what its answer takes."""

    asked: Asked
    operations: tuple[str, ...]
    """`counting`, `arithmetic`, `comparison`, as the benchmark calls them; () for plain reading."""


class Infographic(NamedTuple):
    """A page, what can be asked about it, and the text on it."""

    image: Image.Image
    questions: tuple[Question, ...]
    texts: tuple[str, ...]

    @property
    def picture(self) -> Picture:
        """The page and its questions, without what answers take."""
        return Picture(self.image, tuple(question.asked for question in self.questions))


class _Pen:
    """Draws on one page, and remembers what it wrote."""

    def __init__(self, height: int, ground: Colour, accent: Colour) -> None:
        self.image = Image.new("RGB", (WIDTH, height), ground)
        self.draw = ImageDraw.Draw(self.image)
        self.ground, self.accent = ground, accent
        self.texts: list[str] = []

    def write(
        self, at: tuple[float, float], text: str, size: int, ink: Colour = INK, anchor: str = "la"
    ) -> None:
        self.draw.text(at, text, ink, font(size), anchor=anchor)
        self.texts.append(text)


def make_infographic(split: str, seed: int, index: int) -> Infographic:
    """The page with this number: every other one has all seven sections, and some questions of each."""
    random = stream("infographics", split, seed, index)
    sections: list[Callable[[_Pen, float, Random], list[Question]]] = [_people, _shelves, _ways, _cities]
    sections += [_steps] * 3 if index % 2 == 0 else [_steps]
    random.shuffle(sections)
    pen = _Pen(BANNER + SECTION * len(sections) + FOOTER, *_PALETTES[index % len(_PALETTES)])
    topic, maker = _TOPICS[index % len(_TOPICS)], random.choice(_MAKERS)
    pen.draw.rectangle((0, 0, WIDTH, BANNER - 20), pen.accent)
    pen.write((WIDTH / 2, 50), topic, 40, (255, 255, 255), "mm")
    pen.write((WIDTH / 2, 98), "IN NUMBERS", 22, (255, 255, 255), "mm")
    questions = [
        question
        for number, section in enumerate(sections)
        for question in section(pen, BANNER + SECTION * number, random)
    ]
    pen.write((20, pen.image.height - 44), f"Source: {maker}, 2024", 15)
    questions.append(Question(Asked("Who made this infographic?", (maker,), SINGLE), ()))
    # Sections that come more than once ask alike: the first one is meant.
    unique = {question.asked.text: question for question in reversed(questions)}
    return Infographic(pen.image, tuple(reversed(unique.values())), tuple(pen.texts))


def _written(number: int) -> tuple[str, ...]:
    """A number with and without its comma."""
    return tuple(dict.fromkeys((str(number), f"{number:,}")))


def _heading(pen: _Pen, top: float, text: str) -> None:
    pen.draw.line((20, top, WIDTH - 20, top), pen.accent, 3)
    pen.write((20, top + 14), text, 21)


def _figure(draw: ImageDraw.ImageDraw, x: float, y: float, colour: Colour) -> None:
    """A little person, 22 x 54 pixels."""
    draw.ellipse((x + 4, y, x + 18, y + 14), colour)
    draw.rounded_rectangle((x, y + 17, x + 22, y + 54), 9, colour)


def _people(pen: _Pen, top: float, random: Random) -> list[Question]:
    """Ten people, some of them coloured: nothing says how many."""
    count, grey = random.randint(2, 8), (188, 190, 196)
    _heading(pen, top, "Who takes part?")
    for number in range(10):
        x, y = 40 + 60 * (number % 5), top + 66 + 84 * (number // 5)
        _figure(pen.draw, x, y, pen.accent if number < count else grey)
    pen.write((20, top + 250), "coloured: every day", 17)
    return [
        Question(
            Asked(
                "How many of the ten people take part every day?",
                (str(count), _COUNTS[count], f"{count} out of 10"),
                NOWHERE,
            ),
            ("counting",),
        )
    ]


def _shelves(pen: _Pen, top: float, random: Random) -> list[Question]:
    """Rows of icons that stand for several things each."""
    each = random.choice((150, 250, 450))
    counts = random.sample(range(2, 8), 3)
    cities = random.sample(_CITIES, 3)
    _heading(pen, top, "Where is it popular?")
    for row, (city, count) in enumerate(zip(cities, counts, strict=True)):
        y = top + 68 + 62 * row
        pen.write((20, y + 8), city, 18)
        for number in range(count):
            x = 134 + 30 * number
            pen.draw.rounded_rectangle((x, y, x + 22, y + 36), 5, pen.accent)
    pen.draw.rounded_rectangle((20, top + 262, 42, top + 298), 5, pen.accent)
    pen.write((52, top + 270), f"= {each} people", 17)
    ranked = sorted(zip(counts, cities, strict=True), reverse=True)
    total, (least, last) = each * sum(counts), ranked[-1]
    two = [city for _, city in ranked[:2]]
    return [
        Question(
            Asked("How many people are there in the three cities?", _written(total), NOWHERE),
            ("counting", "arithmetic"),
        ),
        Question(
            Asked(f"How many people are there in {last}?", _written(each * least), NOWHERE),
            ("counting", "arithmetic"),
        ),
        Question(
            Asked(
                f"Which two cities have more people than {last}?",
                tuple(", ".join(names) for names in permutations(two)),
                SEVERAL,
            ),
            ("comparison",),
        ),
    ]


def _ways(pen: _Pen, top: float, random: Random) -> list[Question]:
    """Shares of two digits each; sums of some are written nowhere."""
    shares = [random.randint(11, 29) for _ in range(3)]
    while len(set(shares)) < 3:
        shares = [random.randint(11, 29) for _ in range(3)]
    shares.append(100 - sum(shares))
    names = random.sample(_WAYS, 4)
    _heading(pen, top, "How do people get there?")
    for row, (name, share) in enumerate(zip(names, shares, strict=True)):
        y = top + 64 + 58 * row
        pen.write((20, y + 10), name, 18)
        pen.draw.rectangle((110, y, 110 + 2.6 * share, y + 38), pen.accent)
        pen.write((118 + 2.6 * share, y + 9), f"{share}%", 19)
    one, other = random.sample(range(3), 2)
    both = shares[one] + shares[other]
    more = names[one] if shares[one] > shares[other] else names[other]
    return [
        Question(
            Asked(
                f"What percent go by {names[one].lower()} or {names[other].lower()}, taken together?",
                (f"{both}%", str(both)),
                NOWHERE,
            ),
            ("arithmetic",),
        ),
        Question(
            Asked(
                f"Which is more common, {names[one].lower()} or {names[other].lower()}?",
                (more.lower(),),
                IN_QUESTION,
            ),
            ("comparison",),
        ),
        Question(
            Asked(f"What percent go by {names[3].lower()}?", (f"{shares[3]}%", str(shares[3])), SINGLE), ()
        ),
    ]


def _cities(pen: _Pen, top: float, random: Random) -> list[Question]:
    """A ranking with bubbles."""
    names = random.sample(_CITIES, 3)
    years = random.sample(range(1988, 2016), 3)
    _heading(pen, top, "Where did it begin?")
    for row, (name, year) in enumerate(zip(names, years, strict=True)):
        y = top + 66 + 80 * row
        pen.draw.ellipse((22, y, 84, y + 62), pen.accent)
        pen.write((53, y + 31), str(year), 19, (255, 255, 255), "mm")
        pen.write((100, y + 20), name, 20)
    first = names[years.index(min(years))]
    return [
        Question(Asked("In which city did it begin?", (first,), SINGLE), ("comparison",)),
        Question(Asked(f"When did it come to {names[0]}?", (str(years[0]),), SINGLE), ()),
    ]


def _steps(pen: _Pen, top: float, random: Random) -> list[Question]:
    """Three steps with an icon each: they make a page long, as such pages are."""
    _heading(pen, top, "How to start")
    words = random.sample(("Ask a friend", "Set a day", "Keep a diary", "Start small", "Tell others"), 3)
    for row, word in enumerate(words):
        y = top + 66 + 80 * row
        corners = ((22, y + 58), (52, y + 4), (82, y + 58))
        pen.draw.polygon(corners, pen.accent)
        pen.write((52, y + 38), str(row + 1), 20, (255, 255, 255), "mm")
        pen.write((100, y + 22), word, 20)
    return []
