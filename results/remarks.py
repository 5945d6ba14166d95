"""What keeps a run's headline from being the whole truth, in lines to stand below its table."""

from __future__ import annotations

from collections.abc import Mapping

from vleval.results.summary import Summary
from vleval.results.table import value_text
from vleval.tasks.base import Task

ITEM = {"boxes": "box", "points": "point", "spans": "span"}
"""One of what `Summary.extra` counts."""


def remarks(task: Task, label: Mapping[str, str], summary: Summary, digits: int = 1) -> list[str]:
    """What keeps a headline from being the whole truth: missing, failed, unparsed and odd answers.

    Shares of the headline have `digits` decimals, as in the table they stand below.
    """
    start = setting_name(label)
    lines = []
    if summary.n < summary.expected:
        lines.append(f"{start}INCOMPLETE, {summary.n} of {summary.expected} questions answered")
    if summary.scored and all(estimate.value is None for estimate in summary.metrics.values()):
        lines.append(
            f"{start}no score: {summary.scored} of {summary.expected} questions have a readable answer"
        )
    if summary.scored < summary.n:
        headline = task.metrics[0]
        beside = "" if summary.scored else ", nothing could be scored"
        if headline.name in summary.answered:
            value = value_text(summary.answered[headline.name], headline, digits)
            beside = f", {headline.title} {value} over those scored"
        worst = f"{100 * headline.worst if headline.percent else headline.worst:g}"
        lines.append(f"{start}scored {summary.scored} of {summary.n} (others count as {worst}){beside}")
    odd = {kind: count for kind, count in summary.problems.items() if kind != "extra_items"}
    for what, counts in (("failed", summary.failures), ("unparsed", summary.reasons), ("scored with", odd)):
        if counts:
            lines.append(f"{start}{what}: {_top(counts)}")
    return [*lines, *(start + line for line in _readings(task, summary, digits))]


def setting_name(label: Mapping[str, str]) -> str:
    """`max-pixels 16t: `, to begin a line with; nothing where no setting varies."""
    name = " ".join(f"{flag} {value}" for flag, value in label.items())
    return f"{name}: " if name else ""


def _readings(task: Task, summary: Summary, digits: int) -> list[str]:
    """How answers were read, where that could matter."""
    lines = [
        f"{count} answer{'s' if count > 1 else ''} with more than one {ITEM.get(kind, 'item')}: "
        "the first one counts"
        for kind, count in summary.extra.items()
    ]
    if summary.strict is not None and summary.strict < summary.scored:
        headline = task.metrics[0]
        line = f"{summary.strict} of {summary.scored} scored answers are in the documented form"
        if headline.name in summary.strict_metrics:
            value = value_text(summary.strict_metrics[headline.name], headline, digits)
            line += f"; counting only those, {headline.title} {value}"
        lines.append(line)
    return lines + [sentence for other in summary.lookalikes if (sentence := other.sentence())]


def _top(counts: Mapping[str, int]) -> str:
    """The three most frequent entries."""
    shown = ", ".join(f"{count} {name}" for name, count in list(counts.items())[:3])
    return shown + (", ..." if len(counts) > 3 else "")
