"""`vleval score` as a user meets it: flags in, tables, records and exit codes out. No model anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from test_cli_commands import HEAVY, loaded_by
from vleval import scoring
from vleval.cli import app
from vleval.grounding.frame import Sizes, to_input
from vleval.results.record import SampleRecord
from vleval.tasks.registry import TASKS

ORIGINAL, SHOWN = (640, 360), (448, 448)
"""A picture and an input of other proportions."""


def rows(**changes: Any) -> list[dict[str, Any]]:
    """Six right answers in input pixels on three images."""
    found = []
    for index in range(6):
        truth = [100 + 10 * index, 40, 260 + 10 * index, 300]
        (box,) = to_input([truth], Sizes(ORIGINAL, SHOWN)).tolist()
        row = {
            "image": f"{index // 2}.jpg",
            "prompt": f"thing {index}",
            "response": json.dumps([{"bbox_2d": box}]),
            "target": {"bbox_xyxy": truth},
            "original_size": ORIGINAL,
            "input_size": SHOWN,
        }
        found.append(row | changes)
    return found


def write(path: Path, found: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in (("COLUMNS", "80"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("VLEVAL_DEBUG", raising=False)
    return write(Path("p.jsonl"), rows())


def score(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["score", *map(str, words)])


def document(*words: str | Path) -> dict[str, Any]:
    result = score(*words, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_whole_file_ends_in_one_legible_table(file: Path) -> None:
    result = score(file, "--task", "refcoco")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "RefCOCO · p.jsonl: 6 answers, 3 images · coordinates absolute"
    row = next(line for line in lines if line.startswith("refcoco"))
    assert row.split()[1:4] == ["100.00", "[43.85,", "100.00]"]  # Wilson over three images
    assert max(map(len, lines)) <= 80
    assert "samples" not in result.stdout  # nothing was run: no speed, no memory
    assert result.stderr == ""
    assert "not " not in result.stdout


def test_one_document(file: Path) -> None:
    found = document(file, "--task", "refcoco")
    assert found["schema"] == "vleval/score@1"
    assert found["task"] == {"name": "refcoco", "version": 1, "headline": "acc@0.5"}
    assert (found["coordinates"], found["letterbox"], found["baselines"]) == ("absolute", False, {})
    (entry,) = found["files"]
    assert entry["file"] == "p.jsonl"
    assert entry["fields"]["target"] == "target"
    assert entry["summary"]["metrics"]["mean_iou"]["value"] == pytest.approx(1.0)


def test_records_of_every_answer(file: Path) -> None:
    write(file, [*rows()[:1], *rows(response=None)[1:2], *rows(response="no such thing")[2:3]])
    result = score(file, "--task", "refcoco", "--output", "records.jsonl")
    assert result.exit_code == 0, result.output
    assert "3 records written to records.jsonl" in result.stderr
    lines = Path("records.jsonl").read_text().splitlines()
    good, failed, unparsed = (SampleRecord.from_json(json.loads(line)) for line in lines)
    assert (good.status, failed.status, unparsed.status) == ("scored", "failed", "unparsed")
    assert (failed.failure, failed.reason) == ("input_error", "row 1 has no response")
    assert good.input_sha256 is None
    assert good.frames[0].input_size == SHOWN
    text = " ".join(result.stdout.split())
    assert "scored 1 of 3 (others count as 0)" in text
    assert "failed: 1 input_error" in text
    assert "unparsed: 1 " in text


def test_letterboxed_input_is_mapped_through_its_bars(file: Path) -> None:
    sizes = Sizes.letterboxed(ORIGINAL, SHOWN)
    boxed = [
        {**row, "response": json.dumps(to_input([row["target"]["bbox_xyxy"]], sizes).tolist())}
        for row in rows()
    ]
    write(file, boxed)
    result = score(file, "--task", "refcoco", "--letterbox")
    assert "coordinates absolute, letter-boxed" in result.stdout
    right = document(file, "--task", "refcoco", "--letterbox")["files"][0]["summary"]["metrics"]
    wrong = document(file, "--task", "refcoco")["files"][0]["summary"]["metrics"]
    assert right["mean_iou"]["value"] == pytest.approx(1.0)
    assert wrong["mean_iou"]["value"] < 0.7


@pytest.mark.parametrize("convention", ["relative-1000", "relative-1", "percent", "original"])
def test_other_conventions_need_no_input_size(convention: Any, file: Path) -> None:
    said = [
        {
            **row,
            "response": str(
                to_input([row["target"]["bbox_xyxy"]], Sizes(ORIGINAL, ORIGINAL), convention).tolist()
            ),
        }
        for row in rows(input_size=None)
    ]
    write(file, said)
    (entry,) = document(file, "--task", "refcoco", "--coordinates", convention)["files"]
    assert entry["summary"]["metrics"]["mean_iou"]["value"] == pytest.approx(1.0)
    assert entry["unmapped"] == 0
    write(file, [{**row, "original_size": None} for row in said])
    text = " ".join(score(file, "--task", "refcoco", "--coordinates", convention).stdout.split())
    needs = "not mapped: 6 of 6 rows have no original_size, so" in text
    assert needs is (convention != "original")


def test_rows_that_lack_something_are_said(file: Path) -> None:
    bare, odd = rows(image=None, id="x")[:2], rows(input_size=[640, 360])[2:3]
    write(file, [*bare, *odd, *rows(input_size=None)[3:]])
    result = score(file, "--task", "refcoco")
    text = " ".join(result.stdout.split())
    assert "not mapped: 3 of 6 rows have no original_size and input_size" in text
    assert "not clustered: 2 of 6 rows do not name its image" in text
    assert "1 of 6 rows have an input_size that is no multiple of 28" in text
    assert "p.jsonl: rows with the id of an earlier row: 1; they count" in " ".join(result.stderr.split())


def test_renamed_columns_are_told_unless_quiet(file: Path) -> None:
    write(file, [{"model_output": row["response"], "gt": row["target"]["bbox_xyxy"]} for row in rows()])
    told = score(file, "--task", "refcoco").stderr
    assert told == "p.jsonl: response from model_output, target from gt\n"
    assert score(file, "--task", "refcoco", "--quiet").stderr == ""


def test_several_files(file: Path) -> None:
    write(Path("q.jsonl"), [{**row, "response": "nothing"} for row in rows()[:4]])
    result = score(file, "q.jsonl", "--task", "refcoco")
    assert "RefCOCO · 2 files: 4 answers, 2 images and 6 answers, 3 images" in result.stdout
    found = {line.split()[0]: line.split()[1] for line in result.stdout.splitlines() if ".jsonl " in line}
    assert (found["p.jsonl"], found["q.jsonl"]) == ("100.00", "0.00")
    assert "file q.jsonl: scored 0 of 4" in result.stdout


def test_spans_of_videos_stand_beside_answers_that_never_look(file: Path) -> None:
    spans = [
        {
            "video": f"{i // 2}.mp4",
            "question": "sits",
            "output": f"{i} - {i + 4}",
            "target": {"span": [i, i + 5]},
        }
        for i in range(6)
    ]
    write(file, [{**row, "duration": 20} for row in spans])
    result = score(file, "--task", "charades-sta")
    assert result.stdout.startswith("Charades-STA · p.jsonl: 6 answers, 3 videos")
    assert "whole clip" in result.stdout
    assert "not mapped" not in result.stdout
    found = document(file, "--task", "charades-sta")
    assert found["files"][0]["summary"]["metrics"]["miou"]["value"] == pytest.approx(0.8)
    assert found["baselines"]["whole clip"]["miou"] == pytest.approx(0.25)
    write(Path("other.jsonl"), spans[:2])
    assert document(file, "other.jsonl", "--task", "charades-sta")["baselines"] == {}


def test_progress_is_for_big_files(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "BIG", 4)
    monkeypatch.setattr(scoring, "BATCH", 2)
    result = score(file, "--task", "refcoco")
    assert "refcoco p.jsonl: 6/6 (100%), scored" in result.stderr
    assert "100.00" in result.stdout
    assert score(file, "--task", "refcoco", "--quiet").stderr == ""


def test_words_of_files_are_harmless(file: Path) -> None:
    hostile = "\x1b]0;owned\x07"
    write(file, [{**row, "id": hostile, f"x{hostile}": 1} for row in rows(response=hostile)])
    assert "\x1b" not in score(file, "--task", "refcoco").output
    assert "\x1b" not in score(file, "--task", "refcoco", "--field", "response=y").output


FAULTS = [
    ([], "--task is missing"),
    (["--task", "refcocco"], "did you mean refcoco?"),
    (["--task", "charades-sta"], "the target has no span, which charades-sta needs; it has: bbox_xyxy"),
    (["--task", "refcoco", "--field", "respons=x"], "did you mean response?"),
    (["--task", "refcoco", "--field", "response=x"], "p.jsonl has no column x for --field response=x"),
    (["--task", "refcoco", "--limit", "0"], "--limit must be at least 1"),
    (["--task", "refcoco", "--coordinates", "pixels"], "--coordinates"),
    (["absent.jsonl", "--task", "refcoco"], "absent.jsonl: there is no such file"),
    (["--task", "refcoco", "--output", "p.jsonl"], "--output p.jsonl is the FILE itself"),
    (["p.jsonl", "--task", "refcoco", "--output", "x"], "--output takes the records of one FILE"),
    (["--task", "refcoco", "--output", "no/such/folder/x.jsonl"], "no/such/folder/x.jsonl"),
]


@pytest.mark.parametrize(("flags", "sentence"), FAULTS, ids=[" ".join(fault[0]) for fault in FAULTS])
def test_faults_are_one_sentence_and_exit_2(file: Path, flags: list[str], sentence: str) -> None:
    result = score(file, *flags)
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_a_file_is_missing_altogether() -> None:
    result = score("--task", "refcoco")
    assert result.exit_code == 2
    assert "Missing argument 'FILE" in result.stderr


def test_no_model_is_loaded(file: Path) -> None:
    without_scipy = tuple(name for name in HEAVY if name != "scipy")  # scipy.special makes the intervals
    words = ["score", str(file.resolve()), "--task", "refcoco", "--quiet"]
    script_only = loaded_by(words, (*without_scipy, "pyarrow", "av", "PIL", "pycocotools", "scipy.stats"))
    assert script_only == []


def test_help_shows_examples_and_imports_nothing() -> None:
    assert loaded_by(["score", "--help"], (*HEAVY, "numpy", "vleval.scoring")) == []
    text = CliRunner().invoke(app, ["score", "--help"]).stdout
    for word in ("--field", "--letterbox", "vleval score predictions.jsonl --task refcoco"):
        assert word in text


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: str(task.name))
def test_tasks_show_what_a_target_is(task: Any) -> None:
    text = " ".join(
        CliRunner().invoke(app, ["tasks", "show", task.name], env={"COLUMNS": "100"}).stdout.split()
    )
    assert f"target {' or '.join(task.target.readers)}; {task.target.key} is {task.target.form}" in text
    shown = json.loads(CliRunner().invoke(app, ["tasks", "show", task.name, "--json"]).stdout)
    assert shown["target"] == {"keys": list(task.target.readers), "form": task.target.form}
