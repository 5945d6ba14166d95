"""Rows that lie one after another in a text file (JSONL, TSV), and single cells again.

Rows may hold pictures in base64, as VLMEvalKit publishes them: a row that is long stays in the file, and only
where it begins is held.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from vleval.tasks.base import DataError
from vleval.tasks.data.table import Row, Table

LONG_ROW = 4096
"""Bytes from which on a row of JSON is parsed again rather than held."""
LONGEST_CELL = 1 << 30
"""Characters of a cell of a TSV file."""
_MARK = b"\xef\xbb\xbf"
"""Byte order mark."""


class _Span(NamedTuple):
    """Where a row lies, in bytes from the beginning of the file."""

    start: int
    end: int
    number: int
    """The first line or row is 1."""


def read_jsonl(path: Path) -> Table:
    """The rows of a JSONL file. Raises DataError."""
    rows = _JsonRows(path)
    return Table(rows.columns, rows, len(rows.kept), rows.cell)


def read_tsv(path: Path) -> Table:
    """The rows of a TSV file, which must all be as wide as its header. Raises DataError."""
    rows = _TabRows(path)
    return Table(rows.columns, rows, 0 if rows.empty else None, rows.cell)


class _JsonRows:
    """The objects of a JSONL file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept: list[Row | _Span] = []
        columns: dict[str, None] = {}
        try:
            with path.open("rb") as file:
                for line, span in _lines(file):
                    row = self._row(line, span.number) if line.strip() else None
                    if row is not None:
                        columns.update(dict.fromkeys(row))
                        self.kept.append(span if len(line) > LONG_ROW else row)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        self.columns = tuple(columns)

    def __iter__(self) -> Iterator[Row]:
        for kept in self.kept:
            yield self._at(kept) if isinstance(kept, _Span) else kept

    def cell(self, index: int, column: str) -> Any:
        """The value in a row. Raises DataError and LookupError."""
        kept = self.kept[index]
        return (self._at(kept) if isinstance(kept, _Span) else kept)[column]

    def _at(self, span: _Span) -> Row:
        return self._row(_piece(self.path, span), span.number)

    def _row(self, line: bytes, number: int) -> Row:
        where = f"{self.path}, line {number},"
        try:
            row = json.loads(line.decode())
        except UnicodeDecodeError as error:
            raise DataError(f"{where} cannot be read: {error}") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise DataError(f"{where} is not a JSON object.")
        return row


class _TabRows:
    """The rows of a TSV file; where each lies is known once it has been read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._spans: list[_Span] = []
        csv.field_size_limit(LONGEST_CELL)
        first = [tuple(cells) for cells, _ in islice(self._read(), 2)]
        self.columns = first[0] if first else ()
        self.empty = len(first) < 2

    def __iter__(self) -> Iterator[Row]:
        self._spans = []
        read = self._read()
        next(read, None)
        for cells, span in read:
            if len(cells) != len(self.columns):
                raise DataError(
                    f"{self.path}, row {len(self._spans)} has {len(cells)} cells, and the header "
                    f"{len(self.columns)} names."
                )
            self._spans.append(span)
            yield dict(zip(self.columns, cells, strict=True))

    def cell(self, index: int, column: str) -> Any:
        """The value in a row that has been read. Raises DataError and LookupError."""
        piece = _piece(self.path, self._spans[index]).decode()
        cells = next(csv.reader([piece], delimiter="\t"), [])
        return cells[self.columns.index(column)]

    def _read(self) -> Iterator[tuple[list[str], _Span]]:
        """Cells of all lines that are not empty, the header's first, and where they lie."""
        last = _Span(0, 0, 0)

        def lines(file: BinaryIO) -> Iterator[str]:
            nonlocal last
            for line, span in _lines(file):
                last = span
                yield line.decode()

        where = str(self.path)
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise DataError(f"{where} cannot be read as TSV: {error}") from error
        with file:
            records = csv.reader(lines(file), delimiter="\t")
            start = 0
            for number in count():
                try:
                    cells = next(records, None)
                except (OSError, ValueError, csv.Error) as error:
                    raise DataError(f"{where}, line {last.number}, cannot be read as TSV: {error}") from error
                if cells is None:
                    return
                if cells:
                    yield cells, _Span(start, last.end, number)
                start = last.end  # a cell in quotes may go on over lines


def _lines(file: BinaryIO) -> Iterator[tuple[bytes, _Span]]:
    # Not str.splitlines: JSON strings may hold U+2028 and its like as they are.
    start = 0
    for number, line in enumerate(file, start=1):
        end = start + len(line)
        yield line.removeprefix(_MARK) if start == 0 else line, _Span(start, end, number)
        start = end


def _piece(path: Path, span: _Span) -> bytes:
    """The bytes of a row. Raises DataError."""
    try:
        with path.open("rb") as file:
            file.seek(span.start)
            return file.read(span.end - span.start).removeprefix(_MARK)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error
