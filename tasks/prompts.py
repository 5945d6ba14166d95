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

MOMENTS = Prompt(
    "Please find every moment of the video that is described by the sentence '",
    "query",
    "'. Answer with a JSON list of [start, end] in seconds, each moment once, the surest first.",
    "ours: MOMENT for several moments",
)
"""All moments of a kind, in the order of trust; the query stands without a full stop (`caption`)."""

RATE = Prompt(
    "Rate how well each of them shows '",
    "query",
    "', from 0 (not at all) to 4 (very well). Answer with a JSON list of one number for each clip, in order.",
    "ours: the scale on which QVHighlights was rated",
)
"""How salient each clip of a video is; what the clips are is said before."""

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

VIDEO_CHOICE = Prompt(
    "Select the best answer to the following multiple-choice question based on the video. Respond with only "
    "the letter (A, B, C, or D) of the correct option.\n",
    "question and choices",
    "\nThe best answer is:",
    "Video-MME (its README; the sentence about subtitles stands before it where they are shown)",
)
"""A question about a video with its choices below it, one per line: `A. the first`."""

SUBTITLES = Prompt("This video's subtitles are listed below:\n", "subtitles", "\n", VIDEO_CHOICE.source)
"""What is said in a video, a line each; goes before VIDEO_CHOICE."""

WATCH = Prompt(
    "Carefully watch the video and pay attention to the cause and sequence of events, the detail and "
    "movement of objects and the action and pose of persons.\nBased on your observations, select the best "
    "option that accurately addresses the question.\nQuestion: ",
    "question and choices",
    "\nAnswer with the option's letter from the given choices directly and only give the best option.",
    "QwenLM/Qwen3-VL issue 715 (Qwen team, for Qwen2.5-VL on LVBench; after MVBench's own)",
)
"""A question about a video, a line `Options:` and its choices, one per line: `(A) the first`."""

WATCH_DETAILS = Prompt(
    "Carefully watch this video and pay attention to every detail. Based on your observations, select the "
    "best option that accurately addresses the question.\nQuestion: ",
    "question and choices",
    "\nOnly give the best option.",
    "MLVU (its choice_bench script, without the beginning of the answer that it puts into the model's mouth)",
)
"""As WATCH."""

BEST_OPTION = Prompt(
    "", "question", "\nPlease directly give the best option:", "TempCompass, run_qwen2_vl.py"
)
"""A question that lists its choices itself."""

YES_OR_NO = Prompt("", "question", "\nPlease answer yes or no:", BEST_OPTION.source)
"""A question for yes or no."""


QWENVL_HTML = "QwenVL HTML "
"""What asks Qwen2.5-VL for a page as HTML; it stands before the picture, and ends with its blank."""

QWENVL_HTML_SYSTEM = (
    "You are an AI specialized in recognizing and extracting text from images. Your mission is to analyze "
    "the image document and generate the result in QwenVL Document Parser HTML format using specified tags "
    "while maintaining user privacy and data integrity."
)
"""The system turn to it; source of both: QwenLM/Qwen2.5-VL, cookbooks/document_parsing.ipynb."""

TO_MARKDOWN = (
    "Convert this page to Markdown, in its reading order, and write nothing else. Keep headings, paragraphs "
    "and lists. Write formulas in LaTeX: \\( \\) inside a line, \\[ \\] where they stand alone. Write tables "
    "in HTML, from <table> to </table>. Leave pictures out."
)
"""What asks for a page as Markdown; ours, after the points of OmniDocBench's own, longer instruction."""


def caption(sentence: str) -> str:
    """A sentence as MOMENT quotes it."""
    return sentence.strip().rstrip(". ")
