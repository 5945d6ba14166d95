"""Scores that weigh samples unequally: means over groups that count alike, and means of several metrics.

Such a score is sum_i w_i x_i, with weights that the samples' tags alone decide. With m_g the mean of the
group (of one metric) that x_i belongs to, w_i (x_i - m_g) is what sample i moves the score by: its influence.
Added up over everything that a cluster holds, in whatever groups and metrics, influences are as independent
as clusters are, so covariances between groups and between metrics on the same images are in the sum. The
numbers z_i = score + n f_g w_i (x_i - m_g) have the score for their mean and its standard error for their
own, which makes every method for clustered means apply. f_g^2 = C_g / (C_g - 1) * (C - 1) / C corrects each
group by its own number of clusters: the estimate of stratified sampling (Cochran 1977, chapter 5), which is
sqrt(sum_g share_g^2 se_g^2) where no cluster lies in two groups.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vleval.results.statistics.clusters import Clusters, cluster
from vleval.results.statistics.paired import PairedResult, compare_weighted
from vleval.results.statistics.stats import Estimate, t_interval, wilson
from vleval.results.statistics.strata import Stratum, nested_mean, nested_shares, stratum
from vleval.tasks.base import Metric

Column = Callable[[str], NDArray[np.float64]]
"""Name of a metric -> (N,) its values; NaN where it does not apply."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A score as a weighted sum. A sample stands in it once for each metric that it counts in."""

    score: float
    rows: NDArray[np.intp]
    """(T,): which sample."""
    values: NDArray[np.float64]
    """(T,)"""
    weights: NDArray[np.float64]
    """(T,): they add up to 1."""
    groups: NDArray[np.intp]
    """(T,): groups of equal weight, numbered from 0."""
    of: str
    """What counts alike, in words: `5 groups`, `4 metrics`."""

    @property
    def plain(self) -> bool:
        """Whether the score is no more than the mean of the values."""
        return not self.groups.any()


def linear(
    metric: Metric, metrics: Sequence[Metric], column: Column, tags: Sequence[Mapping[str, str]]
) -> Linear | None:
    """The score of a metric with `strata` or `parts` (or of a plain one); None where it applies to nothing.

    `metrics` are those of the task, `tags` of the N samples. A part that applies to no sample is left out.
    Raises ValueError on a part that has a `figure`, whose error no sum can have.
    """
    builder = _Builder(metrics, column, tags)
    score = builder.add(metric, 1.0)
    if score is None:
        return None
    of = f"{len(metric.parts)} metrics" if metric.parts else f"{len(builder.rows)} groups"
    sizes = [len(rows) for rows in builder.rows]
    return Linear(
        score,
        np.concatenate(builder.rows),
        np.concatenate(builder.values),
        np.repeat(np.array(builder.weights), sizes),
        np.repeat(np.arange(len(sizes)), sizes),
        of,
    )


def estimate_linear(found: Linear, clusters: Sequence[Hashable], *, level: float) -> Estimate:
    """The score with its t interval; `clusters` are the keys of the N samples.

    Without variance there is Wilson's interval for right-or-wrong values, over as many clusters as would
    weigh alike (Kish 1965: 1 / sum of squared shares), and none for others.
    """
    influence, flips = influences(found, clusters)
    n, count, error = influence.n, influence.count, influence.standard_error
    if error is None:
        return Estimate(found.score, None, None, n, count, "fewer than two clusters")
    effect = influence.design_effect
    if error == 0:
        if not np.isin(found.values, (0.0, 1.0)).all():
            return Estimate(found.score, None, error, n, count, "no variance between clusters", effect)
        alike = max(1, math.floor(n**2 / float(flips.sizes @ flips.sizes) + 1e-9))
        interval = wilson(found.score * alike, alike, level=level)
        return Estimate(found.score, interval, error, n, count, "Wilson over clusters", effect)
    interval = t_interval(found.score, error, degrees_of_freedom(found, clusters), level=level)
    return Estimate(found.score, interval, error, n, count, _method(found, clusters), effect)


def compare_linear(
    found: Linear, clusters: Sequence[Hashable], metric: Metric, *, level: float
) -> PairedResult:
    """Test a difference of two scores, given as the score of the samples' differences."""
    influence, flips = influences(found, clusters)
    result = compare_weighted(
        influence, flips, found.score, metric, degrees=degrees_of_freedom(found, clusters), level=level
    )
    if result.interval is None or not found.values.any():
        return result
    return replace(result, method=f"{result.method}, mean of {found.of}")


def influences(found: Linear, clusters: Sequence[Hashable]) -> tuple[Clusters, Clusters]:
    """Per sample that counts: z_i, and n w_i x_i with clusters as large as they weigh.

    The first have the score's error; the second add up to it, for tests that flip the signs of clusters.
    """
    counted, place = np.unique(found.rows, return_inverse=True)
    n, keys = len(counted), [clusters[row] for row in counted.tolist()]
    per_group = np.array(_clusters_per_group(found, clusters), np.float64)
    total = len(set(keys))
    size = np.bincount(found.groups)
    means = np.bincount(found.groups, found.values) / size
    scale = np.where(
        (per_group > 1) & (total > 1),
        np.sqrt(per_group / np.maximum(per_group - 1, 1) * max(total - 1, 1) / total),
        1.0,
    )
    moved = found.weights * scale[found.groups] * (found.values - means[found.groups])
    shifted = found.score + n * np.bincount(place, moved, minlength=n)
    parts = n * np.bincount(place, found.weights * found.values, minlength=n)
    return (
        cluster(shifted, keys),
        cluster(parts, keys, weights=n * np.bincount(place, found.weights, minlength=n).astype(np.float64)),
    )


class _Builder:
    """Collects the terms of a score, group by group."""

    def __init__(self, metrics: Sequence[Metric], column: Column, tags: Sequence[Mapping[str, str]]) -> None:
        self.metrics = {metric.name: metric for metric in metrics}
        self.column, self.tags = column, tags
        self.rows: list[NDArray[np.intp]] = []
        self.values: list[NDArray[np.float64]] = []
        self.weights: list[float] = []

    def add(self, metric: Metric, share: float) -> float | None:
        """Add the terms of a metric that has a share of the score; its own score, None where it has none."""
        if metric.figure:
            raise ValueError(f"{metric.name} is computed from all samples at once and cannot be a part")
        if not metric.parts:
            return self._strata(metric, share)
        parts = [part for name in metric.parts if self._applies(part := self.metrics[name])]
        scores = [self.add(part, share / len(parts)) for part in parts]
        known = [score for score in scores if score is not None]
        return math.fsum(known) / len(known) if known else None

    def _applies(self, metric: Metric) -> bool:
        if metric.parts:
            return any(self._applies(self.metrics[name]) for name in metric.parts)
        return metric.figure is not None or not np.isnan(self.column(metric.name)).all()

    def _strata(self, metric: Metric, share: float) -> float | None:
        values = self.column(metric.name)
        members: dict[Stratum, list[int]] = {}
        for row in np.flatnonzero(~np.isnan(values)).tolist():
            members.setdefault(stratum(self.tags[row], metric.strata), []).append(row)
        if not members:
            return None
        means: dict[Stratum, float] = {}
        shares = nested_shares(members)
        for key, rows in members.items():
            mine = values[rows]
            means[key] = math.fsum(mine) / len(rows)
            self.rows.append(np.array(rows, np.intp))
            self.values.append(mine)
            self.weights.append(share * shares[key] / len(rows))
        return nested_mean(means)


def _clusters_per_group(found: Linear, clusters: Sequence[Hashable]) -> list[int]:
    seen: dict[int, set[Hashable]] = {}
    for row, group in zip(found.rows.tolist(), found.groups.tolist(), strict=True):
        seen.setdefault(group, set()).add(clusters[row])
    return [len(seen[group]) for group in range(len(seen))]


def degrees_of_freedom(found: Linear, clusters: Sequence[Hashable]) -> float:
    """Of the standard error, were all values of one variance (Satterthwaite 1946): few where small groups
    weigh much, C - 1 for C clusters that weigh alike.

    With u the weight of a cluster in a group: the square of the sum of all u^2, over the sum over clusters of
    the square of their sum of u^2 sqrt(C_g / (C_g - 1)).
    """
    per_group = _clusters_per_group(found, clusters)
    weights: dict[tuple[Hashable, int], float] = {}
    for row, group, weight in zip(
        found.rows.tolist(), found.groups.tolist(), found.weights.tolist(), strict=True
    ):
        if per_group[group] > 1:
            key = clusters[row], group
            weights[key] = weights.get(key, 0.0) + weight
    inflated: dict[Hashable, float] = {}
    for (name, group), weight in weights.items():
        count = per_group[group]
        inflated[name] = inflated.get(name, 0.0) + weight**2 * math.sqrt(count / (count - 1))
    whole, parts = math.fsum(u**2 for u in weights.values()), math.fsum(u**2 for u in inflated.values())
    return max(1.0, whole**2 / parts) if parts else 1.0


def _method(found: Linear, clusters: Sequence[Hashable]) -> str:
    alone = sum(number < 2 for number in _clusters_per_group(found, clusters))
    text = f"clustered t (CR1), mean of {found.of}"
    return text + (f", {alone} of one cluster and so without variance" if alone else "")
