"""`vleval score` on real logs: the figures their authors claim, the mapping, and what stands beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from helpers import fixtures_path
from vleval.cli import app
from vleval.results.record import SampleRecord
from vleval.tasks.base import Sample
from vleval.tasks.registry import get_task

SIZED = ("--field", "response=raw", "--field", "target.bbox_xyxy=gt_xyxy_px")
SIZES = ("--field", "original_size=size_wh", "--field", "input_size=resized_wh")


def score(*words: str | Path) -> str:
    result = CliRunner().invoke(app, ["score", *map(str, words)], env={"COLUMNS": "100", "NO_COLOR": "1"})
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def document(*words: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(score(*words, "--json"))
    return found


def means(summary: dict[str, Any]) -> dict[str, float]:
    return {name: 100 * estimate["value"] for name, estimate in summary["metrics"].items()}


LOGS = [
    # the log, its rows, the accuracy it claims, its mean IoU in the manifest, answers with a second box
    ("iannxang_7b_baseline_refcoco_val", 2000, 89.75, 0.802702, 2),
    # six rows hold a second box, all six in <think>: reasoning is no answer. Of one the two boxes differ, and
    # the manifest's 0.815064 takes the first numbers of the text
    ("vlmr1_3b_r1_400_refcoco_val", 500, 91.0, 0.815082, 0),
    # the same box twice is one box
    ("vlmr1_3b_r1_300_refcoco_val", 500, 90.0, 0.809139, 0),
    ("vlmr1_3b_sft_500_refcoco_val", 500, 87.2, 0.747218, 0),
]


@pytest.mark.parametrize(("log", "rows", "accuracy", "overlap", "extra"), LOGS)
def test_claimed_accuracy_of_a_log(log: str, rows: int, accuracy: float, overlap: float, extra: int) -> None:
    path = fixtures_path("refcoco", f"{log}.json")
    assert json.loads(path.read_text())["accuracy"] == accuracy
    text = score(path, "--task", "refcoco")
    assert f"{path.name}: {rows:,} answers" in text
    assert "coordinates absolute" in text
    assert f"refcoco {accuracy:.2f} [" in text
    assert f"{100 * overlap:.2f}" in text
    assert f"not mapped: {rows} of {rows} rows have no original_size and input_size" in text
    assert ("no image named" in text) is ("not clustered" in text) is (rows == 500)
    assert (f"{extra} answers with more than one box: the first one counts" in text) is (extra > 0)
    (file,) = document(path, "--task", "refcoco")["files"]
    found, summary = means(file["summary"]), file["summary"]
    assert found["acc@0.5"] == pytest.approx(accuracy, abs=1e-9)
    assert found["mean_iou"] == pytest.approx(100 * overlap, abs=1e-4)
    assert (summary["n"], summary["unparsed"], summary["failed"]) == (rows, 0, 0)
    assert file["unmapped"] == rows
    assert summary["extra"] == ({"boxes": extra} if extra else {})


def test_answers_are_clustered_by_image_where_it_is_named() -> None:
    (file,) = document(fixtures_path("refcoco", LOGS[0][0] + ".json"), "--task", "refcoco")["files"]
    assert file["unclustered"] == 0
    assert file["summary"]["clusters"] == 1112
    assert file["fields"] == {
        "image": "image",
        "prompt": "question",
        "response": "model_output",
        "target": "ground_truth",
    }


def test_a_click_is_a_point_or_the_centre_of_a_box() -> None:
    path = fixtures_path("screenspot", "iannxang_7b_baseline_desktop_click.json")
    text = score(path, "--task", "screenspot-v2")
    assert "screenspot-v2 83.53 [" in text
    assert "334 answers, 231 images" in text
    (file,) = document(path, "--task", "screenspot-v2")["files"]
    assert means(file["summary"]) == {"click_acc": pytest.approx(83.532934, abs=1e-6)}


def test_mapping_shows_in_the_mean_overlap() -> None:
    path = fixtures_path("refcoco", "refcoco_val_sized_inferred_0_249.jsonl")
    mapped = document(path, "--task", "refcoco", *SIZED, *SIZES)["files"][0]
    as_written = document(path, "--task", "refcoco", *SIZED)["files"][0]
    assert means(mapped["summary"])["mean_iou"] == pytest.approx(82.2575, abs=1e-4)
    assert means(as_written["summary"])["mean_iou"] == pytest.approx(80.8541, abs=1e-4)
    assert [means(file["summary"])["acc@0.5"] for file in (mapped, as_written)] == pytest.approx([90.8, 90.8])
    assert (mapped["unmapped"], as_written["unmapped"]) == (0, 250)
    assert (mapped["odd_input_sizes"], as_written["odd_input_sizes"]) == (0, 0)
    assert mapped["summary"]["visual_tokens"] == pytest.approx(365, abs=1)
    text = score(path, "--task", "refcoco", *SIZED, *SIZES)
    assert "82.26" in text
    assert "not mapped" not in text
    swapped = ("--field", "original_size=resized_wh", "--field", "input_size=size_wh")
    wrong = document(path, "--task", "refcoco", *SIZED, *swapped)["files"][0]
    assert means(wrong["summary"])["mean_iou"] == pytest.approx(78.3696, abs=1e-4)
    assert "rows have an input_size that is no multiple of 28" in score(
        path, "--task", "refcoco", *SIZED, *swapped
    )


def test_records_hold_what_another_score_needs(tmp_path: Path) -> None:
    path = fixtures_path("refcoco", "refcoco_val_sized_inferred_0_249.jsonl")
    out = tmp_path / "records.jsonl"
    score(path, "--task", "refcoco", *SIZED, *SIZES, "--output", out, "--limit", "40")
    records = [SampleRecord.from_json(json.loads(line)) for line in out.read_text().splitlines()]
    assert len(records) == 40
    assert len({record.cluster for record in records}) < 40
    for record in records:
        sample = Sample(record.id, (), record.question, record.target, record.cluster, record.original_size)
        again = get_task("refcoco").score(sample, record.text, record.frames, "absolute")
        assert (again.metrics, again.status) == (record.metrics, record.status)


def test_several_files_are_rows_of_one_table() -> None:
    paths = [fixtures_path("refcoco", f"{log[0]}.json") for log in LOGS[1:]]
    text = score(*paths, "--task", "refcoco")
    assert "RefCOCO · 3 files: 500 answers, no image named" in text
    assert text.count("not clustered") == 1
    figures = [means(file["summary"])["acc@0.5"] for file in document(*paths, "--task", "refcoco")["files"]]
    assert figures == pytest.approx([91.0, 90.0, 87.2])
