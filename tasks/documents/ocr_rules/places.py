"""OCRBench v2's places: where a text stands, in thousandths of the picture's sides.

The benchmark asks for "coordinates normalized ranging from 0 to 1000 by the image width and height", and its
script takes numbers as such, whatever the model. Qwen2.5-VL was trained to answer in pixels of its input, so
every answer is read twice (`Spots`): in the unit declared for the model (`--coordinates`), placed in the
picture and turned into thousandths of it; and as asked, as the script does. The two agree for a model of
thousandths. Nothing is guessed from the numbers.

Source: `IoUscore_metric.py` and `spotting_metric.py` of the benchmark's script, and the end-to-end protocol
of the Robust Reading Competition (rrc.cvc.uab.es, version 1.1) that it calls.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vleval.grounding.frame import Sizes, to_input
from vleval.tasks.documents.ocr_rules.words import contains_or_near
from vleval.tasks.grounding.places import View

FULL = 1000
"""Thousandths of a side: the most that the script accepts as asked."""

FAR = 1e7
"""Numbers beyond are in no picture, and no place is read from them."""

IOU_ABOVE = 0.5
MARKS = "!?.:,*\"()·[]/'"
"""Of which a true word may have one at either end that the answer lacks."""
IGNORED = "###"
"""Text of a place that nobody can read: it counts neither way."""

_FOUR = re.compile(r"[(\[]\s*(-?\d+(?:\.\d+)?)" + r"\s*,\s*(-?\d+(?:\.\d+)?)" * 3 + r"\s*[)\]]")
_BRACKETS = re.compile(r"[\[(]([^\[\]()]*)[\])]")
_QUOTED = re.compile(r'\s*"(.*)"\s*', re.DOTALL)


class Spot(NamedTuple):
    """A box, and the text in it where one was asked for."""

    box: tuple[float, float, float, float]
    """x1, y1, x2, y2."""
    text: str = ""


class Spots(NamedTuple):
    """The two readings of one answer, in thousandths of the picture."""

    placed: tuple[Spot, ...]
    """Numbers in the declared unit."""
    as_asked: tuple[Spot, ...]
    """Numbers as thousandths: what is no whole number from 0 to 1000 is dropped."""


class Positioned(NamedTuple):
    """An answer in words, and where it stands."""

    answer: str | None
    spots: Spots


def read_place(text: str, view: View) -> Spots:
    """The last four numbers in brackets (as asked: the last that are such)."""
    boxes = (_numbers(match.groups()) for match in _FOUR.finditer(text))
    spots = [Spot(box) for box in boxes if max(map(abs, box)) <= FAR]
    asked = [spot for spot in spots if _as_asked(spot)]
    return Spots(_placed(spots[-1:], view), tuple(asked[-1:]))


def read_spots(text: str, view: View) -> Spots:
    """All `(x1, y1, x2, y2, text)` of an answer, each once, in brackets of either kind.

    A Python list as a whole, else the innermost brackets; JSON objects (`bbox_2d`) are not read.
    """
    spots = list(dict.fromkeys(_listed(text)))
    return Spots(_placed(spots, view), tuple(spot for spot in spots if _as_asked(spot)))


def read_position(fields: Mapping[str, str], view: View) -> Positioned:
    """The fields `answer` and `bbox` of an answer."""
    try:
        found = ast.literal_eval(fields.get("bbox", ""))
        # The script cuts decimals off.
        box = _numbers([int(value) for value in found[:4]])
        spots = [Spot(box)] if max(map(abs, box)) <= FAR else []
    except (ValueError, SyntaxError, TypeError, KeyError, OverflowError, MemoryError, RecursionError):
        spots = []
    return Positioned(fields.get("answer"), Spots(_placed(spots, view), tuple(spots)))


def place_overlap(said: Sequence[Spot], truth: Sequence[float]) -> float:
    """IoU with the true box; corners are not sorted, and 0 where there is no box."""
    return _iou(said[0].box, truth) if said else 0.0


def position_score(answer: str | None, said: Sequence[Spot], answers: Sequence[str], box: Any) -> float:
    """Half for the words, half for the IoU."""
    words = contains_or_near(answer, answers) if answer is not None else 0.0
    return 0.5 * words + 0.5 * place_overlap(said, box)


def spotting_score(said: Sequence[Spot], truths: Sequence[Spot]) -> float:
    """The harmonic mean of precision and recall of places whose text was read.

    In order of the truths, each takes the first free box with IoU > 0.5, whatever it reads; both are right
    where the texts agree but for case and one mark at either end of the true one. Unreadable places (`###`)
    count neither way, and boxes that lie in one by more than half are not counted either.
    """
    ignored = [truth.box for truth in truths if truth.text == IGNORED]
    wanted = [truth for truth in truths if truth.text != IGNORED]
    upright = [spot for spot in said if spot.box[0] < spot.box[2] and spot.box[1] < spot.box[3]]
    free = [spot for spot in upright if not any(_inside(spot.box, other) > 0.5 for other in ignored)]
    counted, right = len(free), 0
    for truth in wanted:
        taken = next((spot for spot in free if _iou(spot.box, truth.box) > IOU_ABOVE), None)
        if taken is not None:
            free.remove(taken)
            right += same_text(taken.text.upper(), truth.text.upper())
    return 2 * right / (counted + len(wanted)) if right else 0.0


def same_text(said: str, truth: str) -> bool:
    """Whether two texts agree, but for a mark at either end, or both, of the true one."""
    begins, ends = truth[:1] and truth[0] in MARKS, truth[:1] and truth[-1] in MARKS
    return (
        said == truth
        or bool(begins and said == truth[1:])
        or bool(ends and said == truth[:-1])
        or bool(begins and ends and said == truth[1:-1])
    )


def true_spots(polygons: Sequence[Sequence[float]], texts: Sequence[str]) -> list[Spot]:
    """The places of a picture: upright boxes around polygons x1, y1, x2, y2, ..., and what they say."""
    spots = []
    for polygon, text in zip(polygons, texts, strict=True):
        xs, ys = polygon[0::2], polygon[1::2]
        quoted = _QUOTED.fullmatch(text)
        said = quoted[1].replace("\\\\", "\\").replace('\\"', '"') if quoted else text
        spots.append(Spot((min(xs), min(ys), max(xs), max(ys)), said))
    return spots


def _listed(text: str) -> list[Spot]:
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        found = [item.strip().split(",", 4) for item in _BRACKETS.findall(text)]
    items = found if isinstance(found, list | tuple) else []
    return [spot for item in items if (spot := _spot(item)) is not None]


def _spot(item: Any) -> Spot | None:
    """The first five things of a list: four whole numbers and a text."""
    if not isinstance(item, list | tuple) or len(item) < 5:
        return None
    try:
        box = _numbers([int(str(value).strip()) for value in item[:4]])
    except (ValueError, OverflowError):
        return None
    if max(map(abs, box)) > FAR:
        return None
    return Spot(box, str(item[4]).replace("\n", "").strip().strip('"').strip("'"))


def _numbers(values: Sequence[Any]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = map(float, values)
    return x1, y1, x2, y2


def _as_asked(spot: Spot) -> bool:
    return all(0 <= value <= FULL and value == int(value) for value in spot.box)


def _placed(spots: Sequence[Spot], view: View) -> tuple[Spot, ...]:
    """The same in thousandths of the original picture; as they stand where its size is not known."""
    if view.sizes is None or not spots:
        return tuple(spots)
    size = view.sizes.original_size
    original = view.place([spot.box for spot in spots])
    # Rounded far below a thousandth, so that what is whole in one unit is whole in the other.
    boxes = to_input(original, Sizes(size, size), "relative-1000").round(9).tolist()
    return tuple(spot._replace(box=_numbers(box)) for spot, box in zip(spots, boxes, strict=True))


def _iou(one: Sequence[float], other: Sequence[float]) -> float:
    shared = _shared(one, other)
    union = _area(one) + _area(other) - shared
    return shared / union if union else 0.0


def _inside(one: Sequence[float], other: Sequence[float]) -> float:
    """The share of a box that lies in another."""
    return _shared(one, other) / _area(one)


def _shared(one: Sequence[float], other: Sequence[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _area(box: Sequence[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
