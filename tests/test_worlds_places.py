"""Crowds and screens: what is drawn is what the rows say, and the bundled files are the generators'."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from scipy import ndimage

from vleval.tasks.data.sources import BUNDLED
from vleval.tasks.worlds.grounding import places
from vleval.tasks.worlds.grounding.crowds import make_crowd
from vleval.tasks.worlds.grounding.screens import make_screen
from vleval.tasks.worlds.shapes import COLORS
from vleval.tasks.worlds.write import BUNDLED_SEED

NAMES = ("screenspot", "screenspot-v2", "screenspot-pro", "pixmo-points", "pointbench", "countbench")


def stored(name: str) -> list[dict[str, Any]]:
    return list(pq.read_table(BUNDLED / name / "test.parquet").to_pylist())


def fresh(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    if name == "pointbench":
        return (row for row, _ in places.pointbench_rows(BUNDLED_SEED, folder))
    makers = {
        "screenspot": places.screenspot_rows,
        "screenspot-v2": places.screenspot_v2_rows,
        "screenspot-pro": places.screenspot_pro_rows,
        "pixmo-points": places.pixmo_points_rows,
        "countbench": places.countbench_rows,
    }
    return makers[name](BUNDLED_SEED)


@functools.cache
def pixels(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.array(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("name", NAMES)
def test_bundled_rows_are_the_generators(name: str, tmp_path: Path) -> None:
    """Pixels, not file bytes: another build of zlib packs the same picture differently."""
    for ours, theirs in zip(fresh(name, tmp_path), stored(name), strict=True):
        image, expected = ours.pop("image", None), theirs.pop("image", None)
        assert ours == theirs
        if image is not None:
            assert np.array_equal(pixels(image["bytes"]), pixels(expected["bytes"]))


COLUMNS = {
    "screenspot": "file_name bbox instruction data_type data_source image",
    "screenspot-v2": "file_name bbox instruction data_type data_source image image_width image_height",
    "screenspot-pro": "id image img_filename bbox img_size instruction application platform ui_type group",
    "pixmo-points": "image label points masks",
    "pointbench": "image_filename mask_filename user_input category count",
    "countbench": "image text question number",
}


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_those_of_the_hub(name: str) -> None:
    assert pq.read_schema(BUNDLED / name / "test.parquet").names == COLUMNS[name].split()


def test_datasets_reads_the_nested_columns(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    path = str(BUNDLED / "pixmo-points" / "test.parquet")
    data = datasets.load_dataset("parquet", data_files={"test": path}, split="test", cache_dir=str(tmp_path))
    row = data[3]
    assert np.array(row["masks"]).shape == (3, *np.array(row["image"]).shape[:2])
    assert set(row["points"][0]) == {"x", "y"}


def test_one_call_writes_the_same_bytes_again(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        assert places.write_places(tmp_path / folder, 7)["countbench/test"] == 30
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*")]
    assert len(files) == len(NAMES) + 24
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path


@pytest.mark.parametrize("wanted", [0, 1, 4, 9])
def test_a_crowd_has_as_many_as_it_says(wanted: int) -> None:
    """Counted anew, from the pixels: patches of the colour whose drawn share of their box is the shape's."""
    for index in range(4):
        crowd = make_crowd("train", 3, index, wanted)
        assert len(crowd.wanted) == wanted
        near = np.abs(crowd.image.astype(int) - COLORS[crowd.kind[0]]).max(axis=-1) <= 12
        patches, _ = ndimage.label(near)
        found = 0
        for rows, columns in ndimage.find_objects(patches):
            height, width = rows.stop - rows.start, columns.stop - columns.start
            share = near[rows, columns].mean()
            shape = min(FILLED, key=lambda name: abs(FILLED[name] - share))
            found += min(height, width) > 10 and shape == crowd.kind[1]
        assert found == wanted


FILLED = {"square": 1.0, "circle": np.pi / 4, "triangle": 0.5, "star": 0.37}
"""Share of its box that a shape covers."""


def test_points_lie_in_their_own_mask_alone() -> None:
    rows = stored("pixmo-points")
    assert sum(not row["masks"] for row in rows) == 4
    for row in rows:
        masks = np.array(row["masks"], dtype=bool)
        for number, point in enumerate(row["points"]):
            height, width = masks.shape[1:]
            x, y = round(point["x"] * width / 100), round(point["y"] * height / 100)
            assert np.flatnonzero(masks[:, y, x]).tolist() == [number]


def test_counts_cover_every_number_and_the_caption_leaks() -> None:
    rows = stored("countbench")
    assert sorted(row["number"] for row in rows) == sorted([*range(10)] * 3)
    assert all(places.NUMBERS[row["number"]] in row["text"] for row in rows)
    assert not any(places.NUMBERS[row["number"]] in row["question"].split() for row in rows)


@pytest.mark.parametrize("size", [places.SCREEN, places.LARGE_SCREEN])
def test_widgets_are_drawn_where_they_are_said_to_be(size: tuple[int, int]) -> None:
    for index in range(12):
        screen = make_screen("train", 5, index, size)
        assert screen.image.shape == (size[1], size[0], 3)
        said = [widget.instruction for widget in screen.widgets]
        assert len(set(said)) == len(said) == 11
        taken = np.zeros(size[::-1], dtype=int)
        for widget in screen.widgets:
            left, top, right, bottom = widget.box
            assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
            taken[top:bottom, left:right] += 1
            inside = screen.image[top:bottom, left:right].reshape(-1, 3)
            assert len(np.unique(inside, axis=0)) > 1, "nothing is drawn there"
        assert taken.max() == 1, "two widgets overlap"
