"""OCRBench v2's thirty types of questions: the ability each is counted under, and the rule it is judged by.

Source: `eval.py` and `get_score.py` of the benchmark's script.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Language = Literal["en", "zh"]

CHOICE, CASED = "multiple choice", "case sensitive"
COUNT, COUNT_NEARLY = "exact match", "regression"
NO_EVAL = (None, "", "None", "nan")
"""What the column `eval` holds for questions without a rule of their own."""

ESSAY = "简答"
"""In the question of a handwritten answer that is several sentences long."""


class Kind(NamedTuple):
    """One type of questions."""

    ability: str
    rule: str
    """A key of `rules.RULES`; `words`, `count` and `table` are chosen further by `rule_of`."""
    language: Language = "en"


def _chinese(ability: str, rule: str) -> Kind:
    return Kind(ability, rule, "zh")


RECOGNITION = "text recognition"
DETECTION = "text detection"
SPOTTING = "text spotting"
RELATIONS = "relation extraction"
PARSING = "element parsing"
MATHEMATICS = "mathematical calculation"
UNDERSTANDING = "visual text understanding"
REASONING = "knowledge reasoning"

KINDS: Mapping[str, Kind] = {
    "text recognition en": Kind(RECOGNITION, "words"),
    "fine-grained text recognition en": Kind(RECOGNITION, "transcript"),
    "full-page OCR en": Kind(RECOGNITION, "transcript"),
    "text grounding en": Kind(DETECTION, "place"),
    "VQA with position en": Kind(DETECTION, "position"),
    "text spotting en": Kind(SPOTTING, "spotting"),
    "key information extraction en": Kind(RELATIONS, "fields"),
    "key information mapping en": Kind(RELATIONS, "fields"),
    "document parsing en": Kind(PARSING, "outline"),
    "chart parsing en": Kind(PARSING, "chart"),
    "table parsing en": Kind(PARSING, "table"),
    "formula recognition en": Kind(PARSING, "formula"),
    "math QA en": Kind(MATHEMATICS, "words"),
    "text counting en": Kind(MATHEMATICS, "count"),
    "document classification en": Kind(UNDERSTANDING, "words"),
    "cognition VQA en": Kind(UNDERSTANDING, "words"),
    "diagram QA en": Kind(UNDERSTANDING, "words"),
    "reasoning VQA en": Kind(REASONING, "words"),
    "science QA en": Kind(REASONING, "words"),
    "APP agent en": Kind(REASONING, "words"),
    "ASCII art classification en": Kind(REASONING, "words"),
    "full-page OCR cn": _chinese(RECOGNITION, "transcript"),
    "key information extraction cn": _chinese(RELATIONS, "fields"),
    "handwritten answer extraction cn": _chinese(RELATIONS, "letters"),
    "document parsing cn": _chinese(PARSING, "outline"),
    "table parsing cn": _chinese(PARSING, "table"),
    "formula recognition cn": _chinese(PARSING, "formula"),
    "cognition VQA cn": _chinese(UNDERSTANDING, "words"),
    "reasoning VQA cn": _chinese(REASONING, "words"),
    "text translation cn": _chinese(REASONING, "transcript"),
}


def kind_of(name: object) -> Kind:
    """The kind of a question by its type. Raises ValueError."""
    found = KINDS.get(str(name))
    if found is None:
        raise ValueError(f"type must be one of OCRBench v2's {len(KINDS)}, not {str(name)[:60]!r}")
    return found


def rule_of(name: str, evaluation: object, question: str) -> str:
    """The rule of one question, from its type, its `eval` and what it asks for. Raises ValueError."""
    kind = kind_of(name)
    if kind.rule == "words":
        return _rule_of_words(kind.language, evaluation)
    if kind.rule == "count":
        found = {COUNT: "count", COUNT_NEARLY: "count-nearly"}.get(str(evaluation))
        if found is None:
            raise ValueError(f"eval of a text counting question must be {COUNT!r} or {COUNT_NEARLY!r}")
        return found
    if kind.rule == "table":
        asked = question.lower()
        in_html = kind.language == "zh" or "html" in asked or "markdown" not in asked
        return "html-table" if in_html else "markdown-table"
    if kind.rule == "letters" and ESSAY in question:
        return "transcript"
    if kind.rule == "formula" and kind.language == "zh":
        return "formula-chinese"
    return kind.rule


def _rule_of_words(language: Language, evaluation: object) -> str:
    if evaluation in NO_EVAL or evaluation != evaluation:  # NaN, as pandas writes nothing
        return "words" if language == "en" else "words-chinese"
    found = {CHOICE: "choice", CASED: "words-cased"}.get(str(evaluation))
    if found is None:
        raise ValueError(f"eval must be {CHOICE!r}, {CASED!r} or empty, not {str(evaluation)[:60]!r}")
    return found
