"""COCO annotation files and ODinW's tree become the hub's rows; their faults are told with file and id; the
recorded figures of real detections come out of the task."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import detection_kit as kit
from helpers import fixtures_path
from vleval.tasks.base import DataError
from vleval.tasks.data.sources import DataSet, open_data
from vleval.tasks.registry import get_task

COCO, ODINW = get_task("coco"), get_task("odinw13")
ANNOTATED: dict[str, Any] = {
    "images": [
        {"id": 7, "file_name": "b.png", "width": 60, "height": 40},
        {"id": 3, "file_name": "a.png", "width": 50, "height": 40},
    ],
    "categories": [
        {"id": 2, "name": "dog", "supercategory": "animals"},
        {"id": 1, "name": "Cat", "supercategory": "animals"},
        {"id": 0, "name": "animals", "supercategory": "none"},
    ],
    "annotations": [
        {"id": 11, "image_id": 7, "category_id": 2, "bbox": [5, 6, 10, 20], "area": 90.5, "iscrowd": 0},
        {"id": 12, "image_id": 7, "category_id": 1, "bbox": [0, 0, 30, 0.0], "iscrowd": 1},
    ],
}


def write(path: Path, data: Any = ANNOTATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")
    for name in ("a.png", "b.png"):
        (path.parent / name).write_bytes(name.encode())
    return path


def test_an_annotation_file_gives_every_picture_once(tmp_path: Path) -> None:
    data = open_data(COCO, str(write(tmp_path / "instances_val2017.json")))
    assert (data.split, data.origin, data.notes) == ("val2017", "local", ())
    shown, empty = data.samples
    assert (shown.id, empty.id, shown.original_size) == ("7", "3", (60, 40))
    assert shown.question == "Cat, dog"  # in the order of their ids, without the root that names both
    assert shown.media[0].path == tmp_path / "b.png"
    assert shown.target["instances"] == {
        "classes": ["Cat", "dog"],
        "boxes": [[5, 6, 15, 26], [0, 0, 30, 0]],
        "labels": ["dog", "Cat"],
        "crowd": [False, True],
        "areas": [90.5, 0.0],
    }
    assert empty.target["instances"]["boxes"] == []


def test_a_folder_of_annotation_files_is_read_by_its_splits(tmp_path: Path) -> None:
    for year in ("train2017", "val2017"):
        write(tmp_path / "annotations" / f"instances_{year}.json")
    (tmp_path / "val2017").mkdir()
    (tmp_path / "val2017" / "a.png").write_bytes(b"a")
    media = tmp_path / "val2017"
    assert open_data(COCO, str(tmp_path), media_dir=media).split == "val2017"
    asked = open_data(COCO, str(tmp_path), split="train2017", media_dir=media)
    assert [sample.media[0].path for sample in asked.samples] == [media / "b.png", media / "a.png"]
    with pytest.raises(DataError, match=r"has no split 'test'; it has: train2017, val2017"):
        open_data(COCO, str(tmp_path), split="test", media_dir=media)


def test_pictures_of_another_size_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "instances_val.json")
    Image.new("RGB", (60, 40)).save(tmp_path / "b.png")
    assert open_data(COCO, str(path)).notes == ()
    Image.new("RGB", (40, 50)).save(tmp_path / "a.png")
    (note,) = open_data(COCO, str(path)).notes
    assert note.startswith("1 of 2 pictures have another size")
    assert "(the first, 3: 40 x 50, not 50 x 40)" in note


def broken(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    data = copy.deepcopy(ANNOTATED)
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["annotations"][1].update(image_id=9), r"annotation 12: .*\.json has no image 9\."),
        (lambda d: d["annotations"][0].update(category_id=5), r"annotation 11: .*\.json has no category 5\."),
        (
            lambda d: d["annotations"][0].update(bbox=[1, 2, 3]),
            "annotation 11: bbox must be 4 finite numbers",
        ),
        (lambda d: d["annotations"][0].update(bbox=[9, 9, -3, 4]), "annotation 11: .* -3.0 x 4.0 is no size"),
        (lambda d: d["annotations"][0].update(area="big"), "annotation 11: area must be 1 finite number"),
        (lambda d: d["images"][1].pop("file_name"), "image 3: it has no file_name"),
        (lambda d: d["images"][1].pop("width"), "image 3: width, height must be 2 finite numbers"),
        (lambda d: d["images"][0].pop("id"), "every entry of images needs an id"),
        (lambda d: d["categories"][0].update(name=""), "category 2: name must be a sentence"),
        (lambda d: d.update(annotations={}), r"annotations must be a list of objects"),
        (lambda d: d.pop("annotations"), r"has images and no annotations: nothing can be scored"),
        (lambda d: d["images"][1].update(id=7), "two different entries of images have the id 7"),
        (lambda d: d["categories"][1].update(id=2), "two different entries of categories have the id 2"),
        (lambda d: d["annotations"][0].update(category_id=[2]), "annotation 11: .* has no category list"),
        (lambda d: d["annotations"][0].update(iscrowd="0"), "annotation 11: iscrowd must be 0 or 1, not '0'"),
    ],
)
def test_faults_name_the_file_and_the_entry(
    change: Callable[[dict[str, Any]], object], said: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "instances_val.json", broken(change))
    with pytest.raises(DataError, match=said) as error:
        open_data(COCO, str(path))
    assert str(path) in str(error.value)


def test_an_image_listed_twice_is_asked_once_and_windows_folders_are_found(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.png").write_bytes(b"b")
    data = broken(lambda d: d["images"][0].update(file_name="sub\\b.png"))
    data["images"].append(data["images"][0])
    found = open_data(COCO, str(write(tmp_path / "instances_val.json", data)))
    assert [sample.id for sample in found.samples] == ["7", "3"]
    assert found.samples[0].media[0].path == tmp_path / "sub" / "b.png"


def tree(folder: Path) -> Path:
    """Four subsets as the real tree has them, each in its own way."""
    for name in (
        "AerialMaritimeDrone/large/test/annotations_without_background.json",
        "AerialMaritimeDrone/tiled/test/annotations_without_background.json",
        "EgoHands/generic/mini_test/annotations_without_background.json",
        "EgoHands/generic/valid/annotations_without_background.json",
        "pistols/export/test_annotations_without_background.json",
        "pistols/export/val_annotations_without_background.json",
        "Raccoon/Raccoon.v38.coco/test/_annotations.coco.json",
        "Raccoon/Raccoon.v38.coco/test/annotations_without_background.json",
        "dice/export/test_annotations_without_background.json",
    ):
        write(folder / name)
    write(folder / "Raccoon/Raccoon.v38.coco/test/new_annotations_without_background.json", one_dog())
    return folder


def one_dog() -> dict[str, Any]:
    return broken(lambda d: (d["annotations"].pop(), d["images"].pop()))


def subsets(data: DataSet) -> dict[str, int]:
    names = [sample.tags["dataset"] for sample in data.samples]
    return {name: names.count(name) for name in names}


def test_a_tree_gives_the_subsets_of_the_thirteen(tmp_path: Path) -> None:
    """The form that ODinW-13 means, the mended annotations, and no subset of the 35 alone."""
    data = open_data(ODINW, str(tree(tmp_path)))
    assert data.split == "test"
    assert subsets(data) == {"AerialMaritimeDrone": 2, "EgoHands": 2, "Raccoon": 1, "pistols": 2}
    first = data.samples[0]
    assert [sample.id for sample in data.samples[2:4]] == ["EgoHands#7", "EgoHands#3"]  # in any tree
    assert first.media[0].path == tmp_path / "AerialMaritimeDrone/large/test/b.png"
    assert first.question == "Cat, dog" and first.target["instances"]["labels"] == ["dog", "Cat"]
    paths = {
        str(sample.media[0].path.relative_to(tmp_path)) for sample in data.samples if sample.media[0].path
    }
    assert "EgoHands/generic/mini_test/a.png" in paths and "pistols/export/b.png" in paths


def test_a_split_that_a_subset_lacks_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Drone has no split 'train'; it has: test \(--split\)"):
        open_data(ODINW, str(tree(tmp_path)), split="train")
    write(tmp_path / "pothole/Big/test/annotations_without_background.json")
    write(tmp_path / "pothole/Small/test/annotations_without_background.json")
    with pytest.raises(DataError, match=r"pothole has several forms of split test \(Big/.*, Small/"):
        open_data(ODINW, str(tmp_path))


def test_trees_from_roboflow_and_from_glip_are_the_same_thirteen(tmp_path: Path) -> None:
    """PascalVOC is tested on its valid split, mini_val means valid where there is none, and what a tree lacks
    is told."""
    for name in (
        "Pascal VOC/valid/_annotations.coco.json",
        "Thermal Dogs and People/test/_annotations.coco.json",
        "Vehicles OpenImages/416x416/test/_annotations.coco.json",
        "Vehicles OpenImages/416x416/mini_val/_annotations.coco.json",
        "Vehicles OpenImages/raw/test/_annotations.coco.json",
        "Chess Pieces/test/_annotations.coco.json",
    ):
        write(tmp_path / name)
    data = open_data(ODINW, str(tmp_path))
    assert subsets(data) == {"PascalVOC": 2, "thermalDogsAndPeople": 2, "VehiclesOpenImages": 2}
    assert "416x416" in str(data.samples[-1].media[0].path)
    (note,) = data.notes
    assert (
        note.startswith("the questions are from 3 of ODinW's 13 subsets")
        and "(absent: AerialMaritimeDrone, Aqua" in note
    )
    with pytest.raises(DataError, match=r"Dogs and People has no split 'mini_val'; it has: test"):
        open_data(ODINW, str(tmp_path), split="mini_val")
    write(tmp_path / "Thermal Dogs and People/valid/_annotations.coco.json")
    assert subsets(open_data(ODINW, str(tmp_path), split="mini_val")).keys() == subsets(data).keys()


def test_a_tree_of_other_sets_is_read_whole(tmp_path: Path) -> None:
    write(tmp_path / "mine/valid/annotations.json")
    data = open_data(ODINW, str(tmp_path), split="val")
    assert subsets(data) == {"mine": 2}


def test_the_real_pair_gives_its_recorded_figures() -> None:
    """100 photographs of COCO with 734 real detections, said as text in input pixels of twice the size."""
    path = fixtures_path("coco", "instances_val2014_100.json")
    recorded = json.loads(fixtures_path("coco", "pycocotools_stats.json").read_text())["bbox"]
    found = json.loads(fixtures_path("coco", "instances_val2014_fakebbox100_results.json").read_text())
    raw = json.loads(path.read_text())
    names = {entry["id"]: entry["name"] for entry in raw["categories"]}
    table = COCO.local(path, None, "val") if COCO.local else None
    assert table is not None
    rows = [{**row, "image": b""} for row in table[0].rows]
    asked = [sample for row in rows for sample in COCO.rows(row, "0")]
    assert len(asked) == 100
    assert sum(len(sample.target["instances"]["boxes"]) for sample in asked) == 839
    assert sum(sum(sample.target["instances"]["crowd"]) for sample in asked) == 9
    said: dict[str, list[dict[str, Any]]] = {sample.id: [] for sample in asked}
    for each in found:
        x, y, width, height = each["bbox"]
        item = {
            "bbox_2d": [2 * x, 2 * y, 2 * (x + width), 2 * (y + height)],
            "label": names[each["category_id"]],
            "score": each["score"],
        }
        said[str(each["image_id"])].append(item)
    records = kit.records(
        COCO,
        asked,
        [kit.text(said[sample.id]) for sample in asked],
        lambda sample: (kit.enlarged(sample.original_size, 2),),
    )
    shown = kit.values(COCO, records)
    figures = dict(zip(recorded["stats_order"], recorded["stats"], strict=True))
    for metric in COCO.metrics:
        if metric.figure:
            assert shown[metric.name] == pytest.approx(figures[metric.figure], abs=1e-12), metric.name
    assert shown["boxes"] == 734 / 100
