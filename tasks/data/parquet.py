"""Rows of parquet files, and single cells again, never holding more of a file than a few batches of rows.

Pictures make rows of a megabyte, and writers put any number of rows into a group: files are streamed page by
page, and a batch has as many rows as fit into `BATCH_BYTES`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vleval.tasks.base import DataError
from vleval.tasks.data.table import Row, Table

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

BATCH_BYTES = 1 << 24
BATCH_ROWS = 1024
"""The most rows of a batch."""
BUFFER = 1 << 20
"""Bytes of a file that are read at once; without a buffer the reader takes a column's whole group."""


def read_parquet(paths: Sequence[Path]) -> Table:
    """The rows of files that make one split. Raises DataError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        files = [pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False) for path in paths]
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{paths[0]} cannot be read as parquet: {error}") from error
    groups = [
        _Group(path, file, number)
        for path, file in zip(paths, files, strict=True)
        for number in range(file.metadata.num_row_groups)
    ]
    cells = _Cells(groups)
    columns, total = tuple(files[0].schema_arrow.names), sum(group.total for group in groups)
    return Table(columns, _rows(groups), total, cells.read)


class _Group(NamedTuple):
    """A row group of a file."""

    path: Path
    file: ParquetFile
    number: int

    @property
    def total(self) -> int:
        """Number of rows."""
        return int(self.file.metadata.row_group(self.number).num_rows)

    def batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, some at a time. Raises DataError."""
        from pyarrow import ArrowException

        each = self.file.metadata.row_group(self.number).total_byte_size // max(1, self.total)
        count = min(BATCH_ROWS, max(1, BATCH_BYTES // max(1, each)))
        stream = self.file.iter_batches(count, row_groups=[self.number], columns=columns)
        while True:
            # Not around the `yield`: a reading that is never finished may end after pyarrow itself.
            try:
                batch = next(stream, None)
            except (OSError, ArrowException) as error:
                raise DataError(f"{self.path} is damaged: {error}") from error
            if batch is None:
                return
            yield batch


def _rows(groups: Sequence[_Group]) -> Iterator[Row]:
    for group in groups:
        for batch in group.batches():
            yield from batch.to_pylist()


class _Cells:
    """Reads cells again. A group can be read from its beginning only, so the place where the last reading
    ended is kept, and, since threads do not ask quite in order, the last two batches."""

    def __init__(self, groups: Sequence[_Group]) -> None:
        self._groups = groups
        self._starts = list(accumulate((group.total for group in groups), initial=0))
        self._column = ""
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._group, self._next = -1, 0
        self._seen: deque[tuple[int, pa.RecordBatch]] = deque(maxlen=2)

    def read(self, index: int, column: str) -> Any:
        """The value in a row of the table. Raises DataError."""
        if column != self._column:
            self._column, self._group = column, -1
            self._seen.clear()
        while (found := self._in_hand(index)) is None:
            self._go_on(index)
        start, batch = found
        return batch.column(column)[index - start].as_py()

    def _in_hand(self, index: int) -> tuple[int, pa.RecordBatch] | None:
        return next((each for each in self._seen if 0 <= index - each[0] < each[1].num_rows), None)

    def _go_on(self, index: int) -> None:
        """Read the next batch on the way to a row."""
        group = bisect_right(self._starts, index) - 1
        if group != self._group or index < self._next:
            self._group, self._next = group, self._starts[group]
            self._batches = self._groups[group].batches([self._column])
        batch = next(self._batches, None)
        if batch is None:
            raise DataError(f"{self._groups[group].path} has changed since it was opened.")
        self._seen.append((self._next, batch))
        self._next += batch.num_rows
