"""A file of lines that is only appended to: healed when it is opened, and synced before a line counts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from vleval.results.storage import disk
from vleval.results.storage.lines import encode, scan

TORN_SUFFIX = ".torn"
"""Damaged pieces are kept in a file beside the log, under its name and this."""


class Healed(NamedTuple):
    """What was found damaged when a log was opened, and moved aside."""

    tail_bytes: int
    """Length of the torn end; 0 when there was none."""
    lines: tuple[int, ...]
    """Numbers of the damaged lines before it."""

    def __str__(self) -> str:
        parts = [f"{self.tail_bytes} bytes at its end"] if self.tail_bytes else []
        if self.lines:
            shown = ", ".join(map(str, self.lines[:5])) + (", ..." if len(self.lines) > 5 else "")
            parts.append(f"line{'s' if len(self.lines) > 1 else ''} {shown}")
        return " and ".join(parts)


class Log:
    """The one writer of a file of lines. Raises OSError as the disk does."""

    def __init__(self, path: Path) -> None:
        """Open or create `path`; damaged pieces go to `path` + `.torn` first, so that nothing is thrown
        away and the next line is not glued to the rest of a torn one."""
        self.path = path
        self.healed = _heal(path) if path.exists() else None
        self._file = disk.DISK.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        try:
            disk.DISK.sync(self._file)
            disk.DISK.sync_folder(path.parent)
            self._end = path.stat().st_size
        except OSError:
            self.close()
            raise
        self._broken = False

    def append(self, record: Mapping[str, Any]) -> None:
        """Return when the line is on the disk. After a failure the log takes no more: nobody knows what a
        disk holds after a failed sync."""
        if self._broken:
            raise OSError(f"{self.path} failed before")
        line = encode(record)
        try:
            disk.write_all(self._file, line)
            disk.DISK.sync(self._file)
        except BaseException:
            self._broken = True
            with suppress(OSError):
                disk.DISK.truncate(self._file, self._end)
            raise
        self._end += len(line)

    def close(self) -> None:
        """Every line is on the disk already."""
        disk.DISK.close(self._file)


def _heal(path: Path) -> Healed | None:
    data = disk.DISK.read(path)
    found = scan(data)
    tail = data[found.tail :]
    if not tail and not found.damaged:
        return None
    pieces = [data[line.start : line.end] for line in found.damaged] + ([tail] if tail else [])
    _keep_aside(path.with_name(path.name + TORN_SUFFIX), pieces)
    if found.damaged:
        disk.replace_file(path, b"".join(data[line.start : line.end + 1] for line in found.whole))
    else:
        file = disk.DISK.open(path, os.O_RDWR)
        try:
            disk.DISK.truncate(file, found.tail)
            disk.DISK.sync(file)
        finally:
            disk.DISK.close(file)
    return Healed(len(tail), tuple(line.number for line in found.damaged))


def _keep_aside(path: Path, pieces: list[bytes]) -> None:
    file = disk.DISK.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        disk.write_all(file, b"".join(piece.removesuffix(b"\n") + b"\n" for piece in pieces))
        disk.DISK.sync(file)
    finally:
        disk.DISK.close(file)
    disk.DISK.sync_folder(path.parent)
