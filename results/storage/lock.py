"""One process per run folder: a lock that the system lets go of by itself when its holder dies."""

from __future__ import annotations

import errno
import json
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vleval.results.storage import disk

LOCK_FILE = "run.lock"
HELD_FILE = "run.held"
"""Stands for the lock where the file system has none; deleted at the end."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class InUse(Exception):
    """Another process writes to this folder; the message says which."""


class FolderLock:
    """Held until `close`, or until the process is gone."""

    def __init__(self, folder: Path) -> None:
        """Take the lock. Raises InUse at once when another process has it, and OSError."""
        self._held: Path | None = None
        self._file = disk.DISK.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT)
        try:
            try:
                disk.DISK.lock(self._file)
            except BlockingIOError:
                raise InUse(_words(_read(folder / LOCK_FILE))) from None
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                self._held = _hold(folder / HELD_FILE)
            # Read by people alone: the lock itself is the system's.
            with suppress(OSError):
                disk.DISK.truncate(self._file, 0)
                disk.write_all(self._file, _card())
        except BaseException:
            disk.DISK.close(self._file)
            raise

    def close(self) -> None:
        """Let another process in."""
        if self._held is not None:
            with suppress(FileNotFoundError):  # the folder has got another name
                disk.DISK.remove(self._held)
        disk.DISK.close(self._file)


def _hold(path: Path) -> Path:
    """Create the file that stands for the lock; one left by a dead process of this machine is taken over."""
    try:
        file = disk.DISK.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        holder = _read(path)
        if holder.get("host") != socket.gethostname() or _alive(holder.get("pid")):
            raise InUse(f"{_words(holder)}; if it is gone, delete {path}") from None
        disk.DISK.remove(path)
        return _hold(path)
    try:
        disk.write_all(file, _card())
    finally:
        disk.DISK.close(file)
    return path


def _card() -> bytes:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()


def _read(path: Path) -> dict[str, Any]:
    try:
        holder = json.loads(disk.DISK.read(path))
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _words(holder: dict[str, Any]) -> str:
    if not holder:
        return "another process"
    return f"process {holder.get('pid')} on {holder.get('host')} since {holder.get('since')}"


def _alive(pid: Any) -> bool:
    if not isinstance(pid, int):
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
