"""Opens files and folders of rows: parquet, JSONL, JSON, CSV, TSV, split folders, `save_to_disk`, the hub.

A reader yields plain dictionaries, lazily where the format allows, with media as stored: nothing is decoded
or encoded again. Raises DataError in one sentence when a file cannot be read.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vleval.tasks.base import DataError
from vleval.tasks.data.parquet import read_parquet
from vleval.tasks.data.table import Row, Table
from vleval.tasks.data.text_rows import read_jsonl, read_tsv

if TYPE_CHECKING:
    from datasets import Dataset

SUFFIXES = (".parquet", ".jsonl", ".json", ".csv", ".tsv")


def read_file(path: Path) -> Table:
    """The rows of one file, by its suffix."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path} is none of {', '.join(SUFFIXES)}, the files whose rows can be read.")
    return reader(path)


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
        return read_parquet(files[name]), name
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
    if not found:
        raise DataError(
            f"{where} has no file of rows ({', '.join(SUFFIXES)}), nor has its folder data: pass the file, "
            "or the folder it is in, with --data."
        )
    listed = ", ".join(sorted(found))
    if split is None:
        raise DataError(f"{where} has the splits {listed}; choose one with --split.")
    raise DataError(f"{where} has no split {split!r}; it has: {listed}.")


def from_dataset(dataset: Dataset) -> Table:
    """A `datasets` table with media left as stored: {"bytes", "path"}."""
    from datasets import Image, Video

    for name, feature in dataset.features.items():
        if isinstance(feature, Image | Video):
            dataset = dataset.cast_column(name, type(feature)(decode=False))
    return Table(
        tuple(dataset.column_names), dataset, len(dataset), lambda index, column: dataset[index][column]
    )


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


def _json(path: Path) -> Table:
    data = load_json(path)
    lists = (
        [value for value in data.values() if isinstance(value, list)] if isinstance(data, dict) else [data]
    )
    if (
        len(lists) != 1
        or not isinstance(lists[0], list)
        or not all(isinstance(row, dict) for row in lists[0])
    ):
        raise DataError(f"{path} must hold one list of objects.")
    return _table(lists[0])


def load_json(path: Path) -> Any:
    """What a JSON file holds. Raises DataError."""
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from error


def _csv(path: Path) -> Table:
    text = io.StringIO(_text(path), newline="")
    try:
        rows = list(csv.DictReader(text))
    except csv.Error as error:
        raise DataError(f"{path} cannot be read as CSV: {error}") from error
    for index, row in enumerate(rows):
        if None in row:
            raise DataError(f"{path}, row {index} has more cells than the header has names.")
    return _table(rows)


def _table(rows: Sequence[Row]) -> Table:
    columns = dict.fromkeys(name for row in rows for name in row)
    return Table(tuple(columns), rows, len(rows))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


_READERS: Mapping[str, Callable[[Path], Table]] = {
    ".parquet": lambda path: read_parquet([path]),
    ".jsonl": read_jsonl,
    ".json": _json,
    ".csv": _csv,
    ".tsv": read_tsv,
}
