"""What a finished command shows: the comparison, what stands beside the headline, where everything lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vleval.config import Setting
from vleval.console import Console, terminal_safe
from vleval.errors import ExitCode, explain
from vleval.job import Job, Outcome
from vleval.results.document import runs_document
from vleval.results.summary import Summary
from vleval.results.table import Row, comparison, value_text
from vleval.tasks.base import Task

ITEM = {"boxes": "box", "points": "point", "spans": "span"}
"""One of what `Summary.extra` counts."""


def show_outcome(job: Job, settings: Sequence[Setting], outcome: Outcome, console: Console) -> ExitCode:
    """Print the results of a command and return its exit code."""
    baselines = job.task.baselines(list(job.samples)) if job.task.baselines else {}
    records = [(run.record, run.folder, run.setting.label) for run in outcome.runs]
    if console.json:
        console.document(runs_document(records, baselines, planned=len(settings)))
    else:
        rows = [Row(run.setting.label, run.summary) for run in outcome.runs]
        title = terminal_safe(_title(job, outcome))
        console.result(comparison(rows, job.task.metrics, baselines, console.out, title))
        for run in outcome.runs:
            for line in remarks(job.task, run.setting.label, run.summary):
                console.result(terminal_safe(line))
    for run in outcome.runs:
        console.note(f"stored in {run.folder}")
    return _ending(outcome, len(settings), console)


def _title(job: Job, outcome: Outcome) -> str:
    """Task, data and model; bundled ones are named as such."""
    clusters = max(run.summary.clusters for run in outcome.runs)
    kind = "images" if job.task.media == "image" else "videos"
    model = "bundled checkpoint" if job.bundled_model else outcome.runs[0].record.model.model
    questions = f"{job.data.samples} questions, {clusters} {kind}"
    return f"{job.task.title} · {job.data.name}, {job.data.split}: {questions} · {model}"


def remarks(task: Task, label: Mapping[str, str], summary: Summary, digits: int = 1) -> list[str]:
    """What keeps a headline from being the whole truth: missing, failed, unparsed and odd answers.

    Shares of the headline have `digits` decimals, as in the table they stand below.
    """
    name = " ".join(f"{flag} {value}" for flag, value in label.items())
    start = f"{name}: " if name else ""
    lines = []
    if summary.n < summary.expected:
        lines.append(f"{start}INCOMPLETE, {summary.n} of {summary.expected} questions answered")
    if summary.scored < summary.n:
        headline = task.metrics[0]
        beside = "nothing could be scored"
        if summary.answered:
            value = value_text(summary.answered[headline.name], headline, digits)
            beside = f"{headline.title} {value} over those scored"
        lines.append(f"{start}scored {summary.scored} of {summary.n} (others count as 0), {beside}")
    odd = {kind: count for kind, count in summary.problems.items() if kind != "extra_items"}
    for what, counts in (("failed", summary.failures), ("unparsed", summary.reasons), ("scored with", odd)):
        if counts:
            lines.append(f"{start}{what}: {_top(counts)}")
    return [*lines, *(start + line for line in _readings(task, summary, digits))]


def _readings(task: Task, summary: Summary, digits: int) -> list[str]:
    """How answers were read, where that could matter."""
    lines = [
        f"{count} answer{'s' if count > 1 else ''} with more than one {ITEM.get(kind, 'item')}: "
        "the first one counts"
        for kind, count in summary.extra.items()
    ]
    if summary.strict is not None and summary.strict < summary.scored:
        headline = task.metrics[0]
        lines.append(
            f"{summary.strict} of {summary.scored} scored answers are in the documented form; counting only "
            f"those, {headline.title} {value_text(summary.strict_metrics[headline.name], headline, digits)}"
        )
    return lines + [sentence for other in summary.lookalikes if (sentence := other.sentence())]


def _top(counts: Mapping[str, int]) -> str:
    """The three most frequent entries."""
    shown = ", ".join(f"{count} {name}" for name, count in list(counts.items())[:3])
    return shown + (", ..." if len(counts) > 3 else "")


def _ending(outcome: Outcome, planned: int, console: Console) -> ExitCode:
    if outcome.stopped is None:
        return ExitCode.OK
    fault = explain(outcome.stopped)
    last = outcome.runs[-1]
    left = planned - len(outcome.runs)
    more = f", {left} more settings not begun" if left else ""
    kept = f"{last.summary.n} of {last.summary.expected} answers are kept in {last.folder}"
    console.error(f"{fault.message}; {kept}{more}; the same command again goes on")
    return fault.code
