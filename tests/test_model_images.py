"""Reading images: every awkward file gives upright RGB, or one sentence."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from helpers import fixtures_path
from visual_kit import recorded
from vleval.model.errors import MediaError
from vleval.model.images import load_image, to_rgb
from vleval.model.io import Media

BROKEN = ("open_error", "load_error")


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> Media:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return Media("image", data=buffer.getvalue())


@pytest.mark.parametrize("entry", recorded("images/pillow_observed.json", "files"), ids=lambda e: e["file"])
def test_awkward_files_load_or_fail_with_one_sentence(entry: dict[str, Any]) -> None:
    media = Media("image", path=fixtures_path(entry["file"]))
    if any(key in entry for key in BROKEN):
        with pytest.raises(MediaError) as caught:
            load_image(media)
        assert "\n" not in str(caught.value)
        assert Path(entry["file"]).name in str(caught.value)
        return
    image = load_image(media)
    turned = (entry.get("orientation") or 1) >= 5 and entry[
        "format"
    ] != "TIFF"  # Pillow turns TIFF on its own.
    size = entry["size"][::-1] if turned else entry["size"]
    assert image.mode == "RGB"
    assert list(image.size) == size


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["jpg", "webp"])
def test_every_orientation_shows_the_same_upright_picture(orientation: int, kind: str) -> None:
    path = fixtures_path(f"images/pillow/hopper_orientation_{orientation}.{kind}")
    got = np.asarray(load_image(Media("image", path=path)))
    truth = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    assert (got == truth).all()


@pytest.mark.parametrize("name", ["g4_orientation_6.tif", "rot3mir1.avif", "xmp_tags_orientation.png"])
def test_orientation_of_other_formats(name: str) -> None:
    path = fixtures_path(f"images/pillow/{name}")
    truth = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    got = load_image(Media("image", path=path))
    assert got.size == truth.size
    assert (np.asarray(got) == np.asarray(truth)).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "La", "RGBa", "PA"])
def test_transparent_pixels_become_white(mode: str) -> None:
    image = Image.new("RGBA", (2, 1), (200, 10, 10, 255))
    image.putpixel((1, 0), (200, 10, 10, 0))
    carriers = {"La": "LA", "RGBa": "RGBA", "PA": "RGBA"}
    image = image.convert(carriers.get(mode, mode))
    if mode == "PA":
        alpha = image.getchannel("A")
        image = image.convert("RGB").convert("P").convert("PA")
        image.putalpha(alpha)
    elif mode in carriers:
        image = image.convert(mode)
    got = np.asarray(to_rgb(image))
    assert (got[0, 1] == 255).all()
    assert not (got[0, 0] == 255).all()


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_colour_becomes_white(mode: str) -> None:
    image = Image.new("RGB", (2, 1), (0, 0, 0))
    image.putpixel((1, 0), (90, 90, 90))
    image = image.convert(mode)
    key = image.getpixel((1, 0))
    got = np.asarray(load_image(encoded(image, transparency=key)))
    assert (got[0, 1] == 255).all()
    assert (got[0, 0] == 0).all()


def test_sixteen_bit_grey_keeps_its_shades() -> None:
    ramp = np.linspace(0, 65535, 512).astype(np.uint16).reshape(16, 32)
    got = np.asarray(load_image(encoded(Image.fromarray(ramp))))
    assert len(np.unique(got)) == 256
    assert (got[..., 0] == ramp >> 8).all()


def test_sixteen_bit_transparency() -> None:
    pixels = np.array([[0, 4660]], dtype=np.uint16)
    got = np.asarray(load_image(encoded(Image.fromarray(pixels), transparency=4660)))
    assert got[0].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    media = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert load_image(media).getpixel((0, 0)) == (255, 0, 0)


def test_cmyk_and_greyscale_become_rgb() -> None:
    assert load_image(encoded(Image.new("CMYK", (4, 4), (0, 0, 0, 0)), "JPEG")).getpixel((0, 0)) == (
        255,
        255,
        255,
    )
    assert load_image(encoded(Image.new("L", (4, 4), 77))).getpixel((0, 0)) == (77, 77, 77)


@pytest.mark.parametrize("kept", [0, 1, 8, 30, 200, 1000, 0.5, 0.9])
def test_a_truncated_picture_is_a_media_error(kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(noise), "JPEG").read()
    cut = whole[: int(kept if kept >= 1 else kept * len(whole))]
    with pytest.raises(MediaError):
        load_image(Media("image", data=cut))


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    with pytest.raises(MediaError, match=r"bomb\.png has"):
        load_image(Media("image", path=path))


def test_a_missing_file_and_a_text_file_are_media_errors(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        load_image(Media("image", path=tmp_path / "absent.png"))
    with pytest.raises(MediaError, match="no image format"):
        load_image(Media("image", data=b"<html>not found</html>"))


def test_formats_that_start_programs_are_not_opened() -> None:
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    with pytest.raises(MediaError, match="no image format"):
        load_image(Media("image", data=eps))
