"""Local forms of referring expressions, turned into the hub's columns: REFER, COCO-style JSON and VLM-R1.

- REFER (lichengunc/refer): `refs(unc).p`, `refs(umd).p` or `refs(google).p` beside `instances.json`; the
  splits of the literature, one row per object.
- COCO-style: one JSON with `images` and `annotations`; sentences stand in a list `refs` as in REFER, in
  `caption` or `captions` of an annotation, or in `caption` of an image with one annotation (MDETR).
- VLM-R1 (`rec_jsons_processed`): a list of {"image", "problem", "solution": [x1, y1, x2, y2]}, one per
  sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vleval.tasks.base import DataError
from vleval.tasks.data import rows
from vleval.tasks.data.coco_json import Coco, entries, file_name, find, plain, tables
from vleval.tasks.data.plain_pickle import read_pickle
from vleval.tasks.data.readers import choose_split, load_json
from vleval.tasks.data.table import Row, Table

INSTANCES = "instances.json"
SPLITS = ("train", "val", "test", "testA", "testB")

_PROTOCOLS = ("unc", "umd", "google")
"""Makers of splits, those of published scores first."""
_COLUMNS = ("question_id", "image", "answer", "bbox")
_ASKED = re.compile(
    r"Please provide the bounding box coordinate of the region this sentence describes: (.*?)\.?"
)
"""VLM-R1 stores the question; vleval asks its own about the sentence in it."""


def open_rec(path: Path, split: str | None, default: str) -> tuple[Table, str] | None:
    """The rows of one split and its name; None where the path has none of the forms above.

    Raises DataError with the file and the entry.
    """
    if path.is_dir():
        releases = sorted(path.glob("refs(*).p"), key=_preference)
        return _refer(releases[0], split, default) if releases else None
    if path.suffix.lower() in (".p", ".pkl", ".pickle"):
        return _refer(path, split, default)
    if path.suffix.lower() != ".json":
        return None
    data = load_json(path)
    if isinstance(data, dict) and {"images", "annotations"} <= data.keys():
        return _coco(path, data, split, default)
    if (
        isinstance(data, list)
        and data
        and isinstance(data[0], dict)
        and {"problem", "solution"} <= data[0].keys()
    ):
        return _vlm_r1(path, data), split or _split_in_name(path)
    return None


def _preference(path: Path) -> tuple[int, str]:
    maker = path.name[len("refs(") : -len(").p")]
    return (_PROTOCOLS.index(maker) if maker in _PROTOCOLS else len(_PROTOCOLS), maker)


def _refer(path: Path, split: str | None, default: str) -> tuple[Table, str]:
    instances = path.parent / INSTANCES
    if not instances.is_file():
        raise DataError(f"{path} needs REFER's {INSTANCES} beside it, which holds the boxes.")
    data = load_json(instances)
    if not isinstance(data, dict):
        raise DataError(f"{instances} must be an object with images and annotations.")
    refs = entries(read_pickle(path), str(path))
    table, name = _of_split(refs, tables(data, str(instances)), str(path), split, default)
    return table, f"{name} (Google)" if "google" in path.name else name


def _coco(path: Path, data: Mapping[str, Any], split: str | None, default: str) -> tuple[Table, str]:
    coco = tables(data, str(path))
    if "refs" in data:
        refs = entries(data["refs"], f"{path}, refs")
        if all("split" in ref for ref in refs):
            return _of_split(refs, coco, f"{path}, refs", split, default)
        return _table(refs, coco, f"{path}, refs"), split or _split_in_name(path)
    per_image: dict[Any, int] = {}
    for annotation in coco.annotations.values():
        per_image[annotation.get("image_id")] = per_image.get(annotation.get("image_id"), 0) + 1
    refs = []
    for key, annotation in coco.annotations.items():
        said = annotation.get("captions", annotation.get("caption"))
        if said is None and per_image[annotation.get("image_id")] == 1:
            said = coco.images.get(annotation.get("image_id"), {}).get("caption")
        if said is not None:
            refs.append({"ref_id": key, "ann_id": key, "sentences": said})
    if not refs:
        raise DataError(
            f"{path} has boxes without sentences: give annotations a caption or captions, or the file a list "
            "refs of {ref_id, ann_id, sentences}; REFER's instances.json is read with its folder as --data."
        )
    return _table(refs, coco, str(path)), split or _split_in_name(path)


def _of_split(
    refs: Sequence[Mapping[str, Any]], coco: Coco, where: str, split: str | None, default: str
) -> tuple[Table, str]:
    found = tuple(dict.fromkeys(plain(ref.get("split")) for ref in refs))
    name = choose_split(where, found, split, default)
    return _table(refs, coco, where, name), name


def _table(refs: Sequence[Mapping[str, Any]], coco: Coco, where: str, split: str | None = None) -> Table:
    found = []
    for index, ref in enumerate(refs):
        if split is None or ref.get("split") == split:
            try:
                found.append(_row(ref, coco))
            except ValueError as error:
                raise DataError(f"{where}, entry {index} (the first is 0): {error}.") from error
    return Table(_COLUMNS, found, len(found))


def _row(ref: Mapping[str, Any], coco: Coco) -> Row:
    annotation = find(coco.annotations, ref.get("ann_id"), "annotation", coco.where)
    image = find(coco.images, annotation.get("image_id"), "image", coco.where)
    try:
        name = file_name(image)
    except ValueError as error:
        raise ValueError(f"image {plain(annotation.get('image_id'))} of {coco.where}: {error}") from error
    box = annotation.get("bbox")
    rows.corner_and_size(box, f"bbox of annotation {ref.get('ann_id')}")
    said = _sentences(ref.get("sentences"))
    return {
        "question_id": plain(ref.get("ref_id", ref.get("ann_id"))),
        "image": name,
        "answer": said,
        "bbox": box,
    }


def _sentences(value: Any) -> list[str]:
    """REFER's `[{"sent": ...}]` (lower case, as the literature asks), a list of strings, or one string."""
    if isinstance(value, list):
        value = [item.get("sent", item.get("raw")) if isinstance(item, dict) else item for item in value]
    if not isinstance(value, list | str):
        raise ValueError(f"sentences must be a list, not {type(value).__name__}")
    if not all(isinstance(item, str) for item in value):
        raise ValueError("sentences must be strings, or objects with sent")
    return rows.sentences(value, "sentences")


def _vlm_r1(path: Path, data: Sequence[Any]) -> Table:
    found = []
    for index, row in enumerate(data):
        where = f"{path}, row {index} (the first is 0):"
        if not isinstance(row, dict):
            raise DataError(f"{where} not an object.")
        try:
            x1, y1, x2, y2 = rows.corners(row.get("solution"), "solution")
            asked = rows.sentence(row.get("normal_caption") or row.get("problem"), "problem")
        except ValueError as error:
            raise DataError(f"{where} {error}.") from error
        inside = _ASKED.fullmatch(asked)
        found.append(
            {
                "question_id": plain(row.get("id", index)),
                "image": row.get("image"),
                "answer": [inside[1] if inside else asked],
                "bbox": [x1, y1, x2 - x1, y2 - y1],
            }
        )
    return Table(_COLUMNS, found, len(found))


def _split_in_name(path: Path) -> str:
    """`refcocog_val.json` -> `val`; a name that ends in no split is its own."""
    last = re.split(r"[_-]", path.stem)[-1]
    return last if last in SPLITS else path.stem.partition("-")[0]
