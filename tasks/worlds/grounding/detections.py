"""Pictures of things as rows of the detection benchmarks, in the hub sets' columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vleval.tasks.grounding.coco import CLASSES
from vleval.tasks.worlds.encode import png
from vleval.tasks.worlds.grounding.things import KINDS, make_view
from vleval.tasks.worlds.parquet import IMAGE, STRING, sequence, value, write_parquet

if TYPE_CHECKING:
    from vleval.tasks.worlds.parquet import Columns

Row = dict[str, Any]


class Subset(NamedTuple):
    """One of several sets that count alike."""

    name: str
    categories: dict[str, str]
    """Name in the set -> the kind that is drawn."""
    pictures: int


SUBSETS = (
    Subset("Signs", {"Stop Sign": "stop sign", "Traffic Light": "traffic light"}, 12),
    Subset("Desk", {"book": "book", "clock": "clock", "snack": "orange"}, 5),
    Subset("Kites", {"kite": "kite"}, 2),
)


def odinw13_rows(seed: int) -> Iterator[Row]:
    """Three subsets of 12, 5 and 2 pictures with 0 to 5 things; two pictures of the first show none."""
    for subset in SUBSETS:
        named = {kind: name for name, kind in subset.categories.items()}
        for index in range(subset.pictures):
            count = (2, 4, 1, 5, 0, 3)[index % 6] if subset is SUBSETS[0] else 1 + (index * 2) % 5
            view = make_view(f"test {subset.name}", seed, index, tuple(named), count)
            yield {
                "image": {"bytes": png(view.image), "path": f"{subset.name.lower()}_{index:03d}.png"},
                "categories": list(subset.categories),
                "bboxes": [[float(side) for side in thing.box] for thing in view.things],
                "labels": [named[thing.kind] for thing in view.things],
                "dataset_name": subset.name,
            }


def coco_rows(seed: int) -> Iterator[Row]:
    """Fourteen pictures with 0 to 6 things of six of COCO's kinds; three have a heap, marked as a crowd."""
    number = 0
    for index in range(14):
        heap = "orange" if index % 5 == 3 else None
        view = make_view("val coco", seed, index, KINDS, (3, 5, 1, 2, 6, 0, 4)[index % 7], heap)
        height, width = view.image.shape[:2]
        first, number = number, number + len(view.things)
        yield {
            "image_id": 1000 + index,
            "image": {"bytes": png(view.image), "path": f"{1000 + index:012d}.png"},
            "width": width,
            "height": height,
            "objects": {
                "bbox_id": list(range(first, number)),
                "category": [CLASSES.index(thing.kind) for thing in view.things],
                "bbox": [[float(side) for side in thing.box] for thing in view.things],
                "area": [float(thing.area) for thing in view.things],
                "iscrowd": [int(thing.heap) for thing in view.things],
            },
        }


def write_detections(folder: Path, seed: int) -> dict[str, int]:
    """Writes the data sets of this file below `folder`; returns the number of rows of each."""
    known = _columns()
    written = {}
    for name, rows in (("odinw13/test", list(odinw13_rows(seed))), ("coco/val", list(coco_rows(seed)))):
        columns = {column: known[column] for column in rows[0]}
        written[name] = write_parquet(folder / f"{name}.parquet", columns, rows)
    return written


def _columns() -> Columns:
    import pyarrow as pa

    boxes = {"feature": sequence("float64"), "_type": "Sequence"}
    kinds: dict[str, tuple[pa.DataType, Any]] = {
        "bbox_id": (pa.int64(), value("int64")),
        "category": (pa.int64(), {"names": list(CLASSES), "_type": "ClassLabel"}),
        "bbox": (pa.list_(pa.float64()), sequence("float64")),
        "area": (pa.float64(), value("float64")),
        "iscrowd": (pa.int64(), value("int64")),
    }
    objects = pa.struct({name: pa.list_(kind) for name, (kind, _) in kinds.items()})
    return {
        **{name: (pa.int64(), value("int64")) for name in ("image_id", "width", "height")},
        "image": (pa.struct({"bytes": pa.binary(), "path": pa.string()}), IMAGE),
        "objects": (
            objects,
            {"feature": {name: feature for name, (_, feature) in kinds.items()}, "_type": "Sequence"},
        ),
        "categories": (pa.list_(pa.string()), sequence("string")),
        "bboxes": (pa.list_(pa.list_(pa.float64())), boxes),
        "labels": (pa.list_(pa.string()), sequence("string")),
        "dataset_name": (pa.string(), STRING),
    }
