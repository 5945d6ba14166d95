"""Every task of the registry, run on its bundled data by the bundled checkpoint: only the command is tested.

The scores say nothing (the checkpoint is taught few of the tasks); that every question is answered, judged,
stored, summarised and shown does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vleval.cli import app
from vleval.results.storage.store import read_samples
from vleval.running import engines
from vleval.running.config import RunConfig
from vleval.running.engines import BUNDLED_CHECKPOINT, Loaded, ModelChoice
from vleval.tasks.registry import TASKS

QUESTIONS = 8
CHEAP = ("--max-pixels", "16t", "--fps", "1", "--max-frames", "8", "--max-new-tokens", "12")


@pytest.fixture(scope="module", autouse=True)
def one_model() -> Iterator[None]:
    """The bundled checkpoint is loaded once for all tasks."""
    if not (BUNDLED_CHECKPOINT / "config.json").is_file():
        pytest.skip("no bundled checkpoint in this tree")
    with pytest.MonkeyPatch.context() as patch:
        loaded: list[Loaded] = []
        real = engines.open_engine

        def once(config: RunConfig, choice: ModelChoice) -> Loaded:
            if not loaded:
                loaded.append(real(config, choice))
            return loaded[0]

        patch.setattr(engines, "open_engine", once)
        yield


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if task.bundled_splits])
def test_a_task_runs_on_its_bundled_data(name: str, tmp_path: Path) -> None:
    words = ["--task", name, "--data", "bundled", "--model", "bundled", "--limit", str(QUESTIONS), *CHEAP]
    result = CliRunner().invoke(app, ["run", *words, "--output", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    (task,) = document["tasks"]
    (run,) = task["runs"]
    summary = run["summary"]
    assert document["status"] == "complete"
    assert task["data"]["bundled"]
    assert (summary["n"], summary["failed"], summary["failures"]) == (QUESTIONS, 0, {})
    headline = summary["metrics"][TASKS[name].metrics[0].name]
    assert headline["value"] is None or 0 <= headline["value"] <= 1
    answers = list(read_samples(Path(run["folder"])))
    assert {answer.status for answer in answers} <= {"scored", "unparsed"}
    known = {metric.name for metric in TASKS[name].metrics}
    assert all({*answer.metrics} <= known for answer in answers)
    again = CliRunner().invoke(app, ["run", *words, "--output", str(tmp_path)])
    assert again.exit_code == 0, again.output
    assert TASKS[name].metrics[0].title.split()[0] in again.stdout, "stored answers are shown as a table"


def test_every_task_has_bundled_data() -> None:
    assert [name for name, task in TASKS.items() if not task.bundled_splits] == []
