"""What generated pictures with text are drawn with: Pillow's own font, and PNG bytes of few colours."""

from __future__ import annotations

import io
from functools import cache
from random import Random
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

COLOURS = 32
"""Of the palette that pictures are stored with: text keeps its smooth edges, and files stay small."""

Colour = tuple[int, int, int]
"""Red, green and blue, 0..255."""


class Asked(NamedTuple):
    """A question about a picture."""

    text: str
    answers: tuple[str, ...]
    """Accepted ones; what stands in the picture comes first."""
    kind: str
    """As the data set calls it."""


class Picture(NamedTuple):
    """A generated page or chart, and what can be asked about it."""

    image: Image.Image
    asked: tuple[Asked, ...]


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that comes with Pillow, at a height in pixels."""
    return ImageFont.load_default(size)


def stream(world: str, split: str, seed: int, index: int) -> Random:
    """The random numbers of one picture, unrelated to those of any other."""
    return Random(f"{world}/{split}/{seed}/{index}")


def encode(image: Image.Image) -> bytes:
    """The picture as PNG."""
    buffer = io.BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def money(cents: int) -> str:
    """An amount as it is printed: $1,250.00."""
    return f"${cents // 100:,}.{cents % 100:02}"


def paste_text(
    image: Image.Image,
    centre: tuple[float, float],
    text: str,
    ink: Colour,
    size: int,
    *,
    angle: float = 0.0,
) -> None:
    """Write `text` around `centre`, turned by `angle` degrees against the clock."""
    left, top, right, bottom = font(size).getbbox(text)
    sheet = Image.new("L", (round(right - left) + 8, round(bottom - top) + 8))
    ImageDraw.Draw(sheet).text((4 - left, 4 - top), text, 255, font(size))
    turned = sheet.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    corner = round(centre[0] - turned.width / 2), round(centre[1] - turned.height / 2)
    image.paste(Image.new("RGB", turned.size, ink), corner, turned)
