"""From a response to its record: the one way in which an answer is judged, whoever gave it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache

from vleval.grounding.frame import Convention
from vleval.model.io import Media, Message, Response
from vleval.results.record import SampleRecord
from vleval.tasks.base import Answer, Sample, Score, Task


def sample_record(task: Task, sample: Sample, response: Response, coordinates: Convention) -> SampleRecord:
    """Judge one response."""
    return sample_records(task, [(sample, response)], coordinates)[0]


def sample_records(
    task: Task, answered: Sequence[tuple[Sample, Response]], coordinates: Convention
) -> list[SampleRecord]:
    """Judge responses at once: a failed one scores worst in every metric, whatever text it carries."""
    answers = [
        Answer(sample, response.text, response.frames, response.tokens)
        for sample, response in answered
        if response.failure is None
    ]
    scores = iter(task.score_all(answers, coordinates))
    return [
        _record(task, sample, response, task.worst(sample, "failed", response.failure.message))
        if response.failure is not None
        else _record(task, sample, response, next(scores))
        for sample, response in answered
    ]


def _record(task: Task, sample: Sample, response: Response, score: Score) -> SampleRecord:
    return SampleRecord(
        id=sample.id,
        cluster=sample.cluster,
        status=score.status,
        failure=response.failure.kind if response.failure else None,
        reason=score.reason,
        metrics=score.metrics,
        parsed=score.parsed,
        evidence=score.evidence,
        text=response.text,
        finish_reason=response.finish_reason,
        question=sample.question,
        target=sample.target,
        tags=sample.tags,
        original_size=sample.original_size,
        frames=response.frames,
        usage=response.usage,
        tokens=response.tokens,
        input_sha256=input_digest(task.messages(sample)) if sample.media else None,
    )


def input_digest(messages: Sequence[Message]) -> str | None:
    """sha256 over roles, text and media bytes in reading order; None when a medium cannot be read."""
    try:
        turns = [
            [
                turn.role,
                [
                    [part.kind, _digest(part)] if isinstance(part, Media) else ["text", part]
                    for part in turn.content
                ],
            ]
            for turn in messages
        ]
    except OSError:
        return None
    return hashlib.sha256(json.dumps(turns).encode()).hexdigest()


def _digest(medium: Media) -> str:
    if medium.path is None:
        return medium.digest()
    state = medium.path.stat()
    return _file_digest(medium, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _file_digest(medium: Media, size: int, changed: int) -> str:
    """Films are large and have many questions: each is read once while it stays as it is."""
    return medium.digest()
