"""A run on disk: `runs/<id>/run.json`, replaced as a whole, and `samples.jsonl`, only ever appended to.

A sample counts as done once its line is written and flushed; a program killed in the middle of a line
leaves a torn tail, which readers skip.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from vleval.results.record import RecordError, RunRecord, SampleRecord

RUN_FILE = "run.json"
SAMPLES_FILE = "samples.jsonl"


class StoreError(Exception):
    """A run folder cannot be written or read; the message is one plain sentence."""


def prepare_root(root: Path) -> None:
    """Make the folder that holds the runs, so that a bad `--output` is known before any work is done."""
    with _writing(root):
        root.mkdir(parents=True, exist_ok=True)
        if not os.access(root, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied", str(root))


class RunWriter:
    """The one writer of one run folder, as a context manager; `append` returns when the sample is on file."""

    def __init__(self, root: Path, record: RunRecord) -> None:
        """Create `root/<record.id>/` with its run.json. Raises StoreError."""
        self.folder = root / record.id
        with _writing(self.folder):
            self.folder.mkdir(parents=True)
            self.save(record)
            self._samples: IO[str] = open(self.folder / SAMPLES_FILE, "a", encoding="utf-8")  # noqa: SIM115

    def save(self, record: RunRecord) -> None:
        """Replace run.json; a reader sees the old file or the new one, never half of one."""
        target = self.folder / RUN_FILE
        temporary = target.with_suffix(".tmp")
        with _writing(target):
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(json.dumps(record.to_json(), indent=2, allow_nan=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)

    def append(self, sample: SampleRecord) -> None:
        """Write one line and flush it."""
        line = json.dumps(sample.to_json(), allow_nan=False)
        with _writing(self.folder / SAMPLES_FILE):
            self._samples.write(line + "\n")
            self._samples.flush()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _writing(self.folder / SAMPLES_FILE):
            self._samples.close()


def read_run(folder: Path) -> RunRecord:
    """The run.json of a folder. Raises StoreError or RecordError."""
    path = folder / RUN_FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{folder} is not a run: cannot read {RUN_FILE} ({error.strerror})") from None
    except ValueError:
        raise StoreError(f"{path} is not valid JSON") from None
    if not isinstance(raw, dict):
        raise StoreError(f"{path} does not hold a run record")
    return RunRecord.from_json(raw)


def read_samples(folder: Path) -> Iterator[SampleRecord]:
    """The samples of a run in the order they were answered; a torn last line is skipped.

    Raises StoreError when any other line is damaged: a score over the rest would hide the loss.
    """
    path = folder / SAMPLES_FILE
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from None
    # After the last newline comes nothing, or the piece of a line that a kill left behind.
    for number, line in enumerate(lines[:-1], start=1):
        yield _sample(line, path, number)


def _sample(line: bytes, path: Path, number: int) -> SampleRecord:
    try:
        raw: Any = json.loads(line)
    except ValueError:
        raise StoreError(f"{path} is damaged at line {number}") from None
    if not isinstance(raw, dict):
        raise StoreError(f"{path} line {number} is not a sample record")
    try:
        return SampleRecord.from_json(raw)
    except RecordError as error:
        raise RecordError(f"{path} line {number}: {error}") from None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}; make room or pass another folder with --output"
        ) from error
