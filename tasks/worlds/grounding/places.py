"""Crowds and screens as rows of the pointing, counting and clicking benchmarks, in the hub sets' columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vleval.tasks.worlds.encode import png
from vleval.tasks.worlds.grounding.crowds import Crowd, make_crowd
from vleval.tasks.worlds.grounding.screens import Screen, Widget, make_screen
from vleval.tasks.worlds.parquet import IMAGE, STRING, sequence, value, write_bytes, write_parquet

if TYPE_CHECKING:
    from vleval.tasks.worlds.parquet import Columns

SPLIT = "test"
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SCREEN, LARGE_SCREEN = (640, 400), (1280, 720)
"""Width and height of ScreenSpot's pages and of ScreenSpot-Pro's."""

Row = dict[str, Any]


def pixmo_points_rows(seed: int) -> Iterator[Row]:
    """Sixteen pictures with 0 to 4 things to point at; four have none."""
    for index in range(16):
        crowd = make_crowd(f"{SPLIT} points", seed, index, index % 5)
        height, width = crowd.image.shape[:2]
        yield {
            "image": _image(png(crowd.image), f"points_{index:03d}.png"),
            "label": crowd.label,
            "points": [
                {"x": 100 * thing.point[0] / width, "y": 100 * thing.point[1] / height}
                for thing in crowd.wanted
            ],
            "masks": [crowd.mask((thing,)).tolist() for thing in crowd.wanted],
        }


def countbench_rows(seed: int) -> Iterator[Row]:
    """Thirty pictures, three for each number from 0 to 9; the caption tells it."""
    for index in range(30):
        number = index % 10
        crowd = make_crowd(f"{SPLIT} counts", seed, index, number)
        yield {
            "image": _image(png(crowd.image), f"counts_{index:03d}.png"),
            "text": f"A picture with {NUMBERS[number]} {crowd.label}.",
            "question": f"How many {crowd.label} are there in the image?",
            "number": number,
        }


def pointbench_rows(seed: int, folder: Path) -> Iterator[tuple[Row, dict[Path, bytes]]]:
    """Twelve requests with the files they name, below `folder`: pictures in `images`, masks in `masks`."""
    for index in range(12):
        crowd = make_crowd(f"{SPLIT} requests", seed, index, 2 + index % 4)
        name, mask_name = f"request_{index:03d}.png", f"mask_{index:03d}.png"
        request, category, things = _request(crowd, index)
        mask = np.repeat(crowd.mask(things)[..., None], 3, axis=-1).astype(np.uint8) * np.uint8(255)
        row = {
            "image_filename": name,
            "mask_filename": mask_name,
            "user_input": request,
            "category": category,
            "count": len(things),
        }
        yield row, {folder / "images" / name: png(crowd.image), folder / "masks" / mask_name: png(mask)}


def _request(crowd: Crowd, index: int) -> tuple[str, str, tuple[Any, ...]]:
    color, shape = crowd.kind
    if index % 3 == 0:
        return f"Point to all of the {crowd.label}.", "counting", crowd.wanted
    if index % 3 == 1:
        return f"Point to the leftmost {color} {shape}.", "spatial", crowd.wanted[:1]
    return f"Point to the rightmost {color} {shape}.", "spatial", crowd.wanted[-1:]


def screenspot_rows(seed: int) -> Iterator[Row]:
    """Six pages, their boxes as corners in shares of the sides."""
    for page, _, picture, widget in _clicks("spot", seed, SCREEN, pages=6):
        width, height = SCREEN
        x1, y1, x2, y2 = widget.box
        yield {
            "file_name": f"spot_{page:02d}.png",
            "bbox": [x1 / width, y1 / height, x2 / width, y2 / height],
            "instruction": widget.instruction,
            "data_type": widget.kind,
            "data_source": ("windows", "macos", "gitlab")[page % 3],
            "image": _image(picture, f"spot_{page:02d}.png"),
        }


def screenspot_v2_rows(seed: int) -> Iterator[Row]:
    """Six pages, their boxes as corner and size in pixels, as in the original annotation files."""
    for page, _, picture, widget in _clicks("spot v2", seed, SCREEN, pages=6):
        x1, y1, x2, y2 = widget.box
        yield {
            "file_name": f"spot_v2_{page:02d}.png",
            "bbox": [float(value) for value in (x1, y1, x2 - x1, y2 - y1)],
            "instruction": widget.instruction,
            "data_type": widget.kind,
            "data_source": ("ios", "android", "shop")[page % 3],
            "image": _image(picture, f"spot_v2_{page:02d}.png"),
            "image_width": SCREEN[0],
            "image_height": SCREEN[1],
        }


def screenspot_pro_rows(seed: int) -> Iterator[Row]:
    """Six larger pages, their boxes as corners in pixels."""
    for page, screen, picture, widget in _clicks("spot pro", seed, LARGE_SCREEN, pages=6):
        name = screen.program.lower().replace(" ", "_")
        yield {
            "id": f"{name}_{page}_{screen.widgets.index(widget)}",
            "image": _image(picture, f"{name}/screenshot_{page}.png"),
            "img_filename": f"{name}/screenshot_{page}.png",
            "bbox": [float(value) for value in widget.box],
            "img_size": list(LARGE_SCREEN),
            "instruction": widget.instruction,
            "application": name,
            "platform": ("windows", "macos", "linux")[page % 3],
            "ui_type": widget.kind,
            "group": screen.group,
        }


def _clicks(
    name: str, seed: int, size: tuple[int, int], pages: int
) -> Iterator[tuple[int, Screen, bytes, Widget]]:
    """Every other widget of each page, with the page's PNG."""
    for page in range(pages):
        screen = make_screen(f"{SPLIT} {name}", seed, page, size)
        picture = png(screen.image)
        yield from ((page, screen, picture, widget) for widget in screen.widgets[page % 2 :: 2])


def _image(data: bytes, name: str) -> dict[str, Any]:
    return {"bytes": data, "path": name}


def write_places(folder: Path, seed: int) -> dict[str, int]:
    """Writes all data sets of this file below `folder`; returns the number of rows of each."""
    requests = []
    for row, files in pointbench_rows(seed, folder / "pointbench"):
        requests.append(row)
        for path, data in files.items():
            write_bytes(path, data)
    tables = {
        "screenspot": screenspot_rows(seed),
        "screenspot-v2": screenspot_v2_rows(seed),
        "screenspot-pro": screenspot_pro_rows(seed),
        "pixmo-points": pixmo_points_rows(seed),
        "pointbench": iter(requests),
        "countbench": countbench_rows(seed),
    }
    known, written = _columns(), {}
    for name, stream in tables.items():
        rows = list(stream)
        columns = {column: known[column] for column in rows[0]}
        written[f"{name}/{SPLIT}"] = write_parquet(folder / name / f"{SPLIT}.parquet", columns, rows)
    return written


def _columns() -> Columns:
    """All columns of these data sets: none has another type in another set."""
    import pyarrow as pa

    texts = "label text question user_input category image_filename mask_filename file_name instruction"
    texts += " data_type data_source id img_filename application platform ui_type group"
    numbers = ("number", "count", "image_width", "image_height")
    xy = pa.struct({"x": pa.float64(), "y": pa.float64()})
    nested = {"feature": {"feature": sequence("bool"), "_type": "Sequence"}, "_type": "Sequence"}
    return {
        **{name: (pa.string(), STRING) for name in texts.split()},
        **{name: (pa.int64(), value("int64")) for name in numbers},
        "image": (pa.struct({"bytes": pa.binary(), "path": pa.string()}), IMAGE),
        "bbox": (pa.list_(pa.float64()), sequence("float64")),
        "img_size": (pa.list_(pa.int64()), sequence("int64")),
        "points": (pa.list_(xy), [{"x": value("float64"), "y": value("float64")}]),
        "masks": (pa.list_(pa.list_(pa.list_(pa.bool_()))), nested),
    }
