"""From RUN arguments to a report: which runs are meant, what tells them apart, and their numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

from vleval.errors import UserError
from vleval.model.io import VisionSettings
from vleval.results.record import RunRecord
from vleval.results.reporting.data import Block, build_report, group_key
from vleval.results.reporting.run import ReportRun, reduce_run
from vleval.results.reporting.samples import chooser
from vleval.results.reporting.sharing import shared
from vleval.results.storage.store import read_run, read_samples
from vleval.running.config import vision_text
from vleval.stored.selection import read_folders, task_of
from vleval.tasks.registry import TASKS

_VISION = tuple(field.name for field in fields(VisionSettings))


def read_report(
    arguments: Sequence[Path], *, browse: bool, only: Collection[str] | None = None
) -> list[Block]:
    """The report on the runs of these folders; with `browse`, answers are kept for a page, with `only`, no
    other questions count.

    Raises UserError, StoreError, RecordError, DataError.
    """
    records = {
        folder: record
        for argument in arguments
        for folder, record in _in_order(read_folders(argument)).items()
    }
    labels = _labels(records)
    totals = {group_key(record): record.data.samples for record in records.values()}
    keep = chooser(sum(totals.values())) if browse else lambda id: False
    return build_report(
        _reduced(folder, record, labels[folder], keep, only) for folder, record in records.items()
    )


def _in_order(folders: Sequence[Path]) -> dict[Path, RunRecord]:
    """The runs of one folder, by task as `vleval tasks` lists them; those of own tasks stand last."""
    records = {folder: read_run(folder) for folder in folders}
    places = {name: place for place, name in enumerate(TASKS)}
    return dict(sorted(records.items(), key=lambda item: places.get(item[1].task.name, len(places))))


def _reduced(
    folder: Path,
    record: RunRecord,
    label: Mapping[str, str],
    keep: Callable[[str], bool],
    only: Collection[str] | None,
) -> ReportRun:
    task = task_of(record)
    samples = list(shared(read_samples(folder)))
    if only is not None:
        samples = [sample for sample in samples if sample.id in only]
        record = replace(record, data=replace(record.data, samples=len(only)))
    scored = {name for sample in samples for name in sample.metrics}
    names = {metric.name for metric in task.metrics}
    if scored - names or (record.task.version != task.version and names - scored):
        raise UserError(
            f"{folder} was scored by version {record.task.version} of {task.name}, which had other metrics "
            f"than version {task.version}: run it again"
        )
    return reduce_run(
        str(folder),
        label,
        record,
        samples,
        task,
        keep,
    )


def _labels(records: Mapping[Path, RunRecord]) -> dict[Path, dict[str, str]]:
    """What tells each run from the others of its block; the folder's name where settings do not."""
    groups: dict[tuple[object, ...], list[Path]] = {}
    for folder, record in records.items():
        groups.setdefault(group_key(record), []).append(folder)
    labels: dict[Path, dict[str, str]] = {}
    for group in groups.values():
        settings = {folder: _settings(records[folder]) for folder in group}
        varying = [flag for flag in settings[group[0]] if len({each[flag] for each in settings.values()}) > 1]
        found = {folder: {flag: settings[folder][flag] for flag in varying} for folder in group}
        if len(group) > 1 and len({tuple(label.values()) for label in found.values()}) < len(group):
            found = {folder: {**label, "run": folder.name} for folder, label in found.items()}
        labels |= found
    return labels


def _settings(record: RunRecord) -> dict[str, str]:
    """All that may tell two runs on the same questions apart, by flag, as people write it."""
    model = "bundled" if record.bundled_model else record.model.model
    return {
        "model": model,
        "weights": record.model.fingerprint[:8],
        "engine": record.model.engine,
        "dtype": record.model.dtype,
        "coordinates": record.coordinates,
        "prompt": record.task.prompt,
        **({"task file": record.task.own.sha256[:8]} if record.task.own else {}),
        "max-new-tokens": str(record.generation.max_new_tokens),
        "repetition-penalty": f"{record.generation.repetition_penalty:g}",
        **({"det-score": "logprob"} if record.generation.logprobs else {}),
        **{name.replace("_", "-"): vision_text(name, getattr(record.vision, name)) for name in _VISION},
    }
