"""A checkpoint overwritten under its own path is another model, and the stored run knows."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vleval.cli import app
from vleval.model import hashes
from vleval.model.locations import BUNDLED_CHECKPOINT

OLD = 1_700_000_000


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the bundled checkpoint whose files look old, and a memory of hashes of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(hashes, "_here", {})
    folder = Path(shutil.copytree(BUNDLED_CHECKPOINT, tmp_path / "latest"))
    for file in folder.iterdir():
        os.utime(file, (OLD, OLD))
    return folder


def run(checkpoint: Path, *flags: str) -> Result:
    where = ["--model", str(checkpoint), "--data", "bundled", "--output", str(checkpoint.parent / "runs")]
    what = ["--task", "refcoco", "--limit", "2", "--max-new-tokens", "2", "--device", "cpu"]
    return CliRunner().invoke(app, ["run", *where, *what, *flags])


def train_on(weights: Path, seconds: float) -> None:
    """Other numbers in place of the last ones: same size, same inode."""
    with weights.open("r+b") as file:
        file.seek(-64, os.SEEK_END)
        file.write(bytes(64))
    os.utime(weights, (seconds, seconds))


def test_another_checkpoint_under_the_same_path_is_refused(checkpoint: Path) -> None:
    assert run(checkpoint).exit_code == 0
    assert "2 answers are stored since" in run(checkpoint).stderr
    train_on(checkpoint / "model.safetensors", OLD + 60)
    refused = run(checkpoint)
    assert refused.exit_code == 12
    assert "made otherwise: model.safetensors (" in refused.stderr
    assert refused.stderr.count(" stored, ") == 1, "the file stands for the fingerprint it changes"
    assert run(checkpoint, "--fresh").exit_code == 0
    assert "2 answers are stored since" in run(checkpoint).stderr


def test_one_that_hides_its_change_is_found_by_rehash(checkpoint: Path) -> None:
    assert run(checkpoint).exit_code == 0
    train_on(checkpoint / "model.safetensors", OLD)
    assert run(checkpoint).exit_code == 0, "size, time and inode are the same"
    assert run(checkpoint, "--rehash").exit_code == 12
    assert run(checkpoint).exit_code == 12, "and is remembered"
