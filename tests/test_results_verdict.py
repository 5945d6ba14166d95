"""Verdicts on worked examples, at every border of their table, and their error rates by simulation."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vleval.results.statistics.clusters import cluster
from vleval.results.statistics.discordant import Discordance
from vleval.results.statistics.paired import PairedResult, compare_counts, compare_metric, paired_t
from vleval.results.statistics.stats import Interval
from vleval.results.statistics.verdict import FailRule, judge, judge_all, level_of
from vleval.tasks.base import Metric

IOU = Metric("mean_iou", "Mean IoU")
BASE = [0.91, 0.40, 0.77, 0.05, 0.62, 0.88, 0.70, 0.33]
CAND = [0.86, 0.45, 0.70, 0.01, 0.55, 0.88, 0.61, 0.30]
WORKED = paired_t(cluster(np.subtract(CAND, BASE)), level=0.90)
"""90% interval (-0.0676, -0.0074), one-sided p 0.0252."""


def result(
    difference: float, low: float, high: float, p_drop: float = 0.01, p_value: float = 0.02
) -> PairedResult:
    return replace(
        WORKED, difference=difference, interval=Interval(low, high), p_drop=p_drop, p_value=p_value
    )


@pytest.mark.parametrize(
    ("max_drop", "outcome", "reason", "small_drop"),
    [
        (0.08, "PASS", "a small but real drop, within the margin", True),
        (0.05, "INCONCLUSIVE", "too few pairs to tell a drop beyond the margin from none", False),
        (0.02, "FAIL", "a significant drop, its estimate beyond the margin", False),
        (0.005, "FAIL", "a drop beyond the margin is established", False),
    ],
)
def test_the_worked_verdicts(max_drop: float, outcome: str, reason: str, small_drop: bool) -> None:
    found = judge(WORKED, max_drop)
    assert (found.outcome, found.reason, found.small_drop) == (outcome, reason, small_drop)


@pytest.mark.parametrize(
    ("compared", "fail_rule", "outcome"),
    [
        (result(0.03, 0.01, 0.05, 0.99), "point", "IMPROVED"),
        (result(0.02, 0.0, 0.04, 0.95), "point", "PASS"),  # touching zero is not above it
        (result(0.0, -0.02, 0.02, 0.5, 1.0), "point", "PASS"),  # touching the margin is within it
        (result(0.0, -0.021, 0.02, 0.5, 1.0), "point", "INCONCLUSIVE"),
        (result(-0.03, -0.05, -0.01), "point", "FAIL"),
        (result(-0.03, -0.05, -0.01), "established", "INCONCLUSIVE"),
        (result(-0.03, -0.05, -0.021), "established", "FAIL"),
        (result(-0.02, -0.03, -0.01), "point", "INCONCLUSIVE"),  # the estimate is not beyond the margin
        (result(-0.03, -0.05, 0.0, 0.05), "point", "INCONCLUSIVE"),  # the drop may be none
    ],
)
def test_every_row_of_the_table(compared: PairedResult, fail_rule: FailRule, outcome: str) -> None:
    assert judge(compared, 0.02, fail_rule=fail_rule).outcome == outcome


@pytest.mark.parametrize(
    ("gains", "losses", "n", "max_drop", "outcome"),
    [
        # Tango's interval excludes zero, the exact test (1/16) does not: nothing is claimed.
        (0, 4, 200, 0.01, "INCONCLUSIVE"),
        (0, 4, 2000, 0.01, "PASS"),
        (4, 0, 200, 0.01, "PASS"),
        (5, 0, 200, 0.01, "IMPROVED"),
        (0, 5, 200, 0.01, "FAIL"),
    ],
)
def test_a_claim_needs_the_exact_p_value(
    gains: int, losses: int, n: int, max_drop: float, outcome: str
) -> None:
    compared = compare_counts(Discordance(gains, losses, n), level=0.90)
    assert compared.interval is not None
    assert not compared.interval.low <= 0 <= compared.interval.high
    found = judge(compared, max_drop)
    assert found.outcome == outcome
    assert not found.small_drop


def test_identical_scores_pass() -> None:
    found = judge(compare_metric(BASE, BASE, range(8), IOU, level=0.90), 0.001)
    assert (found.outcome, found.detectable, found.pairs_needed) == ("PASS", None, None)


@pytest.mark.parametrize("n", [0, 4])
def test_without_an_interval_nothing_is_concluded(n: int) -> None:
    found = judge(compare_metric([0.9] * n, [0.1 * i for i in range(n)], range(n), IOU, level=0.90), 0.5)
    assert found.outcome == "INCONCLUSIVE"
    assert found.reason == ("no pairs" if n == 0 else "fewer than 5 clusters")


def test_what_it_would_take() -> None:
    """10% discordance, no difference: sizes for margins of 2 and 3 points, and what 500 pairs show."""
    compared = replace(
        compare_counts(Discordance(25, 25, 500), level=0.90), standard_error=(0.10 / 500) ** 0.5
    )
    found = judge(compared, 0.02)
    assert found.outcome == "INCONCLUSIVE"
    assert found.pairs_needed == 1546
    assert found.detectable == pytest.approx(0.03962039812, abs=1e-9)
    assert judge(compared, 0.03).pairs_needed == 687


def test_holm_keeps_many_metrics_from_failing_by_chance() -> None:
    """One in eight equal metrics drops with p 0.02: alone it fails, among eight it does not."""
    unlucky = result(-0.03, -0.05, -0.01, p_drop=0.02)
    equal = result(0.0, -0.01, 0.01, p_drop=0.5, p_value=1.0)
    unknown = replace(equal, interval=None, p_drop=None, p_value=None)
    family = [equal] * 3 + [unlucky, unknown] + [equal] * 4
    corrected = [verdict.outcome for verdict in judge_all(family, [0.02] * 9)]
    assert corrected == ["PASS"] * 3 + ["INCONCLUSIVE"] * 2 + ["PASS"] * 4
    found = judge_all(family, [0.02] * 9)[3]
    assert found.reason == "a drop that is not significant among so many metrics"
    assert judge_all(family, [0.02] * 9, correction="none")[3].outcome == "FAIL"
    assert judge_all([unlucky], [0.02])[0].outcome == "FAIL"
    sure = replace(unlucky, p_drop=0.004)
    assert judge_all([sure, *family[:3]], [0.02] * 4)[0].outcome == "FAIL"


@pytest.mark.parametrize(
    ("compared", "max_drop", "message"),
    [
        (WORKED, 0.0, "above zero"),
        (WORKED, -0.01, "above zero"),
        (WORKED, float("nan"), "above zero"),
        (paired_t(cluster(np.subtract(CAND, BASE))), 0.02, "level 0.9"),
    ],
)
def test_unusable_margins_and_levels_are_refused(
    compared: PairedResult, max_drop: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        judge(compared, max_drop)


@given(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 500)),
    st.floats(0.001, 0.2),
    st.floats(0.001, 0.2),
)
def test_a_wider_margin_never_turns_a_pass_into_a_fail(
    table: tuple[int, int, int], margin: float, other: float
) -> None:
    gains, losses, same = table
    compared = compare_counts(Discordance(gains, losses, gains + losses + same), level=level_of(0.05))
    strict, lenient = (judge(compared, each).outcome for each in sorted((margin, other)))
    rank = {"FAIL": 0, "INCONCLUSIVE": 1, "PASS": 2, "IMPROVED": 3}
    assert rank[strict] <= rank[lenient]


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "verdict_rates.py"
    spec = importlib.util.spec_from_file_location("verdict_rates", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SIMULATIONS = 2000
SLACK = 0.035
"""Three standard errors of a simulated share near one half."""


@pytest.mark.parametrize(
    ("n", "lower", "by_1", "by_2", "mcnemar"),
    [
        (100, 0.434, 0.313, 0.214, 0.025),
        (500, 0.475, 0.217, 0.068, 0.036),
        (2000, 0.479, 0.074, 0.0019, 0.040),
    ],
)
def test_equal_models_fail_naive_gates_and_pass_or_leave_open_ours(
    benchmark: ModuleType, n: int, lower: float, by_1: float, by_2: float, mcnemar: float
) -> None:
    """False alarms of "lower", "lower by 1 or 2 points" and McNemar as recorded; of verdicts 5%."""
    found = benchmark.rates(np.random.default_rng(1), n, 0.0, SIMULATIONS)
    assert found[:4] == pytest.approx((lower, by_1, by_2, mcnemar), abs=SLACK)
    assert found.verdicts["FAIL"] <= 0.055
    assert found.verdicts["IMPROVED"] <= 0.055
    assert sum(found.verdicts.values()) == pytest.approx(1.0)


def test_a_drop_of_the_margin_passes_in_one_of_twenty_and_twice_that_is_caught(benchmark: ModuleType) -> None:
    random = np.random.default_rng(2)
    at_margin = benchmark.rates(random, 2000, -0.02, SIMULATIONS).verdicts
    assert at_margin["PASS"] + at_margin["IMPROVED"] == pytest.approx(0.05, abs=0.015)
    beyond = benchmark.rates(random, 2000, -0.04, SIMULATIONS).verdicts
    assert beyond["FAIL"] > 0.98
    assert beyond["PASS"] == 0.0


def test_eight_equal_tasks_and_clustered_intervals(benchmark: ModuleType) -> None:
    lower, uncorrected, failed = benchmark.any_of_eight(np.random.default_rng(3), 500, 300)
    assert lower > 0.95
    assert uncorrected == pytest.approx(1 - (1 - 0.037) ** 8, abs=0.08)
    assert failed < 0.07
    naive, clustered = benchmark.coverage(np.random.default_rng(4), 1000)
    assert naive == pytest.approx(0.838, abs=SLACK)
    assert clustered == pytest.approx(0.953, abs=0.02)
