"""The curves of the page as SVG whose colours are the page's, so that it suits light and dark.

Nothing is measured with a font: words are placed where even wide letters fit, and left out (their dot says
them on hover) where there is no room.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from vleval.results.escape import one_line
from vleval.results.reporting.curves import Curve, Dot

WIDTH, HEIGHT = 520, 310
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 18, 26, 46
_LETTER = 6.9  # width of a letter at the page's size for labels, on the safe side
_LINE = 14.0
SHAPES = 5
"""Marks (and colours, in style.css) that tell series apart; the sixth series has the first again."""

Box = tuple[float, float, float, float]


class Scale(NamedTuple):
    """From values to pixels along one axis."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """Pixels of a value."""
        low, high, value = (
            (math.log(end) if self.logarithmic else end) for end in (self.low, self.high, value)
        )
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def curve_svg(curve: Curve) -> str:
    """One curve, as an `<svg>` element."""
    x, y = _scales(curve)
    body = [
        *_grid(curve, x, y),
        *_baselines(curve, x, y),
        f'<polyline class="front" points="{_corners(curve, x, y)}"/>',
        *(_dot(curve, dot, x, y) for dot in curve.dots),
        *_labels(curve, x, y),
    ]
    words = escape(f"{curve.y_title} against {curve.x_title}")
    return (
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}">'
        f"{''.join(body)}</svg>"
    )


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers between two values, at most `most` of them, 1, 2 or 5 times a power of ten apart."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _scales(curve: Curve) -> tuple[Scale, Scale]:
    low, high = curve.y_range
    margin = 0.08 * (high - low) or max(abs(high), 1.0) * 0.05
    cheap, dear = curve.dots[0].cost, curve.dots[-1].cost
    if curve.logarithmic:
        cheap, dear = cheap / 1.25, dear * 1.25
    else:
        # Costs start at nothing, unless that would leave half of the plot empty.
        room = 0.12 * (dear - cheap) or 0.2 * dear
        cheap, dear = (0.0 if cheap < 0.5 * dear else cheap - room), dear + room
    return (
        Scale(cheap, dear, _LEFT, WIDTH - _RIGHT, curve.logarithmic),
        Scale(low - margin, high + margin, HEIGHT - _BOTTOM, _TOP),
    )


def _grid(curve: Curve, x: Scale, y: Scale) -> Iterator[str]:
    for value in ticks(y.low, y.high):
        at = y(value)
        yield f'<path class="grid" d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}"/>'
        yield f'<text class="tick end" x="{_LEFT - 7}" y="{at + 4:.1f}">{value:g}</text>'
    places = _powers(x) if x.logarithmic else ticks(x.low, x.high, 6)
    for value in places:
        at = x(value)
        yield f'<path class="stub" d="M{at:.1f} {HEIGHT - _BOTTOM}v5"/>'
        yield f'<text class="tick mid" x="{at:.1f}" y="{HEIGHT - _BOTTOM + 19}">{value:g}</text>'
    yield f'<path class="axis" d="M{_LEFT} {HEIGHT - _BOTTOM}H{WIDTH - _RIGHT}"/>'
    note = ", logarithmic" if x.logarithmic else ""
    yield (
        f'<text class="title end" x="{WIDTH - _RIGHT}" y="{HEIGHT - 8}">{escape(curve.x_title)}{note}</text>'
    )
    yield f'<text class="title" x="2" y="14">{escape(curve.y_title)}</text>'


def _powers(x: Scale) -> list[float]:
    """1, 2, 5 times powers of ten within a logarithmic axis."""
    first, last = math.floor(math.log10(x.low)), math.ceil(math.log10(x.high))
    every = [factor * 10.0**power for power in range(first, last + 1) for factor in (1, 2, 5)]
    inside = [value for value in every if x.low <= value <= x.high]
    return inside if len(inside) <= 9 else [value for value in inside if math.log10(value) % 1 == 0]


def _baselines(curve: Curve, x: Scale, y: Scale) -> Iterator[str]:
    for (name, value), box in zip(curve.lines.items(), _bases(curve, x, y), strict=True):
        yield f'<path class="base" d="M{_LEFT} {y(value):.1f}H{WIDTH - _RIGHT}"/>'
        kind, at = ("tick end", box[2]) if box[0] > _LEFT + 6 else ("tick", box[0])
        yield f'<text class="{kind}" x="{at:.1f}" y="{box[3] - 3:.1f}">{escape(name)}</text>'


def _bases(curve: Curve, x: Scale, y: Scale) -> list[Box]:
    """Where the words of each trivial answer stand: at an end of its line, where they cover nothing."""
    taken = [_reach(dot, x, y) for dot in curve.dots]
    boxes = []
    for name, value in curve.lines.items():
        wide = _LETTER * len(name)
        tried = [
            (left, base - _LINE + 3, left + wide, base + 3)
            for left in (WIDTH - _RIGHT - wide, _LEFT + 6)
            for base in (y(value) - 5, y(value) + 14)
        ]
        free = [box for box in tried if not any(_meet(box, other) for other in taken)]
        boxes.append((free or tried)[0])
        taken.append(boxes[-1])
    return boxes


def _corners(curve: Curve, x: Scale, y: Scale) -> str:
    return " ".join(f"{x(dot.cost):.1f},{y(dot.score):.1f}" for dot in curve.dots if dot.front)


def _dot(curve: Curve, dot: Dot, x: Scale, y: Scale) -> str:
    at, up = x(dot.cost), y(dot.score)
    number = curve.series[1].index(dot.series) % SHAPES if curve.series and dot.series else 0
    parts = []
    said = f"{one_line(dot.name)}: {dot.score:.3g}"
    if dot.interval:
        low, high = (y(end) for end in dot.interval)
        said += f" [{dot.interval.low:.3g}, {dot.interval.high:.3g}]"
        parts.append(
            f'<path class="whisker" d="M{at:.1f} {low:.1f}V{high:.1f}m-4 0h8M{at - 4:.1f} {low:.1f}h8"/>'
        )
    said += f" at {dot.cost:.3g} {curve.x_title}"
    parts.append(f'<path class="mark" d="{_shape(number, at, up)}"/>')
    kind = "dot on" if dot.front else "dot"
    return f'<g class="{kind} s{number}"><title>{escape(said)}</title>{"".join(parts)}</g>'


def _shape(number: int, x: float, y: float) -> str:
    """Circle, square, triangle, diamond, or triangle on its head, of about the same area."""
    if number == 0:
        return f"M{x - 5.5:.1f} {y:.1f}a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0 -11 0z"
    corners = {
        1: ((-5, -5), (5, -5), (5, 5), (-5, 5)),
        2: ((0, -6.5), (6.5, 5), (-6.5, 5)),
        3: ((0, -7), (7, 0), (0, 7), (-7, 0)),
        4: ((0, 6.5), (6.5, -5), (-6.5, -5)),
    }[number]
    return "M" + "L".join(f"{x + dx:.1f} {y + dy:.1f}" for dx, dy in corners) + "z"


def _labels(curve: Curve, x: Scale, y: Scale) -> Iterator[str]:
    """Names beside the dots, those of the front first, where they cover nothing."""
    taken = [*_obstacles(curve, x, y)]
    for dot in sorted(curve.dots, key=lambda dot: not dot.front):
        text = one_line(dot.label)
        wide = _LETTER * len(text)
        for left, base in _places(dot, x(dot.cost), y(dot.score), wide, y):
            box = left, base - _LINE + 3, left + wide, base + 3
            inside = box[0] >= _LEFT and box[2] <= WIDTH and box[1] >= _TOP - 8 and box[3] <= HEIGHT - _BOTTOM
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                kind = "name on" if dot.front else "name"
                yield f'<text class="{kind}" x="{left:.1f}" y="{base:.1f}">{escape(text)}</text>'
                break


def _obstacles(curve: Curve, x: Scale, y: Scale) -> Iterator[Box]:
    """What no name may cover: dots with their intervals, the line of the front, words of trivial answers."""
    yield from (_reach(dot, x, y) for dot in curve.dots)
    yield from _bases(curve, x, y)
    yield from ((_LEFT, y(value) - 1, WIDTH - _RIGHT, y(value) + 1) for value in curve.lines.values())
    front = [(x(dot.cost), y(dot.score)) for dot in curve.dots if dot.front]
    for (x1, y1), (x2, y2) in pairwise(front):
        steps = max(1, int(max(abs(x2 - x1), abs(y2 - y1)) / 4))
        for step in range(steps):
            at, up = x1 + (x2 - x1) * step / steps, y1 + (y2 - y1) * step / steps
            yield at - 2, up - 2, at + 2, up + 2


def _places(dot: Dot, at: float, up: float, wide: float, y: Scale) -> Iterator[tuple[float, float]]:
    """Left end and baseline of a label: to the right of the dot, its left, above its interval, below."""
    low, high = dot.interval or (dot.score, dot.score)
    for side in (at + 10, at - 10 - wide):
        yield from ((side, up + lift) for lift in (4, 17, -9))
    yield at - wide / 2, min(y(high), up - 6) - 6
    yield at - wide / 2, max(y(low), up + 6) + 14


def _reach(dot: Dot, x: Scale, y: Scale) -> Box:
    low, high = dot.interval or (dot.score, dot.score)
    at, up = x(dot.cost), y(dot.score)
    return at - 7, min(y(high), up - 7), at + 7, max(y(low), up + 7)


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def legend(curve: Curve) -> list[tuple[int, str, str]]:
    """Number, shape and name of every series; the shape is a path around (0, 0)."""
    names = curve.series[1] if curve.series else []
    return [(number % SHAPES, _shape(number % SHAPES, 0, 0), name) for number, name in enumerate(names)]


def levels(values: Sequence[float | None], steps: int = 10) -> list[int | None]:
    """Shades 0 .. `steps` - 1 for the cells of a heat map, the lowest value 0; None for an empty cell."""
    known = [value for value in values if value is not None]
    low, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    return [
        None if value is None else min(steps - 1, int((value - low) / span * steps)) if span else steps - 1
        for value in values
    ]
