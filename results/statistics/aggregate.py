"""From the samples' values to the score of a run, with its interval, and to the difference of two runs.

| metric | score | interval |
|---|---|---|
| plain | mean over the samples that it applies to | `stats.py`, `paired.py` |
| `strata` or `parts` | mean over groups, or over metrics | `linear.py` |
| `figure` | computed from all samples' evidence | `figures.py` |

n and clusters count the samples that a metric applies to. Shares are cut to 0..1, which a symmetric interval
of a small sample can leave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vleval.results.statistics.figures import Figures, Judged, compare_figures, in_order, pooled
from vleval.results.statistics.linear import Linear, compare_linear, estimate_linear, linear
from vleval.results.statistics.paired import PairedResult, compare_metric
from vleval.results.statistics.stats import LEVEL, Estimate, Interval, estimate_mean
from vleval.tasks.base import Metric

Pool = Callable[[Sequence[Judged], Sequence[str], tuple[str, ...]], Figures]


def estimates(
    answers: Sequence[Judged], wanted: Sequence[Metric], metrics: Sequence[Metric], *, level: float = LEVEL
) -> dict[str, Estimate]:
    """The scores of some metrics of a task whose metrics are given, by name."""
    pools = _pools([answers], wanted)
    return {
        metric.name: _cut(
            pools[metric.strata][0].estimate(metric.figure, level=level)
            if metric.figure
            else _estimate(answers, metric, metrics, level),
            metric,
        )
        for metric in wanted
    }


def scores(
    answers: Sequence[Judged], wanted: Sequence[Metric], metrics: Sequence[Metric]
) -> dict[str, float]:
    """The same without intervals; a metric that no answer has is left out."""
    pools = _pools([answers], wanted, Figures)
    found: dict[str, float | None] = {}
    for metric in wanted:
        if metric.figure:
            pool = pools[metric.strata][0]
            found[metric.name] = pool.figure(metric.figure, np.ones(len(pool.clusters), np.int64))
        else:
            sum_ = _linear(answers, metric, metrics)
            found[metric.name] = sum_.score if sum_ else None
    return {name: value for name, value in found.items() if value is not None}


def comparisons(
    base: Sequence[Judged],
    cand: Sequence[Judged],
    wanted: Sequence[Metric],
    metrics: Sequence[Metric],
    *,
    level: float = LEVEL,
) -> dict[str, PairedResult]:
    """The differences of two runs on the same questions, given in the same order; + is better.

    A pair counts in a metric that both answers have.
    """
    pools = _pools([base, cand], wanted)
    return {
        metric.name: compare_figures(pools[metric.strata], metric, level=level)
        if metric.figure
        else _compare(base, cand, metric, metrics, level)
        for metric in wanted
    }


def column(answers: Sequence[Judged], name: str) -> NDArray[np.float64]:
    """(N,): the values of a metric, NaN where it does not apply."""
    values = [answer.metrics.get(name) for answer in answers]
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _estimate(answers: Sequence[Judged], metric: Metric, metrics: Sequence[Metric], level: float) -> Estimate:
    found = _linear(answers, metric, metrics)
    if found is None:
        return estimate_mean([], [], level=level)
    clusters = [answer.cluster for answer in answers]
    if found.plain:
        return estimate_mean(found.values, [clusters[row] for row in found.rows.tolist()], level=level)
    return estimate_linear(found, clusters, level=level)


def _linear(answers: Sequence[Judged], metric: Metric, metrics: Sequence[Metric]) -> Linear | None:
    return linear(metric, metrics, lambda name: column(answers, name), [answer.tags for answer in answers])


def _compare(
    base: Sequence[Judged],
    cand: Sequence[Judged],
    metric: Metric,
    metrics: Sequence[Metric],
    level: float,
) -> PairedResult:
    def differences(name: str) -> NDArray[np.float64]:
        return column(cand, name) - column(base, name)

    clusters = [answer.cluster for answer in base]
    found = linear(metric, metrics, differences, [answer.tags for answer in base])
    if found is None:
        return compare_metric([], [], [], metric, level=level)
    if not found.plain:
        return compare_linear(found, clusters, metric, level=level)
    name = metric.name
    rows = found.rows.tolist()
    before, after = column(base, name)[rows], column(cand, name)[rows]
    return compare_metric(before, after, [clusters[row] for row in rows], metric, level=level)


def _pools(
    sides: Sequence[Sequence[Judged]], wanted: Sequence[Metric], make: Pool = pooled
) -> Mapping[tuple[str, ...], list[Figures]]:
    """What computes the figures that are wanted, of each side, by the strata that they have in common."""
    names: dict[tuple[str, ...], list[str]] = {}
    for metric in wanted:
        if metric.figure:
            names.setdefault(metric.strata, []).append(metric.figure)
    if not names:
        return {}
    first, *others = sides
    order = [row for row in in_order(first) if all(side[row].evidence is not None for side in others)]
    return {
        strata: [make([side[row] for row in order], figures, strata) for side in sides]
        for strata, figures in names.items()
    }


def _cut(found: Estimate, metric: Metric) -> Estimate:
    """Shares, and distances of which 1 is the worst, cannot leave 0..1; their intervals can."""
    if found.interval is None or not (metric.percent or metric.worst == 1.0):
        return found
    low, high = found.interval
    return found._replace(interval=Interval(max(0.0, low), min(1.0, high)))
