"""OCRBench v2's truths: what a row holds of them, in one JSON-able object per question.

    {"answers": ["Ada"], "box": [120, 40, 300, 90], "type": "VQA with position en", "rule": "position"}

`answers` is a list of texts for most rules; names and their accepted values for `fields`; names and values
for `chart`. `box` is the place in thousandths; `polygons` and `content` are those of text spotting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vleval.tasks.data import rows
from vleval.tasks.data.rows import as_json
from vleval.tasks.documents.ocr_rules.fields import as_literal
from vleval.tasks.documents.ocr_rules.kinds import kind_of, rule_of
from vleval.tasks.documents.ocr_rules.rules import RULES

COLUMNS = ("type", "question", "answers", "eval", "bbox", "content")
"""Of a row, those that the truth is made of; the hub has the places of text spotting in `bbox_list`."""


def read_truth(value: Any, column: str) -> dict[str, Any]:
    """The truth of a row, or the same object again. Raises ValueError in words for the user."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{column} must be an object with type and answers, not {str(value)[:60]!r}")
    name, rule = str(value.get("type")), str(value.get("rule"))
    kind_of(name)
    if rule not in RULES:
        rule = rule_of(name, value.get("eval"), str(value.get("question") or ""))
    return {**_parts(value, rule), "type": name, "rule": rule}


def read_columns(value: Any, column: str) -> dict[str, Any]:
    """The truth from the values of COLUMNS and `bbox_list`, in their order (`--field target.columns=...`)."""
    names = (*COLUMNS, "bbox_list")
    if (
        not isinstance(value, Sequence)
        or isinstance(value, str)
        or len(value) not in (len(COLUMNS), len(names))
    ):
        raise ValueError(f"{column} must be the columns {', '.join(COLUMNS)}, in this order")
    return read_truth(dict(zip(names, value, strict=False)), column)


def _parts(value: Mapping[str, Any], rule: str) -> dict[str, Any]:
    answers = value.get("answers")
    match rule:
        case "place":
            return {"box": _box(value.get("box", answers), "answers")}
        case "position":
            return {"answers": _texts(answers), "box": _box(value.get("box", value.get("bbox")), "bbox")}
        case "spotting":
            return _spotting(value)
        case "fields":
            return {"answers": _fields(_only(answers))}
        case "chart":
            return {"answers": _object(_only(answers))}
    return {"answers": _texts(answers)}


def _texts(value: Any) -> list[str]:
    """A list of texts; numbers become such."""
    items = [value] if isinstance(value, str | int | float) else value
    if not isinstance(items, list | tuple) or not items:
        raise ValueError(f"answers must be a list of texts, not {str(value)[:60]!r}")
    return [str(item) for item in items]


def _only(value: Any) -> Any:
    """The one thing in a list, or the thing itself."""
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


def _object(value: Any) -> dict[str, Any]:
    """A dictionary, or the JSON or Python of one, which may be quoted once more."""
    for _ in range(3):
        if not isinstance(value, str):
            break
        text = value.strip('"')
        value = as_json(text)
        value = as_literal(text) if value is None else value
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"answers must hold one object, not {str(value)[:60]!r}")
    return {str(name): item for name, item in value.items()}


def _fields(value: Any) -> dict[str, list[str]]:
    """Names and their accepted values."""
    return {
        name: [str(one) for one in (item if isinstance(item, list) else [item])]
        for name, item in _object(value).items()
    }


def _box(value: Any, column: str) -> list[float]:
    return rows.numbers(value, 4, column)


def _spotting(value: Mapping[str, Any]) -> dict[str, Any]:
    """Polygons and their texts; the official file has the polygons in `bbox`, the hub in `bbox_list`."""
    found = value.get("polygons") or value.get("bbox_list") or value.get("bbox")
    content = value.get("content")
    if not isinstance(found, list | tuple) or not isinstance(content, list | tuple):
        raise ValueError("bbox_list and content must be lists, of places and of what stands there")
    if not found or len(found) != len(content):
        raise ValueError(f"bbox_list has {len(found)} places and content {len(content)} texts")
    polygons = [rows.numbers(one, len(one), "bbox_list") for one in found]
    if any(len(one) < 4 or len(one) % 2 for one in polygons):
        raise ValueError("bbox_list must hold polygons x1, y1, x2, y2, ...")
    return {"polygons": polygons, "content": [str(text) for text in content]}
