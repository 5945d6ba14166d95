"""Marks on pictures: they land where they should, at every size, and SVG and PNG are one layout."""

from __future__ import annotations

import base64
import io
import re
import time
import xml.etree.ElementTree as ET
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from PIL import Image

from helpers import fixtures_path
from vleval.grounding.draw import Mark, draw, draw_svg, lay_out, style_for
from vleval.grounding.drawing import lettering, palette
from vleval.grounding.drawing.canvas import Text
from vleval.grounding.drawing.outlines import Rect
from vleval.model.images import load_image
from vleval.model.io import Media

SVG = "{http://www.w3.org/2000/svg}"
GREY = (128, 128, 128)
HOSTILE = "<script>alert('1')</script>]]>&amp;\"\x00\x1b[31m\u202e\ud800\ufffe end"
STAR = (50, 20, 62, 60, 95, 60, 66, 80, 80, 110, 50, 90, 20, 110, 34, 80, 5, 60, 38, 60)


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def plain(size: tuple[int, int], colour: tuple[int, int, int] = GREY) -> Image.Image:
    return Image.new("RGB", size, colour)


def changed(before: Image.Image, after: Image.Image) -> Any:
    """[H, W] bools."""
    return (np.asarray(before) != np.asarray(after)).any(axis=2)


def texts(marks: list[Mark], size: tuple[int, int]) -> list[str]:
    return [item.text for item in lay_out(marks, size).items if isinstance(item, Text)]


def overlap(a: Rect, b: Rect) -> bool:
    return a.left < b.right and b.left < a.right and a.top < b.bottom and b.top < a.bottom


def test_without_marks_the_picture_is_the_same_and_a_copy() -> None:
    picture = Image.effect_noise((64, 48), 60).convert("RGB")
    result = draw(picture, [])
    assert result is not picture
    assert not changed(picture, result).any()


def test_a_box_changes_its_edge_and_nothing_else() -> None:
    picture = plain((640, 480))
    result = draw(picture, [Mark("box", (100, 120, 300, 360))])
    touched = changed(picture, result)
    style = style_for(picture.size)
    reach = int(style.line / 2 + style.halo) + 1
    band = np.zeros((480, 640), dtype=bool)
    band[120 - reach : 360 + reach, 100 - reach : 300 + reach] = True
    band[120 + reach : 360 - reach, 100 + reach : 300 - reach] = False
    assert not (touched & ~band).any()
    assert result.getpixel((100, 240)) == result.getpixel((200, 360)) == rgb(palette.ORANGE)
    assert picture.getpixel((100, 240)) == GREY, "the original was drawn on"


@pytest.mark.parametrize(
    ("size", "least"),
    [
        ((100, 60), 2),  # a thumbnail
        ((640, 480), 3),
        ((1920, 1080), 5),
        ((3840, 2160), 9),  # 4K: 2 px and more when it is shown a fifth as large
        ((7680, 4320), 17),  # 8K
        ((28, 2000), 2),  # as long as the model takes them
    ],
)
def test_lines_are_thick_enough_at_every_size(size: tuple[int, int], least: int) -> None:
    width, height = size
    box = (width * 0.25, height * 0.25, width * 0.75, height * 0.75)
    row = np.asarray(draw(plain(size), [Mark("box", box)]))[height // 2, : width // 2]
    assert (row == rgb(palette.ORANGE)).all(axis=1).sum() >= least
    letters = style_for(size).letters
    assert letters >= 9 or letters * 3 >= min(size)
    assert letters >= min(size) / 100


@pytest.mark.parametrize(
    "background", ["#000000", "#FFFFFF", "#777777", "#808000", palette.ORANGE, palette.BLUE]
)
@pytest.mark.parametrize("role", ["predicted", "true"])
def test_lines_stand_out_from_any_background(role: palette.Role, background: str) -> None:
    picture = plain((300, 200), rgb(background))
    pixels = np.asarray(draw(picture, [Mark("box", (50, 50, 250, 150), role=role)]))
    drawn = {"#{:02X}{:02X}{:02X}".format(*pixel) for pixel in pixels.reshape(-1, 3)}
    assert max(palette.contrast(colour, background) for colour in drawn) >= 2.2


def test_two_boxes_in_one_place_both_show() -> None:
    box = (50, 50, 250, 150)
    marks = [Mark("box", box, role="true"), Mark("box", box)]
    colours = {color for _, color in draw(plain((300, 200)), marks).getcolors(1 << 20) or ()}
    assert {rgb(palette.ORANGE), rgb(palette.TRUE)} <= colours
    row = np.asarray(draw(plain((300, 200)), marks))[50, 50:250]
    seen = [(row == rgb(colour)).all(axis=1).sum() for colour in (palette.ORANGE, palette.TRUE)]
    assert min(seen) > 30, "each has its share of the common line: dashes over a solid line"


@pytest.mark.parametrize("role", ["predicted", "true"])
def test_a_point_marks_its_own_pixel(role: palette.Role) -> None:
    result = draw(plain((400, 300)), [Mark("point", (200.5, 150.5), role=role)])
    assert result.getpixel((200, 150)) == rgb(palette.TRUE if role == "true" else palette.ORANGE)
    touched = np.argwhere(changed(plain((400, 300)), result))
    assert np.abs(touched.mean(axis=0) - (150, 200)).max() < 0.5, "the target is centred"


def test_a_polygon_is_tinted_inside_and_lined() -> None:
    result = draw(plain((120, 120)), [Mark("polygon", STAR)])
    tint = np.asarray(result.getpixel((50, 70)), dtype=int)
    assert 0 < np.abs(tint - GREY).max() < 50, "a thin tint"
    assert result.getpixel((50, 100)) == GREY, "a star's inner corner is outside"
    assert result.getpixel((78, 60)) == rgb(palette.ORANGE)


def test_labels_do_not_overlap_and_stay_inside() -> None:
    rng = np.random.default_rng(5)
    size = (1280, 720)
    corners = rng.uniform((0, 0), (1180, 640), (25, 2))
    marks = [
        Mark("box", (*corner, *(corner + rng.uniform(20, 140, 2))), f"thing number {i}", note="0.50")
        for i, corner in enumerate(corners)
    ]
    plates = lay_out(marks, size).plates
    assert len(plates) == 25
    assert all(
        0 <= p.left < p.right <= size[0] and 0 <= p.top < p.bottom <= size[1] and p.left == int(p.left)
        for p in plates
    )
    assert not any(overlap(a, b) for a, b in combinations(plates, 2))


def test_labels_find_free_room_when_their_shapes_coincide() -> None:
    """Twelve boxes in one place: most labels lie away from it, tied to it, and still none over another."""
    marks = [Mark("box", (300, 200, 340, 230), f"guess {i}") for i in range(12)]
    drawing = lay_out(marks, (640, 480))
    assert not any(overlap(a, b) for a, b in combinations(drawing.plates, 2))
    assert len(drawing.plates) == 12


def test_a_crowd_of_labels_leaves_the_picture_visible_and_is_quick() -> None:
    rng = np.random.default_rng(1)
    marks = [Mark("box", (*xy, *(xy + 40)), "person") for xy in rng.uniform(0, 600, (1000, 2))]
    began = time.perf_counter()
    plates = lay_out(marks, (640, 640)).plates
    assert time.perf_counter() - began < 10
    assert 50 < len(plates) < 1000
    assert sum((p.right - p.left) * (p.bottom - p.top) for p in plates) <= 0.35 * 640 * 640


def test_long_labels_are_shortened_and_their_notes_kept() -> None:
    (text,) = texts([Mark("box", (10, 50, 60, 90), "a very " * 200 + "long label", note="0.87")], (400, 300))
    assert re.fullmatch(r"a very .*… 0\.87", text)
    assert lettering.width(text, style_for((400, 300)).letters) <= 400


def test_points_are_numbered_per_role_where_there_are_several() -> None:
    marks = [Mark("point", (40 * i, 50), "cup") for i in range(1, 4)] + [Mark("point", (90, 90), role="true")]
    assert texts(marks, (400, 300))[:3] == ["1 cup", "2 cup", "3 cup"]
    assert texts([Mark("point", (40, 50))], (400, 300)) == []


def test_legend_stands_for_two_roles_in_a_large_enough_picture() -> None:
    both = [Mark("box", (10, 10, 90, 60)), Mark("box", (15, 10, 95, 60), role="true")]
    legend = lay_out(both, (640, 480)).legend
    assert (
        legend is not None
        and 0 <= legend.left < legend.right <= 640
        and 0 <= legend.top < legend.bottom <= 480
    )
    assert texts(both, (640, 480)) == ["predicted", "true"]
    assert lay_out(both[:1], (640, 480)).legend is None
    assert lay_out(both, (100, 60)).legend is None


def test_predicted_labels_have_colours_of_their_own() -> None:
    marks = [Mark("box", (30 * i, 10, 30 * i + 20, 40), label) for i, label in enumerate("abcab")]
    drawn = draw(plain((400, 300)), marks)
    left_edges = [drawn.getpixel((30 * i, 25)) for i in range(1, 5)]
    assert left_edges == [rgb(palette.PREDICTED[i]) for i in (1, 2, 0, 1)]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_marks_land_on_their_pixels_after_exif_rotation(orientation: int) -> None:
    """A magenta block at a known upright place, stored turned: the box drawn there surrounds it exactly."""
    upright = plain((160, 90), (255, 255, 255))
    box = (20, 10, 70, 40)
    upright.paste((255, 0, 255), box)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = io.BytesIO()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that the tag takes back
    turned = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    turned.save(stored, "PNG", exif=exif)
    loaded = load_image(Media("image", data=stored.getvalue()))
    assert not changed(upright, loaded).any()
    result = draw(loaded, [Mark("box", box)])
    assert result.size == (160, 90)
    for pixel in ((20, 25), (69, 25), (45, 10), (45, 39)):
        assert result.getpixel(pixel) == rgb(palette.ORANGE)
    assert result.getpixel((45, 25)) == (255, 0, 255)
    again = io.BytesIO()
    result.save(again, "JPEG")
    assert Image.open(again).getexif().get(0x0112, 1) == 1, "the result would be turned a second time"


def test_marks_land_on_a_real_rotated_photograph() -> None:
    photo = load_image(Media("image", path=fixtures_path("images/pillow/hopper_orientation_6.jpg")))
    result = draw(photo, [Mark("box", (30, 30, 90, 90))])
    assert result.size == photo.size
    assert changed(photo, result)[60, 30]
    assert not changed(photo, result)[60, 60]


def test_svg_and_png_are_one_layout() -> None:
    """Every stroke of the SVG, at the middle of each of its segments, has its colour in the PNG."""
    size = (640, 480)
    marks = [
        Mark("box", (300, 60, 600, 200), "car"),
        Mark("box", (310, 230, 610, 300), "car", "true"),
        Mark("polygon", [value * 2 for value in STAR], "star"),
    ]
    pixels = draw(plain(size), marks)
    root = ET.fromstring(draw_svg(plain(size), marks))
    assert root.get("viewBox") == "0 0 640 480"
    seen = 0
    inks = (palette.ORANGE, palette.GREEN, palette.TRUE)
    lines = [path for path in root.iter(f"{SVG}path") if path.get("stroke") in inks]
    for path in lines:
        for part in (path.get("d") or "").split("M")[1:]:
            corners = [tuple(map(float, pair.split(","))) for pair in part.rstrip("Z").split()]
            for (ax, ay), (bx, by) in zip(corners, corners[1:], strict=False):
                middle = int((ax + bx) / 2), int((ay + by) / 2)
                assert pixels.getpixel(middle) == rgb(path.get("stroke") or ""), middle
                seen += 1
    assert seen > 40
    words = [(node.text, float(node.get("x") or 0)) for node in root.iter(f"{SVG}text")]
    assert words == [(i.text, i.x) for i in lay_out(marks, size).items if isinstance(i, Text)]


@pytest.mark.parametrize("noise", [0, 90])
def test_svg_holds_the_picture_itself(noise: int) -> None:
    """Flat pictures exactly (PNG), noisy ones as JPEG; nothing is fetched from elsewhere."""
    picture = Image.effect_noise((200, 150), noise).convert("RGB") if noise else plain((200, 150))
    root = ET.fromstring(draw_svg(picture, [Mark("box", (20, 20, 80, 80), "car")]))
    (node,) = root.iter(f"{SVG}image")
    match = re.fullmatch(r"data:image/(\w+);base64,(.*)", node.get("href") or "")
    assert match is not None
    kind, data = match.groups()
    held = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    assert kind == ("jpeg" if noise else "png")
    assert np.abs(np.asarray(held, dtype=int) - np.asarray(picture)).mean() < (6 if noise else 1e-9)


def test_hostile_labels_stay_text() -> None:
    marks = [
        Mark("box", (20, 50, 380, 150), HOSTILE, note="]]>\x07<b>"),
        Mark("point", (50, 200), "x" * 10**6),
    ]
    svg = draw_svg(plain((400, 300)), marks)
    root = ET.fromstring(svg)
    assert {node.tag for node in root.iter()} <= {f"{SVG}{tag}" for tag in ("svg", "image", "path", "text")}
    assert "<script" not in svg
    assert lettering.clean(HOSTILE) == "<script>alert('1')</script>]]>&amp;\"[31m end"
    assert len(svg) < 20_000
    draw(plain((400, 300)), marks)


def test_equal_input_gives_equal_bytes() -> None:
    marks = [
        Mark("box", (20, 50, 180, 150), "a"),
        Mark("polygon", STAR, "b", "true"),
        Mark("point", (9, 9), "c"),
    ]
    first, second = (draw(plain((400, 300)), marks).tobytes() for _ in range(2))
    assert first == second
    assert draw_svg(plain((400, 300)), marks) == draw_svg(plain((400, 300)), marks)


def test_metadata_of_the_original_is_not_copied_but_its_colours_are() -> None:
    picture = plain((60, 40))
    profile = b"\0" * 16 + b"RGB " + b"\0" * 108
    picture.info = {"exif": b"Exif\0\0", "icc_profile": profile, "comment": b"secret"}
    assert draw(picture, []).info == {"icc_profile": profile}
    picture.info = {"icc_profile": profile.replace(b"RGB ", b"CMYK")}
    assert draw(picture, []).info == {}


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (28, 28), (3, 500)])
def test_the_smallest_pictures_take_marks(size: tuple[int, int]) -> None:
    marks = [
        Mark("box", (0, 0, size[0], size[1]), "label"),
        Mark("point", (0, 0), "label"),
        Mark("polygon", (0, 0, 9, 9, 0, 9), "label", "true"),
        Mark("box", (-9, -9, -5, -5), "label"),
    ]
    assert draw(plain(size), marks).size == size
    ET.fromstring(draw_svg(plain(size), marks))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("box", (1, 2, 3)),
        ("box", (1, 2, 3, float("nan"))),
        ("point", (1, float("inf"))),
        ("polygon", (1, 2, 3, 4)),  # a line
        ("polygon", (1, 2, 3, 4, 5, 6, 7)),  # half a corner
        ("mask", (1, 2, 3, 4)),
    ],
)
def test_marks_refuse_what_cannot_be_drawn(kind: Any, values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=kind):
        Mark(kind, values)
