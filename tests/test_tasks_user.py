"""A task from a user's file: what is run, every way in which it can be broken, and `--prompt`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vleval.errors import ExitCode, explain
from vleval.model.io import Media, Message
from vleval.tasks.base import Answer, DataError, Metric, Sample, TaskFile
from vleval.tasks.grounding.refcoco import TASK as REFCOCO
from vleval.tasks.registry import TASKS, get_task
from vleval.tasks.user import known, recorded
from vleval.tasks.wording import gaps, reworded

HEAD = "from dataclasses import replace\nfrom vleval.tasks.grounding.refcoco import TASK as SEED\n"
GOOD = HEAD + 'TASK = replace(SEED, name="mine")\n'


def write(folder: Path, text: str | bytes, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_is_a_task_and_states_its_identity(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    task = get_task(str(path))
    assert task.name == "mine"
    assert task.file is not None
    assert task.file.path == str(path.resolve())
    assert get_task(f" {path} ") is task  # one command looks it up several times
    assert get_task("mine") is task  # once loaded, by its name too: tables of a TOML file
    write(tmp_path, GOOD + "# edited\n")
    edited = get_task(str(path)).file
    assert edited is not None
    assert edited.sha256 != task.file.sha256


def test_an_edit_within_one_second_is_what_runs(tmp_path: Path) -> None:
    """A .pyc is taken for fresh by size and second: these bytes would be the older ones."""
    for name in ("one", "two", "six"):
        path = write(tmp_path, HEAD + f'TASK = replace(SEED, name="{name}")\n')
        assert get_task(str(path)).name == name
    assert [child.name for child in tmp_path.iterdir()] == ["mine.py"]


FAULTS: list[tuple[str, str | bytes, str]] = [
    ("syntax", "TASK = (\n", "mine.py, line 1: '(' was never closed."),
    ("no text", b"\x00\xff", "mine.py"),
    (
        "an import",
        "\nimport no_such_thing\n",
        "line 2: ModuleNotFoundError: No module named 'no_such_thing'.",
    ),
    ("exits", "raise SystemExit(3)", "mine.py, line 1: SystemExit: 3."),
    ("no TASK", "task = 1", "defines no TASK; `vleval tasks new` writes a file that does."),
    ("another type", "TASK = {}", "TASK must be a vleval.tasks.base.Task, not dict."),
    (
        "the class",
        "from vleval.tasks.base import Task as TASK",
        "must be a vleval.tasks.base.Task, not type.",
    ),
    ("built-in name", HEAD + "TASK = SEED", "name 'refcoco' is that of a built-in task; choose another."),
    ("a path as name", HEAD + 'TASK = replace(SEED, name="../x")', "folders are called by it"),
    ("a list", HEAD + 'TASK = replace(SEED, name="m", splits="test")', "splits must be a tuple, as in"),
    (
        "no function",
        HEAD + 'TASK = replace(SEED, name="m", judge=None)',
        "judge must be a function, not None",
    ),
    ("no metric", HEAD + 'TASK = replace(SEED, name="m", metrics=())', "one Metric or more"),
    ("metrics twice", HEAD + 'TASK = replace(SEED, name="m", metrics=SEED.metrics * 2)', "different names"),
    ("no medium", HEAD + 'TASK = replace(SEED, name="m", columns=("x",))', "columns must hold 'image'"),
    ("media", HEAD + 'TASK = replace(SEED, name="m", media="audio")', "media must be 'image' or 'video'"),
    ("version", HEAD + 'TASK = replace(SEED, name="m", version="1")', "version must be a whole number"),
    ("target", HEAD + 'TASK = replace(SEED, name="m", target=None)', "target must be a Target"),
    ("prompt", HEAD + 'TASK = replace(SEED, name="m", prompt=None)', "prompt must be text, not None"),
]


@pytest.mark.parametrize(("text", "said"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_a_broken_file_is_one_sentence(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        get_task(str(write(tmp_path, text)))
    assert said in str(caught.value)
    assert "mine.py" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_and_one_that_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        DataError, match=r"gone\.py: No such file or directory; `vleval tasks new` writes one"
    ):
        get_task(str(tmp_path / "gone.py"))
    monkeypatch.chdir(tmp_path)
    write(tmp_path, GOOD, "my_own.py")
    with pytest.raises(DataError, match=r"did you mean the file my_own\.py\?"):
        get_task("my_own")


def test_a_fault_in_a_users_function_names_its_line(tmp_path: Path) -> None:
    text = HEAD + "def read(answer, unit):\n    return 1 / 0\nTASK = replace(SEED, name='mine', read=read)\n"
    path = write(tmp_path, text)
    task = get_task(str(path))
    with pytest.raises(ZeroDivisionError) as caught:
        task.read(Answer(Sample("s", (), "q", {}, "c"), "x", ()), "absolute")
    fault = explain(caught.value)
    assert fault.code is ExitCode.USAGE
    assert fault.message == f"{path.resolve()}, line 4: ZeroDivisionError: division by zero"


def test_what_a_run_tells_of_a_task_is_data() -> None:
    """Nothing of it is ever loaded, and a task of that name with other metrics is not mixed with it."""
    metrics = (Metric("a", "A"),)
    file = TaskFile("/nowhere/x.py", "0" * 64)
    task = recorded("told", 3, "Find {x}.", title="Told", media="image", metrics=metrics, file=file)
    assert (task.name, task.version, task.metrics, known("told")) == ("told", 3, metrics, task)
    with pytest.raises(DataError, match="known from its runs alone: pass its file"):
        list(task.rows({}, "0"))
    other = replace(file, sha256="1" * 64)
    with pytest.raises(DataError, match="with different metrics: show them one by one"):
        recorded("told", 3, "Find {x}.", title="Told", media="image", metrics=(Metric("b", "B"),), file=other)


IMAGE = Media("image", data=b"x")


def ask(words: str) -> Sample:
    return Sample("s", (IMAGE,), words, {"bbox_xyxy": [0, 0, 1, 1]}, "c")


@pytest.mark.parametrize("words", ["the cup", "{expression}", "a\nb", r"\1 {x} in this image", ""])
def test_another_prompt_asks_for_the_same_thing(words: str) -> None:
    task = reworded(REFCOCO, "Where is {expression}? {expression}!")
    (turn,) = task.messages(ask(words))
    assert turn == Message("user", (IMAGE, f"Where is {words}? {words}!"))
    assert task.prompt == "Where is {expression}? {expression}!"


def test_a_prompt_needs_the_gaps_of_the_task() -> None:
    with pytest.raises(DataError, match=r"--prompt lacks \{expression\}, where refcoco puts its question"):
        reworded(REFCOCO, "Where is it?")
    with pytest.raises(DataError, match=r"has nothing for \{colour\}; it has \{expression\}"):
        reworded(REFCOCO, "Where is {expression}, {colour}?")
    with pytest.raises(DataError, match=r"nothing for \{expression\}; it has no gap, and asks the same"):
        reworded(replace(REFCOCO, prompt="Where?"), "Where is {expression}?")
    odd = replace(REFCOCO, messages=lambda sample: (Message("user", ("other words",)),))
    with pytest.raises(DataError, match="'s' of refcoco is not asked by one filled template"):
        reworded(odd, "Where is {expression}?").messages(ask("x"))


def test_json_in_a_prompt_is_no_gap() -> None:
    assert gaps("{question and choices} {x}") == ("question and choices", "x")
    assert gaps('Answer {"bbox_2d": [1]} for {expression} and {expression}.') == ("expression",)


@pytest.mark.parametrize("name", ["refcoco", "charades-sta", "screenspot"])
def test_the_tasks_own_prompt_is_found_in_its_messages(name: str) -> None:
    task = TASKS[name]
    sample = Sample("s", (Media(task.media, data=b"x"),), "the red cup", {}, "c")
    assert reworded(task, task.prompt).messages(sample) == task.messages(sample)
