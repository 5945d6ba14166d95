"""CC-OCR's rules for parsed documents, tables, formulas and molecules, and for the values of fields.

Source: `doc_parsing_evaluator.py` and `kie_evaluator.py` of the benchmark's script
(github.com/AlibabaResearch/AdvancedLiterateMachinery, Benchmarks/CC-OCR), which VLMEvalKit carries
unchanged. Their quirks are part of every published score:
- all spaces of a table's HTML go, those between a tag and its attributes too: `<td colspan="2">` becomes a
  tag of its own, whose text is not compared (`table_likeness(..., delete_spaces=False)` keeps them);
- of a fenced document the word after the fence stays: "latex" counts as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from vleval.tasks.text.edit_distance import normalised_edit_distance
from vleval.tasks.text.substring import FULL_WIDTH
from vleval.tasks.text.teds import Rules, teds

_COMMANDS = (
    ("\\documentclass{", "}"),
    ("\\usepackage[", "]{", "}"),
    ("\\usepackage{", "}"),
    ("\\geometry{", "}"),
    ("\\begin{document}",),
    ("\\end{document}",),
    ("\\noindent",),
)
"""LaTeX that says nothing of the page: how each begins, and what follows up to its end on the line."""

_HALF_WIDTH = FULL_WIDTH | {ord("、"): ord(",")}

_HAN = "\u4e00-\u9fff"
_SPACING = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\s+", " "),
        (f"(?<=[{_HAN}]) (?=[{_HAN}a-zA-Z0-9])", ""),
        (f"(?<=[a-zA-Z0-9]) (?=[{_HAN}])", ""),
        (r"(?<![0-9]) ?([,.!?:;]) ?", r"\1 "),
        ("(?<=[0-9])(?=[a-zA-Z])", " "),
        ("(?<=[a-zA-Z])(?=[0-9])", " "),
        (r"\s+", " "),
    )
]


def document_likeness(said: str, truth: str) -> float:
    """1 - edit distance / longer length of a page in LaTeX, without spaces, line breaks and preamble."""
    parts = without_commands(said).split("```")
    text = parts[1] if len(parts) > 1 else parts[0]
    return _likeness(_joined(text), _joined(truth))


def table_likeness(said: str, truth: str, *, delete_spaces: bool = True) -> float:
    """TEDS of the first tables; `delete_spaces` as in the script."""
    parts = without_commands(said).split("```html")
    text = (parts[1] if len(parts) > 1 else parts[0]).replace("```", "")
    rules = Rules(delete_spaces=delete_spaces)
    return teds(text.replace("\n", "").replace("，", ","), truth.replace("\n", ""), rules=rules)


def formula_likeness(said: str, truth: str) -> float:
    """1 - edit distance / longer length of a formula in LaTeX, without spaces."""
    text = said.replace("```latex", "").replace("```", "").replace("\t", "")
    return _likeness(_joined(text), truth.replace(" ", ""))


def molecule_likeness(said: str, truth: str) -> float:
    """1 - edit distance / longer length of a molecule in SMILES, without spaces."""
    text = _joined(said).replace("<smiles>", "").replace("</smiles>", "")
    return _likeness(text, truth.replace(" ", ""))


def clean_value(text: str) -> str:
    """A field's value as it is compared: full-width characters become plain, and spaces the script's."""
    text = text.translate(_HALF_WIDTH)
    for pattern, replacement in _SPACING:
        text = pattern.sub(replacement, text)
    return text


def without_commands(text: str) -> str:
    """A text without the commands of a LaTeX preamble."""
    for command in _COMMANDS:
        if command[0] in text:
            text = "\n".join("".join(_outside(line, command)) for line in text.split("\n"))
    return text


def _outside(line: str, command: tuple[str, ...]) -> Iterator[str]:
    """What stands before, between and after the places of a command, in one pass."""
    position = 0
    while (start := line.find(command[0], position)) >= 0:
        end = start
        for part in command:
            end = line.find(part, end)
            if end < 0:  # and so it is for every later beginning
                yield line[position:]
                return
            end += len(part)
        yield line[position:start]
        position = end
    yield line[position:]


def _joined(text: str) -> str:
    return text.replace(" ", "").replace("\n", "")


def _likeness(said: str, truth: str) -> float:
    return 1.0 - normalised_edit_distance(said, truth)
