"""OCRBench v2's rules by name: how each reads an answer, and what it makes of what was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from vleval.tasks.documents.ocr_rules import fields, places, tables, words
from vleval.tasks.grounding.places import View
from vleval.tasks.text.outline import outline_similarity
from vleval.tasks.text.substring import contains_formula
from vleval.tasks.text.transcript import transcript_likeness

Truth = Mapping[str, Any]
"""As `truths.read_truth` makes it."""

Judge = Callable[[Any, Truth], float]


class Rule(NamedTuple):
    """How one family of questions is judged."""

    read: Callable[[str, View], Any | None]
    """What counts of an answer, which is not empty; None: nothing."""
    judge: Judge
    """What was read and the truth -> 0..1."""
    as_asked: Judge | None = None
    """The same by the script's reading of places; None: `judge` is the script's."""
    missing: str = ""
    """What an answer lacks of which nothing counts."""


def _words(judge: Callable[[str, list[str]], float]) -> Rule:
    """A rule that compares the whole answer with accepted ones."""
    return Rule(lambda text, view: text, lambda said, truth: judge(said, truth["answers"]))


def _first(judge: Callable[[str, str], float]) -> Rule:
    """A rule that compares the whole answer with the first true one."""
    return Rule(lambda text, view: text, lambda said, truth: judge(said, truth["answers"][0]))


def _place(text: str, view: View) -> places.Spots | None:
    found = places.read_place(text, view)
    return found if found.placed else None


def _position(text: str, view: View) -> places.Positioned | None:
    found = fields.read_fields(text)
    return places.read_position(found, view) if found else None


def _spots(text: str, view: View) -> places.Spots | None:
    found = places.read_spots(text, view)
    return found if found.placed else None


def _spotting(spots: Any, truth: Truth) -> float:
    return places.spotting_score(spots, places.true_spots(truth["polygons"], truth["content"]))


RULES: Mapping[str, Rule] = {
    "words": _words(words.contains_or_near),
    "words-cased": _words(words.contains_or_near_cased),
    "words-chinese": _words(words.contains_or_near_chinese),
    "choice": _words(words.chosen_letters),
    "count": _words(words.counted_exactly),
    "count-nearly": _words(words.counted_nearly),
    "formula": _words(contains_formula),
    "formula-chinese": _words(words.contains_formula_chinese),
    "letters": _words(words.contains_letters),
    "transcript": _first(lambda said, truth: transcript_likeness(said, truth).mean),
    "outline": _first(outline_similarity),
    "markdown-table": _first(tables.markdown_likeness),
    "html-table": Rule(
        lambda text, view: tables.html_table(text),
        lambda said, truth: tables.html_likeness(said, truth["answers"][0]),
        missing="no table",
    ),
    "chart": Rule(
        lambda text, view: fields.read_nested(text),
        lambda said, truth: tables.chart_likeness(said, truth["answers"]),
        missing="no dictionary",
    ),
    "fields": Rule(
        lambda text, view: fields.read_fields(text),
        lambda said, truth: fields.share_of_fields(said, truth["answers"]),
        missing="no fields",
    ),
    "place": Rule(
        _place,
        lambda said, truth: places.place_overlap(said.placed, truth["box"]),
        lambda said, truth: places.place_overlap(said.as_asked, truth["box"]),
        missing="no box",
    ),
    "position": Rule(
        _position,
        lambda said, truth: places.position_score(
            said.answer, said.spots.placed, truth["answers"], truth["box"]
        ),
        lambda said, truth: places.position_score(
            said.answer, said.spots.as_asked, truth["answers"], truth["box"]
        ),
        missing="no fields",
    ),
    "spotting": Rule(
        _spots,
        lambda said, truth: _spotting(said.placed, truth),
        lambda said, truth: _spotting(said.as_asked, truth),
        missing="no places with text",
    ),
}
