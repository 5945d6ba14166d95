"""One run against another on the questions they share: differences, flips, and what else is not the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vleval.results.comparing.eligibility import Change, changes, refusals, same_environment, same_machinery
from vleval.results.comparing.pairing import Pairs, Source, pair
from vleval.results.statistics.aggregate import comparisons, estimates
from vleval.results.statistics.paired import PairedResult
from vleval.results.statistics.power import minimum_detectable
from vleval.results.statistics.ratio import Ratio, compare_ratio
from vleval.results.statistics.stats import LEVEL, Estimate
from vleval.tasks.base import Metric, Status

MIN_COVERAGE = 0.99
"""Share of the baseline's questions that must be paired."""


class MetricComparison(NamedTuple):
    """One metric over the pairs of two runs."""

    metric: Metric
    base: Estimate
    cand: Estimate
    paired: PairedResult

    @property
    def detectable(self) -> float | None:
        """The smallest true difference that these pairs show with 80% power; None where unknown."""
        if not self.paired.standard_error:
            return None
        n = self.paired.n
        return minimum_detectable(self.paired.standard_error**2 * n, n)


class Flip(NamedTuple):
    """A question whose headline score changed."""

    id: str
    base: float
    cand: float
    question: str | None
    base_text: str | None
    cand_text: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidate against baseline on one task. Without pairs there are `refusals`, and no metrics."""

    base: Source
    cand: Source
    changes: Sequence[Change]
    refusals: Sequence[str]
    """Why the two do not compare; empty where they do."""
    pairs: Pairs | None = None
    metrics: Sequence[MetricComparison] = ()
    """The first is the headline."""
    worse: Sequence[Flip] = ()
    """The greatest loss first."""
    better: Sequence[Flip] = ()
    """The greatest gain first."""
    statuses: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Pairs that are unparsed or failed: (baseline, candidate)."""
    latency: Ratio | None = None
    """Seconds of candidate over baseline; None where they do not compare."""
    warnings: Sequence[str] = ()


def compare_sources(
    base: Source,
    cand: Source,
    metrics: Sequence[Metric],
    *,
    level: float = LEVEL,
    vary: Collection[str] = (),
    min_coverage: float = MIN_COVERAGE,
    grid: bool = False,
) -> Comparison:
    """Compare two runs of one task, whose metrics are given, headline first. Raises StoreError.

    With `grid`, the settings of one grid need not be named in `vary`.
    """
    different = changes(base.record, cand.record)
    refused = refusals(base, cand, vary, grid=grid)
    if refused:
        return Comparison(base, cand, different, refused)
    pairs = pair(base.read(), cand.read())
    if uncovered := _uncovered(pairs, base, cand, min_coverage):
        return Comparison(base, cand, different, [uncovered], pairs)
    flips = _flips(pairs, metrics[0])
    return Comparison(
        base,
        cand,
        different,
        (),
        pairs,
        _metrics(pairs, metrics, level),
        worse=[flip for change, flip in flips if change < 0],
        better=[flip for change, flip in reversed(flips) if change > 0],
        statuses={status: _count(pairs, status) for status in ("unparsed", "failed")},
        latency=_latency(pairs, base, cand, level),
        warnings=_warnings(pairs, base, cand),
    )


def _uncovered(pairs: Pairs, base: Source, cand: Source, min_coverage: float) -> str | None:
    if pairs.ids and pairs.coverage >= min_coverage:
        return None
    why = ", ".join(f"{count} {reason}" for reason, count in Counter(pairs.dropped).most_common())
    return (
        f"only {len(pairs.ids)} of the {pairs.base_n} questions of {base.name} are paired with {cand.name}"
        f"{f' ({why})' if why else ''}; {min_coverage:.0%} are asked for"
    )


def _metrics(pairs: Pairs, metrics: Sequence[Metric], level: float) -> list[MetricComparison]:
    base, cand = (estimates(side, metrics, metrics, level=level) for side in (pairs.base, pairs.cand))
    paired = comparisons(pairs.base, pairs.cand, metrics, metrics, level=level)
    return [
        MetricComparison(metric, base[metric.name], cand[metric.name], paired[metric.name])
        for metric in metrics
    ]


def _flips(pairs: Pairs, metric: Metric) -> list[tuple[float, Flip]]:
    """(change, + is better; flip), the greatest loss first, where single answers have the metric."""
    found = []
    for id, base, cand in zip(pairs.ids, pairs.base, pairs.cand, strict=True):
        before, after = base.metrics.get(metric.name), cand.metrics.get(metric.name)
        if before is not None and after is not None and before != after:
            change = after - before if metric.higher_is_better else before - after
            found.append((change, Flip(id, before, after, cand.question, base.text, cand.text)))
    return sorted(found, key=lambda each: each[0])


def _count(pairs: Pairs, status: Status) -> tuple[int, int]:
    base, cand = (sum(each.status == status for each in side) for side in (pairs.base, pairs.cand))
    return base, cand


def _latency(pairs: Pairs, base: Source, cand: Source, level: float) -> Ratio | None:
    """Failed answers have no time of their own, and a committed baseline may come from another machine."""
    if not same_environment(base.record, cand.record):
        return None
    timed = [
        (before.seconds, after.seconds, before.cluster)
        for before, after in zip(pairs.base, pairs.cand, strict=True)
        if before.seconds > 0 and after.seconds > 0
    ]
    if not timed:
        return None
    before, after, clusters = zip(*timed, strict=True)
    return compare_ratio(before, after, clusters, level=level)


def _warnings(pairs: Pairs, base: Source, cand: Source) -> list[str]:
    found = []
    if pairs.dropped:
        why = ", ".join(f"{count} {reason}" for reason, count in pairs.dropped.items())
        found.append(f"questions left out: {why}")
    if same_machinery(base.record, cand.record) and (count := _different(pairs)):
        found.append(
            f"{count} of {len(pairs.ids)} answers differ although model, settings and environment are equal: "
            "the runs are not deterministic"
        )
    return found


def _different(pairs: Pairs) -> int:
    """Answers that are not the same; where a baseline holds no texts, scores that are not."""
    if all(answer.text is not None for answer in pairs.base):
        return sum(base.text != cand.text for base, cand in zip(pairs.base, pairs.cand, strict=True))
    return sum(base.metrics != cand.metrics for base, cand in zip(pairs.base, pairs.cand, strict=True))
