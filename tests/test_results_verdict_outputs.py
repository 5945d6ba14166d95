"""One verdict, four forms: what each says, escapes, and leaves out when there is no room."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from gate_kit import Hasty, make_run, right_or_wrong
from vleval.results.gating.annotations import error_lines
from vleval.results.gating.gate import Allowed, judge_runs, verdict_document
from vleval.results.gating.junit import junit
from vleval.results.gating.markdown import verdict_markdown
from vleval.results.gating.policy import Policy, gates
from vleval.results.gating.text import verdict_line
from vleval.results.record import SampleRecord
from vleval.results.storage import disk
from vleval.stored.selection import metrics_of, one_per_task, read_sources

EVIL = "</testcase> ]]> | <img src=x> \x1b]0;owned\x07 ::error::x\n::add-mask::a \ud800"


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A verdict with a failure, a floor, a ceiling, a warning and a task that was not run."""
    root = tmp_path_factory.mktemp("runs")

    def hostile(record: SampleRecord) -> SampleRecord:
        return replace(record, text=EVIL, question=EVIL, id=f"{EVIL}{record.id}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "DISK", Hasty())
        base = make_run(root / "a", right_or_wrong(), change=hostile)
        cand = make_run(root / "b", right_or_wrong(lost=40), change=hostile)
    sides = [one_per_task(read_sources(path), "runs") for path in (cand, base)]
    policy = Policy.model_validate(
        {
            "defaults": {"max_drop": 0.02, "min_value": 0.5, "max_unparsed_rate": 0.1},
            "tasks": {"refcoco": {}, "charades-sta": {}},
        }
    )
    found = gates(policy, metrics_of, ["refcoco"], where="vleval.toml")
    judged = judge_runs(found, policy, sides[0], sides[1], metrics_of, Allowed())
    return verdict_document(judged, policy, where="vleval.toml", baseline="a", candidates=["b"], flips=5)


def test_the_document_says_what_happened(failed: dict[str, Any]) -> None:
    assert verdict_line(failed) == "FAIL (exit code 10): 1 not comparable, 1 failed, 3 passed"
    kinds = [(check["task"], check["kind"], check["state"]) for check in failed["checks"]]
    assert kinds == [
        ("refcoco", "drop", "fail"),
        ("refcoco", "floor", "pass"),
        ("refcoco", "ceiling", "pass"),
        ("refcoco", "ceiling", "pass"),
        ("charades-sta", "drop", "error"),
    ]
    assert failed["comparisons"][0]["worse"] == 40


def test_junit_is_well_formed_and_counts(failed: dict[str, Any]) -> None:
    spoilt = copy.deepcopy(failed)
    spoilt["checks"][0]["reason"] = EVIL
    suites = fromstring(junit(spoilt))
    suite = suites[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "1", "1")
    first, *_, last = suite
    assert (first.get("classname"), first.get("name")) == ("vleval.refcoco", "acc@0.5")
    assert first.find("failure") is not None
    assert last.find("error") is not None
    properties = {each.get("name"): each.get("value") for each in first.iter("property")}
    assert float(properties["difference"] or "nan") == pytest.approx(-40 / 300)
    assert properties["n"] == "300"


def test_the_summary_drops_flips_first_and_the_verdict_never(failed: dict[str, Any]) -> None:
    whole = verdict_markdown(failed)
    size = len(whole.encode())
    assert "<details>" in whole
    without_flips = verdict_markdown(failed, room=size - 1)
    assert "<details>" not in without_flips
    assert "### refcoco: " in without_flips
    bare = verdict_markdown(failed, room=10)
    assert bare == "## vleval gate: FAIL (exit code 10): 1 not comparable, 1 failed, 3 passed\n\n"


def test_the_summary_holds_nothing_of_a_model_but_words(failed: dict[str, Any]) -> None:
    whole = verdict_markdown(failed)
    assert "<img" not in whole
    assert "\x1b" not in whole
    rows = [line for line in whole.splitlines() if line.startswith("| ") and "add-mask" in line]
    assert len(rows) == 5
    assert all(row.replace("\\|", "").count("|") == 7 for row in rows)
    assert not [line for line in whole.splitlines() if line.startswith("::")]


def test_annotations_are_ten_at_most_one_line_each(failed: dict[str, Any]) -> None:
    assert [line.partition("::refcoco")[0] for line in error_lines(failed)][0] == (
        "::error title=vleval refcoco Acc@0.5"
    )
    assert len(error_lines(failed)) == 2
    many = copy.deepcopy(failed)
    many["checks"] = [dict(many["checks"][0], reason=EVIL) for _ in range(25)]
    lines = error_lines(many)
    assert len(lines) == 10
    assert lines[-1].endswith("16 more checks block the build: see the job's summary")
    assert all(line.startswith("::error ") and len(line.splitlines()) == 1 for line in lines)
