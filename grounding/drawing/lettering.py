"""Text in pictures: making hostile labels harmless, measuring and shortening them, finding glyphs for them.

Plain English labels are set in the face that Pillow carries, so that a picture is the same on every machine.
That face knows little beyond ASCII: other labels (é, Ж, 中) take the first face of `FACES` that the system
has and that covers them. Where none does, the PNG shows an empty box for every character that cannot be
drawn, and the SVG still holds the text, with room for it, for a browser that has a face.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from typing import cast

from PIL import ImageDraw, ImageFont

FACES = (
    *("DejaVuSans.ttf", "Arial.ttf", "arial.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf"),
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf", "PingFang.ttc"),
    *("Hiragino Sans GB.ttc", "STHeiti Medium.ttc", "msyh.ttc", "simsun.ttc", "wqy-zenhei.ttc"),
    *("wqy-microhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "AppleSDGothicNeo.ttc"),
    *("malgun.ttf", "YuGothM.ttc", "Arial Unicode.ttf", "Nirmala.ttf", "NotoSansDevanagari-Regular.ttf"),
)
"""File names that systems and their packages give to faces of many scripts, in the order they are tried."""

FAMILIES = "Helvetica, Arial, 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"
"""The same for SVG, where the browser chooses glyph by glyph."""

LONGEST = 400
"""Characters of a label that are looked at; no plate has room for more."""

_JOINERS = "\u200c\u200d"
_ISOLATE = "\u2068", "\u2069"
_INVISIBLE = (*_JOINERS, *_ISOLATE)
_MISSING = "\U0010ffff"  # never a character: its glyph is the one for "not in this face"
_PROBE = 20


def clean(text: str) -> str:
    """One line of printable text: white space is single, control, format and surrogate characters are gone.

    What is left is legal in XML (but not yet escaped) and cannot turn the reading direction around.

    >>> clean("red\\n car\\x00\\u202e!")
    'red car!'
    """
    line = " ".join(text[:LONGEST].split())
    return "".join(
        char for char in line if char in _JOINERS or not unicodedata.category(char).startswith("C")
    )


def isolate(text: str) -> str:
    """The text as one word to the rules of writing direction: Arabic does not move the numbers after it."""
    foreign = any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text)
    return text.join(_ISOLATE) if foreign else text


def width(text: str, size: int) -> float:
    """Pixels that a line of text takes at this size (pixels per em)."""
    face, complete = _face_for(text)
    font = _font(face, size)
    if complete:
        return font.getlength(text)
    return sum(advance for _, advance, _ in _one_by_one(text, face, size))


def shorten(text: str, size: int, room: float) -> str:
    """The text, or as much of its beginning as fits into `room` pixels with an ellipsis; at least that."""
    if width(text, size) <= room:
        return text
    low, high = 0, len(text)
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if width(f"{text[:middle]}…", size) <= room else (low, middle)
    return f"{text[:low].rstrip()}…"


def write(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, colour: str) -> None:
    """Draw a line of text whose baseline starts at `at`."""
    face, complete = _face_for(text)
    font = _font(face, size)
    if complete:
        draw.text(at, text, fill=colour, font=font, anchor="ls")
        return
    x, y = at
    for char, advance, drawable in _one_by_one(text, face, size):
        if drawable:
            draw.text((x, y), char, fill=colour, font=font, anchor="ls")
        else:
            gap = size / 12
            draw.rectangle((x + gap, y - 0.75 * size, x + advance - gap, y), outline=colour)
        x += advance


def _one_by_one(text: str, face: str, size: int) -> list[tuple[str, float, bool]]:
    """(character, advance, whether the face has it): East Asian characters are an em wide, wherever drawn."""
    font = _font(face, size)
    known = [(char, char.isspace() or _covers(face, char)) for char in text]
    return [
        (char, font.getlength(char) if has else size * _ems(char), has)
        for char, has in known
        if has or _ems(char)
    ]


def _ems(char: str) -> float:
    if unicodedata.combining(char) or char in _INVISIBLE:
        return 0.0
    return 1.0 if unicodedata.east_asian_width(char) in "WF" else 0.6


@lru_cache(maxsize=4096)
def _face_for(text: str) -> tuple[str, bool]:
    """The face that lacks the fewest characters of the text ("" is Pillow's own); whether it lacks none."""
    wanted = {char for char in text if not char.isspace() and char not in _INVISIBLE}
    best, fewest = "", len(wanted) + 1
    for face in ("", *FACES):
        if not _is_there(face):
            continue
        missing = sum(not _covers(face, char) for char in wanted)
        if missing < fewest:
            best, fewest = face, missing
        if not fewest:
            break
    return best, not fewest


@cache
def _is_there(face: str) -> bool:
    try:
        _font(face, _PROBE)
    except OSError:
        return False
    return True


@lru_cache(maxsize=4096)
def _covers(face: str, char: str) -> bool:
    """Whether the face draws this character as anything but its sign for a missing one."""
    font = _font(face, _PROBE)
    mask, missing = font.getmask(char), font.getmask(_MISSING)
    return mask.size != missing.size or bytes(mask) != bytes(missing)


@lru_cache(maxsize=256)
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    if face:
        return ImageFont.truetype(face, size)
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))
