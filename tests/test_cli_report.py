"""`vleval report` on stored runs: what it reads, what it writes, what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from gate_kit import hasty as hasty
from gate_kit import make_run, right_or_wrong
from test_cli_commands import HEAVY, loaded_by
from toy import toy_samples, write_rows
from vleval.cli import app
from vleval.model.io import VisionSettings
from vleval.results.record import DataFacts
from vleval.tasks.data.sources import open_data
from vleval.tasks.grounding.refcoco import TASK

pytestmark = pytest.mark.usefixtures("hasty")


def invoke(*words: str | Path, code: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(app, ["report", *map(str, words)], env={"COLUMNS": "80"})
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A grid of two resolutions of one task, and a run of another."""
    for tokens, wrong in ((16, 20), (64, 5)):
        make_run(
            tmp_path / "runs" / f"refcoco-{tokens}",
            right_or_wrong(60, wrong=wrong),
            vision=VisionSettings(max_pixels=tokens * 784),
            change=lambda answer, tokens=tokens: replace(
                answer,
                frames=(
                    replace(answer.frames[0], grid_thw=(1, 2, 2 * tokens), input_size=(28 * tokens, 28)),
                ),
            ),
        )
    make_run(tmp_path / "runs" / "clicks", [1.0, 0.0], of="screenspot")
    return tmp_path / "runs"


def test_runs_of_one_folder_make_one_report(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs.parent)
    text, _ = invoke()
    assert re.search(r"^16t +66\.7 \[", text, re.MULTILINE)
    assert re.search(r"^64t +91\.7 \[.*\] +\+25\.0 \[", text, re.MULTILINE)
    assert "ScreenSpot: world, val" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_run_that_fresh_set_aside_is_left_out(runs: Path) -> None:
    (runs / "refcoco-64").rename(runs / "refcoco-64.old1")
    document = json.loads(invoke(runs, "--json")[0])
    assert [len(block["rows"]) for block in document["blocks"]] == [1, 1]


def test_a_run_named_twice_counts_once(runs: Path) -> None:
    document = json.loads(invoke(runs, runs / "clicks", "--json")[0])
    assert [len(block["rows"]) for block in document["blocks"]] == [2, 1], "in the order of the tasks"


def test_json_is_one_document(runs: Path) -> None:
    out, _ = invoke(runs, "--json")
    document = json.loads(out)
    assert document["schema"] == "vleval/report@1"
    refcoco = next(block for block in document["blocks"] if block["task"]["name"] == "refcoco")
    assert [row["setting"] for row in refcoco["rows"]] == [{"max-pixels": "16t"}, {"max-pixels": "64t"}]
    assert refcoco["rows"][1]["summary"]["metrics"]["acc@0.5"]["value"] == pytest.approx(55 / 60)


def test_markdown_suits_a_job_summary(runs: Path) -> None:
    out, _ = invoke(runs, "--markdown")
    assert out.startswith("## RefCOCO: world, val\n")
    assert "\n| max-pixels | Acc@0.5 \\[95% interval\\] | against first |" in out


def test_equal_settings_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_run(tmp_path / name, right_or_wrong(30, wrong=9))
    document = json.loads(invoke(tmp_path, "--json")[0])
    assert [row["setting"] for row in document["blocks"][0]["rows"]] == [{"run": "one"}, {"run": "two"}]


def test_two_models_are_named(tmp_path: Path, runs: Path) -> None:
    first = json.loads((runs / "refcoco-16" / "run.json").read_text())
    first["model"] |= {"model": "tuned", "fingerprint": "ab" * 32}
    make_run(tmp_path / "tuned", right_or_wrong(60, wrong=2), vision=VisionSettings(max_pixels=16 * 784))
    (tmp_path / "tuned" / "run.json").write_text(json.dumps(first))
    document = json.loads(invoke(tmp_path / "tuned", runs / "refcoco-16", "--json")[0])
    labels = [row["setting"] for row in document["blocks"][0]["rows"]]
    assert [label["model"] for label in sorted(labels, key=lambda label: label["model"])] == [
        "toy-7b",
        "tuned",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "no run folder nowhere"),
        (["empty"], "is no run and holds none"),
        (["runs", "--json", "--markdown"], "choose one"),
    ],
)
def test_faults_are_one_sentence(
    runs: Path, monkeypatch: pytest.MonkeyPatch, words: Sequence[str], said: str
) -> None:
    monkeypatch.chdir(runs.parent)
    Path("empty").mkdir()
    _, error = invoke(*words, code=2)
    assert said in error and "Traceback" not in error


def test_scores_without_the_metrics_of_today_are_refused(tmp_path: Path) -> None:
    make_run(tmp_path / "old", [1.0], change=lambda answer: replace(answer, metrics={"acc": 1.0}))
    assert "run it again" in invoke(tmp_path / "old", code=2)[1]


def test_plots_go_into_a_folder(runs: Path, tmp_path: Path) -> None:
    invoke(runs, "--plots", tmp_path / "new" / "plots")
    assert {path.name for path in (tmp_path / "new" / "plots").iterdir()} >= {
        "refcoco-visual-tokens.svg",
        "refcoco-visual-tokens.png",
    }


def island(page: str, id: str) -> Any:
    found = re.search(rf'id="{id}">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A run on local files, of which one is no picture."""
    samples = toy_samples(6)
    (tmp_path / "data").mkdir()
    file = write_rows(tmp_path / "data", samples)
    for index in range(2):
        Image.new("RGB", (640, 448), (index, 90, 90)).save(tmp_path / "data" / f"image-{index}.png")
    data = open_data(TASK, str(file), split="val")
    real = {sample.id: sample for sample in data.samples}
    ids = sorted(real)
    make_run(
        tmp_path / "run",
        [0.0, 0.2, 1.0, 1.0, 1.0, 0.9],
        data=DataFacts(str(file), "local", "val", data.fingerprint, 6, False),
        config={"split": "val", "media": None, "limit": None, "shuffle_seed": None},
        change=lambda answer: replace(
            answer,
            id=ids[int(answer.id[1:])],
            cluster=real[ids[int(answer.id[1:])]].cluster,
            question=real[ids[int(answer.id[1:])]].question,
            target=real[ids[int(answer.id[1:])]].target,
        ),
    )
    return tmp_path


def test_pictures_come_from_the_data_of_the_run(local: Path) -> None:
    invoke(local / "run", "--html", local / "out.html")
    page = (local / "out.html").read_text()
    pictures = island(page, "pictures")
    assert sum(picture is not None for picture in pictures) == 2
    assert all(picture is None or picture.startswith("data:image/jpeg;base64,") for picture in pictures)
    assert "pictures of 2 of 3 media" in page
    assert "1 media could not be read again" in page


def test_pictures_are_those_of_the_lowest_scores(local: Path) -> None:
    invoke(local / "run", "--html", local / "out.html", "--thumbnails", "1")
    page = (local / "out.html").read_text()
    data, pictures = island(page, "data"), island(page, "pictures")
    worst = next(question for question in data["questions"] if question[1] == "toy-0#0")
    assert pictures[worst[4]] is not None
    assert "pictures of 1 of 3 media, lowest scores first" in page


def test_no_pictures_when_none_are_wanted(local: Path) -> None:
    invoke(local / "run", "--html", local / "out.html", "--thumbnails", "0")
    assert set(island((local / "out.html").read_text(), "pictures")) == {None}


def test_data_that_changed_since_are_not_shown(local: Path) -> None:
    Image.new("RGB", (640, 448), "red").save(local / "data" / "image-0.png")
    invoke(local / "run", "--html", local / "out.html")
    page = (local / "out.html").read_text()
    assert "has changed since the run" in page
    assert set(island(page, "pictures")) == {None}


def test_data_that_are_gone_leave_the_numbers(local: Path) -> None:
    (local / "data" / "val.jsonl").unlink()
    invoke(local / "run", "--html", local / "out.html")
    assert "no pictures, because the data cannot be read again" in (local / "out.html").read_text()


def test_data_of_the_hub_are_not_loaded(tmp_path: Path) -> None:
    make_run(tmp_path / "run", [1.0, 0.0], data=DataFacts("some/set", "hub", "val", "cd" * 32, 2, False))
    invoke(tmp_path / "run", "--html", tmp_path / "out.html")
    assert "pictures of hub data sets are not loaded" in (tmp_path / "out.html").read_text()


def test_a_report_loads_nothing_heavy(local: Path) -> None:
    words = ["report", str(local / "run"), "--html", str(local / "out.html"), "--quiet"]
    assert loaded_by(words, tuple(name for name in HEAVY if name != "scipy")) == []
    assert loaded_by(["report", str(local / "run"), "--quiet"], ("matplotlib", "PIL", "av", "jinja2")) == []
