"""A command over many tasks ends in one page, and says everything once."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vleval.cli import app

TASKS = ("refcoco", "charades-sta", "docvqa", "omnidocbench", "qvhighlights-highlights")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    words = ["--model", "bundled", "--limit", "1", "--max-new-tokens", "2", "--batch-size", "1"]
    output = tmp_path_factory.mktemp("many")
    found = CliRunner().invoke(
        app,
        ["run", "--task", ",".join(TASKS), *words, "--output", str(output)],
        env={"COLUMNS": "80"},
    )
    assert found.exit_code == 0, found.output
    return found


def test_the_page_has_a_line_per_task_under_its_group(result: Result) -> None:
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert max(map(len, lines)) <= 80
    assert lines[0] == "all tasks · bundled data · limit 1 · bundled checkpoint"
    assert lines.count("other metrics") == 1
    table = lines[: lines.index("other metrics")]
    begun = [line for line in table if line.startswith(TASKS)]
    assert [line.split()[0] for line in begun] == ["refcoco", "docvqa", "omnidocbench", *TASKS[1::3]]
    assert [line for line in table if line in ("grounding", "documents", "video")] == [
        "grounding",
        "documents",
        "video",
    ]
    assert all(line.split()[-3] == "1" for line in begun), "asked"
    assert any("Overall ↓" in line for line in begun)
    assert "in percent: all but Overall; ↓: lower is better" in table
    assert any(line.startswith("docvqa ") and "ANLS (server) 0.0" in line for line in lines)
    assert "best constant span" in result.stdout


def test_what_is_true_of_several_tasks_is_said_once(result: Result) -> None:
    said = " ".join(result.stdout.split())
    assert said.count("scored 0 of 1 (others count as 0), nothing could be scored") == 1
    assert len(result.stdout.splitlines()) < 60


def test_the_talk_is_a_line_per_fact(result: Result) -> None:
    lines = result.stderr.splitlines()
    (data,) = (line for line in lines if line.startswith("data"))
    assert data.startswith("data (bundled): 5 tasks, 5 questions: refcoco test, charades-sta test, docvqa")
    assert sum("is not trained for this" in line for line in lines) == 1
    assert "5 runs; 0 of 5 answers are stored" in lines
    assert sum(line.startswith("5 runs stored in ") for line in lines) == 1
    assert not any(line.startswith("stored in") for line in lines)


def test_one_task_keeps_its_own_table(tmp_path: Path) -> None:
    words = ["--model", "bundled", "--limit", "1", "--max-new-tokens", "2", "--output", str(tmp_path)]
    shown = CliRunner().invoke(app, ["run", "--task", "refcoco,docvqa", *words]).stdout
    assert "RefCOCO · bundled refcoco" in shown
    assert "other metrics" not in shown
