"""Pictures of things: what is drawn is what the rows say, and the bundled files are the generators'."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from vleval.tasks.data.readers import from_dataset
from vleval.tasks.data.sources import BUNDLED, open_data
from vleval.tasks.grounding.coco import CLASSES
from vleval.tasks.registry import get_task
from vleval.tasks.worlds.grounding import detections
from vleval.tasks.worlds.grounding.things import KINDS, make_view
from vleval.tasks.worlds.write import BUNDLED_SEED

FILES: dict[str, Callable[[int], Iterator[dict[str, Any]]]] = {
    "odinw13/test": detections.odinw13_rows,
    "coco/val": detections.coco_rows,
}


def stored(name: str) -> list[dict[str, Any]]:
    return list(pq.read_table(BUNDLED / f"{name}.parquet").to_pylist())


def pixels(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.array(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("name", FILES)
def test_bundled_rows_are_the_generators(name: str) -> None:
    """Pixels, not file bytes: another build of zlib packs the same picture differently."""
    for ours, theirs in zip(FILES[name](BUNDLED_SEED), stored(name), strict=True):
        image, expected = ours.pop("image"), theirs.pop("image")
        assert ours == theirs
        assert image["path"] == expected["path"]
        assert np.array_equal(pixels(image["bytes"]), pixels(expected["bytes"]))


def test_columns_are_those_of_the_hub() -> None:
    """And one within `objects` that COCO's own files have."""
    flat = pq.read_schema(BUNDLED / "odinw13" / "test.parquet").names
    assert flat == ["image", "categories", "bboxes", "labels", "dataset_name"]
    schema = pq.read_schema(BUNDLED / "coco" / "val.parquet")
    assert schema.names == ["image_id", "image", "width", "height", "objects"]
    inside = [field.name for field in schema.field("objects").type]
    assert inside == ["bbox_id", "category", "bbox", "area", "iscrowd"]


@pytest.mark.parametrize("name", FILES)
def test_datasets_reads_the_nested_columns(name: str, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    path = str(BUNDLED / f"{name}.parquet")
    data = datasets.load_dataset("parquet", data_files={"test": path}, split="test", cache_dir=str(tmp_path))
    task = get_task(name.partition("/")[0])
    for row, expected in zip(from_dataset(data).rows, open_data(task, "bundled").samples, strict=True):
        (read,) = task.rows(row, expected.id.partition("#")[2])
        assert (read.id, read.target, read.question) == (expected.id, expected.target, expected.question)
    if name == "coco/val":
        kinds = data.features["objects"]
        kinds = kinds["category"] if "category" in kinds else kinds.feature["category"]
        assert kinds.feature.names[:2] == ["person", "bicycle"]
        assert sum(data[3]["objects"]["iscrowd"]) == 1
    else:
        assert len(data[0]["bboxes"]) == len(data[0]["labels"]) == 2


def test_one_call_writes_the_same_bytes_again(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        assert detections.write_detections(tmp_path / folder, 7) == {"odinw13/test": 19, "coco/val": 14}
    for name in FILES:
        one, two = (tmp_path / folder / f"{name}.parquet" for folder in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
        assert one.stat().st_size < 100_000


def test_subsets_differ_in_size_and_some_pictures_are_empty() -> None:
    rows = stored("odinw13/test")
    names = [row["dataset_name"] for row in rows]
    assert {name: names.count(name) for name in names} == {"Signs": 12, "Desk": 5, "Kites": 2}
    assert sum(not row["labels"] for row in rows) == 2
    coco = [row["objects"] for row in stored("coco/val")]
    areas = [area for row in coco for area in row["area"]]
    assert min(areas) < 32**2 / 4 and max(areas) > 96**2
    assert sum(sum(row["iscrowd"]) for row in coco) == 3
    assert sum(not row["bbox"] for row in coco) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_thing_touches_all_sides_of_its_box_and_leaves_none(kind: str) -> None:
    """Against a picture of the same random stream: what differs from the ground is the thing."""
    assert kind in CLASSES
    for index in range(6):
        view = make_view("train", 3, index, (kind,), 1)
        (thing,) = view.things
        left, top, right, bottom = thing.box
        around = np.ones(view.image.shape[:2], dtype=bool)
        around[top:bottom, left:right] = False
        ground = view.image[around].astype(int)
        assert (ground.max(axis=1) - ground.min(axis=1)).max() < 70  # nearly grey, all of it
        inside = view.image[top:bottom, left:right].astype(int)
        nearest = np.abs(inside[..., None, :] - np.unique(ground, axis=0)).sum(axis=-1).min(axis=-1)
        drawn = nearest > 30
        assert drawn[0].any() and drawn[-1].any() and drawn[:, 0].any() and drawn[:, -1].any()
        assert 0.9 * drawn.sum() <= thing.area <= (right - left) * (bottom - top)


def test_a_heap_is_one_crowd() -> None:
    view = make_view("train", 3, 1, ("kite",), 2, "orange")
    assert [thing.heap for thing in view.things] == [False, False, True]
    heap = view.things[-1]
    assert heap.kind == "orange"
    assert 0.2 < heap.area / ((heap.box.right - heap.box.left) * (heap.box.bottom - heap.box.top)) < 1.0
