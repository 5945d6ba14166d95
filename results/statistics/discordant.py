"""Right or wrong, twice: the tests and intervals of paired binary scores.

Only pairs whose outcome changed tell the models apart: gains were wrong and are right, losses the reverse.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from vleval.results.statistics.stats import LEVEL, Interval, normal_quantile

HALVINGS = 60
"""Bisections of [-1, 1]: down to the spacing of floats."""


class Discordance(NamedTuple):
    """How many of `n` pairs got better and worse."""

    gains: int
    losses: int
    n: int

    @property
    def rate(self) -> float:
        """Share of the pairs that changed; 0.0 without pairs."""
        return (self.gains + self.losses) / self.n if self.n else 0.0


class McNemar(NamedTuple):
    """P-values of "gains and losses are equally likely"."""

    p_value: float
    """Exact, two-sided."""
    mid_p: float
    """The exact one less the chance of what was found: less conservative, may slightly exceed its level."""
    p_drop: float
    """Exact, one-sided: small where losses prevail. Under 5 discordant pairs it cannot fall below 0.05."""


def mcnemar(gains: int, losses: int) -> McNemar:
    """The exact test of McNemar (1947): gains among gains + losses are Binomial(1/2). (0, 0) gives 1."""
    from scipy.special import bdtr

    total, fewer = gains + losses, min(gains, losses)
    doubled = 2 * float(bdtr(fewer, total, 0.5))
    found = math.comb(total, fewer) / 2**total
    return McNemar(min(1.0, doubled), min(1.0, doubled - found), float(bdtr(gains, total, 0.5)))


def tango(gains: int, losses: int, n: int, *, level: float = LEVEL) -> Interval:
    """Score interval of (gains - losses) / n (Tango 1998): the differences where |T| <= z; n >= 1."""
    z, found = normal_quantile(0.5 + level / 2), (gains - losses) / n

    def crossing(target: float, low: float, high: float) -> float:
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            if tango_statistic(gains, losses, n, middle) > target:
                low = middle
            else:
                high = middle
        return (low + high) / 2

    return Interval(crossing(z, -1.0, found), crossing(-z, found, 1.0))


def tango_statistic(gains: int, losses: int, n: int, difference: float) -> float:
    """Tango's T, standard normal where the true difference is `difference`; it falls as that grows.

    T = (gains - losses - n * difference) / sqrt(n * (2 q + difference * (1 - difference))), with q the most
    likely chance of a loss given the difference: the larger root of 2n q^2 + b q + c = 0. Infinite where the
    variance vanishes at another difference than the one found.
    """
    a = 2 * n
    b = (2 * n - gains + losses) * difference - gains - losses
    c = -losses * difference * (1 - difference)
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    q = (root - b) / (2 * a) if b <= 0 else -2 * c / (root + b)
    excess = gains - losses - n * difference
    variance = n * (2 * q + difference * (1 - difference))
    if variance <= 0:
        return math.copysign(math.inf, excess) if excess else 0.0
    return excess / math.sqrt(variance)
