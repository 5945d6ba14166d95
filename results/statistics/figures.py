"""Figures that only a whole set of samples has (average precision), from what each sample left as evidence.

With `strata` (the subsets of ODinW-13) each stratum has a figure of its own, and the score is their mean.
Resampling keeps within strata, so that a subset of forty pictures is in every draw. A stratum whose figure
is undefined, because its truth has no object, is left out, and the method says so.

Finds of equal score are ranked picture by picture: by the samples' ids, numbers in them by value.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from vleval.grounding.precision import Precision
from vleval.results.statistics.bootstrap import Weights, compare_aggregates, estimate_aggregate
from vleval.results.statistics.paired import PairedResult
from vleval.results.statistics.stats import Estimate
from vleval.results.statistics.strata import Stratum, nested_mean, stratum
from vleval.tasks.base import Metric

DRAWS = 1_000
"""Resamples of a figure, each of which ranks all finds again."""
KEPT = 16
"""Runs whose draws are kept for the next comparison."""


class Judged(Protocol):
    """What an aggregate needs of one answer."""

    @property
    def id(self) -> str:
        """Of the sample."""

    @property
    def cluster(self) -> str:
        """Of its medium."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Of the sample."""

    @property
    def metrics(self) -> Mapping[str, float | None]:
        """Those that apply."""

    @property
    def evidence(self) -> Mapping[str, Any] | None:
        """For figures."""


class Figures:
    """Figures of one set of answers by how often each counts; draws are remembered, so that several figures
    cost little more than one."""

    def __init__(self, answers: Sequence[Judged], names: Sequence[str], strata: tuple[str, ...]) -> None:
        """`answers` have evidence and are `in_order`; those of two runs on the same questions correspond."""
        self._answers = list(answers)
        self._by = strata
        self.clusters: list[Hashable] = [answer.cluster for answer in answers]
        self.strata = [stratum(answer.tags, strata) for answer in answers]
        members: dict[Stratum, list[int]] = {}
        for row, key in enumerate(self.strata):
            members.setdefault(key, []).append(row)
        self._names = tuple(names)
        self._members = {key: np.array(rows, np.intp) for key, rows in members.items()}
        self._pools = {
            key: Precision([answers[row].evidence or {} for row in rows], names)
            for key, rows in members.items()
        }
        whole = {key: pool.figures() for key, pool in self._pools.items()}
        self.undefined: dict[str, list[Stratum]] = {
            name: [key for key, figures in whole.items() if figures[name] is None] for name in self._names
        }
        self._seen: dict[bytes, dict[str, float | None]] = {}

    def serves(self, answers: Sequence[Judged], names: Sequence[str], strata: tuple[str, ...]) -> bool:
        """Whether this is what would be made of these: the very same evidence, clusters and strata, and no
        further figure."""
        return (
            strata == self._by
            and len(answers) == len(self._answers)
            and set(names) <= set(self._names)
            and all(
                one.evidence is other.evidence and one.cluster == other.cluster and one.tags == other.tags
                for one, other in zip(answers, self._answers, strict=True)
            )
        )

    def figure(self, name: str, weights: Weights) -> float | None:
        """The score in which answer i stands weights[i] times; None where a stratum has none."""
        key = hashlib.blake2b(weights.tobytes(), digest_size=16).digest()
        if key not in self._seen:
            self._seen[key] = self._figures(weights)
        return self._seen[key][name]

    def _figures(self, weights: Weights) -> dict[str, float | None]:
        each = {key: pool.figures(weights[self._members[key]]) for key, pool in self._pools.items()}
        return {
            name: self._mean(name, {key: found[name] for key, found in each.items()}) for name in self._names
        }

    def _mean(self, name: str, values: Mapping[Stratum, float | None]) -> float | None:
        known = {key: value for key, value in values.items() if value is not None}
        if not known or len(known) + len(self.undefined[name]) < len(values):
            return None
        return nested_mean(known)

    def estimate(self, name: str, *, level: float) -> Estimate:
        """A figure with its interval."""
        found = estimate_aggregate(
            lambda weights: self.figure(name, weights),
            self.clusters,
            draws=DRAWS,
            level=level,
            strata=self.strata,
        )
        return found._replace(method=found.method + self.remark(name))

    def remark(self, name: str) -> str:
        """What to know of the strata, to be put behind a method; '' for a figure of one set."""
        if len(self._pools) < 2:
            return ""
        said = f", mean of {len(self._pools) - len(self.undefined[name])} groups"
        if left_out := self.undefined[name]:
            said += f"; without an object and left out: {', '.join('/'.join(key) for key in left_out)}"
        return said


_recent: deque[Figures] = deque(maxlen=KEPT)


def pooled(answers: Sequence[Judged], names: Sequence[str], strata: tuple[str, ...]) -> Figures:
    """`Figures`, or those of late with the same evidence: a report compares what it has just estimated, and
    its thousand draws are the same."""
    found = next((pool for pool in _recent if pool.serves(answers, names, strata)), None)
    if found is None:
        found = Figures(answers, names, strata)
        _recent.append(found)
    return found


def compare_figures(runs: Sequence[Figures], metric: Metric, *, level: float) -> PairedResult:
    """The difference of two runs' figures on the same questions, on the same resamples; baseline first."""
    assert metric.figure is not None
    name = metric.figure
    base, cand = runs
    found = compare_aggregates(
        lambda weights: base.figure(name, weights),
        lambda weights: cand.figure(name, weights),
        base.clusters,
        metric,
        draws=DRAWS,
        level=level,
        strata=base.strata,
    )
    return replace(found, method=found.method + base.remark(name))


def in_order(answers: Sequence[Judged]) -> list[int]:
    """Indices of the answers with evidence, by id: `9.jpg` before `10.jpg`, as data sets list pictures."""
    kept = [index for index, answer in enumerate(answers) if answer.evidence is not None]
    return sorted(kept, key=lambda index: _natural(answers[index].id))


def _natural(text: str) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"(\d{1,4000})", text)
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts], text
