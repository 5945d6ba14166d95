"""Runs whose score is no plain mean (strata, parts, average precision) in every command that shows it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gate_kit import hasty as hasty
from gate_kit import make_run
from vleval.cli import app
from vleval.grounding.precision import figures, image_evidence
from vleval.results.record import SampleRecord
from vleval.results.statistics import figures as module
from vleval.results.storage.store import read_samples
from vleval.tasks.base import Metric
from vleval.tasks.grounding.refcoco import TASK
from vleval.tasks.registry import TASKS

STRATA = (Metric("acc", "Acc", strata=("kind",)), Metric("micro", "Micro"))
PARTS = (
    Metric("edit", "Edit", percent=False, higher_is_better=False, worst=1.0, parts=("text", "table")),
    Metric("text", "Text", percent=False, higher_is_better=False, worst=1.0),
    Metric("table", "Table", percent=False, higher_is_better=False, worst=1.0),
)
FIGURE = (Metric("map", "mAP", strata=("dataset",), figure="mAP"), Metric("f1", "F1"))
TOYS = {"toy-strata": STRATA, "toy-parts": PARTS, "toy-figure": FIGURE}


@pytest.fixture(autouse=True)
def world(hasty: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three tasks of this file alone, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("VLEVAL_DEBUG", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "FORCE_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(module, "DRAWS", 60)
    for name, metrics in TOYS.items():
        toy = replace(TASK, name=name, title=name, metrics=metrics, baselines=None, hub=("org/toy",))
        monkeypatch.setitem(TASKS, name, toy)


def vleval(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, result.output
    return result


def document(*words: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(vleval(*words, "--json", code=code).stdout)
    return found


def strata_run(name: str, wrong: int) -> Path:
    """240 of kind a, of which `wrong` are, and 60 of kind b, of which 15 are."""

    def change(answer: SampleRecord) -> SampleRecord:
        index = int(answer.id[1:])
        score = float(index >= wrong) if index < 240 else float(index >= 255)
        kind = {"kind": "a" if index < 240 else "b"}
        return replace(answer, metrics={"acc": score, "micro": score}, tags=kind)

    return make_run(Path(name), [1.0] * 300, of="toy-strata", change=change)


def parts_run(name: str, table: float) -> Path:
    """Of ten answers one has no metric at all, seven have a text and four a table; one is unparsed."""

    def change(answer: SampleRecord) -> SampleRecord:
        index = int(answer.id[1:])
        found: dict[str, float] = {}
        if index % 10 not in (0, 8, 9):
            found["text"] = 0.2 + 0.01 * (index % 5)
        if index % 10 > 5:
            found["table"] = table + 0.01 * (index % 7)
        if index == 11:
            return replace(answer, status="unparsed", reason="none", metrics={"edit": 1.0, "text": 1.0})
        parts = {"edit": sum(found.values()) / len(found)} if found else {}
        return replace(answer, metrics=parts | found)

    return make_run(Path(name), [0.0] * 300, of="toy-parts", change=change)


def figure_run(name: str, found: int) -> Path:
    """100 pictures of two subsets, with `found` of three objects and a false find at the end."""

    def change(answer: SampleRecord) -> SampleRecord:
        index = int(answer.id[1:])
        boxes = [[20.0 * place, 0.0, 20.0 * place + 10, 10.0] for place in range(4)]
        said = boxes[: min(3, found + index % 2)] + [[0.0, 500.0, 10.0, 510.0]]
        evidence = image_evidence(boxes[:3], ["x"] * 3, said, ["x"] * len(said), setting="odinw")
        subset = {"dataset": "large" if index < 80 else "small"}
        return replace(answer, metrics={"f1": 0.5}, evidence=evidence, tags=subset)

    return make_run(Path(name), [0.5] * 100, of="toy-figure", per_image=1, change=change)


RUNS = {
    "toy-strata": lambda name, worse: strata_run(name, 90 if worse else 30),
    "toy-parts": lambda name, worse: parts_run(name, 0.6 if worse else 0.3),
    "toy-figure": lambda name, worse: figure_run(name, 1 if worse else 2),
}
# (1 - 30 / 240 + 45 / 60) / 2, and the text's and the table's means by hand.
VALUES = {"toy-strata": (0.875 + 0.75) / 2, "toy-parts": None, "toy-figure": None}


def expected(task: str, folder: Path) -> float:
    if (value := VALUES[task]) is not None:
        return value
    samples = list(read_samples(folder))
    if task == "toy-parts":
        columns = [
            [each.metrics[part] for each in samples if part in each.metrics] for part in ("text", "table")
        ]
        return sum(sum(column) / len(column) for column in columns) / 2
    subsets = [[each for each in samples if each.tags["dataset"] == name] for name in ("large", "small")]
    maps = [figures([dict(each.evidence or {}) for each in subset])["mAP"] or 0.0 for subset in subsets]
    return sum(maps) / 2


@pytest.mark.parametrize("task", TOYS)
def test_a_report_shows_the_score(task: str) -> None:
    folder, worse = RUNS[task]("one", False), RUNS[task]("two", True)
    block = document("report", str(folder), str(worse))["blocks"][0]
    rows = {Path(row["folder"]).name: row for row in block["rows"]}
    head = TOYS[task][0]
    found = rows["one"]["summary"]["metrics"][head.name]
    assert found["value"] == pytest.approx(expected(task, folder), abs=1e-12)
    low, high = found["interval"]
    assert low < found["value"] < high
    assert found["n"] == {"toy-strata": 300, "toy-parts": 270, "toy-figure": 100}[task]
    later = "two" if rows["two"]["against_first"] else "one"
    assert (rows[later]["against_first"]["difference"] < 0) == (later == "two")
    vleval("report", str(folder), str(worse), "--html", "page.html", "--plots", "plots")
    assert Path("page.html").exists()
    assert (
        f"{100 * found['value'] if head.percent else found['value']:.3g}"[:3]
        in vleval("report", str(folder)).stdout
    )


def test_classes_have_the_score_of_their_questions_alone() -> None:
    slices = document("report", str(strata_run("a", 30)))["blocks"][0]["slices"]
    assert {each["name"]: each["rows"][0]["value"] for each in slices if each["family"] == "kind"} == {
        "a": 0.875,
        "b": 0.75,
    }
    slices = document("report", str(figure_run("b", 2)))["blocks"][0]["slices"]
    values = {each["name"]: each["rows"][0]["value"] for each in slices if each["family"] == "dataset"}
    assert sum(values.values()) / 2 == pytest.approx(expected("toy-figure", Path("b")))


@pytest.mark.parametrize("task", TOYS)
def test_a_comparison_and_a_gate_tell_better_from_worse(task: str) -> None:
    RUNS[task]("main", False), RUNS[task]("same", False), RUNS[task]("worse", True)
    head = TOYS[task][0]
    comparison = document("compare", "main", "worse")["candidates"][0]["comparisons"][0]
    metric = comparison["metrics"][0]
    before = expected(task, Path("main"))
    assert metric["baseline"]["value"] == pytest.approx(before, abs=1e-6)
    assert metric["difference"] < 0
    assert metric["p_drop"] < 0.05
    same = document("compare", "main", "same")["candidates"][0]["comparisons"][0]["metrics"][0]
    assert same["interval"] == [0.0, 0.0]
    vleval("baseline", "set", "main", "--output", "base", "--reason", "first")
    shown = document("baseline", "show", "base")["tasks"][task]["metrics"][head.name]
    assert shown["value"] == pytest.approx(before, abs=1e-6)
    for baseline in ("main", "base"):
        demand = ["--baseline", baseline, "--max-drop", f"{task}:{head.name}=0.02"]
        (check,) = [each for each in document("gate", "same", *demand)["checks"] if each["kind"] == "drop"]
        assert check["outcome"] == "PASS"
        assert check["baseline"] == pytest.approx(before, abs=1e-6)
        vleval("gate", "worse", *demand, code=10)
        assert "IMPROVED" in vleval("gate", "main", "--baseline", "worse", *demand[2:]).stdout
    vleval("baseline", "set", "worse", "--output", "base", "--reason", "worse", code=10)


LIMITS: Sequence[tuple[str, str, str, int]] = [
    ("toy-strata", "acc", "min_value = 0.8", 0),
    ("toy-strata", "acc", "min_value = 0.82", 10),
    ("toy-parts", "edit", "max_value = 0.3", 0),
    ("toy-parts", "edit", "max_value = 0.2", 10),
    ("toy-parts", "edit", "min_value = 0.2", 2),
    ("toy-strata", "acc", "max_value = 0.2", 2),
    ("toy-figure", "map", "min_value = 0.5", 0),
    ("toy-figure", "map", "min_value = 0.99", 10),
]


@pytest.mark.parametrize(("task", "metric", "limit", "code"), LIMITS)
def test_floors_and_caps_are_on_the_score(task: str, metric: str, limit: str, code: int) -> None:
    RUNS[task]("main", False)
    Path("p.toml").write_text(f'[tasks.{task}]\nmetric = "{metric}"\nmax_drop = 0.02\n{limit}\n')
    found = vleval("gate", "main", "--baseline", "main", "--policy", "p.toml", code=code)
    if code == 2:
        assert "is better in" in found.output
    elif limit.startswith("max"):
        assert "cap" in found.stdout


@pytest.mark.parametrize("task", TOYS)
def test_boards_and_exports_take_answers_without_the_headline(task: str) -> None:
    folder = RUNS[task]("main", False)
    head = TOYS[task][0]
    vleval("leaderboard", "main", "--csv", "board.csv")
    (row,) = csv.DictReader(io.StringIO(Path("board.csv").read_text()))
    assert float(row[f"{task}:val[local]/{head.name}"]) == pytest.approx(expected(task, folder), abs=1e-6)
    for form, output in (("csv", "answers.csv"), ("every-eval-ever", "every")):
        words = ["--name", "org/model"] if form == "every-eval-ever" else []
        vleval("export", "main", "--format", form, "--output", output, *words)
    (scores,) = [path for path in Path("every").rglob("*.json")]
    results = json.loads(scores.read_text())["evaluation_results"]
    assert {each["metric_config"]["metric_name"] for each in results} == {each.title for each in TOYS[task]}
