"""Disks that fail, for tests of the store: faults at the n-th call, and a log from which every disk that a
loss of power may leave behind is rebuilt.

The model of a loss of power: synced bytes of a file are safe; of those written since, any prefix may be
there, or zeros in their place; of the names made, changed or removed in a folder since it was synced, any
prefix of these changes may be there.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vleval.results.storage.disk import Disk


class FailingDisk(Disk):
    """The n-th call fails, and those after it while `lasting`: calls that need room, with EIO all of them.

    `short` writes half of the data before a write fails, as a full disk does.
    """

    def __init__(
        self, nth: int, code: int = errno.ENOSPC, *, lasting: bool = True, short: bool = False
    ) -> None:
        self.nth, self.code, self.lasting, self.short = nth, code, lasting, short
        self.calls = 0
        self.failed = 0
        """Calls that have failed or fallen short."""

    def _due(self) -> bool:
        self.calls += 1
        due = self.calls == self.nth or (self.lasting and self.calls > self.nth)
        self.failed += due
        return due

    def _fail(self) -> OSError:
        return OSError(self.code, os.strerror(self.code))

    def read(self, path: Path) -> bytes:
        if self.code == errno.EIO and self._due():
            raise self._fail()
        return super().read(path)

    def open(self, path: Path, flags: int) -> int:
        if flags & os.O_CREAT and not path.exists() and self._due():
            raise self._fail()
        return super().open(path, flags)

    def write(self, file: int, data: memoryview) -> int:
        if self._due():
            if self.short and len(data) > 1:
                return super().write(file, data[: len(data) // 2])
            raise self._fail()
        return super().write(file, data)

    def sync(self, file: int) -> None:
        if self._due():
            raise self._fail()

    def truncate(self, file: int, size: int) -> None:
        if self.code == errno.EIO and self._due():
            raise self._fail()
        super().truncate(file, size)

    def replace(self, source: Path, target: Path) -> None:
        if self._due():
            raise self._fail()
        super().replace(source, target)

    def make_folder(self, path: Path) -> None:
        if self._due():
            raise self._fail()
        super().make_folder(path)

    def sync_folder(self, path: Path) -> None:
        if self._due():
            raise self._fail()


class FastDisk(Disk):
    """Works, and does not wait for the medium."""

    def sync(self, file: int) -> None:
        pass

    def sync_folder(self, path: Path) -> None:
        pass


class Ink:
    """The content of one file, whatever its names: what is safe, and what may be."""

    def __init__(self) -> None:
        self.safe = b""
        self.now = b""

    def copy(self) -> Ink:
        other = Ink()
        other.safe, other.now = self.safe, self.now
        return other

    def states(self) -> list[bytes]:
        """Contents that a loss of power may leave: a few prefixes of what is not safe yet, and zeros."""
        if self.now == self.safe:
            return [self.now]
        if not self.now.startswith(self.safe):
            return [self.safe, self.now]
        new = len(self.now) - len(self.safe)
        cuts = sorted({0, 1, new // 2, new - 1, new})
        zeros = self.safe + bytes(new)
        return [*(self.now[: len(self.safe) + cut] for cut in cuts), zeros]


@dataclass
class World:
    """Files and folders as the program sees them, and the changes of names that are not safe yet."""

    names: dict[Path, Ink | None] = field(default_factory=dict)
    """What is safe; None stands for a folder."""
    pending: dict[Path, list[tuple[Path, Ink | None, Path | None]]] = field(default_factory=dict)
    """Folder -> changes of names in it since its sync: (name, what it stands for, name it was before)."""

    def disks(self) -> Iterator[dict[Path, bytes | None]]:
        """Every disk that a loss of power may leave now."""
        folders = [folder for folder, changes in self.pending.items() if changes]
        counts = [range(len(self.pending[folder]) + 1) for folder in folders]
        for taken in _product(counts):
            names = dict(self.names)
            for folder, count in zip(folders, taken, strict=True):
                for name, ink, before in self.pending[folder][:count]:
                    names[name] = ink
                    if before is not None:
                        names.pop(before, None)
            yield from _contents(names)


def _product(ranges: list[range]) -> Iterator[tuple[int, ...]]:
    if not ranges:
        yield ()
        return
    for rest in _product(ranges[1:]):
        for value in ranges[0]:
            yield (value, *rest)


def _contents(names: dict[Path, Ink | None]) -> Iterator[dict[Path, bytes | None]]:
    """All contents of the one file that is not safe; of several, each in turn while the others are whole."""
    inks = {id(ink): ink for ink in names.values() if ink is not None}
    loose = [ink for ink in inks.values() if len(ink.states()) > 1] or [Ink()]
    for chosen in loose:
        for state in chosen.states():
            yield {
                name: None if ink is None else (state if ink is chosen else ink.now)
                for name, ink in names.items()
            }


class LoggingDisk(Disk):
    """Works, and remembers after every call which disks a loss of power could leave."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.world = World({root: None})
        self.acknowledged: set[str] = set()
        self.states: list[tuple[frozenset[str], list[dict[Path, bytes | None]]]] = []
        """After each call: what had been acknowledged, and the possible disks."""
        self._files: dict[int, Ink] = {}
        self._seen: dict[Path, Ink | None] = {root: None}

    def _note(self) -> None:
        self.states.append((frozenset(self.acknowledged), list(self.world.disks())))

    def _change(self, name: Path, ink: Ink | None, before: Path | None = None) -> None:
        self._seen[name] = ink
        if before is not None:
            del self._seen[before]
        self.world.pending.setdefault(name.parent, []).append((name, ink, before))

    def open(self, path: Path, flags: int) -> int:
        file = super().open(path, flags)
        if path not in self._seen:
            self._change(path, Ink())
        ink = self._seen[path]
        assert ink is not None
        if flags & os.O_TRUNC:
            ink.now = b""
        self._files[file] = ink
        self._note()
        return file

    def write(self, file: int, data: memoryview) -> int:
        count = super().write(file, data)
        self._files[file].now += bytes(data[:count])
        self._note()
        return count

    def sync(self, file: int) -> None:
        ink = self._files[file]
        ink.safe = ink.now
        self._note()

    def truncate(self, file: int, size: int) -> None:
        super().truncate(file, size)
        self._files[file].now = self._files[file].now[:size]
        self._note()

    def replace(self, source: Path, target: Path) -> None:
        super().replace(source, target)
        self._change(target, self._seen[source], source)
        self._note()

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self._change(path, None)
        self._note()

    def sync_folder(self, path: Path) -> None:
        for name, ink, before in self.world.pending.pop(path, []):
            self.world.names[name] = ink
            if before is not None:
                self.world.names.pop(before, None)
        self._note()
