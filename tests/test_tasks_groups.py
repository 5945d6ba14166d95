"""Groups of tasks: what is in them, and what the technical report's group says of every row of the report."""

from __future__ import annotations

import importlib
import json
import pkgutil

import pytest
from typer.testing import CliRunner

from vleval.cli import app
from vleval.errors import UserError
from vleval.running.plan import load_plan
from vleval.tasks.base import Task
from vleval.tasks.groups import REPORT, group, groups
from vleval.tasks.published import PUBLISHED, QWEN25
from vleval.tasks.registry import GROUPS, TASKS
from vleval.tasks.reported_setting import OURS, flags, reported_setting
from vleval.tasks.technical_report import NOT_COVERED, covered


def asked(value: str, **flags: object) -> list[str]:
    return [part.task.name for part in load_plan({"task": value, **flags}, None).parts]


def names(name: str) -> list[str]:
    return [member.task.name for member in groups()[name]]


def test_every_task_is_in_one_group() -> None:
    assert list(groups()) == ["grounding", "documents", "video", REPORT]
    assert [task.name for tasks in GROUPS.values() for task in tasks] == list(TASKS)


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_is_what_its_folder_holds(name: str) -> None:
    package = importlib.import_module(f"vleval.tasks.{name}")
    modules = [
        importlib.import_module(f"{package.__name__}.{found.name}")
        for found in pkgutil.iter_modules(package.__path__)
    ]
    held = {value.name for module in modules for value in vars(module).values() if isinstance(value, Task)}
    assert held == {task.name for task in GROUPS[name]}


def test_a_group_stands_for_its_tasks() -> None:
    assert asked("grounding,docvqa") == [*names("grounding"), "docvqa"]
    assert asked("Documents") == names("documents")
    assert asked("refcoco,grounding") == names("grounding"), "a task is run once"
    assert asked(f"video,{REPORT}")[: len(names("video"))] == names("video")
    with pytest.raises(UserError, match="lists refcoco twice"):
        asked("refcoco,grounding,refcoco")
    assert group("refcoco") is None
    assert asked("Qwen2.5_VL_report") == names(REPORT), "underscores for hyphens, as in names of tasks"


def test_the_report_group_sets_what_is_known_and_flags_win() -> None:
    parts = {part.task.name: part.config for part in load_plan({"task": REPORT}, None).parts}
    spans = parts["charades-sta"]
    assert (spans.fps, spans.max_frames, spans.total_pixels) == ((2.0,), (768,), 24576 * 784)
    assert (parts["refcoco"].max_pixels, parts["refcoco"].fps) == ((), ())
    told = load_plan({"task": REPORT, "fps": "1"}, None).parts
    assert {part.config.fps for part in told} == {(1.0,)}
    assert parts["lvbench"].min_pixels == (48 * 784,)
    low = {
        part.task.name: part.config for part in load_plan({"task": REPORT, "max_pixels": "16t"}, None).parts
    }
    assert (low["lvbench"].min_pixels, low["lvbench"].max_pixels) == ((), (16 * 784,))
    alone = load_plan({"task": "charades-sta"}, None).parts[0].config
    assert (alone.fps, alone.max_frames) == ((), ()), "by its own name a task has its defaults"


def test_every_published_row_is_covered_or_said_not_to_be() -> None:
    rows = [each.row for each in covered()]
    with_task = [row for row in PUBLISHED if row.family == QWEN25 and row.task in TASKS]
    assert sorted(row[:3] for row in rows) == sorted(row[:3] for row in with_task)
    assert {row.task for row in with_task} == {*names(REPORT)}
    assert all(each.reason and each.rows for each in NOT_COVERED)
    notes = {each.task.name: each.note for each in covered()}
    assert notes["docvqa"] == "the answers of test are kept back; validation is scored"
    assert notes["refcoco"] == notes["chartqa"] == ""


@pytest.mark.parametrize("name", [task.name for task in TASKS.values()])
def test_every_field_of_a_setting_has_a_source(name: str) -> None:
    setting = {each.field: each for each in reported_setting(TASKS[name])}
    assert {"prompt", "answer", "decoding"} <= {*setting}
    assert all(each.source.startswith(OURS) or "Qwen" in each.source for each in setting.values())
    load_plan({"task": name, **flags(TASKS[name])}, None)


def test_prompts_are_qwens_own_or_our_choice() -> None:
    source = {
        name: next(each.source for each in reported_setting(TASKS[name]) if each.field == "prompt")
        for name in ("refcoco", "chartqa", "charades-sta")
    }
    assert source["refcoco"] == "QwenLM/Qwen3-VL issue 991 (Qwen team, for Qwen2.5-VL)"
    assert source["chartqa"].startswith(f"{OURS}: ")
    assert source["charades-sta"].startswith(f"{OURS}: TimeLens")


def show(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["tasks", *words], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result.output


def test_groups_are_listed_and_shown() -> None:
    assert all(name in show() for name in groups())
    listed = json.loads(show("--json"))["groups"]
    assert [each["name"] for each in listed] == list(groups())
    assert listed[0]["tasks"] == names("grounding")
    assert "refcocog" in show("show", "Grounding")
    text = show("show", REPORT)
    assert ["refcoco", "testA", "acc@0.5", "91.7", "92.5", "-", "94.6"] in map(str.split, text.splitlines())
    assert all(each.rows in text for each in NOT_COVERED)
    assert len(text.splitlines()) < 220, "the declaration of a tool does not fill pages"
    document = json.loads(show("show", REPORT, "--json"))
    assert document["schema"] == "vleval/task-group@1"
    assert document["rows"][0]["published"] == {"3B": 89.1, "7B": 90.0, "72B": 92.7}
    assert document["not_covered"][0]["reason"]
    assert "is a group" in show("show", "video", "--sample", "1", code=2)
