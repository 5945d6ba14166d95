"""`vleval gate` and `vleval baseline` as CI meets them: every exit code, every output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest
from typer.testing import CliRunner, Result

from gate_kit import hasty as hasty
from gate_kit import make_run, right_or_wrong, run_record
from vleval.cli import app
from vleval.model.io import VisionSettings

ROOT = Path(__file__).parents[1]
SHORT = ["--baseline", "base", "--max-drop", "refcoco:acc@0.5=0.05"]


@pytest.fixture(autouse=True)
def world(hasty: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A committed baseline and a policy in an empty working folder, outside of CI."""
    monkeypatch.chdir(tmp_path)
    for name in ("VLEVAL_DEBUG", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "FORCE_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    make_run(Path("main"), right_or_wrong())
    assert vleval("baseline", "set", "main", "--output", "base", "--reason", "first").exit_code == 0
    Path("vleval.toml").write_text('baseline = "base"\n[tasks.refcoco]\nmax_drop = 0.05\n')


def vleval(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


CASES: dict[str, tuple[int, Sequence[str], str]] = {
    "pass": (0, ["same", *SHORT], "Verdict: PASS (exit code 0)"),
    "improved": (0, ["better", *SHORT], "IMPROVED"),
    "policy": (0, ["same", "--policy", "vleval.toml"], "Verdict: PASS"),
    "runs as a baseline": (0, ["same", "--baseline", "main", "--max-drop", "refcoco=0.05"], "PASS"),
    "typo in the policy": (2, ["same", "--policy", "typo.toml"], "did you mean 'max_drop'?"),
    "no demand": (2, ["same", "--baseline", "base"], "nothing is demanded"),
    "two demands": (2, ["same", *SHORT, "--policy", "vleval.toml"], "takes the place of --policy"),
    "no baseline named": (2, ["same", "--max-drop", "refcoco=0.05"], "--baseline is missing"),
    "no such run": (2, ["none", *SHORT], "there is no run folder none"),
    "no such flag": (2, ["same", *SHORT, "--max-dorp", "x=1"], "No such option"),
    "regression": (10, ["worse", *SHORT], "Verdict: FAIL (exit code 10)"),
    "only reported": (0, ["worse", *SHORT, "--exit-zero"], "Verdict: FAIL (exit code 10)"),
    "inconclusive": (11, ["shaky", "--policy", "strict.toml"], "Verdict: INCONCLUSIVE (exit code 11)"),
    "incomplete": (12, ["partial", *SHORT], "partial is incomplete"),
    "other pixels": (12, ["big", *SHORT], "--vary max-pixels"),
    "other pixels on purpose": (0, ["big", *SHORT, "--vary", "max-pixels"], "PASS"),
    "no baseline": (12, ["same", "--baseline", "no", "--max-drop", "refcoco=0.05"], "there is no baseline"),
    "no baseline yet": (
        0,
        ["same", "--baseline", "no", "--max-drop", "refcoco=0.05", "--allow-missing-baseline"],
        "Verdict: PASS (exit code 0): 1 warned of",
    ),
    "damaged baseline": (12, ["same", "--baseline", "torn", "--max-drop", "refcoco=0.05"], "from git again"),
    "bundled": (12, ["bundled", *SHORT, "--baseline", "bundled"], "--allow-bundled"),
    "bundled on purpose": (0, ["bundled", *SHORT, "--baseline", "bundled", "--allow-bundled"], "PASS"),
    "another task": (
        12,
        ["same", "--baseline", "base", "--max-drop", "charades-sta=0.05"],
        "no run of charades",
    ),
}


def prepare(case: str) -> None:
    """What the cases need, made when it is needed."""
    strict = '[defaults]\non_inconclusive = "fail"\n[tasks.refcoco]\nmax_drop = 0.05\n'
    Path("strict.toml").write_text(f'baseline = "base"\n{strict}')
    Path("typo.toml").write_text("[tasks.refcoco]\nmax_dorp = 0.05\n")
    record = run_record()
    make = {
        "same": lambda path: make_run(path, right_or_wrong()),
        "better": lambda path: make_run(path, right_or_wrong(gained=30)),
        "worse": lambda path: make_run(path, right_or_wrong(lost=40)),
        "shaky": lambda path: make_run(path, right_or_wrong(lost=40, gained=36)),
        "partial": lambda path: make_run(path, right_or_wrong(), status="interrupted"),
        "big": lambda path: make_run(path, right_or_wrong(), vision=VisionSettings(max_pixels=50176)),
        "bundled": lambda path: make_run(path, right_or_wrong(), data=replace(record.data, bundled=True)),
        "torn": lambda path: (path.mkdir(), (path / "baseline.json").write_text("{")),
    }
    for word in CASES[case][1]:
        if word in make and not Path(word).exists():
            make[word](Path(word))


@pytest.mark.parametrize("case", CASES)
def test_every_exit_code(world: None, case: str) -> None:
    code, arguments, words = CASES[case]
    prepare(case)
    result = vleval("gate", *arguments)
    assert result.exit_code == code, result.output
    assert " ".join(words.split()) in " ".join(result.output.split())
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "case", ["pass", "typo in the policy", "no such flag", "regression", "inconclusive", "incomplete"]
)
def test_a_process_ends_with_the_code(world: None, case: str) -> None:
    """0, 2, 2, 10, 11, 12, and no torch in the process."""
    code, arguments, _ = CASES[case]
    prepare(case)
    script = (
        "import sys\nsys.argv[0] = 'vleval'\n"
        "from vleval.__main__ import main\n"
        "try:\n    main()\n"
        "finally:\n    assert not {'torch', 'transformers', 'datasets', 'pandas'} & {*sys.modules}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "gate", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_what_ci_gets(world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Summary appended, annotations beside the one JSON document, JUnit in a file."""
    prepare("regression")
    Path("summary.md").write_text("# earlier step\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = vleval("gate", "worse", *SHORT, "--json", "--junit", "out/junit.xml")
    assert result.exit_code == 10
    document = json.loads(result.stdout)
    assert (document["schema"], document["outcome"], document["exit_code"]) == (
        "vleval/verdict@1",
        "FAIL",
        10,
    )
    summary = Path("summary.md").read_text()
    assert summary.startswith("# earlier step\n## vleval gate: FAIL (exit code 10)")
    assert "| FAIL | refcoco | Acc@0.5 | 66.7 | -13.3" in summary
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("::"))
    assert line.startswith("::error title=vleval refcoco Acc@0.5::refcoco Acc@0.5: FAIL, a drop beyond")
    assert parse("out/junit.xml").getroot().get("failures") == "1"


def test_a_summary_that_cannot_be_written_changes_no_verdict(
    world: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare("pass")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "no/such/folder/summary.md")
    result = vleval("gate", "same", *SHORT)
    assert result.exit_code == 0
    assert "cannot write the job's summary" in result.stderr


def test_a_full_summary_gets_the_verdict_alone(world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare("regression")
    Path("summary.md").write_text("x" * (900 * 1024 - 50))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    vleval("gate", "worse", *SHORT)
    written = Path("summary.md").read_text().lstrip("x")
    assert written.startswith("## vleval gate: FAIL (exit code 10)")
    assert len(written.strip().splitlines()) == 1


def test_the_table_is_legible_at_80_columns(world: None) -> None:
    prepare("regression")
    lines = vleval("gate", "worse", *SHORT).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    row = next(line for line in lines if line.startswith("FAIL"))
    assert row.split()[:5] == ["FAIL", "refcoco", "Acc@0.5", "66.7", "-13.3"]
    assert lines[-1] == "Verdict: FAIL (exit code 10): 1 failed, 1 passed"


def test_a_baseline_is_not_replaced_by_something_worse(world: None) -> None:
    before = Path("base/baseline.json").read_bytes()
    make_run(Path("worse"), right_or_wrong(lost=20))
    arguments = ["baseline", "set", "worse", "--output", "base", "--reason", "oops"]
    result = vleval(*arguments)
    assert result.exit_code == 10
    assert "refcoco Acc@0.5 would drop (-6.7 [" in result.stderr
    assert Path("base/baseline.json").read_bytes() == before
    assert vleval(*arguments, "--accept-regression").exit_code == 0
    shown = vleval("baseline", "show", "base").stdout.splitlines()
    assert [line.split()[-1] for line in shown[2:]] == ["73.3", "80.0"]
    assert "oops" in shown[2]
    assert shown[3].startswith("  before")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["partial", "--reason", "x"], 12, "partial is incomplete"),
        (["other", "--reason", "x"], 12, "nobody can tell whether it is worse"),
        (["main", "--reason", " "], 2, "--reason is empty"),
        (["main"], 2, "--reason"),
        ([".", "--reason", "x"], 2, "holds two runs of refcoco"),
    ],
)
def test_what_is_no_baseline(world: None, arguments: list[str], code: int, words: str) -> None:
    make_run(Path("partial"), right_or_wrong(), status="interrupted")
    make_run(Path("other"), right_or_wrong(), vision=VisionSettings(max_pixels=50176))
    result = vleval("baseline", "set", *arguments, "--output", "base")
    assert result.exit_code == code, result.output
    assert words in " ".join(result.output.split())


def test_show_as_json_and_where_there_is_none(world: None) -> None:
    document = json.loads(vleval("baseline", "show", "base", "--json").stdout)
    assert document["tasks"]["refcoco"]["metrics"]["acc@0.5"]["value"] == pytest.approx(0.8)
    assert document["history"] == []
    assert vleval("baseline", "show", "main").exit_code == 12
