"""What a group of tasks holds; of the technical report's group, every row of it and what is run for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from vleval.results.escape import one_line
from vleval.tasks.groups import REPORT, Member
from vleval.tasks.reported_setting import reported_setting
from vleval.tasks.technical_report import NOT_COVERED, covered

Rows = Sequence[tuple[str, ...]]
LONGEST = 200
"""Characters of a prompt in a table."""


class Section(NamedTuple):
    """One table of a group's card."""

    title: str
    headings: tuple[str, ...]
    rows: Rows
    words: int
    """Columns of words, which come first; figures follow."""
    notes: Sequence[str] = ()


def group_facts(name: str, members: list[Member]) -> dict[str, Any]:
    """A group as JSON (docs/json.md)."""
    facts: dict[str, Any] = {"name": name, "tasks": [member.task.name for member in members]}
    if name == REPORT:
        facts["rows"] = [
            {
                "task": row.task.name,
                "split": row.row.split,
                "metric": row.row.metric,
                "published": dict(row.row.scores),
                "note": row.note or None,
                "setting": [each._asdict() for each in reported_setting(row.task)],
            }
            for row in covered()
        ]
        facts["not_covered"] = [each._asdict() for each in NOT_COVERED]
    return facts


def report_sections(members: list[Member]) -> list[Section]:
    """The technical report's group as tables for people."""
    return [
        _published(),
        Section("the setting", ("field", "value, for which tasks, known from"), _settings(members), 2),
        Section(
            "rows that vleval does not run",
            ("where", "rows", "why"),
            [tuple(each) for each in NOT_COVERED],
            3,
        ),
    ]


def _published() -> Section:
    """A column per size of the model; what keeps a row from being scored stands below, once for its tasks."""
    found = covered()
    sizes = list(dict.fromkeys(size for each in found for size in each.row.scores))
    sizes.sort(key=lambda size: float(size.rstrip("B")))
    rows = []
    notes: dict[str, dict[str, None]] = {}
    for each in found:
        scores = (f"{each.row.scores[size]:g}" if size in each.row.scores else "-" for size in sizes)
        rows.append((each.task.name, each.row.split, each.row.metric, *scores))
        if each.note:
            notes.setdefault(each.note, {})[each.task.name] = None
    return Section(
        f"group {REPORT}: rows that vleval runs, and their published scores",
        ("task", "split", "metric", *sizes),
        rows,
        3,
        [f"{', '.join(tasks)}: {note}" for note, tasks in notes.items()],
    )


def _short(text: str) -> str:
    """In one line; prompts with the declaration of a tool take a page."""
    line = one_line(text)
    return line if len(line) <= LONGEST else f"{line[:LONGEST].rstrip()} ... (all of it: vleval tasks show)"


def _settings(members: list[Member]) -> Rows:
    """Field by field; tasks of equal values share a row."""
    of: dict[tuple[str, str, str], list[str]] = {}
    for member in members:
        for each in reported_setting(member.task):
            key = each.field, _short(each.shown), _short(each.source)
            of.setdefault(key, []).append(member.task.name)
    fields = list(dict.fromkeys(field for field, _, _ in of))
    rows = []
    for (field, shown, source), tasks in sorted(of.items(), key=lambda item: fields.index(item[0][0])):
        which = "all tasks" if len(tasks) == len(members) else ", ".join(tasks)
        rows.append((field, f"{shown}\nfor {which}\n{source}"))
    return rows
