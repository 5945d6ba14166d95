"""What a finished command shows: a comparison per task, what stands beside it, where everything lies."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vleval.console import Console, terminal_safe
from vleval.errors import ExitCode, explain
from vleval.results.against_first import against_first
from vleval.results.document import Entry, TaskEntries, runs_document
from vleval.results.remarks import remarks, setting_name
from vleval.results.reporting.tables import advice_text, paired_text
from vleval.results.subset import title_text
from vleval.results.table import Row, comparison, counted, units
from vleval.running.engines import BUNDLED
from vleval.running.job import Job, LeftOut, Outcome, Run
from vleval.running.overview import MANY, all_tasks, at_a_glance, beside_headlines, shared_remarks
from vleval.stored.reporting import read_report
from vleval.stored.selection import read_folders


def show_outcome(
    jobs: Sequence[Job], outcome: Outcome, console: Console, left_out: Sequence[LeftOut] = ()
) -> ExitCode:
    """Print the results of a command, a table per task and one over all tasks, and return its exit code."""
    tasks = [_entries(job, outcome.of(job.task)) for job in jobs]
    if console.json:
        console.document(_document(tasks, left_out))
    else:
        glance = at_a_glance(jobs, outcome)
        if not glance:
            _show_tasks(jobs, outcome, tasks, console)
        if len(jobs) + len(left_out) > 1:
            facts = terminal_safe(f" · {_facts(jobs, outcome.runs)}") if glance else ""
            console.result(all_tasks(jobs, outcome, left_out, console.out.width, facts))
        if glance:
            _show_rest(jobs, outcome, tasks, console)
    folders = [run.folder for run in outcome.runs]
    for line in _places(folders):
        console.note(line)
    console.note(f"more: {_report_command(folders)}")
    code = _ending(jobs, outcome, console)
    if left_out and code is ExitCode.OK:
        names = ", ".join(each.task for each in left_out)
        console.error(f"left out, as their data cannot be had: {names}; the same command again tries them")
        return ExitCode.INCOMPLETE
    return code


def _show_tasks(
    jobs: Sequence[Job], outcome: Outcome, tasks: Sequence[TaskEntries], console: Console
) -> None:
    """A table per task that was begun, each followed by an empty line where there are several."""
    for job, task in zip(jobs, tasks, strict=True):
        if not task.runs:
            continue
        _show_task(job, outcome.of(job.task), task, console)
        if outcome.stopped is None and len(task.runs) > 1:
            _show_advice(job, [entry.folder for entry in task.runs], console)
        if len(jobs) > 1:
            console.result("")


def _show_rest(jobs: Sequence[Job], outcome: Outcome, tasks: Sequence[TaskEntries], console: Console) -> None:
    """What stands below the table over many tasks."""
    trivial = {job.task.name: task.baselines for job, task in zip(jobs, tasks, strict=True)}
    for line in units([job.task.metrics[0] for job in jobs if outcome.of(job.task)]):
        console.result(line)
    console.result("")
    console.result(beside_headlines(jobs, outcome, trivial))
    for number, line in enumerate(shared_remarks(jobs, outcome)):
        if not number:
            console.result("")
        console.result(line)


def _places(folders: Sequence[Path]) -> list[str]:
    """Where runs lie: many in one folder are one line."""
    parents = {folder.parent for folder in folders}
    if len(folders) > MANY and len(parents) == 1:
        return [f"{len(folders)} runs stored in {folders[0].parent}"]
    return [f"stored in {folder}" for folder in folders]


def _document(tasks: Sequence[TaskEntries], left_out: Sequence[LeftOut]) -> dict[str, Any]:
    document = runs_document(tasks)
    if left_out and document["status"] == "complete":
        document["status"] = "incomplete"
    return {**document, "left_out": [each._asdict() for each in left_out]}


def _entries(job: Job, runs: Sequence[Run]) -> TaskEntries:
    ids = {sample.id for sample in job.samples}
    differences = against_first([run.folder for run in runs], ids, job.task.metrics)
    return TaskEntries(
        job.facts,
        job.data,
        job.generation,
        job.config.model_dump(mode="json", by_alias=True),
        len(job.settings),
        [
            Entry(run.record, run.folder, run.setting.label, difference)
            for run, difference in zip(runs, differences, strict=True)
        ],
        job.task.baselines(list(job.samples)) if runs and job.task.baselines else {},
    )


def _show_task(job: Job, runs: Sequence[Run], entries: TaskEntries, console: Console) -> None:
    headline = job.task.metrics[0]
    rows = [
        Row(
            run.setting.label,
            run.summary,
            paired_text(entry.difference, headline) if entry.difference else "",
        )
        for run, entry in zip(runs, entries.runs, strict=True)
    ]
    title = terminal_safe(_title(job, runs))
    console.result(comparison(rows, job.task.metrics, entries.baselines, console.out, title))
    for run, entry in zip(runs, entries.runs, strict=True):
        for line in remarks(job.task, run.setting.label, run.summary):
            console.result(terminal_safe(line))
        if entry.difference and entry.difference.n < max(run.summary.n, runs[0].summary.n):
            console.result(
                f"{setting_name(run.setting.label)}the difference is over {entry.difference.n} questions, "
                "those that both settings have answered"
            )


def _show_advice(job: Job, folders: Sequence[Path], console: Console) -> None:
    """Which of these settings to take, as `vleval report` says it, by the questions that were asked for."""
    for block in read_report(folders, browse=False, only={sample.id for sample in job.samples}):
        console.result(terminal_safe(advice_text(block)))


def _title(job: Job, runs: Sequence[Run]) -> str:
    """Task, data and model; bundled ones are named as such."""
    clusters = max(run.summary.clusters for run in runs)
    questions = f"{counted(job.data.samples, 'question')}, {counted(clusters, job.task.media)}"
    part = title_text(job.config.model_dump())
    asked = f"{questions} ({part})" if part else questions
    return f"{job.task.title} · {job.data.name}, {job.data.split}: {asked} · {_model(job, runs)}"


def _facts(jobs: Sequence[Job], runs: Sequence[Run]) -> str:
    """What holds for all tasks: whose data, how much of them, which model."""
    origins = {job.data.origin for job in jobs}
    data = f"{BUNDLED} data" if origins == {BUNDLED} else ""
    return " · ".join(filter(None, (data, title_text(jobs[0].config.model_dump()), _model(jobs[0], runs))))


def _model(job: Job, runs: Sequence[Run]) -> str:
    return "bundled checkpoint" if job.bundled_model else runs[0].record.model.model


def _report_command(folders: Sequence[Path]) -> str:
    """What shows the same runs in full; one folder's name where it holds these and no other."""
    parent = folders[0].parent
    all_there = set(read_folders(parent)) == {*folders}
    named = [parent] if all_there else folders
    return shlex.join(["vleval", "report", *map(str, named), "--html", "report.html"])


def _ending(jobs: Sequence[Job], outcome: Outcome, console: Console) -> ExitCode:
    if outcome.stopped is None:
        return ExitCode.OK
    fault = explain(outcome.stopped)
    last = outcome.runs[-1]
    kept = f"{last.summary.n} of {last.summary.expected} answers are kept in {last.folder}"
    console.error(f"{fault.message}; {kept}{_left(jobs, outcome)}; the same command again goes on")
    return fault.code


def _left(jobs: Sequence[Job], outcome: Outcome) -> str:
    """The runs that were not begun, by task where there are several."""
    left = {job.task.name: len(job.settings) - len(outcome.of(job.task)) for job in jobs}
    count = sum(left.values())
    if not count:
        return ""
    tasks = ", ".join(f"{name} {number}" for name, number in left.items() if number)
    return f", {count} more run{'s' if count > 1 else ''} not begun" + (
        f" ({tasks})" if len(jobs) > 1 else ""
    )
