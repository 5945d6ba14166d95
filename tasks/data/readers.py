"""Opens files and folders of rows: parquet, JSONL, JSON, CSV, TSV, split folders, `save_to_disk`, the hub.

A reader yields plain dictionaries, lazily where the format allows, with media as stored: nothing is decoded
or encoded again. Raises DataError in one sentence when a file cannot be read.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vleval.tasks.base import DataError

if TYPE_CHECKING:
    from datasets import Dataset

SUFFIXES = (".parquet", ".jsonl", ".json", ".csv", ".tsv")

LONGEST_CELL = 1 << 30
"""Characters of a cell of a TSV file."""

Row = Mapping[str, Any]


class Table(NamedTuple):
    """Rows of one split."""

    columns: tuple[str, ...]
    """Every name that a row has; a row of JSON may lack some."""
    rows: Iterable[Row]
    total: int
    """Number of rows."""


def read_file(path: Path) -> Table:
    """The rows of one file, by its suffix."""
    readers = {".parquet": _parquet, ".jsonl": _jsonl, ".json": _json, ".csv": _csv, ".tsv": _tsv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path} is none of {', '.join(SUFFIXES)}, the files whose rows can be read.")
    return reader([path])


def read_folder(folder: Path, split: str | None, default: str) -> tuple[Table, str]:
    """The rows of one split of a folder, and its name: `split`, else `default`, else the only one.

    The folder holds `<split>.parquet` (or the other suffixes), the hub's `<split>-00000-of-00002.parquet`,
    either of them in `data/`, or what `datasets` wrote with `save_to_disk`.
    """
    if any((folder / name).is_file() for name in ("dataset_dict.json", "state.json")):
        return _saved(folder, split, default)
    files: dict[str, list[Path]] = {}
    for path in sorted([*folder.iterdir(), *(folder / "data").glob("*")]):
        if path.is_file() and path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            files.setdefault(path.stem.partition("-")[0], []).append(path)
    name = choose_split(str(folder), tuple(files), split, default)
    suffixes = {path.suffix for path in files[name]}
    if suffixes == {".parquet"}:
        return _parquet(files[name]), name
    if len(files[name]) > 1:
        found = ", ".join(path.name for path in files[name])
        raise DataError(
            f"{folder} has several files of split {name} ({found}); pass one of them with --data."
        )
    return read_file(files[name][0]), name


def choose_split(where: str, found: tuple[str, ...], split: str | None, default: str) -> str:
    """The split to read: the one asked for, the default, or the only one; DataError lists what there is."""
    if split is not None and split in found:
        return split
    if split is None and (default in found or len(found) == 1):
        return default if default in found else found[0]
    listed = ", ".join(sorted(found)) or "none"
    if split is None:
        raise DataError(f"{where} has the splits {listed}; choose one with --split.")
    raise DataError(f"{where} has no split {split!r}; it has: {listed}.")


def from_dataset(dataset: Dataset) -> Table:
    """A `datasets` table with media left as stored: {"bytes", "path"}."""
    from datasets import Image, Video

    for name, feature in dataset.features.items():
        if isinstance(feature, Image | Video):
            dataset = dataset.cast_column(name, type(feature)(decode=False))
    return Table(tuple(dataset.column_names), dataset, len(dataset))


def _saved(folder: Path, split: str | None, default: str) -> tuple[Table, str]:
    from datasets import DatasetDict, load_from_disk

    try:
        data = load_from_disk(str(folder))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} cannot be read as a saved data set: {error}") from error
    if isinstance(data, DatasetDict):
        name = choose_split(str(folder), tuple(data), split, default)
        return from_dataset(data[name]), name
    return from_dataset(data), split or str(data.split or folder.name)


def _parquet(paths: list[Path]) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        files = [pq.ParquetFile(path) for path in paths]
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{paths[0]} cannot be read as parquet: {error}") from error

    def rows() -> Iterator[Row]:
        try:
            for file in files:
                for batch in file.iter_batches(batch_size=64):
                    yield from batch.to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{paths[0]} is damaged: {error}") from error

    return Table(tuple(files[0].schema_arrow.names), rows(), sum(file.metadata.num_rows for file in files))


def _jsonl(paths: list[Path]) -> Table:
    rows = []
    # Not splitlines: JSON strings may hold U+2028 and its like as they are.
    for number, line in enumerate(_text(paths[0]).split("\n"), start=1):
        if line.strip():
            rows.append(_record(line, f"{paths[0]}, line {number},"))
    return _table(rows)


def _json(paths: list[Path]) -> Table:
    data = load_json(paths[0])
    lists = (
        [value for value in data.values() if isinstance(value, list)] if isinstance(data, dict) else [data]
    )
    if (
        len(lists) != 1
        or not isinstance(lists[0], list)
        or not all(isinstance(row, dict) for row in lists[0])
    ):
        raise DataError(f"{paths[0]} must hold one list of objects.")
    return _table(lists[0])


def load_json(path: Path) -> Any:
    """What a JSON file holds. Raises DataError."""
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from error


def _csv(paths: list[Path]) -> Table:
    text = io.StringIO(_text(paths[0]), newline="")
    try:
        rows = list(csv.DictReader(text))
    except csv.Error as error:
        raise DataError(f"{paths[0]} cannot be read as CSV: {error}") from error
    for index, row in enumerate(rows):
        if None in row:
            raise DataError(f"{paths[0]}, row {index} has more cells than the header has names.")
    return _table(rows)


def _tsv(paths: list[Path]) -> Table:
    """Tab-separated rows as VLMEvalKit publishes them, pictures in base64 and all: too large to hold."""
    csv.field_size_limit(LONGEST_CELL)
    try:
        with paths[0].open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, delimiter="\t")
            names = next(lines, [])
            widths = [len(line) for line in lines if line]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{paths[0]} cannot be read as TSV: {error}") from error
    for index, width in enumerate(widths):
        if width != len(names):
            raise DataError(f"{paths[0]}, row {index} has {width} cells, and the header {len(names)} names.")

    def rows() -> Iterator[Row]:
        with paths[0].open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file, delimiter="\t")

    return Table(tuple(names), rows(), len(widths))


def _record(line: str, where: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataError(f"{where} is not a JSON object.")
    return row


def _table(rows: Sequence[Row]) -> Table:
    columns = dict.fromkeys(name for row in rows for name in row)
    return Table(tuple(columns), rows, len(rows))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
