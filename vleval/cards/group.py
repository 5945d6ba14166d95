"""What a group of tasks holds; of the technical report's group, every row of it and what is run for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from vleval.results.escape import one_line
from vleval.tasks.groups import REPORT, Member
from vleval.tasks.reported_setting import reported_setting
from vleval.tasks.technical_report import NOT_COVERED, Covered, covered

Rows = Sequence[tuple[str, ...]]
LONGEST = 200
"""Characters of a prompt in a table."""


class Section(NamedTuple):
    """One table of a group's card."""

    title: str
    headings: tuple[str, ...]
    rows: Rows


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


def group_sections(name: str, members: list[Member]) -> list[Section]:
    """A group as tables for people."""
    if name != REPORT:
        rows = [(member.task.name, member.task.metrics[0].title, member.task.title) for member in members]
        return [Section(f"group {name}", ("task", "headline", "title"), rows)]
    found = covered()
    return [
        Section(
            f"group {name}: rows that vleval runs",
            ("task", "split", "metric", "as published", "note"),
            [_row(each) for each in found],
        ),
        Section("the setting", ("task", "field", "value", "known from"), _settings(members)),
        Section(
            "rows that vleval does not run",
            ("where", "rows", "why"),
            [tuple(each) for each in NOT_COVERED],
        ),
    ]


def _row(found: Covered) -> tuple[str, ...]:
    row = found.row
    shown = ", ".join(f"{size} {score:g}" for size, score in row.scores.items())
    return found.task.name, row.split, row.metric, shown, found.note


def _short(text: str) -> str:
    """In one line; prompts with the declaration of a tool take a page."""
    line = one_line(text)
    return line if len(line) <= LONGEST else f"{line[:LONGEST].rstrip()} ... (all of it: vleval tasks show)"


def _settings(members: list[Member]) -> Rows:
    """A line per field; tasks of equal fields share it."""
    of: dict[tuple[str, str, str], list[str]] = {}
    for member in members:
        for each in reported_setting(member.task):
            key = each.field, _short(each.shown), _short(each.source)
            of.setdefault(key, []).append(member.task.name)
    return [
        ("all" if len(tasks) == len(members) else ", ".join(tasks), field, shown, source)
        for (field, shown, source), tasks in of.items()
    ]
