"""What one `vleval run` is asked, and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vleval.config import RunConfig, Setting
from vleval.results.record import DataFacts, RunRecord
from vleval.results.summary import Summary
from vleval.tasks.base import Sample, Task


class Job(NamedTuple):
    """What is asked: one task on one data set, by one model."""

    task: Task
    data: DataFacts
    samples: Sequence[Sample]
    bundled_model: bool
    config: RunConfig
    passed: tuple[str, ...]


class Run(NamedTuple):
    """One setting, answered as far as it came."""

    setting: Setting
    record: RunRecord
    folder: Path
    summary: Summary


class Outcome(NamedTuple):
    """All settings of one command; `stopped` tells why the last one is not complete."""

    runs: tuple[Run, ...]
    stopped: BaseException | None = None
