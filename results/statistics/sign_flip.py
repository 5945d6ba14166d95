"""The sign-flip test over clusters, and its interval: what to trust where clusters are few.

Were both models equally good, the differences of a whole cluster could as well have the other sign. The
p-value of a drop is the share of all sign patterns whose total is at most the one found. Flipping a set of
clusters lowers the total by twice the set's sum, so only the sums over sets are needed; and a shift t is
rejected when too few sets have a mean on its far side, so the interval's ends are order statistics of the
means over sets (Hartigan 1969, "Using subsample values as typical values"). Up to 16 clusters every set is
taken, above 9,999 drawn ones.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vleval.results.statistics.clusters import ROUNDING, Clusters
from vleval.results.statistics.stats import Interval

EXACT = 16
"""Most clusters of which every set is taken."""
DRAWS = 9_999
SEED = 20_250_219
BLOCK = 512
"""Clusters whose random signs are in memory at once; a multiple of 8."""


class SignFlip(NamedTuple):
    """The test and its interval."""

    p_value: float
    """Two-sided."""
    p_drop: float
    """One-sided: small where the mean is below zero."""
    interval: Interval | None
    """Of the mean; None where there are too few sign patterns for the level (5 clusters and 95%)."""
    exact: bool


def sign_flip(groups: Clusters, *, level: float) -> SignFlip:
    """Test whether the mean of the values is zero; needs a cluster. The same values give the same draws."""
    order = np.lexsort((groups.sizes, groups.sums))
    table = np.stack([groups.sums, groups.sizes], axis=1)[order]
    exact = groups.count <= EXACT
    sums, sizes = (_all_sets(table) if exact else _drawn_sets(table)).T
    tolerance = ROUNDING * float(np.abs(groups.sums).sum())
    p_drop, p_gain = float((sums >= -tolerance).mean()), float((sums <= tolerance).mean())
    means = np.sort(sums[sizes > 0] / sizes[sizes > 0])
    # The empty set reproduces what was found, so it speaks against no shift.
    empty = len(sums) - len(means)
    rank = math.floor((1 - level) / 2 * len(sums) + ROUNDING * len(sums)) - empty
    interval = Interval(float(means[rank]), float(means[-1 - rank])) if rank >= 0 else None
    return SignFlip(min(1.0, 2 * min(p_drop, p_gain)), p_drop, interval, exact)


def _all_sets(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2^C, 2): sum and size of every set of clusters, the empty one included."""
    sets = np.zeros((1, 2))
    for row in table:
        sets = np.concatenate([sets, sets + row])
    return sets


def _drawn_sets(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """(1 + DRAWS, 2): the empty set, then sets that hold each cluster with probability one half."""
    random = np.random.Generator(np.random.PCG64(SEED))
    sets = np.zeros((1 + DRAWS, 2))
    still = table[:, 0] == 0
    # Clusters without a difference matter by their number alone, and there may be very many of them.
    for size, count in zip(*np.unique(table[still, 1], return_counts=True), strict=True):
        sets[1:, 1] += size * random.binomial(count, 0.5, DRAWS)
    moved = table[~still]
    for start in range(0, len(moved), BLOCK):
        block = moved[start : start + BLOCK]
        signs = np.unpackbits(random.integers(0, 256, (DRAWS, BLOCK // 8), dtype=np.uint8), axis=1)
        sets[1:] += signs[:, : len(block)] @ block
    return sets
