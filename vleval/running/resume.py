"""Resume is the same command again: which folder a run lives in, and whether what lies there is a part of it.

The folder's name follows from what the command asks for: task, data, model, engine, decoding and what the
model sees, not how much (`--limit`), where to or how. The folders of several tasks lie in one. What the
command meant when it last ran stands in the folder. The same command may mean something else by now (another
checkpoint under the same path, another revision of the data, another decoder): that is refused, field by
field, and never mixed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vleval.errors import ExitCode, UserError
from vleval.model.io import EngineInfo, VisionSettings
from vleval.results.record import RunRecord, SampleRecord
from vleval.results.storage.fingerprint import Difference, differences, fingerprint, sample_fingerprint
from vleval.results.storage.store import RUN_FILE, SAMPLES_FILE, read_run, read_samples
from vleval.running.config import Setting, pixels_text
from vleval.running.job import Job
from vleval.running.judge import input_digest
from vleval.running.recorder import Recorder
from vleval.tasks.base import Sample
from vleval.tasks.data.sources import data_fingerprint

TRANSIENT = ("oom", "timeout")
"""Kinds of failure that are asked again: the next attempt may find more memory or time."""

_BITS: Mapping[str, Callable[[Any], str]] = {
    "min_pixels": lambda value: f"min{pixels_text(value)}",
    "max_pixels": lambda value: f"max{pixels_text(value)}",
    "fps": lambda value: f"{value:g}fps",
    "max_frames": lambda value: f"{value}frames",
}
"""What of a setting stands legibly in the folder's name."""

_OF_THE_GRID = ("model", "engine", "dtype", "coordinates")
"""What the tasks of a command share."""


class Mismatch(UserError):
    """What lies in the folder is no part of the run that is asked for."""

    def __init__(self, folder: Path, found: Sequence[Difference | str]) -> None:
        super().__init__(
            f"{folder} holds answers that were made otherwise: {', '.join(map(str, found))}; "
            "--fresh sets them aside and begins anew, --name NAME begins another run beside them",
            ExitCode.INCOMPLETE,
        )


def run_name(job: Job, setting: Setting, model: EngineInfo) -> str:
    """The folder of one run: equal for equal commands, whatever other tasks and settings they list."""
    config = job.config
    if config.name is not None:
        varied = {flag.replace("-", "_") for flag in setting.label}
        task = () if job.alone else (job.task.name,)
        return "-".join([config.name, *task, *_bits(setting.vision, varied)])
    asked = _asked(job, model)
    number = fingerprint([asked, asdict(setting.vision)])[:8]
    return "-".join([job.task.name, _model_slug(asked), *_bits(setting.vision, {*_BITS}), number])


def grid_name(job: Job, model: EngineInfo) -> str:
    """The grid that a run belongs to: one for all tasks and settings of a command."""
    if job.config.name is not None:
        return job.config.name
    asked = {name: value for name, value in _asked(job, model).items() if name in _OF_THE_GRID}
    return f"{_model_slug(asked)}-{fingerprint(asked)[:8]}"


def run_folder(job: Job, record: RunRecord) -> Path:
    """Where a run is stored: its own folder, which lies in that of the command where this has several tasks.

    A run that lies in the other of these two places already goes on there: a question that is answered is not
    asked again because another task stands beside it. Raises UserError where a run would lie in a run.
    """
    alone, command = job.config.output / record.id, job.config.output / record.grid
    if not job.alone and (command / RUN_FILE).exists():
        raise UserError(f"{command} is the run of one task: give the command another --name")
    if job.alone and not (alone / RUN_FILE).exists() and any(alone.glob(f"*/{RUN_FILE}")):
        raise UserError(f"{alone} holds the runs of several tasks: give the command another --name")
    together = command / record.id
    here, there = (alone, together) if job.alone else (together, alone)
    return there if (there / RUN_FILE).exists() and not (here / RUN_FILE).exists() else here


def refuse_other_settings(folder: Path, job: Job, record: RunRecord) -> None:
    """Raise Mismatch if the folder holds answers made under other settings or on other data."""
    if not (folder / RUN_FILE).exists() or not _holds_answers(folder):
        return
    stored = read_run(folder)
    found: list[Difference | str] = [*differences(stored, record)]
    if stored.data.samples <= len(job.samples):
        now = job.data.fingerprint
        if stored.data.samples < len(job.samples):
            now = data_fingerprint(job.samples[: stored.data.samples])
        if now != stored.data.fingerprint:
            found.append(Difference("questions and truths", stored.data.fingerprint[:12], now[:12]))
    if found:
        raise Mismatch(folder, found)


def take_up(folder: Path, job: Job, record: RunRecord, recorder: Recorder, *, longer: bool) -> None:
    """Hand the recorder the answers of a folder, each compared with the question that is asked now.

    `longer`: the folder holds a run of more questions than are asked now. Raises Mismatch, before anything is
    asked, when an answer belongs to another question.
    """
    samples = {sample.id: sample for sample in job.samples}
    changed: list[str] = []
    unknown: list[str] = []
    for answer in read_samples(folder):
        sample = samples.get(answer.id)
        if sample is None:
            unknown.append(answer.id)
            continue
        digest = input_digest(job.task.messages(sample))
        if _asked_again(answer, digest):
            recorder.ask_again(answer)
        elif _answers(answer, sample, digest, record):
            recorder.keep(answer)
        else:
            changed.append(answer.id)
    found = []
    if changed:
        found.append(f"media, prompt or truth of {len(changed)} questions, e.g. {changed[0]!r}")
    if unknown and not longer:
        found.append(f"{len(unknown)} answers to questions that are not asked now, e.g. {unknown[0]!r}")
    if found:
        raise Mismatch(folder, found)


def _asked_again(answer: SampleRecord, digest: str | None) -> bool:
    if answer.status != "failed":
        return False
    found_since = answer.input_sha256 is None and digest is not None
    return answer.failure in TRANSIENT or found_since


def _answers(answer: SampleRecord, sample: Sample, digest: str | None, record: RunRecord) -> bool:
    """Whether a stored answer is one to this very question; a medium that is gone by now tells nothing."""
    if answer.key not in (None, sample_fingerprint(record, answer.id, answer.input_sha256)):
        return False
    if digest is not None and answer.input_sha256 != digest:
        return False
    return fingerprint(dict(answer.target)) == fingerprint(dict(sample.target))


def _holds_answers(folder: Path) -> bool:
    samples = folder / SAMPLES_FILE
    return samples.exists() and samples.stat().st_size > 0


def _asked(job: Job, model: EngineInfo) -> dict[str, Any]:
    """What a command asks for, apart from what the model sees."""
    config = job.config
    return {
        "task": job.task.name,
        "model": _place(config.model or model.model),
        "data": _place(config.data) if job.data.origin == "local" else job.data.origin,
        "media": _place(str(config.media)) if config.media else None,
        "split": job.data.split,
        "revision": config.revision,
        "seed": config.shuffle_seed,
        "engine": config.engine,
        "dtype": config.dtype,
        "coordinates": config.coordinates,
        **job.generation.facts(),
        # Only where there is one: folders of all other commands keep their names.
        **({"offset": config.offset} if config.offset else {}),
        **({"sample_id": sorted(config.sample_id)} if config.sample_id else {}),
        **({"prompt": config.prompt} if config.prompt is not None else {}),
        **({"task_file": job.task.file.path} if job.task.file is not None else {}),
    }


def _place(name: str) -> str:
    """A path as it is from everywhere; any other name as it is."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.exists() else name


def _model_slug(asked: Mapping[str, Any]) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", Path(asked["model"]).name).strip("-.")[:40] or "model"


def _bits(vision: VisionSettings, names: set[str]) -> list[str]:
    values: Mapping[str, Any] = asdict(vision)
    return [form(values[name]) for name, form in _BITS.items() if name in names and values[name] is not None]
