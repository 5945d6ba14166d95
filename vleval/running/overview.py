"""One table over all tasks of a command: a line per run, its headline, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vleval.console import terminal_safe
from vleval.results.table import estimate_text
from vleval.running.job import Job, LeftOut, Outcome, Run
from vleval.tasks.base import Task

if TYPE_CHECKING:
    from rich.table import Table


def all_tasks(jobs: Sequence[Job], outcome: Outcome, left_out: Sequence[LeftOut]) -> Table:
    """The table, in the order of the tasks; every score has its own metric, so there is no mean over them."""
    from rich import box
    from rich.table import Table

    varied = any(run.setting.label for run in outcome.runs)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    table.title, table.title_justify, table.title_style = "all tasks", "left", "bold"
    table.add_column("task", no_wrap=True)
    if varied:
        table.add_column("setting", overflow="fold")
    table.add_column("headline", overflow="fold")
    table.add_column("[95% interval]", justify="right", no_wrap=True)
    for heading in ("asked", "un-\nparsed", "failed"):
        table.add_column(heading, justify="right", no_wrap=True)
    for job in jobs:
        runs = outcome.of(job.task)
        for run in runs:
            table.add_row(*_cells(job.task, run, varied=varied))
        if not runs:
            table.add_row(job.task.name, *([""] if varied else []), "not begun")
    for each in left_out:
        table.add_row(terminal_safe(each.task), *([""] if varied else []), "no data")
    return table


def _cells(task: Task, run: Run, *, varied: bool) -> list[str]:
    headline, summary = task.metrics[0], run.summary
    setting = " ".join(f"{flag} {value}" for flag, value in run.setting.label.items())
    asked = str(summary.n) if summary.n == summary.expected else f"{summary.n} of {summary.expected}"
    return [
        terminal_safe(task.name),
        *([setting] if varied else []),
        terminal_safe(headline.title),
        estimate_text(summary.metrics[headline.name], headline, interval=True),
        asked,
        str(summary.unparsed),
        str(summary.failed),
    ]
