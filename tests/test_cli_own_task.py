"""A user's own task from the first command to the last: new, check, show, run, report and the others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from toy import ToyEngine
from vleval.cards.scaffold import TEMPLATES
from vleval.cli import app
from vleval.results.storage.store import read_run
from vleval.running.config import RunConfig
from vleval.running.engines import Loaded, ModelChoice
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task


def vleval(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with a fresh task in it; any model named there is the oracle."""

    def toy(config: RunConfig, choice: ModelChoice) -> Loaded:
        return Loaded(ToyEngine(open_data(get_task("my_task.py"), "my_task.jsonl").samples), 2.0)

    monkeypatch.setattr("vleval.running.engines.open_engine", toy)
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "VLEVAL_MODEL", "VLEVAL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    assert vleval("tasks", "new", "my_task").exit_code == 0
    return tmp_path


def run(*flags: str) -> Result:
    task = () if "--task" in flags else ("--task", "./my_task.py")
    return vleval("run", *task, "--data", "my_task.jsonl", "--model", ".", *flags)


def folders() -> list[Path]:
    return sorted(Path("runs").iterdir())


@pytest.mark.parametrize("like", TEMPLATES)
def test_what_new_writes_passes_its_own_test_and_check(like: str, tmp_path: Path) -> None:
    made = vleval("tasks", "new", "a_first-try", "--like", like, "--output", str(tmp_path))
    assert made.exit_code == 0, made.output
    names = {"a_first_try.py", "test_a_first_try.py", "a_first_try.jsonl", "a_first_try_media"}
    assert {path.name for path in tmp_path.iterdir()} == names
    checked = vleval("tasks", "check", str(tmp_path / "a_first_try.py"), "--json")
    assert checked.exit_code == 0, checked.output
    document = json.loads(checked.stdout)
    assert document["task"] == "a-first-try"
    assert [step["name"] for step in document["steps"]] == ["data", "prompt", "parse", "score"]
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


REFUSED = [
    (("My Task",), "cannot name a task"),
    (("refcoco",), "refcoco is a built-in task"),
    (("x", "--like", "nothing"), "there are templates like refcoco"),
    (("x", "--output", "gone"), "--output gone is not a folder"),
    (("my_task",), "my_task.py exists, and nothing is written over"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED)
def test_new_refuses(desk: Path, words: tuple[str, ...], said: str) -> None:
    before = sorted(desk.iterdir())
    result = vleval("tasks", "new", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert sorted(desk.iterdir()) == before


FAULTS = [
    ("data", 'row["question"]', 'row["sentence"]', "the column 'sentence' is missing"),
    ("data", '"bbox_xyxy": rows', '"box": rows', "has no 'bbox_xyxy' in its target"),
    ("prompt", "*sample.media, PROMPT", "PROMPT", "do not hold its media"),
    (
        "prompt",
        'PROMPT.replace("{expression}"',
        '("Find {expression}").replace("{expression}"',
        "do not ask alike",
    ),
    ("parse", "return Reading(boxes[0]", 'return Reading(answer.sample.target["bbox_xyxy"]', "KeyError"),
    ("parse", "why_nothing(found.problems)", "None", "gives no reason"),
    ("score", '"mean_iou": overlap}', '"miou": overlap}', "but the metrics are acc@0.5, mean_iou"),
    ("score", '"mean_iou": overlap}', '"mean_iou": overlap / 0}', "no number"),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("step", "old", "new", "said"), FAULTS)
def test_check_finds_the_part_that_is_broken(desk: Path, step: str, old: str, new: str, said: str) -> None:
    text = Path("my_task.py").read_text()
    assert old in text
    Path("my_task.py").write_text(text.replace(old, new))
    result = vleval("tasks", "check", "my_task.py")
    assert result.exit_code == 2
    assert f"{step}: fault" in result.stdout
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_check_of_a_broken_picture_and_without_data(desk: Path) -> None:
    Path("my_task_media/1.png").write_bytes(b"no picture")
    result = vleval("tasks", "check", "my_task.py")
    assert (result.exit_code, "question '1'" in result.stderr) == (2, True)
    Path("my_task.jsonl").rename("other.jsonl")
    assert "pass some with --data FILE" in vleval("tasks", "check", "my_task.py").stderr
    shown = vleval(
        "tasks", "check", "my_task.py", "--data", "other.jsonl", "--limit", "1", "--answer", "[40,60,200,180]"
    )
    assert shown.exit_code == 0, shown.output
    assert "--answer to the first question: scored, acc@0.5 1, mean_iou 1" in shown.stdout
    assert vleval("tasks", "check", "refcoco", "--limit", "2").exit_code == 0


def test_show_draws_the_truth(desk: Path) -> None:
    from PIL import Image

    result = vleval("tasks", "show", "my_task.py", "--sample", "2", "--save", "pictures", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["samples"][0]["asked"][0].startswith("user: <image> Locate the red box in this image")
    assert document["file"]["path"] == str(desk / "my_task.py")
    drawn = Image.open(document["pictures"][0])
    plain = Image.open("my_task_media/0.png").convert("RGB")
    assert drawn.size == plain.size
    assert drawn.getpixel((41, 61)) != plain.getpixel((41, 61))  # the corner of the true box
    assert drawn.getpixel((300, 220)) == plain.getpixel((300, 220))
    assert vleval("tasks", "show", "my_task.py", "--save", "pictures").exit_code == 2


def test_a_run_and_all_that_is_made_of_it_without_the_file(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("--name", "one")
    assert result.exit_code == 0, result.output
    assert "100.0" in result.stdout
    own = read_run(Path("runs/one")).task.own
    assert own is not None
    assert [metric.name for metric in own.metrics] == ["acc@0.5", "mean_iou"]
    score_rows = [{"response": "[40,60,200,180]", "target": {"bbox_xyxy": [40, 60, 200, 180]}}]
    Path("said.jsonl").write_text(json.dumps(score_rows[0]) + "\n")
    assert vleval("score", "said.jsonl", "--task", "my_task.py", "--json").exit_code == 0
    Path("my_task.py").write_text("raise RuntimeError('a file that a run names is never run')\n")
    done = [
        ("report", "runs/one"),
        ("report", "runs/one", "--html", "x.html"),
        ("compare", "runs/one", "runs/one"),
        ("leaderboard", "runs/one"),
        ("export", "runs/one", "--format", "csv", "--output", "x.csv"),
        ("baseline", "set", "runs/one", "--output", "base", "--reason", "first"),
        ("baseline", "show", "base"),
        ("gate", "runs/one", "--baseline", "base", "--max-drop", "my-task:acc@0.5=0.5"),
    ]
    for words in done:
        # As a process of its own would: one that has never seen the file.
        monkeypatch.setattr("vleval.tasks.user._seen", {})
        told = vleval(*words)
        assert told.exit_code in ((0, 11) if words[0] == "gate" else (0,)), (words, told.output)
        assert "my-task" in told.output or words[0] in ("report", "export"), words


def test_an_edited_file_never_mixes_answers(desk: Path) -> None:
    assert run().exit_code == 0
    Path("my_task.py").write_text(Path("my_task.py").read_text() + "# edited\n")
    refused = run()
    assert refused.exit_code == 12
    assert "task_file" in refused.stderr
    assert run("--name", "edited").exit_code == 0
    (named, other) = folders()
    compared = vleval("compare", str(other), str(named))
    assert compared.exit_code == 12
    assert "--vary task-file says that this is meant" in compared.output
    assert vleval("compare", str(other), str(named), "--vary", "task-file").exit_code == 0


def test_lists_and_toml_tables_take_a_file(desk: Path) -> None:
    text = 'task = ["refcoco", "./my_task.py"]\nmodel = "."\n[tasks.my-task]\ndata = "my_task.jsonl"\n'
    Path("team.toml").write_text(text + "limit = 1\n")
    from vleval.running.plan import load_plan

    plan = load_plan({}, Path("team.toml"))
    assert [(part.task.name, part.config.limit) for part in plan.parts] == [("refcoco", None), ("my-task", 1)]
    twice = run("--task", "./my_task.py,my_task.py")
    assert (twice.exit_code, "lists my-task twice" in twice.stderr) == (2, True)


def test_another_prompt_is_another_run(desk: Path) -> None:
    assert run().exit_code == 0
    assert run("--prompt", "Where is {expression}?").exit_code == 0
    assert len(folders()) == 2
    prompts = {read_run(folder).task.prompt for folder in folders()}
    assert "Where is {expression}?" in prompts
    assert len({read_run(folder).fingerprint for folder in folders()}) == 2
    reported = vleval("report", "runs")
    assert "Where is {expression}?" in reported.stdout
    refused = run("--prompt", "Where?")
    assert refused.exit_code == 2
    assert "--prompt lacks {expression}" in refused.stderr
    assert len(folders()) == 2
