"""The command line around runs: help, version, tasks, doctor, which model is meant, how light it all is."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vleval.cli import app
from vleval.commands import doctor
from vleval.errors import ExitCode, Terminated, UserError, explain
from vleval.grounding.frame import Frame
from vleval.model.errors import CheckpointError
from vleval.results.storage.store import StoreError
from vleval.running.engines import ModelChoice, choose_model, convention
from vleval.running.notices import video_notices
from vleval.tasks.base import DataError
from vleval.tasks.registry import TASKS

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "transformers", "datasets", "pandas", "scipy")


def invoke(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


def loaded_by(words: list[str], modules: tuple[str, ...]) -> list[str]:
    """Which of `modules` a command has imported by the time it ends."""
    script = (
        "import atexit, json, sys\n"
        f"names = {modules!r}\n"
        "found = lambda: [name for name in names if name in sys.modules]\n"
        "atexit.register(lambda: print(json.dumps(found()), file=sys.stderr))\n"
        f"sys.argv = ['vleval', *{words!r}]\n"
        "from vleval.cli import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded: list[str] = json.loads(done.stderr)
    return loaded


@pytest.mark.parametrize("words", ["--help", "run --help", "--version", "tasks --help", "train --help"])
def test_help_imports_nothing_that_it_does_not_need(words: str) -> None:
    assert loaded_by(words.split(), (*HEAVY, "numpy", "av", "PIL", "click", "vleval.running.config")) == []


@pytest.mark.parametrize("words", ["tasks", "tasks show refcoco", "tasks --json"])
def test_tasks_load_nothing_heavy(words: str) -> None:
    assert loaded_by(words.split(), HEAVY) == []


def test_run_help_shows_examples_and_every_flag() -> None:
    text = invoke("run", "--help")
    for flag in (
        "--task",
        "--max-pixels",
        "--video-timing",
        "--coordinates",
        "--max-errors",
        "--config",
        "--json",
    ):
        assert flag in text
    assert "vleval run --task refcoco --max-pixels 16t,36t,64t" in text


def test_version_is_one_word() -> None:
    assert len(invoke("--version").split()) == 1


def test_an_unknown_command_has_a_close_match() -> None:
    result = CliRunner().invoke(app, ["rum"])
    assert result.exit_code == 2
    assert "run" in result.stderr


def test_tasks_lists_and_shows_everything_that_decides_a_number() -> None:
    listing = invoke("tasks")
    assert all(name in listing for name in TASKS)
    shown = json.loads(invoke("tasks", "show", "refcoco", "--json"))
    assert shown["prompt"] == TASKS["refcoco"].prompt
    assert shown["metrics"] == json.loads(json.dumps([asdict(each) for each in TASKS["refcoco"].metrics]))
    text = " ".join(invoke("tasks", "show", "refcoco").split())
    assert TASKS["refcoco"].prompt in text
    assert all(column in text for column in TASKS["refcoco"].columns)
    assert [task["name"] for task in json.loads(invoke("tasks", "--json"))["tasks"]] == list(TASKS)


def test_doctor_goes_on_after_a_failed_check_and_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> doctor.Check:
        raise CheckpointError("the weights are torn")

    monkeypatch.setattr(
        doctor, "CHECKS", {"versions": doctor._versions, "bundled": broken, "hub": doctor._hub}
    )
    monkeypatch.setattr(doctor, "_parity", lambda model: doctor.Check("parity", "ok", str(model)))
    result = CliRunner().invoke(app, ["doctor", "--parity", "my/model", "--json"])
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["healthy"] is False
    assert {check["name"]: check["state"] for check in report["checks"]} == {
        "versions": "info",
        "bundled": "fail",
        "hub": "info",
        "parity": "ok",
    }
    assert report["checks"][-1]["detail"] == "my/model"
    monkeypatch.setattr(doctor, "CHECKS", {"versions": doctor._versions})
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 0


MODELS = [
    ("a/b", "auto", {}, ModelChoice("a/b", None, False, "--model")),
    ("a/b@v2", "auto", {}, ModelChoice("a/b", "v2", False, "--model")),
    ("bundled", "x.parquet", {"CI": "1"}, ModelChoice("bundled", None, True, "--model")),
    (None, "auto", {}, ModelChoice("bundled", None, True, "default")),
    (None, "auto", {"CI": "false"}, ModelChoice("bundled", None, True, "default")),
    (None, "bundled", {"CI": "true"}, ModelChoice("bundled", None, True, "default")),
    (None, "hub", {"VLEVAL_MODEL": "a/b"}, ModelChoice("a/b", None, False, "VLEVAL_MODEL")),
    (
        None,
        "auto",
        {"VLEVAL_MODEL": "bundled", "CI": "1"},
        ModelChoice("bundled", None, True, "VLEVAL_MODEL"),
    ),
]


@pytest.mark.parametrize(("model", "data", "environ", "choice"), MODELS)
def test_which_model_is_meant(
    model: str | None, data: str, environ: dict[str, str], choice: ModelChoice
) -> None:
    assert choose_model(model, data, environ) == choice


@pytest.mark.parametrize(
    ("data", "environ"),
    [("hub", {}), ("x.parquet", {}), ("auto", {"CI": "true"}), ("x.parquet", {"CI": "1"})],
)
def test_a_forgotten_model_is_not_replaced_in_silence(data: str, environ: dict[str, str]) -> None:
    with pytest.raises(UserError, match="--model is missing"):
        choose_model(None, data, environ)


def test_a_folder_with_an_at_sign_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model@home"
    folder.mkdir()
    assert choose_model(str(folder), "auto", {}).revision is None


def test_conventions_come_from_the_family_unless_told() -> None:
    assert convention("qwen2_5_vl", None) == "absolute"
    assert convention("qwen3_vl", None) == "relative-1000"
    assert convention("qwen2_5_vl", "percent") == "percent"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("x", ExitCode.INCOMPLETE), 12),
        (CheckpointError("x"), 2),
        (DataError("x"), 2),
        (StoreError("x"), 14),
        (OSError(28, "No space left on device", "f"), 14),
        (PermissionError(13, "Permission denied", "f"), 2),
        (MemoryError(), 1),
        (KeyError("x"), 1),
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
    ],
)
def test_every_exception_has_a_sentence_and_a_code(error: BaseException, code: int) -> None:
    fault = explain(error)
    assert fault.code == code
    assert fault.message
    assert "\n" not in fault.message


def video(second_per_grid: float, timestamps: tuple[float, ...], source: str = "qwen") -> Frame:
    grids = (len(timestamps) + 1) // 2
    return Frame((64, 64), (56, 56), (grids, 4, 4), "torch", (), timestamps, second_per_grid, source, 8.0)


def test_notices_about_videos() -> None:
    steady = video(1.0, tuple(index / 2 for index in range(16)))
    assert list(video_notices(steady, 2.0)) == []
    fast = video(0.25, tuple(index / 8 for index in range(64)))
    assert [key for key, _ in video_notices(fast, 2.0)] == ["collide"]
    ends_included = video(1.0, tuple(index * 7.97 / 15 for index in range(16)))  # linspace over 8 s
    assert list(video_notices(ends_included, 2.0)) == []
    slower = video(1.0, tuple(index * 0.6 for index in range(16)))
    assert [key for key, _ in video_notices(slower, 2.0)] == ["timing"]
    by_timestamps = video(1.0, tuple(index * 0.6 for index in range(16)), "pts")
    assert list(video_notices(by_timestamps, 2.0)) == []
    assert list(video_notices(Frame((64, 64), (56, 56), (1, 4, 4), "torch"), 2.0)) == []
