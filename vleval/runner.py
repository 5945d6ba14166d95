"""The run: every question once per setting, answers scored and stored as they come."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from vleval.config import RunConfig, Setting
from vleval.console import Console
from vleval.engines import Loaded, convention
from vleval.environment import environment
from vleval.errors import Terminated, explain
from vleval.model.io import Engine, GenerationSettings, Request, Response
from vleval.recorder import Incomplete, Recorder
from vleval.results.record import DataFacts, RunRecord, RunStatus, TaskFacts
from vleval.results.store import RunWriter, StoreError, read_samples
from vleval.results.summary import Summary, summarise
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


def run_settings(job: Job, settings: Sequence[Setting], loaded: Loaded, console: Console) -> Outcome:
    """Answer every question once per setting; the model stays loaded.

    Ctrl-C, SIGTERM and too many failures end it early with everything done kept. Raises ModelError and
    StoreError.
    """
    grid = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{job.task.name}-{secrets.token_hex(2)}"
    runs: list[Run] = []
    for number, setting in enumerate(settings, start=1):
        record = _new_record(job, setting, loaded, grid, f"{grid}-{number}" if len(settings) > 1 else grid)
        run, stopped = _run_setting(job, setting, loaded, record, console)
        runs.append(run)
        if stopped is not None:
            return Outcome(tuple(runs), stopped)
    return Outcome(tuple(runs))


def _run_setting(
    job: Job, setting: Setting, loaded: Loaded, record: RunRecord, console: Console
) -> tuple[Run, BaseException | None]:
    task, samples, engine = job.task, job.samples, loaded.engine
    stopped: BaseException | None = None
    began = time.monotonic()
    with RunWriter(job.config.output, record) as writer, _failure_noted(writer, record):
        recorder = Recorder(
            task,
            samples,
            record.coordinates,
            writer,
            console,
            errors_allowed=job.config.max_errors.allowed(len(samples)),
            tokens_per_second=loaded.tokens_per_second,
        )
        requests = (Request(s.id, task.messages(s), record.vision, record.generation) for s in samples)
        try:
            with console.progress(_title(task, setting), len(samples)) as progress:
                for response in _responses(engine, requests):
                    recorder.take(response, progress)
            recorder.expect_all()
        except (KeyboardInterrupt, Terminated, Incomplete) as error:
            stopped = error
        seconds = time.monotonic() - began
        final = dataclasses.replace(
            record,
            status=_status(stopped),
            seconds=seconds,
            finished=_now(),
            warnings=tuple(recorder.warnings.values()),
        )
        run = _finish(job, setting, engine, final, writer, stopped)
    return run, stopped


def _finish(
    job: Job,
    setting: Setting,
    engine: Engine,
    record: RunRecord,
    writer: RunWriter,
    stopped: BaseException | None,
) -> Run:
    """Summarise what is on file and close the record."""
    model = engine.info()
    summary = summarise(
        read_samples(writer.folder),
        job.task.metrics,
        expected=len(job.samples),
        seconds=record.seconds or 0.0,
        peak_memory_bytes=model.peak_memory_bytes,
    )
    error = explain(stopped).message if stopped else None
    record = dataclasses.replace(record, model=model, summary=summary.to_json(), error=error)
    writer.save(record)
    return Run(setting, record, writer.folder, summary)


def _responses(engine: Engine, requests: Iterator[Request]) -> Iterator[Response]:
    """The engine's answers; its workers are told to stop when the run ends early."""
    responses = engine.run(requests)
    try:
        yield from responses
    finally:
        if isinstance(responses, Generator):
            responses.close()


@contextmanager
def _failure_noted(writer: RunWriter, record: RunRecord) -> Iterator[None]:
    """Mark the run as failed when an error leaves the loop; the error itself goes on."""
    try:
        yield
    except BaseException as error:
        with suppress(StoreError):
            writer.save(
                dataclasses.replace(record, status="failed", finished=_now(), error=explain(error).message)
            )
        raise


def _new_record(job: Job, setting: Setting, loaded: Loaded, grid: str, run_id: str) -> RunRecord:
    config, model = job.config, loaded.engine.info()
    return RunRecord(
        id=run_id,
        grid=grid,
        status="running",
        started=_now(),
        task=TaskFacts(job.task.name, job.task.version, job.task.metrics[0].name),
        data=job.data,
        model=model,
        bundled_model=job.bundled_model,
        vision=setting.vision,
        generation=GenerationSettings(
            config.max_new_tokens or job.task.max_new_tokens, config.repetition_penalty
        ),
        coordinates=convention(model.family, config.coordinates),
        config=config.model_dump(mode="json", by_alias=True),
        passed=job.passed,
        environment=environment(),
    )


def _title(task: Task, setting: Setting) -> str:
    return " ".join((task.name, *(f"{flag} {value}" for flag, value in setting.label.items())))


def _status(stopped: BaseException | None) -> RunStatus:
    if stopped is None:
        return "complete"
    return "failed" if isinstance(stopped, Incomplete) else "interrupted"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
