"""From a run folder, or a published number, to its entry on the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from vleval.model.io import VisionSettings
from vleval.results.boards.board import (
    COMPLETE,
    PUBLISHED,
    VERSION,
    VISION,
    Cell,
    Entry,
    benchmark_name,
    short_id,
)
from vleval.results.comparing.pairing import rounded
from vleval.results.record import RunRecord
from vleval.results.storage.fingerprint import DECODERS, predict_fields
from vleval.results.storage.store import read_samples
from vleval.results.summary import summarise
from vleval.tasks.base import Metric

LIBRARIES = ("torch", "transformers", "tokenizers", "pillow", "av")
BUNDLED_CHECKPOINT = "bundled checkpoint"
AS_PUBLISHED = "as published"


def run_entry(folder: Path, run: RunRecord, metrics: Sequence[Metric], setting: str) -> Entry:
    """The entry of a run, complete or not; `setting` says in words what the model saw. Raises StoreError."""
    summary = run_summary(folder, run, metrics)
    data = run.data
    cells: dict[str, Cell] = {}
    for name, estimate in summary["metrics"].items():
        low, high = estimate["interval"] or (None, None)
        cells[name] = rounded(estimate["value"])
        cells |= {f"{name}/low": rounded(low), f"{name}/high": rounded(high), f"{name}/n": estimate["n"]}
    n = summary["n"]
    whole = run.status == COMPLETE and n >= data.samples
    cells |= {
        "clusters": summary["clusters"],
        "unparsed": summary["unparsed"],
        "failed": summary["failed"],
        "coverage": rounded(summary["coverage"]),
        "visual_tokens": rounded(summary["visual_tokens"]),
        "seconds_per_sample": rounded(summary["seconds"] / n) if n else None,
        "peak_memory_bytes": summary["peak_memory_bytes"] or None,
        "samples": data.samples,
        "task_version": run.task.version,
        "max_new_tokens": run.generation.max_new_tokens,
        "status": COMPLETE if whole else f"partial: {n} of {data.samples}",
        "data": data.name,
        "data_revision": data.revision,
        "data_fingerprint": data.fingerprint,
        "vleval": run.environment.get("vleval"),
        "libraries": ", ".join(
            f"{name} {run.environment[name]}" for name in LIBRARIES if name in run.environment
        ),
        "finished": run.finished,
        "run": run.id,
        "identity": run_identity(run),
    }
    return Entry(_head(run, setting), benchmark_name(run.task.name, data.split, data.origin), cells)


def published_entry(
    model: str, benchmark: str, metric: str, value: float, source: str, metrics: Sequence[Metric]
) -> Entry:
    """The entry of a published number: no interval, no n."""
    head: dict[str, Cell] = {
        "vleval_board": VERSION,
        "source": PUBLISHED,
        "model": model,
        "setting": AS_PUBLISHED,
        "row_id": short_id([PUBLISHED, model]),
    }
    cells: dict[str, Cell] = {}
    for each in metrics:
        cells[each.name] = value if each.name == metric else None
        cells |= {f"{each.name}/{end}": None for end in ("low", "high", "n")}
    cells |= {
        "status": PUBLISHED,
        "data": source,
        "identity": short_id([PUBLISHED, model, benchmark, metric]),
    }
    return Entry(head, benchmark, cells)


def run_summary(folder: Path, run: RunRecord, metrics: Sequence[Metric]) -> Mapping[str, Any]:
    """The stored summary of a complete run; that of any other is made from its answers."""
    stored = run.summary
    if run.status == COMPLETE and stored and "coverage" in stored and _has_values(stored):
        return stored
    found = summarise(
        read_samples(folder),
        metrics,
        expected=run.data.samples,
        seconds=run.seconds or 0.0,
        peak_memory_bytes=run.model.peak_memory_bytes,
        coordinates=run.coordinates,
    )
    return found.to_json()


def run_identity(run: RunRecord) -> str:
    """Model, setting, data and task version: equal for runs that measure the same thing.

    Versions of libraries are no part of it: they stand beside the score.
    """
    # The prompt belongs to the task's version, and records of version 1 do not tell it.
    left_out = {*DECODERS, "prompt"}
    asked = {name: value for name, value in predict_fields(run).items() if name not in left_out}
    task, data = run.task, run.data
    return short_id(
        [asked, run.coordinates, task.name, task.version, data.origin, data.split, data.fingerprint]
    )


def _has_values(summary: Mapping[str, Any]) -> bool:
    """Whether it is of the present form: records of version 1 call the value of a metric `mean`."""
    return all("value" in estimate for estimate in summary["metrics"].values())


def _head(run: RunRecord, setting: str) -> dict[str, Cell]:
    marks = [name for name, is_so in (("model", run.bundled_model), ("data", run.data.bundled)) if is_so]
    model = run.model
    seen: dict[str, Cell] = {name: getattr(run.vision, name) for name in VISION}
    # Only what is not the default counts: a setting that a later vleval adds leaves earlier rows as they are.
    chosen = {
        each.name: seen[each.name] for each in fields(VisionSettings) if seen[each.name] != each.default
    }
    asked = [model.fingerprint, model.engine, model.dtype, chosen, run.coordinates]
    if run.generation.logprobs:
        asked.append("logprobs")
    return {
        "vleval_board": VERSION,
        "source": "run",
        "bundled": " and ".join(marks),
        "model": BUNDLED_CHECKPOINT if run.bundled_model else model.model,
        "model_fingerprint": model.fingerprint,
        "engine": model.engine,
        "dtype": model.dtype,
        "parameters": model.parameters,
        "setting": setting,
        **seen,
        "coordinates": run.coordinates,
        "repetition_penalty": run.generation.repetition_penalty,
        "row_id": short_id(["run", *asked, run.generation.repetition_penalty, marks]),
    }
