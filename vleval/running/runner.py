"""The runs of a command: every question once per setting, answers scored and stored as they come."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from vleval.console import Console, Overall, Progress
from vleval.errors import Terminated
from vleval.model.io import Engine, Request, Response
from vleval.results.record import RunRecord
from vleval.results.storage.store import RunStore, set_aside, stored_ids
from vleval.running.config import Setting, axes_text
from vleval.running.engines import Loaded
from vleval.running.interruption import Interruption
from vleval.running.job import Job, Outcome, Run
from vleval.running.logbook import Logbook, open_record
from vleval.running.recorder import Incomplete, Recorder
from vleval.running.resume import refuse_other_settings, run_folder
from vleval.tasks.base import Sample


class Cell(NamedTuple):
    """One run of a grid."""

    job: Job
    setting: Setting
    record: RunRecord
    """As it is before the first answer."""
    place: str
    """Which run of how many; empty for the only one."""

    @property
    def folder(self) -> Path:
        """Where it is stored."""
        return run_folder(self.job, self.record)

    @property
    def title(self) -> str:
        """For its progress."""
        settings = (f"{flag} {value}" for flag, value in self.setting.label.items())
        return " ".join((self.place, self.job.task.name, *settings)).strip()


def run_grid(jobs: Sequence[Job], loaded: Loaded, console: Console) -> Outcome:
    """Answer every question of every task once per setting, one task after the other.

    The model stays loaded, and what is answered is not asked again. Ctrl-C, SIGTERM and too many failures end
    it early with everything done kept. Raises Mismatch before anything is asked, ModelError and StoreError.
    """
    cells = _cells(jobs, loaded)
    for cell in cells:
        if cell.job.config.fresh and (aside := set_aside(cell.folder)):
            console.note(f"the earlier run is kept in {aside}")
        refuse_other_settings(cell.folder, cell.job, cell.record)
    overall = None
    if len(cells) > 1:
        stored, planned = _stored(cells)
        console.note(f"{_overview(cells)}; {stored} of {planned} answers are stored")
        overall = Overall(planned - stored)
    runs: list[Run] = []
    with Interruption(quiet=console.quiet) as interruption:
        for cell in cells:
            stopped = interruption.error()
            if stopped is None:
                run, stopped = _run_cell(cell, loaded, interruption, console, overall)
                runs.append(run)
            if stopped is not None:
                return Outcome(tuple(runs), stopped)
    return Outcome(tuple(runs))


def _cells(jobs: Sequence[Job], loaded: Loaded) -> list[Cell]:
    model = loaded.engine.info()
    asked = [(job, setting) for job in jobs for setting in job.settings]
    return [
        Cell(job, setting, open_record(job, setting, model), f"{at}/{len(asked)}" if len(asked) > 1 else "")
        for at, (job, setting) in enumerate(asked, 1)
    ]


def _overview(cells: Sequence[Cell]) -> str:
    """All runs in one line."""
    parts: dict[str, list[Setting]] = {}
    for cell in cells:
        parts.setdefault(cell.job.task.name, []).append(cell.setting)
    if not any(cell.setting.label for cell in cells):
        return f"{len(cells)} runs"
    runs = "; ".join(f"{name} {axes_text(settings)}".strip() for name, settings in parts.items())
    return f"{len(cells)} runs: {runs}"


def _stored(cells: Sequence[Cell]) -> tuple[int, int]:
    """How many answers are on file already, and how many there will be."""
    stored = planned = 0
    for cell in cells:
        ids = stored_ids(cell.folder)
        stored += sum(sample.id in ids for sample in cell.job.samples)
        planned += len(cell.job.samples)
    return stored, planned


def _run_cell(
    cell: Cell, loaded: Loaded, interruption: Interruption, console: Console, overall: Overall | None
) -> tuple[Run, BaseException | None]:
    job, record = cell.job, cell.record
    stopped: BaseException | None = None
    with RunStore(cell.folder) as store:
        recorder = Recorder(
            job.task,
            job.samples,
            record,
            store,
            console,
            errors_allowed=job.config.max_errors.allowed(len(job.samples)),
            tokens_per_second=loaded.tokens_per_second,
        )
        logbook = Logbook(job, cell.setting, record, store, recorder, console)
        if logbook.finished():
            return logbook.show(), None
        with logbook.failure_noted():
            logbook.begin()
            try:
                with console.progress(cell.title, len(recorder.waiting), overall) as progress:
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
    waiting = recorder.waiting.values()
    asked = _neighbours(waiting) if job.task.media == "video" else list(waiting)
    if asked:
        for response in _responses(engine, _requests(asked, job, record, recorder)):
            interruption.busy = True  # before it is written: no signal may tear the first line
            recorder.take(response, progress)
            if interruption.signal is not None:
                engine.stop()
    if recorder.waiting and (signal := interruption.error()):
        raise signal
    recorder.expect_all()


def _neighbours(samples: Iterable[Sample]) -> list[Sample]:
    """Questions about one video one after the other, however far apart they stand (MLVU, TempCompass): an
    engine decodes it once for neighbours."""
    videos: dict[str, list[Sample]] = {}
    for sample in samples:
        videos.setdefault(sample.cluster, []).append(sample)
    return [sample for group in videos.values() for sample in group]


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
