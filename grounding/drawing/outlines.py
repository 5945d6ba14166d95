"""From a shape in original pixels to the lines that show it inside its picture: clipping, dashes, hints.

Boxes may lie across the border of the picture or beyond it, be reversed or empty. Scores take them as they
are; a picture shows what can be seen of them, an arrow where they go on, and the word for what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import cos, hypot, pi, sin
from typing import NamedTuple

from vleval.grounding.drawing import palette
from vleval.grounding.drawing.canvas import Fill, Item, Line, Point, Stroke, rectangle
from vleval.grounding.drawing.palette import DASH, Role

_FAR = 1e7  # pixels: beyond any picture, near enough to stay exact


class Rect(NamedTuple):
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float


class Style(NamedTuple):
    """Sizes in pixels that suit a picture."""

    line: float
    halo: float
    """What the halo adds on either side of a line."""
    letters: int
    """Pixels per em."""


class Trace(NamedTuple):
    """What is drawn for one shape."""

    runs: tuple[Line, ...] = ()
    """Lines, each dashed on its own, so that the corners of a dashed box are never gaps."""
    solids: tuple[Line, ...] = ()
    """Closed outlines filled with the shape's colour: arrows at the border, the centre of a target."""
    area: Line = ()
    """Closed outline that gets a thin, translucent fill."""
    extent: Rect = Rect(0.0, 0.0, 0.0, 0.0)
    """What can be seen of the shape; its label goes beside it."""
    faults: tuple[str, ...] = ()
    """Words on what is unusual: reversed, empty, cut (by the border), outside."""


def trace_box(values: Sequence[float], size: tuple[int, int], line: float) -> Trace:
    """Box (x1, y1, x2, y2) in a picture of `size` (width, height), drawn with lines `line` wide."""
    x1, y1, x2, y2 = (_near(value) for value in values)
    faults: tuple[str, ...] = ("reversed",) if x2 < x1 or y2 < y1 else ()
    box = Rect(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    if _is_outside(box, size):
        return _pointer(box, size, line, faults)
    cut = _sides_beyond(box, size, line)
    inside = _within(box, size, line, cut)
    if cut:
        faults += ("cut",)
    if box.left == box.right or box.top == box.bottom:
        arm = 2 * line
        x, y = (inside.left + inside.right) / 2, (inside.top + inside.bottom) / 2
        cross = ((x - arm, y - arm), (x + arm, y + arm)), ((x - arm, y + arm), (x + arm, y - arm))
        flat = ((inside.left, inside.top), (inside.right, inside.bottom))
        return Trace((*cross, flat), extent=_grow(inside, arm), faults=(*faults, "empty"))
    corners = rectangle(*_sharp(inside, line))
    sides = dict(zip(("top", "right", "bottom", "left"), pairwise(corners), strict=True))
    if not cut:
        return Trace((corners,), extent=inside, faults=faults)
    arrows = tuple(arrow(_middle(*sides[side]), _OUTWARD[side], line) for side in cut)
    return Trace(
        _joined(sides[side] for side in sides if side not in cut), arrows, extent=inside, faults=faults
    )


def trace_point(values: Sequence[float], size: tuple[int, int], line: float) -> Trace:
    """Point (x, y) as a target: a ring with four ticks around a dot that marks the very place."""
    x, y = (_near(value) for value in values)
    spot = Rect(x, y, x, y)
    if x < 0 or y < 0 or x > size[0] or y > size[1]:
        return _pointer(spot, size, line, ())
    radius = 3 * line
    ticks = tuple(
        ((x + dx * radius, y + dy * radius), (x + dx * radius * 1.6, y + dy * radius * 1.6))
        for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1))
    )
    return Trace(
        (circle(x, y, radius), *ticks), (circle(x, y, 0.9 * line),), extent=_grow(spot, radius * 1.6)
    )


def trace_polygon(values: Sequence[float], size: tuple[int, int], line: float) -> Trace:
    """Polygon (x1, y1, x2, y2, ...) as its outline inside the picture and the area to tint."""
    flat = [_near(value) for value in values]
    corners = list(zip(flat[::2], flat[1::2], strict=True))
    ring = (*corners, corners[0])
    xs, ys = zip(*ring, strict=True)
    box = Rect(min(xs), min(ys), max(xs), max(ys))
    area = _clip_area(corners, size)
    if not area:
        nearest = min(corners, key=lambda corner: _away(corner, size))
        return _pointer(Rect(*nearest, *nearest), size, line, ())
    cut = _sides_beyond(box, size, line)
    extent = _within(box, size, line, cut)
    if not cut:
        return Trace((ring,), area=(*area, area[0]), extent=extent)
    parts = (_clip_segment(start, end, size) for start, end in pairwise(ring))
    arrows = tuple(arrow(_where_cut(area, side, size), _OUTWARD[side], line) for side in cut)
    runs = _joined(part for part in parts if part is not None)
    return Trace(runs, arrows, (*area, area[0]), extent, ("cut",))


def dashes(run: Line, line: float, reach: float = 0.0) -> tuple[Line, ...]:
    """A line as dashes of even length, with half a dash on either side of its sharp turns and at its ends.

    A closed line has six dashes at least, a short one (the tick of a target) is left whole. `reach` lengthens
    every dash at both ends: for the halo.
    """
    parts: list[Line] = []
    usual = sum(DASH) * line
    for piece in _between_turns(run, usual):
        total = _length(piece)
        count = max(6 if piece[0] == piece[-1] else 0, round(total / usual))
        if total == 0.0 or count == 0:
            parts.append(piece)
            continue
        period = total / count
        half = min(DASH[0] / sum(DASH) * period, DASH[0] * line) / 2
        middles = (i * period for i in range(count + 1))
        parts += [
            _stretch(piece, max(0.0, at - half - reach), min(total, at + half + reach)) for at in middles
        ]
    return _joined(part for part in parts if len(part) > 1)


def shape_items(trace: Trace, ink: str, role: Role, style: Style) -> list[Item]:
    """The lines of one shape over their halo: solid where it was predicted, dashed where it is true."""
    halo = palette.ink(ink)
    lines, edges = trace.runs, trace.runs
    if role == "true":
        lines = tuple(dash for run in trace.runs for dash in dashes(run, style.line))
        edges = tuple(dash for run in trace.runs for dash in dashes(run, style.line, style.halo))
    return [
        Stroke(edges, style.line + 2 * style.halo, halo),
        Stroke(trace.solids, 2 * style.halo, halo),
        Stroke(lines, style.line, ink),
        *(Fill(solid, ink) for solid in trace.solids),
    ]


def circle(x: float, y: float, radius: float) -> Line:
    """A closed outline near enough to a circle."""
    corners = 48
    angles = (2 * pi * (i % corners) / corners for i in range(corners + 1))
    return tuple((x + radius * cos(angle), y + radius * sin(angle)) for angle in angles)


_SIDES = ("left", "top", "right", "bottom")
_OUTWARD: dict[str, Point] = {"top": (0, -1), "right": (1, 0), "bottom": (0, 1), "left": (-1, 0)}


def _near(value: float) -> float:
    return min(max(value, -_FAR), _FAR)


def _is_outside(box: Rect, size: tuple[int, int]) -> bool:
    width, height = size
    return box.right < 0 or box.bottom < 0 or box.left > width or box.top > height


def _away(point: Point, size: tuple[int, int]) -> float:
    """Distance of a point from the picture."""
    outside = (max(-place, place - limit, 0.0) for place, limit in zip(point, size, strict=True))
    return hypot(*outside)


def _sides_beyond(box: Rect, size: tuple[int, int], line: float) -> tuple[str, ...]:
    """Sides that lie outside by more than rounding explains (half the line)."""
    width, height = size
    beyond = {"top": -box.top, "right": box.right - width, "bottom": box.bottom - height, "left": -box.left}
    return tuple(side for side, excess in beyond.items() if excess > line / 2)


def _within(box: Rect, size: tuple[int, int], line: float, cut: tuple[str, ...]) -> Rect:
    """The box clipped to the picture; a side that lies on the border far enough inside to show its line."""
    limits = (*size, *size)
    margins = [
        0.0 if side in cut else min(0.75 * line, limit / 2)
        for side, limit in zip(_SIDES, limits, strict=True)
    ]
    return Rect(*(min(max(x, m), limit - m) for x, m, limit in zip(box, margins, limits, strict=True)))


def _sharp(box: Rect, line: float) -> Rect:
    """The box moved by half a pixel at most, so that its lines cover whole pixels."""
    return Rect(*(round(edge - line / 2) + line / 2 for edge in box))


def _grow(rect: Rect, by: float) -> Rect:
    return Rect(rect.left - by, rect.top - by, rect.right + by, rect.bottom + by)


def _middle(a: Point, b: Point) -> Point:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def _pointer(box: Rect, size: tuple[int, int], line: float, faults: tuple[str, ...]) -> Trace:
    """For what lies outside: an arrow at the border, towards it."""
    x, y = _middle((box.left, box.top), (box.right, box.bottom))
    tip = min(max(x, line), size[0] - line), min(max(y, line), size[1] - line)
    away = hypot(x - tip[0], y - tip[1]) or 1.0
    head = arrow(tip, ((x - tip[0]) / away, (y - tip[1]) / away), line)
    xs, ys = zip(*head, strict=True)
    return Trace((), (head,), (), Rect(min(xs), min(ys), max(xs), max(ys)), (*faults, "outside"))


def arrow(tip: Point, towards: Point, line: float) -> Line:
    """The closed outline of an arrow head that points in the direction of the unit vector `towards`."""
    (x, y), (dx, dy) = tip, towards
    long, wide = 4.5 * line, 2.5 * line
    left = x - dx * long - dy * wide, y - dy * long + dx * wide
    right = x - dx * long + dy * wide, y - dy * long - dx * wide
    return (tip, left, right, tip)


def _joined(segments: Iterable[Line]) -> tuple[Line, ...]:
    """Segments that follow each other as one line."""
    runs: list[Line] = []
    for segment in segments:
        if runs and runs[-1][-1] == segment[0]:
            runs[-1] = (*runs[-1], *segment[1:])
        else:
            runs.append(segment)
    if len(runs) > 1 and runs[-1][-1] == runs[0][0]:
        runs[0] = (*runs.pop(), *runs[0][1:])
    return tuple(runs)


def _clip_segment(start: Point, end: Point, size: tuple[int, int]) -> Line | None:
    """The part of a segment inside the picture (Liang and Barsky, 1984); None where there is none."""
    (x, y), (dx, dy) = start, (end[0] - start[0], end[1] - start[1])
    enter, leave = 0.0, 1.0
    for step, distance in ((-dx, x), (dx, size[0] - x), (-dy, y), (dy, size[1] - y)):
        if step == 0.0:
            if distance < 0.0:
                return None
        elif step < 0.0:
            enter = max(enter, distance / step)
        else:
            leave = min(leave, distance / step)
    if enter >= leave:
        return None
    first = start if enter == 0.0 else (x + enter * dx, y + enter * dy)
    return first, (end if leave == 1.0 else (x + leave * dx, y + leave * dy))


def _clip_area(corners: list[Point], size: tuple[int, int]) -> list[Point]:
    """The polygon's part inside the picture (Sutherland and Hodgman, 1974); empty where there is none."""
    for axis, limit, sign in ((0, 0.0, 1), (0, size[0], -1), (1, 0.0, 1), (1, size[1], -1)):
        kept: list[Point] = []
        for a, b in zip(corners, [*corners[1:], *corners[:1]], strict=True):
            inside_a, inside_b = ((point[axis] - limit) * sign >= 0 for point in (a, b))
            if inside_a:
                kept.append(a)
            if inside_a != inside_b:
                share = (limit - a[axis]) / (b[axis] - a[axis])
                along = a[1 - axis] + share * (b[1 - axis] - a[1 - axis])
                kept.append((limit, along) if axis == 0 else (along, limit))
        corners = kept
    return corners


def _where_cut(area: list[Point], side: str, size: tuple[int, int]) -> Point:
    """Middle of the stretch where an area meets a side of the picture."""
    axis, limit = {"left": (0, 0.0), "right": (0, size[0]), "top": (1, 0.0), "bottom": (1, size[1])}[side]
    along = [point[1 - axis] for point in area if abs(point[axis] - limit) < 1e-6]
    middle = (min(along) + max(along)) / 2 if along else 0.0
    return (limit, middle) if axis == 0 else (middle, limit)


def _length(run: Line) -> float:
    return sum(hypot(bx - ax, by - ay) for (ax, ay), (bx, by) in pairwise(run))


def _between_turns(run: Line, period: float) -> list[Line]:
    """The line, split at the corners between two sides that are long enough to be dashed on their own."""
    long = [_length(side) >= period for side in pairwise(run)]
    breaks = [i + 1 for i, both in enumerate(pairwise(long)) if all(both)]
    marks = [0, *breaks, len(run) - 1]
    return [run[a : b + 1] for a, b in pairwise(marks)]


def _stretch(run: Line, start: float, end: float) -> Line:
    """The part of a line between two distances from its beginning."""
    points: list[Point] = []
    gone = 0.0
    for a, b in pairwise(run):
        length = _length((a, b))
        if length > 0.0 and gone < end and gone + length > start:
            for share in (max(0.0, (start - gone) / length), min(1.0, (end - gone) / length)):
                point = b if share == 1.0 else (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
                if not points or point != points[-1]:
                    points.append(point)
        gone += length
    return tuple(points)
