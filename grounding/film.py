"""A film strip over a time axis with the predicted and true spans as bars under it, as PNG and as SVG.

Thumbnails stand in the order of time, evenly spaced, each tied to its moment on the axis. Predicted bars are
solid, a colour per label; true ones are dashed and blue. Every bar says its times as they are; the part of it
outside the video is cut off, with an arrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from PIL import Image

from vleval.grounding.drawing import lettering, palette
from vleval.grounding.drawing.canvas import Fill, Item, Line, Stroke, Text, paint, rectangle, to_svg
from vleval.grounding.drawing.outlines import Rect, Style, Trace, arrow, shape_items
from vleval.grounding.drawing.palette import Role

WIDTH = 1200
"""Pixels of every strip; its height follows from what it shows."""

MOST_ROWS = 12
"""Rows of bars of one role; what does not fit is counted in words."""

_CLOCK_FROM = 90.0  # seconds: longer videos are told in m:ss
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MARGIN, _GAP, _FAN = 16, 6, 16
_THUMB_AREA, _TALLEST = 12_500, 220
_ROW, _ROW_GAP = 24, 8
_STYLE = Style(line=2.0, halo=1.0, letters=15)
_SMALL = 13


@dataclass(frozen=True, slots=True)
class TimeBar:
    """A stretch of time in seconds, as it was predicted or as it is in the truth.

    Raises ValueError on NaN and on infinity.
    """

    start: float
    end: float
    label: str | None = None
    role: Role = "predicted"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end)):
            raise ValueError(f"a time bar must have finite ends, not {self.start} and {self.end}")


class Strip(NamedTuple):
    """A film strip laid out: which frames are shown where, and what either painter draws."""

    size: tuple[int, int]
    thumbs: tuple[tuple[int, Rect], ...]
    """(index of the frame, where it is pasted)."""
    items: tuple[Item, ...]
    bars: tuple[Rect, ...]
    """The part of each bar inside the video, in the order they are drawn: predicted, then true."""


def film_strip(
    frames: Sequence[Image.Image], timestamps: Sequence[float], duration: float, bars: Sequence[TimeBar]
) -> Image.Image:
    """A new picture (RGB, `WIDTH` wide) of frames, their times, and bars.

    `timestamps` are the seconds of the frames, one each; `duration` is that of the whole video in seconds.
    More frames than there is room for are thinned evenly, and the picture says so. Raises ValueError without
    frames, with another number of timestamps, and on times or a duration that make no axis.

    >>> from PIL import Image
    >>> frames = [Image.new("RGB", (320, 240))] * 4
    >>> film_strip(frames, [0.0, 2.0, 4.0, 6.0], 8.0, [TimeBar(2.5, 4.0, "the door opens")]).width
    1200
    """
    strip, base = _compose(frames, timestamps, duration, bars)
    return paint(base, strip.items)


def film_strip_svg(
    frames: Sequence[Image.Image], timestamps: Sequence[float], duration: float, bars: Sequence[TimeBar]
) -> str:
    """The same picture as one SVG document that needs nothing else: no script, no font, no other file."""
    strip, base = _compose(frames, timestamps, duration, bars)
    return to_svg(base, strip.items)


def lay_out_strip(
    sizes: Sequence[tuple[int, int]], timestamps: Sequence[float], duration: float, bars: Sequence[TimeBar]
) -> Strip:
    """Every position of a strip of frames of these (width, height), computed once for both painters."""
    _check(sizes, timestamps, duration)
    axis = _Axis(duration)
    order = sorted(range(len(sizes)), key=lambda i: timestamps[i])
    slots, slot_height = _slots(sizes[order[0]], len(sizes))
    chosen = [order[i] for i in _thin([timestamps[i] for i in order], duration, len(slots))]
    items: list[Item] = []
    top = _MARGIN
    if len(chosen) < len(sizes):
        items.append(_right_aligned(f"{len(chosen)} of {len(sizes)} frames", top + _SMALL))
        top += _SMALL + _GAP
    below = top + slot_height + _SMALL + _GAP
    axis_y = below + _FAN + _GAP
    thumbs = []
    for i, (left, right) in zip(chosen, slots, strict=True):
        thumbs.append((i, _contain(sizes[i], Rect(left, top, right, top + slot_height))))
        items += _moment(axis, timestamps[i], (left + right) / 2, below, axis_y)
    rows_top = axis_y + 2 * _GAP + _SMALL + _ROW_GAP
    bar_items, rects, bottom = _rows(axis, bars, rows_top)
    items += _axis_items(axis, axis_y, rows_top - _GAP, bottom - _ROW_GAP if bars else rows_top - _GAP)
    return Strip((WIDTH, bottom + _MARGIN - _ROW_GAP), tuple(thumbs), (*items, *bar_items), rects)


@dataclass(frozen=True, slots=True)
class _Axis:
    """Seconds to pixels, and seconds to words."""

    duration: float

    def x(self, seconds: float) -> float:
        share = min(max(seconds / self.duration, 0.0), 1.0)
        return _MARGIN + share * (WIDTH - 2 * _MARGIN)

    def tell(self, seconds: float, digits: int) -> str:
        """12.5 s, or 1:12.5 and 1:02:12.5 in a video longer than a minute and a half."""
        if self.duration <= _CLOCK_FROM:
            return f"{seconds:.{digits}f} s"
        total = round(abs(seconds), digits)
        minutes, rest = divmod(total, 60)
        hours, minutes = divmod(int(minutes), 60)
        padded = f"{rest:0{3 + digits if digits else 2}.{digits}f}"
        sign = "-" if seconds < 0 else ""
        return f"{sign}{hours}:{minutes:02d}:{padded}" if hours else f"{sign}{minutes}:{padded}"

    def tell_span(self, bar: TimeBar) -> str:
        first, last = (self.tell(seconds, self.digits) for seconds in (bar.start, bar.end))
        return f"{first.removesuffix(' s')} to {last}"

    @property
    def digits(self) -> int:
        return 1 if self.duration >= 5 else 2


def _compose(
    frames: Sequence[Image.Image], timestamps: Sequence[float], duration: float, bars: Sequence[TimeBar]
) -> tuple[Strip, Image.Image]:
    """The layout, and the white sheet with the thumbnails on it."""
    strip = lay_out_strip([frame.size for frame in frames], timestamps, duration, bars)
    base = Image.new("RGB", strip.size, palette.WHITE)
    for i, rect in strip.thumbs:
        left, top, right, bottom = map(round, rect)
        thumb = frames[i].convert("RGB").resize((right - left, bottom - top), Image.Resampling.LANCZOS)
        base.paste(thumb, (left, top))
    return strip, base


def _check(sizes: Sequence[tuple[int, int]], timestamps: Sequence[float], duration: float) -> None:
    if not sizes or len(sizes) != len(timestamps):
        raise ValueError(
            f"a film strip needs frames with a time each, not {len(sizes)} and {len(timestamps)}"
        )
    if not all(map(math.isfinite, timestamps)):
        raise ValueError("the times of the frames must be finite")
    if not (math.isfinite(duration) and duration > 0):
        raise ValueError(f"the duration must be a positive number of seconds, not {duration}")


def _slots(size: tuple[int, int], count: int) -> tuple[list[tuple[float, float]], int]:
    """(left, right) of as many thumbnails as fit, and their height; shapes like that of the first frame."""
    aspect = min(max(size[0] / size[1], 0.4), 2.5)
    room = WIDTH - 2 * _MARGIN
    fits = int((room + _GAP) // (math.sqrt(aspect * _THUMB_AREA) + _GAP))
    shown = min(count, fits)
    pitch = (room + _GAP) / shown
    height = min(int((pitch - _GAP) / aspect), _TALLEST)
    lefts = [_MARGIN + i * pitch for i in range(shown)]
    return [(left, left + pitch - _GAP) for left in lefts], height


def _thin(times: Sequence[float], duration: float, shown: int) -> list[int]:
    """`shown` indices of the sorted times: one nearest to the moment under each thumbnail, else evenly."""
    nearest = [
        min(range(len(times)), key=lambda i: abs(times[i] - duration * (k + 0.5) / shown))
        for k in range(shown)
    ]
    if len(set(nearest)) == shown:
        return nearest
    return [round(i * (len(times) - 1) / max(1, shown - 1)) for i in range(shown)]


def _contain(size: tuple[int, int], slot: Rect) -> Rect:
    """The largest rectangle of whole pixels in the slot with the shape of a frame, centred."""
    room = slot.right - slot.left, slot.bottom - slot.top
    scale = min(room[0] / size[0], room[1] / size[1])
    width, height = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    left, top = round(slot.left + (room[0] - width) / 2), round(slot.top + (room[1] - height) / 2)
    return Rect(left, top, left + width, top + height)


def _moment(axis: _Axis, seconds: float, centre: float, below: float, axis_y: float) -> list[Item]:
    """The time under a thumbnail, and the line from there to its place on the axis."""
    x = axis.x(seconds)
    tie = Stroke((((centre, below), (x, axis_y)),), 1.0, palette.GREY)
    return [tie, _centred(axis.tell(seconds, axis.digits), centre, below - _GAP / 2, palette.DARK)]


def _axis_items(axis: _Axis, y: float, rows_top: float, rows_bottom: float) -> list[Item]:
    """The axis with its ticks, and pale lines from them down through the rows of bars."""
    step = next(
        (step for step in _STEPS if axis.duration / step <= 12), _STEPS[-1] * ceil(axis.duration / 43200)
    )
    seconds = [i * step for i in range(int(axis.duration / step + 1e-9) + 1)]
    ends = (*seconds, axis.duration)
    lines: list[Line] = [((axis.x(0), y), (axis.x(axis.duration), y))]
    lines += [((axis.x(at), y), (axis.x(at), y + _GAP)) for at in ends]
    guides = tuple(((axis.x(at), rows_top), (axis.x(at), rows_bottom)) for at in ends)
    return [
        Stroke(guides, 1.0, palette.PALE),
        Stroke(tuple(lines), 2.0, palette.DARK),
        *(
            _centred(axis.tell(at, int(step < 1)), axis.x(at), y + 2 * _GAP + _SMALL - 2, palette.GREY)
            for at in seconds
        ),
    ]


def _rows(axis: _Axis, bars: Sequence[TimeBar], top: int) -> tuple[list[Item], tuple[Rect, ...], int]:
    """Bars in rows, predicted before true; two share a row where neither their words nor they meet."""
    colours = palette.label_colours(bar.label for bar in bars if bar.role == "predicted")
    items: list[Item] = []
    rects: list[Rect] = []
    roles: tuple[Role, ...] = ("predicted", "true")
    for role in roles:
        rows: list[list[tuple[float, float]]] = []
        left_out = 0
        for bar in (bar for bar in bars if bar.role == role):
            ink = palette.TRUE if role == "true" else colours[bar.label]
            x1, x2 = _ends(axis, bar)
            text, at = _words(axis, bar, x1, x2)
            reach = min(x1, at) - _GAP, max(x2, at + lettering.width(text, _STYLE.letters)) + _GAP
            row = next((i for i, row in enumerate(rows) if _is_free(row, reach)), len(rows))
            if row == MOST_ROWS:
                left_out += 1
                continue
            rows += [[]] if row == len(rows) else []
            rows[row].append(reach)
            y = top + row * (_ROW + _ROW_GAP)
            rects.append(Rect(x1, y, x2, y + _ROW))
            items += _bar_items(axis, bar, rects[-1], ink)
            inside = x1 <= at < x2
            colour = palette.ink(ink) if inside and role == "predicted" else palette.DARK
            items.append(Text(at, y + _ROW / 2 + 0.35 * _STYLE.letters, text, _STYLE.letters, colour))
        top += len(rows) * (_ROW + _ROW_GAP)
        if left_out:
            items.append(_right_aligned(f"and {left_out} more {role}", top + _SMALL))
            top += _SMALL + _ROW_GAP
    return items, tuple(rects), top


def _is_free(row: list[tuple[float, float]], reach: tuple[float, float]) -> bool:
    return all(reach[1] <= start or end <= reach[0] for start, end in row)


def _ends(axis: _Axis, bar: TimeBar) -> tuple[float, float]:
    """Left and right of a bar in pixels, wide enough to be seen."""
    x1, x2 = sorted((axis.x(bar.start), axis.x(bar.end)))
    least = 3 * _STYLE.line
    if x2 - x1 < least:
        x1 = min(max((x1 + x2 - least) / 2, axis.x(0)), axis.x(axis.duration) - least)
        x2 = x1 + least
    return x1, x2


def _words(axis: _Axis, bar: TimeBar, x1: float, x2: float) -> tuple[str, float]:
    """What stands with a bar and where it starts: inside, else on the right, else on the left of it."""
    faults = {
        "reversed": bar.end < bar.start,
        "empty": bar.end == bar.start,
        "before the start": min(bar.start, bar.end) < 0,
        "beyond the end": max(bar.start, bar.end) > axis.duration,
    }
    named = ", ".join(name for name, holds in faults.items() if holds)
    times = axis.tell_span(bar) + (f" ({named})" if named else "")
    label = lettering.clean(bar.label or "")
    rooms = (x2 - x1 - 4 * _GAP, WIDTH - _MARGIN - x2 - _GAP, x1 - _GAP - _MARGIN)
    parts = [bar.role, label, times]
    size = _STYLE.letters
    if lettering.width(" · ".join(filter(None, parts)), size) > max(rooms):
        fixed = lettering.width(f"{bar.role} ·  · {times}", size)
        parts[1] = lettering.shorten(label, size, max(rooms) - fixed) if label else ""
    parts[1] = lettering.isolate(parts[1])
    text = lettering.shorten(" · ".join(filter(None, parts)), size, WIDTH - 2 * _MARGIN)
    wide = lettering.width(text, size)
    starts = (x1 + 2 * _GAP, x2 + _GAP, x1 - _GAP - wide)
    fitting = [at for at, room in zip(starts, rooms, strict=True) if wide <= room]
    return text, (fitting[0] if fitting else max(_MARGIN, min(starts[0], WIDTH - _MARGIN - wide)))


def _bar_items(axis: _Axis, bar: TimeBar, rect: Rect, ink: str) -> list[Item]:
    inner = rectangle(rect.left + 1, rect.top + 1, rect.right - 1, rect.bottom - 1)
    middle = (rect.top + rect.bottom) / 2
    heads = []
    if max(bar.start, bar.end) > axis.duration:
        heads.append(arrow((rect.right + _MARGIN - 4, middle), (1, 0), _STYLE.line))
    if min(bar.start, bar.end) < 0:
        heads.append(arrow((rect.left - _MARGIN + 4, middle), (-1, 0), _STYLE.line))
    if bar.role == "true":
        return [Fill(inner, ink, 0.12), *shape_items(Trace((inner,), tuple(heads)), ink, "true", _STYLE)]
    edge = Stroke((inner,), 2 * _STYLE.halo, palette.ink(ink))
    return [edge, Fill(inner, ink), *shape_items(Trace((), tuple(heads)), ink, "predicted", _STYLE)]


def _centred(text: str, x: float, y: float, colour: str) -> Text:
    wide = lettering.width(text, _SMALL)
    return Text(min(max(x - wide / 2, _GAP), WIDTH - _GAP - wide), y, text, _SMALL, colour)


def _right_aligned(text: str, y: float) -> Text:
    return Text(WIDTH - _MARGIN - lettering.width(text, _SMALL), y, text, _SMALL, palette.GREY)
