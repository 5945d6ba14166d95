"""Scores answers made elsewhere with the very code of a run: no model, and nothing of torch."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, NamedTuple

from vleval.console import Console
from vleval.grounding.frame import Convention
from vleval.results.record import SampleRecord
from vleval.results.summary import Summary, summarise
from vleval.running.judge import sample_records
from vleval.tasks.base import Task
from vleval.tasks.data.predictions import Predictions

SCHEMA = "vleval/score@1"

BATCH = 1000
"""Rows judged at once."""

BIG = 10_000
"""Rows from which on progress is shown."""


@contextmanager
def collector_paused() -> Iterator[None]:
    """Every object of a file is kept to its end: looking for garbage among them costs a fifth of the time."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


class Scored(NamedTuple):
    """One file, judged."""

    file: Predictions
    records: list[SampleRecord]
    """One per row, in the order of the file."""
    summary: Summary

    @property
    def unmapped(self) -> int:
        """Rows whose numbers were taken as they stand, because the sizes are not known."""
        return sum(record.parsed.get("mapped") is False for record in self.records)


def score_file(task: Task, file: Predictions, convention: Convention, console: Console) -> Scored:
    """Judge every row of a file."""
    records: list[SampleRecord] = []
    total = len(file.items)
    shown = console if total >= BIG else Console(quiet=True)
    with shown.progress(f"{task.name} {file.name}", total) as progress:
        for start in range(0, total, BATCH):
            batch = file.items[start : start + BATCH]
            records += sample_records(task, batch, convention)
            progress.advance("scored", len(batch))
    summary = summarise(
        records,
        task.metrics,
        expected=len(records),
        seconds=0.0,
        peak_memory_bytes=0,
        coordinates=convention,
    )
    return Scored(file, records, summary)


def baselines(task: Task, scored: Sequence[Scored]) -> Mapping[str, Mapping[str, float]]:
    """The trivial answers to the questions of all files; {} where files ask differently."""
    asked = [[item.sample for item in one.file.items] for one in scored]
    alike = all([s.target for s in samples] == [s.target for s in asked[0]] for samples in asked)
    return task.baselines(asked[0]) if task.baselines and alike else {}


def title(task: Task, scored: Sequence[Scored], convention: Convention, *, letterbox: bool) -> str:
    """Task, file, rows, clusters and unit."""
    first = scored[0]
    name = first.file.name if len(scored) == 1 else f"{len(scored)} files"
    counts = sorted({_counts(task, one) for one in scored})
    unit = f"{convention}, letter-boxed" if letterbox else convention
    return f"{task.title} · {name}: {' and '.join(counts)} · coordinates {unit}"


def _counts(task: Task, one: Scored) -> str:
    rows = len(one.file.items)
    answers = f"{rows:,} answer{'s' if rows > 1 else ''}"
    if one.file.unclustered == rows:
        return f"{answers}, no {task.media} named"
    return f"{answers}, {one.summary.clusters:,} {task.media}{'s' if one.summary.clusters > 1 else ''}"


def file_remarks(task: Task, one: Scored, convention: Convention, *, letterbox: bool) -> list[str]:
    """What the file lacks, and what that does to the numbers."""
    lines, file, rows = [], one.file, len(one.records)
    if one.unmapped:
        sizes = "original_size and input_size" if letterbox or convention == "absolute" else "original_size"
        lines.append(
            f"not mapped: {one.unmapped} of {rows} rows have no {sizes}, so their numbers were taken for "
            "pixels of the original image"
        )
    if file.unclustered:
        share = (
            "no row names" if file.unclustered == rows else f"{file.unclustered} of {rows} rows do not name"
        )
        lines.append(
            f"not clustered: {share} its {task.media}, so answers count as independent, and the interval "
            "is too narrow where several share one"
        )
    if file.odd_sizes and convention == "absolute":
        lines.append(
            f"{file.odd_sizes} of {rows} rows have an input_size that is no multiple of 28: it must be the "
            "size after the processor (image_grid_thw x 14)"
        )
    return lines


def score_document(
    task: Task,
    scored: Sequence[Scored],
    trivial: Mapping[str, Mapping[str, float]],
    convention: Convention,
    *,
    letterbox: bool,
) -> dict[str, Any]:
    """The one JSON document of `vleval score` (docs/json.md)."""
    return {
        "schema": SCHEMA,
        "task": {"name": task.name, "version": task.version, "headline": task.metrics[0].name},
        "metrics": [asdict(metric) for metric in task.metrics],
        "coordinates": convention,
        "letterbox": letterbox,
        "files": [
            {
                "file": one.file.name,
                "fields": {name: place.label for name, place in one.file.layout.places.items()},
                "unmapped": one.unmapped,
                "unclustered": one.file.unclustered,
                "repeated_ids": one.file.repeated,
                "odd_input_sizes": one.file.odd_sizes,
                "unanswered": one.file.unanswered,
                "summary": one.summary.to_json(),
            }
            for one in scored
        ],
        "baselines": {name: dict(values) for name, values in trivial.items()},
    }
