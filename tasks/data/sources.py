"""Where samples come from: vleval's bundled data, the hub or the user's files, all with the hub's columns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from vleval.model.io import Media
from vleval.tasks.base import DataError, Sample, Task
from vleval.tasks.data import hub, readers, rows
from vleval.tasks.data.archives import MEDIA_ON_HUB, fetch_media
from vleval.tasks.data.checks import check_first_rows, medium_of
from vleval.tasks.data.configs import read_configs
from vleval.tasks.data.folder import MediaFolder
from vleval.tasks.data.selection import select
from vleval.tasks.data.stored import Shelf
from vleval.tasks.data.table import Table

Origin = Literal["bundled", "hub", "local"]

BUNDLED = Path(__file__).parents[1] / "bundled"


@dataclass(frozen=True, slots=True)
class DataSet:
    """The samples of a run, and what to call them."""

    name: str
    """The hub id, the file, or `bundled <task>`."""
    origin: Origin
    split: str
    """As shown: `val (UNC + Google)` for a split that mixes protocols."""
    samples: list[Sample]
    fingerprint: str
    """sha256 over ids, questions, targets and clusters (for images: digests) of the samples, in order."""
    revision: str | None = None
    """What the user asked the hub for."""
    notes: tuple[str, ...] = ()
    """Warnings that belong beside every score on these data."""
    truths: bool = True
    """False for a split that is published without them: nothing can be scored."""


class _Source(NamedTuple):
    name: str
    origin: Origin
    split: str
    table: Table
    folder: Path | None
    """Where file names in the rows are looked for, unless the user says."""


def open_data(
    task: Task,
    data: str,
    *,
    split: str | None = None,
    revision: str | None = None,
    media_dir: Path | None = None,
    limit: int | float | None = None,
    offset: int = 0,
    ids: Sequence[str] = (),
    seed: int | None = None,
    media_needed: bool = True,
) -> DataSet:
    """The samples of a task from `bundled`, `hub`, or the path of a file or folder.

    `limit`, `offset`, `ids` and `seed` choose among them (`selection.select`). Raises DataError, also where
    no medium is found, unless nobody is going to look at any.
    """
    if limit is not None and limit <= 0:
        raise DataError("--limit must be at least 1.")
    on_hub = media_dir is not None and str(media_dir) == MEDIA_ON_HUB and not media_dir.is_dir()
    if on_hub and data != "hub":
        raise DataError("--media hub fetches the media of --data hub; for other data pass their folder.")
    if media_dir is not None and not on_hub and not media_dir.is_dir():
        raise DataError(f"--media {media_dir} is not a folder.")
    source = _open(task, data, split, revision)
    _check_columns(task, source)
    if on_hub:
        media_dir = fetch_media(source.name, revision)
    medium = _media_column(task, source) or task.media
    place = media_dir or source.folder
    folder = MediaFolder(place) if place is not None else None
    table = check_first_rows(task, source.name, source.table, medium, folder)
    source = source._replace(table=table)
    stream = _samples(task, source, folder)
    samples = select(stream, source.name, limit=limit, offset=offset, ids=ids, seed=seed)
    if not samples:
        raise DataError(f"{source.name} has no questions in split {source.split}.")
    missing = _missing_files(task, samples, source) if media_needed else ()
    truths = _truths(task, source, samples)
    note = task.split_notes.get(source.split)
    applies = note is not None and (
        source.origin == "hub" or (source.origin == "local" and source.table.total == note.rows)
    )
    return DataSet(
        name=source.name,
        origin=source.origin,
        split=note.title if note is not None and applies else source.split,
        samples=samples,
        fingerprint=data_fingerprint(samples),
        revision=revision,
        notes=((note.warning,) if note is not None and applies else ())
        + (tuple(task.notes(samples)) if task.notes and truths else ())
        + (() if truths else (_kept_back(task),))
        + missing,
        truths=truths,
    )


def _truths(task: Task, source: _Source, samples: Sequence[Sample]) -> bool:
    """Whether the samples have truths: all or none of them. Raises DataError for a mixture, and where nothing
    can be done with answers that cannot be scored."""
    without = [sample for sample in samples if not task.has_truth(sample)]
    if not without:
        return True
    if len(without) < len(samples) or task.submission is None:
        raise DataError(
            f"{source.name}, split {source.split}: question {without[0].id!r} has no {task.target.key!r} in "
            f"its target, and {len(without)} of {len(samples)} answers could not be scored."
        )
    return False


def _kept_back(task: Task) -> str:
    assert task.submission is not None
    return (
        f"this split is published without {task.target.key}, so nothing is scored: vleval export RUN "
        f"--format {task.submission.form} writes the file for {task.submission.server}"
    )


def _open(task: Task, data: str, split: str | None, revision: str | None) -> _Source:
    if data == "hub":
        chosen = split or task.default_split
        name, table = hub.load(task, chosen, revision)
        return _Source(name, "hub", chosen, table, None)
    if revision is not None:
        raise DataError("--revision belongs to --data hub.")
    if data == "bundled":
        return _bundled(task, split)
    path = Path(data).expanduser()
    if task.local is not None and (found := task.local(path, split, task.default_split)) is not None:
        return _Source(data, "local", found[1], found[0], path if path.is_dir() else path.parent)
    if path.is_dir() and (joined := read_configs(path, task.hub_configs, split, task.default_split)):
        return _Source(data, "local", split or task.default_split, joined, path)
    if path.is_dir():
        configured = path / task.hub_config if task.hub_config else path
        place = configured if configured.is_dir() else path
        table, chosen = readers.read_folder(place, split, task.default_split)
        return _Source(data, "local", chosen, table, path)
    if path.is_file():
        return _Source(
            data, "local", split or path.stem.partition("-")[0], readers.read_file(path), path.parent
        )
    raise DataError(f"--data {data}: there is no such file or folder (other values: bundled, hub).")


def _bundled(task: Task, split: str | None) -> _Source:
    if not task.bundled_splits:
        raise DataError(
            f"{task.name} has no bundled data: name a checkpoint with --model FOLDER or a hub id, "
            "and data with --data hub or --data FILE."
        )
    folder = BUNDLED / (task.bundled_name or task.name)
    chosen = readers.choose_split(f"bundled {task.name}", task.bundled_splits, split, task.bundled_splits[0])
    return _Source(
        f"bundled {task.name}", "bundled", chosen, readers.read_file(folder / f"{chosen}.parquet"), folder
    )


def _check_columns(task: Task, source: _Source) -> None:
    missing = [column for column in task.columns if column not in source.table.columns]
    if task.media_columns and not _media_column(task, source):
        missing.append(" or ".join(task.media_columns))
    if missing:
        found = ", ".join(source.table.columns) or "no columns"
        raise DataError(
            f"{source.name} lacks {', '.join(missing)}, which {task.name} needs; it has: {found}. "
            f"Needed are {', '.join(task.columns)}."
        )


def _media_column(task: Task, source: _Source) -> str | None:
    """Which of the columns that may hold the medium a table has."""
    return next((column for column in task.media_columns if column in source.table.columns), None)


def _samples(task: Task, source: _Source, folder: MediaFolder | None) -> Iterator[Sample]:
    """Samples in file order with unique ids; equal media of different rows are one object, and those that can
    be read again are not held."""
    shared: dict[Media, Media] = {}
    taken: set[str] = set()
    column = _media_column(task, source) or task.media
    shelf = Shelf(source.table.cell) if source.table.cell is not None else None
    for index, row in enumerate(source.table.rows):
        try:
            medium = medium_of(task, row, column, folder)
            if shelf is not None and medium.data:
                medium = shelf.put(medium, index, column)
            medium = shared.setdefault(medium, medium)
            name = rows.media_name(row[column])
            found = list(task.rows({**row, task.media: medium, rows.MEDIA_NAME: name}, str(index)))
        except KeyError as error:
            raise DataError(f"{source.name}, row {index}: the column {error} is missing.") from error
        except ValueError as error:
            raise DataError(f"{source.name}, row {index}: {error}.") from error
        for sample in found:
            if sample.id in taken:
                sample = replace(sample, id=f"{sample.id}@{index}")
            taken.add(sample.id)
            yield sample


def _missing_files(task: Task, samples: list[Sample], source: _Source) -> tuple[str, ...]:
    """A sentence about media files that are not there, which cost their samples; DataError where none is."""
    media = {medium for sample in samples for medium in sample.media}
    paths = {medium.path for medium in media if medium.path is not None}
    missing = {path for path in paths if not path.exists()}
    if not missing:
        return ()
    if len(missing) == len(paths) and not any(medium.path is None for medium in media):
        raise DataError(
            f"None of the {len(paths)} media files that {source.name} names exists, "
            f"for example {min(paths)}: pass their folder with --media"
            + (", or fetch them with --media hub." if source.origin == "hub" else ".")
        )
    hit = sum(any(medium.path in missing for medium in sample.media) for sample in samples)
    return (
        f"{len(missing)} of {len(paths)} {task.media} files are missing, for example {min(missing)}: "
        f"{hit} of {len(samples)} questions will fail, and count as wrong",
    )


def data_fingerprint(samples: Sequence[Sample]) -> str:
    """sha256 (hex) over ids, questions, targets and clusters (for images: digests) of samples, in order."""
    digest = hashlib.sha256()
    for sample in samples:
        line = [sample.id, sample.question, dict(sample.target), sample.cluster]
        digest.update(json.dumps(line, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()
