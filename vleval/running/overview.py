"""All tasks of a command on one page: a line per run, its headline, what was left out, what else to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from vleval.console import terminal_safe
from vleval.results.remarks import remarks
from vleval.results.table import estimate_text, heading, value_text
from vleval.running.job import Job, LeftOut, Outcome, Run
from vleval.tasks.base import Task
from vleval.tasks.registry import GROUPS

if TYPE_CHECKING:
    from rich.table import Table

MANY = 3
"""Tasks of a command up to which each is shown in full."""


def at_a_glance(jobs: Sequence[Job], outcome: Outcome) -> bool:
    """Whether this page stands in place of a table per task: many tasks, none of them with a comparison."""
    return len(jobs) > MANY and all(len(outcome.of(job.task)) <= 1 for job in jobs)


def all_tasks(
    jobs: Sequence[Job], outcome: Outcome, left_out: Sequence[LeftOut], width: int, facts: str = ""
) -> Table:
    """The table for a terminal of `width` characters, by group where there are many tasks; `facts` go into
    its title.

    Every score has its own metric, so there is no mean over them.
    """
    table = _table(jobs, outcome, left_out, gap=1)
    if _width(table) > width:
        table = _table(jobs, outcome, left_out, gap=0)
    table.title, table.title_justify, table.title_style = f"all tasks{facts}", "left", "bold"
    return table


def _table(jobs: Sequence[Job], outcome: Outcome, left_out: Sequence[LeftOut], gap: int) -> Table:
    from rich import box
    from rich.table import Table

    varied = any(run.setting.label for run in outcome.runs)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, gap, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("task", no_wrap=True)
    if varied:
        table.add_column("setting", overflow="fold")
    table.add_column("headline", no_wrap=True)
    table.add_column("[95% interval]", justify="right", no_wrap=True)
    for name in ("asked", "un-\nparsed", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    lines = {
        job.task.name: [_cells(job.task, run, varied=varied) for run in outcome.of(job.task)] for job in jobs
    }
    blank = [""] if varied else []
    rows = {name: cells or [[terminal_safe(name), *blank, "not begun"]] for name, cells in lines.items()}
    rows |= {each.task: [[terminal_safe(each.task), *blank, "no data"]] for each in left_out}
    for group, names in _grouped(list(rows)).items():
        if group:
            table.add_row(group, style="bold")
        for name in names:
            for cells in rows[name]:
                table.add_row(*cells)
        if group:
            table.add_section()
    return table


def _grouped(names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Many tasks by group, those of files of one's own last; few are one nameless group."""
    groups = {name: group for group, tasks in GROUPS.items() for task in tasks for name in [task.name]}
    found = {
        group: [name for name in names if groups.get(name, "your own") == group]
        for group in (*GROUPS, "your own")
    }
    found = {group: held for group, held in found.items() if held}
    return found if len(names) > MANY and len(found) > 1 else {"": names}


def _width(table: Table) -> int:
    from rich.console import Console
    from rich.measure import Measurement

    console = Console(width=10_000, markup=False, emoji=False)  # brackets of intervals count
    return Measurement.get(console, console.options, table).maximum


def beside_headlines(
    jobs: Sequence[Job], outcome: Outcome, baselines: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> Table:
    """Every task's further metrics, and what trivial answers (by task, then by name) reach."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.title, table.title_justify, table.title_style = "other metrics", "left", "bold"
    table.add_column(no_wrap=True)
    table.add_column()
    for job in jobs:
        for run in outcome.of(job.task):
            told = [*_others(job.task, run), *_trivial(job.task, baselines.get(job.task.name, {}))]
            if told:
                table.add_row(terminal_safe(job.task.name), terminal_safe(", ".join(told)))
    return table


def _others(task: Task, run: Run) -> Iterator[str]:
    for metric in task.metrics[1:]:
        estimate = run.summary.metrics[metric.name]
        if estimate.value is not None:
            yield f"{heading(metric)} {estimate_text(estimate, metric, interval=False)}"


def _trivial(task: Task, baselines: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    headline = task.metrics[0]
    for name, scores in baselines.items():
        if headline.name in scores:
            yield f'{headline.title} of "{name}" {value_text(scores[headline.name], headline)}'


def shared_remarks(jobs: Sequence[Job], outcome: Outcome) -> Iterator[str]:
    """What keeps headlines from being the whole truth; said once for the tasks of which it is true."""
    said: dict[str, list[str]] = {}
    for job in jobs:
        for run in outcome.of(job.task):
            for line in remarks(job.task, run.setting.label, run.summary):
                said.setdefault(line, []).append(job.task.name)
    for line, names in said.items():
        yield terminal_safe(f"{', '.join(names)}: {line}")


def _cells(task: Task, run: Run, *, varied: bool) -> list[str]:
    headline, summary = task.metrics[0], run.summary
    setting = " ".join(f"{flag} {value}" for flag, value in run.setting.label.items())
    asked = str(summary.n) if summary.n == summary.expected else f"{summary.n} of {summary.expected}"
    return [
        terminal_safe(task.name),
        *([setting] if varied else []),
        terminal_safe(heading(headline)),
        estimate_text(summary.metrics[headline.name], headline, interval=True),
        asked,
        str(summary.unparsed),
        str(summary.failed),
    ]
