"""Splits without truths: they run unscored, every command says so, and the server gets its file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gate_kit import make_run, sample
from toy import ToyEngine
from vleval.cli import app
from vleval.errors import ExitCode
from vleval.results.exports.submission import SubmissionError, write_submission
from vleval.results.storage.store import read_run, read_samples
from vleval.running.config import RunConfig
from vleval.running.engines import Loaded, ModelChoice
from vleval.tasks.base import DataError
from vleval.tasks.data.sources import BUNDLED, open_data
from vleval.tasks.registry import get_task

TASKS = ("docvqa", "infovqa")


def hidden(folder: Path, task: str, answers: Sequence[Any], *, ids: Sequence[str] = ()) -> Path:
    """A test split as it is published: the bundled rows under numbers, with these answers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(BUNDLED / task / "validation.parquet")
    rows = table.to_pylist()[: len(answers)]
    for index, (row, answer) in enumerate(zip(rows, answers, strict=True)):
        row["questionId"] = ids[index] if ids else str(57344 - 1000 * index)
        row["answers"] = answer
    file = folder / "test.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)
    return file


def invoke(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(params=TASKS)
def run(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run on a split without truths; the second question is answered with nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    task = get_task(request.param)
    file = hidden(tmp_path, task.name, [None] * 4)
    said = [" Coca Cola\n", "", 'Ж "q"\ud800', "no"]
    engine = ToyEngine(open_data(task, str(file)).samples, lambda index, _, frame: said[index])

    def toy(config: RunConfig, choice: ModelChoice) -> Loaded:
        return Loaded(engine, 2.0)

    monkeypatch.setattr("vleval.running.engines.open_engine", toy)
    result = invoke("run", "--task", task.name, "--data", str(file), "--model", "bundled", "--output", "runs")
    assert "published without answers, so nothing is scored" in result.stderr.replace("\n", " ")
    assert "no score: 3 of 4 questions have a readable answer" in result.stdout
    (folder,) = (tmp_path / "runs").iterdir()
    return folder


def test_such_a_run_has_answers_and_no_score(run: Path) -> None:
    record = read_run(run)
    assert record.status == "complete"
    assert not record.data.truths
    found = list(read_samples(run))
    assert [sample.status for sample in found].count("scored") == 3
    assert all(sample.metrics == {} and "answers" not in sample.target for sample in found)
    assert record.summary is not None
    assert {each["value"] for each in record.summary["metrics"].values()} == {None}
    assert record.summary["coverage"] == 0.75


def test_the_server_s_file_has_every_question_once(run: Path, tmp_path: Path) -> None:
    result = invoke("export", str(run), "--format", "rrc", "--output", "answers.json")
    assert "1 of 4 answers are empty" in result.stderr
    assert json.loads((tmp_path / "answers.json").read_text(encoding="ascii")) == [
        {"questionId": 54344, "answer": "no"},
        {"questionId": 55344, "answer": 'Ж "q"\\ud800'},
        {"questionId": 56344, "answer": ""},
        {"questionId": 57344, "answer": "Coca Cola"},
    ]


def test_answers_are_written_as_tables_too(run: Path, tmp_path: Path) -> None:
    import pandas as pd

    invoke("export", str(run), "--format", "csv", "--output", "x.csv")
    table = pd.read_csv(tmp_path / "x.csv", dtype=str)
    assert "Coca Cola" in {text.strip() for text in table["text"].fillna("")}
    assert table["metric/anls"].isna().all()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["compare", "RUN", "RUN"], ExitCode.INCOMPLETE),
        (["leaderboard", "RUN"], ExitCode.USAGE),
        (["baseline", "set", "RUN", "--output", "base", "--reason", "first"], ExitCode.INCOMPLETE),
        (["export", "RUN", "--format", "model-index", "--output", "x"], ExitCode.USAGE),
        (["export", "RUN", "--format", "every-eval-ever", "--output", "x"], ExitCode.USAGE),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, list) else None,
)
def test_what_needs_scores_says_why_there_are_none(run: Path, words: list[str], code: ExitCode) -> None:
    result = invoke(*(str(run) if word == "RUN" else word for word in words), code=code)
    assert "has no scores: the split test of" in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.output


def test_the_gate_does_not_judge_it(run: Path) -> None:
    name = read_run(run).task.name
    words = ["gate", str(run), "--baseline", str(run), "--max-drop", f"{name}:anls=0.01", "--allow-bundled"]
    result = invoke(*words, code=ExitCode.INCOMPLETE)
    assert "has no scores" in result.stdout.replace("\n", " ")


def test_the_report_says_it_and_shows_the_rest(run: Path, tmp_path: Path) -> None:
    for words in ([], ["--markdown"]):
        text = invoke("report", str(run), *words).stdout
        assert "Nothing is scored: the split is published without truths." in text
    invoke("report", str(run), "--html", "page.html", "--thumbnails", "0")
    assert "Coca Cola" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_leaderboard_leaves_it_out(run: Path, tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "scored", [1.0, 0.0])
    result = invoke("leaderboard", "runs", "--csv", "board.csv")
    assert "has no scores" in result.stderr
    assert len((tmp_path / "board.csv").read_text().splitlines()) == 2


def test_the_same_command_again_asks_nothing(run: Path) -> None:
    name = read_run(run).task.name
    before = (run / "samples.jsonl").read_bytes()
    words = ["run", "--task", name, "--data", "test.parquet", "--model", "bundled", "--output", "runs"]
    invoke(*[str(Path("test.parquet").resolve()) if word == "test.parquet" else word for word in words])
    assert (run / "samples.jsonl").read_bytes() == before


@pytest.mark.parametrize("blank", [None, [], [""], [" ", ""]], ids=repr)
def test_every_way_of_having_no_answers_is_known(tmp_path: Path, blank: Any) -> None:
    found = open_data(get_task("docvqa"), str(hidden(tmp_path, "docvqa", [blank] * 3)))
    assert not found.truths
    assert "--format rrc" in found.notes[-1]


def test_some_without_truths_are_a_fault(tmp_path: Path) -> None:
    file = hidden(tmp_path, "docvqa", [["a"], None, ["b"]])
    with pytest.raises(DataError, match=r"question '56344' has no 'answers' in its target, and 1 of 3"):
        open_data(get_task("docvqa"), str(file))


def test_a_part_of_a_split_is_no_submission(tmp_path: Path, run: Path) -> None:
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    record["config"]["limit"] = 4
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    result = invoke("export", str(run), "--format", "rrc", "--output", "x.json", code=ExitCode.INCOMPLETE)
    assert "was asked a part of the split (limit 4)" in result.stderr.replace("\n", " ")
    invoke("export", str(run), "--format", "rrc", "--output", "x.json", "--allow-partial")


def test_no_server_takes_the_answers_of_another_task(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [1.0, 0.0])
    result = invoke(
        "export", str(run), "--format", "rrc", "--output", str(tmp_path / "x"), code=ExitCode.USAGE
    )
    assert "no server takes the answers of refcoco" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("ids", "expected", "message"),
    [
        (["1", "2", "01"], 3, "question 1 is answered twice"),
        (["1", "b", "3"], 3, "'b' has no whole number"),
        (["1", "-2", "3"], 3, "'-2' has no whole number"),
        (["1", "٣", "3"], 3, "has no whole number"),
        (["1", "2", "3"], 4, "3 of 4 questions are answered"),
    ],
)
def test_a_file_that_the_server_would_refuse_is_not_written(
    tmp_path: Path, ids: list[str], expected: int, message: str
) -> None:
    submission = get_task("docvqa").submission
    assert submission is not None
    samples = [replace(sample("docvqa", 0, 1.0), id=id) for id in ids]
    with pytest.raises(SubmissionError, match=message):
        write_submission(tmp_path / "x.json", submission, samples, expected)
    assert not (tmp_path / "x.json").exists()
