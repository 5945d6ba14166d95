"""`vleval score --data`: answers that only name their questions, with the truths from a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from vleval.cli import app
from vleval.tasks.base import DataError
from vleval.tasks.data.predictions import read_predictions
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task

MOMENTS = get_task("qvhighlights")


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def submission(path: Path, keep: slice = slice(None), miss: int = 0) -> Path:
    """Lines as the official program takes them: the truth, with a better scored miss for the first `miss`."""
    found = []
    highlights = open_data(get_task("qvhighlights-highlights"), "bundled").samples
    for number, sample in enumerate(open_data(MOMENTS, "bundled").samples):
        rated = next(other for other in highlights if other.id == sample.id).target["ratings"]
        windows = [[*window, 0.9] for window in sample.target["spans"]]
        found.append(
            {
                "qid": int(sample.id),
                "query": sample.question,
                "vid": sample.cluster,
                "pred_relevant_windows": [[100, 110, 1.0]] if number < miss else windows,
                "pred_saliency_scores": [0.01 * sum(each) - 1 for each in rated],
            }
        )
    return write(path, found[keep])


def score(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["score", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_official_submissions_are_scored_against_the_released_truth(tmp_path: Path) -> None:
    path = str(submission(tmp_path / "hl_val_submission.jsonl", miss=3))
    (file,) = score(path, "--task", "qvhighlights", "--data", "bundled")["files"]
    assert file["fields"]["response"] == "pred_relevant_windows"
    assert file["summary"]["metrics"]["map"]["value"] == pytest.approx(9 / 12)
    assert file["summary"]["metrics"]["r1@0.7"]["value"] == pytest.approx(9 / 12)
    assert file["summary"]["clusters"] == 4
    (file,) = score(path, "--task", "qvhighlights-highlights", "--data", "bundled")["files"]
    assert file["fields"]["response"] == "pred_saliency_scores"
    assert file["summary"]["metrics"]["hl_hit1_very_good"]["value"] == 1.0
    assert file["summary"]["metrics"]["hl_map_good"]["value"] == 1.0


def test_the_truth_may_be_a_released_file_whose_videos_are_elsewhere(tmp_path: Path) -> None:
    rows = [
        {"qid": 5, "query": "a", "duration": 60, "vid": "v_0.0_60.0", "relevant_windows": [[0, 10]]},
        {"qid": 6, "query": "b", "duration": 60, "vid": "v_0.0_60.0", "relevant_windows": [[20, 40]]},
    ]
    truth = write(tmp_path / "highlight_val_release.jsonl", rows)
    said = [{"id": 6, "response": "[[20, 40]]"}, {"id": 5, "response": "[[30, 40]]"}]
    path = write(tmp_path / "answers.jsonl", said)
    (file,) = score(str(path), "--task", "qvhighlights", "--data", str(truth))["files"]
    metrics = file["summary"]["metrics"]
    assert (metrics["map"]["value"], metrics["map_short"]["value"], metrics["map_middle"]["value"]) == (
        0.5,
        0,
        1,
    )


def test_questions_without_an_answer_have_failed(tmp_path: Path) -> None:
    path = submission(tmp_path / "some.jsonl", slice(0, 9))
    truths = open_data(MOMENTS, "bundled").samples
    read = read_predictions(path, MOMENTS, truths=truths)
    assert (len(read.items), read.unanswered, read.unclustered) == (12, 3, 0)
    assert [item.response.failure is not None for item in read.items] == [False] * 9 + [True] * 3
    assert read_predictions(path, MOMENTS, truths=truths, limit=4).unanswered == 0
    (file,) = score(str(path), "--task", "qvhighlights", "--data", "bundled")["files"]
    assert (file["unanswered"], file["summary"]["failed"]) == (3, 3)
    assert file["summary"]["metrics"]["map"]["value"] == 9 / 12
    done = CliRunner().invoke(app, ["score", str(path), "--task", "qvhighlights", "--data", "bundled"])
    assert "without an answer: 3; they count as failed" in " ".join(done.output.split())


def test_an_answer_to_no_question_and_one_given_twice(tmp_path: Path) -> None:
    truths = open_data(MOMENTS, "bundled").samples
    path = write(tmp_path / "x.jsonl", [{"qid": 999, "response": "[[1, 2]]"}])
    with pytest.raises(DataError, match=r"row 0 .*the data have no question '999'; theirs are '0', '1', '2'"):
        read_predictions(path, MOMENTS, truths=truths)
    path = write(tmp_path / "x.jsonl", [{"qid": 0, "response": "[[1, 2]]"}] * 2)
    read = read_predictions(path, MOMENTS, truths=truths)
    assert (read.repeated, [item.sample.id for item in read.items[:2]]) == (1, ["0", "0@1"])
    assert read.items[1].sample.target == truths[0].target
    path = write(tmp_path / "x.jsonl", [{"response": "[[1, 2]]"}])
    with pytest.raises(DataError, match="has no column id or question_id.*--field id=COLUMN"):
        read_predictions(path, MOMENTS, truths=truths)


def test_questions_without_ids_are_named_by_the_number_of_their_row(tmp_path: Path) -> None:
    chartqa = get_task("chartqa")
    truths = open_data(chartqa, "bundled").samples
    said = [{"index": number, "prediction": truths[number].target["answers"][0]} for number in (2, 0)]
    read = read_predictions(write(tmp_path / "x.jsonl", said), chartqa, truths=truths)
    assert [item.sample.id for item in read.items[:2]] == ["row#2", "row#0"]
    assert [item.sample.target for item in read.items[:2]] == [truths[2].target, truths[0].target]
    assert read.unanswered == len(truths) - 2


def test_an_index_is_no_id_where_it_is_the_truth(tmp_path: Path) -> None:
    ai2d = get_task("ai2d")
    path = write(tmp_path / "x.jsonl", [{"index": 1, "response": "B"}, {"index": 1, "response": "A"}])
    read = read_predictions(path, ai2d)
    assert ([item.sample.id for item in read.items], read.repeated) == (["0", "1"], 0)
    assert [item.sample.target for item in read.items] == [{"letter": "B"}] * 2
    read = read_predictions(path, ai2d, truths=open_data(ai2d, "bundled").samples)
    assert [item.sample.id for item in read.items[:2]] == ["row#1", "row#1@1"]


def test_a_file_for_the_server_is_scored_where_the_truths_are_known(tmp_path: Path) -> None:
    truths = open_data(get_task("docvqa"), "bundled").samples
    said = [{"questionId": each.id, "answer": each.target["answers"][0]} for each in truths]
    said[0]["answer"] = "no idea"
    path = str(write(tmp_path / "rrc.jsonl", said))
    (file,) = score(path, "--task", "docvqa", "--data", "bundled", "--field", "response=answer")["files"]
    assert file["fields"] == {"id": "questionId", "response": "answer"}
    assert file["summary"]["metrics"]["exact_match"]["value"] == pytest.approx(1 - 1 / len(truths))


def test_sizes_of_the_data_serve_where_rows_have_none(tmp_path: Path) -> None:
    task = get_task("screenspot-v2")
    truths = open_data(task, "bundled").samples
    width, height = truths[0].original_size or (0, 0)
    row = {"id": truths[0].id, "response": "[14, 28]", "input_size": [280, 560]}
    (item, *_) = read_predictions(write(tmp_path / "x.jsonl", [row]), task, truths=truths).items
    assert item.sample.original_size == (width, height) != (0, 0)
    assert item.response.frames[0].original_size == (width, height)


def test_split_needs_data(tmp_path: Path) -> None:
    path = submission(tmp_path / "s.jsonl")
    done = CliRunner().invoke(app, ["score", str(path), "--task", "qvhighlights", "--split", "val"])
    assert done.exit_code != 0


def test_time_r1_answers_hold_their_truth(tmp_path: Path) -> None:
    rows = [
        {
            "qid": "tvg_0",
            "pred": [1, 2],
            "target": [1.0, 3.0],
            "duration": 9.0,
            "output_text": "1.00 to 3.00",
        },
        {
            "qid": "tvg_1",
            "pred": [1, 2],
            "target": [4.0, 4.0],
            "duration": 9.0,
            "output_text": "1.00 to 3.00",
        },
    ]
    (file,) = score(str(write(tmp_path / "tg_0_1.jsonl", rows)), "--task", "tvgbench")["files"]
    assert file["summary"]["metrics"]["miou"]["value"] == 0.5
