"""The door to reading and writing model text: one total parser per kind of answer, and its inverse.

`parse_*` turn text into items and a ledger (`ledger.py`); `render_*` write the text Qwen2.5-VL is trained to
answer with.
"""

from vleval.grounding.ledger import Parsed, ParsedBox, ParsedSpan, Problem, ProblemKind
from vleval.grounding.read_boxes import parse_boxes
from vleval.grounding.read_spans import parse_spans
from vleval.grounding.render import render_boxes, render_spans

__all__ = [
    "Parsed",
    "ParsedBox",
    "ParsedSpan",
    "Problem",
    "ProblemKind",
    "parse_boxes",
    "parse_spans",
    "render_boxes",
    "render_spans",
]
