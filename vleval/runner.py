"""The run: every question once per setting, answers scored and stored as they come."""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator, Iterator, Sequence
from datetime import UTC, datetime

from vleval.config import Setting
from vleval.console import Console
from vleval.engines import Loaded
from vleval.errors import Terminated
from vleval.job import Job, Outcome, Run
from vleval.logbook import close_record, failure_noted, open_record
from vleval.model.io import Engine, Request, Response
from vleval.recorder import Incomplete, Recorder
from vleval.results.record import RunRecord
from vleval.results.store import RunWriter


def run_settings(job: Job, settings: Sequence[Setting], loaded: Loaded, console: Console) -> Outcome:
    """Answer every question once per setting; the model stays loaded.

    Ctrl-C, SIGTERM and too many failures end it early with everything done kept. Raises ModelError and
    StoreError.
    """
    grid = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{job.task.name}-{secrets.token_hex(2)}"
    runs: list[Run] = []
    for number, setting in enumerate(settings, start=1):
        record = open_record(job, setting, loaded, grid, f"{grid}-{number}" if len(settings) > 1 else grid)
        run, stopped = _run_setting(job, setting, loaded, record, console)
        runs.append(run)
        if stopped is not None:
            return Outcome(tuple(runs), stopped)
    return Outcome(tuple(runs))


def _run_setting(
    job: Job, setting: Setting, loaded: Loaded, record: RunRecord, console: Console
) -> tuple[Run, BaseException | None]:
    task, samples = job.task, job.samples
    stopped: BaseException | None = None
    title = " ".join((task.name, *(f"{flag} {value}" for flag, value in setting.label.items())))
    requests = (Request(s.id, task.messages(s), record.vision, record.generation) for s in samples)
    began = time.monotonic()
    with RunWriter(job.config.output, record) as writer, failure_noted(writer, record):
        recorder = Recorder(
            task,
            samples,
            record.coordinates,
            writer,
            console,
            errors_allowed=job.config.max_errors.allowed(len(samples)),
            tokens_per_second=loaded.tokens_per_second,
        )
        try:
            with console.progress(title, len(samples)) as progress:
                for response in _responses(loaded.engine, requests):
                    recorder.take(response, progress)
            recorder.expect_all()
        except (KeyboardInterrupt, Terminated, Incomplete) as error:
            stopped = error
        run = close_record(
            job,
            setting,
            record,
            writer,
            model=loaded.engine.info(),
            seconds=time.monotonic() - began,
            warnings=recorder.warnings,
            stopped=stopped,
        )
    return run, stopped


def _responses(engine: Engine, requests: Iterator[Request]) -> Iterator[Response]:
    """The engine's answers; its workers are told to stop when the run ends early."""
    responses = engine.run(requests)
    try:
        yield from responses
    finally:
        if isinstance(responses, Generator):
            responses.close()
