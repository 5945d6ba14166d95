"""What a task must know of a picture before any model sees it: its size, and who it is."""

from __future__ import annotations

import io

from vleval.model.io import Media

_ORIENTATION_TAG = 0x0112
_MAY_TURN = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")
"""What a PNG has somewhere if it says which way up it is: no other is decoded to know its size."""


def upright_size(image: Media) -> tuple[int, int] | None:
    """Width and height as the picture is shown, from the head of the file; None if unreadable."""
    from PIL import Image, UnidentifiedImageError

    try:
        data = image.read()
        with Image.open(io.BytesIO(data)) as opened:
            width, height = opened.size
            upright = opened.format == "PNG" and not any(mark in data for mark in _MAY_TURN)
            turned = not upright and opened.getexif().get(_ORIENTATION_TAG, 1) >= 5
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError):
        return None
    return (height, width) if turned else (width, height)


def identity(image: Media, name: str) -> str:
    """The digest of a picture; of one that cannot be read, `name` has to do."""
    try:
        return image.digest()
    except OSError:
        return f"unreadable {name}"
