"""Whole runs on generated documents and charts: known truths score 100, planted errors their share."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from toy import Answer, ToyEngine
from vleval.cli import app
from vleval.grounding.frame import Frame
from vleval.running.config import RunConfig
from vleval.running.engines import Loaded, ModelChoice
from vleval.tasks.base import Sample
from vleval.tasks.data.sources import BUNDLED, open_data
from vleval.tasks.registry import get_task
from vleval.tasks.worlds.documents.papers import chartqa_rows, docvqa_rows
from vleval.tasks.worlds.write import BUNDLED_CHARTS, BUNDLED_DOCUMENTS, BUNDLED_SEED

FAMILIES = [("docvqa", "anls"), ("chartqa", "relaxed_acc")]


def truth(index: int, sample: Sample, frame: Frame) -> str:
    """The last of the accepted answers."""
    return str(sample.target["answers"][-1])


def one_in_four_wrong(index: int, sample: Sample, frame: Frame) -> str:
    """Nonsense for every fourth question, in letters that no answer has."""
    return truth(index, sample, frame) if index % 4 else "~~~~~~~~~~"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`vleval run` on bundled data with an engine that answers as told."""
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "VLEVAL_MODEL", "VLEVAL_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def invoke(task: str, answer: Answer | None, *flags: str) -> Result:
        if answer is not None:
            engine = ToyEngine(open_data(get_task(task), "bundled").samples, answer)

            def toy(config: RunConfig, choice: ModelChoice) -> Loaded:
                return Loaded(engine, 2.0)

            monkeypatch.setattr("vleval.running.engines.open_engine", toy)
        result = CliRunner().invoke(app, ["run", "--task", task, "--data", "bundled", "--json", *flags])
        assert result.exit_code == 0, result.output
        return result

    return invoke


def headline(result: Result) -> dict[str, Any]:
    (task,) = json.loads(result.stdout)["tasks"]
    (setting,) = task["runs"]
    summary: dict[str, Any] = setting["summary"]
    return summary


@pytest.mark.parametrize(("task", "metric"), FAMILIES)
def test_known_truths_score_100(task: str, metric: str, run: Any) -> None:
    summary = headline(run(task, truth))
    assert {name: found["value"] for name, found in summary["metrics"].items()} == dict.fromkeys(
        summary["metrics"], 1.0
    )
    assert next(iter(summary["metrics"])) == metric


@pytest.mark.parametrize(("task", "metric"), FAMILIES)
def test_planted_errors_cost_exactly_their_share(task: str, metric: str, run: Any) -> None:
    samples = open_data(get_task(task), "bundled").samples
    wrong = len(range(0, len(samples), 4))
    found = headline(run(task, one_in_four_wrong))["metrics"][metric]["value"]
    assert found == pytest.approx(1 - wrong / len(samples), abs=1e-12)


@pytest.mark.parametrize(("task", "metric"), FAMILIES)
def test_the_bundled_checkpoint_cannot_read(task: str, metric: str, run: Any) -> None:
    summary = headline(run(task, None, "--model", "bundled", "--limit", "4"))
    assert summary["metrics"][metric]["value"] < 0.5
    assert summary["failed"] == 0


def test_answers_made_elsewhere(tmp_path: Path) -> None:
    rows = [
        {"prediction": "Coca cola", "answers": ["Coca Cola", "Coca Cola Company"]},
        {"prediction": "ab", "answers": ["cb"]},
        {"prediction": "", "answers": ["x"]},
        {"prediction": "no", "answers": ["yes"]},
    ]
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = CliRunner().invoke(app, ["score", str(file), "--task", "docvqa", "--json"])
    assert result.exit_code == 0, result.output
    (scored,) = json.loads(result.stdout)["files"]
    values = {name: found["value"] for name, found in scored["summary"]["metrics"].items()}
    assert values == {"anls": 0.25, "anls_server": 0.375, "exact_match": 0.25}


def test_the_card_states_what_the_files_hold() -> None:
    card = (BUNDLED / "README.md").read_text(encoding="utf-8")
    for name, _ in FAMILIES:
        task = get_task(name)
        samples = open_data(task, "bundled").samples
        pages = len({sample.cluster for sample in samples})
        row = f"| `{name}/{task.default_split}.parquet` | {pages} | {len(samples)} | {len(samples)} |"
        assert row in card


def test_bundled_files_are_what_the_generators_make() -> None:
    import pyarrow.parquet as pq

    made = {
        "docvqa/validation": docvqa_rows("validation", BUNDLED_SEED, BUNDLED_DOCUMENTS["validation"]),
        "chartqa/test": chartqa_rows("test", BUNDLED_SEED, BUNDLED_CHARTS["test"]),
    }
    for name, rows in made.items():
        stored = pq.read_table(BUNDLED / f"{name}.parquet").to_pylist()
        again = list(rows)
        assert [{**row, "image": row["image"]["path"]} for row in stored] == [
            {**row, "image": row["image"]["path"]} for row in again
        ]
        for row, other in zip(stored, again, strict=True):
            before, after = (Image.open(io.BytesIO(each["image"]["bytes"])) for each in (row, other))
            assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()


def test_generated_charts_hold_the_traps_of_their_metric() -> None:
    rows = list(chartqa_rows("test", BUNDLED_SEED, BUNDLED_CHARTS["test"]))
    answers = [row["answer"] for row in rows]
    assert Counter(row["type"] for row in rows) == {"human_test": 20, "augmented_test": 20}
    assert "0" in answers, "compared as text"
    assert any(answer.endswith("%") for answer in answers), "a share"
    assert any(answer.isdigit() and 2000 <= int(answer) <= 2025 for answer in answers), "years"
    assert {"Yes", "No"} & set(answers), "words"


def test_generated_pages_hold_the_traps_of_their_metric() -> None:
    rows = list(docvqa_rows("validation", BUNDLED_SEED, BUNDLED_DOCUMENTS["validation"]))
    assert len(rows) == 42
    invoice = next(row for row in rows if row["answers"][0].startswith("INV-"))
    order = invoice["answers"][0].replace("INV", "ORD")
    (sample,) = get_task("docvqa").rows(invoice, "0")
    wrong = get_task("docvqa").score(sample, order, (), "absolute").metrics
    assert 0.5 < wrong["anls"] < 1, "a wrong answer that ANLS rewards"
    assert wrong["exact_match"] == 0
    assert any(len(row["answers"]) == 2 for row in rows), "a second accepted form"
    assert any(row["answers"][0].isupper() for row in rows), "capitals"
