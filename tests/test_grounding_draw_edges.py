"""Shapes across and beyond the border, reversed and empty ones: what is drawn, and what the label says."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vleval.grounding.draw import Kind, Mark, draw, lay_out, style_for
from vleval.grounding.drawing import palette
from vleval.grounding.drawing.canvas import Text
from vleval.grounding.drawing.outlines import dashes, trace_box, trace_polygon

SIZE = (400, 300)
INK = (0xE6, 0x9F, 0x00)


def label_of(mark: Mark) -> str:
    (text,) = [item.text for item in lay_out([mark], SIZE).items if isinstance(item, Text)]
    return text


@pytest.mark.parametrize(
    ("kind", "values", "word", "arrow"),
    [
        ("box", (300, 100, 500, 200), "cut", (396, 150)),  # beyond the right side
        ("box", (-80, 100, 100, 200), "cut", (3, 150)),  # beyond the left side
        ("box", (100, -40, 200, 100), "cut", (150, 3)),  # beyond the top
        ("box", (100, 200, 200, 380), "cut", (150, 296)),  # beyond the bottom
        ("box", (500, 100, 600, 200), "outside", (394, 150)),  # nothing of it can be seen
        ("box", (100, -90, 200, -10), "outside", (150, 6)),
        ("box", (-1e300, 100, 1e300, 200), "cut", (396, 150)),  # numbers no picture has
        ("point", (450, 150), "outside", (394, 150)),
        ("polygon", (350, 100, 480, 150, 350, 200), "cut", (396, 150)),
        ("polygon", (450, 100, 480, 150, 450, 150), "outside", (394, 100)),
    ],
)
def test_what_leaves_the_picture_is_cut_with_an_arrow_and_a_word(
    kind: Kind, values: tuple[float, ...], word: str, arrow: tuple[int, int]
) -> None:
    mark = Mark(kind, values, "thing")
    assert label_of(mark) == f"thing ({word})"
    assert label_of(Mark(kind, values)) == f"({word})", "the hint needs no label"
    assert draw(Image.new("RGB", SIZE, "white"), [mark]).getpixel(arrow) == INK


def test_the_open_side_of_a_cut_box_has_no_line() -> None:
    drawn = draw(Image.new("RGB", SIZE, "white"), [Mark("box", (300, 100, 500, 200))])
    assert drawn.getpixel((398, 120)) == (255, 255, 255)
    assert drawn.getpixel((300, 150)) == INK
    assert drawn.getpixel((399, 200)) == INK, "the other sides run to the border"


def test_a_box_along_the_border_is_whole_and_drawn_inside() -> None:
    mark = Mark("box", (0, 0, *SIZE), "all")
    assert label_of(mark) == "all"
    pixels = np.asarray(draw(Image.new("RGB", SIZE, "white"), [Mark("box", (0, 0, *SIZE))]))
    for side in (pixels[150, :6], pixels[150, -6:], pixels[:6, 100], pixels[-6:, 300]):
        assert (side == INK).all(axis=1).sum() >= style_for(SIZE).line


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((200, 150, 100, 50), "reversed"),  # both ways
        ((200, 50, 100, 150), "reversed"),  # left and right
        ((100, 100, 100, 100), "empty"),  # a point
        ((100, 50, 100, 150), "empty"),  # a line
        ((500, 100, 300, 200), "reversed, cut"),
    ],
)
def test_reversed_and_empty_boxes_are_drawn_and_named(values: tuple[float, ...], says: str) -> None:
    blank = Image.new("RGB", SIZE, "white")
    assert label_of(Mark("box", values)) == f"({says})"
    drawn = draw(blank, [Mark("box", values)])
    x, y = int(min(values[0], values[2])), int((values[1] + values[3]) / 2)
    assert drawn.getpixel((x, y)) == INK


def test_polygons_are_clipped_to_their_visible_area() -> None:
    trace = trace_polygon((-100, 100, 100, 100, 100, 200, -100, 200), SIZE, 2.0)
    assert set(trace.area) == {(0.0, 100.0), (100, 100), (100, 200), (0.0, 200.0)}
    assert trace.runs == (((0.0, 100.0), (100, 100), (100, 200), (0.0, 200.0)),), "open where it is cut"


def test_a_polygon_around_the_picture_tints_all_of_it() -> None:
    trace = trace_polygon((-900, -900, 2000, -900, 2000, 2000, -900, 2000), SIZE, 2.0)
    assert trace.runs == ()
    corners = {(round(x, 6), round(y, 6)) for x, y in trace.area}
    assert corners == {(0, 0), (400, 0), (400, 300), (0, 300)}


def test_dashes_hold_the_corners_and_leave_gaps() -> None:
    (ring,) = trace_box((50, 50, 250, 150), SIZE, 2.0).runs
    parts = dashes(ring, 2.0)
    corners = set(ring)
    assert corners <= {point for part in parts for point in part}, "no corner is a gap"
    drawn = sum(
        abs(bx - ax) + abs(by - ay)
        for part in parts
        for (ax, ay), (bx, by) in zip(part, part[1:], strict=False)
    )
    share = palette.DASH[0] / sum(palette.DASH)
    assert drawn / 600 == pytest.approx(share, abs=0.05)
