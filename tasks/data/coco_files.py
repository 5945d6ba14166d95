"""Local forms of detection sets, turned into the hub's columns: one COCO annotation file, and ODinW's tree.

- COCO: `instances_val2017.json`, or a folder that holds such files itself or in `annotations`; pictures lie
  in the folder given with --media.
- ODinW: `<folder>/<subset>/**/<split>/annotations_without_background.json` beside the pictures, or
  `<split>_annotations_without_background.json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vleval.tasks.base import DataError
from vleval.tasks.data import rows
from vleval.tasks.data.coco_json import Entry, by_id, entries, file_name, find, plain
from vleval.tasks.data.readers import choose_split, load_json
from vleval.tasks.data.table import Row, Table

SUBSETS = frozenset(
    (
        *("AerialMaritimeDrone", "Aquarium", "CottontailRabbits", "EgoHands", "NorthAmericaMushrooms"),
        *("Packages", "PascalVOC", "pistols", "pothole", "Raccoon", "ShellfishOpenImages"),
        *("thermalDogsAndPeople", "VehiclesOpenImages"),
    )
)
"""The thirteen of ODinW-13, as GLIP's folders are called; a tree may hold the 35."""

_VARIANTS = {
    "AerialMaritimeDrone": "large",
    "Aquarium": "Aquarium Combined.v2-raw-1024.coco",
    "EgoHands": "generic",
    "NorthAmericaMushrooms": "North American Mushrooms.v1-416x416.coco",
    "Packages": "Raw",
    "Raccoon": "Raccoon.v2-raw.coco",
    "ShellfishOpenImages": "raw",
    "VehiclesOpenImages": "416x416",
    "pistols": "export",
}
"""Where a subset comes in several forms, the one that ODinW-13 means (microsoft/GLIP, configs/odinw_13)."""

_ALSO = {
    "test": ("mini_test",),
    "valid": ("val", "mini_val"),
    "val": ("valid", "mini_val"),
    "mini_val": ("valid", "val"),
}
"""Other names of a split, which some subsets have it under; GLIP's own figures are of mini_val."""
_UNTESTED = {"PascalVOC": ("valid", "val")}
"""Subsets without a test split, and what GLIP tests them on."""

_PREFERRED = ("new_annotations_without_background", "annotations_without_background", "annotations")
"""What an annotation file's name begins with, the best first."""

_COCO_COLUMNS = ("image_id", "image", "width", "height", "objects", "categories", "category_ids")
_ODINW_COLUMNS = ("image_id", "image", "categories", "bboxes", "labels", "dataset_name")


def _words(name: str) -> str:
    """A folder's name without blanks, marks and case: `Pascal VOC`, as Roboflow has it, is PascalVOC."""
    return "".join(character for character in name.casefold() if character.isalnum())


_BY_WORDS = {_words(subset): subset for subset in SUBSETS}


class _Picture(NamedTuple):
    """One picture of an annotation file with all its objects."""

    entry: Entry
    name: str
    boxes: list[list[float]]
    labels: list[str]
    crowd: list[int]
    areas: list[float]


class _Annotated(NamedTuple):
    """One annotation file of ODinW's tree."""

    path: Path
    split: str


def open_coco(path: Path, split: str | None, default: str) -> tuple[Table, str] | None:
    """The rows of a COCO annotation file, and its split; None where the path is none.

    Raises DataError with the file and the id of the entry.
    """
    if path.is_dir():
        files = {
            file.stem.removeprefix("instances_"): file
            for folder in (path / "annotations", path)
            for file in sorted(folder.glob("instances_*.json"))
        }
        if not files:
            return None
        # instances_val2017.json is the split val
        named = {name: file for name, file in files.items() if name.startswith(split or default)}
        name = next(iter(named)) if len(named) == 1 else choose_split(str(path), tuple(files), split, default)
        path = files[name]
    elif path.suffix.lower() != ".json":
        return None
    data = load_json(path)
    if not isinstance(data, dict) or "images" not in data:
        return None
    if missing := [table for table in ("annotations", "categories") if table not in data]:
        raise DataError(
            f"{path} has images and no {' and no '.join(missing)}: nothing can be scored with it."
        )
    categories = _categories(data, str(path))
    found = [_coco_row(picture, categories, str(path)) for picture in _pictures(data, str(path))]
    return Table(_COCO_COLUMNS, found, len(found)), split or path.stem.removeprefix("instances_")


def open_odinw(path: Path, split: str | None, default: str) -> tuple[Table, str] | None:
    """The rows of all subsets of a tree, and the split; None where the path is no such tree.

    Raises DataError with the folder, or with the file and the id of the entry.
    """
    if not path.is_dir():
        return None
    subsets: dict[str, list[_Annotated]] = {}
    for file in sorted(path.glob("*/**/*annotations*.json")):
        folder, *inner = file.relative_to(path).parts
        before = file.stem.partition("annotations")[0].strip("_")
        prefixed = before if before not in ("", "new") else ""
        if prefixed or len(inner) > 1:
            subsets.setdefault(folder, []).append(_Annotated(file, prefixed or inner[-2]))
    if not subsets:
        return None
    wanted = split or default
    found: list[Row] = []
    known = {folder: subset for folder in subsets if (subset := _BY_WORDS.get(_words(folder)))}
    for folder, subset in sorted((known or {folder: folder for folder in subsets}).items()):
        file = _chosen(path / folder, subset, subsets[folder], wanted)
        data = load_json(file)
        if not isinstance(data, dict):
            raise DataError(f"{file} must be an object with images, annotations and categories.")
        names = list(_categories(data, str(file)).values())
        place = file.parent.relative_to(path)
        found += [_odinw_row(picture, names, subset, place) for picture in _pictures(data, str(file))]
    return Table(_ODINW_COLUMNS, found, len(found)), wanted


def _chosen(folder: Path, subset: str, files: Sequence[_Annotated], wanted: str) -> Path:
    """The one annotation file of a subset's split."""
    splits = {file.split for file in files}
    stands_in = _UNTESTED.get(subset, ()) if wanted == "test" else ()
    names = (wanted, *_ALSO.get(wanted, ()), *stands_in)
    name = next((name for name in names if name in splits), None)
    if name is None:
        raise DataError(f"{folder} has no split {wanted!r}; it has: {', '.join(sorted(splits))} (--split).")
    left = [file.path for file in files if file.split == name]
    meant = [file for file in left if _VARIANTS.get(subset) in file.relative_to(folder).parts]
    best = min(left, key=_rank) if len({file.parent for file in left}) == 1 else None
    if best is None and len({file.parent for file in meant}) == 1:
        best = min(meant, key=_rank)
    if best is None:
        listed = ", ".join(str(file.relative_to(folder)) for file in left)
        raise DataError(f"{folder} has several forms of split {name} ({listed}): keep one of them.")
    return best


def _rank(file: Path) -> int:
    stem = file.stem.lstrip("_")
    return next((rank for rank, start in enumerate(_PREFERRED) if start in stem), len(_PREFERRED))


def _categories(data: Mapping[str, Any], where: str) -> dict[Any, str]:
    """Names by id, in the order of the ids; without a root, which has no box and only names its kind (in
    CottontailRabbits as its only member)."""
    table = by_id(data, "categories", where)
    found = entries(data.get("annotations"), f"{where}, annotations")
    used = {key for entry in found if isinstance(key := entry.get("category_id"), int | str)}
    named = {}
    for key, entry in sorted(table.items(), key=lambda item: (isinstance(item[0], str), item[0])):
        try:
            named[key] = rows.sentence(entry.get("name"), "name")
        except ValueError as error:
            raise DataError(f"{where}, category {plain(key)}: {error}.") from error
    roots = {
        other.get("supercategory")
        for key, other in table.items()
        if other.get("name") != other.get("supercategory")
    }
    asked = {name for key, name in named.items() if key in used}
    return {key: name for key, name in named.items() if key in used or name not in roots | asked}


def _pictures(data: Mapping[str, Any], where: str) -> Iterator[_Picture]:
    """All pictures in the order of the file, also those without an object. Raises DataError."""
    images, names = by_id(data, "images", where), _categories(data, where)
    pictures: dict[Any, _Picture] = {}
    for key, entry in images.items():
        try:
            pictures[key] = _Picture(entry, file_name(entry), [], [], [], [])
        except ValueError as error:
            raise DataError(f"{where}, image {plain(key)}: {error}.") from error
    for number, annotation in enumerate(entries(data.get("annotations"), f"{where}, annotations")):
        try:
            _add(annotation, images, names, pictures, where)
        except ValueError as error:
            raise DataError(
                f"{where}, annotation {plain(annotation.get('id', f'number {number}'))}: {error}."
            ) from error
    yield from pictures.values()


def _add(
    annotation: Entry,
    images: Mapping[Any, Entry],
    names: Mapping[Any, str],
    pictures: Mapping[Any, _Picture],
    where: str,
) -> None:
    """Put one object to its picture."""
    image = find(images, annotation.get("image_id"), "image", where)
    category = annotation.get("category_id")
    if not isinstance(category, int | str) or category not in names:
        raise ValueError(f"{where} has no category {plain(category)}")
    x, y, width, height = rows.numbers(annotation.get("bbox"), 4, "bbox")
    if width < 0 or height < 0:
        raise ValueError(f"bbox must be x, y, width, height, and {width} x {height} is no size")
    area, crowd = annotation.get("area"), annotation.get("iscrowd") or 0
    if crowd not in (0, 1):
        raise ValueError(f"iscrowd must be 0 or 1, not {plain(crowd)!r}")
    picture = pictures[image["id"]]
    picture.boxes.append([x, y, x + width, y + height])
    picture.labels.append(names[category])
    picture.crowd.append(int(crowd))
    picture.areas.append(width * height if area is None else rows.numbers([area], 1, "area")[0])


def _coco_row(picture: _Picture, categories: Mapping[Any, str], where: str) -> Row:
    entry = picture.entry
    try:
        width, height = rows.size([entry.get("width"), entry.get("height")], "width, height")
    except ValueError as error:
        raise DataError(f"{where}, image {plain(entry['id'])}: {error}.") from error
    objects = {
        "bbox": picture.boxes,
        "category": picture.labels,
        "area": picture.areas,
        "iscrowd": picture.crowd,
    }
    return {
        "image_id": entry["id"],
        "image": picture.name,
        "width": width,
        "height": height,
        "objects": objects,
        "categories": list(categories.values()),
        "category_ids": list(categories),
    }


def _odinw_row(picture: _Picture, names: list[str], subset: str, place: Path) -> Row:
    return {
        "image_id": picture.entry["id"],
        "image": (place / picture.name).as_posix(),
        "categories": names,
        "bboxes": picture.boxes,
        "labels": picture.labels,
        "dataset_name": subset,
    }
