"""One number over several tasks. It takes the tasks for independent: they must not share images."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vleval.results.statistics.stats import LEVEL, Estimate, Interval, normal_quantile


def macro_mean(estimates: Sequence[Estimate], *, level: float = LEVEL) -> Estimate:
    """Every task counts alike: se = sqrt(sum se_k^2) / K."""
    n, clusters = sum(each.n for each in estimates), sum(each.clusters for each in estimates)
    values = [each.value for each in estimates if each.value is not None]
    if not values or len(values) < len(estimates):
        return Estimate(None, None, None, n, clusters, "a task has no samples" if estimates else "no tasks")
    value = math.fsum(values) / len(values)
    errors = [each.standard_error for each in estimates if each.standard_error is not None]
    if len(errors) < len(estimates):
        return Estimate(value, None, None, n, clusters, "a task has no standard error")
    error = math.hypot(*errors) / len(errors)
    half = normal_quantile(0.5 + level / 2) * error
    return Estimate(
        value, Interval(value - half, value + half), error, n, clusters, "mean over tasks, normal"
    )
