"""What one `vleval run` is asked, task by task, and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vleval.model.io import GenerationSettings
from vleval.results.record import DataFacts, OwnTask, RunRecord, TaskFacts
from vleval.results.summary import Summary
from vleval.running.config import RunConfig, Setting
from vleval.tasks.base import Sample, Task

UNTAUGHT_TOKENS = 128
"""Longest answer of the bundled checkpoint to a task that it was not trained for, unless the user says: it
rambles, and would do so for minutes where a task allows a whole page."""


class Job(NamedTuple):
    """What is asked of one task: its questions, by one model, under every setting that applies."""

    task: Task
    data: DataFacts
    samples: Sequence[Sample]
    bundled_model: bool
    config: RunConfig
    passed: tuple[str, ...]
    alone: bool = True
    """Whether the command has no other task."""

    @property
    def facts(self) -> TaskFacts:
        """The task as records have it."""
        task, own = self.task, None
        if task.file is not None:
            own = OwnTask(task.file.path, task.file.sha256, task.title, task.media, task.metrics)
        return TaskFacts(task.name, task.version, task.metrics[0].name, task.prompt, own)

    @property
    def generation(self) -> GenerationSettings:
        """How answers are decoded."""
        config, longest = self.config, self.task.max_new_tokens
        if self.bundled_model and not self.task.taught:
            longest = min(longest, UNTAUGHT_TOKENS)
        return GenerationSettings(
            config.max_new_tokens or longest,
            config.repetition_penalty,
            logprobs=config.det_score == "logprob" and self.task.logprobs,
        )

    @property
    def settings(self) -> list[Setting]:
        """One run each."""
        return self.config.settings(self.task.media)


class LeftOut(NamedTuple):
    """A task of several whose data cannot be had, and why in one sentence."""

    task: str
    reason: str


class Run(NamedTuple):
    """One setting, answered as far as it came."""

    setting: Setting
    record: RunRecord
    folder: Path
    summary: Summary


class Outcome(NamedTuple):
    """The runs of one command, task by task; `stopped` tells why the last one is not complete."""

    runs: tuple[Run, ...]
    stopped: BaseException | None = None

    def of(self, task: Task) -> list[Run]:
        """The runs of one task, as far as they were begun."""
        return [run for run in self.runs if run.record.task.name == task.name]
