"""Tasks that people write: a Python file that defines TASK, loaded from the path they name.

The file is the user's own code and runs with the user's rights, which is why it is loaded only where a user
names it. A run folder names none: what it says of its task is data (`recorded`), and reports need no more.
"""

from __future__ import annotations

import hashlib
import re
import sys
import traceback
from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NoReturn

from vleval.tasks.base import DataError, Metric, Target, Task, TaskFile

SUFFIX = ".py"
_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,39}")
_FUNCTIONS = ("rows", "messages", "read", "judge")
_TEXTS = ("name", "title", "description", "prompt", "default_split")
_LISTS = ("metrics", "columns", "splits", "hub", "bundled_splits")

_loaded: dict[tuple[str, str], Task] = {}
"""(path, sha256) -> the task: one command looks a task up several times, and must get one task."""
_seen: dict[str, Task] = {}
"""Name -> the task of that name which this process loaded, or read of in a run."""


def load_task(path: Path, taken: Collection[str]) -> Task:
    """The TASK of a file; `taken` are the names of built-in tasks.

    The very bytes that are hashed are run, never a stale .pyc. Raises DataError, in one sentence, for every
    way in which a file can be none.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        raise DataError(f"--task {path}: {error.strerror or error}; `vleval tasks new` writes one.") from None
    place = str(path.resolve())
    key = (place, hashlib.sha256(source).hexdigest())
    if key not in _loaded:
        task = getattr(_run(path, source, key), "TASK", None)
        _check(task, path, taken)
        assert isinstance(task, Task)
        _loaded[key] = replace(task, file=TaskFile(*key))
    return _remember(_loaded[key])


def known(name: str) -> Task | None:
    """The user's task of that name, if this process has loaded it or read of it in a run."""
    return _seen.get(name)


def recorded(
    name: str,
    version: int,
    prompt: str,
    *,
    title: str,
    media: Literal["image", "video"],
    metrics: Sequence[Metric],
    file: TaskFile,
) -> Task:
    """A user's task as a run tells of it, which can be shown and compared and not asked.

    Raises DataError where this process knows another of that name with other metrics.
    """

    def refuse(*_: Any) -> NoReturn:
        raise DataError(f"{name} is known from its runs alone: pass its file, --task {file.path}.")

    task = Task(
        name=name,
        title=title,
        description="",
        version=version,
        media=media,
        target=Target("", {"target": refuse}),
        metrics=tuple(metrics),
        prompt=prompt,
        max_new_tokens=1,
        columns=(media,),
        hub=(),
        splits=("test",),
        default_split="test",
        bundled_splits=(),
        rows=refuse,
        messages=refuse,
        read=refuse,
        judge=refuse,
        file=file,
    )
    before = _seen.get(name)
    if before is not None and before.file == file:
        return before
    if before is not None and before.metrics != task.metrics:
        raise DataError(
            f"The runs of {name} were scored by versions of {file.path} with different metrics: show them "
            "one by one, or run the older one again."
        )
    return _remember(task)


def place_of(error: BaseException) -> str | None:
    """`my_task.py, line 12` where an exception arose in a user's task; None where it did not."""
    files = {path for path, _ in _loaded}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in files:
            return f"{frame.filename}, line {frame.lineno}"
    return None


def _remember(task: Task) -> Task:
    _seen[task.name] = task
    return task


def _run(path: Path, source: bytes, key: tuple[str, str]) -> ModuleType:
    """The module of a file's bytes."""
    spec = spec_from_file_location(f"vleval_task_{key[1][:16]}", key[0])
    assert spec is not None  # its suffix is one that Python knows
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses of the file look their module up
    try:
        exec(compile(source, key[0], "exec"), module.__dict__)
    except SyntaxError as error:
        raise DataError(f"{path}, line {error.lineno}: {error.msg}.") from error
    except (Exception, SystemExit) as error:
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == key[0]
        ]
        where = f"{path}, line {lines[-1]}" if lines else str(path)
        said = " ".join(str(error).split()) or "no message"
        raise DataError(f"{where}: {type(error).__name__}: {said}.") from error
    return module


def _check(task: object, path: Path, taken: Collection[str]) -> None:
    """Raise DataError unless this is a task that every command can work with."""
    if task is None:
        raise DataError(f"{path} defines no TASK; `vleval tasks new` writes a file that does.")
    if not isinstance(task, Task):
        raise DataError(f"{path}: TASK must be a vleval.tasks.base.Task, not {type(task).__name__}.")
    fault = _fault(task)
    if fault is None and task.name in taken:
        fault = f"name {task.name!r} is that of a built-in task; choose another"
    if fault is not None:
        raise DataError(f"{path}: TASK: {fault}.")


def _fault(task: Task) -> str | None:
    """What is wrong with a task's fields, which Python does not check."""
    for name in _TEXTS:
        if not isinstance(getattr(task, name), str):
            return f"{name} must be text, not {getattr(task, name)!r}"
    for name in _LISTS:
        if not isinstance(getattr(task, name), tuple):
            return f"{name} must be a tuple, as in ({name[:-1]!r},), not {getattr(task, name)!r}"
    for name in _FUNCTIONS:
        if not callable(getattr(task, name)):
            return f"{name} must be a function, not {getattr(task, name)!r}"
    if not _NAME.fullmatch(task.name):
        return f"name {task.name!r} must be up to 40 of a-z, 0-9, '-', '.' and '+': folders are called by it"
    if task.media not in ("image", "video"):
        return f"media must be 'image' or 'video', not {task.media!r}"
    if not isinstance(task.target, Target) or not task.target.readers:
        return "target must be a Target with a reader"
    if not task.metrics or not all(isinstance(metric, Metric) for metric in task.metrics):
        return "metrics must hold one Metric or more, the headline first"
    names = [metric.name for metric in task.metrics]
    if len(set(names)) < len(names):
        return f"metrics must have different names, not {', '.join(names)}"
    if task.media not in (*task.columns, *task.media_columns):
        return f"columns must hold {task.media!r}, the column of the {task.media}"
    for name in ("version", "max_new_tokens"):
        if not isinstance(getattr(task, name), int) or getattr(task, name) < 1:
            return f"{name} must be a whole number from 1 on, not {getattr(task, name)!r}"
    return None
