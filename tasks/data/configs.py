"""Data sets whose rows lie in several configurations: read one after the other, each row knowing its own.

MVBench has twenty, one for each kind of question, and their rows do not say which they belong to. A folder
with the hub's layout does: `<config>/<split>-00000-of-00001.parquet`, or `json/<config>.json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from vleval.tasks.base import DataError
from vleval.tasks.data.readers import SUFFIXES, read_file, read_folder
from vleval.tasks.data.table import Table, chained

CONFIG = "config"
"""The column that every row gets."""

Name = TypeVar("Name", bound=str | None)


def joined(tables: Mapping[Name, Table]) -> Table:
    """The rows of all tables, each with the name of its own under `config`."""

    whole = chained([_named(table, name) for name, table in tables.items()])
    return whole._replace(columns=(*(column for column in whole.columns if column != CONFIG), CONFIG))


def read_configs(folder: Path, names: Sequence[str], split: str | None, default: str) -> Table | None:
    """The rows of a folder with one file or folder per configuration; None where it has none of them.

    Raises DataError where some are missing: their mean would be that of another benchmark.
    """
    found = {name: place for name in names if (place := _place(folder, name)) is not None}
    if not found:
        return None
    if missing := [name for name in names if name not in found]:
        raise DataError(
            f"{folder} lacks {', '.join(missing)}: it must hold all of the {len(names)} configurations, each "
            "as a folder or as json/NAME.json."
        )
    return joined({name: _read(place, split, default) for name, place in found.items()})


def _named(table: Table, name: str | None) -> Table:
    return table._replace(rows=({**row, CONFIG: name} for row in table.rows))


def _place(folder: Path, name: str) -> Path | None:
    if (folder / name).is_dir():
        return folder / name
    files = (parent / f"{name}{suffix}" for parent in (folder, folder / "json") for suffix in SUFFIXES)
    return next((path for path in files if path.is_file()), None)


def _read(place: Path, split: str | None, default: str) -> Table:
    return read_folder(place, split, default)[0] if place.is_dir() else read_file(place)
