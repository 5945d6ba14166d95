"""Every system call of the store, behind one small object.

Tests put another in its place (`disk.DISK`) that fails, kills, cuts writes short or records what was done, so
that no fault of a disk has to be imagined.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
"""macOS: its fsync leaves data in the drive's cache."""


class Disk:
    """The calls as the system has them; each may raise OSError."""

    def read(self, path: Path) -> bytes:
        """The whole of a file."""
        return path.read_bytes()

    def open(self, path: Path, flags: int) -> int:
        """A file descriptor; created files are readable by all."""
        return os.open(path, flags, 0o644)

    def write(self, file: int, data: memoryview) -> int:
        """Write some of `data`; the count may fall short of it."""
        return os.write(file, data)

    def sync(self, file: int) -> None:
        """Return when data and size of a file would survive a loss of power."""
        if _FULL_SYNC is not None:
            fcntl.fcntl(file, _FULL_SYNC)
        else:
            os.fdatasync(file)

    def truncate(self, file: int, size: int) -> None:
        """Cut a file."""
        os.ftruncate(file, size)

    def close(self, file: int) -> None:
        """Close a descriptor."""
        os.close(file)

    def replace(self, source: Path, target: Path) -> None:
        """Rename; a reader of `target` sees the old or the new, never neither."""
        os.replace(source, target)

    def remove(self, path: Path) -> None:
        """Delete a file."""
        path.unlink()

    def make_folder(self, path: Path) -> None:
        """Make one folder."""
        path.mkdir()

    def sync_folder(self, path: Path) -> None:
        """Return when the names in a folder would survive a loss of power."""
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        except OSError as error:
            if error.errno != errno.EINVAL:  # what some network file systems say of folders
                raise
        finally:
            os.close(file)

    def lock(self, file: int) -> None:
        """Take the lock of an open file. Raises BlockingIOError when another process has it."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def free(self, path: Path) -> int:
        """Bytes that may still be written to the disk of `path`."""
        return shutil.disk_usage(path).free


DISK = Disk()


def write_all(file: int, data: bytes) -> None:
    """Write every byte: a nearly full disk takes a part and refuses the rest only at the next call."""
    view = memoryview(data)
    while view:
        view = view[DISK.write(file, view) :]


def write_new(path: Path, data: bytes) -> None:
    """Write and sync a file, over whatever lay there; its name is not yet safe (`sync_folder`)."""
    file = DISK.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(file, data)
        DISK.sync(file)
    finally:
        DISK.close(file)


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` under a name at one stroke: readers, and the disk after a crash, have the old or the new."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        write_new(temporary, data)
        DISK.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            DISK.remove(temporary)
        raise
    DISK.sync_folder(path.parent)


def make_folders(path: Path) -> None:
    """Make a folder and those above it, each synced into the one that holds it."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with suppress(FileExistsError):
            DISK.make_folder(folder)
        DISK.sync_folder(folder.parent)
