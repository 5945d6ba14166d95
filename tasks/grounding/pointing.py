"""Points of an answer, in original pixels: what the tasks that ask for clicks or points read alike.

An answer without points gives the centres of its boxes: a model that was asked for a place and framed it has
named one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from vleval.grounding.frame import Convention
from vleval.grounding.ledger import to_json, why_nothing
from vleval.grounding.parse import parse_boxes, parse_points
from vleval.tasks.base import Answer
from vleval.tasks.grounding.places import View


class Pointed(NamedTuple):
    """The points of one answer."""

    points: list[list[float]]
    """[x, y] in original pixels, in reading order; where sizes are unknown the numbers as they stand."""
    parsed: dict[str, Any]
    """For `Score.parsed`."""
    denied: bool
    """The answer says itself, and says only, that there is nothing to point at."""
    reason: str
    """Why there is no point, in a few words."""


def read_points(answer: Answer, convention: Convention, *, expected: int | None = None) -> Pointed:
    """All points of an answer; `expected` is how many the question asked for, where it says so."""
    view = View.of(answer, convention)
    points = parse_points(answer.text, expected=expected, extent=view.extent)
    found = points if points.items else parse_boxes(answer.text, expected=expected, extent=view.extent)
    written = [list(item.values) for item in found.items]
    placed = view.place(written)
    parsed: dict[str, Any] = {"points" if points.items else "boxes": placed, "as_written": written}
    parsed["mapped"] = view.mapped
    if expected is not None:
        parsed["extra"] = max(len({item.values for item in found.items}) - expected, 0)
    parsed |= {"ledger": to_json(found.ledger), "strict": found.strict}
    denied = not found.items and {entry.kind for entry in found.problems} == {"refusal"}
    return Pointed([_point(item) for item in placed], parsed, denied, why_nothing(found.problems))


def _point(item: list[float]) -> list[float]:
    """A point itself, or the centre of a box."""
    return item if len(item) == 2 else [(item[0] + item[2]) / 2, (item[1] + item[3]) / 2]
