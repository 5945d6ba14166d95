"""The questions in their models' own words, each with its source: tasks and direct commands ask alike.

An answer changes by more than ten points with the wording (RefCOCO, ratios against pixels), so a prompt is
pinned, recorded and written here once.
"""

from __future__ import annotations

from typing import NamedTuple


class Prompt(NamedTuple):
    """A sentence with one gap."""

    before: str
    gap: str
    """What goes in, as shown to people: `expression`."""
    after: str
    source: str
    """Who asks like that."""

    @property
    def template(self) -> str:
        """The whole sentence with its gap named: `Locate {expression} in ...`."""
        return f"{self.before}{{{self.gap}}}{self.after}"

    def fill(self, words: str) -> str:
        """The question; the words go in as they are, braces, quotes and all."""
        return f"{self.before}{words}{self.after}"


LOCATE = Prompt(
    "Locate ",
    "expression",
    " in this image and output the bbox coordinates in JSON format.",
    "QwenLM/Qwen3-VL issue 991 (Qwen team, for Qwen2.5-VL)",
)
"""Boxes of what a phrase means."""

POINT = Prompt(
    "Locate ",
    "expression",
    " in this image and output the point coordinates in JSON format.",
    "ours: LOCATE with points for boxes",
)
"""Points on what a phrase means."""

POINT_AS_ASKED = Prompt(
    "",
    "request",
    " Output the point coordinates in JSON format.",
    "ours: the data set's own sentence, and the form of POINT",
)
"""Points for a request that is a whole sentence."""

DETECT = Prompt(
    "Locate every instance that belongs to the following categories: '",
    "names",
    "'. Report bbox coordinates in JSON format.",
    "QwenLM/Qwen3-VL, evaluation/ODinW-13",
)
"""Labelled boxes of everything of some categories, their names separated by `, `."""

COUNT = Prompt(
    "",
    "question",
    "\nAnswer with a single number.",
    "lmms-eval's countbenchqa, without the caption that it puts first",
)
"""A question for a number."""

MOMENT = Prompt(
    "Please find the visual event described by the sentence '",
    "caption",
    "', determining its starting and ending times. The format should be: 'The event happens in <start time> "
    "- <end time> seconds'.",
    "TimeLens (it states the unit, and shows no example, least of all one of the test split)",
)
"""When an event happens; the caption stands without a full stop (`caption`)."""

SHORT_ANSWER = Prompt(
    "",
    "question",
    "\nAnswer the question using a single word or phrase.",
    "lmms-eval and VLMEvalKit, DocVQA, InfoVQA and TextVQA",
)
"""A question about what is written or drawn."""

CHOICE = Prompt(
    "",
    "question and choices",
    "\nAnswer with the option's letter from the given choices directly.",
    "lmms-eval, AI2D",
)
"""A question with its choices below it, one per line: `A. the first`."""


def caption(sentence: str) -> str:
    """A sentence as MOMENT quotes it."""
    return sentence.strip().rstrip(". ")
