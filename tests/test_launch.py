"""From a plan to jobs: what is checked before the model is loaded, in which order, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toy import toy_samples
from vleval.console import Console
from vleval.errors import UserError
from vleval.running import launch as module
from vleval.running.job import Job, Outcome
from vleval.running.launch import Launched, launch
from vleval.running.plan import load_plan
from vleval.tasks.base import DataError, Message, Task
from vleval.tasks.data.sources import DataSet
from vleval.tasks.registry import TASKS

NOTE = "val mixes two protocols"


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is done, in order: (task, where, what was asked of the data), `model`, `asked`."""
    seen: list[Any] = []

    def opened(task: Task, where: str, **asked: Any) -> DataSet:
        seen.append((task.name, where, asked))
        if task.name == "chartqa":
            raise DataError("charts.parquet: there is no such file")
        origin = where if where in ("bundled", "hub") else "local"
        return DataSet("toys", origin, "val", toy_samples(4), "print", notes=(NOTE,), revision="abc")  # type: ignore[arg-type]

    def engine(config: object, choice: object) -> str:
        seen.append("model")
        return "engine"

    def run(jobs: Sequence[Job], loaded: object, console: Console) -> Outcome:
        seen.append("asked")
        return Outcome(())

    monkeypatch.setattr(module, "open_data", opened)
    monkeypatch.setattr(module.engines, "open_engine", engine)
    monkeypatch.setattr(module, "run_grid", run)
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "VLEVAL_MODEL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "model").mkdir()
    return seen


def launched(**flags: Any) -> Launched:
    return launch(load_plan({"task": "refcoco", **flags}, None), ("task",), Console())


def test_the_data_of_every_task_are_opened_before_the_model(events: list[Any]) -> None:
    found = launched(task="refcoco,chartqa,docvqa", model="./model")
    assert [event if isinstance(event, str) else event[:2] for event in events] == [
        ("refcoco", "hub"),
        ("chartqa", "hub"),
        ("docvqa", "hub"),
        "model",
        "asked",
    ]
    assert [(job.task.name, job.alone, job.bundled_model) for job in found.jobs] == [
        ("refcoco", False, False),
        ("docvqa", False, False),
    ]
    assert found.left_out == (("chartqa", "charts.parquet: there is no such file"),)
    facts = found.jobs[0].data
    assert (facts.samples, facts.bundled, facts.revision, facts.notes) == (4, False, "abc", (NOTE,))


def test_the_only_task_without_data_is_no_command(events: list[Any]) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        launched(task="chartqa", model="./model")
    with pytest.raises(UserError, match="none of the 2 tasks has its data"):
        replaced = load_plan({"task": "chartqa,docvqa", "model": "./model"}, None)
        parts = [part._replace(task=TASKS["chartqa"]) for part in replaced.parts]
        launch(replaced._replace(parts=tuple(parts)), (), Console())
    assert "model" not in events


def test_what_is_asked_of_the_data_reaches_them(events: list[Any]) -> None:
    launched(
        data="my.parquet", model="./model", split="val", revision="main", media="photos", limit="2", offset=1
    )
    (_, where, asked), *_ = events
    assert where == "my.parquet"
    assert asked == {
        **{"split": "val", "revision": "main", "media_dir": Path("photos")},
        **{"limit": 2, "offset": 1, "ids": (), "seed": None},
    }


def test_a_folder_that_is_not_there_is_found_before_the_data(events: list[Any]) -> None:
    with pytest.raises(Exception, match="no/such/folder"):
        launched(model="/no/such/folder")
    assert events == []


def test_every_part_is_held_against_the_fall_back_to_the_bundled_model(
    events: list[Any], tmp_path: Path
) -> None:
    """Not only the first: a table of the file may name data of the user's own."""
    file = tmp_path / "team.toml"
    file.write_text('task = ["refcoco", "docvqa"]\n[tasks.docvqa]\ndata = "mine.parquet"\n')
    with pytest.raises(UserError, match="--model is missing: --data mine.parquet is not bundled"):
        launch(load_plan({}, file), (), Console())
    assert events == []


def test_a_task_that_cannot_be_asked_in_other_words_says_so_before_the_model(
    events: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = replace(TASKS["refcoco"], name="odd", messages=lambda sample: (Message("user", ("no template",)),))
    monkeypatch.setitem(TASKS, "odd", odd)
    with pytest.raises(DataError, match="is not asked by one filled template"):
        launched(task="odd", model="./model", prompt="Where is {expression}?")
    assert "model" not in events


def test_who_answers_and_what_to_know_is_said(events: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    launched(task="refcoco,docvqa", fps="2")
    said = " ".join(capsys.readouterr().err.split())
    assert "the bundled checkpoint, because neither --model nor VLEVAL_MODEL names another" in said
    assert "docvqa: the bundled checkpoint is not trained for this" in said
    assert "refcoco: the bundled" not in said
    assert "--fps changes nothing" in said
    assert NOTE in said
    launched(model="./model")
    said = capsys.readouterr().err
    assert "model: ./model" in said and "bundled" not in said
    launched(model="bundled")
    assert "because neither" not in capsys.readouterr().err


def test_the_environment_that_named_the_model_is_said(
    events: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VLEVAL_MODEL", "./model")
    launched()
    assert "model: ./model (from VLEVAL_MODEL)" in capsys.readouterr().err
