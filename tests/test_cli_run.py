"""`vleval run` as a user meets it: flags in, tables and exit codes out. The engine is the toy one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from toy import ToyEngine, toy_samples, write_rows
from vleval.cli import app
from vleval.model.io import Failure
from vleval.results.storage.store import read_run, read_samples
from vleval.running.config import RunConfig
from vleval.running.engines import Loaded, ModelChoice
from vleval.tasks.data.sources import open_data
from vleval.tasks.grounding.refcoco import TASK

ROOT = Path(__file__).parents[1]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data file in an empty working folder; any model named there is the oracle."""
    file = write_rows(tmp_path, toy_samples())

    def toy(config: RunConfig, choice: ModelChoice) -> Loaded:
        return Loaded(ToyEngine(open_data(TASK, str(file)).samples), 2.0)

    monkeypatch.setattr("vleval.running.engines.open_engine", toy)
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "VLEVAL_MODEL", "VLEVAL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    return file


def run(*flags: str | Path) -> Result:
    return CliRunner().invoke(app, ["run", "--model", ".", *map(str, flags)])


def test_a_grid_ends_in_one_legible_table(world: Path) -> None:
    result = run("--task", "refcoco", "--data", world.name, "--max_pixels", "16t,64t")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("RefCOCO · ")
    assert "40 questions, 20 images" in result.stdout
    row = next(line for line in lines if line.startswith("64t"))
    assert row.split()[1] == "100.0"
    assert max(map(len, lines)) <= 80
    assert "refcoco max-pixels 16t: 4/40 (10%)" in result.stderr
    assert "stored in runs/" in result.stderr
    assert len(list(Path("runs").iterdir())) == 2


def test_json_alone_on_stdout(world: Path) -> None:
    result = run("--task", "refcoco", "--data", world, "--json", "--limit", "6")
    document = json.loads(result.stdout)
    (task,) = document["tasks"]
    assert task["data"]["samples"] == 6
    assert task["data"]["bundled"] is False
    assert set(document["passed"]) == {"task", "model", "data", "json", "limit"}
    assert task["config"]["limit"] == 6
    (entry,) = task["runs"]
    assert read_run(Path(entry["folder"])).summary == entry["summary"]


def test_everything_can_stand_in_a_file(world: Path) -> None:
    Path("team.toml").write_text(
        f'task = "refcoco"\ndata = "{world.name}"\nmax-pixels = ["16t", "64t"]\n'
        'quiet = true\noutput = "elsewhere"\n'
    )
    result = run("--config", "team.toml", "--max-pixels", "36t")
    assert result.exit_code == 0, result.output
    (folder,) = Path("elsewhere").iterdir()
    assert read_run(folder).vision.max_pixels == 36 * 784
    assert result.stderr == ""


def test_verbose_shows_answers_as_harmless_text(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hostile(index: int, sample: object, frame: object) -> str:
        return "\x1b]0;owned\x07[/x]\n::error::x"

    engine = ToyEngine(open_data(TASK, str(world)).samples, hostile)
    monkeypatch.setattr("vleval.running.engines.open_engine", lambda config, choice: Loaded(engine, 2.0))
    result = run("--task", "refcoco", "--data", world, "--verbose")
    assert result.exit_code == 0
    assert "toy-0#0: unparsed: \\x1b]0;owned\\x07[/x]\\n::error::x" in result.stderr
    assert "\x1b" not in result.output
    assert not any(line.startswith("::") for line in result.output.splitlines())


def test_broken_images_cost_their_samples_alone(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(index: int, sample: object, frame: object) -> Failure:
        return Failure("input_error", "torn")

    engine = ToyEngine(open_data(TASK, str(world)).samples, broken)
    monkeypatch.setattr("vleval.running.engines.open_engine", lambda config, choice: Loaded(engine, 2.0))
    assert run("--task", "refcoco", "--data", world, "--max-errors", "100%").exit_code == 0
    stopped = run("--task", "refcoco", "--data", world, "--max-errors", "3", "--output", "stopped")
    assert stopped.exit_code == 13
    assert "4 of 40 answers are kept in stopped/" in stopped.stderr


FAULTS = [
    (["--task", "refcocco"], 2, "did you mean refcoco?"),
    ([], 2, "--task is missing"),
    (["--task", "refcoco", "--min-pixels", "64t", "--max-pixels", "16t"], 2, "--min-pixels 64t is more than"),
    (["--task", "refcoco", "--max-pixels", "16q"], 2, "--max-pixels: '16q'"),
    (["--task", "refcoco", "--data", "none.parquet"], 2, "--data none.parquet"),
    (["--task", "refcoco", "--data", "val.jsonl", "--media", "nowhere"], 2, "--media nowhere"),
    (["--task", "refcoco", "--model", "/no/such/folder"], 2, "--model /no/such/folder"),
    (["--task", "refcoco", "--config", "none.toml"], 2, "--config: cannot read none.toml"),
    (["--task", "refcoco", "--data", "val.jsonl", "--output", "val.jsonl"], 14, "--output"),
    (["--task", "refcoco", "--data", "val.jsonl", "--output", "/proc/x/runs"], 14, "--output"),
    (["--task", "refcoco", "--bogus", "1"], 2, "No such option: --bogus"),
    (["--task", "refcoco", "--engine", "locl"], 2, "--engine"),
    (["--task", "refcoco", "--limit", "x"], 2, "--limit"),
]


@pytest.mark.parametrize(("flags", "code", "sentence"), FAULTS, ids=[" ".join(fault[0]) for fault in FAULTS])
def test_faults_are_one_sentence_and_a_code(world: Path, flags: list[str], code: int, sentence: str) -> None:
    result = run(*flags)
    assert result.exit_code == code, result.output
    assert sentence in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_a_crash_is_one_sentence_too(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(config: object, choice: object) -> Loaded:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("vleval.running.engines.open_engine", crash)
    result = run("--task", "refcoco", "--data", world)
    assert result.exit_code == 1
    assert "error: vleval crashed (ZeroDivisionError: division by zero)" in result.stderr
    monkeypatch.setenv("VLEVAL_DEBUG", "1")
    assert isinstance(run("--task", "refcoco", "--data", world).exception, ZeroDivisionError)


def test_flags_about_videos_are_said_to_do_nothing(world: Path) -> None:
    result = run("--task", "refcoco", "--data", world, "--fps", "1,2")
    assert "refcoco has no videos: --fps changes nothing" in result.stderr
    assert len(list(Path("runs").iterdir())) == 1


SLOW = """
import sys, time
stuck = len(sys.argv) > 1
from toy import ToyEngine, exact
from vleval.running import engines
from vleval.tasks.grounding.refcoco import TASK
from vleval.tasks.data.sources import open_data

def slowly(index, sample, frame):
    time.sleep(60 if index == 30 and stuck else 0.05)
    return exact(index, sample, frame)

samples = open_data(TASK, "val.jsonl").samples
engines.open_engine = lambda config, choice: engines.Loaded(ToyEngine(samples, slowly), 2.0)
flags = "--task refcoco --model . --data val.jsonl --max-pixels 16t,36t"
sys.argv = ["vleval", "run", *flags.split()]
from vleval.cli import main
main()
"""


def start(world: Path, *arguments: str) -> subprocess.Popen[str]:
    """A real process, which has stored an answer."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
        cwd=world.parent,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    runs = world.parent / "runs"
    while time.monotonic() < deadline and not any(
        file.stat().st_size for file in runs.glob("*/samples.jsonl")
    ):
        time.sleep(0.02)
    return process


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_real_process_with_everything_done_on_file(world: Path, sent: int, code: int) -> None:
    process = start(world)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "Traceback" not in err
    (folder,) = (world.parent / "runs").iterdir()
    done = len(list(read_samples(folder)))
    assert 0 < done < 40
    assert "finishing the answers in hand; once more stops at once" in err
    assert f"{done} of 40 answers are kept" in err
    assert "the same command again goes on" in err
    assert read_run(folder).status == "interrupted"
    assert f"INCOMPLETE, {done} of 40" in out


def test_a_second_signal_ends_the_process_at_once(world: Path) -> None:
    """The tenth answer takes a minute; nothing stored is lost."""
    process = start(world, "stuck")
    (folder,) = (world.parent / "runs").iterdir()
    while len(list(read_samples(folder))) < 9:
        time.sleep(0.02)
    time.sleep(0.5)  # the tenth has been begun
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - began < 10
    assert len(list(read_samples(folder))) == 9


def test_the_same_command_again_asks_nothing_and_a_changed_one_is_refused(world: Path) -> None:
    command = ("--task", "refcoco", "--data", world.name, "--name", "nightly")
    first = run(*command)
    assert first.exit_code == 0
    assert (world.parent / "runs" / "nightly" / "run.json").is_file()
    again = run(*command, "--json")
    assert again.exit_code == 0
    assert "all 40 answers are stored since" in again.stderr
    assert json.loads(again.stdout)["status"] == "complete"
    other = run(*command, "--max-pixels", "16t")
    assert other.exit_code == 12
    assert other.stdout == ""
    assert "max_pixels (none stored, 12544 now)" in " ".join(other.stderr.split())
    fresh = run(
        "--task", "refcoco", "--data", world.name, "--name", "nightly", "--max-pixels", "16t", "--fresh"
    )
    assert fresh.exit_code == 0
    assert "the earlier run is kept in runs/nightly.old1" in " ".join(fresh.stderr.split())
