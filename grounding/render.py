"""Writes items the way Qwen2.5-VL answers: what it is trained on, and the readers' inverse."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable
from decimal import Decimal

from vleval.grounding.ledger import ParsedElement
from vleval.grounding.reading.html import VOID_TAGS


def render_boxes(boxes: Iterable[tuple[Iterable[float], str | None]]) -> str:
    r"""A fenced JSON list, one object a line: ``[\n\t{"bbox_2d": [x1, y1, x2, y2], "label": "..."}\n]``.

    `boxes` are (four numbers in the model's unit, label) pairs; whole numbers are written without a point,
    nothing is rounded. No box gives the empty list. Raises ValueError on numbers that are not finite.

    >>> render_boxes([((12, 40, 96, 310), "cat")])
    '```json\n[\n\t{"bbox_2d": [12, 40, 96, 310], "label": "cat"}\n]\n```'
    """
    return _objects("bbox_2d", boxes)


def render_points(points: Iterable[tuple[Iterable[float], str | None]]) -> str:
    r"""A fenced JSON list, one object a line: ``[\n\t{"point_2d": [x, y], "label": "..."}\n]``.

    `points` are (two numbers in the model's unit, label) pairs, written as `render_boxes` writes boxes.

    >>> render_points([])
    '```json\n[]\n```'
    """
    return _objects("point_2d", points)


def render_spans(spans: Iterable[tuple[float, float]]) -> str:
    """One sentence per (start, end) in seconds; nothing is rounded. Raises ValueError on infinity and NaN.

    >>> render_spans([(2, 4.5)])
    'The event happens in 2.0 - 4.5 seconds.'
    """
    return "\n".join(
        f"The event happens in {_seconds(start)} - {_seconds(end)} seconds." for start, end in spans
    )


def render_html(elements: Iterable[ParsedElement]) -> str:
    """A fenced page in QwenVL HTML, one element after the other and none inside another.

    Offsets are not looked at. Raises ValueError on numbers that are not finite.

    >>> print(render_html([ParsedElement("p", None, (10, 50, 90.5, 80), "1 < 2", 0)]))
    ```html
    <html><body>
    <p data-bbox="10 50 90.5 80">1 &lt; 2</p>
    </body></html>
    ```
    """
    lines = []
    for element in elements:
        kind = "" if element.kind is None else f' class="{html.escape(element.kind)}"'
        box = " ".join(str(_plain(value)) for value in element.values)
        start = f'<{element.tag}{kind} data-bbox="{box}"'
        text = html.escape(element.text, quote=False)
        lines.append(f"{start}/>\n" if element.tag in VOID_TAGS else f"{start}>{text}</{element.tag}>\n")
    return f"```html\n<html><body>\n{''.join(lines)}</body></html>\n```"


def _objects(key: str, items: Iterable[tuple[Iterable[float], str | None]]) -> str:
    lines = []
    for values, label in items:
        item: dict[str, object] = {key: [_plain(value) for value in values]}
        if label is not None:
            item["label"] = label
        lines.append("\t" + json.dumps(item, ensure_ascii=False))
    body = "[\n" + ",\n".join(lines) + "\n]" if lines else "[]"
    return f"```json\n{body}\n```"


def _plain(value: float) -> int | float:
    value = _finite(value)
    return int(value) if value.is_integer() else value


def _seconds(value: float) -> str:
    text = format(Decimal(repr(_finite(value))), "f")
    return text if "." in text else text + ".0"


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no coordinate and no time")
    return float(value)
