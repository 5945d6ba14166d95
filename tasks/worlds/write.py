"""Writes generated worlds as files in the hub data sets' own columns, so that one task reads both.

The repository's own data: `python -m vleval.tasks.worlds.write --output tasks/bundled --seed 2025`; its
example picture and clip: `--examples examples` in place of `--output`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vleval.tasks.worlds.documents.ocr_rows import write_ocr
from vleval.tasks.worlds.documents.page_rows import write_pages
from vleval.tasks.worlds.documents.papers import chartqa_rows, docvqa_rows
from vleval.tasks.worlds.documents.readings import write_readings
from vleval.tasks.worlds.encode import mp4, png
from vleval.tasks.worlds.grounding.detections import write_detections
from vleval.tasks.worlds.grounding.language import FREE, FULL, PLACELESS, Dialect
from vleval.tasks.worlds.grounding.places import write_places
from vleval.tasks.worlds.grounding.scenes import Scene, make_scene
from vleval.tasks.worlds.parquet import STRING, sequence, write_bytes, write_parquet
from vleval.tasks.worlds.shapes import Box, outline
from vleval.tasks.worlds.video.clips import make_clip
from vleval.tasks.worlds.video.moments import write_moments
from vleval.tasks.worlds.video.quizzes import write_quizzes

BUNDLED_SEED = 2025
BUNDLED_SCENES = {"val": 60, "test": 120}
BUNDLED_DIALECTS = {"refcoco+": PLACELESS, "refcocog": FULL}
BUNDLED_DIALECT_SCENES = 60
BUNDLED_CLIPS = {"val": 16, "test": 48}
BUNDLED_DOCUMENTS = {"validation": 14}
BUNDLED_CHARTS = {"test": 10}
EXAMPLE_SCENE, EXAMPLE_CLIP = 23, 7
"""Which of the split `example`, unrelated to all that was trained or tested on: legible ones, no more."""

_QUESTION = "Describe the object inside the box in a short phrase."


def refcoco_rows(split: str, seed: int, scenes: int, dialect: Dialect = FREE) -> Iterator[dict[str, Any]]:
    """One row per object that an expression means, all its sentences in `answer`, as on the hub."""
    for index in range(scenes):
        scene = make_scene(split, seed, index, dialect=dialect)
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


def write_refcoco(path: Path, split: str, seed: int, scenes: int, dialect: Dialect = FREE) -> int:
    """Writes `scenes` scenes as one parquet file with RefCOCO's columns; returns the number of rows."""
    import pyarrow as pa

    columns = {
        "question_id": (pa.string(), STRING),
        "image": (pa.struct({"bytes": pa.binary(), "path": pa.string()}), {"_type": "Image"}),
        "question": (pa.string(), STRING),
        "answer": (pa.list_(pa.string()), sequence("string")),
        "segmentation": (pa.list_(pa.float32()), sequence("float32")),
        "bbox": (pa.list_(pa.float32()), sequence("float32")),
        "iscrowd": (pa.int8(), {"dtype": "int8", "_type": "Value"}),
        "file_name": (pa.string(), STRING),
    }
    return write_parquet(path, columns, list(refcoco_rows(split, seed, scenes, dialect)))


def write_charades_sta(folder: Path, split: str, seed: int, clips: int) -> int:
    """Writes `folder/<split>.parquet` with Charades-STA's columns and the MP4 files under `folder/videos`.

    Returns the number of rows, one per event.
    """
    import pyarrow as pa

    rows = []
    for index in range(clips):
        clip = make_clip(split, seed, index)
        name = f"world_{split}_{index:06d}.mp4"
        write_bytes(folder / "videos" / name, mp4(clip))
        rows += [
            {"video": name, "caption": event.text, "timestamp": [event.start, event.end]}
            for event in clip.events
        ]
    columns = {
        "video": (pa.string(), STRING),
        "caption": (pa.string(), STRING),
        "timestamp": (pa.list_(pa.float64()), sequence("float64")),
    }
    return write_parquet(folder / f"{split}.parquet", columns, rows)


def write_docvqa(path: Path, split: str, seed: int, documents: int) -> int:
    """Writes `documents` pages as one parquet file with DocVQA's columns; returns the number of rows."""
    import pyarrow as pa

    columns = {
        "questionId": (pa.string(), STRING),
        "question": (pa.string(), STRING),
        "question_types": (pa.list_(pa.string()), sequence("string")),
        "image": (pa.struct({"bytes": pa.binary(), "path": pa.string()}), {"_type": "Image"}),
        "docId": (pa.int64(), {"dtype": "int64", "_type": "Value"}),
        "ucsf_document_id": (pa.string(), STRING),
        "ucsf_document_page_no": (pa.string(), STRING),
        "answers": (pa.list_(pa.string()), sequence("string")),
        "data_split": (pa.string(), STRING),
    }
    return write_parquet(path, columns, list(docvqa_rows(split, seed, documents)))


def write_chartqa(path: Path, split: str, seed: int, charts: int) -> int:
    """Writes `charts` charts as one parquet file with ChartQA's columns; returns the number of rows."""
    import pyarrow as pa

    columns = {
        "type": (pa.string(), STRING),
        "question": (pa.string(), STRING),
        "answer": (pa.string(), STRING),
        "image": (pa.struct({"bytes": pa.binary(), "path": pa.string()}), {"_type": "Image"}),
    }
    return write_parquet(path, columns, list(chartqa_rows(split, seed, charts)))


def write_bundled(folder: Path, seed: int = BUNDLED_SEED) -> dict[str, int]:
    """Writes all data that the repository carries below `folder`; returns the number of rows of each file."""
    rows = {}
    for split, scenes in BUNDLED_SCENES.items():
        rows[f"refcoco/{split}"] = write_refcoco(folder / "refcoco" / f"{split}.parquet", split, seed, scenes)
    for name, dialect in BUNDLED_DIALECTS.items():
        path = folder / name / "test.parquet"
        rows[f"{name}/test"] = write_refcoco(path, "test", seed, BUNDLED_DIALECT_SCENES, dialect)
    for split, clips in BUNDLED_CLIPS.items():
        rows[f"charades-sta/{split}"] = write_charades_sta(folder / "charades-sta", split, seed, clips)
    for split, pages in BUNDLED_DOCUMENTS.items():
        rows[f"docvqa/{split}"] = write_docvqa(folder / "docvqa" / f"{split}.parquet", split, seed, pages)
    for split, charts in BUNDLED_CHARTS.items():
        rows[f"chartqa/{split}"] = write_chartqa(folder / "chartqa" / f"{split}.parquet", split, seed, charts)
    rows |= write_detections(folder, seed)
    return (
        rows
        | write_moments(folder, seed)
        | write_ocr(folder, seed)
        | write_pages(folder, seed)
        | write_places(folder, seed)
        | write_quizzes(folder, seed)
        | write_readings(folder, seed)
    )


def write_examples(folder: Path, seed: int = BUNDLED_SEED) -> None:
    """Writes `folder/scene.png` and `folder/clip.mp4`, to point at."""
    write_bytes(folder / "scene.png", png(make_scene("example", seed, EXAMPLE_SCENE).image))
    write_bytes(folder / "clip.mp4", mp4(make_clip("example", seed, EXAMPLE_CLIP)))


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
