"""Whatever happens to a run, the same command again ends as if nothing had: kills, failing disks, lost power.

Each fault is followed by a resumed run, whose answers and summary must equal those of a run that was left
alone, byte for byte except times.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faulty_disk import FailingDisk, FastDisk, LoggingDisk
from run_kit import Result, answer_all, job, result
from toy import ToyEngine, only_run, toy_samples
from vleval.errors import ExitCode, explain
from vleval.results.storage import disk
from vleval.results.storage.store import SAMPLES_FILE, StoreError, read_samples

ROOT = Path(__file__).parents[1]
SAMPLES = toy_samples(4)


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of runs: package versions are not looked up each time."""
    monkeypatch.setattr("vleval.running.logbook.environment", lambda: {"vleval": "0"})


@pytest.fixture
def straight(tmp_path: Path) -> Result:
    """What the run comes to when nothing happens."""
    answer_all(job(tmp_path / "straight", SAMPLES))
    return result(only_run(tmp_path / "straight"))


class Acknowledging(ToyEngine):
    """Remembers which answers were stored: the runner asks for the next one only then."""

    acknowledged: set[str]

    def run(self, requests):  # type: ignore[no-untyped-def]
        for response in super().run(requests):
            yield response
            self.acknowledged.add(response.id)


def acknowledging(acknowledged: set[str]) -> Acknowledging:
    engine = Acknowledging(SAMPLES)
    engine.acknowledged = acknowledged
    return engine


def resumed(root: Path) -> Result:
    answer_all(job(root, SAMPLES))
    return result(only_run(root))


FAULTS = [
    (errno.ENOSPC, True, True, "full, with short writes"),
    (errno.ENOSPC, True, False, "full"),
    (errno.EDQUOT, True, False, "quota"),
    (errno.EIO, False, False, "one error"),
    (errno.EIO, True, False, "broken from then on"),
]


@pytest.mark.parametrize(("code", "lasting", "short", "why"), FAULTS, ids=[fault[-1] for fault in FAULTS])
def test_a_fault_at_the_nth_call_for_every_n(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    straight: Result,
    code: int,
    lasting: bool,
    short: bool,
    why: str,
) -> None:
    for nth in range(1, 1000):
        root = tmp_path / str(nth)
        failing = FailingDisk(nth, code, lasting=lasting, short=short)
        acknowledged: set[str] = set()
        monkeypatch.setattr(disk, "DISK", failing)
        try:
            answer_all(job(root, SAMPLES), engine=acknowledging(acknowledged))
        except StoreError as error:
            assert explain(error).code == ExitCode.STORAGE
        monkeypatch.setattr(disk, "DISK", FastDisk())
        if acknowledged:
            stored = {sample.id for sample in read_samples(only_run(root))}
            assert acknowledged <= stored, f"an answer was lost by a fault at call {nth}"
        assert resumed(root) == straight, f"a fault at call {nth}"
        if failing.failed == 0:
            break
    assert 20 < nth < 1000


def put(state: dict[Path, bytes | None], root: Path, where: Path) -> None:
    """Make a disk of `LoggingDisk` real; what lies in a folder that is not there is not there."""
    for name, content in sorted(state.items()):
        path = where / name.relative_to(root)
        if content is None:
            if path.parent.is_dir() or path == where:
                path.mkdir(exist_ok=True)
        elif path.parent.is_dir():
            path.write_bytes(content)


def disks(logging: LoggingDisk) -> Iterator[tuple[frozenset[str], dict[Path, bytes | None]]]:
    """Every different disk with what had been acknowledged by then."""
    seen = set()
    for acknowledged, states in logging.states:
        for state in states:
            key = (acknowledged, tuple(sorted((str(name), content) for name, content in state.items())))
            if key not in seen:
                seen.add(key)
                yield acknowledged, state


def log_run(root: Path, monkeypatch: pytest.MonkeyPatch, kind: type[LoggingDisk]) -> LoggingDisk:
    """A run on a disk that remembers."""
    root.mkdir()
    logging = kind(root)
    monkeypatch.setattr(disk, "DISK", logging)
    answer_all(job(root / "runs", SAMPLES), engine=acknowledging(logging.acknowledged))
    monkeypatch.setattr(disk, "DISK", FastDisk())
    return logging


def lost(logging: LoggingDisk, root: Path, where: Path) -> int:
    """In how many disks an acknowledged answer is missing."""
    count = 0
    for number, (acknowledged, state) in enumerate(disks(logging)):
        path = where / str(number)
        path.mkdir(parents=True)
        put(state, root, path)
        folders = list((path / "runs").iterdir()) if (path / "runs").is_dir() else []
        file = folders[0] / SAMPLES_FILE if folders else None
        stored = {sample.id for sample in read_samples(file.parent)} if file and file.exists() else set()
        count += not acknowledged <= stored
    return count


def test_no_loss_of_power_costs_an_acknowledged_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, straight: Result
) -> None:
    """Every disk that the model of `faulty_disk` allows after every call: nothing acknowledged is missing,
    and the resumed run comes out equal."""
    root = tmp_path / "logged"
    logging = log_run(root, monkeypatch, LoggingDisk)
    assert lost(logging, root, tmp_path / "disks") == 0
    states = list(disks(logging))
    assert len(states) > 100
    for number, _ in enumerate(states):
        path = tmp_path / "disks" / str(number) / "runs"
        assert resumed(path) == straight, f"disk {number}"


class NoSync(LoggingDisk):
    def sync(self, file: int) -> None:
        self._note()


class NoFolderSync(LoggingDisk):
    def sync_folder(self, path: Path) -> None:
        self._note()


@pytest.mark.parametrize("forgetful", [NoSync, NoFolderSync])
def test_the_model_of_lost_power_sees_a_missing_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgetful: type[LoggingDisk]
) -> None:
    logging = log_run(tmp_path / "logged", monkeypatch, forgetful)
    assert lost(logging, tmp_path / "logged", tmp_path / "disks") > 0


def test_answers_cut_at_every_line_and_inside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, straight: Result
) -> None:
    monkeypatch.setattr(disk, "DISK", FastDisk())
    answer_all(job(tmp_path / "whole", SAMPLES))
    folder = only_run(tmp_path / "whole")
    whole = (folder / SAMPLES_FILE).read_bytes()
    for cut in range(0, len(whole), 61):
        root = tmp_path / str(cut)
        shutil.copytree(tmp_path / "whole", root)
        (root / folder.name / SAMPLES_FILE).write_bytes(whole[:cut])
        (root / folder.name / "run.json").write_bytes(
            (folder / "run.json").read_bytes().replace(b'"complete"', b'"running"', 1)
        )
        assert resumed(root) == straight, f"cut at byte {cut}"


def test_a_damaged_answer_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, straight: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_all(job(tmp_path / "runs", SAMPLES))
    file = only_run(tmp_path / "runs") / SAMPLES_FILE
    file.write_bytes(file.read_bytes().replace(b"thing 2", b"thing 7", 1))
    engine = ToyEngine(SAMPLES)
    answer_all(job(tmp_path / "runs", SAMPLES), engine=engine)
    assert [request.id for request in engine.requests] == ["toy-2"]
    assert "was damaged (line 2); the damage is kept in samples.jsonl.torn" in capsys.readouterr().err
    assert result(file.parent) == straight


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """Twenty kills; `benchmarks/kill_loop.py` does 500, and with the bundled checkpoint."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "kill_loop.py"), "--kills", "20"],
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["kills"], report["acknowledged_lost"], report["different"]) == (20, 0, 0)
    assert report["in_the_middle"] >= 16
