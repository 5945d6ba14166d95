"""Screens: pages that look like windows of a program, with buttons, fields, icons and their captions.

Every screen is a pure function of (split, seed, index, size). Each widget has the instruction that means it
alone, and the box of what is drawn of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vleval.tasks.worlds.shapes import RGB, Box, Pixels, between, pick, stream

PROGRAMS = (
    ("Letter Desk", "Office"),
    ("Shape Studio", "CAD"),
    ("Photo Bench", "Creative"),
    ("Code Nook", "Dev"),
    ("Lab Notes", "Scientific"),
    ("Settings", "OS"),
)
"""Names of programs that do not exist, and the groups of ScreenSpot-Pro they would be in."""

_BUTTONS = {
    "Save": "save the changes",
    "Cancel": "leave without saving",
    "Send": "send the message",
    "Print": "print this page",
    "Undo": "take back the last step",
    "Export": "export to a file",
    "Help": "get help",
}
_FIELDS = {
    "Name": "type in the name",
    "E-mail": "enter an e-mail address",
    "Width": "set the width",
    "Folder": "choose the folder",
    "Language": "change the language",
}
_ICONS = {
    "close": "close this window",
    "menu": "open the menu",
    "search": "search for something",
    "add": "add a new item",
    "play": "start playing",
    "stop": "stop playing",
}
_INK: RGB = (38, 42, 50)
_ACCENTS: tuple[RGB, ...] = ((36, 98, 190), (24, 128, 96), (146, 62, 140), (176, 84, 26))


class Widget(NamedTuple):
    """Something to click."""

    instruction: str
    kind: Literal["text", "icon"]
    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class Screen:
    """A page and what can be clicked on it."""

    image: Pixels
    """uint8 [H, W, 3]."""
    program: str
    group: str
    widgets: tuple[Widget, ...]


def make_screen(split: str, seed: int, index: int, size: tuple[int, int]) -> Screen:
    """The screen of this split, seed and index, `size` (width, height) in pixels: at least 480 x 320."""
    rng = stream(f"screen {size[0]}x{size[1]}", split, seed, index)
    program, group = PROGRAMS[index % len(PROGRAMS)]
    accent, ground = pick(rng, _ACCENTS), int(between(rng, 226, 248))
    page = Image.new("RGB", size, (ground, ground, ground))
    canvas, widgets = ImageDraw.Draw(page), []
    unit = 24  # of the grid that widgets stand on
    canvas.rectangle((0, 0, size[0], unit + 6), fill=accent)
    canvas.text((10, 6), program, fill="white", font=_font(15))
    names = _mixed(rng, [name for name in _ICONS if name != "close"])
    places: list[tuple[str, int, int, RGB | str]] = [("close", size[0] - unit - 6, 4, "white")]
    places += [(name, 12 + 40 * column, unit + 16, _INK) for column, name in enumerate(names[:4])]
    for name, left, top, ink in places:
        box = Box(left, top, left + 20, top + 20)
        _icon(canvas, name, box, ink)
        widgets.append(Widget(_ICONS[name], "icon", box))
    captions = _mixed(rng, list(_FIELDS))
    left, top = int(between(rng, 24, size[0] // 2 - 200)), 2 * unit + 34
    for caption in captions[:3]:
        canvas.text((left, top + 4), caption, fill=_INK, font=_font(14))
        box = Box(left + 90, top, left + 90 + int(between(rng, 110, 180)), top + unit)
        canvas.rectangle((box.left, box.top, box.right - 1, box.bottom - 1), fill="white", outline=_INK)
        widgets.append(Widget(_FIELDS[caption], "text", box))
        top += unit + 16
    labels = _mixed(rng, list(_BUTTONS))
    right, bottom = size[0] - int(between(rng, 16, 60)), size[1] - int(between(rng, 14, 60))
    for label in labels[:3]:
        wide = round(canvas.textlength(label, font=_font(14))) + 28
        box = Box(right - wide, bottom - 28, right, bottom)
        canvas.rounded_rectangle((box.left, box.top, box.right - 1, box.bottom - 1), 5, fill=accent)
        canvas.text((box.left + 14, box.top + 6), label, fill="white", font=_font(14))
        widgets.append(Widget(_BUTTONS[label], "text", box))
        right -= wide + 14
    return Screen(np.array(page), program, group, tuple(widgets))


def _mixed(rng: np.random.Generator, words: list[str]) -> list[str]:
    keys = {word: float(rng.random()) for word in words}
    return sorted(words, key=keys.__getitem__)


def _font(points: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(points)


def _icon(canvas: ImageDraw.ImageDraw, name: str, box: Box, ink: RGB | str) -> None:
    left, top, right, bottom = box.left + 3, box.top + 3, box.right - 4, box.bottom - 4
    middle = ((left + right) // 2, (top + bottom) // 2)
    if name == "close":
        canvas.line((left, top, right, bottom), fill=ink, width=2)
        canvas.line((left, bottom, right, top), fill=ink, width=2)
    elif name == "menu":
        for row in (top + 1, middle[1], bottom - 1):
            canvas.line((left, row, right, row), fill=ink, width=2)
    elif name == "search":
        canvas.ellipse((left, top, right - 4, bottom - 4), outline=ink, width=2)
        canvas.line((right - 5, bottom - 5, right, bottom), fill=ink, width=2)
    elif name == "add":
        canvas.line((left, middle[1], right, middle[1]), fill=ink, width=2)
        canvas.line((middle[0], top, middle[0], bottom), fill=ink, width=2)
    elif name == "play":
        canvas.polygon([(left, top), (right, middle[1]), (left, bottom)], fill=ink)
    else:
        canvas.rectangle((left, top, right, bottom), fill=ink)
