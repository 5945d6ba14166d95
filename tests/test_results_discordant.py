"""McNemar's test and Tango's interval against worked numbers, statsmodels, scipy and a numeric likelihood."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import ndtr, xlogy
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from vleval.results.statistics.discordant import Discordance, mcnemar, tango, tango_statistic


@pytest.mark.parametrize(
    ("losses", "gains", "exact", "mid", "one_sided"),
    [
        (15, 5, 0.04138946533, 0.02660369873, 0.02069473267),
        (9, 2, 0.0654296875, 0.03857421875, 0.03271484375),
        (40, 25, 0.08168153394, 0.06401750414, 0.04084076697),
        (0, 0, 1.0, 1.0, 1.0),
        (3, 0, 0.25, 0.125, 0.125),
        # The fewest discordant pairs that reach 5% one-sided.
        (5, 0, 0.0625, 0.03125, 0.03125),
    ],
)
def test_mcnemar(losses: int, gains: int, exact: float, mid: float, one_sided: float) -> None:
    assert mcnemar(gains, losses) == pytest.approx((exact, mid, one_sided), abs=1e-9)


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_equals_statsmodels_and_scipy(gains: int, losses: int) -> None:
    found = mcnemar(gains, losses)
    if gains + losses:
        oracle = statsmodels_mcnemar([[0, losses], [gains, 0]], exact=True)
        assert found.p_value == pytest.approx(oracle.pvalue, abs=1e-12)
        one_sided = binomtest(losses, gains + losses, alternative="greater").pvalue
        assert found.p_drop == pytest.approx(one_sided, abs=1e-12)
    assert 0 <= found.mid_p <= found.p_value <= 1


@pytest.mark.parametrize(
    ("gains", "losses", "n", "level", "expected"),
    [
        (12, 2, 50, 0.95, (0.06111240619, 0.3447087483)),
        (5, 15, 200, 0.95, (-0.09878940463, -0.006784728429)),
        (5, 15, 200, 0.90, (-0.09003234822, -0.01415794512)),
    ],
)
def test_tango(gains: int, losses: int, n: int, level: float, expected: tuple[float, float]) -> None:
    assert tango(gains, losses, n, level=level) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("margin", "statistic", "p_value"),
    [(0.02, -1.385223983, 0.9170080052), (0.10, 2.002433144, 0.0226190834)],
)
def test_tango_statistic_of_a_margin(margin: float, statistic: float, p_value: float) -> None:
    """The p-value of "the drop is at least the margin", for 5 gains and 15 losses of 200."""
    found = tango_statistic(5, 15, 200, -margin)
    assert found == pytest.approx(statistic, abs=1e-9)
    assert ndtr(-found) == pytest.approx(p_value, abs=1e-9)


@pytest.mark.parametrize(
    ("gains", "losses", "n", "difference"),
    [(12, 2, 50, 0.05), (5, 15, 200, -0.02), (3, 0, 30, 0.4), (0, 7, 9, 0.1)],
)
def test_the_variance_is_that_of_the_most_likely_table(
    gains: int, losses: int, n: int, difference: float
) -> None:
    """The closed form against a numeric search of the constrained maximum likelihood."""

    def unlikelihood(loss: float) -> float:
        gain, same = loss + difference, 1 - 2 * loss - difference
        return -float(xlogy(gains, gain) + xlogy(losses, loss) + xlogy(n - gains - losses, same))

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    loss = minimize_scalar(unlikelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    expected = (gains - losses - n * difference) / math.sqrt(n * (2 * loss + difference * (1 - difference)))
    assert tango_statistic(gains, losses, n, difference) == pytest.approx(expected, rel=1e-6)


tables = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 2000)).filter(any)


@given(tables, st.sampled_from([0.8, 0.9, 0.95]))
def test_tango_holds_the_estimate_and_turns_with_the_models(
    table: tuple[int, int, int], level: float
) -> None:
    gains, losses, same = table
    n = gains + losses + same
    low, high = tango(gains, losses, n, level=level)
    assert -1 <= low <= (gains - losses) / n <= high <= 1
    assert tango(losses, gains, n, level=level) == pytest.approx((-high, -low), abs=1e-12)


@given(tables)
def test_both_ends_of_tango_are_where_the_statistic_is_the_quantile(table: tuple[int, int, int]) -> None:
    gains, losses, same = table
    n = gains + losses + same
    low, high = tango(gains, losses, n, level=0.95)
    if low > -1:
        assert tango_statistic(gains, losses, n, low) == pytest.approx(1.959963985, abs=1e-5)
    if high < 1:
        assert tango_statistic(gains, losses, n, high) == pytest.approx(-1.959963985, abs=1e-5)


def test_nothing_changes_in_no_pairs() -> None:
    assert Discordance(0, 0, 0).rate == 0.0
