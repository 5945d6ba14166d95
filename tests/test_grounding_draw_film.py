"""Film strips: frames in the order of time, tied to an axis, with bars that lie where their times say."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from typing import Any

import av
import pytest
from PIL import Image

from helpers import ROOT
from vleval.grounding.drawing import palette
from vleval.grounding.drawing.canvas import Text
from vleval.grounding.drawing.outlines import Rect
from vleval.grounding.film import MOST_ROWS, WIDTH, TimeBar, film_strip, film_strip_svg, lay_out_strip

SVG = "{http://www.w3.org/2000/svg}"
LANDSCAPE, PORTRAIT = (320, 180), (180, 320)
LEFT, RIGHT = 16, WIDTH - 16
"""Pixels of the first and the last second."""


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def words(count: int, duration: float, bars: list[TimeBar] | None = None) -> list[str]:
    times = [duration * i / count for i in range(count)]
    strip = lay_out_strip([LANDSCAPE] * count, times, duration, bars or [])
    return [item.text for item in strip.items if isinstance(item, Text)]


def rectangles(bars: list[TimeBar], duration: float = 10.0) -> tuple[Rect, ...]:
    return lay_out_strip([LANDSCAPE], [0.0], duration, bars).bars


def test_bars_lie_where_their_times_say() -> None:
    first, second = rectangles([TimeBar(2.0, 4.5, "a"), TimeBar(2.5, 5.0, "a", "true")])
    scale = (RIGHT - LEFT) / 10.0
    assert (first.left, first.right) == pytest.approx((LEFT + 2.0 * scale, LEFT + 4.5 * scale))
    assert (second.left, second.right) == pytest.approx((LEFT + 2.5 * scale, LEFT + 5.0 * scale))
    assert second.top >= first.bottom, "true bars lie under predicted ones"


def test_bars_are_painted_solid_and_dashed() -> None:
    bars = [TimeBar(2.0, 9.0), TimeBar(2.0, 9.0, role="true")]
    strip = film_strip([Image.new("RGB", LANDSCAPE)], [0.0], 10.0, bars)
    predicted, true = rectangles(bars)
    x = round(predicted.right - 40)
    assert strip.getpixel((x, round(predicted.top + 12))) == rgb(palette.ORANGE)
    edge = [strip.getpixel((x, round(true.top + 1))) for x in range(int(true.left) + 5, int(true.right) - 5)]
    share = sum(pixel == rgb(palette.TRUE) for pixel in edge) / len(edge)
    assert 0.4 < share < 0.7, "dashes and gaps"


def test_thumbnails_show_their_frames_in_the_order_of_time() -> None:
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    frames = [Image.new("RGB", LANDSCAPE, colour) for colour in colours]
    times = [4.0, 0.0, 2.0]
    strip = lay_out_strip([LANDSCAPE] * 3, times, 6.0, [])
    assert [i for i, _ in strip.thumbs] == [1, 2, 0]
    drawn = film_strip(frames, times, 6.0, [])
    assert drawn.size == strip.size and drawn.width == WIDTH
    for i, rect in strip.thumbs:
        assert (
            drawn.getpixel((round((rect.left + rect.right) / 2), round((rect.top + rect.bottom) / 2)))
            == colours[i]
        )


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT, (100, 100), (4000, 300), (30, 2000)])
@pytest.mark.parametrize("count", [1, 3, 200])
def test_thumbnails_keep_their_shape_and_stay_apart(size: tuple[int, int], count: int) -> None:
    strip = lay_out_strip([size] * count, [float(i) for i in range(count)], float(count), [])
    rects = [rect for _, rect in strip.thumbs]
    assert 1 <= len(rects) <= min(count, 16)
    for rect in rects:
        width, height = rect.right - rect.left, rect.bottom - rect.top
        assert width / height == pytest.approx(size[0] / size[1], rel=0.15)
        assert 0 <= rect.left < rect.right <= WIDTH and 0 <= rect.top < rect.bottom < strip.size[1]
    assert all(a.right <= b.left for a, b in pairwise(rects))


def test_many_frames_are_thinned_to_the_moments_under_them() -> None:
    times = [i / 10 for i in range(300)]
    strip = lay_out_strip([LANDSCAPE] * 300, times, 30.0, [])
    shown = [i for i, _ in strip.thumbs]
    assert shown == sorted(shown) and len(shown) == len(set(shown)) < 20
    for i, rect in strip.thumbs:
        under = ((rect.left + rect.right) / 2 - LEFT) / (RIGHT - LEFT) * 30.0
        assert times[i] == pytest.approx(under, abs=0.2)
    assert f"{len(shown)} of 300 frames" in words(300, 30.0)
    assert "3 of 3 frames" not in words(3, 30.0)


def test_frames_from_one_part_of_a_video_are_all_different() -> None:
    """All frames lie in the first second of a minute: there is no frame near most moments."""
    strip = lay_out_strip([LANDSCAPE] * 40, [i / 40 for i in range(40)], 60.0, [])
    shown = [i for i, _ in strip.thumbs]
    assert len(set(shown)) == len(shown) > 4 and shown[0] == 0 and shown[-1] == 39


@pytest.mark.parametrize(
    ("duration", "present", "absent"),
    [
        (8.0, ["0 s", "1 s", "8 s"], "0.5 s"),
        (0.9, ["0.0 s", "0.1 s", "0.9 s"], "1.0 s"),
        (90.0, ["0 s", "10 s", "90 s"], "1:00"),  # up to a minute and a half in seconds
        (91.0, ["0:00", "0:10", "1:30"], "10 s"),
        (3700.0, ["0:00", "10:00", "1:00:00"], "60:00"),
        (50_000.0, ["0:00", "2:00:00", "12:00:00"], "1:00:00"),
    ],
)
def test_axis_has_ticks_people_count_in(duration: float, present: list[str], absent: str) -> None:
    told = words(1, duration)
    assert set(present) <= set(told)
    assert absent not in told
    assert len(told) <= 16


@pytest.mark.parametrize(
    ("bar", "says"),
    [
        (TimeBar(2.0, 4.5, "a door"), "predicted · a door · 2.0 to 4.5 s"),
        (TimeBar(2.0, 4.5, role="true"), "true · 2.0 to 4.5 s"),
        (TimeBar(8.0, 15.0), "predicted · 8.0 to 15.0 s (beyond the end)"),
        (TimeBar(-1.0, 3.0), "predicted · -1.0 to 3.0 s (before the start)"),
        (TimeBar(20.0, 25.0), "predicted · 20.0 to 25.0 s (beyond the end)"),  # nothing of it is inside
        (TimeBar(5.0, 3.0), "predicted · 5.0 to 3.0 s (reversed)"),
        (TimeBar(5.0, 5.0), "predicted · 5.0 to 5.0 s (empty)"),
        (TimeBar(-1.0, 30.0), "predicted · -1.0 to 30.0 s (before the start, beyond the end)"),
    ],
)
def test_bars_tell_their_times_and_what_is_unusual(bar: TimeBar, says: str) -> None:
    assert says in words(1, 10.0, [bar])
    (rect,) = rectangles([bar])
    assert LEFT - 0.01 <= rect.left < rect.right <= RIGHT + 0.01, "drawn inside the video"


def test_what_lies_beyond_the_end_has_an_arrow() -> None:
    blank = Image.new("RGB", LANDSCAPE)
    for bar, x in ((TimeBar(8.0, 15.0), RIGHT + 6), (TimeBar(-5.0, 2.0), LEFT - 6)):
        (rect,) = rectangles([bar])
        y = round((rect.top + rect.bottom) / 2)
        assert film_strip([blank], [0.0], 10.0, [bar]).getpixel((x, y)) == rgb(palette.ORANGE)
        inside = TimeBar(3.0, 4.0)
        assert film_strip([blank], [0.0], 10.0, [inside]).getpixel((x, y)) == (255, 255, 255)


def test_clock_of_long_videos_in_bars() -> None:
    assert "predicted · 1:04.2 to 1:31.0" in words(1, 200.0, [TimeBar(64.2, 91.0)])
    assert "predicted · 59:59.9 to 1:00:00.0" in words(1, 4000.0, [TimeBar(3599.9, 3599.98)])


def test_rows_are_shared_only_where_nothing_meets() -> None:
    bars = [TimeBar(float(i % 9), i % 9 + 1.5, f"label {i}") for i in range(14)]
    strip = lay_out_strip([LANDSCAPE], [0.0], 10.0, bars)
    assert not any(
        a.top == b.top and a.left < b.right and b.left < a.right for a, b in combinations(strip.bars, 2)
    )
    assert len({rect.top for rect in strip.bars}) < len(bars)
    assert all(0 <= item.x <= WIDTH for item in strip.items if isinstance(item, Text))


def test_more_bars_than_rows_are_counted() -> None:
    told = words(1, 10.0, [TimeBar(0.0, 10.0, f"label {i}") for i in range(500)])
    assert f"and {500 - MOST_ROWS} more predicted" in told


def test_long_and_hostile_labels_fit_and_stay_text() -> None:
    hostile = "<script>]]>\x00" + "very " * 300
    bars = [TimeBar(1.0, 9.0, hostile), TimeBar(1.0, 2.0, hostile, "true"), TimeBar(0.0, 1e308, "far")]
    svg = film_strip_svg([Image.new("RGB", LANDSCAPE)], [0.0], 10.0, bars)
    nodes = list(ET.fromstring(svg).iter(f"{SVG}text"))
    assert "<script" not in svg
    assert any((node.text or "").endswith("… · 1.0 to 9.0 s") for node in nodes)
    for node in nodes:
        assert float(node.get("x") or 0) + float(node.get("textLength") or 0) <= WIDTH


def test_svg_and_png_have_the_same_words_and_size() -> None:
    arguments: Any = ([Image.new("RGB", PORTRAIT)] * 5, [0.0, 1, 2, 3, 4], 5.0, [TimeBar(1.0, 2.0, "a")])
    root = ET.fromstring(film_strip_svg(*arguments))
    drawn = film_strip(*arguments)
    assert (root.get("width"), root.get("height")) == tuple(map(str, drawn.size))
    strip = lay_out_strip([PORTRAIT] * 5, *arguments[1:])
    assert [node.text for node in root.iter(f"{SVG}text")] == [
        item.text for item in strip.items if isinstance(item, Text)
    ]
    assert film_strip(*arguments).tobytes() == drawn.tobytes()


def test_a_bundled_clip_makes_a_strip() -> None:
    path = sorted((ROOT / "tasks" / "bundled" / "charades-sta" / "videos").glob("*.mp4"))[0]
    with av.open(str(path)) as container:
        decoded = [(frame.to_image(), float(frame.time or 0.0)) for frame in container.decode(video=0)]
    frames, times = zip(*decoded, strict=True)
    strip = film_strip(frames, times, times[-1] + 1 / 12, [TimeBar(1.0, 2.0, "a circle moves")])
    buffer = io.BytesIO()
    strip.save(buffer, "PNG")
    assert strip.width == WIDTH and buffer.tell() > 5_000


@pytest.mark.parametrize(
    ("count", "times", "duration"),
    [
        (0, [], 10.0),
        (2, [0.0], 10.0),  # a frame without its time
        (1, [float("nan")], 10.0),
        (1, [0.0], 0.0),
        (1, [0.0], float("inf")),
    ],
)
def test_strips_refuse_what_makes_no_axis(count: int, times: list[float], duration: float) -> None:
    with pytest.raises(ValueError, match=r"frames|duration"):
        film_strip([Image.new("RGB", LANDSCAPE)] * count, times, duration, [])
    with pytest.raises(ValueError, match="finite"):
        TimeBar(0.0, float("nan"))
