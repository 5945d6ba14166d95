"""The truth of a detection sample: every object of some categories in one picture, with box, label and area.

All forms of rows and files become this one: {"classes", "boxes", "labels", "crowd", "areas"}, boxes as
corners in pixels of the original image. Labels and categories are equal whatever their case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vleval.tasks.base import Target
from vleval.tasks.data import rows


def instances(value: Any, column: str) -> dict[str, Any]:
    """{"classes", "boxes", "labels", "crowd", "areas"} of a picture, from such or from one without the last
    two; a box without an area has that of the box. Raises ValueError in words for the user."""
    if not isinstance(value, Mapping) or not {"classes", "boxes", "labels"} <= set(value):
        raise ValueError(f"{column} must be an object with classes, boxes and labels")
    return picture(
        names(value["classes"], f"{column}.classes"),
        [box(item, f"{column}.boxes") for item in listed(value["boxes"], f"{column}.boxes")],
        listed(value["labels"], f"{column}.labels"),
        column,
        crowd=value.get("crowd"),
        areas=value.get("areas"),
    )


def picture(
    classes: Sequence[str],
    boxes: Sequence[Sequence[float]],
    labels: Sequence[Any],
    column: str,
    *,
    crowd: Any = None,
    areas: Any = None,
) -> dict[str, Any]:
    """The truth of one picture; every list has one entry per box. Raises ValueError."""
    flags = [bool(flag) for flag in listed(crowd, f"{column}.crowd")] or [False] * len(boxes)
    sizes = listed(areas, f"{column}.areas") or [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes]
    for name, entries in (("labels", labels), ("crowd flags", flags), ("areas", sizes)):
        if len(entries) != len(boxes):
            raise ValueError(f"{column} has {len(entries)} {name} for {len(boxes)} boxes")
    known = spelling(classes)
    return {
        "classes": list(classes),
        "boxes": [list(item) for item in boxes],
        "labels": [_known(label, known, column) for label in labels],
        "crowd": flags,
        "areas": [rows.numbers([size], 1, f"{column}.areas")[0] for size in sizes],
    }


def box(value: Any, column: str) -> list[float]:
    """x1, y1, x2, y2; an empty box is a truth that nothing can hit, and stays."""
    x1, y1, x2, y2 = rows.numbers(value, 4, column)
    if x2 < x1 or y2 < y1:
        raise ValueError(
            f"{column} must be x1, y1, x2, y2 with x1 <= x2 and y1 <= y2, not {[x1, y1, x2, y2]}"
        )
    return [x1, y1, x2, y2]


def listed(value: Any, column: str) -> list[Any]:
    """A list from a list, an array or nothing."""
    if value is None:
        return []
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str | bytes):
        raise ValueError(f"{column} must be a list")
    return list(value)


def names(value: Any, column: str) -> list[str]:
    """The categories asked for: at least one, each once, whatever the case."""
    found = [rows.sentence(name, column) for name in listed(value, column)]
    if not found:
        raise ValueError(f"{column} is empty: there is nothing to look for")
    return list(dict.fromkeys(spelling(found).values()))


def spelling(classes: Sequence[str]) -> dict[str, str]:
    """Each category without regard to case -> as the data set spells it first."""
    known: dict[str, str] = {}
    for name in classes:
        known.setdefault(plain(name), name)
    return known


def plain(label: str) -> str:
    """A label without regard to case and blanks around it."""
    return label.strip().casefold()


def _known(label: Any, known: Mapping[str, str], column: str) -> str:
    name = known.get(plain(label)) if isinstance(label, str) else None
    if name is None:
        raise ValueError(f"{column} has the label {str(label)[:60]!r}, which is not among its categories")
    return name


TARGET = Target(
    'an object {"classes": ["cat", ...], "boxes": [[x1, y1, x2, y2], ...], "labels": ["cat", ...]} in pixels '
    'of the original image, with "crowd" (true for a region to ignore) and "areas" where they are known; '
    "classes are all that were asked for",
    {"instances": instances},
)
