"""Every benchmark by name. Adding one means adding its `TASK` here."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from vleval.tasks import user
from vleval.tasks.base import DataError, Task
from vleval.tasks.documents import ai2d, chartqa, docvqa, infovqa, ocrbench, textvqa
from vleval.tasks.grounding import countbench, pixmo_points, pointbench, refcoco, screenspot, screenspot_pro
from vleval.tasks.video import charades_sta

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        refcoco.TASK,
        refcoco.TASK_PLUS,
        refcoco.TASK_G,
        charades_sta.TASK,
        screenspot.TASK,
        screenspot.TASK_V2,
        screenspot_pro.TASK,
        pixmo_points.TASK,
        pointbench.TASK,
        countbench.TASK,
        countbench.TASK_DETECT,
        docvqa.TASK,
        infovqa.TASK,
        chartqa.TASK,
        textvqa.TASK,
        ocrbench.TASK,
        ai2d.TASK,
    )
}


def get_task(name: str) -> Task:
    """A task by its name, with hyphens or underscores, in any case, or by the path of a user's own file.

    Raises DataError, with the nearest name.
    """
    path = Path(name.strip()).expanduser()
    if path.suffix == user.SUFFIX:
        return user.load_task(path, TASKS)
    wanted = name.strip().lower().replace("_", "-")
    if wanted in TASKS:
        return TASKS[wanted]
    if (task := user.known(wanted)) is not None:
        return task
    if path.name and path.with_suffix(user.SUFFIX).is_file():
        raise DataError(f"There is no task {name!r}; did you mean the file {path.with_suffix(user.SUFFIX)}?")
    near = get_close_matches(wanted, TASKS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(TASKS)}."
    raise DataError(f"There is no task {name!r}; {hint}")
