"""Lists of tasks in a terminal: one line per task, names whole, at any width."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from vleval.cli import app
from vleval.tasks.groups import REPORT
from vleval.tasks.registry import GROUPS, TASKS
from vleval.tasks.technical_report import covered


def shown(*words: str, width: int = 80) -> list[str]:
    result = CliRunner().invoke(app, ["tasks", *words], env={"COLUMNS": str(width)})
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= width
    return [line.rstrip() for line in lines]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_every_task_has_one_line_in_its_group(width: int) -> None:
    lines = shown(width=width)
    assert len(lines) <= len(TASKS) + 3 * len(GROUPS) + 8
    for group, tasks in GROUPS.items():
        start = lines.index(group) + 1
        for task, line in zip(tasks, lines[start:], strict=False):
            assert line.startswith(f"{task.name} ")
            assert f" {task.metrics[0].title} " in line
            assert f" {task.default_split} " in line
            assert (task.description in line) == (width == 200)
    assert any(line.split()[:4] == ["refcoco", "Acc@0.5", "testA", "(test)"] for line in lines)


def test_a_group_is_the_same_list_of_its_tasks() -> None:
    lines = shown("show", "video")
    assert [line.split()[0] for line in lines[2:-1]] == [task.name for task in GROUPS["video"]]


def test_names_of_the_report_s_rows_stay_whole_at_80_columns() -> None:
    rows = [line.split() for line in shown("show", REPORT)]
    for each in covered():
        assert any(row[:3] == [each.task.name, each.row.split, each.row.metric] for row in rows)
    assert ["omnidocbench", "train", "edit_distance_en", "0.409", "0.308", "-", "0.226"] in rows
    assert any(row[:3] == ["docvqa,", "infovqa:", "the"] for row in rows), "a note stands once for its tasks"
