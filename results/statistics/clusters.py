"""Values grouped by image, document or video, and the standard error of their mean.

Answers about one image depend on each other, so only clusters are independent. With S_c the sum of
(x - mean) over cluster c, C clusters and n values, the CR1 standard error is
sqrt(C / (C - 1) * sum S_c^2) / n (Liang & Zeger 1986; Cameron & Miller 2015). One value per cluster gives the
textbook error sd / sqrt(n). Sums are exactly rounded, so the order of the samples changes no bit.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUNDING = 1e-12
"""An error below this share of the largest value is rounding, not variance."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """The sums and sizes of the clusters of some values, in order of first appearance."""

    values: NDArray[np.float64]
    """(n,): every value, in its order."""
    sums: NDArray[np.float64]
    """(C,)"""
    sizes: NDArray[np.float64]
    """(C,): values in each, or what they weigh; n in all."""

    @property
    def n(self) -> int:
        """Values."""
        return len(self.values)

    @property
    def count(self) -> int:
        """Clusters."""
        return len(self.sums)

    @property
    def clustered(self) -> bool:
        """Whether any cluster has more than one value."""
        return self.count < self.n

    @property
    def mean(self) -> float:
        """Mean of the values; there must be one."""
        return math.fsum(self.values) / self.n

    @property
    def standard_error(self) -> float | None:
        """CR1 standard error of the mean; exactly 0.0 without variance, None below two clusters."""
        if self.count < 2:
            return None
        error = _root_of_squares(self.sums - self.sizes * self.mean, self.count) / self.n
        return error if error > ROUNDING * float(np.abs(self.values).max()) else 0.0

    @property
    def design_effect(self) -> float | None:
        """Variance of the mean over what it would be were all values independent; None where that is 0."""
        error = self.standard_error
        if error is None or np.ptp(self.values) == 0:
            return None
        return (error * self.n / _root_of_squares(self.values - self.mean, self.n)) ** 2


def cluster(
    values: ArrayLike, keys: Iterable[Hashable] | None = None, *, weights: NDArray[np.float64] | None = None
) -> Clusters:
    """Group `values` (n,) by `keys` (n of them; None: each value by itself); clusters weigh as many values as
    they have, or the sum of their `weights`.

    Raises ValueError where the lengths differ or a value is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError("values must be one row of finite numbers")
    if keys is None:
        return Clusters(array, array, np.ones(len(array)))
    labels = list(keys)
    if len(labels) != len(array):
        raise ValueError(f"{len(array)} values but {len(labels)} cluster keys")
    number: dict[Hashable, int] = {}
    codes = np.array([number.setdefault(label, len(number)) for label in labels], np.intp)
    sums = _exact_sums(array, codes, len(number))
    sizes = np.bincount(codes, weights, len(number)).astype(np.float64)
    return Clusters(array, sums, sizes)


def _exact_sums(values: NDArray[np.float64], codes: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    members: list[list[float]] = [[] for _ in range(count)]
    for code, value in zip(codes.tolist(), values.tolist(), strict=True):
        members[code].append(value)
    return np.array([math.fsum(each) for each in members], np.float64)


def _root_of_squares(deviations: NDArray[np.float64], count: int) -> float:
    return math.sqrt(count / (count - 1) * math.fsum(deviations * deviations))
