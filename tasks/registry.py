"""Every benchmark by name, in its group. Adding one means adding its `TASK` to `GROUPS`."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from vleval.tasks import user
from vleval.tasks.base import DataError, Task
from vleval.tasks.documents import (
    ai2d,
    cc_ocr,
    chartqa,
    docparse,
    docvqa,
    infovqa,
    ocrbench,
    ocrbench_v2,
    omnidocbench,
    textvqa,
)
from vleval.tasks.grounding import (
    coco,
    countbench,
    odinw13,
    pixmo_points,
    pointbench,
    refcoco,
    screenspot,
    screenspot_pro,
)
from vleval.tasks.video import (
    activitynet_tl,
    charades_sta,
    longvideobench,
    lvbench,
    mlvu,
    mvbench,
    qvhighlights,
    qvhighlights_highlights,
    tempcompass,
    tvgbench,
    videomme,
)

GROUPS: dict[str, tuple[Task, ...]] = {
    "grounding": (
        refcoco.TASK,
        refcoco.TASK_PLUS,
        refcoco.TASK_G,
        odinw13.TASK,
        coco.TASK,
        pixmo_points.TASK,
        pointbench.TASK,
        countbench.TASK,
        countbench.TASK_DETECT,
        screenspot.TASK,
        screenspot.TASK_V2,
        screenspot_pro.TASK,
    ),
    "documents": (
        docvqa.TASK,
        infovqa.TASK,
        chartqa.TASK,
        textvqa.TASK,
        ocrbench.TASK,
        ocrbench_v2.TASK,
        cc_ocr.TASK,
        ai2d.TASK,
        omnidocbench.TASK,
        docparse.TASK,
    ),
    "video": (
        charades_sta.TASK,
        qvhighlights.TASK,
        qvhighlights_highlights.TASK,
        activitynet_tl.TASK,
        tvgbench.TASK,
        videomme.TASK,
        videomme.TASK_SUBTITLES,
        mvbench.TASK,
        tempcompass.TASK,
        lvbench.TASK,
        mlvu.TASK,
        longvideobench.TASK,
    ),
}
"""Every task once, under the group that `--task GROUP` runs."""

TASKS: dict[str, Task] = {task.name: task for tasks in GROUPS.values() for task in tasks}


def get_task(name: str) -> Task:
    """A task by its name, with hyphens or underscores, in any case, or by the path of a user's own file.

    Raises DataError, with the nearest name of a task or a group.
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
    if wanted in GROUPS:
        held = ", ".join(task.name for task in GROUPS[wanted])
        raise DataError(f"{wanted} is a group of tasks; this takes one task: {held}.")
    near = get_close_matches(wanted, [*GROUPS, *TASKS], n=1)
    hint = f"did you mean {near[0]}?" if near else "`vleval tasks` lists tasks and groups."
    raise DataError(f"There is no task {name!r}; {hint}")
