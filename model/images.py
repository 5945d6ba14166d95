"""Reading an image file into upright 8-bit RGB, with no surprise left for later stages.

Nothing is decoded before its size is known to be reasonable, and nothing but MediaError leaves this module.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from vleval.model.errors import MediaError
from vleval.model.io import Media

MAX_SOURCE_PIXELS = 178_956_970
"""Largest image decoded: where Pillow itself begins to refuse."""

Image.init()
FORMATS = tuple(
    name
    for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "AVIF", "ICO", "TGA")
    if name in Image.OPEN
)
"""Raster formats of this Pillow build only: others (EPS) would start foreign programs. MPO opens as JPEG."""

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def load_image(media: Media) -> Image.Image:
    """Decode an image, first frame of an animation, upright by its EXIF, as RGB on white.

    Raises MediaError with one sentence when the file is missing, broken, truncated or too large.
    """
    name = f"Image {media.path}" if media.path is not None else "The image"
    try:
        data = media.read()
    except OSError as fault:
        raise MediaError(f"{name} cannot be read ({fault.strerror or fault}).") from fault
    if not data:
        raise MediaError(f"{name} is an empty file.")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_SOURCE_PIXELS:
                raise MediaError(
                    f"{name} has {width} x {height} pixels; at most {MAX_SOURCE_PIXELS} are decoded."
                )
            return to_rgb(image)
    except MediaError:
        raise
    except Image.DecompressionBombError as fault:
        raise MediaError(f"{name} has more than {MAX_SOURCE_PIXELS} pixels and is not decoded.") from fault
    except UnidentifiedImageError as fault:
        raise MediaError(
            f"{name} is in no image format that can be read here, or its header is broken."
        ) from fault
    except Exception as fault:  # Pillow's decoders raise nearly every type on broken data.
        raise MediaError(f"{name} is truncated or damaged ({fault}).") from fault


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn any Pillow image upright (EXIF) and into RGB; alpha is laid on white, 16-bit grey scaled to 8."""
    # First of all: a damaged PNG whose EXIF was read before would load unnoticed, and TIFF turns itself.
    image.load()
    orientation = _orientation(image)
    rgb = _flatten(image)
    return rgb.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else rgb


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # Damaged EXIF in a sound picture: viewers show it as it lies, and so do we.
        return 1
    return value if isinstance(value, int) else 1


def _flatten(image: Image.Image) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _from_deep_grey(image)
    if image.mode in ("La", "RGBa"):
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Keep the upper byte of 16-bit grey; Pillow's own conversion clips everything above 255 to white."""
    deep = np.asarray(image).astype(np.int64)
    grey = (deep.clip(0, 65535) >> 8).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[deep == transparent] = 255
    return Image.fromarray(grey).convert("RGB")
