"""Sizes and smallest differences against worked numbers and statsmodels."""

from __future__ import annotations

import pytest
from statsmodels.stats.power import NormalIndPower

from vleval.results.statistics.power import Sides, minimum_detectable, pairs_needed


@pytest.mark.parametrize(
    ("changed", "difference", "two_sided", "non_inferiority"),
    [(0.10, 0.02, 1955, 1546), (0.10, 0.03, 865, 687), (0.05, 0.01, 3917, 3092), (0.20, 0.03, 1737, 1374)],
)
def test_pairs_needed(changed: float, difference: float, two_sided: int, non_inferiority: int) -> None:
    assert pairs_needed(changed - difference**2, difference) == two_sided
    assert pairs_needed(changed, difference, sides=1) == non_inferiority


def test_pairs_needed_of_continuous_scores() -> None:
    """Standard deviation 0.5 in each run, correlation 0.5."""
    assert pairs_needed(2 * 0.5**2 * (1 - 0.5), 0.03) == 2181


@pytest.mark.parametrize(
    ("n", "paired", "unpaired"),
    [
        (100, 0.08859390348, 0.1584815925),
        (500, 0.03962039812, 0.07087512279),
        (1000, 0.02801585218, 0.05011627994),
        (5000, 0.01252906998, 0.02241268174),
    ],
)
def test_minimum_detectable(n: int, paired: float, unpaired: float) -> None:
    """10% of the answers change; beside it two runs at 80% on questions of their own."""
    assert minimum_detectable(0.10, n) == pytest.approx(paired, abs=1e-9)
    assert minimum_detectable(2 * 0.8 * 0.2, n) == pytest.approx(unpaired, abs=1e-9)


@pytest.mark.parametrize("sides", [1, 2])
def test_statsmodels_finds_the_power_just_reached(sides: Sides) -> None:
    def power(n: int) -> float:
        size = 0.02 / 0.10**0.5
        return float(NormalIndPower().power(size, n, 0.05 / sides, ratio=0, alternative="larger"))

    needed = pairs_needed(0.10, 0.02, sides=sides)
    assert power(needed) >= 0.80 > power(needed - 1)
    assert minimum_detectable(0.10, needed, sides=sides) == pytest.approx(0.02, rel=1e-3)
