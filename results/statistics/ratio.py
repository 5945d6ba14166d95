"""Seconds, tokens per second, bytes: how many times as much the candidate takes, question by question."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from vleval.results.statistics.clusters import cluster
from vleval.results.statistics.paired import paired_t
from vleval.results.statistics.stats import LEVEL, Interval


class Ratio(NamedTuple):
    """Candidate over baseline: 1.10 is a tenth more. What is undefined is None, and `method` says why."""

    ratio: float | None
    """Geometric mean of the paired ratios."""
    interval: Interval | None
    p_value: float | None
    """Two-sided, of a ratio of 1."""
    ratio_of_medians: float | None
    """Beside it, since one hiccup can move the mean."""
    n: int
    clusters: int
    method: str


def compare_ratio(
    base: ArrayLike, cand: ArrayLike, clusters: Sequence[Hashable], *, level: float = LEVEL
) -> Ratio:
    """Paired t on the logarithms of positive amounts, n of each in the same order, clustered by `clusters`.

    Raises ValueError where lengths differ or an amount is not above zero.
    """
    before, after = np.asarray(base, np.float64), np.asarray(cand, np.float64)
    if before.shape != after.shape:
        raise ValueError(f"{before.size} amounts of the baseline but {after.size} of the candidate")
    if not ((before > 0).all() and (after > 0).all()):
        raise ValueError("a ratio needs amounts above zero")
    groups = cluster(np.log(after) - np.log(before), clusters)
    if groups.n == 0:
        return Ratio(None, None, None, None, 0, 0, "no pairs")
    found = paired_t(groups, level=level)
    interval = found.interval and Interval(*(math.exp(end) for end in found.interval))
    medians = float(np.median(after) / np.median(before))
    method = f"{found.method} of logarithms" if interval else found.method
    return Ratio(math.exp(groups.mean), interval, found.p_value, medians, groups.n, groups.count, method)
