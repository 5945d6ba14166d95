"""Which tasks a command asks for, and which settings each gets from flags, file and its own table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vleval.errors import UserError, explain
from vleval.running.plan import Plan, load_plan
from vleval.tasks.base import DataError

BOTH = "refcoco,charades-sta"


def plan(text: str, root: Path, **passed: Any) -> Plan:
    """The plan of a file and of flags."""
    file = root / "team.toml"
    file.write_text(text, encoding="utf-8")
    return load_plan(passed, file)


def names(found: Plan) -> list[str]:
    return [part.task.name for part in found.parts]


def test_tasks_come_as_a_comma_list_or_a_toml_list_in_their_order(tmp_path: Path) -> None:
    assert names(load_plan({"task": " Charades_STA, refcoco"}, None)) == ["charades-sta", "refcoco"]
    assert names(plan('task = ["refcoco", "screenspot"]', tmp_path)) == ["refcoco", "screenspot"]
    assert names(plan('task = ["refcoco", "screenspot"]', tmp_path, task="charades-sta")) == ["charades-sta"]
    assert [part.config.task for part in load_plan({"task": BOTH}, None).parts] == BOTH.split(",")


def test_settings_multiply_the_tasks_that_they_mean_something_to() -> None:
    found = load_plan({"task": BOTH, "max_pixels": "16t,36t,64t", "fps": "1,2,4"}, None)
    assert [len(config.settings(task.media)) for task, config in found.parts] == [3, 9]
    assert found.warnings == (), "--fps is for the videos"


def test_a_flag_wins_over_the_tasks_table_and_it_over_the_top_of_the_file(tmp_path: Path) -> None:
    text = (
        'task = ["refcoco", "charades-sta"]\nlimit = 9\nshuffle-seed = 3\nmax-pixels = "16t"\n'
        '[tasks.refcoco]\ndata = "a.jsonl"\nsplit = "val"\nlimit = 100\nmax-new-tokens = 40\n'
        '[tasks.charades_sta]\nmax-pixels = ["36t", "64t"]\n'
        '[tasks.screenspot]\nlimit = "not run"\n'
    )
    boxes, spans = (part.config for part in plan(text, tmp_path, shuffle_seed=4).parts)
    assert (boxes.data, boxes.split, boxes.limit, boxes.max_new_tokens, boxes.shuffle_seed) == (
        "a.jsonl",
        "val",
        100,
        40,
        4,
    )
    assert (spans.data, spans.split, spans.limit, spans.max_new_tokens, spans.shuffle_seed) == (
        "auto",
        None,
        9,
        None,
        4,
    )
    assert (boxes.max_pixels, spans.max_pixels) == ((12544,), (28224, 50176))
    assert [part.config.limit for part in plan(text, tmp_path, limit=2).parts] == [2, 2]


BAD_LISTS = [
    ("refcoco,refcoco", "--task: 'refcoco,refcoco' lists refcoco twice"),
    ("charades-sta,CHARADES_STA", "lists charades-sta twice"),
    ("refcoco,", "has an empty entry"),
    ("", "has an empty entry"),
    ("refcoco,charades", "There is no task 'charades'; did you mean charades-sta?"),
]


@pytest.mark.parametrize(("value", "sentence"), BAD_LISTS, ids=[value for value, _ in BAD_LISTS])
def test_a_list_with_a_bad_entry_is_named(value: str, sentence: str) -> None:
    with pytest.raises((UserError, DataError)) as caught:
        load_plan({"task": value}, None)
    assert sentence in str(caught.value)
    assert explain(caught.value).code == 2


BAD_FILES = [
    ("task = 5", "--task in {file}: 5 is neither a task nor a list of tasks"),
    ('task = ["refcoco", 5]', "is neither a task nor a list"),
    ("task = []", "--task in {file}: [] has an empty entry"),
    ('tasks = ["refcoco"]', "which tasks to run is said by task ="),
    ("tasks.refcoco = 5", "'tasks' holds a table per task"),
    ("[tasks.refcocco]", "[tasks.refcocco] of {file}: There is no task 'refcocco'; did you mean refcoco?"),
    (
        "[tasks.refcoco]\nlimt = 5",
        "[tasks.refcoco] of {file} has an unknown key 'limt'; did you mean 'limit'",
    ),
    ("[tasks.screenspot]\nlimt = 5", "[tasks.screenspot] of {file} has an unknown key"),
    ("[tasks.refcoco]\nlimit = 0", "--limit in [tasks.refcoco] of {file}: '0' questions are none"),
    ("[tasks.refcoco]\nbatch-size = 4", "'batch-size' holds for all tasks; write it above the tables"),
    ('[tasks.refcoco]\ntask = "refcoco"', "'task' holds for all tasks"),
    ("[tasks.refcoco]\n[tasks.RefCOCO]", "{file} has two tables for refcoco"),
]


@pytest.mark.parametrize(("text", "sentence"), BAD_FILES, ids=[text for text, _ in BAD_FILES])
def test_a_bad_file_is_one_sentence_that_says_where(tmp_path: Path, text: str, sentence: str) -> None:
    passed = {} if text.startswith("task =") else {"task": BOTH}
    with pytest.raises(UserError) as caught:
        plan(text, tmp_path, **passed)
    assert sentence.format(file=tmp_path / "team.toml") in str(caught.value)
    assert "\n" not in str(caught.value)


OF_ONE_TASK = [
    ({"data": "my.parquet"}, "--data my.parquet cannot be the data of refcoco and charades-sta alike"),
    ({"split": "testA"}, "--split testA cannot be the split of refcoco and charades-sta alike"),
    ({"revision": "main"}, "--revision main cannot be the revision of refcoco and charades-sta alike"),
]


@pytest.mark.parametrize(
    ("flags", "sentence"), OF_ONE_TASK, ids=[next(iter(flags)) for flags, _ in OF_ONE_TASK]
)
def test_what_belongs_to_one_data_set_is_not_given_to_several(flags: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        load_plan({"task": BOTH, **flags}, None)
    assert sentence in str(caught.value)
    assert f"give each its own in a --config file, e.g. [tasks.refcoco] {next(iter(flags))} =" in str(
        caught.value
    )
    assert load_plan({"task": "refcoco", **flags}, None).parts


def test_what_every_task_can_find_for_itself_may_be_shared(tmp_path: Path) -> None:
    assert load_plan({"task": BOTH, "data": "hub", "split": "test", "media": Path("photos")}, None)
    text = 'data = "boxes.jsonl"\n[tasks.charades-sta]\ndata = "spans.jsonl"\n'
    found = [part.config.data for part in plan(text, tmp_path, task=BOTH).parts]
    assert found == ["boxes.jsonl", "spans.jsonl"], "each has one of its own"
    with pytest.raises(UserError, match="--data x.jsonl cannot be"):
        plan(text, tmp_path, task=BOTH, data="x.jsonl")


def test_flags_without_effect_are_told_where_no_task_has_videos(tmp_path: Path) -> None:
    said = ("refcoco has no videos: --fps changes nothing",)
    assert load_plan({"task": "refcoco", "fps": "1"}, None).warnings == said
    both = ("refcoco, screenspot have no videos: --fps changes nothing",)
    assert load_plan({"task": "refcoco,screenspot", "fps": "1"}, None).warnings == both
    assert plan("[tasks.refcoco]\nfps = 1", tmp_path, task=BOTH, max_frames="8").warnings == said
