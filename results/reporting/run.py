"""One stored run, reduced to what a report says of it, so that its answers need not stay in memory."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vleval.results.comparing.pairing import Answers, answered, needed
from vleval.results.record import RunRecord, SampleRecord
from vleval.results.remarks import remarks
from vleval.results.reporting.cautions import Caution, cautions
from vleval.results.reporting.examples import Example, examples
from vleval.results.reporting.samples import SampleView, sample_view
from vleval.results.reporting.slices import Slice, slices
from vleval.results.summary import Summary, summarise
from vleval.tasks.base import Metric, Sample, Task


@dataclass(frozen=True, slots=True)
class ReportRun:
    """A run in a report."""

    folder: str
    label: Mapping[str, str]
    """The settings that tell it from the others of its block: `{"max-pixels": "16t"}`."""
    record: RunRecord
    task: Task
    summary: Summary
    answers: Answers
    """What pairing needs of every answer, with its headline."""
    slices: Sequence[Slice]
    """Of the headline."""
    cautions: Sequence[Caution]
    baselines: Mapping[str, Mapping[str, float]]
    """Trivial answers to the same questions: name -> metric -> value."""
    seen: str
    """Equal for runs in which the model was shown the very same inputs."""
    views: Mapping[str, SampleView]
    """The answers that a page shows, by id."""
    examples: Sequence[Example]
    """Those that scored lowest."""

    @property
    def name(self) -> str:
        """The label in words: `max-pixels 16t, fps 2`; the folder's setting where nothing varies."""
        return ", ".join(f"{flag} {value}" for flag, value in self.label.items()) or "this setting"

    @property
    def headline(self) -> Metric:
        """The first metric of the task."""
        return self.task.metrics[0]

    @property
    def score(self) -> float | None:
        """The headline; None without answers."""
        return self.summary.metrics[self.headline.name].value

    @property
    def visual_tokens(self) -> float | None:
        """Mean per image or video."""
        return self.summary.visual_tokens

    @property
    def seconds(self) -> float | None:
        """Wall time per question; None where it was not measured."""
        return self.summary.seconds / self.summary.n if self.summary.n and self.summary.seconds else None

    def stage_seconds(self, stage: str) -> float | None:
        """Work of one stage (`prefill`, `decode`, ...) per question; None where it was not measured."""
        spent = self.summary.stages[stage]
        return spent / self.summary.n if self.summary.n and spent else None


def reduce_run(
    folder: str,
    label: Mapping[str, str],
    record: RunRecord,
    samples: Sequence[SampleRecord],
    task: Task,
    keep: Callable[[str], bool],
) -> ReportRun:
    """Reduce a run to its numbers; `keep` says whose answers a page shows."""
    used = needed(task.metrics[0], task.metrics)
    summary = summarise(
        samples,
        task.metrics,
        expected=record.data.samples,
        seconds=record.seconds or max((sample.elapsed_seconds for sample in samples), default=0.0),
        peak_memory_bytes=record.model.peak_memory_bytes,
        coordinates=record.coordinates,
    )
    found = [Caution(sentence) for sentence in (*remarks(task, {}, summary), *record.warnings)]
    if record.status != "complete":
        found.insert(0, Caution("incomplete", detail=f"{summary.n} of {summary.expected} answered"))
    return ReportRun(
        folder=folder,
        label=label,
        record=record,
        task=task,
        summary=summary,
        # Without questions and texts, which would hold every answer's words in memory.
        answers={
            sample.id: dataclasses.replace(answered(sample, used), question=None, text=None)
            for sample in samples
        },
        slices=slices(samples, task.metrics),
        cautions=[*found, *cautions(samples)],
        baselines=_baselines(task, samples),
        seen=_seen(samples),
        views={sample.id: sample_view(sample, task.metrics) for sample in samples if keep(sample.id)},
        examples=examples(samples, task.metrics),
    )


def _baselines(task: Task, samples: Sequence[SampleRecord]) -> Mapping[str, Mapping[str, float]]:
    if task.baselines is None:
        return {}
    # The media may be gone; what a trivial answer needs of them is on record.
    return task.baselines([_question(sample) for sample in samples])


def _question(record: SampleRecord) -> Sample:
    target = dict(record.target)
    if record.frames and record.frames[0].duration is not None:
        target.setdefault("duration", record.frames[0].duration)
    return Sample(record.id, (), record.question, target, record.cluster, record.original_size, record.tags)


def _seen(samples: Sequence[SampleRecord]) -> str:
    digest = hashlib.sha256()
    for sample in samples:
        sizes = [(frame.input_size, frame.grid_thw, frame.timestamps) for frame in sample.frames]
        digest.update(f"{sample.id!r} {sizes} {sample.input_sha256}\n".encode("utf-8", "backslashreplace"))
    return digest.hexdigest()
