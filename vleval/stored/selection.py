"""RUN arguments: from paths to the runs they mean, and to the pairs of runs that belong together."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vleval.console import terminal_safe
from vleval.errors import UserError
from vleval.results.comparing.eligibility import UnknownSetting, check_vary
from vleval.results.comparing.pairing import Answered, Source, answered
from vleval.results.record import RunRecord
from vleval.results.storage.store import RUN_FILE, read_run, read_samples
from vleval.tasks.base import Metric, Task, TaskFile
from vleval.tasks.registry import TASKS, get_task
from vleval.tasks.user import recorded

_SET_ASIDE = re.compile(r".*\.old\d+")
"""Names that `vleval run --fresh` gives to what it replaces."""


def read_sources(argument: Path) -> list[Source]:
    """The run of a folder, or all runs of a folder of runs, by name. Raises UserError, RecordError."""
    return [_source(folder) for folder in read_folders(argument)]


def read_folders(argument: Path) -> list[Path]:
    """The run folder that is meant, or all in a folder of runs, by name. Raises UserError.

    Commands of several tasks have a folder of their own, so runs lie up to two levels deep.
    """
    if not argument.is_dir():
        raise UserError(f"there is no run folder {argument}")
    if (argument / RUN_FILE).exists():
        return [argument]
    folders = [path.parent for depth in ("*", "*/*") for path in argument.glob(f"{depth}/{RUN_FILE}")]
    folders = sorted(folder for folder in folders if not _SET_ASIDE.fullmatch(folder.name))
    if not folders:
        raise UserError(f"{argument} is no run and holds none: there is no {RUN_FILE} in it or below")
    return folders


def varied(vary: str | None, record: RunRecord) -> frozenset[str]:
    """The settings of `--vary a,b`. Raises UserError for one that there is not."""
    try:
        return check_vary(vary.split(",") if vary else (), record)
    except UnknownSetting as error:
        raise UserError(str(error)) from None


def task_of(record: RunRecord) -> Task:
    """The task of a run: of a user's own, what the run tells of it. No file that a run names is ever run.

    Raises DataError for an unknown task, UserError for a user's own that has the name of a built-in one.
    """
    facts, own = record.task, record.task.own
    if own is None:
        return get_task(facts.name)
    if facts.name in TASKS:
        raise UserError(f"run {record.id} is of a user's task {facts.name}, which is a built-in one by now")
    return recorded(
        facts.name,
        facts.version,
        facts.prompt,
        title=terminal_safe(own.title),
        media=own.media,
        metrics=[replace(metric, title=terminal_safe(metric.title)) for metric in own.metrics],
        file=TaskFile(terminal_safe(own.path), own.sha256),
    )


def metrics_of(task: str) -> Sequence[Metric]:
    """The metrics of a task, the headline first. Raises DataError for an unknown task."""
    return get_task(task).metrics


def one_per_task(sources: Sequence[Source], argument: str) -> dict[str, Source]:
    """The runs by task. Raises UserError where a task has two, and nobody says which is meant."""
    found: dict[str, Source] = {}
    for source in sources:
        task = source.record.task.name
        if task in found:
            raise UserError(
                f"{argument} holds two runs of {task}, {found[task].name} and {source.name}: name the one"
            )
        found[task] = source
    return found


def matched(base: Sequence[Source], cand: Sequence[Source]) -> list[tuple[Source, Source]]:
    """Each run of the candidate with the one of the baseline that it is compared with: the only run of its
    task, or of several the one with equal settings.

    Raises UserError for a run without a partner or with two.
    """
    pairs = []
    for after in cand:
        task = after.record.task.name
        found = [before for before in base if before.record.task.name == task]
        if len(found) > 1:
            found = [before for before in found if before.record.vision == after.record.vision]
        if len(found) != 1:
            many = "more than one run" if found else "no run"
            raise UserError(
                f"the baseline has {many} of {task} with the settings of {after.name}: name two run folders"
            )
        pairs.append((found[0], after))
    return pairs


def _source(folder: Path) -> Source:
    record = read_run(folder)
    metrics = task_of(record).metrics

    @functools.cache
    def read() -> dict[str, Answered]:
        return {sample.id: answered(sample, metrics) for sample in read_samples(folder)}

    return Source(str(folder), record, read)
