"""From flags and a TOML file to the tasks of one `vleval run`, each with settings of its own.

A value comes from the command line, else from the task's table in the file (`[tasks.refcoco]`), else from the
top of the file, else from the group that the task was asked for by, else it is the default.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vleval.errors import UserError
from vleval.running.config import RunConfig, make_config
from vleval.tasks.base import DataError, Task
from vleval.tasks.groups import Member, group, members
from vleval.tasks.registry import get_task
from vleval.tasks.wording import reworded

TABLES = "tasks"
"""Key of the tables of single tasks."""
SHARED = frozenset(
    {
        *("task", "model", "coordinates", "engine", "dtype", "device", "batch_size", "output", "name"),
        *("fresh", "rehash", "json", "quiet", "verbose"),
    }
)
"""What holds for a command as a whole: one model, loaded once, and one place for its runs."""
_RANGE = frozenset({"min_pixels", "max_pixels"})
ANYWHERE = ("auto", "bundled", "hub")
"""Data that every task finds for itself."""


class Part(NamedTuple):
    """One task of a command."""

    task: Task
    config: RunConfig


class Plan(NamedTuple):
    """What a command asks for."""

    parts: tuple[Part, ...]
    warnings: tuple[str, ...]
    """Flags that change nothing."""


class _File(NamedTuple):
    """A TOML file with underscores in its keys."""

    name: str
    values: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Any]]
    """Of single tasks, as written."""


def load_plan(passed: Mapping[str, Any], path: Path | None) -> Plan:
    """The tasks in their order, each with its checked settings. Raises UserError and DataError."""
    file = _read_toml(path) if path is not None else _File("", {}, {})
    at_top = {**file.values, **passed}
    asked = _tasks(at_top.get("task"), "" if "task" in passed else f" in {file.name}")
    tables = _tables(file)
    parts = tuple(_part(member, passed, file, tables.get(member.task.name, {})) for member in asked)
    own = {part.task.name: {*tables.get(part.task.name, {})} - {*passed} for part in parts}
    _check_shared(parts, own)
    return Plan(parts, tuple(_idle(parts, own)))


def _tasks(value: Any, where: str) -> list[Member]:
    """What `--task` lists: built-in names, groups, and files of the user's; each task once."""
    if value is None:
        raise UserError("--task is missing; `vleval tasks` lists the tasks")
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise UserError(f"--task{where}: {value!r} is neither a task nor a list of tasks")
    if not parts or not all(part.strip() for part in parts):
        raise UserError(f"--task{where}: {value!r} has an empty entry")
    found = [(part, member) for part in parts for member in members(part)]
    names = [member.task.name for part, member in found if group(part) is None]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"--task{where}: {value!r} lists {twice[0]} twice")
    kept: dict[str, Member] = {}
    for _, member in found:
        kept.setdefault(member.task.name, member)
    return list(kept.values())


def _part(member: Member, passed: Mapping[str, Any], file: _File, table: Mapping[str, Any]) -> Part:
    """The task, in the words of `--prompt` where there are some, and its settings."""
    task = member.task
    places = {
        **dict.fromkeys(file.values, file.name),
        **dict.fromkeys(table, f"[{TABLES}.{task.name}] of {file.name}"),
    }
    given = {**file.values, **table, **passed}
    own_range = not _RANGE.isdisjoint(
        given
    )  # one end of the user's does not go with the other of the group's
    settings = {key: value for key, value in member.settings.items() if not (own_range and key in _RANGE)}
    config = make_config(
        {**settings, **given, "task": task.name},
        {key: place for key, place in places.items() if key not in passed},
    )
    return Part(task if config.prompt is None else reworded(task, config.prompt), config)


def _check_shared(parts: Sequence[Part], own: Mapping[str, set[str]]) -> None:
    """Raise UserError where several tasks would have to read what belongs to one."""
    for key in ("data", "split", "revision", "sample_id"):
        sharing = [part for part in parts if key not in own[part.task.name]]
        value = getattr(sharing[0].config, key) if len(sharing) > 1 else None
        if not value or _fits(key, value, [part.task for part in sharing]):
            continue
        names, flag = [part.task.name for part in sharing], key.replace("_", "-")
        shown = value if isinstance(value, str) else ", ".join(value)
        raise UserError(
            f"--{flag} {shown} cannot be the {flag} of {', '.join(names[:-1])} and {names[-1]} alike: give "
            f"each its own in a --config file, e.g. [{TABLES}.{names[0]}] {flag} = ..."
        )


def _fits(key: str, value: Any, tasks: Sequence[Task]) -> bool:
    """Whether a value can mean something to each of several tasks."""
    if key == "data":
        return value in ANYWHERE
    return key == "split" and all(value in {*task.splits, *task.bundled_splits} for task in tasks)


def _idle(parts: Sequence[Part], own: Mapping[str, set[str]]) -> Iterable[str]:
    """What changes nothing: a flag about videos without videos. Beside a video task it is that task's."""
    videos = any(part.task.media == "video" for part in parts)
    without: dict[str, list[str]] = {}
    for task, config in parts:
        flags = config.idle_flags(task.media)
        if videos:
            flags = [flag for flag in flags if flag[2:].replace("-", "_") in own[task.name]]
        if flags:
            without.setdefault(", ".join(flags), []).append(task.name)
    for shown, names in without.items():
        have = "have" if len(names) > 1 else "has"
        yield f"{', '.join(names)} {have} no videos: {shown} changes nothing"
    names = [part.task.name for part in parts if part.config.det_score != "order"]
    if names and not any(part.task.logprobs for part in parts):
        yield f"{', '.join(names)} rank{'' if len(names) > 1 else 's'} no boxes: --det-score changes nothing"


def _read_toml(path: Path) -> _File:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--config: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"--config: {path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"--config: {path} is not valid TOML: {error}") from None
    tables = raw.pop(TABLES, {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise UserError(
            f"--config: {path}: {TABLES!r} holds a table per task, e.g. [{TABLES}.refcoco]; "
            'which tasks to run is said by task = ["refcoco", ...]'
        )
    return _File(str(path), _keys(raw, str(path)), tables)


def _tables(file: _File) -> dict[str, dict[str, Any]]:
    """The settings of single tasks by the task's name. A user's task is known by it once it is loaded."""
    found: dict[str, dict[str, Any]] = {}
    for written, table in file.tables.items():
        name, values = _table(written, table, file.name)
        if name in found:
            raise UserError(f"--config: {file.name} has two tables for {name}")
        found[name] = values
    return found


def _table(name: str, table: Mapping[str, Any], file: str) -> tuple[str, dict[str, Any]]:
    """A task's own settings. Those of a task that is not run are checked by name only."""
    place = f"[{TABLES}.{name}] of {file}"
    try:
        task = get_task(name).name
    except DataError as error:
        raise UserError(f"--config: {place}: {error}") from None
    values = _keys(table, place)
    if shared := [key for key in values if key in SHARED]:
        raise UserError(
            f"--config: {place}: {shared[0].replace('_', '-')!r} holds for all tasks; "
            "write it above the tables"
        )
    return task, values


def _keys(raw: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The values with underscores in their keys, all of which are known."""
    known = [field.alias or name for name, field in RunConfig.model_fields.items()]
    values = {key.replace("-", "_"): value for key, value in raw.items()}
    for key in raw:
        if key.replace("-", "_") not in known:
            raise UserError(
                f"--config: {place} has an unknown key {key!r}{_close(key.replace('-', '_'), known)}"
            )
    return values


def _close(word: str, known: Iterable[str]) -> str:
    match = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {match[0].replace('_', '-')!r}?" if match else ""
