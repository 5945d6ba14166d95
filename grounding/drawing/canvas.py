"""Strokes, fills and lines of text as plain data, and the two painters that turn them into PNG and SVG.

Whoever draws computes every position once and hands the same items to either painter, so the two forms of a
picture cannot drift apart. The PNG painter smooths edges by painting larger and averaging, tile by tile, so
that an 8K picture needs no second 8K picture, and touches no pixel outside the items.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import hypot
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw

from vleval.grounding.drawing import lettering

Point = tuple[float, float]
Line = tuple[Point, ...]
"""Corners of a line in pixels; a closed one ends where it begins."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """Lines of one width and colour, with round corners and flat ends."""

    lines: tuple[Line, ...]
    width: float
    colour: str


@dataclass(frozen=True, slots=True)
class Fill:
    """The inside of a closed outline."""

    outline: Line
    colour: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text, cleaned (`lettering.clean`); its baseline starts at (x, y)."""

    x: float
    y: float
    text: str
    size: int
    colour: str


Item = Stroke | Fill | Text

_TILE = 512
_FINE_UP_TO = 2_000_000  # pixels: above, edges are so thick that two steps smooth them as well as four
_LOSSLESS_UP_TO = 1_000_000  # pixels: above, PNG takes seconds and megabytes


def paint(base: Image.Image, items: Sequence[Item]) -> Image.Image:
    """A copy of the RGB picture `base` with the items drawn in order."""
    canvas = base.copy()
    steps = 4 if base.width * base.height <= _FINE_UP_TO else 2
    for _, group in groupby(items, key=_layer):
        layer = list(group)
        if isinstance(layer[0], Text):
            pen = ImageDraw.Draw(canvas)
            for text in layer:
                assert isinstance(text, Text)
                lettering.write(pen, (text.x, text.y), text.text, text.size, text.colour)
        else:
            _paint_shapes(canvas, [item for item in layer if not isinstance(item, Text)], steps)
    return canvas


def to_svg(base: Image.Image, items: Sequence[Item]) -> str:
    """The same as a self-contained SVG document: the picture embedded, the items as vectors over it."""
    width, height = base.size
    body = "\n".join(_svg(item) for item in items)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" font-family="{lettering.FAMILIES}">\n'
        f'<image width="{width}" height="{height}" href="{_data_uri(base)}"/>\n{body}\n</svg>\n'
    )


def rectangle(left: float, top: float, right: float, bottom: float) -> Line:
    """The closed outline of a rectangle."""
    return (left, top), (right, top), (right, bottom), (left, bottom), (left, top)


def _layer(item: Item) -> tuple[str, int]:
    """Neighbours of one layer are painted at once; a translucent fill must lie over what came before it."""
    if isinstance(item, Text):
        return "text", 0
    return ("glass", id(item)) if isinstance(item, Fill) and item.opacity < 1.0 else ("shapes", 0)


def _paint_shapes(canvas: Image.Image, shapes: list[Stroke | Fill], steps: int) -> None:
    pieces = [(piece, _bounds(piece)) for shape in shapes for piece in _pieces(shape)]
    for top in range(0, canvas.height, _TILE):
        for left in range(0, canvas.width, _TILE):
            right, bottom = min(left + _TILE, canvas.width), min(top + _TILE, canvas.height)
            here = [
                (piece, (x1, y1, x2, y2))
                for piece, (x1, y1, x2, y2) in pieces
                if x1 < right and x2 > left and y1 < bottom and y2 > top
            ]
            if not here:
                continue
            x1, y1 = max(left, min(box[0] for _, box in here)), max(top, min(box[1] for _, box in here))
            x2, y2 = min(right, max(box[2] for _, box in here)), min(bottom, max(box[3] for _, box in here))
            overlay = Image.new("RGBA", ((x2 - x1) * steps, (y2 - y1) * steps))
            pen = ImageDraw.Draw(overlay)
            for piece, _ in here:
                _draw_piece(pen, piece, (x1, y1), steps)
            smooth = overlay.reduce(steps)
            canvas.paste(smooth, (x1, y1), smooth)


def _pieces(shape: Stroke | Fill) -> Iterator[Stroke | Fill]:
    """A stroke segment by segment, so that a large outline does not touch the tiles inside it."""
    if isinstance(shape, Fill):
        yield shape
        return
    for line in shape.lines:
        yield from (Stroke((part,), shape.width, shape.colour) for part in pairwise(line))
        corners = line if line[0] == line[-1] else line[1:-1]
        yield from (Stroke(((corner,),), shape.width, shape.colour) for corner in corners)


def _bounds(piece: Stroke | Fill) -> tuple[int, int, int, int]:
    """Whole pixels that a piece can touch."""
    points = piece.outline if isinstance(piece, Fill) else piece.lines[0]
    reach = 0.0 if isinstance(piece, Fill) else piece.width / 2
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low = int((min(xs) - reach) // 1), int((min(ys) - reach) // 1)
    return *low, int(-(-(max(xs) + reach) // 1)), int(-(-(max(ys) + reach) // 1))


def _draw_piece(pen: ImageDraw.ImageDraw, piece: Stroke | Fill, origin: tuple[int, int], steps: int) -> None:
    """One piece, enlarged `steps` times. Pillow's rectangles and ellipses include their last pixel."""
    if isinstance(piece, Fill):
        opacity = f"{round(piece.opacity * 255):02x}"
        _polygon(pen, [_enlarge(point, origin, steps) for point in piece.outline], piece.colour + opacity)
        return
    half = piece.width * steps / 2
    ends = [_enlarge(point, origin, steps) for point in piece.lines[0]]
    if len(ends) == 1:
        ((x, y),) = ends
        pen.ellipse((x - half, y - half, x + half - 1, y + half - 1), fill=piece.colour)
        return
    (ax, ay), (bx, by) = ends
    length = hypot(bx - ax, by - ay)
    if length == 0.0:
        return
    nx, ny = -(by - ay) / length * half, (bx - ax) / length * half
    _polygon(
        pen, [(ax + nx, ay + ny), (bx + nx, by + ny), (bx - nx, by - ny), (ax - nx, ay - ny)], piece.colour
    )


def _enlarge(point: Point, origin: tuple[int, int], steps: int) -> Point:
    return (point[0] - origin[0]) * steps, (point[1] - origin[1]) * steps


def _polygon(pen: ImageDraw.ImageDraw, corners: list[Point], colour: str) -> None:
    """Fill a polygon; an upright rectangle exactly, since Pillow widens polygons by up to a pixel."""
    xs, ys = sorted({round(x) for x, _ in corners}), sorted({round(y) for _, y in corners})
    if len(xs) == len(ys) == 2:
        pen.rectangle((xs[0], ys[0], xs[1] - 1, ys[1] - 1), fill=colour)
    else:
        pen.polygon([(round(x - 0.5), round(y - 0.5)) for x, y in corners], fill=colour)


def _svg(item: Item) -> str:
    if isinstance(item, Stroke):
        path = "".join(_path(line) for line in item.lines)
        return (
            f'<path d="{path}" fill="none" stroke="{item.colour}" stroke-width="{_number(item.width)}"'
            ' stroke-linejoin="round"/>'
        )
    if isinstance(item, Fill):
        opacity = f' fill-opacity="{_number(item.opacity)}"' if item.opacity < 1.0 else ""
        return f'<path d="{_path(item.outline)}" fill="{item.colour}"{opacity}/>'
    # The browser's face is another one: `textLength` keeps the words on the plate that was measured for them.
    room = _number(lettering.width(item.text, item.size))
    return (
        f'<text x="{_number(item.x)}" y="{_number(item.y)}" font-size="{item.size}" fill="{item.colour}"'
        f' textLength="{room}" lengthAdjust="spacingAndGlyphs">{escape(item.text)}</text>'
    )


def _path(line: Line) -> str:
    closed = len(line) > 2 and line[0] == line[-1]
    corners = " ".join(f"{_number(x)},{_number(y)}" for x, y in (line[:-1] if closed else line))
    return f"M{corners}{'Z' if closed else ''}"


def _number(value: float) -> str:
    """At most two decimals: a hundredth of a pixel shows on no screen."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _data_uri(image: Image.Image) -> str:
    """Flat pictures (screens, drawings) as PNG, which they suit; photographs and large pictures as JPEG."""
    if image.width * image.height <= _LOSSLESS_UP_TO:
        lossless = io.BytesIO()
        image.save(lossless, "PNG")
        if lossless.tell() <= image.width * image.height:
            return f"data:image/png;base64,{base64.b64encode(lossless.getvalue()).decode()}"
    lossy = io.BytesIO()
    image.save(lossy, "JPEG", quality=92, subsampling=0, icc_profile=image.info.get("icc_profile"))
    return f"data:image/jpeg;base64,{base64.b64encode(lossy.getvalue()).decode()}"
