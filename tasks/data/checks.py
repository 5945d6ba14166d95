"""The first look at a data set: whether its values are those that the task reads, before anything else runs.

Sets on the hub change without notice, and local files are written by hand: one sentence per column that does
not fit says what was expected, what is there, and in which row.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from vleval.model.io import Media
from vleval.tasks.base import DataError, Task
from vleval.tasks.data import rows
from vleval.tasks.data.folder import MediaFolder
from vleval.tasks.data.table import Row, Table

LOOKED_AT = 20
"""Rows that are read first."""


def check_first_rows(task: Task, name: str, table: Table, medium: str, folder: MediaFolder | None) -> Table:
    """The same table, once its first rows fit `Task.columns` and `Task.checks`.

    `medium` is the column of the image or video. Raises DataError with one sentence per column that does not
    fit, with the first row in which it does not.
    """
    stream = iter(table.rows)
    first = list(islice(stream, LOOKED_AT))
    faults: dict[str, list[str]] = {}
    for index, row in enumerate(first):
        for column, fault in _faults(task, row, medium, folder):
            faults.setdefault(column, []).append(f"{name}, row {index}: {fault}")
    if faults:
        raise DataError(" ".join(_sentence(found, len(first)) for found in faults.values()))
    return table._replace(rows=chain(first, stream))


def _faults(task: Task, row: Row, medium: str, folder: MediaFolder | None) -> Iterator[tuple[str, str]]:
    """(column, what is wrong with its value) of one row."""
    for column in dict.fromkeys((*task.columns, medium)):
        try:
            if column not in row:
                raise ValueError(f"the column {column!r} is missing")
            if column == medium:
                medium_of(task, row, column, folder)
            elif column in task.checks:
                task.checks[column](row[column], column)
        except ValueError as error:
            yield column, str(error)


def medium_of(task: Task, row: Row, column: str, folder: MediaFolder | None) -> Media:
    """The medium of a row, by its column or by `Task.media_files`. Raises ValueError."""
    if task.media_files is not None and isinstance(row[column], str):
        return rows.first_file(task.media_files(row), task.media, folder)
    return rows.media(row[column], task.media, folder)


def _sentence(found: list[str], looked_at: int) -> str:
    more = f" (and so in {len(found) - 1} more of the first {looked_at} rows)" if len(found) > 1 else ""
    return f"{found[0]}{more}."
