"""Intervals against numbers worked out with statsmodels and scipy, and against properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vleval.results.stats import clustered_mean, t_quantile, wilson

TEN = [1, 1, 0, 0, 0, 1, 1, 1, 0, 1]
FOUR_CLUSTERS = list("aaabbcccdd")


def test_clustered_interval_equals_the_worked_numbers() -> None:
    found = clustered_mean(TEN, FOUR_CLUSTERS)
    assert found.mean == pytest.approx(0.6, abs=1e-12)
    assert found.standard_error == pytest.approx(0.1986621923, abs=1e-9)
    assert found.interval == pytest.approx((-0.03223176002, 1.23223176), abs=1e-8)
    assert (found.n, found.clusters, found.method) == (10, 4, "clustered t (CR1)")


def test_one_sample_per_cluster_gives_the_plain_t_interval() -> None:
    found = clustered_mean([1, 1, 0, 1, 0, 1, 1, 0, 1, 1], range(10))
    assert found.standard_error == pytest.approx(0.1527525232, abs=1e-9)
    assert found.interval == pytest.approx((0.3544497856, 1.045550214), abs=1e-8)


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


def test_all_zero_is_not_never() -> None:
    """400 misses on 200 images: the interval is that of 0 of 200, not [0, 0]."""
    found = clustered_mean([0.0] * 400, [index // 2 for index in range(400)])
    assert found.interval == pytest.approx((0.0, 0.01884532638), abs=1e-9)
    assert found.method == "Wilson over clusters"


def test_no_interval_below_two_clusters() -> None:
    assert clustered_mean([1, 0, 1], ["a"] * 3).interval is None
    assert clustered_mean([], []).interval is None


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="3 values but 2"):
        clustered_mean([1, 2, 3], ["a", "b"])


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 5)), min_size=2, max_size=40))
def test_order_does_not_matter_and_repeating_answers_adds_nothing(pairs: list[tuple[int, int]]) -> None:
    """Asking every question twice on the same image must not make the interval narrower."""
    values, clusters = [value / 1000 for value, _ in pairs], [cluster for _, cluster in pairs]
    once = clustered_mean(values, clusters)
    twice = clustered_mean([*values[::-1], *values], [*clusters[::-1], *clusters])
    assert twice.mean == pytest.approx(once.mean)
    if once.interval is not None:
        assert twice.interval == pytest.approx(once.interval, abs=1e-9)
