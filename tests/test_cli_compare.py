"""`vleval compare` as a user meets it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gate_kit import hasty as hasty
from gate_kit import make_run, right_or_wrong, run_record
from vleval.cli import app
from vleval.model.io import VisionSettings
from vleval.results.record import SampleRecord


@pytest.fixture(autouse=True)
def world(hasty: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs of two tasks, a and b, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("VLEVAL_DEBUG", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    tuned = replace(run_record().model, model="tuned", fingerprint="ab" * 32)
    for task in ("refcoco", "charades-sta"):
        make_run(Path("a", task), right_or_wrong(), of=task)
        make_run(Path("b", task), right_or_wrong(lost=24, gained=3), of=task, model=tuned)


def compare(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["compare", *arguments])


def test_two_folders_of_runs_make_a_table_per_task_and_a_mean(world: None) -> None:
    result = compare("a", "b", "--flips", "2")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "charades-sta: b/charades-sta against a/charades-sta"
    assert max(map(len, lines)) <= 80
    row = next(line for line in lines if line.startswith("Acc@0.5"))
    assert row.split()[1:4] == ["80.0", "73.0", "-7.0"]
    assert "Acc@0.5: 24 samples worse, 3 better" in lines
    assert sum(line.endswith("100.0 -> 0.0  thing 0") for line in lines) == 2
    assert any("differs: model toy-7b -> tuned" in line for line in lines)
    overview = lines[lines.index("all of them") :]
    row = next(line for line in overview if line.startswith("refcoco"))
    assert row.split()[1:3] == ["Acc@0.5", "-7.0"]
    # Two equal p-values: Holm doubles them, Benjamini and Hochberg leave them.
    assert row.split()[-3:] == ["<0.001", "<0.001", "<0.001"]
    assert lines[-1].startswith("b: mean over 2 tasks: -7.0 [")


def test_the_document_holds_what_the_table_shows(world: None) -> None:
    document = json.loads(compare("a", "b", "--json", "--flips", "3").stdout)
    assert document["schema"] == "vleval/compare@1"
    assert document["comparable"] is True
    (entry,) = document["candidates"]
    head = entry["comparisons"][1]["metrics"][0]
    assert head["difference"] == pytest.approx(-0.07)
    assert (head["gains"], head["losses"], head["n"], head["clusters"]) == (3, 24, 300, 150)
    assert head["p_holm"] == pytest.approx(2 * head["p_value"])
    assert head["q_value"] == pytest.approx(head["p_value"])
    assert [flip["candidate"] for flip in entry["comparisons"][1]["flips"]] == [0, 0, 0, 1, 1, 1]
    assert entry["comparisons"][1]["pairs"]["coverage"] == 1


def test_three_runs_share_one_baseline(world: None) -> None:
    make_run(Path("c"), right_or_wrong(gained=20))
    result = compare("a/refcoco", "b/refcoco", "c", "--json")
    found = [entry["comparisons"][0]["metrics"][0] for entry in json.loads(result.stdout)["candidates"]]
    assert [round(each["difference"], 3) for each in found] == [-0.07, 0.067]


def test_markdown_is_for_pasting(world: None) -> None:
    text = compare("a", "b", "--markdown").stdout
    assert "### refcoco: b/refcoco against a/refcoco" in text
    assert "| Acc@0.5 | 80.0 | 73.0 | -7.0 " in text
    assert "| refcoco | Acc@0.5 | -7.0 " in text
    assert text.count("<details>") == text.count("</details>") == 2


def test_settings_of_a_grid_are_matched_and_varied(world: None) -> None:
    big = VisionSettings(max_pixels=50176)
    for name, scores in (("a", right_or_wrong()), ("b", right_or_wrong(gained=9))):
        make_run(Path(name, "refcoco-max64t"), scores, vision=big, grid=f"grid {name}")
    result = compare("a", "b", "--json")
    assert result.exit_code == 0, result.output
    (entry,) = json.loads(result.stdout)["candidates"]
    names = [(each["baseline"]["name"], each["candidate"]["name"]) for each in entry["comparisons"]]
    assert ("a/refcoco-max64t", "b/refcoco-max64t") in names
    assert ("a/refcoco", "b/refcoco") in names
    refused = compare("a/refcoco", "b/refcoco-max64t")
    assert refused.exit_code == 12
    assert "max-pixels 12544 -> 50176" in refused.stderr
    assert compare("a/refcoco", "b/refcoco-max64t", "--vary", "max_pixels").exit_code == 0
    make_run(Path("grid", "1"), right_or_wrong())
    make_run(Path("grid", "2"), right_or_wrong(), vision=big)
    assert compare("grid/1", "grid/2").exit_code == 0, "one grid"


def test_a_hostile_answer_stays_words(world: None) -> None:
    evil, long = "\x1b]0;owned\x07[/x]\u202e", "y" * 74 + " ::error::x"

    def hostile(record: SampleRecord) -> SampleRecord:
        return replace(record, text=f"{evil}\n::error::x", question="x" * 200, id=f"{long} {record.id}")

    make_run(Path("c"), right_or_wrong(), change=hostile)
    make_run(Path("d"), right_or_wrong(lost=3), change=hostile)
    out = compare("c", "d").stdout
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert not [line for line in out.splitlines() if line.startswith("::")]
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a"], 2, "needs two run folders or more"),
        (["a", "none"], 2, "there is no run folder none"),
        (["a", "empty"], 2, "empty is no run and holds none"),
        (["a", "b", "--vary", "max-pixl"], 2, "did you mean max-pixels?"),
        (["a", "b", "--json", "--markdown"], 2, "choose one"),
        (["a/refcoco", "b"], 2, "the baseline has no run of charades-sta"),
        (["a", "b", "--flips", "-1"], 2, "--flips"),
        (["a", "partial"], 12, "is incomplete (interrupted)"),
    ],
)
def test_faults_are_told_in_one_sentence(world: None, arguments: list[str], code: int, words: str) -> None:
    make_run(Path("partial"), right_or_wrong(), status="interrupted")
    Path("empty").mkdir()
    result = compare(*arguments)
    assert result.exit_code == code, result.output
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_a_folder_that_was_set_aside_is_no_run(world: None) -> None:
    make_run(Path("a", "refcoco.old1"), right_or_wrong(lost=50))
    assert compare("a", "b").exit_code == 0
