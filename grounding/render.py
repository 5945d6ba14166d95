"""Writes boxes and spans the way Qwen2.5-VL answers: what it is trained on, and the readers' inverse."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal


def render_boxes(boxes: Iterable[tuple[Iterable[float], str | None]]) -> str:
    r"""A fenced JSON list, one object a line: ``[\n\t{"bbox_2d": [x1, y1, x2, y2], "label": "..."}\n]``.

    `boxes` are (four numbers in the model's unit, label) pairs; whole numbers are written without a point,
    nothing is rounded. No box gives the empty list. Raises ValueError on numbers that are not finite.
    """
    lines = []
    for values, label in boxes:
        item: dict[str, object] = {"bbox_2d": [_plain(value) for value in values]}
        if label is not None:
            item["label"] = label
        lines.append("\t" + json.dumps(item, ensure_ascii=False, allow_nan=False))
    body = "[\n" + ",\n".join(lines) + "\n]" if lines else "[]"
    return f"```json\n{body}\n```"


def render_spans(spans: Iterable[tuple[float, float]]) -> str:
    """One sentence per (start, end): `The event happens in 2.0 - 4.5 seconds.`; nothing is rounded."""
    return "\n".join(
        f"The event happens in {_seconds(start)} - {_seconds(end)} seconds." for start, end in spans
    )


def _plain(value: float) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


def _seconds(value: float) -> str:
    text = format(Decimal(repr(float(value))), "f")
    return text if "." in text else text + ".0"
