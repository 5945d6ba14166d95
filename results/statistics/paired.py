"""Two runs on the same questions: the difference, how sure it is, and by which method.

Differences are signed so that + is better. Which method fits follows from the scores:

| scores | interval | p-value |
|---|---|---|
| 0 or 1, one per cluster | Tango's score interval | McNemar, exact |
| any, few clusters or few that changed | sign flips of whole clusters | sign flips |
| any other | t with the CR1 error | t |

A t interval needs 20 clusters with a change (30 where every cluster is one sample); below 5 clusters
nothing can be concluded. `ratio.py` compares seconds, `bootstrap.py` scores of a whole data set such as AP.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from vleval.results.statistics.clusters import Clusters, cluster
from vleval.results.statistics.discordant import Discordance, mcnemar, tango
from vleval.results.statistics.sign_flip import DRAWS, sign_flip
from vleval.results.statistics.stats import LEVEL, Interval, t_interval
from vleval.tasks.base import Metric

FEWEST_CLUSTERS = 5
"""Below, no sign pattern is rare enough: not even 16 of them reach 5% one-sided."""
ENOUGH_CLUSTERS = 20
"""CR1 with t quantiles is too narrow below about 20 clusters (Cameron & Miller 2015)."""
ENOUGH_SAMPLES = 30
"""The same where every cluster is one sample."""


@dataclass(frozen=True, slots=True)
class PairedResult:
    """Candidate against baseline. What is undefined is None, never NaN, and `method` says why."""

    difference: float | None
    """In the metric's units, + is better; None without pairs."""
    interval: Interval | None
    level: float
    """Of the interval."""
    p_value: float | None
    """Two-sided."""
    p_drop: float | None
    """One-sided: small where the candidate is worse."""
    standard_error: float | None
    method: str
    n: int
    """Pairs."""
    clusters: int
    discordance: Discordance | None
    """Pairs that got better and worse; None where single pairs have no score."""
    mid_p: float | None = None
    """McNemar's mid-p, where McNemar's test was used."""
    warnings: tuple[str, ...] = ()


def compare_metric(
    base_scores: ArrayLike,
    cand_scores: ArrayLike,
    clusters: Sequence[Hashable],
    metric: Metric,
    *,
    level: float = LEVEL,
) -> PairedResult:
    """Compare the scores of two runs on the same n questions, given in the same order.

    `clusters` are the keys of the questions' media. All-equal scores give the interval [0, 0] and p = 1.
    Raises ValueError where lengths differ or a score is not finite.
    """
    base, cand = np.asarray(base_scores, np.float64), np.asarray(cand_scores, np.float64)
    if base.shape != cand.shape:
        raise ValueError(f"{base.size} scores of the baseline but {cand.size} of the candidate")
    groups = cluster(cand - base if metric.higher_is_better else base - cand, clusters)
    if groups.n == 0:
        return PairedResult(None, None, level, None, None, None, "no pairs", 0, 0, Discordance(0, 0, 0))
    if not groups.values.any():
        return _result(groups, level, Interval(0.0, 0.0), 1.0, 1.0, "identical scores", error=0.0)
    binary = bool(np.isin(base, (0.0, 1.0)).all() and np.isin(cand, (0.0, 1.0)).all())
    if binary and not groups.clustered:
        return compare_counts(_discordance(groups), level=level)
    if groups.count < FEWEST_CLUSTERS:
        return _result(groups, level, None, None, None, f"fewer than {FEWEST_CLUSTERS} clusters")
    if warning := _too_few(groups):
        return _by_sign_flip(groups, level, warning)
    return paired_t(groups, level=level)


def compare_weighted(
    influence: Clusters,
    flips: Clusters,
    difference: float,
    metric: Metric,
    *,
    degrees: float,
    level: float = LEVEL,
) -> PairedResult:
    """Compare two scores that weigh samples unequally (`linear.influences` of candidate minus baseline).

    `difference` is that of the scores, `degrees` of freedom are its error's. No McNemar: pairs that changed
    do not count alike.
    """
    sign = 1.0 if metric.higher_is_better else -1.0
    flips = replace(flips, values=sign * flips.values, sums=sign * flips.sums)
    influence = replace(influence, values=sign * influence.values, sums=sign * influence.sums)
    if not flips.values.any():
        found = _result(flips, level, Interval(0.0, 0.0), 1.0, 1.0, "identical scores", error=0.0)
    elif flips.count < FEWEST_CLUSTERS:
        found = _result(flips, level, None, None, None, f"fewer than {FEWEST_CLUSTERS} clusters")
    elif warning := _too_few(flips) or (
        None if influence.standard_error else "every cluster of a group changed by the same amount"
    ):
        found = _by_sign_flip(flips, level, warning)
    else:
        found = paired_t(influence, degrees=degrees, level=level)
    return replace(
        found,
        difference=sign * difference + 0.0,
        standard_error=influence.standard_error,
        discordance=_discordance(flips),
    )


def compare_counts(discordance: Discordance, *, level: float = LEVEL) -> PairedResult:
    """Compare scores of 0 or 1, one per cluster, from their counts alone; `discordance.n` >= 1."""
    gains, losses, n = discordance
    test, difference = mcnemar(gains, losses), (gains - losses) / n
    error = math.sqrt((gains + losses - n * difference**2) / (n - 1) / n) if n > 1 else None
    return PairedResult(
        difference=difference,
        interval=tango(gains, losses, n, level=level),
        level=level,
        p_value=test.p_value,
        p_drop=test.p_drop,
        standard_error=error,
        method="McNemar exact, Tango interval",
        n=n,
        clusters=n,
        discordance=discordance,
        mid_p=test.mid_p,
    )


def paired_t(groups: Clusters, *, degrees: float | None = None, level: float = LEVEL) -> PairedResult:
    """Student's t on differences, with the CR1 error where they are clustered; on C - 1 `degrees` for None.

    Undefined below two clusters and where the clusters do not differ: no variance is no certainty.
    """
    error = groups.standard_error
    if not error:
        reason = "no variance between clusters" if error == 0 else "fewer than two clusters"
        return _result(groups, level, None, None, None, reason)
    from scipy.special import stdtr

    mean, degrees = groups.mean, groups.count - 1 if degrees is None else degrees
    return _result(
        groups,
        level,
        interval=t_interval(mean, error, degrees, level=level),
        p_value=2 * float(stdtr(degrees, -abs(mean) / error)),
        p_drop=float(stdtr(degrees, mean / error)),
        method="paired clustered t (CR1)" if groups.clustered else "paired t",
    )


def _too_few(groups: Clusters) -> str | None:
    """Why a t interval is not to be trusted, in a clause; None where it is."""
    enough = ENOUGH_CLUSTERS if groups.clustered else ENOUGH_SAMPLES
    moved = int(np.count_nonzero(groups.sums))
    if groups.count < enough:
        return f"{groups.count} clusters are few for a t interval ({enough})"
    if moved < ENOUGH_CLUSTERS:
        return f"only {moved} of {groups.count} clusters changed, few for a t interval ({ENOUGH_CLUSTERS})"
    return "every cluster changed by the same amount" if groups.standard_error == 0 else None


def _by_sign_flip(groups: Clusters, level: float, warning: str) -> PairedResult:
    test = sign_flip(groups, level=level)
    method = "sign flips, exact" if test.exact else f"sign flips, {DRAWS:,} draws"
    if test.interval is None:
        method += f"; too few clusters for a {level:.0%} interval"
    return _result(
        groups,
        level,
        interval=test.interval,
        p_value=test.p_value,
        p_drop=test.p_drop,
        method=method,
        warnings=(f"{warning}: signs of whole clusters were flipped instead",),
    )


def _discordance(groups: Clusters) -> Discordance:
    gains, losses = np.count_nonzero(groups.values > 0), np.count_nonzero(groups.values < 0)
    return Discordance(int(gains), int(losses), groups.n)


def _result(
    groups: Clusters,
    level: float,
    interval: Interval | None,
    p_value: float | None,
    p_drop: float | None,
    method: str,
    error: float | None = None,
    warnings: tuple[str, ...] = (),
) -> PairedResult:
    return PairedResult(
        difference=groups.mean,
        interval=interval,
        level=level,
        p_value=p_value,
        p_drop=p_drop,
        standard_error=groups.standard_error if error is None else error,
        method=method,
        n=groups.n,
        clusters=groups.count,
        discordance=_discordance(groups),
        warnings=warnings,
    )
