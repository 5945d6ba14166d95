"""The palette: contrast by WCAG, for all eyes; and letters for labels beyond Pillow's own face."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vleval.grounding.draw import Mark, draw
from vleval.grounding.drawing import lettering, palette

# Dichromacy on linear sRGB: the matrices of severity 1.0 of Machado, Oliveira and Fernandes, "A
# Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE TVCG 15 (2009).
EYES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
ALL = (*palette.PREDICTED, palette.TRUE)


def seen(colour: str, eye: str) -> Any:
    """Linear sRGB that a viewer sees."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return np.clip(EYES[eye] @ linear, 0.0, 1.0)


def contrast(a: str, b: str, eye: str = "normal") -> float:
    low, high = sorted(float(TO_XYZ[1] @ seen(colour, eye)) for colour in (a, b))
    return (high + 0.05) / (low + 0.05)


def difference(a: str, b: str, eye: str) -> float:
    """CIE 1976 difference: about 2 is just noticeable, 10 is plain at a glance."""

    def lab(colour: str) -> Any:
        white = TO_XYZ @ np.ones(3)
        ratio = TO_XYZ @ seen(colour, eye) / white
        x, y, z = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
        return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])

    return float(np.linalg.norm(lab(a) - lab(b)))


def test_contrast_is_that_of_wcag() -> None:
    assert palette.contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert palette.contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)  # WCAG's best-known grey
    for a, b in combinations((*ALL, palette.DARK, palette.GREY), 2):
        assert palette.contrast(a, b) == pytest.approx(contrast(a, b), abs=1e-3)


@pytest.mark.parametrize("colour", ALL)
def test_text_on_every_plate_is_readable(colour: str) -> None:
    """4.5 is WCAG's AA for text; dichromats see less of vermilion, and more than large text needs."""
    assert contrast(colour, palette.ink(colour)) >= 4.5
    assert min(contrast(colour, palette.ink(colour), eye) for eye in EYES) >= 3.8


@pytest.mark.parametrize("colour", ALL)
def test_a_line_with_its_halo_stands_out_from_any_background(colour: str) -> None:
    """Two tones are never both near a background: the worst lies midway, at the root of their contrast."""
    greys = [f"#{level:02X}{level:02X}{level:02X}" for level in range(256)]
    tones = (colour, palette.ink(colour))
    assert min(max(contrast(tone, grey) for tone in tones) for grey in greys) >= 2.2


def test_grey_words_on_white_are_readable() -> None:
    assert contrast(palette.GREY, palette.WHITE) >= 4.5


@pytest.mark.parametrize("eye", EYES)
def test_colours_can_be_told_apart(eye: str) -> None:
    for a, b in combinations(ALL, 2):
        assert difference(a, b, eye) >= 15, (a, b)
    assert contrast(palette.PREDICTED[0], palette.TRUE, eye) >= 1.8, "also in light and dark alone"


def test_halos_of_the_two_roles_differ() -> None:
    assert {palette.ink(colour) for colour in palette.PREDICTED} == {palette.DARK}
    assert palette.ink(palette.TRUE) == palette.WHITE


def test_labels_get_colours_in_order_and_again_after_the_last() -> None:
    labels = [str(i) for i in range(8)]
    colours = palette.label_colours([*labels, "0"])
    assert list(colours.values()) == [*palette.PREDICTED, *palette.PREDICTED[:2]]


@pytest.fixture
def no_faces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without any font."""
    monkeypatch.setattr(lettering, "FACES", ())
    lettering._face_for.cache_clear()
    yield
    lettering._face_for.cache_clear()


@pytest.mark.usefixtures("no_faces")
def test_characters_without_a_face_are_boxes_of_their_width() -> None:
    assert lettering.width("红色", 20) == 40
    assert lettering.width("a红", 20) == lettering.width("a", 20) + 20
    assert lettering.shorten("红" * 50, 20, 100) == "红红红红…"
    picture = Image.new("RGB", (300, 200), "white")
    drawn = [draw(picture, [Mark("box", (20, 60, 160, 150), label)]) for label in ("红色", "色红", "ab")]
    assert drawn[0].tobytes() == drawn[1].tobytes() != drawn[2].tobytes()


def test_plain_labels_never_look_for_a_system_face(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a picture with English labels is the same on every machine."""
    lettering._face_for.cache_clear()
    monkeypatch.setattr(
        lettering, "_is_there", lambda face: not face or pytest.fail("a system face was asked for")
    )
    assert lettering.width("The red car, 0.93 (cut)… 2.0 · 3", 14) > 100
    lettering._face_for.cache_clear()


def test_characters_a_face_has_are_drawn_as_themselves() -> None:
    if not lettering._is_there("DejaVuSans.ttf"):
        pytest.skip("DejaVu Sans is not installed")
    picture = Image.new("RGB", (300, 200), "white")
    drawn = [draw(picture, [Mark("box", (20, 60, 160, 150), label)]).tobytes() for label in ("éé", "жж")]
    assert drawn[0] != drawn[1]


def test_a_label_written_from_right_to_left_is_kept_apart() -> None:
    assert lettering.isolate("نص") == "\u2068نص\u2069"
    assert lettering.isolate("text 12") == "text 12"
    assert lettering.clean("\u2069نص\u202e") == "نص", "a label cannot close or turn what it stands in"
