"""The rows of one split, as every reader hands them over."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Row = Mapping[str, Any]
Cell = Callable[[int, str], Any]
"""(index of a row that has been read, column) -> the value there, read again. Raises DataError, ValueError or
LookupError where it is gone."""


class Table(NamedTuple):
    """Rows of one split."""

    columns: tuple[str, ...]
    """Every name that a row has; a row of JSON may lack some."""
    rows: Iterable[Row]
    total: int | None
    """Number of rows; None where only reading them all would tell."""
    cell: Cell | None = None
    """None where rows are held anyway."""


def chained(tables: Sequence[Table]) -> Table:
    """The rows of one table after those of another. The columns are those of all."""
    starts: list[int] = []
    cells = [table.cell for table in tables]

    def rows() -> Iterator[Row]:
        count = 0
        for table in tables:
            starts.append(count)
            for row in table.rows:
                count += 1
                yield row

    def cell(index: int, column: str) -> Any:
        number = bisect_right(starts, index) - 1
        read = cells[number]
        assert read is not None
        return read(index - starts[number], column)

    columns = dict.fromkeys(column for table in tables for column in table.columns)
    totals = [table.total for table in tables if table.total is not None]
    total = sum(totals) if len(totals) == len(tables) else None
    return Table(tuple(columns), rows(), total, cell if all(cells) else None)
