"""The cluster bootstrap against every resample of three values, worked draws, and repeated images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vleval.results.statistics.bootstrap import (
    Weights,
    cluster_weights,
    compare_aggregates,
    estimate_aggregate,
    tail_chances,
)
from vleval.tasks.base import Metric

AP = Metric("ap", "AP")
BASE = np.array([0.91, 0.40, 0.77, 0.05, 0.62, 0.88, 0.70, 0.33])
CAND = np.array([0.86, 0.45, 0.70, 0.01, 0.55, 0.88, 0.61, 0.30])


def mean_of(values: np.ndarray):  # type: ignore[no-untyped-def]
    return lambda weights: float(weights @ values / weights.sum())


def test_drawn_resamples_come_near_all_27_of_three_values() -> None:
    values = np.array([-0.10, 0.0, 0.04])
    every = np.array([values[list(drawn)].mean() for drawn in itertools.product(range(3), repeat=3)])
    assert every.std() == pytest.approx(0.03399346342, abs=1e-9)
    drawn = np.array([mean_of(values)(weights) for weights in cluster_weights("abc", draws=20_000)])
    assert drawn.mean() == pytest.approx(-0.02, abs=1e-3)
    assert drawn.std() == pytest.approx(every.std(), abs=1e-3)
    assert np.mean(drawn < -1e-9) == pytest.approx(19 / 27, abs=0.01)
    assert np.quantile(every, [0.025, 0.975]) == pytest.approx([-0.07833333333, 0.03133333333], abs=1e-9)


def test_p_values_of_the_27_resamples() -> None:
    every = np.array([sum(drawn) for drawn in itertools.product([-10, 0, 4], repeat=3)])
    two_sided, drop = tail_chances(every)
    # 19 below zero and one at it: 8 of 27 speak against a drop.
    assert drop == pytest.approx((1 + 8) / 28)
    assert two_sided == pytest.approx(2 * (1 + 8) / 28)


def test_seeded_draws_equal_the_worked_numbers() -> None:
    """The stream of a generator is not promised across numpy versions, hence 1e-3."""
    weights = list(cluster_weights(range(8), draws=10_000, seed=1234))
    differences = np.array([mean_of(CAND - BASE)(each) for each in weights])
    assert np.quantile(differences, [0.025, 0.975]) == pytest.approx([-0.06375, -0.00625], abs=1e-3)
    assert differences.std(ddof=1) == pytest.approx(0.0148180567, abs=1e-3)
    assert tail_chances(differences)[0] == pytest.approx(0.0197980202, abs=5e-3)


def test_weights_hold_whole_clusters_and_ignore_the_items_order() -> None:
    keys = ["b", "a", "a", "c", "b", "a"]
    for weights, turned in zip(
        cluster_weights(keys, draws=50), cluster_weights(keys[::-1], draws=50), strict=True
    ):
        assert weights[0] == weights[4]
        assert weights[1] == weights[2] == weights[5]
        assert weights[0] + weights[1] + weights[3] == 3
        assert (turned[::-1] == weights).all()


def test_both_models_see_the_same_resamples() -> None:
    """A candidate that is better by the same amount everywhere is better by it in every resample."""
    found = compare_aggregates(mean_of(BASE), mean_of(BASE + 0.1), range(8), AP, draws=200)
    assert found.difference == pytest.approx(0.1)
    assert found.interval == pytest.approx((0.1, 0.1))
    assert found.standard_error == pytest.approx(0.0, abs=1e-12)
    assert found.p_value == pytest.approx(2 / 201)
    assert found.warnings == ("8 clusters are few for a bootstrap interval (20)",)
    less = Metric("wer", "WER", higher_is_better=False)
    worse = compare_aggregates(mean_of(BASE), mean_of(BASE + 0.1), range(8), less, draws=200)
    assert worse.difference == pytest.approx(-0.1)
    assert worse.p_drop == pytest.approx(1 / 201)


def test_means_get_nearly_the_t_interval() -> None:
    values = np.random.default_rng(3).normal(0.5, 0.2, 400)
    keys = [index // 2 for index in range(400)]
    found = estimate_aggregate(mean_of(values), keys)
    assert found.value == pytest.approx(values.mean())
    assert (found.n, found.clusters, found.method) == (400, 200, "cluster bootstrap, 2,000 draws")
    error = values.reshape(200, 2).mean(axis=1).std(ddof=1) / np.sqrt(200)
    assert found.standard_error == pytest.approx(error, rel=0.05)
    assert found.interval == pytest.approx((found.value - 1.96 * error, found.value + 1.96 * error), abs=2e-3)


def test_a_score_lies_in_its_interval_where_resamples_score_higher() -> None:
    """As average precision does: a resample of equal pictures is easier to rank."""
    values = np.random.default_rng(5).normal(0.5, 0.2, 100)

    def shifted(weights: Weights) -> float:
        return float(weights @ values / 100) + 0.2 * float((weights == 0).mean())

    found = estimate_aggregate(shifted, range(100))
    assert found.value == pytest.approx(values.mean()) and found.interval is not None
    low, high = found.interval
    assert (low + high) / 2 == pytest.approx(found.value)
    assert (high - low) / 2 == pytest.approx(1.984 * values.std(ddof=1) / 10, rel=0.1)


def rare(weights: Weights) -> float | None:
    """Undefined unless the first of twenty items was drawn (chance 0.64)."""
    return float(weights[:2].sum()) if weights[0] else None


def test_undefined_resamples_are_left_out_and_told() -> None:
    found = compare_aggregates(rare, lambda weights: rare(weights), range(20), AP, draws=100)
    assert found.interval == (0.0, 0.0)
    left_out = int(found.warnings[0].split()[2])
    assert found.warnings == (f"undefined in {left_out} of 100 resamples, which were left out",)
    assert 20 <= left_out <= 55
    assert found.method == f"cluster bootstrap, {100 - left_out} draws"


@pytest.mark.parametrize(
    ("clusters", "defined", "value", "method"),
    [
        ([], True, None, "no samples"),
        (range(30), False, None, "undefined on these samples"),
        (range(4), True, 4.0, "fewer than 5 clusters"),
    ],
)
def test_what_is_undefined_is_none_and_says_why(
    clusters: list[int], defined: bool, value: float | None, method: str
) -> None:
    def total(weights: Weights) -> float | None:
        return float(weights.sum()) if defined else None

    found = estimate_aggregate(total, clusters)
    assert (found.value, found.interval, found.method) == (value, None, method)
    paired = compare_aggregates(total, total, clusters, AP)
    assert paired.interval is None
    assert paired.p_value is None
    assert paired.difference == (None if value is None else 0.0)


def test_a_score_defined_on_the_whole_alone_has_no_interval() -> None:
    def whole(weights: Weights) -> float | None:
        return 1.0 if (weights == 1).all() else None

    assert estimate_aggregate(whole, range(30)).method == "undefined in nearly every resample"
    assert compare_aggregates(whole, whole, range(30), AP).method == "undefined in nearly every resample"
