"""Scores that only a whole data set has (average precision, corpus F1): intervals by resampling clusters.

Images (or whichever clusters) are drawn with replacement, and the score is computed again from how often
each was drawn; two runs see the same draws (Efron & Tibshirani 1993; Koehn 2004 for the paired form).

Average precision of a resample is on average higher than that of the data, most where categories have few
objects: equal pictures rank side by side. Percentiles of one run's draws then lie beside its score (2,000
pictures, 80 categories: 7.8 in [8.0, 8.7]), so a score has its t-interval with the draws' standard error. In
the difference of two runs the shift cancels, and its percentiles stand. They are too narrow below some twenty
clusters, so means of single scores use `stats.py` and `paired.py` instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from vleval.results.statistics.paired import ENOUGH_CLUSTERS, FEWEST_CLUSTERS, PairedResult
from vleval.results.statistics.stats import LEVEL, Estimate, Interval, t_interval
from vleval.tasks.base import Metric

DRAWS = 2_000
SEED = 20_250_219

Weights = NDArray[np.int64]
"""(n,): how often each item counts."""
Aggregate = Callable[[Weights], float | None]
"""The score of the data set in which item i stands weights[i] times; None where it is undefined."""


def cluster_weights(
    clusters: Sequence[Hashable],
    *,
    draws: int,
    seed: int = SEED,
    strata: Sequence[Hashable] | None = None,
) -> Iterator[Weights]:
    """Weights of `draws` resamples of the clusters of n items; the items' order changes no resample.

    With `strata`, the groups of the n items, every group is drawn from by itself and keeps its number of
    clusters, so that a small one is never empty.
    """
    pairs = (
        list(zip(strata, clusters, strict=True)) if strata is not None else [((), key) for key in clusters]
    )
    ordered = sorted(set(pairs), key=lambda pair: (str(pair[0]), str(pair[1])))
    number = {pair: index for index, pair in enumerate(ordered)}
    codes = np.array([number[pair] for pair in pairs], np.intp)
    counts = Counter(group for group, _ in ordered)
    firsts = np.cumsum([0, *counts.values()]).tolist()
    random = np.random.Generator(np.random.PCG64(seed))
    for _ in range(draws):
        drawn = [
            first + random.integers(0, count, count)
            for first, count in zip(firsts, counts.values(), strict=False)
        ]
        yield np.bincount(np.concatenate(drawn), minlength=len(number))[codes]


def estimate_aggregate(
    aggregate: Aggregate,
    clusters: Sequence[Hashable],
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    strata: Sequence[Hashable] | None = None,
) -> Estimate:
    """The score with its t-interval; `clusters` are the keys of the n items that are weighted, and `strata`
    their groups, if each is to be resampled by itself.
    """
    n, count = len(clusters), len(set(clusters))
    value = aggregate(np.ones(n, np.int64)) if n else None
    if value is None:
        return Estimate(None, None, None, n, count, "undefined on these samples" if n else "no samples")
    if count < FEWEST_CLUSTERS:
        return Estimate(value, None, None, n, count, f"fewer than {FEWEST_CLUSTERS} clusters")
    found = _scores(aggregate, cluster_weights(clusters, draws=draws, strata=strata))
    if len(found) < 2:
        return Estimate(value, None, None, n, count, "undefined in nearly every resample")
    if not np.ptp(found):
        # Nothing found in a hundred pictures does not mean "never".
        return Estimate(value, None, 0.0, n, count, "no variance between resamples")
    error, groups = float(found.std(ddof=1)), len(set(strata)) if strata is not None else 1
    interval = t_interval(value, error, max(1, count - groups), level=level)
    return Estimate(value, interval, error, n, count, _method(len(found)))


def compare_aggregates(
    base: Aggregate,
    cand: Aggregate,
    clusters: Sequence[Hashable],
    metric: Metric,
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    strata: Sequence[Hashable] | None = None,
) -> PairedResult:
    """The difference of two scores of one data set, signed so that + is better, on the same resamples.

    Two equal scores in every resample give the interval [0, 0] and p = 1.
    """
    n, count = len(clusters), len(set(clusters))

    def difference(weights: Weights) -> float | None:
        before, after = base(weights), cand(weights)
        if before is None or after is None:
            return None
        return after - before if metric.higher_is_better else before - after

    def undefined(value: float | None, reason: str) -> PairedResult:
        return PairedResult(value, None, level, None, None, None, reason, n, count, None)

    value = difference(np.ones(n, np.int64)) if n else None
    if value is None:
        return undefined(None, "undefined on these samples" if n else "no pairs")
    if count < FEWEST_CLUSTERS:
        return undefined(value, f"fewer than {FEWEST_CLUSTERS} clusters")
    found = _scores(difference, cluster_weights(clusters, draws=draws, strata=strata))
    if len(found) < 2:
        return undefined(value, "undefined in nearly every resample")
    p_value, p_drop = tail_chances(found)
    warnings = []
    if count < ENOUGH_CLUSTERS:
        warnings.append(f"{count} clusters are few for a bootstrap interval ({ENOUGH_CLUSTERS})")
    if len(found) < draws:
        warnings.append(f"undefined in {draws - len(found)} of {draws} resamples, which were left out")
    return PairedResult(
        difference=value,
        interval=_percentiles(found, level),
        level=level,
        p_value=p_value,
        p_drop=p_drop,
        standard_error=float(found.std(ddof=1)),
        method=_method(len(found)),
        n=n,
        clusters=count,
        discordance=None,
        warnings=tuple(warnings),
    )


def tail_chances(differences: NDArray[np.float64]) -> tuple[float, float]:
    """Two-sided and one-sided (of a drop) p-values of B draws: (1 + draws on zero's far side) / (B + 1)."""
    total = len(differences) + 1
    p_drop = (1 + np.count_nonzero(differences >= 0)) / total
    p_gain = (1 + np.count_nonzero(differences <= 0)) / total
    return min(1.0, 2 * min(p_drop, p_gain)), p_drop


def _scores(aggregate: Aggregate, weights: Iterable[Weights]) -> NDArray[np.float64]:
    return np.array([score for each in weights if (score := aggregate(each)) is not None], np.float64)


def _percentiles(found: NDArray[np.float64], level: float) -> Interval:
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _method(draws: int) -> str:
    return f"cluster bootstrap, {draws:,} draws"
