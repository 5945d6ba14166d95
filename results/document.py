"""The one JSON document of a command's runs (docs/json.md), built from records alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from vleval.model.io import GenerationSettings
from vleval.results.comparing.document import paired_to_json
from vleval.results.record import DataFacts, RunRecord, TaskFacts
from vleval.results.statistics.paired import PairedResult

SCHEMA = "vleval/runs@2"


class Entry(NamedTuple):
    """One run."""

    record: RunRecord
    folder: Path
    setting: Mapping[str, str]
    """The flags that vary over the runs of its task."""
    difference: PairedResult | None
    """Headline against the first run of its task."""


class TaskEntries(NamedTuple):
    """The runs of one task; none where it was not begun."""

    task: TaskFacts
    data: DataFacts
    generation: GenerationSettings
    config: Mapping[str, Any]
    planned: int
    runs: Sequence[Entry]
    baselines: Mapping[str, Mapping[str, float]]


def runs_document(tasks: Sequence[TaskEntries]) -> dict[str, Any]:
    """The document of one command, of whose runs at least one was begun."""
    records = [entry.record for task in tasks for entry in task.runs]
    first, last, planned = records[0], records[-1], sum(task.planned for task in tasks)
    complete = len(records) == planned and all(record.status == "complete" for record in records)
    return {
        "schema": SCHEMA,
        "status": "complete" if complete else last.status,
        "planned_runs": planned,
        "model": {**asdict(first.model), "bundled": first.bundled_model},
        "coordinates": first.coordinates,
        "passed": list(first.passed),
        "environment": dict(first.environment),
        "tasks": [_task(task) for task in tasks],
    }


def _task(task: TaskEntries) -> dict[str, Any]:
    return {
        "task": asdict(task.task),
        "data": asdict(task.data),
        "generation": asdict(task.generation),
        "config": dict(task.config),
        "planned_runs": task.planned,
        "runs": [_entry(entry) for entry in task.runs],
        "baselines": {name: dict(scores) for name, scores in task.baselines.items()},
    }


def _entry(entry: Entry) -> dict[str, Any]:
    record = entry.record
    return {
        "id": record.id,
        "folder": str(entry.folder),
        "status": record.status,
        "error": record.error,
        "setting": dict(entry.setting),
        "vision": asdict(record.vision),
        "started": record.started,
        "finished": record.finished,
        "summary": record.summary,
        "difference": paired_to_json(entry.difference) if entry.difference else None,
        "warnings": list(record.warnings),
    }
