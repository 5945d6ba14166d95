"""One-sample intervals against worked numbers, statsmodels and scipy, and against properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import proportion_confint

from vleval.results.statistics.clusters import cluster
from vleval.results.statistics.stats import (
    clopper_pearson,
    estimate_mean,
    t_interval,
    t_quantile,
    wilson,
)

TEN = [1, 1, 0, 0, 0, 1, 1, 1, 0, 1]
FOUR_CLUSTERS = list("aaabbcccdd")
SEVEN_OF_TEN = [1, 1, 0, 1, 0, 1, 1, 0, 1, 1]


def test_clustered_interval_equals_the_worked_numbers() -> None:
    found = estimate_mean(TEN, FOUR_CLUSTERS)
    assert found.value == pytest.approx(0.6, abs=1e-12)
    assert found.standard_error == pytest.approx(0.1986621923, abs=1e-9)
    assert found.interval == pytest.approx((-0.03223176002, 1.23223176), abs=1e-8)
    assert (found.n, found.clusters, found.method) == (10, 4, "clustered t (CR1)")
    assert found.design_effect == pytest.approx(1.48, abs=1e-9)


def test_plain_error_and_t_interval_equal_the_worked_numbers() -> None:
    groups = cluster(SEVEN_OF_TEN)
    assert groups.standard_error == pytest.approx(0.1527525232, abs=1e-9)
    assert t_interval(groups.mean, 0.1527525231651947, 9) == pytest.approx(
        (0.3544497856, 1.045550214), abs=1e-9
    )


def test_right_or_wrong_once_per_image_gets_wilson() -> None:
    """The t interval of 7 of 10 exceeds 1; Wilson's does not."""
    found = estimate_mean(SEVEN_OF_TEN, range(10))
    assert found.method == "Wilson"
    assert found.interval == pytest.approx(proportion_confint(7, 10, method="wilson"), abs=1e-12)
    assert found.standard_error == pytest.approx(0.1527525232, abs=1e-9)
    assert found.design_effect == pytest.approx(1.0)


def test_repeats_of_a_question_count_as_one_cluster() -> None:
    """Five questions, four answers each: the error is that of five means, not of twenty answers."""
    right = [4, 3, 3, 2, 1]
    answers = [float(turn < hits) for hits in right for turn in range(4)]
    found = estimate_mean(answers, [question for question in range(5) for _ in range(4)])
    assert found.value == pytest.approx(0.65)
    assert found.standard_error == pytest.approx(0.1274754878, abs=1e-9)
    assert cluster(answers).standard_error == pytest.approx(0.109424331, abs=1e-9)


def test_t_quantiles() -> None:
    assert t_quantile(9) == pytest.approx(2.262157163, abs=1e-8)
    assert t_quantile(3) == pytest.approx(3.182446305, abs=1e-8)


@pytest.mark.parametrize(
    ("hits", "n", "expected"),
    [
        (42, 50, (0.7148578394, 0.9166257932)),
        (0, 200, (0.0, 0.01884532638)),
        (200, 200, (0.9811546736, 1.0)),
    ],
)
def test_wilson(hits: int, n: int, expected: tuple[float, float]) -> None:
    assert wilson(hits, n) == pytest.approx(expected, abs=1e-9)


def test_wilson_holds_the_share_at_both_ends() -> None:
    """10 of 10 ended at 0.9999999999999999, which drawn as a bar has a negative length."""
    for n in range(1, 400):
        assert wilson(n, n).high == 1.0
        assert wilson(0, n).low == 0.0


@pytest.mark.parametrize(
    ("hits", "n", "level", "expected"),
    [
        (42, 50, 0.95, (0.7088736934, 0.9282992328)),
        (0, 200, 0.95, (0.0, 0.01827534036)),
        # One-sided: the ceiling on an error rate of which none was seen in 200.
        (0, 200, 0.90, (0.0, 0.01486703923)),
        (200, 200, 0.90, (1 - 0.01486703923, 1.0)),
    ],
)
def test_clopper_pearson(hits: int, n: int, level: float, expected: tuple[float, float]) -> None:
    assert clopper_pearson(hits, n, level=level) == pytest.approx(expected, abs=1e-9)


@given(st.integers(1, 300), st.data(), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_intervals_of_shares_equal_statsmodels(n: int, data: st.DataObject, level: float) -> None:
    hits = data.draw(st.integers(0, n))
    assert wilson(hits, n, level=level) == pytest.approx(
        proportion_confint(hits, n, 1 - level, "wilson"), abs=1e-12
    )
    assert clopper_pearson(hits, n, level=level) == pytest.approx(
        proportion_confint(hits, n, 1 - level, "beta"), abs=1e-9
    )


def test_all_zero_is_not_never() -> None:
    """400 misses on 200 images: the interval is that of 0 of 200, not [0, 0]."""
    found = estimate_mean([0.0] * 400, [index // 2 for index in range(400)])
    assert found.interval == pytest.approx((0.0, 0.01884532638), abs=1e-9)
    assert found.method == "Wilson over clusters"
    assert found.design_effect is None


def test_half_right_on_every_image_is_no_certainty() -> None:
    found = estimate_mean([0.0, 1.0] * 5, [index // 2 for index in range(10)])
    assert found.interval == pytest.approx(wilson(2.5, 5))


@pytest.mark.parametrize(
    ("values", "clusters", "value", "method"),
    [
        ([], [], None, "no samples"),
        ([1, 0, 1], ["a"] * 3, 2 / 3, "fewer than two clusters"),
        ([0.1] * 6, list("abcdef"), 0.1, "no variance between clusters"),
        ([0.1, 0.7, 0.7, 0.1], list("aabb"), 0.4, "no variance between clusters"),
    ],
)
def test_what_is_undefined_is_none_and_says_why(
    values: list[float], clusters: list[str], value: float | None, method: str
) -> None:
    found = estimate_mean(values, clusters)
    assert found.value == (None if value is None else pytest.approx(value))
    assert found.interval is None
    assert found.method == method


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="3 values but 2"):
        estimate_mean([1, 2, 3], ["a", "b"])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_must_be_finite(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        estimate_mean([1, bad], ["a", "b"])


samples = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 5)), min_size=2, max_size=40)


@given(samples)
def test_the_clustered_error_is_that_of_statsmodels(pairs: list[tuple[int, int]]) -> None:
    values, keys = np.array([value / 1000 for value, _ in pairs]), np.array([key for _, key in pairs])
    groups = cluster(values, keys.tolist())
    if groups.count < 2:
        assert groups.standard_error is None
        return
    # statsmodels also multiplies by (n - 1) / (n - k), which is 1 for a mean.
    fit = OLS(values, np.ones_like(values)).fit(cov_type="cluster", cov_kwds={"groups": keys})
    assert groups.standard_error == pytest.approx(float(fit.bse[0]), abs=1e-9)


@given(samples)
def test_repeating_answers_adds_nothing(pairs: list[tuple[int, int]]) -> None:
    """Asking every question twice on the same image must not make the interval narrower."""
    values, clusters = [value / 1000 for value, _ in pairs], [key for _, key in pairs]
    once, twice = cluster(values, clusters), cluster([*values, *values], [*clusters, *clusters])
    assert twice.mean == pytest.approx(once.mean)
    assert twice.standard_error == pytest.approx(once.standard_error)


@given(samples.flatmap(lambda pairs: st.tuples(st.just(pairs), st.permutations(pairs))))
def test_the_order_of_the_samples_changes_no_bit(orders: tuple[list[tuple[int, int]], ...]) -> None:
    """A resumed run stores its samples in another order than an uninterrupted one."""
    first, second = (
        estimate_mean([value / 7 for value, _ in pairs], [key for _, key in pairs]) for pairs in orders
    )
    assert first == second


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40))
def test_one_value_per_cluster_gives_the_plain_error(values: list[float]) -> None:
    groups = cluster(values, range(len(values)))
    assert groups.standard_error == pytest.approx(np.std(values, ddof=1) / math.sqrt(len(values)), abs=1e-12)
    assert groups.standard_error == cluster(values).standard_error
