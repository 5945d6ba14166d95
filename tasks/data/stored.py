"""Media that lie in the cells of a table: not held but read again, from the row and column they came from.

A split may have tens of gigabytes of pages in its rows, and all that a run must know of them before it asks
is their digests. The medium read last stays in hand: its size is wanted right after its digest, and one page
has several questions.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Literal

from vleval.model.io import Media
from vleval.tasks.base import DataError
from vleval.tasks.data import rows
from vleval.tasks.data.table import Cell


@dataclass(frozen=True, slots=True)
class StoredMedium:
    """One cell; see `io.Stored`."""

    sha256: str
    kind: Literal["image", "video"] = field(compare=False)
    index: int = field(compare=False)
    column: str = field(compare=False)
    shelf: Shelf = field(compare=False, repr=False)

    def read(self) -> bytes:
        """The bytes as they were. Raises OSError."""
        return self.shelf.read(self)


class Shelf:
    """The media of one table. Several threads may read at once."""

    def __init__(self, cell: Cell) -> None:
        self._cell, self._lock = cell, Lock()
        self._latest = ("", b"")

    def put(self, medium: Media, index: int, column: str) -> Media:
        """The same medium without its bytes, which row `index` (the first is 0) has in `column`."""
        assert medium.data is not None
        digest = hashlib.sha256(medium.data).hexdigest()
        self._latest = digest, medium.data
        return replace(medium, data=None, stored=StoredMedium(digest, medium.kind, index, column, self))

    def read(self, stored: StoredMedium) -> bytes:
        """The bytes of one medium. Raises OSError where they cannot be read, or are others by now."""
        digest, data = self._latest
        if digest == stored.sha256:
            return data
        try:
            with self._lock:
                value = self._cell(stored.index, stored.column)
            data = rows.media(value, stored.kind).data or b""
        except (DataError, ValueError, LookupError) as fault:
            raise OSError(f"row {stored.index} of the data cannot be read again: {fault}") from fault
        if hashlib.sha256(data).hexdigest() != stored.sha256:
            raise OSError(f"row {stored.index} of the data has changed since it was opened")
        self._latest = stored.sha256, data
        return data
