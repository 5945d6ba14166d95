"""`vleval leaderboard` from the outside: files, streams, refusals, and what it loads."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from board_kit import HUB, MODEL, OTHER, toy_run, variant
from test_cli_commands import HEAVY, loaded_by
from vleval.cli import app
from vleval.errors import ExitCode


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder of two runs on the hub's testA."""
    toy = toy_run(tmp_path / "toy")
    root = tmp_path / "runs"
    root.mkdir()
    variant(toy, root / "a", data=HUB, model=MODEL)
    variant(toy, root / "b", data=HUB, model=OTHER)
    return root


def invoke(*words: object, code: ExitCode = ExitCode.OK) -> Result:
    result = CliRunner().invoke(app, ["leaderboard", *map(str, words)])
    assert result.exit_code == code, result.output
    return result


def test_a_folder_of_runs_is_a_table(runs: Path) -> None:
    text = invoke(runs).stdout
    assert "refcoco:testA" in text
    assert "my-org/other" in text


def test_a_board_grows_run_by_run_and_never_twice(runs: Path, tmp_path: Path) -> None:
    board = tmp_path / "board.csv"
    invoke(runs / "b", "--csv", board, "--append")
    invoke(runs, "--csv", board, "--append", "--published")
    result = invoke(runs / "a", "--csv", board, "--append")
    frame = pd.read_csv(board)
    assert frame["model"].tolist()[:2] == ["my-org/other", "my-org/my-model"]
    assert frame["source"].tolist() == ["run", "run", *["published"] * 6]
    assert f"8 rows in {board}" in result.stderr.replace("\n", "")
    assert "my-org/other" in result.stdout, "what is shown is the whole board"


def test_without_append_a_board_is_replaced(runs: Path, tmp_path: Path) -> None:
    board = tmp_path / "board.csv"
    invoke(runs, "--csv", board)
    invoke(runs / "a", "--csv", board)
    assert len(pd.read_csv(board)) == 1


@pytest.mark.parametrize("append", [True, False])
def test_a_file_that_is_no_board_is_never_touched(runs: Path, tmp_path: Path, append: bool) -> None:
    other = tmp_path / "salaries.csv"
    other.write_text("name,salary\nx,1\n", encoding="utf-8")
    flags = ["--append"] if append else []
    result = invoke(runs, "--csv", other, *flags, code=ExitCode.USAGE)
    assert "is not a vleval board" in result.stderr
    assert other.read_text(encoding="utf-8") == "name,salary\nx,1\n"


def test_pages_are_written_and_markdown_goes_to_stdout(runs: Path, tmp_path: Path) -> None:
    page, text = tmp_path / "board.html", tmp_path / "board.md"
    invoke(runs, "--html", page, "--markdown", text)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert invoke(runs, "--markdown", "-").stdout == text.read_text(encoding="utf-8")


def test_json_is_one_document(runs: Path) -> None:
    document = json.loads(invoke(runs, "--json").stdout)
    assert [row["model"] for row in document["rows"]] == ["my-org/my-model", "my-org/other"]


def test_incomplete_runs_need_to_be_allowed(runs: Path) -> None:
    variant(runs / "a", runs / "c", status="interrupted")
    refused = invoke(runs, code=ExitCode.INCOMPLETE)
    assert "is incomplete (interrupted)" in refused.stderr
    assert "--allow-partial" in refused.stderr
    assert "refcoco:testA" in invoke(runs, "--allow-partial").stdout


FAULTS = [
    (["--append"], "--append needs --csv"),
    (["--json", "--markdown", "-"], "both want stdout"),
]


@pytest.mark.parametrize(("flags", "sentence"), FAULTS)
def test_flags_that_make_no_sense_together(runs: Path, flags: list[str], sentence: str) -> None:
    assert sentence in invoke(runs, *flags, code=ExitCode.USAGE).stderr


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    assert "is no run" in invoke(tmp_path, code=ExitCode.USAGE).stderr


def test_a_board_in_a_folder_that_is_not_there(runs: Path, tmp_path: Path) -> None:
    result = invoke(runs, "--csv", tmp_path / "no" / "board.csv", code=ExitCode.USAGE)
    assert "cannot use" in result.stderr


def test_nothing_heavy_is_loaded(runs: Path, tmp_path: Path) -> None:
    words = ["leaderboard", str(runs), "--published", "--quiet", "--html", str(tmp_path / "x.html")]
    assert loaded_by(words, HEAVY) == []


def test_tasks_show_names_what_was_published() -> None:
    shown = CliRunner().invoke(app, ["tasks", "show", "refcoco"]).stdout
    assert "acc@0.5 testA: 3B 91.7, 7B 92.5, 72B 94.6" in shown
    document = json.loads(CliRunner().invoke(app, ["tasks", "show", "refcoco", "--json"]).stdout)
    assert document["published"][1]["scores"] == {"3B": 91.7, "7B": 92.5, "72B": 94.6}
