"""One number over several tasks. All of it takes the tasks for independent: they must not share images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from vleval.results.statistics.discordant import Discordance
from vleval.results.statistics.stats import LEVEL, Estimate, Interval, normal_quantile


def macro_mean(estimates: Sequence[Estimate], *, level: float = LEVEL) -> Estimate:
    """Every task counts alike: se = sqrt(sum se_k^2) / K."""
    return _weighted(estimates, [1.0] * len(estimates), "mean over tasks, normal", level)


def micro_mean(estimates: Sequence[Estimate], *, level: float = LEVEL) -> Estimate:
    """Every sample counts alike: tasks weigh by their n, se = sqrt(sum (n_k se_k)^2) / sum n_k."""
    return _weighted(estimates, [float(each.n) for each in estimates], "mean over samples, normal", level)


def pooled(discordances: Iterable[Discordance]) -> Discordance:
    """Gains and losses of several tasks added up: `paired.compare_counts` then tests all of them at once."""
    each = list(discordances)
    return Discordance(sum(d.gains for d in each), sum(d.losses for d in each), sum(d.n for d in each))


def _weighted(estimates: Sequence[Estimate], weights: Sequence[float], method: str, level: float) -> Estimate:
    n, clusters = sum(each.n for each in estimates), sum(each.clusters for each in estimates)
    values = [each.value for each in estimates if each.value is not None]
    if not values or len(values) < len(estimates):
        return Estimate(None, None, None, n, clusters, "a task has no samples" if estimates else "no tasks")
    total = math.fsum(weights)
    value = math.fsum(weight * value for weight, value in zip(weights, values, strict=True)) / total
    errors = [each.standard_error for each in estimates if each.standard_error is not None]
    if len(errors) < len(estimates):
        return Estimate(value, None, None, n, clusters, "a task has no standard error")
    error = math.hypot(*(weight * error for weight, error in zip(weights, errors, strict=True))) / total
    half = normal_quantile(0.5 + level / 2) * error
    return Estimate(value, Interval(value - half, value + half), error, n, clusters, method)
