"""The record of a run, opened before the first question and closed with a summary, however far it came."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from vleval.config import Setting
from vleval.engines import Loaded, convention
from vleval.environment import environment
from vleval.errors import explain
from vleval.job import Job, Run
from vleval.model.io import EngineInfo, GenerationSettings
from vleval.recorder import Incomplete
from vleval.results.record import RunRecord, RunStatus, TaskFacts
from vleval.results.store import RunWriter, StoreError, read_samples
from vleval.results.summary import summarise


def open_record(job: Job, setting: Setting, loaded: Loaded, grid: str, run_id: str) -> RunRecord:
    """What is known before the first answer. Raises UserError when no coordinate convention is known."""
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


def close_record(
    job: Job,
    setting: Setting,
    record: RunRecord,
    writer: RunWriter,
    *,
    model: EngineInfo,
    seconds: float,
    warnings: Mapping[str, str],
    stopped: BaseException | None,
) -> Run:
    """Summarise what is on file, however far the run came, and write the record for the last time."""
    summary = summarise(
        read_samples(writer.folder),
        job.task.metrics,
        expected=len(job.samples),
        seconds=seconds,
        peak_memory_bytes=model.peak_memory_bytes,
    )
    record = dataclasses.replace(
        record,
        status=_status(stopped),
        finished=_now(),
        seconds=seconds,
        warnings=tuple(warnings.values()),
        model=model,
        summary=summary.to_json(),
        error=explain(stopped).message if stopped else None,
    )
    writer.save(record)
    return Run(setting, record, writer.folder, summary)


@contextmanager
def failure_noted(writer: RunWriter, record: RunRecord) -> Iterator[None]:
    """Mark the run as failed when an error leaves the loop; the error itself goes on."""
    try:
        yield
    except BaseException as error:
        with suppress(StoreError):
            writer.save(
                dataclasses.replace(record, status="failed", finished=_now(), error=explain(error).message)
            )
        raise


def _status(stopped: BaseException | None) -> RunStatus:
    if stopped is None:
        return "complete"
    return "failed" if isinstance(stopped, Incomplete) else "interrupted"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
