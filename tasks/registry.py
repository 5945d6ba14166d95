"""Every benchmark by name. Adding one means adding its `TASK` here."""

from __future__ import annotations

from difflib import get_close_matches

from vleval.tasks import charades_sta, refcoco, screenspot
from vleval.tasks.base import DataError, Task

TASKS: dict[str, Task] = {
    task.name: task for task in (refcoco.TASK, charades_sta.TASK, screenspot.TASK, screenspot.TASK_V2)
}


def get_task(name: str) -> Task:
    """A task by its name, with hyphens or underscores, in any case. Raises DataError, with the nearest."""
    wanted = name.strip().lower().replace("_", "-")
    if wanted in TASKS:
        return TASKS[wanted]
    near = get_close_matches(wanted, TASKS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(TASKS)}."
    raise DataError(f"There is no task {name!r}; {hint}")
