"""Generated charts for ChartQA's columns: bars, lines over years and shares, each with four questions.

Two questions are as people ask them (compare, subtract) and two as a machine does (read one value off). They
hold what relaxed accuracy trips over: a true 0, percent signs, thousands with commas, and years, whose
neighbours are within 5%.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from PIL import Image, ImageDraw

from vleval.tasks.worlds.documents.paper import Asked, Picture, font, stream

WIDTH, HEIGHT = 560, 400
LEFT, TOP, RIGHT, BOTTOM = 74, 64, 536, 340
"""The plot, in pixels."""
INK, GREY = (30, 30, 40), (205, 205, 210)
COLOURS = ((49, 104, 178), (88, 150, 98), (201, 104, 62))
"""One colour per chart."""

HUMAN, AUGMENTED = "human_test", "augmented_test"

_FRUIT = ("Apples", "Pears", "Plums", "Cherries", "Grapes", "Melons")
_TRADES = ("Bakers", "Nurses", "Drivers", "Welders", "Clerks", "Tailors")
_OPINIONS = ("Agree", "Disagree", "Neutral", "No answer")


def make_chart(split: str, seed: int, index: int) -> Picture:
    """The chart with this number: bars, lines and shares in turn."""
    random = stream("charts", split, seed, index)
    return (_bars, _line, _shares)[index % 3](random, COLOURS[index % len(COLOURS)])


def _axes(title: str, ticks: Sequence[str]) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A titled plot with one horizontal line per tick, from the bottom up."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    draw.text((WIDTH / 2, 24), title, INK, font(20), anchor="mm")
    for index, tick in enumerate(ticks):
        y = BOTTOM - (BOTTOM - TOP) * index / (len(ticks) - 1)
        draw.line((LEFT, y, RIGHT, y), GREY)
        draw.text((LEFT - 8, y), tick, INK, font(14), anchor="rm")
    draw.line((LEFT, TOP, LEFT, BOTTOM, RIGHT, BOTTOM), INK, 2)
    return image, draw


def _columns(count: int) -> list[float]:
    """Centres of `count` columns."""
    return [LEFT + (RIGHT - LEFT) * (index + 0.5) / count for index in range(count)]


def _bar_plot(
    draw: ImageDraw.ImageDraw, names: Sequence[str], values: Sequence[int], top: int, colour: tuple[int, ...]
) -> list[float]:
    """Bars with their names below; returns where their tops are."""
    half = (RIGHT - LEFT) / len(names) * 0.3
    heights = [BOTTOM - (BOTTOM - TOP) * value / top for value in values]
    for x, y, name in zip(_columns(len(names)), heights, names, strict=True):
        if y < BOTTOM:
            draw.rectangle((x - half, y, x + half, BOTTOM - 1), colour)
        draw.text((x, BOTTOM + 16), name, INK, font(14), anchor="mm")
    return heights


def _bars(random: Random, colour: tuple[int, ...]) -> Picture:
    """Counts, among them a 0 and values above a thousand, written on the bars."""
    names = random.sample(_FRUIT, 5)
    values = [value * 10 + 5 for value in random.sample(range(40, 190), 4)]
    values.insert(random.randrange(5), 0)
    image, draw = _axes("Crates sold in one season", [f"{tick:,}" for tick in range(0, 2001, 500)])
    heights = _bar_plot(draw, names, values, 2000, colour)
    for x, y, value in zip(_columns(5), heights, values, strict=True):
        draw.text((x, y - 12), f"{value:,}", INK, font(15), anchor="mm")
    by_name = dict(zip(names, values, strict=True))
    none = names[values.index(0)]
    ranked = sorted(names, key=by_name.__getitem__, reverse=True)
    questions = (
        Asked("Which fruit sold the most crates?", (ranked[0],), HUMAN),
        Asked(
            f"How many more crates of {ranked[0]} than of {ranked[1]} were sold?",
            (str(by_name[ranked[0]] - by_name[ranked[1]]),),
            HUMAN,
        ),
        Asked(f"How many crates of {none} were sold?", ("0",), AUGMENTED),
        Asked(f"How many crates of {ranked[0]} were sold?", (str(by_name[ranked[0]]),), AUGMENTED),
    )
    return Picture(image, questions)


def _line(random: Random, colour: tuple[int, ...]) -> Picture:
    """One value per year, written at its point."""
    trade, first = random.choice(_TRADES), random.randint(2005, 2016)
    years = [first + index for index in range(6)]
    values = random.sample(range(12, 96), 6)
    image, draw = _axes(f"{trade} hired per year", [str(tick) for tick in range(0, 101, 25)])
    points = [
        (x, BOTTOM - (BOTTOM - TOP) * value / 100) for x, value in zip(_columns(6), values, strict=True)
    ]
    draw.line(points, colour, 3)
    around = [values[1], *values, values[-2]]
    for index, ((x, y), year, value) in enumerate(zip(points, years, values, strict=True)):
        # Below a dip, above all else: the line never runs through a number.
        dips = 2 * value < around[index] + around[index + 2]
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), colour)
        draw.text((x, y + (17 if dips else -16)), str(value), INK, font(15), anchor="mm")
        draw.text((x, BOTTOM + 16), str(year), INK, font(14), anchor="mm")
    by_year = dict(zip(years, values, strict=True))
    best, worst = max(years, key=by_year.__getitem__), min(years, key=by_year.__getitem__)
    year = random.choice(years)
    questions = (
        Asked(f"In which year were the most {trade.lower()} hired?", (str(best),), HUMAN),
        Asked(
            "What is the difference between the highest and the lowest value?",
            (str(by_year[best] - by_year[worst]),),
            HUMAN,
        ),
        Asked(f"How many {trade.lower()} were hired in {year}?", (str(by_year[year]),), AUGMENTED),
        Asked(f"In which year were {by_year[worst]} {trade.lower()} hired?", (str(worst),), AUGMENTED),
    )
    return Picture(image, questions)


def _shares(random: Random, colour: tuple[int, ...]) -> Picture:
    """Shares of a survey in percent; they add up to 100."""
    values: list[int] = []
    while len(set(values)) < len(_OPINIONS):  # no two alike: every superlative has one answer
        cuts = sorted(random.sample(range(6, 96), 3))
        values = [high - low for low, high in zip((0, *cuts), (*cuts, 100), strict=True)]
    values.sort(reverse=True)
    names = random.sample(_OPINIONS, 4)
    top = 25 * -(-max(values) // 25)
    ticks = [f"{tick}%" for tick in range(0, top + 1, 25)]
    image, draw = _axes("Should the bridge be rebuilt?", ticks)
    heights = _bar_plot(draw, names, values, top, colour)
    for x, y, value in zip(_columns(4), heights, values, strict=True):
        draw.text((x, y - 12), f"{value}%", INK, font(15), anchor="mm")
    share = dict(zip(names, values, strict=True))
    name = random.choice(names)
    more = "Yes" if share["Agree"] > share["Disagree"] else "No"
    questions = (
        Asked("Do more people agree than disagree?", (more,), HUMAN),
        Asked(
            "What percent agree or disagree, taken together?",
            (f"{share['Agree'] + share['Disagree']}%",),
            HUMAN,
        ),
        Asked(f"What share of people chose '{name}'?", (f"{share[name]}%",), AUGMENTED),
        Asked(f"Which answer was given by {values[0]}%?", (names[0],), AUGMENTED),
    )
    return Picture(image, questions)
