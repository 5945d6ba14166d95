"""A gate is seen to block: pairs of runs with a known difference, and the verdict on each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate_kit import hasty as hasty
from gate_kit import make_run, right_or_wrong, run_record
from vleval.results.comparing.pairing import Source
from vleval.results.gating.checks import Check
from vleval.results.gating.gate import Allowed, Judged, judge_runs
from vleval.results.gating.policy import Policy, gates
from vleval.results.record import SampleRecord
from vleval.stored.selection import metrics_of, one_per_task, read_sources

pytestmark = pytest.mark.usefixtures("hasty")

RECORD = run_record()
BASE = right_or_wrong()
STRICT = Allowed()


def judged(base: Sequence[Path], cand: Sequence[Path], allowed: Allowed = STRICT, **policy: Any) -> Judged:
    demands: Policy = Policy.model_validate({"defaults": {"max_drop": 0.05}, **policy})
    sides: list[dict[str, Source]] = [
        one_per_task([source for path in paths for source in read_sources(path)], "x")
        for paths in (cand, base)
    ]
    found = gates(demands, metrics_of, list(sides[0]), where="policy")
    return judge_runs(found, demands, sides[0], sides[1], metrics_of, allowed)


def drop(verdict: Judged) -> Check:
    (found,) = (check for check in verdict.checks if check.kind == "drop")
    return found


def pair(tmp_path: Path, cand: list[float], **record: Any) -> tuple[list[Path], list[Path]]:
    return [make_run(tmp_path / "base", BASE)], [make_run(tmp_path / "cand", cand, **record)]


@pytest.mark.parametrize(
    ("cand", "outcome", "state", "code"),
    [
        pytest.param(BASE, "PASS", "pass", 0, id="identical"),
        pytest.param(right_or_wrong(lost=1), "PASS", "pass", 0, id="tiny drop: one answer"),
        pytest.param(right_or_wrong(lost=8), "PASS", "warn", 0, id="small but real drop within the margin"),
        pytest.param(right_or_wrong(lost=40), "FAIL", "fail", 10, id="real drop"),
        pytest.param(right_or_wrong(lost=18), "FAIL", "fail", 10, id="significant, beyond the margin"),
        pytest.param(right_or_wrong(lost=12, gained=12), "PASS", "pass", 0, id="flips that cancel"),
        pytest.param(right_or_wrong(lost=40, gained=36), "INCONCLUSIVE", "warn", 0, id="too many flips"),
        pytest.param(right_or_wrong(gained=30), "IMPROVED", "pass", 0, id="better"),
    ],
)
def test_verdicts_on_known_differences(
    tmp_path: Path, cand: list[float], outcome: str, state: str, code: int
) -> None:
    verdict = judged(*pair(tmp_path, cand))
    check = drop(verdict)
    assert (check.outcome, check.state, verdict.exit_code) == (outcome, state, code), check.reason
    assert check.paired is not None
    assert check.paired.level == pytest.approx(0.90)
    assert check.paired.clusters == 150


@pytest.mark.parametrize(
    ("rules", "cand", "code"),
    [
        ({"on_inconclusive": "fail"}, right_or_wrong(lost=40, gained=36), 11),
        ({"on_inconclusive": "pass"}, right_or_wrong(lost=40, gained=36), 0),
        ({"on_small_drop": "fail"}, right_or_wrong(lost=8), 10),
        ({"on_small_drop": "pass"}, right_or_wrong(lost=8), 0),
        ({"tier": "informational"}, right_or_wrong(lost=40), 0),
        ({"min_n": 301, "on_inconclusive": "fail"}, BASE, 11),
        ({"min_n": 301, "on_inconclusive": "fail"}, right_or_wrong(lost=40), 10),
        ({"min_value": 0.8}, BASE, 0),
        ({"min_value": 0.801}, BASE, 10),
        ({"min_value": 0.801, "tier": "informational"}, BASE, 0),
    ],
)
def test_reactions_and_floors(tmp_path: Path, rules: dict[str, Any], cand: list[float], code: int) -> None:
    assert judged(*pair(tmp_path, cand), defaults={"max_drop": 0.05, **rules}).exit_code == code


def spoilt(status: str, count: int) -> Any:
    def change(record: SampleRecord) -> SampleRecord:
        if record.id >= f"q{count:05d}":
            return record
        zeros = dict.fromkeys(record.metrics, 0.0)
        failure = "model_error" if status == "failed" else None
        return replace(record, status=status, failure=failure, metrics=zeros)

    return change


@pytest.mark.parametrize(
    ("status", "count", "key", "code"),
    [
        ("failed", 3, "max_error_rate", 0),
        ("failed", 4, "max_error_rate", 10),
        ("unparsed", 3, "max_unparsed_rate", 0),
        ("unparsed", 4, "max_unparsed_rate", 10),
    ],
)
def test_ceilings_hold_exactly(tmp_path: Path, status: str, count: int, key: str, code: int) -> None:
    base, cand = pair(tmp_path, BASE, change=spoilt(status, count))
    verdict = judged(base, cand, defaults={"max_drop": 0.05, key: 0.01, "max_error_rate": 0.01})
    (check,) = (check for check in verdict.checks if check.name == status)
    assert verdict.exit_code == code
    assert check.value == count / 300
    assert check.bound is not None
    assert check.bound > check.value


def lacking(record: SampleRecord) -> SampleRecord | None:
    return None if record.id < "q00020" else record


def repainted(record: SampleRecord) -> SampleRecord:
    return replace(record, input_sha256="00" * 32) if record.id < "q00020" else record


def not_a_number(record: SampleRecord) -> SampleRecord:
    return (
        replace(record, metrics=dict.fromkeys(record.metrics, math.nan)) if record.id < "q00020" else record
    )


@pytest.mark.parametrize(
    ("record", "words"),
    [
        pytest.param({"change": lacking}, "20 only in the baseline", id="missing samples"),
        pytest.param({"change": repainted}, "20 other medium or prompt", id="other data revision"),
        pytest.param({"change": not_a_number}, "20 score is not a number", id="NaN scores"),
        pytest.param({"status": "interrupted"}, "is incomplete", id="incomplete run"),
        pytest.param({"task": replace(RECORD.task, version=9)}, "score differently", id="task version"),
        pytest.param({"vision": replace(RECORD.vision, max_pixels=50176)}, "--vary max-pixels", id="pixels"),
        pytest.param({"data": replace(RECORD.data, bundled=True)}, "--allow-bundled", id="bundled data"),
        pytest.param({"bundled_model": True}, "the bundled checkpoint", id="bundled checkpoint"),
    ],
)
def test_what_does_not_compare_is_neither_pass_nor_fail(
    tmp_path: Path, record: dict[str, Any], words: str
) -> None:
    verdict = judged(*pair(tmp_path, BASE, **record))
    check = drop(verdict)
    assert (check.outcome, check.state, verdict.exit_code) == ("NOT COMPARABLE", "error", 12)
    assert words in check.reason


def test_one_answer_that_is_no_number_is_left_out_and_told(tmp_path: Path) -> None:
    def one(record: SampleRecord) -> SampleRecord:
        return not_a_number(record) if record.id == "q00000" else record

    verdict = judged(*pair(tmp_path, BASE, change=one))
    assert verdict.exit_code == 0
    assert verdict.comparisons[0].warnings[0] == "questions left out: 1 score is not a number"


def test_bundled_runs_are_judged_where_that_is_allowed(tmp_path: Path) -> None:
    bundled = replace(RECORD.data, bundled=True)
    base = [make_run(tmp_path / "base", BASE, data=bundled)]
    cand = [make_run(tmp_path / "cand", BASE, data=bundled)]
    assert judged(base, cand).exit_code == 12
    assert judged(base, cand, Allowed(bundled=True)).exit_code == 0


def test_without_a_baseline_floors_still_hold(tmp_path: Path) -> None:
    cand = [make_run(tmp_path / "cand", BASE)]
    rules = {"defaults": {"max_drop": 0.05, "min_value": 0.9}}
    assert judged([], cand).exit_code == 12
    assert judged([], cand, Allowed(missing_baseline=True)).exit_code == 0
    assert judged([], cand, Allowed(missing_baseline=True), **rules).exit_code == 10


def test_a_demanded_task_that_was_not_run_is_not_comparable(tmp_path: Path) -> None:
    base, cand = pair(tmp_path, BASE)
    verdict = judged(base, cand, tasks={"refcoco": {}, "charades-sta": {}})
    assert {check.task: check.exit_code for check in verdict.checks if check.kind == "drop"} == {
        "refcoco": 0,
        "charades-sta": 12,
    }


def test_a_run_that_nobody_demands_is_told(tmp_path: Path) -> None:
    base, cand = pair(tmp_path, BASE)
    cand.append(make_run(tmp_path / "other", BASE, of="charades-sta"))
    assert (
        "the policy does not name charades-sta: it is not judged"
        in judged(base, cand, tasks={"refcoco": {}}).warnings
    )


def test_a_regression_is_said_before_what_could_not_be_judged(tmp_path: Path) -> None:
    base, cand = pair(tmp_path, right_or_wrong(lost=40))
    assert judged(base, cand, tasks={"refcoco": {}, "charades-sta": {}}).exit_code == 10


def test_of_many_metrics_a_lucky_drop_fails_alone_but_not_among_many(tmp_path: Path) -> None:
    """Holm corrects what can fail: one drop at p = 0.03 fails alone, not as one of five."""
    base, cand = pair(tmp_path, right_or_wrong(lost=40, gained=22))
    rules = {"defaults": {"max_drop": 0.04}}
    alone = judged(base, cand, **rules)
    assert drop(alone).outcome == "FAIL"
    assert 0.01 < (drop(alone).paired.p_drop or 0) < 0.05  # type: ignore[union-attr]
    many = {"tasks": {"refcoco": [{"metric": metric.name} for metric in metrics_of("refcoco")]}}
    # Equal metrics here, so five equal p-values, each multiplied by five.
    together = judged(base, cand, **rules, **many)
    assert {check.outcome for check in together.checks if check.kind == "drop"} == {"INCONCLUSIVE"}
    uncorrected = judged(base, cand, **rules, **many, correction="none")
    assert {check.outcome for check in uncorrected.checks if check.kind == "drop"} == {"FAIL"}


def test_a_margin_that_the_pairs_cannot_support_is_warned_of(tmp_path: Path) -> None:
    """Figures of reliability.md, section 5.8: 10% change and a margin of 2 points want 1,546 pairs."""
    base, cand = pair(tmp_path, BASE)
    (warning,) = judged(base, cand, defaults={"max_drop": 0.02}).warnings
    assert "300 pairs support a margin of 4.5, not of 2.0, which needs about 1,546" in warning
    assert not judged(base, cand, defaults={"max_drop": 0.05}).warnings


def test_latency_informs_and_never_blocks(tmp_path: Path) -> None:
    def slower(record: SampleRecord) -> SampleRecord:
        factor = 1.5 if record.id < "q00150" else 1.6
        return replace(record, usage=replace(record.usage, decode_seconds=0.25 * factor))

    base, cand = pair(tmp_path, BASE, change=slower)
    verdict = judged(base, cand, defaults={"max_drop": 0.05, "max_latency_ratio": 1.1})
    (check,) = (check for check in verdict.checks if check.kind == "latency")
    assert (check.outcome, check.state, verdict.exit_code) == ("FAIL", "warn", 0)
    assert check.value == pytest.approx((1.5 * 1.6) ** 0.5)
