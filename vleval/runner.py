"""The run: every question once per setting, answers scored and stored as they come."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from vleval.config import Setting
from vleval.console import Console, Progress
from vleval.engines import Loaded
from vleval.errors import Terminated
from vleval.interruption import Interruption
from vleval.job import Job, Outcome, Run
from vleval.logbook import Logbook, open_record
from vleval.model.io import Engine, Request, Response
from vleval.recorder import Incomplete, Recorder
from vleval.results.record import RunRecord
from vleval.results.store import RunStore, set_aside
from vleval.resume import refuse_other_settings
from vleval.tasks.base import Sample


def run_settings(job: Job, settings: Sequence[Setting], loaded: Loaded, console: Console) -> Outcome:
    """Answer every question once per setting; the model stays loaded, what is answered is not asked again.

    Ctrl-C, SIGTERM and too many failures end it early with everything done kept. Raises Mismatch before
    anything is asked, ModelError and StoreError.
    """
    model = loaded.engine.info()
    records = [open_record(job, setting, model) for setting in settings]
    for record in records:
        folder = job.config.output / record.id
        if job.config.fresh and (aside := set_aside(folder)):
            console.note(f"the earlier run is kept in {aside}")
        refuse_other_settings(folder, job, record)
    runs: list[Run] = []
    with Interruption(quiet=console.quiet) as interruption:
        for setting, record in zip(settings, records, strict=True):
            stopped = interruption.error()
            if stopped is None:
                run, stopped = _run_setting(job, setting, record, loaded, interruption, console)
                runs.append(run)
            if stopped is not None:
                return Outcome(tuple(runs), stopped)
    return Outcome(tuple(runs))


def _run_setting(
    job: Job,
    setting: Setting,
    record: RunRecord,
    loaded: Loaded,
    interruption: Interruption,
    console: Console,
) -> tuple[Run, BaseException | None]:
    stopped: BaseException | None = None
    with RunStore(job.config.output / record.id) as store:
        recorder = Recorder(
            job.task,
            job.samples,
            record,
            store,
            console,
            errors_allowed=job.config.max_errors.allowed(len(job.samples)),
            tokens_per_second=loaded.tokens_per_second,
        )
        logbook = Logbook(job, setting, record, store, recorder, console)
        if logbook.finished():
            return logbook.show(), None
        with logbook.failure_noted():
            logbook.begin()
            title = " ".join((job.task.name, *(f"{flag} {value}" for flag, value in setting.label.items())))
            try:
                with console.progress(title, len(recorder.waiting)) as progress:
                    _ask(job, record, loaded.engine, recorder, interruption, progress)
            except (KeyboardInterrupt, Terminated, Incomplete) as error:
                stopped = error
            run = logbook.close(loaded.engine.info(), stopped)
    return run, stopped


def _ask(
    job: Job,
    record: RunRecord,
    engine: Engine,
    recorder: Recorder,
    interruption: Interruption,
    progress: Progress,
) -> None:
    """Put what waits to the engine. Raises the signal that came meanwhile, and Incomplete."""
    recorder.check_budget()
    asked = list(recorder.waiting.values())
    if asked:
        for response in _responses(engine, _requests(asked, job, record, recorder)):
            interruption.busy = True  # before it is written: no signal may tear the first line
            recorder.take(response, progress)
            if interruption.signal is not None:
                engine.stop()
    if recorder.waiting and (signal := interruption.error()):
        raise signal
    recorder.expect_all()


def _requests(asked: Sequence[Sample], job: Job, record: RunRecord, recorder: Recorder) -> Iterator[Request]:
    recorder.start_clock()  # the first question is drawn when the model is loaded
    for sample in asked:
        yield Request(sample.id, job.task.messages(sample), record.vision, record.generation)


def _responses(engine: Engine, requests: Iterator[Request]) -> Iterator[Response]:
    """The engine's answers; its workers are told to stop when the run ends early."""
    responses = engine.run(requests)
    try:
        yield from responses
    finally:
        if isinstance(responses, Generator):
            responses.close()
