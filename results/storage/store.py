"""A run on disk: a folder with one writer, whose answers survive whatever ends the program.

- `run.json`, who answers what and how far it came: replaced as a whole.
- `samples.jsonl`, a line per answer: only appended to, and synced before the answer counts.
- `events.jsonl`, when the run was started, resumed, stopped and healed: likewise.
- `run.lock`, held by the one writer; `*.torn`, damaged pieces found when the folder was opened.

run.json and samples.jsonl are the only truth; everything else about a run is derived from them.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from vleval.results.record import RunRecord, SampleRecord
from vleval.results.schema import VERSION, RecordError
from vleval.results.storage import disk
from vleval.results.storage.lines import decode, scan
from vleval.results.storage.lock import FolderLock, InUse
from vleval.results.storage.log import Log

RUN_FILE = "run.json"
SAMPLES_FILE = "samples.jsonl"
EVENTS_FILE = "events.jsonl"

BYTES_PER_ANSWER = 4096
"""Room asked for in advance: the line of one box takes about 1.5 kB, long answers more."""

RESUME = "make room, and give the same command again to go on"

_START = re.compile(rb'\{"v": \d+, "id": ("(?:[^"\\]|\\.)*")')
"""The id of a line as we write it, without reading all of it."""


class StoreError(Exception):
    """A run folder cannot be written or read; the message is one plain sentence."""


def prepare_root(root: Path) -> None:
    """Make the folder that holds the runs, so that a bad `--output` is known before any work is done.

    Raises StoreError.
    """
    with _writing(root):
        disk.make_folders(root)
        if not os.access(root, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "Permission denied", str(root))


def set_aside(folder: Path) -> Path | None:
    """Give an earlier run's folder the name `<name>.old<n>`, which is returned; None when there is no run.

    Raises StoreError.
    """
    if not (folder / RUN_FILE).exists():
        return None
    with _writing(folder):
        lock = FolderLock(folder)
        try:
            number = 1
            while (aside := folder.with_name(f"{folder.name}.old{number}")).exists():
                number += 1
            disk.DISK.replace(folder, aside)
            disk.DISK.sync_folder(folder.parent)
        finally:
            lock.close()
    return aside


class RunStore:
    """The one writer of one run folder, as a context manager; `append` returns when the answer is safe."""

    def __init__(self, folder: Path) -> None:
        """Open a folder, or make it. Damaged lines are moved aside; `healed` says which.

        Raises StoreError, at once when another process writes to the folder.
        """
        self.folder = folder
        self._open: list[Log | FolderLock] = []
        with _writing(folder):
            disk.make_folders(folder)
            try:
                self._open.append(FolderLock(folder))
                self._samples = self._log(SAMPLES_FILE)
                self._events = self._log(EVENTS_FILE)
            except BaseException:
                self.close()
                raise
        self.healed = self._samples.healed

    def read(self) -> RunRecord | None:
        """What run.json says; None in a new folder. Raises StoreError and RecordError."""
        if (self.folder / RUN_FILE).exists():
            return read_run(self.folder)
        if self.has_answers():
            raise StoreError(
                f"{self.folder} holds answers but no {RUN_FILE}, so nobody knows whose: move it away"
            )
        return None

    def has_answers(self) -> bool:
        """Whether there is any answer."""
        return (self.folder / SAMPLES_FILE).stat().st_size > 0

    def save(self, record: RunRecord) -> None:
        """Replace run.json; a reader sees the old file or the new one, never half of one."""
        with _writing(self.folder / RUN_FILE):
            text = json.dumps(record.to_json(), indent=2, allow_nan=False) + "\n"
            disk.replace_file(self.folder / RUN_FILE, text.encode("ascii"))

    def append(self, sample: SampleRecord) -> None:
        """Return when the answer would survive a loss of power."""
        line = sample.to_json()
        with _writing(self.folder / SAMPLES_FILE, "all answers before it are safe: " + RESUME):
            self._samples.append(line)

    def event(self, name: str, **details: Any) -> None:
        """Note what happens to the run."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with _writing(self.folder / EVENTS_FILE):
            self._events.append({"v": VERSION, "event": name, "at": now, "pid": os.getpid(), **details})

    def check_room(self, answers: int) -> None:
        """Raise StoreError unless the disk has room for so many more answers."""
        with _writing(self.folder):
            free = disk.DISK.free(self.folder)
        needed = answers * BYTES_PER_ANSWER
        if free < needed:
            raise StoreError(
                f"{answers} answers need about {needed / 1e3:,.0f} kB in {self.folder}, and the disk has "
                f"{free / 1e3:,.0f} kB left; make room, or pass another folder with --output"
            )

    def close(self) -> None:
        """Let another process in; everything is on the disk already."""
        while self._open:
            self._open.pop().close()

    def _log(self, name: str) -> Log:
        log = Log(self.folder / name)
        self._open.append(log)
        return log

    def __enter__(self) -> RunStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_run(folder: Path) -> RunRecord:
    """The run.json of a folder. Raises StoreError or RecordError."""
    path = folder / RUN_FILE
    try:
        raw = json.loads(disk.DISK.read(path))
    except OSError as error:
        raise StoreError(f"{folder} is not a run: cannot read {RUN_FILE} ({error.strerror})") from None
    except ValueError:
        raise StoreError(f"{path} is not valid JSON") from None
    if not isinstance(raw, dict):
        raise StoreError(f"{path} does not hold a run record")
    try:
        return RunRecord.from_json(raw)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None


def read_samples(folder: Path) -> Iterator[SampleRecord]:
    """The answers of a run, one per question, in the order of their ids: the same whatever interrupted it.

    Of several attempts the last counts, unless it failed and an earlier one did not. The torn end that a kill
    leaves behind is no answer. Raises StoreError where a whole line is damaged, since a score over the rest
    would hide the loss, and RecordError where one is of a form that is not known.
    """
    path = folder / SAMPLES_FILE
    try:
        data = disk.DISK.read(path)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from None
    found = scan(data)
    if found.damaged or b"\n" in data[found.tail :]:
        number = found.damaged[0].number if found.damaged else len(found.whole) + 1
        raise StoreError(
            f"{path} is damaged at line {number}; the same command again moves the damage aside and asks "
            "what is lost"
        )
    latest: dict[str, tuple[int, int]] = {}
    for line in found.whole:
        here = line.start, line.end
        id = _id(data[slice(*here)], path)
        earlier = latest.get(id)
        if earlier is None or not _failed(data[slice(*here)]) or _failed(data[slice(*earlier)]):
            latest[id] = here
    for id in sorted(latest):
        try:
            yield SampleRecord.from_json(decode(data[slice(*latest[id])]))
        except RecordError as error:
            raise RecordError(f"{path}, the answer to {id!r}: {error}") from None


def stored_ids(folder: Path) -> set[str]:
    """The questions with an answer in a folder, which may be damaged or not there. Raises StoreError."""
    path = folder / SAMPLES_FILE
    try:
        data = disk.DISK.read(path)
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from None
    return {_id(data[line.start : line.end], path) for line in scan(data).whole}


def _id(line: bytes, path: Path) -> str:
    start = _START.match(line)
    found = json.loads(start[1]) if start else decode(line).get("id")
    if not isinstance(found, str):
        raise RecordError(f"{path} holds a line without an id")
    return found


def _failed(line: bytes) -> bool:
    return bool(decode(line).get("status") == "failed")


@contextmanager
def _writing(path: Path, remedy: str = "make room or pass another folder with --output") -> Iterator[None]:
    try:
        yield
    except InUse as error:
        raise StoreError(f"{path} is being written to by {error}") from None
    except OSError as error:
        raise StoreError(f"cannot write {path} ({error.strerror or error}); {remedy}") from error
