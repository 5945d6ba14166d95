"""Means with honest intervals: answers about one image depend on each other, so variance is between images.

CR1 clustered standard error: with S_c the sum of (x - mean) over cluster c,
se = sqrt(C / (C - 1) * sum S_c^2) / n, and a t interval with C - 1 degrees of freedom
(Liang & Zeger 1986; Cameron & Miller 2015).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

LEVEL = 0.95


class Interval(NamedTuple):
    """Lower and upper end."""

    low: float
    high: float


class Estimate(NamedTuple):
    """A mean and how sure it is."""

    mean: float
    interval: Interval | None
    """95%; None where it is undefined (see `method`)."""
    standard_error: float | None
    n: int
    clusters: int
    method: str
    """How the interval was made, or why there is none."""


def clustered_mean(values: Sequence[float], clusters: Sequence[Hashable]) -> Estimate:
    """Mean of `values` with a 95% interval clustered by `clusters` (same length).

    The interval is undefined below two clusters. Values that are all 0 or all 1 have no variance to measure:
    there the Wilson interval over clusters takes its place, because "0 of 200" does not mean "never".
    """
    if len(values) != len(clusters):
        raise ValueError(f"{len(values)} values but {len(clusters)} cluster keys")
    n = len(values)
    if n == 0:
        return Estimate(0.0, None, None, 0, 0, "no samples")
    mean = math.fsum(values) / n
    sums: dict[Hashable, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
    count = len(sums)
    if count < 2:
        return Estimate(mean, None, None, n, count, "fewer than two clusters")
    if len(set(values)) == 1 and mean in (0.0, 1.0):
        return Estimate(mean, wilson(round(mean * count), count), 0.0, n, count, "Wilson over clusters")
    error = math.sqrt(count / (count - 1) * math.fsum(s * s for s in sums.values())) / n
    half = t_quantile(count - 1) * error
    return Estimate(mean, Interval(mean - half, mean + half), error, n, count, "clustered t (CR1)")


def wilson(successes: int, n: int) -> Interval:
    """Wilson's 95% score interval of a share (Wilson 1927)."""
    from scipy.special import ndtri

    z = float(ndtri(0.5 + LEVEL / 2))
    share = successes / n
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def t_quantile(degrees: int) -> float:
    """The two-sided 95% quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + LEVEL / 2))
