"""Whole runs of the toy world for tests of the store: a job, the run itself, and what must be equal after."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toy import Answer, ToyEngine, exact, toy_samples
from vleval.console import Console
from vleval.results.record import DataFacts
from vleval.results.storage.store import read_run, read_samples
from vleval.running.config import RunConfig, make_config
from vleval.running.engines import Loaded
from vleval.running.job import Job, Outcome
from vleval.running.runner import run_grid
from vleval.tasks.base import Sample, Task
from vleval.tasks.data.sources import data_fingerprint
from vleval.tasks.grounding.refcoco import TASK

SAMPLES = toy_samples()
MEASURED = ("seconds", "samples_per_second", "stages", "peak_memory_bytes")
"""What a summary says of the machine: the one thing that an interruption may change."""


def job(
    root: Path, samples: Sequence[Sample] = SAMPLES, task: Task = TASK, *, alone: bool = True, **flags: object
) -> Job:
    config: RunConfig = make_config({"task": task.name, "output": str(root), "quiet": True, **flags})
    data = DataFacts("toy world", "local", "val", data_fingerprint(samples), len(samples), False)
    return Job(task, data, samples, False, config, ("task",), alone)


def answer_all(
    work: Job, answer: Answer = exact, engine: ToyEngine | None = None, console: Console | None = None
) -> Outcome:
    engine = engine or ToyEngine(work.samples, answer)
    return run_grid([work], Loaded(engine, 2.0), console or Console(quiet=True))


def score(outcome: Outcome, metric: str = "acc@0.5") -> float | None:
    (run,) = outcome.runs
    return run.summary.metrics[metric].value


@dataclass(frozen=True)
class Result:
    """What a run comes to, without measures of the machine: equal bytes, however often interrupted."""

    samples: bytes
    summary: bytes


def result(folder: Path) -> Result:
    """The result of a complete run."""
    record = read_run(folder)
    assert record.status == "complete"
    assert record.summary is not None
    samples = [sample.to_json() for sample in read_samples(folder)]
    for sample in samples:
        del sample["elapsed_seconds"]
        sample["usage"] = {k: v for k, v in sample["usage"].items() if not k.endswith("_seconds")}
    summary: dict[str, Any] = {k: v for k, v in record.summary.items() if k not in MEASURED}
    return Result(_bytes(samples), _bytes(summary))


def _bytes(value: object) -> bytes:
    return json.dumps(value, allow_nan=False).encode()
