"""`vleval score` reads the results that detectors write for COCO, to the figures of pycocotools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from helpers import fixtures_path
from vleval.cli import app
from vleval.tasks.base import DataError
from vleval.tasks.data.predictions import read_predictions
from vleval.tasks.data.sources import open_data
from vleval.tasks.grounding.coco import CLASSES, IDS
from vleval.tasks.registry import get_task

COCO = get_task("coco")
DATA: dict[str, Any] = {
    "images": [
        {"id": 7, "file_name": "b.png", "width": 60, "height": 40},
        {"id": 9, "file_name": "a.png", "width": 60, "height": 40},
    ],
    "categories": [{"id": 90, "name": "dog"}, {"id": 5, "name": "cat"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 90, "bbox": [5, 6, 10, 20]},
        {"id": 2, "image_id": 7, "category_id": 5, "bbox": [20, 6, 10, 20]},
    ],
}
FOUND = [
    {"image_id": 7, "category_id": 5, "bbox": [0, 0, 3, 3], "score": 0.2},
    {"image_id": 7, "category_id": 90, "bbox": [5, 6, 10, 20], "score": 0.9},
    {"image_id": 7, "category_id": 5, "bbox": [20, 6, 10, 20], "score": 12.5},
]


def write(path: Path, data: Any) -> str:
    path.write_text(json.dumps(data))
    return str(path)


def score(*arguments: str) -> Any:
    done = CliRunner().invoke(app, ["score", *arguments, "--task", "coco", "--json"])
    return json.loads(done.stdout) if done.exit_code == 0 else done.stderr


def test_the_recorded_detections_get_their_recorded_figures() -> None:
    truth = fixtures_path("coco", "instances_val2014_100.json")
    found = truth.with_name("instances_val2014_fakebbox100_results.json")
    recorded = json.loads(truth.with_name("pycocotools_stats.json").read_text())["bbox"]
    document = score(str(found), "--data", str(truth))
    figures = dict(zip(recorded["stats_order"], recorded["stats"], strict=True))
    metrics = document["files"][0]["summary"]["metrics"]
    for metric in COCO.metrics:
        if metric.figure:
            assert metrics[metric.name]["value"] == pytest.approx(figures[metric.figure], abs=1e-12)
    low, high = metrics["ap"]["interval"]
    assert low < metrics["ap"]["value"] < high


def test_boxes_are_gathered_by_picture_with_names_and_scores(tmp_path: Path) -> None:
    """Numbers of categories have gaps and no order; a picture without a box was found to be empty."""
    truth, found = write(tmp_path / "instances.json", DATA), write(tmp_path / "found.json", FOUND)
    asked = open_data(COCO, truth, media_needed=False).samples
    read = read_predictions(tmp_path / "found.json", COCO, truths=asked)
    first, empty = read.items
    assert read.convention == "original" and read.unanswered == 0
    assert json.loads(first.response.text)[2] == {
        "bbox_2d": [20, 6, 30, 26],
        "label": "cat",
        "score": 12.5,
    }
    assert empty.response.text == "[]"
    document = score(found, "--data", truth)
    metrics = document["files"][0]["summary"]["metrics"]
    assert document["coordinates"] == "original"
    assert metrics["ap"]["value"] == pytest.approx(1.0) and metrics["boxes"]["value"] == 1.5
    assert document["files"][0]["summary"]["unparsed"] == 0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"image_id": 8}, r"row 1 \(the first is 0\): the data have no picture 8"),
        ({"category_id": 1}, "the data have no category 1; they have: 5, 90"),
        ({"bbox": [1, 2, 3]}, "bbox must be 4 finite numbers"),
        ({"score": None}, "score must be 1 finite number"),
    ],
)
def test_faults_name_the_row(row: dict[str, Any], said: str, tmp_path: Path) -> None:
    asked = open_data(COCO, write(tmp_path / "instances.json", DATA), media_needed=False).samples
    write(tmp_path / "found.json", [FOUND[0], {**FOUND[1], **row}])
    with pytest.raises(DataError, match=said):
        read_predictions(tmp_path / "found.json", COCO, truths=asked)


def test_truths_and_the_unit_are_asked_for_plainly(tmp_path: Path) -> None:
    truth, found = write(tmp_path / "instances.json", DATA), write(tmp_path / "found.json", FOUND)
    assert "COCO results, without truths: name their annotation file with --data" in score(found)
    said = score(found, "--data", truth, "--coordinates", "relative-1000")
    assert "is in the unit original: leave out --coordinates relative-1000" in said
    answers = write(tmp_path / "answers.json", [{"id": 7, "response": "[]"}, {"id": 9, "response": "[]"}])
    assert "score it by itself" in score(found, answers, "--data", truth)
    assert "coordinates" in score(found, answers, "--data", truth, "--coordinates", "original")
    root = {"id": 0, "name": "cat", "supercategory": "none"}
    assert "files" in score(
        found, "--data", write(tmp_path / "root.json", {**DATA, "categories": [root, *DATA["categories"]]})
    )
    twins = {**DATA, "categories": [{"id": 90, "name": "cat"}, {"id": 5, "name": "cat"}]}
    said = score(found, "--data", write(tmp_path / "twins.json", twins))
    assert "each of its categories have a name of its own" in said


def test_the_hubs_rows_know_the_numbers_of_their_categories() -> None:
    numbers = dict(zip(CLASSES, IDS, strict=True))
    assert (numbers["person"], numbers["stop sign"]) == (1, 13)
    assert (numbers["backpack"], numbers["dining table"], numbers["toothbrush"]) == (27, 67, 90)
    (first, *_) = open_data(COCO, "bundled").samples
    assert tuple(first.target["category_ids"]) == IDS
