"""RefCOCO+ and RefCOCOg beside RefCOCO: names, splits and their traps, bundled data, whole runs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from vleval.cli import app
from vleval.grounding.parse import render_boxes
from vleval.results.gating.policy import short_policy
from vleval.running.config import make_config
from vleval.running.engines import BUNDLED_CHECKPOINT
from vleval.running.plan import load_plan
from vleval.tasks.base import Answer, Task
from vleval.tasks.data import hub
from vleval.tasks.data.sources import BUNDLED, open_data
from vleval.tasks.data.table import Table
from vleval.tasks.grounding.refcoco import TASK, TASK_G, TASK_PLUS
from vleval.tasks.published import published
from vleval.tasks.registry import get_task
from vleval.tasks.worlds import write
from vleval.tasks.worlds.grounding.scenes import VOCABULARY, make_scene

FAMILY = (TASK, TASK_PLUS, TASK_G)


def test_each_is_found_by_its_name() -> None:
    assert get_task("refcoco+") is get_task("RefCOCO+") is TASK_PLUS
    assert get_task("refcocog") is get_task("RefCOCOg") is TASK_G
    assert TASK_PLUS.hub == ("lmms-lab-encoder/RefCOCOplus", "lmms-lab/RefCOCOplus")
    assert TASK_G.hub == ("lmms-lab-encoder/RefCOCOg", "lmms-lab/RefCOCOg")


@pytest.mark.parametrize("task", FAMILY, ids=lambda task: str(task.name))
def test_the_default_split_compares_with_published_scores_and_mixed_ones_never_do(task: Task) -> None:
    splits = {row.split for row in published(task.name)}
    assert task.default_split in splits
    assert task.default_split not in task.split_notes
    assert splits <= {*task.splits}
    assert not splits & {note.title for note in task.split_notes.values()}


@pytest.mark.parametrize(
    ("task", "split", "shown"),
    [
        (TASK, "val", "val (UNC + Google)"),
        (TASK, "test", "test (Google)"),
        (TASK_PLUS, "val", "val"),  # clean
        (TASK_PLUS, None, "testA"),
        (TASK_G, "val", "val (UMD + Google)"),
        (TASK_G, None, "test"),
    ],
)
def test_splits_of_the_hub(
    task: Task, split: str | None, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"question_id": "1", "image": b"x", "answer": ["it"], "bbox": [1, 2, 3, 4]}
    monkeypatch.setattr(hub, "load", lambda *_: hub.HubData(task.hub[0], Table(tuple(row), [row], 1)))
    data = open_data(task, "hub", split=split)
    assert data.split == shown
    assert bool(data.notes) == ("(" in shown)


def test_a_copy_of_refcocog_s_mixed_split_is_recognised(tmp_path: Path) -> None:
    row = {"question_id": "1", "image": "x.jpg", "answer": "it", "bbox": [1, 2, 3, 4]}
    (tmp_path / "x.jpg").write_bytes(b"x")
    (tmp_path / "val.json").write_text(json.dumps([row] * 7573))
    data = open_data(TASK_G, str(tmp_path / "val.json"), limit=1)
    assert (data.split, "2,573 objects" in data.notes[0]) == ("val (UMD + Google)", True)


def bundled(name: str) -> list[dict[str, Any]]:
    return list(pq.read_table(BUNDLED / name / "test.parquet").to_pylist())


def texts(rows: list[dict[str, Any]]) -> list[str]:
    return [text for row in rows for text in row["answer"]]


def test_refcoco_plus_never_says_where() -> None:
    said = texts(bundled("refcoco+"))
    places = {"leftmost", "rightmost", "topmost", "bottom", "left", "right", "above", "below", "of"}
    assert not any(places & {*text.split()} for text in said)
    assert 0.3 < sum("est " in text for text in said) / len(said) < 0.7
    assert any(places & {*text.split()} for text in texts(bundled("refcoco")))


def test_refcocog_says_more() -> None:
    def mean_words(name: str) -> float:
        said = texts(bundled(name))
        return sum(len(text.split()) for text in said) / len(said)

    assert mean_words("refcocog") > 2 * mean_words("refcoco")
    assert all(" and " in text for text in texts(bundled("refcocog")))


@pytest.mark.parametrize("name", write.BUNDLED_DIALECTS)
def test_bundled_rows_are_the_generator_s_and_other_pictures(name: str) -> None:
    fresh = list(write.refcoco_rows("test", write.BUNDLED_SEED, 3, write.BUNDLED_DIALECTS[name]))
    stored = bundled(name)
    for ours, theirs in zip(fresh, stored, strict=False):
        assert {**ours, "image": None} == {**theirs, "image": None}
    assert not {row["image"]["bytes"] for row in stored} & {
        row["image"]["bytes"] for row in bundled("refcoco")
    }
    card = (BUNDLED / "README.md").read_text(encoding="utf-8")
    media = len({row["file_name"] for row in stored})
    assert f"| `{name}/test.parquet` | {media} | {len(stored)} | {len(texts(stored))} |" in card
    assert (BUNDLED / name / "test.parquet").stat().st_size < 300_000


def test_a_description_means_its_object_alone() -> None:
    """Read by the words alone, without the generator's margins."""
    read = 0
    for index in range(60):
        scene = make_scene("train", 7, index, dialect=write.BUNDLED_DIALECTS["refcocog"])
        centres = [((x1 + x2) / 2, (y1 + y2) / 2) for x1, y1, x2, y2 in (o.bbox_xyxy for o in scene.objects)]

        def fits(words: list[str], scene: Any = scene) -> set[int]:
            return {
                i
                for i, thing in enumerate(scene.objects)
                if {*words} - {"the", "shape"} <= {thing.color, thing.shape}
            }

        for expression in scene.expressions:
            words = expression.text.replace(" of ", " ").split()
            assert {*words} <= {*VOCABULARY, "and"}
            at = [i for i, word in enumerate(words) if word in ("left", "right", "above", "below")]
            meant = fits(words[: at[0]])
            assert len(meant) > 1
            for start, end in ((at[0], words.index("and")), (at[1], len(words))):
                (anchor,) = fits(words[start + 1 : end])
                axis, sign = {"left": (0, -1), "right": (0, 1), "above": (1, -1), "below": (1, 1)}[
                    words[start]
                ]
                meant = {i for i in meant if sign * (centres[i][axis] - centres[anchor][axis]) > 0}
            assert meant == {expression.target}, expression
            read += 1
    assert read > 200


@pytest.mark.parametrize("task", FAMILY, ids=lambda task: str(task.name))
def test_true_answers_score_100_and_planted_errors_their_share(task: Task) -> None:
    samples = open_data(task, "bundled").samples[:200]
    wrong = {index for index in range(0, 200, 8)}
    answers = []
    for index, sample in enumerate(samples):
        x1, y1, x2, y2 = sample.target["bbox_xyxy"]
        shift = 3 * (x2 - x1) if index in wrong else 0
        answers.append(Answer(sample, render_boxes([((x1 + shift, y1, x2 + shift, y2), "it")]), ()))
    scores = task.score_all(answers, "absolute")
    assert sum(score.metrics["acc@0.5"] for score in scores) / len(scores) == 1 - 25 / 200
    assert all(scores[index].metrics["mean_iou"] == 1 for index in range(200) if index not in wrong)


def test_the_plus_survives_tables_and_flags(tmp_path: Path) -> None:
    file = tmp_path / "team.toml"
    file.write_text(
        'task = ["refcoco+", "refcocog"]\n[tasks."refcoco+"]\nlimit = 5\n[tasks.RefCOCOg]\nlimit = 6\n'
    )
    plan = load_plan({}, file)
    assert [(part.task.name, part.config.limit) for part in plan.parts] == [("refcoco+", 5), ("refcocog", 6)]
    assert "refcoco+" in short_policy(["refcoco+:acc@0.5=0.01"]).tasks
    assert make_config({"task": "refcoco+"}, {}).task == "refcoco+"


def test_whole_runs_and_their_board(tmp_path: Path) -> None:
    if not (BUNDLED_CHECKPOINT / "config.json").is_file():
        pytest.skip("no bundled checkpoint in this tree")
    flags = [
        "--model",
        "bundled",
        "--max-pixels",
        "16t,36t",
        "--limit",
        "24",
        "--output",
        str(tmp_path / "runs"),
    ]
    result = CliRunner().invoke(app, ["run", "--task", "refcoco+,refcocog", *flags, "--json"])
    assert result.exit_code == 0, result.output
    found = {part["task"]["name"]: part["runs"][1]["summary"] for part in json.loads(result.stdout)["tasks"]}
    assert {name: summary["n"] for name, summary in found.items()} == {"refcoco+": 24, "refcocog": 24}
    assert found["refcoco+"]["metrics"]["acc@0.5"]["value"] > 0.7
    assert any(folder.name.startswith("refcoco+-") for folder in (tmp_path / "runs").glob("*/*"))
    pictures = tmp_path / "figures"
    drawn = CliRunner().invoke(app, ["report", str(tmp_path / "runs"), "--plots", str(pictures)])
    assert drawn.exit_code == 0, drawn.output
    assert {file.name.partition("-")[0] for file in pictures.iterdir()} == {"refcoco+", "refcocog"}
    board = tmp_path / "board.csv"
    shown = CliRunner().invoke(app, ["leaderboard", str(tmp_path / "runs"), "--csv", str(board)])
    assert shown.exit_code == 0, shown.output
    with board.open(newline="") as file:
        assert "refcoco+:test[bundled]/acc@0.5" in next(csv.reader(file))
