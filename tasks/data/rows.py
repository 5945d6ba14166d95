"""Reads single values of data set rows (media, numbers, sentences), whatever file format they came through.

Parquet hands over lists, CSV hands over their text, and older exports hold one sentence where the hub has a
list. Each function takes any of these and raises ValueError, in words for the user, on anything else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

from vleval.model.io import Media
from vleval.tasks.data.folder import MediaFolder

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv", ".gif")
"""Tried in this order where a data set names its videos without one (Charades-STA, ActivityNet)."""

BASE64_IMAGES = ("/9j/", "iVBORw0KGgo", "UklGR", "R0lGOD", "Qk", "SUkq", "TU0A")
"""What JPEG, PNG, WebP, GIF, BMP and TIFF begin with in base64."""
LONGEST_NAME = 255
"""Characters of a file name: a longer text that begins like an image is one."""

MEDIA_NAME = "media_name"
"""Key under which `sources` adds the medium's own name (as the row has it) to every row."""

Kind = Literal["image", "video"]


def media(value: Any, kind: Kind, folder: MediaFolder | None = None) -> Media:
    """A medium from encoded bytes, from the hub's {"bytes", "path"}, from an image in base64, or from a file
    name below `folder`.

    Broken or absent bytes and missing files are media too: they cost their sample when the engine reads them.
    """
    if isinstance(value, Media):
        return value
    if isinstance(value, Mapping):
        value = value.get("path") if value.get("bytes") is None else value["bytes"]
    if value is None or isinstance(value, bytes):
        return Media(kind, data=value or b"")
    if isinstance(value, str) and kind == "image" and _in_base64(value):
        return Media(kind, data=_decoded(value))
    if isinstance(value, str) and value:
        return Media(kind, path=_below(value, kind, folder))
    raise ValueError(f"the {kind} is neither encoded bytes nor a file name")


def first_file(names: Sequence[str], kind: Kind, folder: MediaFolder | None) -> Media:
    """The first of several names that a file below `folder` has; the first of all where none has."""
    found = [Media(kind, path=_below(name, kind, folder)) for name in names]
    return next((medium for medium in found if medium.path and medium.path.exists()), found[0])


def media_name(value: Any) -> str | None:
    """The name a row gives its medium, if any."""
    if isinstance(value, Mapping):
        value = value.get("path")
    return value if isinstance(value, str) and value and not _in_base64(value) else None


def numbers(value: Any, count: int, column: str) -> list[float]:
    """`count` finite numbers from a list, an array, or the text of a list."""
    try:
        found = [float(item) for item in (_parse_list(value) if isinstance(value, str) else value)]
    except (TypeError, ValueError, OverflowError):
        found = []
    if len(found) != count or not all(math.isfinite(item) for item in found):
        raise ValueError(f"{column} must be {count} finite numbers, not {_short(value)}")
    return found


def corners(value: Any, column: str) -> list[float]:
    """A box from its corners x1, y1, x2, y2."""
    x1, y1, x2, y2 = numbers(value, 4, column)
    if x2 <= x1 or y2 <= y1:
        raise ValueError(f"{column} must be x1, y1, x2, y2 with x1 < x2 and y1 < y2, not {_short(value)}")
    return [x1, y1, x2, y2]


def corner_and_size(value: Any, column: str) -> list[float]:
    """A box as x1, y1, x2, y2 from x, y, width, height."""
    x, y, width, height = numbers(value, 4, column)
    if width <= 0 or height <= 0:
        raise ValueError(f"{column} must be x, y, width, height with a positive size, not {width} x {height}")
    return [x, y, x + width, y + height]


def ends(value: Any, column: str) -> list[float]:
    """A time span from its start and end in seconds."""
    start, end = numbers(value, 2, column)
    if end <= start:
        raise ValueError(f"{column} must be start, end with start before end, not {start}, {end}")
    return [start, end]


def size(value: Any, column: str) -> tuple[int, int]:
    """(width, height) in whole pixels, from two numbers, the text of a list, or `640x480`."""
    pair = value.lower().split("x") if isinstance(value, str) and "x" in value.lower() else value
    width, height = numbers(pair, 2, column)
    if width != int(width) or height != int(height) or min(width, height) < 1:
        raise ValueError(f"{column} must be a width and a height in whole pixels, not {_short(value)}")
    return int(width), int(height)


def sentences(value: Any, column: str) -> list[str]:
    """The non-empty strings of a list, of the text of a list, or one plain string."""
    if isinstance(value, str):
        parsed = _parse_list(value) if value.lstrip().startswith("[") else None
        value = parsed if isinstance(parsed, list) else [value]
    if value is None or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{column} must be sentences, not {_short(value)}")
    return [item.strip() for item in value if item.strip()]


def sentence(value: Any, column: str) -> str:
    """One non-empty string."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{column} must be a sentence, not {_short(value)}")
    return value.strip()


def _in_base64(text: str) -> bool:
    return len(text) > LONGEST_NAME and text.startswith(BASE64_IMAGES)


def _decoded(text: str) -> bytes:
    """The bytes of an image in base64; none where the text is damaged."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""


def _fetched(address: str, kind: Kind, folder: MediaFolder | None) -> Path:
    """The local copy of an address: its last part, or the sha256 of the whole (Molmo's scripts)."""
    if folder is None:
        raise ValueError(
            f"{kind} {_short(address)} is an address and nothing is downloaded during a run; "
            f"pass the folder of the {kind}s, named by the addresses' last parts, with --media"
        )
    hashed = hashlib.sha256(address.encode()).hexdigest()
    last = PurePosixPath(urlsplit(address).path).name
    return folder.path / (hashed if folder.has(hashed) or last in ("", "..") else last)


def _below(name: str, kind: Kind, folder: MediaFolder | None) -> Path:
    if "://" in name:
        return _fetched(name, kind, folder)
    if folder is None:
        raise ValueError(
            f"{kind} {_short(name)} is a file name; pass the folder of the {kind}s with --media (--media hub "
            "fetches what lies beside rows of the hub)"
        )
    if (
        name.startswith("/")
        or ".." in name.split("/")
        or "\\" in name
        or "\0" in name
        or re.match(r"[A-Za-z]:", name)
    ):
        raise ValueError(f"{kind} {_short(name)} must be a file name below the folder given with --media")
    # Not `Path.suffix`: ids like YouTube_210.0_360.0 end in a point and digits.
    bare = kind == "video" and not name.lower().endswith(VIDEO_SUFFIXES)
    names = [name, *(name + suffix for suffix in VIDEO_SUFFIXES)] if bare else [name]
    places = (place for each in names for place in (each, f"{kind}s/{each}"))
    first = name + VIDEO_SUFFIXES[0] if bare else name
    return folder.path / next((place for place in places if folder.has(place)), first)


def as_json(text: str) -> Any:
    """What the JSON of a text says; None for any other text, and for null. Never raises."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _parse_list(text: str) -> Any:
    """The list a string spells, as JSON or with Python's single quotes; None where it spells none."""
    for candidate in (text, text.replace("'", '"')):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    return None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
