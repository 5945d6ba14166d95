"""The one JSON document of a command's runs (docs/json.md), built from records alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vleval.results.record import RunRecord

SCHEMA = "vleval/runs@1"


def runs_document(
    records: Sequence[tuple[RunRecord, Path, Mapping[str, str]]],
    baselines: Mapping[str, Mapping[str, float]],
    *,
    planned: int,
) -> dict[str, Any]:
    """The document of one grid: (record, folder, varying settings) per run, of `planned` runs in all."""
    first = records[0][0]
    complete = len(records) == planned and all(record.status == "complete" for record, _, _ in records)
    return {
        "schema": SCHEMA,
        "status": "complete" if complete else records[-1][0].status,
        "planned_runs": planned,
        "task": asdict(first.task),
        "data": asdict(first.data),
        "model": {**asdict(first.model), "bundled": first.bundled_model},
        "coordinates": first.coordinates,
        "generation": asdict(first.generation),
        "config": dict(first.config),
        "passed": list(first.passed),
        "environment": dict(first.environment),
        "runs": [_entry(*record) for record in records],
        "baselines": {name: dict(scores) for name, scores in baselines.items()},
    }


def _entry(record: RunRecord, folder: Path, varying: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": record.id,
        "folder": str(folder),
        "status": record.status,
        "error": record.error,
        "setting": dict(varying),
        "vision": asdict(record.vision),
        "started": record.started,
        "finished": record.finished,
        "summary": record.summary,
        "warnings": list(record.warnings),
    }
