"""PixMo-Points, PointBench and CountBench: rows, questions, and the traps of their metrics."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from vleval.cli import app
from vleval.grounding.masks import to_dense
from vleval.grounding.parse import render_points
from vleval.tasks.base import DataError, Score, Task
from vleval.tasks.data.sources import open_data
from vleval.tasks.grounding import countbench, pixmo_points, pointbench

SIZE = (20, 10)


def png(size: tuple[int, int] = SIZE) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, "PNG")
    return out.getvalue()


def block(x1: int, y1: int, x2: int, y2: int) -> list[list[bool]]:
    mask = np.zeros((SIZE[1], SIZE[0]), dtype=bool)
    mask[y1:y2, x1:x2] = True
    return [list(map(bool, line)) for line in mask]


def points_row(**changes: Any) -> dict[str, Any]:
    return {
        "image": {"bytes": png(), "path": "a.png"},
        "label": "red cups",
        "points": [{"x": 15.0, "y": 40.0}, {"x": 75.0, "y": 40.0}],
        "masks": [block(1, 2, 5, 6), block(13, 2, 17, 6)],
        **changes,
    }


def judged(task: Task, row: dict[str, Any], text: str) -> Score:
    (sample,) = task.rows(row, "0")
    return task.score(sample, text, (), "absolute")


def test_percent_becomes_pixels_and_masks_run_lengths() -> None:
    (sample,) = pixmo_points.samples(points_row(), "4")
    found = sample.target["objects"]
    assert found["points"] == [[3.0, 4.0], [15.0, 4.0]]
    assert to_dense(found["masks"][0]).tolist() == points_row()["masks"][0]
    assert (sample.id, sample.original_size, sample.tags) == ("row#4", SIZE, {"objects": "several"})
    json.dumps(sample.target)


BOTH = render_points([((3, 4), "a"), ((15, 4), "b")])
NOWHERE = {"points": [], "masks": []}
RATES = [
    ({}, BOTH, (1, 1, 1), "both objects"),
    ({}, "[15, 4] [3, 4]", (1, 1, 1), "in either order"),
    ({}, "[3, 4]", (2 / 3, 1, 1 / 2), "one of two"),
    ({}, "[3, 4] [3, 4]", (1 / 2, 1 / 2, 1 / 2), "the same point again is a second point that misses"),
    ({}, "[3, 4] [15, 4] [15, 4]", (4 / 5, 2 / 3, 1), "a repeat beside both"),
    ({}, "[4, 3] [4, 15]", (1 / 2, 1 / 2, 1 / 2), "swapped: the first lies in its object by luck"),
    ({}, "[16, 5] [2, 3]", (1, 1, 1), "anywhere in the mask"),
    ({}, "[15, 40] [75, 40]", (0, 0, 0), "percent are not pixels"),
    ({}, "[1, 2, 5, 6] [13, 2, 17, 6]", (1, 1, 1), "boxes point at their centres"),
    ({}, "[]", (0, 0, 0), "silence where there is something"),
    (NOWHERE, "[]", (1, 1, 1), "silence where there is nothing"),
    (NOWHERE, "There are none.", (1, 1, 1), "in words"),
    (NOWHERE, "[3, 4]", (0, 0, 0), "any point where there is nothing"),
]


@pytest.mark.parametrize(("changes", "text", "rates", "why"), RATES, ids=[case[3] for case in RATES])
def test_rates_of_points(
    changes: dict[str, Any], text: str, rates: tuple[float, float, float], why: str
) -> None:
    score = judged(pixmo_points.TASK, points_row(**changes), text)
    assert score.status == "scored"
    assert list(score.metrics) == ["f1", "precision", "recall"]
    assert list(score.metrics.values()) == pytest.approx(rates)


@pytest.mark.parametrize("text", ["", "What a lovely picture!", '{"bbox_2d": [3, 4'])
def test_what_cannot_be_read_is_no_silence(text: str) -> None:
    """A model that babbles has not said that there is nothing."""
    for changes in ({}, NOWHERE):
        score = judged(pixmo_points.TASK, points_row(**changes), text)
        assert (score.status, set(score.metrics.values())) == ("unparsed", {0.0})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"masks": [block(1, 2, 5, 6)]}, "a mask for each point"),
        ({"masks": [block(1, 2, 5, 6), [[True]]]}, "size of their picture"),
        (
            {"image": {"bytes": png((40, 20)), "path": "a"}},
            "size of their picture: there are 20 x 10, 40 x 20",
        ),
        ({"masks": [[[0.5]], [[0.5]]]}, "boolean arrays"),
        ({"masks": 3}, "must be a list"),
        ({"points": [{"x": 1}]}, "2 finite numbers"),
        ({"label": " "}, "sentence"),
    ],
)
def test_unusable_points_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        list(pixmo_points.samples(points_row(**changes), "0"))


def test_addresses_are_read_below_media_and_never_fetched(tmp_path: Path) -> None:
    import hashlib

    addresses = ["https://example.org/x/a.png?b=1", "https://example.org/b.png"]
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / hashlib.sha256(addresses[1].encode()).hexdigest()).write_bytes(png())
    rows = [{**points_row(), "image_url": address} for address in addresses]
    for row in rows:
        del row["image"]
    file = tmp_path / "test.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    found = open_data(pixmo_points.TASK, str(file), media_dir=tmp_path).samples
    assert [sample.media[0].read() for sample in found] == [png(), png()]
    file.write_text(json.dumps({"label": "a", "points": [], "masks": []}))
    with pytest.raises(DataError, match="lacks image or image_url"):
        open_data(pixmo_points.TASK, str(file))


def pointbench_row(folder: Path, category: str, count: int = 2) -> dict[str, Any]:
    for name in ("selected_images", "selected_masks"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "selected_images" / "a.png").write_bytes(png())
    grey = np.where(np.array(block(1, 2, 5, 6)), 128, 127).astype(np.uint8)
    Image.fromarray(grey).save(folder / "selected_masks" / "m.png")
    row = {"image_filename": "a.png", "mask_filename": "m.png", "user_input": "Point to the cup."}
    return {**row, "category": category, "count": count}


SUCCESSES = [
    ("spatial", "[3, 4]", 1, 1, "in the mask"),
    ("spatial", "[3, 4] [15, 4]", 1, 0.5, "the first point counts, the share falls"),
    ("spatial", "[15, 4] [3, 4]", 0, 0.5, "the first point misses"),
    ("spatial", "[99, 99] [3, 4]", 0, 0.5, "outside of the picture is outside of the mask"),
    ("counting", "[3, 4] [2, 3]", 1, 1, "as many as asked, all inside"),
    ("counting", "[3, 4]", 0, 1, "too few"),
    ("counting", "[3, 4] [2, 3] [2, 4]", 0, 1, "too many"),
    ("counting", "[3, 4] [15, 4]", 0, 0.5, "one outside"),
]


@pytest.mark.parametrize(
    ("category", "text", "success", "share", "why"), SUCCESSES, ids=[f"{c[0]}: {c[4]}" for c in SUCCESSES]
)
def test_success_on_a_mask(
    tmp_path: Path, category: str, text: str, success: float, share: float, why: str
) -> None:
    file = tmp_path / "data.json"
    file.write_text(json.dumps([pointbench_row(tmp_path, category)]))
    (sample,) = open_data(pointbench.TASK, str(file), media_dir=tmp_path / "selected_images").samples
    score = pointbench.TASK.score(sample, text, (), "absolute")
    assert score.metrics == {"success": success, "in_mask": share}
    assert sample.tags == {"category": category}


def test_a_mask_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    for name, complaint in (("gone.png", "gone.png cannot be read"), ("../m.png", "must be a file name")):
        file.write_text(json.dumps([{**pointbench_row(tmp_path, "spatial"), "mask_filename": name}]))
        with pytest.raises(DataError, match=complaint):
            open_data(pointbench.TASK, str(file), media_dir=tmp_path / "selected_images")


def test_a_mask_of_another_size_is_told(tmp_path: Path) -> None:
    file, media = tmp_path / "data.json", tmp_path / "selected_images"
    file.write_text(json.dumps([pointbench_row(tmp_path, "spatial")]))
    assert open_data(pointbench.TASK, str(file), media_dir=media).notes == ()
    (media / "a.png").write_bytes(png((SIZE[1], SIZE[0])))
    (note,) = open_data(pointbench.TASK, str(file), media_dir=media).notes
    turned = f"{SIZE[0]} x {SIZE[1]}, not {SIZE[1]} x {SIZE[0]}"
    assert note.startswith("1 of 1 masks have another size") and turned in note


def count_row(**changes: Any) -> dict[str, Any]:
    question = "How many red cups are there in the image?"
    return {"image": png(), "text": "Five cups.", "question": question, "number": 5, **changes}


COUNTS = [
    ("5.", (1, 1), "a period is no part of the number"),
    ("five", (1, 1), "in words"),
    ("There are **5** cups.", (1, 1), "in a sentence"),
    ("15", (0, 0), "digits that contain the true ones"),
    ("I see 5 cups and 2 plates, 7 things.", (0, 0), "the last number counts"),
    ("6", (0, 1), "off by one"),
    ("none", (0, 0), "none is zero"),
]


@pytest.mark.parametrize(("text", "values", "why"), COUNTS, ids=[case[2] for case in COUNTS])
def test_stated_counts(text: str, values: tuple[float, float], why: str) -> None:
    assert tuple(judged(countbench.TASK, count_row(), text).metrics.values()) == values


DETECTED = [
    ("[1, 1, 2, 2] " * 9, 1, "a loop over one box is one object"),
    ("[1, 1, 2, 2] [3, 3, 4, 4]", 2, "boxes"),
    ("[1, 1] [3, 3] [5, 5]", 3, "points"),
    ("[]", 0, "an empty list"),
    ("There are 4.", 4, "no box: the stated number"),
]


@pytest.mark.parametrize(("text", "number", "why"), DETECTED, ids=[case[2] for case in DETECTED])
def test_detected_counts(text: str, number: int, why: str) -> None:
    score = judged(countbench.TASK_DETECT, count_row(number=number), text)
    assert (score.parsed["count"], score.metrics["acc"]) == (number, 1.0)


def test_the_caption_is_never_shown() -> None:
    for task in (countbench.TASK, countbench.TASK_DETECT):
        (sample,) = task.rows(count_row(), "0")
        (message,) = task.messages(sample)
        assert "Five" not in str(message.content[1])
    assert "categories: 'red cups'." in str(message.content[1])


@pytest.mark.parametrize("number", [-1, 2.5, "five", None])
def test_unusable_counts_are_refused(number: Any) -> None:
    with pytest.raises(ValueError, match="number must be"):
        list(countbench.samples(count_row(number=number), "0"))


MASKS = [{"size": [10, 20], "counts": [22, 4, 174]}, {"size": [10, 20], "counts": [152, 4, 44]}]
FILES: list[tuple[str, dict[str, Any], str]] = [
    ("countbench", {"response": "5.", "number": 5}, "acc"),
    ("countbench", {"response": "five", "target": {"count": 5}}, "acc"),
    ("countbench-detect", {"response": "[1, 1, 2, 2]", "count": 1}, "acc"),
    (
        "pixmo-points",
        {"response": "[2, 4] [15, 4]", "objects": {"points": [[2, 4], [15, 4]], "masks": MASKS}},
        "f1",
    ),
    ("pixmo-points", {"response": "[]", "objects": {"points": [], "masks": []}}, "f1"),
    ("pointbench", {"response": "[2, 4]", "area": {"mask": MASKS[0], "count": 1}}, "success"),
    ("pointbench", {"response": "[2, 4]", "target": {"area": {"mask": MASKS[0]}}}, "success"),
    ("screenspot-pro", {"response": "15, 25]}}\n</tool_call>", "bbox_xyxy": [10, 20, 20, 30]}, "click_acc"),
]


@pytest.mark.parametrize(
    ("task", "row", "metric"), FILES, ids=[f"{case[0]} {i}" for i, case in enumerate(FILES)]
)
def test_files_of_answers_score(tmp_path: Path, task: str, row: dict[str, Any], metric: str) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(json.dumps(row) + "\n")
    result = CliRunner().invoke(app, ["score", str(file), "--task", task, "--json"])
    assert result.exit_code == 0, result.stderr
    (shown,) = json.loads(result.stdout)["files"]
    assert metric in json.dumps(shown)
    assert CliRunner().invoke(app, ["score", str(file), "--task", task, "--quiet"]).stdout.count("100.0") >= 1


def test_a_target_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(json.dumps({"response": "[2, 4]", "objects": {"points": [[2, 4]], "masks": []}}) + "\n")
    result = CliRunner().invoke(app, ["score", str(file), "--task", "pixmo-points"])
    assert result.exit_code == 2
    assert "objects must have a mask for each point" in " ".join(result.stderr.split())
