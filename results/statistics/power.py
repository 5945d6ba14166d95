"""How small a difference a number of pairs can show, and how many pairs a margin needs.

`variance` is that of one pair's difference: standard_error^2 * n of a comparison, or for scores of 0 and 1
the share of pairs that change less the squared difference. Normal approximation (Miller 2024, "Adding error
bars to evals", section 5); 2.80 * sqrt(variance / n) is the smallest difference seen with 80% power at 5%
two-sided.
"""

from __future__ import annotations

import math
from typing import Literal

from vleval.results.statistics.stats import normal_quantile

ALPHA = 0.05
POWER = 0.80

Sides = Literal[1, 2]
"""2: is there any difference? 1: is the candidate not worse by more than the margin?"""


def minimum_detectable(
    variance: float, n: int, *, alpha: float = ALPHA, power: float = POWER, sides: Sides = 2
) -> float:
    """The true difference that `n` pairs show with chance `power`, in the metric's units."""
    return _quantiles(alpha, power, sides) * math.sqrt(variance / n)


def pairs_needed(
    variance: float, difference: float, *, alpha: float = ALPHA, power: float = POWER, sides: Sides = 2
) -> int:
    """The number of pairs that show `difference` with chance `power`.

    With `sides=1` and `difference` a margin: the pairs with which an equally good candidate passes it.
    """
    return math.ceil(_quantiles(alpha, power, sides) ** 2 * variance / difference**2)


def _quantiles(alpha: float, power: float, sides: Sides) -> float:
    return normal_quantile(1 - alpha / sides) + normal_quantile(power)
