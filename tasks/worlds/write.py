"""Writes generated worlds as files in the hub data sets' own columns, so that one task reads both.

The repository's own data: `python -m vleval.tasks.worlds.write --output tasks/bundled --seed 2025`; its
example picture and clip: `--examples examples` in place of `--output`.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vleval.tasks.worlds.clips import make_clip
from vleval.tasks.worlds.encode import mp4, png
from vleval.tasks.worlds.scenes import Scene, make_scene
from vleval.tasks.worlds.shapes import Box, outline

if TYPE_CHECKING:
    import pyarrow as pa

BUNDLED_SEED = 2025
BUNDLED_SCENES = {"val": 60, "test": 120}
BUNDLED_CLIPS = {"val": 16, "test": 48}
EXAMPLE_SCENE, EXAMPLE_CLIP = 23, 7
"""Which of the split `example`, unrelated to all that was trained or tested on: legible ones, no more."""

_QUESTION = "Describe the object inside the box in a short phrase."
_STRING = {"dtype": "string", "_type": "Value"}


def refcoco_rows(split: str, seed: int, scenes: int) -> Iterator[dict[str, Any]]:
    """One row per object that an expression means, all its sentences in `answer`, as on the hub."""
    for index in range(scenes):
        scene = make_scene(split, seed, index)
        image = png(scene.image)
        for target in sorted({expression.target for expression in scene.expressions}):
            name = f"world_{split}_{index:06d}"
            yield {
                "question_id": f"{name}_{target}",
                "image": {"bytes": image, "path": f"{name}.png"},
                "question": _QUESTION,
                **_annotation(scene, target),
                "iscrowd": 0,
                "file_name": f"{name}.png",
            }


def _annotation(scene: Scene, target: int) -> dict[str, Any]:
    thing = scene.objects[target]
    x1, y1, x2, y2 = thing.bbox_xyxy
    corners = outline(thing.shape, Box(int(x1), int(y1), int(x2), int(y2)))
    return {
        "answer": [expression.text for expression in scene.expressions if expression.target == target],
        "segmentation": [float(value) for corner in corners for value in corner],
        "bbox": [x1, y1, x2 - x1, y2 - y1],
    }


def write_refcoco(path: Path, split: str, seed: int, scenes: int) -> int:
    """Writes `scenes` scenes as one parquet file with RefCOCO's columns; returns the number of rows."""
    import pyarrow as pa

    columns = {
        "question_id": (pa.string(), _STRING),
        "image": (pa.struct({"bytes": pa.binary(), "path": pa.string()}), {"_type": "Image"}),
        "question": (pa.string(), _STRING),
        "answer": (pa.list_(pa.string()), _sequence("string")),
        "segmentation": (pa.list_(pa.float32()), _sequence("float32")),
        "bbox": (pa.list_(pa.float32()), _sequence("float32")),
        "iscrowd": (pa.int8(), {"dtype": "int8", "_type": "Value"}),
        "file_name": (pa.string(), _STRING),
    }
    return _write_parquet(path, columns, list(refcoco_rows(split, seed, scenes)))


def write_charades_sta(folder: Path, split: str, seed: int, clips: int) -> int:
    """Writes `folder/<split>.parquet` with Charades-STA's columns and the MP4 files under `folder/videos`.

    Returns the number of rows, one per event.
    """
    import pyarrow as pa

    rows = []
    for index in range(clips):
        clip = make_clip(split, seed, index)
        name = f"world_{split}_{index:06d}.mp4"
        _write_bytes(folder / "videos" / name, mp4(clip))
        rows += [
            {"video": name, "caption": event.text, "timestamp": [event.start, event.end]}
            for event in clip.events
        ]
    columns = {
        "video": (pa.string(), _STRING),
        "caption": (pa.string(), _STRING),
        "timestamp": (pa.list_(pa.float64()), _sequence("float64")),
    }
    return _write_parquet(folder / f"{split}.parquet", columns, rows)


def write_bundled(folder: Path, seed: int = BUNDLED_SEED) -> dict[str, int]:
    """Writes all data that the repository carries below `folder`; returns the number of rows of each file."""
    rows = {}
    for split, scenes in BUNDLED_SCENES.items():
        rows[f"refcoco/{split}"] = write_refcoco(folder / "refcoco" / f"{split}.parquet", split, seed, scenes)
    for split, clips in BUNDLED_CLIPS.items():
        rows[f"charades-sta/{split}"] = write_charades_sta(folder / "charades-sta", split, seed, clips)
    return rows


def write_examples(folder: Path, seed: int = BUNDLED_SEED) -> None:
    """Writes `folder/scene.png` and `folder/clip.mp4`, to point at."""
    _write_bytes(folder / "scene.png", png(make_scene("example", seed, EXAMPLE_SCENE).image))
    _write_bytes(folder / "clip.mp4", mp4(make_clip("example", seed, EXAMPLE_CLIP)))


def _sequence(dtype: str) -> dict[str, Any]:
    """A list feature in the spelling that both old and new versions of `datasets` read."""
    return {"feature": {"dtype": dtype, "_type": "Value"}, "_type": "Sequence"}


def _write_parquet(
    path: Path, columns: dict[str, tuple[pa.DataType, dict[str, Any]]], rows: list[dict[str, Any]]
) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    features = {name: feature for name, (_, feature) in columns.items()}
    schema = pa.schema(
        [(name, kind) for name, (kind, _) in columns.items()],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink, compression="zstd")
    _write_bytes(path, sink.getvalue().to_pybytes())
    return len(rows)


def _write_bytes(path: Path, data: bytes) -> None:
    """Replaces `path` at once, so that a stopped run never leaves half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(data)
    os.replace(partial, path)


def main() -> None:
    """The command line of this file."""
    parser = argparse.ArgumentParser(description="Write the bundled worlds in the hub data sets' columns.")
    folders = parser.add_mutually_exclusive_group(required=True)
    folders.add_argument("--output", type=Path, help="folder to write the data to")
    folders.add_argument("--examples", type=Path, help="folder to write scene.png and clip.mp4 to")
    parser.add_argument("--seed", type=int, default=BUNDLED_SEED)
    options = parser.parse_args()
    if options.examples is not None:
        write_examples(options.examples, options.seed)
        return
    for name, rows in write_bundled(options.output, options.seed).items():
        print(f"{name}: {rows} rows")


if __name__ == "__main__":
    main()
