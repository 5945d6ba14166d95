"""Names for several tasks at once: the groups of the registry, and the benchmarks of the technical report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from vleval.tasks.base import Task
from vleval.tasks.registry import GROUPS, get_task
from vleval.tasks.reported_setting import flags
from vleval.tasks.technical_report import covered

REPORT = "qwen2.5-vl-report"


class Member(NamedTuple):
    """A task as it is asked for by its name or by that of a group."""

    task: Task
    settings: Mapping[str, str]
    """What the group sets for it, unless a flag or a file does."""


def group(name: str) -> list[Member] | None:
    """The members of a group, in their order; None where no group has this name."""
    wanted = name.strip().lower().replace("_", "-")
    if wanted in GROUPS:
        return [Member(task, {}) for task in GROUPS[wanted]]
    if wanted == REPORT:
        tasks = {row.task.name: row.task for row in covered()}
        return [Member(task, flags(task)) for task in tasks.values()]
    return None


def groups() -> dict[str, list[Member]]:
    """Every group by name."""
    return {name: group(name) or [] for name in (*GROUPS, REPORT)}


def members(name: str) -> list[Member]:
    """The tasks that a name of `--task` means. Raises DataError for an unknown one."""
    found = group(name)
    return found if found is not None else [Member(get_task(name), {})]
