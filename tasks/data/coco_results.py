"""COCO's file of results, which detectors write: one row per box, turned into one answer per picture.

A row: {"image_id": 139, "category_id": 62, "bbox": [x, y, width, height], "score": 0.98}, in pixels of the
original image. It holds neither truths nor names: both come with the questions, whose categories must have
the numbers of their annotation file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from vleval.tasks.base import Results, Sample
from vleval.tasks.data import rows
from vleval.tasks.data.coco_json import plain

CATEGORY_IDS = "category_ids"
"""Key in `Sample.target` of the numbers of the categories, in their order."""


def answers(found: Iterable[Mapping[str, Any]], asked: Sequence[Sample]) -> Iterator[dict[str, str]]:
    """A row with `id` and `response` for every question; a picture without a row was found to be empty.

    Raises ValueError, in words for the user, with the number of the row.
    """
    names = {sample.id: _names(sample) for sample in asked}
    said: dict[str, list[dict[str, Any]]] = {sample.id: [] for sample in asked}
    for index, row in enumerate(found):
        try:
            picture = plain(row.get("image_id"))
            if picture not in said:
                raise ValueError(f"the data have no picture {picture}")
            said[picture].append(_item(row, names[picture]))
        except ValueError as error:
            raise ValueError(f"row {index} (the first is 0): {error}") from error
    yield from ({"id": picture, "response": json.dumps(items)} for picture, items in said.items())


def _names(sample: Sample) -> dict[str, str]:
    """The categories of a question by their numbers as text."""
    numbers = sample.target.get(CATEGORY_IDS)
    if numbers is None:
        raise ValueError(
            "the data do not tell the numbers of their categories: --data must name the annotation file "
            "(JSON), and each of its categories have a name of its own"
        )
    classes = sample.target["instances"]["classes"]
    return {plain(number): name for number, name in zip(numbers, classes, strict=True)}


def _item(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    category = plain(row.get("category_id"))
    if category not in names:
        raise ValueError(f"the data have no category {category}; they have: {', '.join(names)}")
    x, y, width, height = rows.numbers(row.get("bbox"), 4, "bbox")
    (score,) = rows.numbers([row.get("score")], 1, "score")
    return {"bbox_2d": [x, y, x + width, y + height], "label": names[category], "score": score}


RESULTS = Results(
    "COCO results", frozenset(("image_id", "category_id", "bbox", "score")), "original", answers
)
