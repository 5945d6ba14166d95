"""Boxes, points and polygons drawn on their picture, as PNG and as SVG.

Predicted marks are solid, a colour per label; true ones are dashed and blue, over them, so that two lines in
one place both show. Marks are in ORIGINAL pixels of the upright picture: whoever loads it turns it by its
EXIF first (`vleval.model.images.load_image` does). Line and letters grow with the picture.

A shape is drawn where it is. What lies beyond the border is cut off there, with an arrow and the word "cut",
or "outside" where nothing can be seen; reversed corners and empty boxes are named as such. Labels are
shortened to what the picture has room for, and left out once they cover a third of it: a picture under a
thousand labels shows nothing. The legend stands where both roles occur and the picture is large enough.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal, NamedTuple

from PIL import Image

from vleval.grounding.drawing import lettering, palette
from vleval.grounding.drawing.canvas import Fill, Item, Line, Point, Stroke, Text, paint, rectangle, to_svg
from vleval.grounding.drawing.labels import Place, Wanted, place_labels
from vleval.grounding.drawing.outlines import (
    Rect,
    Style,
    Trace,
    shape_items,
    trace_box,
    trace_point,
    trace_polygon,
)
from vleval.grounding.drawing.palette import Role

Kind = Literal["box", "point", "polygon"]

_TRACERS = {"box": trace_box, "point": trace_point, "polygon": trace_polygon}
_LABELS_SHARE = 0.35
_LEGEND_SHARE = 0.15
"""Largest part of a picture that labels and the legend may cover."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One shape to draw, in original pixels, as it was predicted or as it is in the truth.

    `values` may be any sequence of finite numbers and is kept as a tuple of floats. Raises ValueError on a
    wrong count of numbers, on NaN and on infinity.

    >>> Mark("point", [12, 7]).values
    (12.0, 7.0)
    """

    kind: Kind
    values: Sequence[float]
    """Box: x1, y1, x2, y2. Point: x, y. Polygon: x1, y1, x2, y2, ..., three corners or more."""
    label: str | None = None
    role: Role = "predicted"
    note: str | None = None
    """A few words after the label that are never shortened away, such as a score."""

    def __post_init__(self) -> None:
        values = tuple(float(value) for value in self.values)
        count = len(values)
        fits = {"box": count == 4, "point": count == 2, "polygon": count >= 6 and count % 2 == 0}
        if not fits.get(self.kind, False):
            raise ValueError(f"a {self.kind} cannot have {count} numbers")
        if not all(map(math.isfinite, values)):
            raise ValueError(f"a {self.kind} must have finite numbers, not {values}")
        object.__setattr__(self, "values", values)


class Drawing(NamedTuple):
    """A picture's marks laid out: what either painter draws, and where the labels lie."""

    items: tuple[Item, ...]
    plates: tuple[Rect, ...]
    """The plates of labels, in the order of the marks that have one."""
    legend: Rect | None


def draw(image: Image.Image, marks: Sequence[Mark]) -> Image.Image:
    """A copy of the picture (RGB, same size) with the marks drawn on it; without marks an equal copy.

    `image` must be upright and opaque: its EXIF is neither applied nor copied, its alpha is dropped. Equal
    input gives equal pixels.

    >>> from PIL import Image
    >>> picture = draw(Image.new("RGB", (320, 240)), [Mark("box", (40, 50, 120, 200), "person", note="0.91")])
    >>> picture.size, picture.getpixel((80, 125))
    ((320, 240), (0, 0, 0))
    """
    base = _plain(image)
    return paint(base, lay_out(marks, base.size).items)


def draw_svg(image: Image.Image, marks: Sequence[Mark]) -> str:
    """The same picture as one SVG document that needs nothing else: no script, no font, no other file."""
    base = _plain(image)
    return to_svg(base, lay_out(marks, base.size).items)


def style_for(size: tuple[int, int]) -> Style:
    """Line and letters for a picture of (width, height): readable when the whole of it fills a screen."""
    side = math.sqrt(size[0] * size[1])
    line = max(2.0, round(1.5 + side / 350))
    letters = max(9, round(5 + side / 62))
    return Style(line, max(1.0, round(line / 5)), min(letters, max(6, min(size) // 3)))


def lay_out(marks: Sequence[Mark], size: tuple[int, int]) -> Drawing:
    """Every position of a picture of (width, height), computed once for both painters."""
    style = style_for(size)
    ordered = sorted(marks, key=lambda mark: mark.role == "true")
    colours = palette.label_colours(mark.label for mark in ordered if mark.role == "predicted")
    inks = [palette.TRUE if mark.role == "true" else colours[mark.label] for mark in ordered]
    traces = [_TRACERS[mark.kind](mark.values, size, style.line) for mark in ordered]
    items: list[Item] = [
        Fill(trace.area, ink, 0.15) for trace, ink in zip(traces, inks, strict=True) if trace.area
    ]
    for mark, trace, ink in zip(ordered, traces, inks, strict=True):
        items += shape_items(trace, ink, mark.role, style)
    busy = [rect for trace in traces for rect in _to_keep_visible(trace, style)]
    legend, legend_items = _legend(ordered, inks, size, style, busy)
    texts = _texts(ordered, traces, size, style)
    plates, plate_items = _labels(texts, traces, inks, size, style, [legend] if legend else [], busy)
    return Drawing((*items, *plate_items, *legend_items), plates, legend)


def _plain(image: Image.Image) -> Image.Image:
    """An RGB copy without the original's metadata: its EXIF would turn an upright picture once more."""
    base = image.convert("RGB") if image.mode != "RGB" else image.copy()
    profile = image.info.get("icc_profile")
    base.info = {"icc_profile": profile} if profile and profile[16:20] == b"RGB " else {}
    return base


def _to_keep_visible(trace: Trace, style: Style) -> list[Rect]:
    """What a label should not cover if it can lie elsewhere: a small shape, the edges of a large one."""
    left, top, right, bottom = trace.extent
    if min(right - left, bottom - top) < 4 * style.letters:
        return [trace.extent]
    reach = style.line / 2
    vertical = [Rect(x - reach, top, x + reach, bottom) for x in (left, right)]
    return vertical + [Rect(left, y - reach, right, y + reach) for y in (top, bottom)]


def _texts(marks: Sequence[Mark], traces: Sequence[Trace], size: tuple[int, int], style: Style) -> list[str]:
    """What the label of each mark says; "" for none. Several points of one role are numbered."""
    points = Counter(mark.role for mark in marks if mark.kind == "point")
    seen: Counter[Role] = Counter()
    texts = []
    for mark, trace in zip(marks, traces, strict=True):
        number = ""
        if mark.kind == "point" and points[mark.role] > 1:
            seen[mark.role] += 1
            number = str(seen[mark.role])
        label = lettering.clean(mark.label or "")
        rest = [lettering.clean(mark.note or ""), f"({', '.join(trace.faults)})" if trace.faults else ""]
        before, after = (f"{number} " if number and label else number), " ".join(filter(None, rest))
        room = min(size[0], max(0.5 * size[0], trace.extent.right - trace.extent.left, 14 * style.letters))
        fixed = lettering.width(f"{before} {after}", style.letters) + style.letters
        label = lettering.shorten(label, style.letters, room - fixed) if label else ""
        text = " ".join(filter(None, (before + lettering.isolate(label), after)))
        texts.append(lettering.shorten(text, style.letters, size[0] - 2 * _pad(style)))
    return texts


def _labels(
    texts: Sequence[str],
    traces: Sequence[Trace],
    inks: Sequence[str],
    size: tuple[int, int],
    style: Style,
    taken: Sequence[Rect],
    busy: Sequence[Rect],
) -> tuple[tuple[Rect, ...], list[Item]]:
    """The plates and what is drawn for them; a label away from its shape is tied to it by a line."""
    height = _plate_height(style)
    gap = ceil(style.line / 2 + style.halo)
    room = _LABELS_SHARE * size[0] * size[1] if height <= size[1] and 3 * style.letters <= size[0] else 0.0
    shown: list[int] = []
    wanted: list[Wanted] = []
    for i, text in enumerate(texts):
        width = min(size[0], ceil(lettering.width(text, style.letters)) + 2 * _pad(style))
        if text and width * height <= room:
            room -= width * height
            shown.append(i)
            wanted.append(Wanted(width, height, traces[i].extent, gap))
    places = place_labels(wanted, size, taken, busy)
    plates = tuple(
        Rect(place.left, place.top, place.left + label.width, place.top + label.height)
        for place, label in zip(places, wanted, strict=True)
    )
    ties: list[Item] = []
    labels: list[Item] = []
    for i, place, plate in zip(shown, places, plates, strict=True):
        ties += _tie(plate, place, traces[i].extent, inks[i], style)
        labels.append(Fill(rectangle(*plate), inks[i]))
        labels.append(_text_on(plate, plate.left + _pad(style), texts[i], palette.ink(inks[i]), style))
    return plates, ties + labels


def _legend(
    marks: Sequence[Mark], inks: Sequence[str], size: tuple[int, int], style: Style, busy: Sequence[Rect]
) -> tuple[Rect | None, list[Item]]:
    """Which line means what, in the emptiest corner; nothing with one role or in a small picture."""
    samples = {mark.role: ink for mark, ink in zip(reversed(marks), reversed(inks), strict=True)}
    row, pad, sample = _plate_height(style), _pad(style), 3 * style.letters
    width = (
        3 * pad + sample + ceil(max(lettering.width(role, style.letters) for role in ("predicted", "true")))
    )
    height = 2 * row
    if len(samples) < 2 or width * height > _LEGEND_SHARE * size[0] * size[1]:
        return None, []
    margin = min(pad, size[0] - width, size[1] - height)
    rows, columns = (size[1] - height - margin, margin), (size[0] - width - margin, margin)
    corners = [(x, y) for y in rows for x in columns]
    rects = [Rect(x, y, x + width, y + height) for x, y in corners]
    plate = min(rects, key=lambda rect: sum(_overlap(rect, other) for other in busy))
    items: list[Item] = [
        Fill(rectangle(*plate), palette.WHITE),
        Stroke((rectangle(*plate),), style.halo, palette.GREY),
    ]
    for i, role in enumerate(sorted(samples)):
        y = plate.top + (i + 0.5) * row
        line: Line = ((plate.left + pad, y), (plate.left + pad + sample, y))
        items += shape_items(Trace((line,)), samples[role], role, style)
        strip = Rect(plate.left, plate.top + i * row, plate.right, plate.top + (i + 1) * row)
        items.append(_text_on(strip, plate.left + 2 * pad + sample, role, palette.DARK, style))
    return plate, items


def _overlap(a: Rect, b: Rect) -> float:
    sides = min(a.right, b.right) - max(a.left, b.left), min(a.bottom, b.bottom) - max(a.top, b.top)
    return max(sides[0], 0.0) * max(sides[1], 0.0)


def _pad(style: Style) -> int:
    return ceil(0.35 * style.letters)


def _plate_height(style: Style) -> int:
    return ceil(1.45 * style.letters)


def _text_on(plate: Rect, x: float, text: str, colour: str, style: Style) -> Text:
    """Text centred in the height of its plate: capitals are 0.7 em high."""
    y = round((plate.top + plate.bottom) / 2 + 0.35 * style.letters)
    return Text(x, y, text, style.letters, colour)


def _tie(plate: Rect, place: Place, shape: Rect, ink: str, style: Style) -> list[Item]:
    if not place.apart:
        return []
    start = _nearest(plate, ((shape.left + shape.right) / 2, (shape.top + shape.bottom) / 2))
    end = _nearest(shape, start)
    line = ((start, end),)
    return [
        Stroke(line, style.line / 2 + 2 * style.halo, palette.ink(ink)),
        Stroke(line, style.line / 2, ink),
    ]


def _nearest(rect: Rect, point: Point) -> Point:
    return min(max(point[0], rect.left), rect.right), min(max(point[1], rect.top), rect.bottom)
