"""The record of a run from its first session to its last: opened before a question, closed with a summary."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from vleval.console import Console
from vleval.environment import environment
from vleval.errors import Terminated, explain
from vleval.model.io import EngineInfo
from vleval.results.record import RunRecord, RunStatus
from vleval.results.storage.fingerprint import environment_changes, predict_fingerprint
from vleval.results.storage.store import SAMPLES_FILE, RunStore, StoreError, read_samples
from vleval.results.summary import Summary, summarise
from vleval.running.config import Setting
from vleval.running.engines import convention
from vleval.running.job import Job, Run
from vleval.running.recorder import Recorder
from vleval.running.resume import grid_name, refuse_other_settings, run_name, take_up


def open_record(job: Job, setting: Setting, model: EngineInfo) -> RunRecord:
    """What is known before the first answer. Raises UserError when no coordinate convention is known."""
    config = job.config
    record = RunRecord(
        id=run_name(job, setting, model),
        grid=grid_name(job, model),
        status="running",
        started=_now(),
        task=job.facts,
        data=job.data,
        model=model,
        bundled_model=job.bundled_model,
        vision=setting.vision,
        generation=job.generation,
        coordinates=convention(model.family, config.coordinates),
        config=config.model_dump(mode="json", by_alias=True),
        passed=job.passed,
        environment=environment(),
    )
    return dataclasses.replace(record, fingerprint=predict_fingerprint(record))


class Logbook:
    """Keeps run.json and events.jsonl of one run folder."""

    def __init__(
        self,
        job: Job,
        setting: Setting,
        record: RunRecord,
        store: RunStore,
        recorder: Recorder,
        console: Console,
    ) -> None:
        """Take up what the folder holds. Raises Mismatch when it is no part of the run, and StoreError."""
        self.job, self.setting, self.store = job, setting, store
        self.recorder, self.console = recorder, console
        stored = store.read()
        self.stored = stored if stored is not None and store.has_answers() else None
        self.record = dataclasses.replace(record, started=self.stored.started) if self.stored else record
        self.longer = self.stored is not None and self.stored.data.samples > len(job.samples)
        """The folder holds a run of more questions, and its record stays that of the longer run."""
        if store.healed is not None:
            store.event("healed", file=SAMPLES_FILE, what=str(store.healed))
            console.warn(
                f"{store.folder / SAMPLES_FILE} was damaged ({store.healed}); the damage is kept in "
                f"{SAMPLES_FILE}.torn, and what it held is asked again"
            )
        if self.stored is not None:
            refuse_other_settings(store.folder, job, record)
            take_up(store.folder, job, record, recorder, longer=self.longer)

    def finished(self) -> bool:
        """Whether every question is answered and the record says so."""
        closed = self.longer or (self.stored is not None and self.stored.status == "complete")
        return closed and not self.recorder.waiting

    def show(self) -> Run:
        """A finished run from the folder alone, which stays as it is."""
        assert self.stored is not None
        stored, planned = self.stored, self.recorder.expected
        whole = f" of {stored.data.samples}" if self.longer else ""
        since = stored.finished or stored.started
        self.console.note(
            f"{self.store.folder}: all {planned}{whole} answers are stored since {since}; nothing is asked "
            "(--fresh asks again)"
        )
        summary = self._summary(stored.seconds or self.recorder.seconds(), stored.model.peak_memory_bytes)
        record = dataclasses.replace(
            stored, status="complete", data=self.job.data, summary=summary.to_json(), error=None
        )
        return Run(self.setting, record, self.store.folder, summary)

    def begin(self) -> None:
        """Note that questions are about to be asked. Raises StoreError when there is no room for answers."""
        waiting, planned = len(self.recorder.waiting), self.recorder.expected
        self.store.check_room(waiting)
        self._save(self.record)
        if self.stored is None:
            self.store.event("started", planned=planned)
            return
        self.store.event("resumed", answered=planned - waiting, planned=planned)
        self.console.note(f"{self.store.folder}: {planned - waiting} of {planned} answered, going on")
        changes = environment_changes(self.stored, self.record)
        if changes:
            self.console.warn(
                f"answers of one run from different environments: {', '.join(map(str, changes))}; "
                "their last digits may differ"
            )

    @contextmanager
    def failure_noted(self) -> Iterator[None]:
        """Mark the run as failed when an error leaves the loop; the error itself goes on."""
        try:
            yield
        except BaseException as error:
            said = explain(error).message
            with suppress(StoreError):
                self.store.event("failed", reason=said)
                self._save(
                    dataclasses.replace(self.record, status=_status(error), finished=_now(), error=said)
                )
            raise

    def close(self, model: EngineInfo, stopped: BaseException | None) -> Run:
        """Summarise what is on file, however far the run came, and write the record for the last time."""
        peak = max(model.peak_memory_bytes, self.stored.model.peak_memory_bytes if self.stored else 0)
        seconds = self.recorder.seconds()
        summary = self._summary(seconds, peak)
        record = dataclasses.replace(
            self.record,
            status=_status(stopped),
            finished=_now(),
            seconds=seconds,
            warnings=tuple(self.recorder.warnings.values()),
            model=dataclasses.replace(model, peak_memory_bytes=peak),
            summary=summary.to_json(),
            error=explain(stopped).message if stopped else None,
        )
        self.store.event(record.status, answered=summary.n, planned=summary.expected, reason=record.error)
        self._save(record)
        return Run(self.setting, record, self.store.folder, summary)

    def _summary(self, seconds: float, peak_memory_bytes: int) -> Summary:
        asked = {sample.id for sample in self.job.samples}
        return summarise(
            (answer for answer in read_samples(self.store.folder) if answer.id in asked),
            self.job.task.metrics,
            expected=len(asked),
            seconds=seconds,
            peak_memory_bytes=peak_memory_bytes,
            coordinates=self.record.coordinates,
        )

    def _save(self, record: RunRecord) -> None:
        if not self.longer:
            self.store.save(record)


def _status(stopped: BaseException | None) -> RunStatus:
    if stopped is None:
        return "complete"
    return "interrupted" if isinstance(stopped, (KeyboardInterrupt, Terminated)) else "failed"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
