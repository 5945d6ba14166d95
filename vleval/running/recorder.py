"""From a response to a stored answer: score it, write it, and keep what only the run as a whole can tell."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from vleval.console import Console, Progress
from vleval.errors import ExitCode, UserError
from vleval.grounding.frame import Frame
from vleval.model.io import Response
from vleval.results.record import RunRecord, SampleRecord
from vleval.results.storage.fingerprint import sample_fingerprint
from vleval.results.storage.store import RunStore
from vleval.running.judge import sample_record
from vleval.running.notices import video_notices
from vleval.tasks.base import Sample, Task


class Incomplete(UserError):
    """A run ended before every question was answered."""


class Recorder:
    """Takes the answers of one run: those of earlier sessions first, then new ones, in any order."""

    def __init__(
        self,
        task: Task,
        samples: Sequence[Sample],
        record: RunRecord,
        store: RunStore,
        console: Console,
        *,
        errors_allowed: int,
        tokens_per_second: float,
    ) -> None:
        self.task, self.record, self.store, self.console = task, record, store, console
        self.errors_allowed, self.tokens_per_second = errors_allowed, tokens_per_second
        self.waiting = {sample.id: sample for sample in samples}
        """Questions without an answer, in the order of the data."""
        self.expected = len(samples)
        self.done = self.failed = self.judged = 0
        self.total = 0.0
        self.warnings: dict[str, str] = {}
        self._attempts: dict[str, int] = {}
        self._last_failure = ""
        self._earlier_seconds = 0.0
        self._began: float | None = None

    def keep(self, answer: SampleRecord) -> None:
        """Count an answer of an earlier session."""
        del self.waiting[answer.id]
        self._count(answer)
        self._warn(answer.frames)
        self._earlier_seconds = max(self._earlier_seconds, answer.elapsed_seconds)

    def ask_again(self, answer: SampleRecord) -> None:
        """Leave the question of a failed answer waiting for another attempt."""
        self._attempts[answer.id] = answer.attempt
        self._earlier_seconds = max(self._earlier_seconds, answer.elapsed_seconds)

    def start_clock(self) -> None:
        """The answers of this session begin now."""
        self._began = time.monotonic()

    def take(self, response: Response, progress: Progress) -> None:
        """Score and store one answer. Raises Incomplete when too many have failed."""
        sample = self.waiting.pop(response.id)
        judged = sample_record(self.task, sample, response, self.record.coordinates)
        record = replace(
            judged,
            key=sample_fingerprint(self.record, sample.id, judged.input_sha256),
            attempt=self._attempts.get(sample.id, 0) + 1,
            elapsed_seconds=self.seconds(),
        )
        self.store.append(record)
        self._warn(response.frames)
        self._count(record)
        progress.advance(self._so_far())
        shown = record.text.replace("\r", "\\r").replace("\n", "\\n") or record.reason
        self.console.detail(f"  {record.id}: {record.status}: {shown}")
        if record.status == "failed":
            self.check_budget()

    def seconds(self) -> float:
        """Wall time of the run so far: earlier sessions up to their last answer, and this one."""
        return self._earlier_seconds + (time.monotonic() - self._began if self._began is not None else 0.0)

    def expect_all(self) -> None:
        """Raise Incomplete when the engine left questions unanswered."""
        if self.waiting:
            raise Incomplete(
                f"the engine answered {self.done} of {self.expected} questions and stopped",
                ExitCode.INCOMPLETE,
            )

    def _so_far(self) -> str:
        """The plain mean of the headline over the answers that have it: none has without a truth."""
        headline = self.task.metrics[0]
        if headline.strata or headline.parts or headline.figure:
            # The mean of single answers is another number than the score.
            return f"{headline.title} at the end"
        if not self.judged:
            return f"no {headline.title}"
        mean = self.total / self.judged
        return f"{headline.title} {100 * mean:.1f}" if headline.percent else f"{headline.title} {mean:.3g}"

    def _count(self, answer: SampleRecord) -> None:
        self.done += 1
        value = answer.metrics.get(self.task.metrics[0].name)
        if value is not None:
            self.total += value
            self.judged += 1
        if answer.status == "failed":
            self.failed += 1
            self._last_failure = f"{answer.failure}: {answer.reason}"

    def check_budget(self) -> None:
        """Raise Incomplete when too many have failed."""
        if self.failed > self.errors_allowed:
            raise Incomplete(
                f"{self.failed} of {self.done} samples have failed, --max-errors allows "
                f"{self.errors_allowed}; the last one: {self._last_failure}",
                ExitCode.ERROR_BUDGET,
            )

    def _warn(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            for key, sentence in video_notices(frame, self.tokens_per_second):
                if key not in self.warnings:
                    self.warnings[key] = sentence
                    self.console.warn(sentence)
