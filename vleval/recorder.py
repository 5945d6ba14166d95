"""From a response to a stored sample: score it, write it, and keep what only the run as a whole can tell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from vleval.console import Console, Progress
from vleval.errors import ExitCode, UserError
from vleval.grounding.frame import Convention
from vleval.model.io import Media, Message, Response
from vleval.notices import video_notices
from vleval.results.record import SampleRecord
from vleval.results.store import RunWriter
from vleval.tasks.base import Sample, Score, Task


class Incomplete(UserError):
    """A run ended before every question was answered."""


class Recorder:
    """Takes the answers of one run, in any order."""

    def __init__(
        self,
        task: Task,
        samples: Sequence[Sample],
        coordinates: Convention,
        writer: RunWriter,
        console: Console,
        *,
        errors_allowed: int,
        tokens_per_second: float,
    ) -> None:
        self.task, self.coordinates, self.writer, self.console = task, coordinates, writer, console
        self.errors_allowed, self.tokens_per_second = errors_allowed, tokens_per_second
        self.waiting = {sample.id: sample for sample in samples}
        self.expected = len(samples)
        self.done = self.failed = 0
        self.total = 0.0
        self.warnings: dict[str, str] = {}

    def take(self, response: Response, progress: Progress) -> None:
        """Score and store one answer. Raises Incomplete when too many have failed."""
        sample = self.waiting.pop(response.id)
        record = sample_record(self.task, sample, response, self.coordinates)
        self.writer.append(record)
        self._warn(response)
        headline = self.task.metrics[0]
        self.done += 1
        self.total += record.metrics[headline.name]
        mean = self.total / self.done
        progress.advance(
            f"{headline.title} {100 * mean:.1f}" if headline.percent else f"{headline.title} {mean:.3g}"
        )
        shown = record.text.replace("\r", "\\r").replace("\n", "\\n") or record.reason
        self.console.detail(f"  {record.id}: {record.status}: {shown}")
        self._check_budget(record)

    def expect_all(self) -> None:
        """Raise Incomplete when the engine left questions unanswered."""
        if self.waiting:
            raise Incomplete(
                f"the engine answered {self.done} of {self.expected} questions and stopped",
                ExitCode.INCOMPLETE,
            )

    def _check_budget(self, record: SampleRecord) -> None:
        if record.status != "failed":
            return
        self.failed += 1
        if self.failed > self.errors_allowed:
            raise Incomplete(
                f"{self.failed} of {self.done} samples have failed, --max-errors allows "
                f"{self.errors_allowed}; the last one: {record.failure}: {record.reason}",
                ExitCode.ERROR_BUDGET,
            )

    def _warn(self, response: Response) -> None:
        for frame in response.frames:
            for key, sentence in video_notices(frame, self.tokens_per_second):
                if key not in self.warnings:
                    self.warnings[key] = sentence
                    self.console.warn(sentence)


def sample_record(task: Task, sample: Sample, response: Response, coordinates: Convention) -> SampleRecord:
    """Judge one response: a failed one scores zero in every metric, whatever text it carries."""
    if response.failure is not None:
        score = Score(
            "failed", {metric.name: 0.0 for metric in task.metrics}, reason=response.failure.message
        )
    else:
        score = task.score(sample, response.text, response.frames, coordinates)
    return SampleRecord(
        id=sample.id,
        cluster=sample.cluster,
        status=score.status,
        failure=response.failure.kind if response.failure else None,
        reason=score.reason,
        metrics=score.metrics,
        parsed=score.parsed,
        text=response.text,
        finish_reason=response.finish_reason,
        question=sample.question,
        target=sample.target,
        tags=sample.tags,
        original_size=sample.original_size,
        frames=response.frames,
        usage=response.usage,
        input_sha256=input_digest(task.messages(sample)),
    )


def input_digest(messages: Sequence[Message]) -> str | None:
    """sha256 over roles, text and media bytes in reading order; None when a medium cannot be read."""
    try:
        turns = [
            [
                turn.role,
                [
                    [part.kind, part.digest()] if isinstance(part, Media) else ["text", part]
                    for part in turn.content
                ],
            ]
            for turn in messages
        ]
    except OSError:
        return None
    return hashlib.sha256(json.dumps(turns).encode()).hexdigest()
