"""A leaderboard as a CSV file that grows: read, merged and put back at one stroke.

Text cells are quoted, numbers are not (QUOTE_NONNUMERIC), lines end in a newline. A text that a spreadsheet
would take for a formula gets an apostrophe in front (OWASP, CSV injection), unless `raw`.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from vleval.results.boards.board import HEAD, HEAD_NUMBERS, MARK, VERSION, Board, Cell, Column, Row
from vleval.results.escape import formula_safe
from vleval.results.storage import disk

_NUMBER = re.compile(r"-?(\d+)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
_KEPT = "row_id"
"""Without it, rows cannot be told apart."""


class BoardError(Exception):
    """A file is no board, or one that this vleval cannot extend; the message is one plain sentence."""


def read_board(path: Path) -> Board:
    """The board of a file; columns that vleval does not know are kept as text. Raises BoardError, OSError."""
    try:
        # Not read_text: it makes a newline of every carriage return, those within cells too.
        text = path.read_bytes().decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        lines = []
    columns = lines[0] if lines else []
    if MARK not in columns or _KEPT not in columns:
        raise BoardError(
            f"{path} is not a vleval board (it has no columns {MARK}, {_KEPT}); it stays as it is"
        )
    if len({*columns}) < len(columns):
        raise BoardError(f"{path} has a column twice; it stays as it is")
    rows = [_row(path, number, columns, cells) for number, cells in enumerate(lines[1:], start=2) if cells]
    return Board(columns, rows)


def write_board(path: Path, board: Board, *, raw: bool = False) -> None:
    """Put a board in the place of the file. Raises OSError; the file is the old one or the new one."""
    disk.replace_file(path, board_csv(board, raw=raw).encode("utf-8", "backslashreplace"))


def board_csv(board: Board, *, raw: bool = False) -> str:
    """The text of the file."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(board.columns)
    # A column that vleval does not know is its owner's, formulas included.
    guarded = {name for name in board.columns if not raw and (name in HEAD or Column.parse(name))}
    for row in board.rows:
        writer.writerow(_written(row.get(name), name in guarded) for name in board.columns)
    return out.getvalue()


def _written(cell: Cell, guarded: bool) -> Cell:
    return formula_safe(cell) if guarded and isinstance(cell, str) else cell


def _row(path: Path, number: int, columns: list[str], cells: list[str]) -> Row:
    if len(cells) != len(columns):
        raise BoardError(
            f"{path}, line {number} has {len(cells)} cells for {len(columns)} columns; it stays as it is"
        )
    row: Row = {}
    for name, text in zip(columns, cells, strict=True):
        column = Column.parse(name)
        is_number = name in HEAD_NUMBERS or (column is not None and column.is_number)
        row[name] = _number(path, number, name, text) if is_number else text
    if row[MARK] != VERSION:
        raise BoardError(
            f"{path}, line {number} is of board version {row[MARK]}, this vleval knows {VERSION}; it stays "
            "as it is"
        )
    return row


def _number(path: Path, line: int, name: str, text: str) -> int | float | None:
    if not text:
        return None
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise BoardError(f"{path}, line {line}: {name} is {text!r}, not a number; it stays as it is")
    return int(text) if found[2] is None and found[3] is None else float(text)
