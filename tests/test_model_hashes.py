"""Hashes of large files are remembered while the file looks unchanged, and read again when asked."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from vleval.model import hashes
from vleval.model.hashes import cache_file, file_sha256, forget

OLD = 1_700_000_000
"""A time of modification that is long past, in seconds."""


class Reads:
    """Counts how often a file's bytes are hashed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        original = hashlib.file_digest

        def counted(*arguments):  # type: ignore[no-untyped-def]
            self.count += 1
            return original(*arguments)

        monkeypatch.setattr(hashes.hashlib, "file_digest", counted)


@pytest.fixture
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reads:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(hashes, "_here", {})
    return Reads(monkeypatch)


def weights(folder: Path, content: bytes, seconds: float = OLD) -> Path:
    file = folder / "model.safetensors"
    file.write_bytes(content)
    os.utime(file, (seconds, seconds))
    return file


def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "_here", {})


def test_a_file_is_read_once_over_several_processes(
    tmp_path: Path, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = weights(tmp_path, b"one")
    wanted = hashlib.sha256(b"one").hexdigest()
    (tmp_path / "link").symlink_to(file)
    assert [file_sha256(file), file_sha256(file), file_sha256(tmp_path / "link")] == [wanted] * 3
    new_process(monkeypatch)
    assert file_sha256(file) == wanted
    assert reads.count == 1


CHANGES = [
    (b"other", OLD, "another size"),
    (b"two", OLD + 1, "another time"),
]


@pytest.mark.parametrize(("content", "seconds", "why"), CHANGES, ids=[why for *_, why in CHANGES])
def test_a_change_that_shows_is_seen(
    tmp_path: Path, reads: Reads, content: bytes, seconds: float, why: str
) -> None:
    file_sha256(weights(tmp_path, b"one"))
    assert file_sha256(weights(tmp_path, content, seconds)) == hashlib.sha256(content).hexdigest()


def test_a_file_put_in_its_place_is_seen(tmp_path: Path, reads: Reads) -> None:
    """Same path, size and time; the inode differs."""
    file = weights(tmp_path, b"one")
    file_sha256(file)
    (tmp_path / "new").mkdir()
    os.replace(weights(tmp_path / "new", b"two"), file)
    assert file_sha256(file) == hashlib.sha256(b"two").hexdigest()


def test_a_change_that_does_not_show_is_seen_when_asked(
    tmp_path: Path, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overwritten in place with as many bytes, and the time put back: what `--rehash` is for."""
    file = weights(tmp_path, b"one")
    file_sha256(file)
    weights(tmp_path, b"two")
    assert file_sha256(file) == hashlib.sha256(b"one").hexdigest()
    forget([file])
    new_process(monkeypatch)
    assert file_sha256(file) == hashlib.sha256(b"two").hexdigest()


def test_a_file_that_has_just_been_written_is_not_remembered(tmp_path: Path, reads: Reads) -> None:
    """It may be written again within one tick of the clock."""
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"one")
    file_sha256(file)
    file.write_bytes(b"two")
    assert file_sha256(file) == hashlib.sha256(b"two").hexdigest()


@pytest.mark.parametrize("memory", ["", "[1]", '{"x"', '{"%s": 3}', '{"%s": ["a", "b"]}'])
def test_a_memory_that_nobody_can_read_is_no_obstacle(
    tmp_path: Path, reads: Reads, monkeypatch: pytest.MonkeyPatch, memory: str
) -> None:
    file = weights(tmp_path, b"one")
    cache_file().parent.mkdir(parents=True)
    cache_file().write_text(memory.replace("%s", str(file)), encoding="utf-8")
    assert file_sha256(file) == hashlib.sha256(b"one").hexdigest()
    assert json.loads(cache_file().read_bytes())[str(file)][-1] == hashlib.sha256(b"one").hexdigest()


def test_no_cache_folder_is_no_obstacle(
    tmp_path: Path, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    file = weights(tmp_path, b"one")
    assert file_sha256(file) == file_sha256(file) == hashlib.sha256(b"one").hexdigest()
    assert reads.count == 1, "the process itself remembers"
    forget([file])
    file_sha256(file)
    assert reads.count == 2
