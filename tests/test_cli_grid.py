"""`vleval run` on several tasks as a user meets it: flags and a TOML file in, a table per task out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from toy import ToyEngine, toy_clips, toy_samples, write_clips, write_rows
from vleval.cli import app
from vleval.results.reporting.data import Block
from vleval.results.reporting.tables import advice_text
from vleval.results.storage.store import read_run
from vleval.running.config import RunConfig
from vleval.running.engines import BUNDLED_CHECKPOINT, Loaded, ModelChoice
from vleval.tasks.data.sources import open_data
from vleval.tasks.grounding import refcoco
from vleval.tasks.video import charades_sta

TEAM = """
task = ["refcoco", "charades-sta"]
model = "."
max-pixels = ["16t", "36t", "64t"]
fps = [1, 2, 4]

[tasks.refcoco]
data = "val.jsonl"

[tasks.charades-sta]
data = "clips.jsonl"
limit = 10
"""


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[ToyEngine]:
    """Data files of two tasks and a TOML file that names them, in the working folder; the engines opened."""
    write_rows(tmp_path, toy_samples())
    write_clips(tmp_path, toy_clips())
    (tmp_path / "team.toml").write_text(TEAM)
    monkeypatch.chdir(tmp_path)
    samples = [
        *open_data(refcoco.TASK, "val.jsonl").samples,
        *open_data(charades_sta.TASK, "clips.jsonl").samples,
    ]
    opened: list[ToyEngine] = []

    def toy(config: RunConfig, choice: ModelChoice) -> Loaded:
        opened.append(ToyEngine(samples))
        return Loaded(opened[-1], 2.0)

    monkeypatch.setattr("vleval.running.engines.open_engine", toy)
    for name in ("CI", "VLEVAL_MODEL", "VLEVAL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    return opened


def run(*flags: str) -> Result:
    return CliRunner().invoke(app, ["run", *flags])


def test_a_grid_over_two_tasks_ends_in_a_table_each(engines: list[ToyEngine]) -> None:
    result = run("--config", "team.toml", "--limit", "8")
    assert result.exit_code == 0, result.output
    assert len(engines) == 1, "the model is loaded once"
    assert len(engines[0].requests) == 3 * 8 + 9 * 8, "--limit is for each task"
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(result.stdout.split())
    assert "RefCOCO · val.jsonl, val: 8 questions, 4 images" in text
    assert "Charades-STA · clips.jsonl, clips: 8 questions, 4 videos" in text
    assert result.stdout.index("RefCOCO") < result.stdout.index("Charades-STA")
    assert any(line.split()[:4] == ["64t", "4", "0.0", "[0.0,"] for line in lines), "the last difference"
    assert sum("vs first" in line for line in lines) == 2
    assert "12 runs: refcoco (max-pixels 16t, 36t, 64t); charades-sta (" in result.stderr
    (together,) = Path("runs").iterdir()
    assert f"more: vleval report {together} --html report.html" in result.stderr
    assert len(list(together.iterdir())) == 12


def test_the_same_command_again_shows_all_tables_and_asks_nothing(engines: list[ToyEngine]) -> None:
    first = run("--config", "team.toml", "--quiet")
    again = run("--config", "team.toml", "--quiet")
    assert again.stdout == first.stdout
    assert engines[1].requests == []
    more = run("--config", "team.toml", "--max-pixels", "16t,100t")
    assert len(engines[2].requests) == 40 + 3 * 10
    report = next(line for line in more.stderr.splitlines() if line.startswith("more: "))
    assert report.count("runs/") == 8, "the folder holds other runs too, so these are named"


def test_settings_end_in_advice_on_the_questions_asked_for(
    engines: list[ToyEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--task", "refcoco", "--model", ".", "--data", "val.jsonl")
    alone = run(*flags, "--max-pixels", "16t")
    assert "scores highest" not in alone.stdout, "one setting leaves nothing to choose"
    whole = run(*flags, "--max-pixels", "16t,36t")
    assert "max-pixels 16t scores highest: Acc@0.5 100.0" in " ".join(whole.stdout.split())
    told: list[int] = []

    def overheard(block: Block) -> str:
        told.append(block.rows[0].run.summary.n)
        return advice_text(block)

    monkeypatch.setattr("vleval.running.report.advice_text", overheard)
    run(*flags, "--max-pixels", "16t,36t", "--limit", "8")
    assert told == [8], "a shorter --limit answers from the longer run, of which only these count"


def test_json_has_an_entry_per_task(engines: list[ToyEngine]) -> None:
    result = run("--config", "team.toml", "--json", "--fps", "1")
    document = json.loads(result.stdout)
    assert document["schema"] == "vleval/runs@2"
    assert (document["status"], document["planned_runs"]) == ("complete", 6)
    assert set(document["passed"]) == {"fps", "json"}
    boxes, spans = document["tasks"]
    assert (boxes["task"]["name"], spans["task"]["name"]) == ("refcoco", "charades-sta")
    assert (boxes["config"]["limit"], spans["config"]["limit"]) == (None, 10)
    assert (boxes["data"]["samples"], spans["data"]["samples"]) == (40, 10)
    assert [entry["setting"] for entry in spans["runs"]] == [
        {"max-pixels": cap} for cap in ("16t", "36t", "64t")
    ]
    for entry in boxes["runs"] + spans["runs"]:
        assert read_run(Path(entry["folder"])).summary == entry["summary"]
    assert [entry["difference"] is None for entry in spans["runs"]] == [True, False, False]


FAULTS = [
    (["--task", "refcoco,charades"], "did you mean charades-sta?"),
    (["--task", "refcoco,refcoco"], "lists refcoco twice"),
    (["--data", "val.jsonl"], "--data val.jsonl cannot be the data of refcoco and charades-sta alike"),
    (["--media", "nowhere"], "--media nowhere is not a folder"),
]


@pytest.mark.parametrize(("flags", "sentence"), FAULTS, ids=[" ".join(flags) for flags, _ in FAULTS])
def test_faults_are_found_before_the_model_is_loaded(
    engines: list[ToyEngine], flags: list[str], sentence: str
) -> None:
    result = run("--config", "team.toml", *flags)
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.stderr.split())
    assert engines == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ('{"video": "clip-0.mp4", "caption": "x"}', "clips.jsonl lacks timestamp"),
        ('{"video": "gone.mp4", "caption": "x", "timestamp": [1, 2]}', "None of the 1 media files"),
        ('{"video": "clip-0.mp4", "caption": "x", "timestamp": "soon"}', "clips.jsonl, row 0: timestamp"),
    ],
)
def test_a_task_without_data_is_told_before_the_first_is_asked_and_the_others_go_on(
    engines: list[ToyEngine], data: str, sentence: str
) -> None:
    Path("clips.jsonl").write_text(data)
    result = run("--config", "team.toml")
    assert result.exit_code == 12, result.output
    said = " ".join(result.stderr.split())
    assert said.index(f"charades-sta is left out: {sentence}") < said.index("1/3 refcoco")
    assert said.endswith("cannot be had: charades-sta; the same command again tries them")
    assert len(engines) == 1
    assert {folder.name.partition("-")[0] for folder in Path("runs").glob("*/*")} == {"refcoco"}


def test_the_bundled_checkpoint_answers_both_tasks(tmp_path: Path) -> None:
    if not (BUNDLED_CHECKPOINT / "config.json").is_file():
        pytest.skip("no bundled checkpoint in this tree")
    command = [
        "--model",
        "bundled",
        "--task",
        "refcoco,charades-sta",
        "--limit",
        "4",
        "--max-pixels",
        "16t,36t",
    ]
    flags = [*command, "--fps", "1,2", "--output", str(tmp_path), "--json"]
    first = run(*flags)
    assert first.exit_code == 0, first.output
    document = json.loads(first.stdout)
    boxes, spans = document["tasks"]
    assert (len(boxes["runs"]), len(spans["runs"])) == (2, 4)
    assert set(spans["baselines"]) == {"whole clip", "best constant span"}
    for entry in boxes["runs"] + spans["runs"]:
        assert (entry["summary"]["n"], entry["summary"]["failed"]) == (4, 0)
    slow, fast = (entry["summary"]["visual_tokens"] for entry in spans["runs"][:2])
    assert fast > 1.5 * slow
    (Path(spans["runs"][2]["folder"]) / "samples.jsonl").write_bytes(b"")
    again = run(*flags)
    assert "20 of 24 answers are stored" in again.stderr
    assert json.loads(again.stdout)["tasks"][0] == boxes
    scores = [entry["summary"]["metrics"] for entry in spans["runs"]]
    assert [entry["summary"]["metrics"] for entry in json.loads(again.stdout)["tasks"][1]["runs"]] == scores
