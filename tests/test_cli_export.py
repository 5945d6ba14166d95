"""`vleval export` from the outside: every form, its refusals, and what it loads."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from huggingface_hub import ModelCard
from typer.testing import CliRunner, Result

from board_kit import BUNDLED, HUB, MODEL, toy_run, variant
from test_cli_commands import loaded_by
from vleval.cli import app
from vleval.commands.export import SCORES, SUBMISSIONS, Format
from vleval.errors import ExitCode

FORMS = [form for form in Format if form not in SUBMISSIONS]
"""Any run can be written in these; servers' own forms have a file of tests (test_submission.py)."""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return toy_run(tmp_path / "toy")


@pytest.fixture
def hub(toy: Path, tmp_path: Path) -> Path:
    return variant(toy, tmp_path / "hub", data=HUB, model=MODEL)


def invoke(run: Path, form: str, output: Path, *flags: str, code: ExitCode = ExitCode.OK) -> Result:
    words = ["export", str(run), "--format", form, "--output", str(output), *flags]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == code, result.output
    return result


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_written_and_said_so(hub: Path, tmp_path: Path, form: Format) -> None:
    output = tmp_path / "new" / "out.json"
    result = invoke(hub, form, output)
    assert output.stat().st_size > 100
    assert result.stdout == ""
    assert "written to" in result.stderr
    assert [path.name for path in output.parent.iterdir()] == ["out.json"], "no temporary file is left"


def test_answers_come_back_as_tables(hub: Path, tmp_path: Path) -> None:
    invoke(hub, "parquet", tmp_path / "x.parquet")
    invoke(hub, "csv", tmp_path / "x.csv")
    left, right = pd.read_parquet(tmp_path / "x.parquet"), pd.read_csv(tmp_path / "x.csv")
    assert list(left.columns) == list(right.columns)
    assert left["metric/mean_iou"].tolist() == right["metric/mean_iou"].tolist()


def test_a_folder_of_every_eval_ever_gets_the_answers_too(hub: Path, tmp_path: Path) -> None:
    invoke(hub, "every-eval-ever", tmp_path / "store")
    (scores,) = (tmp_path / "store").rglob("*.json")
    answers = json.loads(scores.read_text())["detailed_evaluation_results"]
    assert (tmp_path / "store" / answers["file_path"]).exists()


def test_models_are_named_without_where_they_lie(hub: Path, toy: Path, tmp_path: Path) -> None:
    invoke(hub, "model-index", tmp_path / "hub.md")
    assert ModelCard.load(tmp_path / "hub.md").data.model_name == "my-org/my-model"
    named = {"/secret/place/tuned": "unknown/tuned", "Qwen/X@abc": "Qwen/X", "./tuned": "unknown/tuned"}
    for number, (model, name) in enumerate(named.items()):
        run = variant(toy, tmp_path / f"run{number}", model={"model": model})
        invoke(run, "model-index", tmp_path / f"{number}.md")
        text = (tmp_path / f"{number}.md").read_text()
        assert f"- name: {name}\n" in text
        assert "secret" not in text
    invoke(hub, "model-index", tmp_path / "named.md", "--name", "a/b")
    assert ModelCard.load(tmp_path / "named.md").data.model_name == "a/b"


def test_a_file_is_replaced_only_when_that_is_asked(hub: Path, tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("my model card", encoding="utf-8")
    result = invoke(hub, "model-index", card, code=ExitCode.USAGE)
    assert "--overwrite replaces it" in result.stderr
    assert card.read_text(encoding="utf-8") == "my model card"
    invoke(hub, "model-index", card, "--overwrite")
    assert "model-index" in card.read_text(encoding="utf-8")


def test_scores_on_a_copy_need_the_name_of_the_original(toy: Path, tmp_path: Path) -> None:
    refused = invoke(toy, "hf-eval-results", tmp_path / "x.yaml", code=ExitCode.USAGE)
    assert "--dataset HUB-ID" in refused.stderr
    assert not (tmp_path / "x.yaml").exists()
    flags = ["--dataset", "org/data", "--task-id", "t"]
    invoke(toy, "hf-eval-results", tmp_path / "x.yaml", *flags)
    assert "id: org/data\n    task_id: t\n" in (tmp_path / "x.yaml").read_text()


@pytest.mark.parametrize(
    ("form", "flags"), [("hf-eval-results", []), ("model-index", ["--dataset", "lmms-lab/RefCOCO"])]
)
def test_bundled_scores_never_go_by_a_name_of_the_hub(
    toy: Path, tmp_path: Path, form: str, flags: list[str]
) -> None:
    bundled = variant(toy, tmp_path / "bundled", data=BUNDLED)
    result = invoke(bundled, form, tmp_path / "x", *flags, code=ExitCode.USAGE)
    assert "bundled data, which are no benchmark of the hub" in result.stderr.replace("\n", " ")


def test_an_incomplete_run_needs_to_be_allowed(hub: Path, tmp_path: Path) -> None:
    killed = variant(hub, tmp_path / "killed", status="running", summary=None)
    refused = invoke(killed, "model-index", tmp_path / "x.md", code=ExitCode.INCOMPLETE)
    assert "--allow-partial" in refused.stderr
    invoke(killed, "model-index", tmp_path / "x.md", "--allow-partial")
    assert "n: 40" in (tmp_path / "x.md").read_text()


def test_a_run_without_answers_has_no_score(hub: Path, tmp_path: Path) -> None:
    empty = variant(hub, tmp_path / "empty", status="running", summary=None)
    (empty / "samples.jsonl").write_bytes(b"")
    for form in FORMS:
        scores = form in SCORES
        code = ExitCode.INCOMPLETE if scores else ExitCode.OK
        result = invoke(empty, form, tmp_path / form, "--allow-partial", code=code)
        assert ("holds no answers yet" in result.stderr) is scores


def test_of_several_runs_one_must_be_named(hub: Path, tmp_path: Path) -> None:
    variant(hub, tmp_path / "runs" / "a")
    variant(hub, tmp_path / "runs" / "b")
    result = invoke(tmp_path / "runs", "csv", tmp_path / "x.csv", code=ExitCode.USAGE)
    assert "holds 2 runs" in result.stderr


def test_an_unknown_form_names_the_known_ones(hub: Path, tmp_path: Path) -> None:
    result = invoke(hub, "excel", tmp_path / "x", code=ExitCode.USAGE)
    assert "every-eval-ever" in result.stderr


def test_a_fault_in_the_middle_leaves_nothing_behind(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hub / "samples.jsonl").write_bytes(b'{"v": 2}\nx\n' + (hub / "samples.jsonl").read_bytes())
    out = tmp_path / "out"
    invoke(hub, "csv", out / "x.csv", code=ExitCode.STORAGE)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("form", FORMS)
def test_torch_is_never_loaded(hub: Path, tmp_path: Path, form: Format) -> None:
    words = ["export", str(hub), "--quiet", "--format", str(form), "--output", str(tmp_path / "x")]
    assert loaded_by(words, ("torch", "transformers", "datasets")) == []
