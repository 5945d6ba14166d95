"""Several tasks in one command: parts of their data, one folder, one table over all, stops."""

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

from toy import ToyEngine, toy_clips, toy_samples, write_clips, write_rows
from vleval.cli import app
from vleval.console import Overall
from vleval.results.storage.store import read_run, read_samples
from vleval.running.config import RunConfig
from vleval.running.engines import Loaded, ModelChoice
from vleval.tasks.data.sources import open_data
from vleval.tasks.grounding import refcoco
from vleval.tasks.video import charades_sta

ROOT = Path(__file__).parents[1]
TEAM = """
task = ["refcoco", "charades-sta"]
model = "."

[tasks.refcoco]
data = "val.jsonl"

[tasks.charades-sta]
data = "clips.jsonl"
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with data of two tasks and a file that names them; any model is the oracle."""
    write_rows(tmp_path, toy_samples())
    write_clips(tmp_path, toy_clips())
    (tmp_path / "team.toml").write_text(TEAM)
    monkeypatch.chdir(tmp_path)

    def toy(config: RunConfig, choice: ModelChoice) -> Loaded:
        boxes = open_data(refcoco.TASK, "val.jsonl").samples
        return Loaded(ToyEngine([*boxes, *open_data(charades_sta.TASK, "clips.jsonl").samples]), 2.0)

    monkeypatch.setattr("vleval.running.engines.open_engine", toy)
    for name in ("CI", "VLEVAL_MODEL", "VLEVAL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def run(*flags: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["run", *flags])
    assert result.exit_code == code, result.output
    return result


def one(*flags: str, code: int = 0) -> Result:
    return run("--task", "refcoco", "--model", ".", "--data", "val.jsonl", *flags, code=code)


def asked(result: Result) -> list[str]:
    """The ids of the questions of the one run of a document, in the order of the data."""
    (task,) = json.loads(result.stdout)["tasks"]
    (entry,) = task["runs"]
    return sorted((sample.id for sample in read_samples(Path(entry["folder"]))), key=lambda id: int(id[4:-2]))


def test_one_table_stands_over_all_tasks(world: Path) -> None:
    result = run("--config", "team.toml", "--limit", "0.5")
    table = result.stdout[result.stdout.index("all tasks") :].splitlines()
    rows = [line.split() for line in table if line.startswith(("refcoco", "charades"))]
    assert [(row[0], row[2], row[-3]) for row in rows] == [
        ("refcoco", "100.0", "20"),
        ("charades-sta", "100.0", "6"),
    ]
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "RefCOCO · val.jsonl, val: 20 questions, 10 images (limit 0.5) · toy" in result.stdout
    assert "1/2 refcoco: 10/20 (50%)" in result.stderr
    assert "(all: 23/26, 0 s left)" in result.stderr


def test_parts_of_the_data_are_recorded_shown_and_have_folders_of_their_own(world: Path) -> None:
    shown = one("--limit", "3", "--offset", "4", "--shuffle-seed", "2").stdout
    assert "(limit 3, offset 4, shuffle-seed 2)" in " ".join(shown.split())
    first = asked(one("--limit", "4", "--json"))
    second = asked(one("--limit", "4", "--offset", "4", "--json"))
    assert (first, second) == ([f"toy-{n}#0" for n in range(4)], [f"toy-{n}#0" for n in range(4, 8)])
    chosen = one("--sample-id", "toy-7#0", "--sample-id", "toy-3#0", "--json")
    assert asked(chosen) == ["toy-3#0", "toy-7#0"]
    assert json.loads(chosen.stdout)["tasks"][0]["config"]["sample_id"] == ["toy-7#0", "toy-3#0"]
    assert len(list(Path("runs").iterdir())) == 4
    longer = one("--limit", "6", "--offset", "4")
    assert "4 of 6 answered, going on" in longer.stderr
    assert "(limit 6, offset 4)" in " ".join(longer.stdout.split())


FAULTS = [
    (["--sample-id", "toy-99"], "val.jsonl has no question with the id 'toy-99'"),
    (["--offset", "40"], "--offset 40 leaves no question of val.jsonl"),
    (["--limit", "2.5"], "--limit: '2.5' is no share of the questions"),
    (["--limit", "some"], "--limit: 'some' is neither a count (200) nor a share (0.1)"),
]


@pytest.mark.parametrize(("flags", "sentence"), FAULTS, ids=[" ".join(flags) for flags, _ in FAULTS])
def test_faults_of_a_part_are_one_sentence(world: Path, flags: list[str], sentence: str) -> None:
    assert sentence in " ".join(one(*flags, code=2).stderr.split())


def test_ids_belong_to_one_task(world: Path) -> None:
    said = run("--config", "team.toml", "--sample-id", "toy-3#0", code=2).stderr
    assert "--sample-id toy-3#0 cannot be the sample-id of refcoco and charades-sta alike" in said


def test_a_task_without_data_is_left_out_of_the_document_too(world: Path) -> None:
    flags = ("--task", "refcoco,charades-sta", "--model", ".", "--data", "hub", "--limit", "4")
    none = run(*flags, "--media", "nowhere", code=2).stderr
    assert "none of the 2 tasks has its data" in none
    gone = (world / "team.toml").read_text().replace("clips.jsonl", "gone.jsonl")
    (world / "gone.toml").write_text(gone)
    document = json.loads(run("--config", "gone.toml", "--json", "--quiet", code=12).stdout)
    assert document["status"] == "incomplete"
    assert [entry["task"]["name"] for entry in document["tasks"]] == ["refcoco"]
    (left_out,) = document["left_out"]
    assert left_out["task"] == "charades-sta"
    assert "gone.jsonl: there is no such file or folder" in left_out["reason"]
    shown = run("--config", "gone.toml", code=12).stdout
    assert any(line.split() == ["charades-sta", "no", "data"] for line in shown.splitlines())


def test_what_ran_alone_is_not_asked_again_beside_another_task(world: Path) -> None:
    one()
    both = run("--config", "team.toml")
    assert "40 of 52 answers are stored" in both.stderr
    folders = sorted(str(path.parent) for path in Path("runs").rglob("run.json"))
    assert [folder.count("/") for folder in folders] == [1, 2]
    run("--config", "team.toml", "--name", "nightly")
    assert (
        "more: vleval report runs/nightly --html" in run("--config", "team.toml", "--name", "nightly").stderr
    )
    one("--name", "alone")
    clash = run("--config", "team.toml", "--name", "alone", code=2).stderr
    assert "runs/alone is the run of one task: give the command another --name" in " ".join(clash.split())
    clash = one("--name", "nightly", code=2).stderr
    assert "runs/nightly holds the runs of several tasks: give the command" in " ".join(clash.split())
    reported = CliRunner().invoke(app, ["report", "runs/nightly"])
    assert reported.exit_code == 0, reported.output
    assert "Charades-STA" in reported.stdout
    assert "(limit" not in reported.stdout
    one("--limit", "6", "--offset", "4", "--name", "part")
    part = CliRunner().invoke(app, ["report", "runs/part"]).stdout
    assert "6 questions about 3 images (limit 6, offset 4)" in " ".join(part.split())


def test_time_left_is_by_the_answers_of_this_session(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("vleval.console.time.monotonic", lambda: now[0])
    overall = Overall(101)
    assert str(overall) == "all: 0/101"
    now[0] += 500  # the model is loaded
    overall.advance(1)
    assert str(overall) == "all: 1/101"
    now[0] += 20
    overall.advance(10)
    assert str(overall) == "all: 11/101, 3 min left"
    overall.advance(95)
    assert str(overall) == "all: 106/106, 0 s left", "what failed was asked again"


SLOW = """
import sys, time
from toy import ToyEngine, exact
from vleval.running import engines, launch
from vleval.tasks.grounding import refcoco
from vleval.tasks.video import charades_sta
from vleval.tasks.data.sources import open_data

def slowly(index, sample, frame):
    time.sleep(0.1 if "span" in sample.target else 0)
    return exact(index, sample, frame)

boxes = open_data(refcoco.TASK, "val.jsonl").samples
samples = [*boxes, *open_data(charades_sta.TASK, "clips.jsonl").samples]
engines.open_engine = lambda config, choice: engines.Loaded(ToyEngine(samples, slowly), 2.0)
launch.check_folder = lambda choice: None  # it would load torch
sys.argv = ["vleval", "run", "--config", "team.toml", "--offset", "2", "--limit", "0.5", "--name", "many"]
from vleval.cli import main
main()
"""


def start(world: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SLOW],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
        cwd=world,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_command_stopped_in_its_second_task_goes_on_there(world: Path) -> None:
    process = start(world)
    spans = world / "runs" / "many" / "many-charades-sta" / "samples.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (spans.exists() and spans.stat().st_size):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    done = len(list(read_samples(spans.parent)))
    assert 0 < done < 6
    assert f"{done} of 6 answers are kept" in err
    assert "all tasks" in out
    assert f"{done} of 6" in out
    again = start(world)
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert f"{20 + done} of 26 answers are stored" in err
    assert {read_run(path.parent).status for path in world.rglob("run.json")} == {"complete"}
    assert len(list(read_samples(spans.parent))) == 6


def test_parts_are_compared_by_the_ids_they_share(world: Path) -> None:
    one("--name", "whole")
    one("--name", "part", "--limit", "0.5", "--shuffle-seed", "1")
    compare = CliRunner().invoke(app, ["compare", "runs/part", "runs/whole", "--json"])
    assert compare.exit_code == 0, compare.output
    ((found,),) = (each["comparisons"] for each in json.loads(compare.stdout)["candidates"])
    assert found["metrics"][0]["n"] == 20
    other_way = CliRunner().invoke(app, ["compare", "runs/whole", "runs/part"])
    assert other_way.exit_code == 12
    assert "only 20 of the 40 questions" in " ".join(other_way.output.split())
