"""The tables of a COCO annotation file by id, and how their faults are told: what its readers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vleval.tasks.base import DataError

Entry = Mapping[str, Any]


class Coco(NamedTuple):
    """Two tables of a COCO file, by id."""

    images: Mapping[Any, Entry]
    annotations: Mapping[Any, Entry]
    where: str
    """The file, for errors."""


def tables(data: Mapping[str, Any], where: str) -> Coco:
    """The tables of a loaded file. Raises DataError."""
    return Coco(by_id(data, "images", where), by_id(data, "annotations", where), where)


def by_id(data: Mapping[str, Any], key: str, where: str) -> dict[Any, Entry]:
    """One table. Raises DataError where an entry has no id, or that of another; one written twice is one."""
    table: dict[Any, Entry] = {}
    for entry in entries(data.get(key), f"{where}, {key}"):
        if not isinstance(entry.get("id"), int | str):
            raise DataError(f"{where}: every entry of {key} needs an id.")
        if table.setdefault(entry["id"], entry) != entry:
            raise DataError(f"{where}: two different entries of {key} have the id {plain(entry['id'])}.")
    return table


def file_name(image: Entry) -> str:
    """Where a picture lies, with / between folders also where the file was written on Windows. Raises
    ValueError in words for the user."""
    name = image.get("file_name")
    if not isinstance(name, str) or not name:
        raise ValueError("it has no file_name")
    return name.replace("\\", "/")


def entries(value: Any, where: str) -> list[Entry]:
    """A list of objects. Raises DataError."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise DataError(f"{where} must be a list of objects.")
    return value


def find(table: Mapping[Any, Entry], key: Any, what: str, where: str) -> Entry:
    """An entry by its id. Raises ValueError in words for the user."""
    found = table.get(key) if isinstance(key, int | str) else None
    if found is None:
        raise ValueError(f"{where} has no {what} {plain(key)}")
    return found


def plain(value: Any) -> str:
    """A name or a number as text; of anything else its type, for a hostile file may nest without end."""
    return str(value) if isinstance(value, int | str) else type(value).__name__
