"""The door to reading and writing model text: one total parser per kind of answer, and its inverse.

`parse_*` turn text into items and a ledger (`ledger.py`); `render_*` write the text Qwen2.5-VL is trained to
answer with.
"""

from vleval.grounding.ledger import (
    Entry,
    EntryKind,
    Parsed,
    ParsedBox,
    ParsedElement,
    ParsedPoint,
    ParsedSpan,
)
from vleval.grounding.reading.boxes import parse_boxes
from vleval.grounding.reading.html import parse_html
from vleval.grounding.reading.points import parse_points
from vleval.grounding.reading.spans import parse_spans
from vleval.grounding.render import render_boxes, render_html, render_points, render_spans

__all__ = [
    "Entry",
    "EntryKind",
    "Parsed",
    "ParsedBox",
    "ParsedElement",
    "ParsedPoint",
    "ParsedSpan",
    "parse_boxes",
    "parse_html",
    "parse_points",
    "parse_spans",
    "render_boxes",
    "render_html",
    "render_points",
    "render_spans",
]
