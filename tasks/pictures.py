"""What a task must know of a picture before any model sees it: its size, and who it is."""

from __future__ import annotations

import io

from vleval.model.io import Media

_ORIENTATION_TAG = 0x0112


def upright_size(image: Media) -> tuple[int, int] | None:
    """Width and height as the picture is shown, from the head of the file; None if unreadable."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(image.read())) as opened:
            width, height = opened.size
            turned = opened.getexif().get(_ORIENTATION_TAG, 1) >= 5
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError):
        return None
    return (height, width) if turned else (width, height)


def identity(image: Media, name: str) -> str:
    """The digest of a picture; of one that cannot be read, `name` has to do."""
    try:
        return image.digest()
    except OSError:
        return f"unreadable {name}"
