"""Paired comparisons: worked numbers, scipy and statsmodels as oracles, the choice of method, its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test, ttest_rel
from statsmodels.regression.linear_model import OLS

from vleval.results.statistics.clusters import cluster
from vleval.results.statistics.discordant import Discordance, mcnemar, tango
from vleval.results.statistics.paired import PairedResult, compare_counts, compare_metric, paired_t
from vleval.results.statistics.ratio import compare_ratio
from vleval.results.statistics.sign_flip import sign_flip
from vleval.tasks.base import Metric

IOU = Metric("mean_iou", "Mean IoU")
ERRORS = Metric("errors", "Errors", higher_is_better=False)
BASE = [0.91, 0.40, 0.77, 0.05, 0.62, 0.88, 0.70, 0.33]
CAND = [0.86, 0.45, 0.70, 0.01, 0.55, 0.88, 0.61, 0.30]
DIFFERENCES = np.subtract(CAND, BASE)
PAIRS_OF_IMAGES = [0, 0, 1, 1, 2, 2, 3, 3]


def noisy(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    base = random.random(n)
    return base, base + random.normal(-0.02, 0.1, n)


def test_paired_t_equals_the_worked_numbers() -> None:
    found = paired_t(cluster(DIFFERENCES))
    assert found.difference == pytest.approx(-0.0375, abs=1e-12)
    assert found.standard_error == pytest.approx(0.01589586649, abs=1e-9)
    assert found.p_value == pytest.approx(0.05040770162, abs=1e-9)
    assert found.p_drop == pytest.approx(0.02520385081, abs=1e-9)
    assert found.interval == pytest.approx((-0.0750877514, 8.775139941e-05), abs=1e-9)
    narrow = paired_t(cluster(DIFFERENCES), level=0.90)
    assert narrow.interval == pytest.approx((-0.06761596856, -0.007384031441), abs=1e-9)
    assert paired_t(cluster(DIFFERENCES, PAIRS_OF_IMAGES)).standard_error == pytest.approx(
        0.01361677887, abs=1e-9
    )


def test_paired_t_on_right_and_wrong_equals_the_worked_numbers() -> None:
    found = paired_t(cluster([1] * 5 + [-1] * 15 + [0] * 180))
    assert found.standard_error == pytest.approx(0.02213480853, abs=1e-9)
    assert found.p_value == pytest.approx(0.02497487385, abs=1e-9)
    assert found.interval == pytest.approx((-0.09364888054, -0.00635111946), abs=1e-9)
    assert compare_counts(Discordance(5, 15, 200)).standard_error == pytest.approx(found.standard_error)


@pytest.mark.parametrize(("margin", "p_value"), [(0.05, 0.2287209919), (0.08, 0.01591538899)])
def test_an_interval_reaches_the_margin_at_the_level_of_its_p_value(margin: float, p_value: float) -> None:
    """P(t > (d + margin) / se) is the worked p-value of "the drop is at least the margin"."""
    found = paired_t(cluster(DIFFERENCES), level=1 - 2 * p_value)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(-margin, abs=1e-9)


def test_sign_flips_equal_the_worked_numbers() -> None:
    found = sign_flip(cluster(DIFFERENCES), level=0.95)
    assert (found.p_value, found.p_drop, found.exact) == (0.078125, 0.0390625, True)


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=9))
def test_exact_sign_flips_equal_scipy(values: list[int]) -> None:
    found = sign_flip(cluster(values), level=0.9)
    for alternative, p_value in (("less", found.p_drop), ("two-sided", found.p_value)):
        oracle = permutation_test(
            (np.array(values, float),),
            np.sum,
            permutation_type="samples",
            alternative=alternative,
            n_resamples=np.inf,
        )
        assert p_value == pytest.approx(oracle.pvalue, abs=1e-12)


@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(1, 4)), min_size=6, max_size=9))
def test_the_flip_interval_holds_the_shifts_that_are_not_rejected(clusters: list[tuple[float, int]]) -> None:
    """Just inside an end the test of that shift accepts, just outside it rejects."""
    values = [value for value, size in clusters for _ in range(size)]
    keys = [key for key, (_, size) in enumerate(clusters) for _ in range(size)]
    for sign in (1, -1):
        turned = sign * np.array(values)
        interval = sign_flip(cluster(turned, keys), level=0.9).interval
        assert interval is not None
        for step, rejected in ((1e-6, True), (-1e-6, False)):
            shifted = cluster(turned - (interval.high + step), keys)
            assert (sign_flip(shifted, level=0.9).p_drop <= 0.05) == rejected


def test_drawn_sign_flips_come_near_the_exact_ones_and_repeat() -> None:
    """17 clusters are drawn; the t test of that many normal values is the yardstick."""
    values = np.random.default_rng(5).normal(0.3, 1, 17)
    first, again = (
        sign_flip(cluster(values[order]), level=0.9) for order in (slice(None), slice(None, None, -1))
    )
    assert not first.exact
    assert first == again
    reference = paired_t(cluster(values), level=0.9)
    assert first.p_value == pytest.approx(reference.p_value, abs=0.02)
    assert first.interval == pytest.approx(reference.interval, abs=0.06)


def test_many_unchanged_clusters_cost_nothing_and_count() -> None:
    """Two of 20,000 clusters lost: p is 1/4 one-sided, and the drop at most twice what was seen."""
    scores = np.ones(60_000)
    changed = scores.copy()
    changed[[0, 3]] = 0
    found = compare_metric(scores, changed, [index // 3 for index in range(60_000)], IOU, level=0.9)
    assert found.method == "sign flips, 9,999 draws"
    assert found.p_drop == pytest.approx(0.25, abs=0.02)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(-4 / 60_000, rel=0.05)
    assert found.interval.high == 0.0
    assert "only 2 of 20000 clusters changed" in found.warnings[0]


@pytest.mark.parametrize(
    ("n", "per_cluster", "binary", "method"),
    [
        (8, 1, True, "McNemar exact, Tango interval"),  # exact at any size
        (300, 1, True, "McNemar exact, Tango interval"),
        (300, 1, False, "paired t"),
        (30, 1, False, "paired t"),
        (29, 1, False, "sign flips, 9,999 draws"),
        (10, 1, False, "sign flips, exact"),
        (4, 1, False, "fewer than 5 clusters"),
        (60, 3, False, "paired clustered t (CR1)"),
        (600, 2, True, "paired clustered t (CR1)"),
        (57, 3, False, "sign flips, 9,999 draws"),
        (30, 3, True, "sign flips, exact"),
        (12, 3, False, "fewer than 5 clusters"),
    ],
)
def test_the_method_follows_from_the_scores(n: int, per_cluster: int, binary: bool, method: str) -> None:
    base, cand = noisy(n)
    if binary:
        base, cand = (base > 0.5).astype(float), (cand > 0.45).astype(float)
        cand[0] = 1 - base[0]
    found = compare_metric(base, cand, [index // per_cluster for index in range(n)], IOU)
    assert found.method == method
    assert (found.n, found.clusters) == (n, n // per_cluster)
    assert (found.interval is None) == method.startswith("fewer")
    assert bool(found.warnings) == method.startswith("sign flips")


def test_right_and_wrong_once_per_image_uses_mcnemar_and_tango() -> None:
    base = [0.0] * 5 + [1.0] * 15 + [1.0] * 180
    cand = [1.0] * 5 + [0.0] * 15 + [1.0] * 180
    found = compare_metric(base, cand, range(200), IOU)
    assert found.discordance == Discordance(5, 15, 200)
    assert found.interval == tango(5, 15, 200)
    assert (found.p_value, found.mid_p, found.p_drop) == mcnemar(5, 15)
    narrow = compare_metric(base, cand, range(200), IOU, level=0.90)
    assert (narrow.interval, narrow.level) == (tango(5, 15, 200, level=0.90), 0.90)
    # The same counts where less is better are gains.
    assert compare_metric(base, cand, range(200), ERRORS).discordance == Discordance(15, 5, 200)


def test_continuous_scores_equal_scipy_and_clustered_ones_statsmodels() -> None:
    base, cand = noisy(200)
    found = compare_metric(base, cand, range(200), IOU, level=0.9)
    oracle = ttest_rel(cand, base)
    assert found.p_value == pytest.approx(oracle.pvalue, abs=1e-12)
    assert found.interval == pytest.approx(tuple(oracle.confidence_interval(0.9)), abs=1e-12)
    assert found.p_drop == pytest.approx(ttest_rel(cand, base, alternative="less").pvalue, abs=1e-12)

    keys = np.arange(200) // 4
    found = compare_metric(base, cand, keys.tolist(), IOU)
    fit = OLS(cand - base, np.ones(200)).fit(cov_type="cluster", cov_kwds={"groups": keys}, use_t=True)
    assert found.standard_error == pytest.approx(float(fit.bse[0]), abs=1e-12)
    assert found.p_value == pytest.approx(float(fit.pvalues[0]), abs=1e-9)
    assert found.interval == pytest.approx(tuple(fit.conf_int()[0]), abs=1e-9)


def test_equal_scores_are_identical_with_no_doubt() -> None:
    found = compare_metric(BASE, BASE, range(8), IOU)
    assert (found.method, found.difference, found.interval) == ("identical scores", 0.0, (0.0, 0.0))
    assert (found.p_value, found.p_drop, found.standard_error) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize("clusters", [6, 40])
def test_a_constant_change_is_never_p_zero(clusters: int) -> None:
    """Every answer lost, two questions per image: no variance, yet no certainty either."""
    n = 2 * clusters
    found = compare_metric(np.ones(n), np.zeros(n), [index // 2 for index in range(n)], IOU, level=0.9)
    assert found.difference == -1
    assert found.interval == (-1, -1)
    assert found.p_value == pytest.approx(2 / 2**6 if clusters == 6 else 2 / 10_000)
    assert paired_t(cluster(-np.ones(n))).interval is None


def test_five_clusters_reach_90_but_not_95_percent() -> None:
    base, cand = noisy(5)
    assert compare_metric(base, cand, range(5), IOU, level=0.90).interval is not None
    found = compare_metric(base, cand, range(5), IOU, level=0.95)
    assert found.interval is None
    assert found.method == "sign flips, exact; too few clusters for a 95% interval"


def test_no_pairs() -> None:
    found = compare_metric([], [], [], IOU)
    assert (found.difference, found.interval, found.p_value, found.method) == (None, None, None, "no pairs")


@pytest.mark.parametrize(
    ("base", "cand", "clusters", "message"),
    [
        ([1.0], [1.0, 0.0], ["a", "b"], "1 scores of the baseline but 2"),
        ([1.0, 0.0], [1.0, 0.0], ["a"], "2 values but 1"),
        ([1.0, float("nan")], [1.0, 0.0], ["a", "b"], "finite"),
    ],
)
def test_unusable_scores_are_refused(
    base: list[float], cand: list[float], clusters: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compare_metric(base, cand, clusters, IOU)


scores = st.lists(
    st.tuples(st.sampled_from([0.0, 0.25, 1.0]), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 40)),
    min_size=5,
    max_size=80,
)


def compared(rows: list[tuple[float, float, int]], metric: Metric = IOU) -> PairedResult:
    base, cand, keys = zip(*rows, strict=True)
    return compare_metric(base, cand, keys, metric, level=0.9)


@given(scores)
def test_swapping_the_models_turns_everything_round(rows: list[tuple[float, float, int]]) -> None:
    forth, back = compared(rows), compared([(cand, base, key) for base, cand, key in rows])
    assert forth.difference == -back.difference
    assert forth.method == back.method
    assert (forth.interval is None) == (back.interval is None)
    if forth.interval and back.interval and "draws" not in forth.method:
        assert forth.p_value == pytest.approx(back.p_value, abs=1e-9)
        assert forth.interval == pytest.approx((-back.interval.high, -back.interval.low), abs=1e-9)
    # Less is better is the same as swapped.
    assert compared(rows, ERRORS) == back


@given(scores.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_the_order_of_the_pairs_changes_no_bit(orders: tuple[list[tuple[float, float, int]], ...]) -> None:
    first, second = (compared(rows) for rows in orders)
    assert first == second


def test_latency_ratio_equals_the_worked_numbers() -> None:
    found = compare_ratio([100, 120, 90, 200, 150], [110, 126, 95, 230, 150], range(5))
    assert found.ratio == pytest.approx(1.069922164, abs=1e-9)
    assert found.interval == pytest.approx((1.002233017, 1.142182922), abs=1e-9)
    assert found.ratio_of_medians == pytest.approx(1.05)
    assert found.method == "paired t of logarithms"


def test_ratios_without_variance_or_pairs_have_no_interval() -> None:
    found = compare_ratio([1, 2, 4], [2, 4, 8], "abc")
    assert (found.ratio, found.interval, found.method) == (
        pytest.approx(2.0),
        None,
        "no variance between clusters",
    )
    assert compare_ratio([], [], []).ratio is None


@pytest.mark.parametrize(
    ("base", "cand", "message"), [([1.0], [1.0, 2.0], "1 amounts"), ([1.0, 0.0], [1.0, 2.0], "above zero")]
)
def test_unusable_amounts_are_refused(base: list[float], cand: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare_ratio(base, cand, ["a", "b"])
