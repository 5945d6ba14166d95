"""The single demands of a gate on one task, each with its outcome and what that means for the build.

Floors and ceilings are taken exactly: they are about this run's own answers, not about a population. Drops
are judged by `verdict.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vleval.results.comparing.compare import Comparison, MetricComparison
from vleval.results.comparing.pairing import Answered
from vleval.results.gating.policy import Gate, Rules, Tier
from vleval.results.statistics.aggregate import scores
from vleval.results.statistics.paired import PairedResult
from vleval.results.statistics.ratio import Ratio
from vleval.results.statistics.stats import clopper_pearson
from vleval.results.statistics.verdict import Verdict
from vleval.tasks.base import Metric, Status

Kind = Literal["drop", "floor", "cap", "ceiling", "latency"]
Outcome = Literal["IMPROVED", "PASS", "FAIL", "INCONCLUSIVE", "NOT COMPARABLE"]
State = Literal["pass", "warn", "fail", "error"]
"""What the outcome means under the policy; `error` where nothing could be judged."""

REGRESSION, UNDECIDED, UNCOMPARED = 10, 11, 12
"""Exit codes."""
BOUND = 0.90
"""Level whose upper end alone is a 95% bound."""


@dataclass(frozen=True, slots=True)
class Check:
    """One demand and how it went."""

    task: str
    name: str
    """The metric, `failed`, `unparsed` or `seconds`."""
    title: str
    kind: Kind
    tier: Tier
    outcome: Outcome
    state: State
    reason: str
    """One clause."""
    percent: bool
    value: float | None = None
    """The candidate's."""
    limit: float | None = None
    """Largest drop, floor, cap or ceiling."""
    bound: float | None = None
    """Of a rate: the upper 95% bound of the rate behind it (Clopper-Pearson)."""
    baseline: float | None = None
    paired: PairedResult | None = None
    latency: Ratio | None = None
    detectable: float | None = None
    pairs_needed: int | None = None

    @property
    def exit_code(self) -> int:
        """What this check alone would make the gate end with."""
        if self.state == "error":
            return UNCOMPARED
        if self.state == "fail":
            return UNDECIDED if self.outcome == "INCONCLUSIVE" else REGRESSION
        return 0


def drop_check(gate: Gate, compared: MetricComparison, verdict: Verdict) -> Check:
    """The candidate against the baseline."""
    rules, n = gate.rules, compared.paired.n
    outcome: Outcome = verdict.outcome
    reason = verdict.reason
    if outcome in ("PASS", "IMPROVED") and n < rules.min_n:
        # What is proven stays proven: few pairs cannot turn a failure into a doubt.
        outcome, reason = "INCONCLUSIVE", f"{n} pairs, and min_n asks for {rules.min_n}"
    elif outcome == "INCONCLUSIVE" and verdict.pairs_needed:
        reason += f" ({n:,} pairs, an equal candidate needs about {verdict.pairs_needed:,})"
    state: State = "pass"
    if outcome == "FAIL":
        state = "fail"
    elif outcome == "INCONCLUSIVE":
        state = rules.on_inconclusive
    elif verdict.small_drop:
        state = rules.on_small_drop
    return Check(
        task=gate.task,
        name=gate.metric.name,
        title=gate.metric.title,
        kind="drop",
        tier=rules.tier,
        outcome=outcome,
        state=_softened(state, rules.tier),
        reason=reason,
        percent=gate.metric.percent,
        value=compared.cand.value,
        limit=gate.max_drop,
        baseline=compared.base.value,
        paired=compared.paired,
        detectable=verdict.detectable,
        pairs_needed=verdict.pairs_needed,
    )


def unjudged(gate: Gate, reason: str, state: State = "error") -> Check:
    """A drop that cannot be judged; `state` tells whether that is a fault."""
    return Check(
        task=gate.task,
        name=gate.metric.name,
        title=gate.metric.title,
        kind="drop",
        tier=gate.rules.tier,
        outcome="NOT COMPARABLE",
        state=_softened(state, gate.rules.tier),
        reason=reason,
        percent=gate.metric.percent,
        limit=gate.max_drop,
    )


def floor_check(gate: Gate, answers: Sequence[Answered], metrics: Sequence[Metric]) -> Check | None:
    """The candidate's value against `min_value`, or `max_value` where lower is better; without a value it
    fails. `metrics` are the task's."""
    rules, higher = gate.rules, gate.metric.higher_is_better
    limit, key = (rules.min_value, "min_value") if higher else (rules.max_value, "max_value")
    if limit is None:
        return None
    value = scores(answers, [gate.metric], metrics).get(gate.metric.name)
    good = value is not None and (value >= limit if higher else value <= limit)
    side = ("at or above" if good else "below") if higher else ("at or below" if good else "above")
    return Check(
        task=gate.task,
        name=gate.metric.name,
        title=f"{gate.metric.title} {'floor' if higher else 'cap'}",
        kind="floor" if higher else "cap",
        tier=gate.rules.tier,
        outcome="PASS" if good else "FAIL",
        state="pass" if good else _softened("fail", gate.rules.tier),
        reason="no answer has a score" if value is None else f"{side} {key}",
        percent=gate.metric.percent,
        value=value,
        limit=limit,
    )


def ceiling_check(
    task: str, status: Status, several: Sequence[Rules], answers: Sequence[Answered]
) -> Check | None:
    """The share of failed or unparsed answers against the strictest ceiling of the task's rules."""
    key = "max_error_rate" if status == "failed" else "max_unparsed_rate"
    limits = [(limit, rules.tier) for rules in several if (limit := getattr(rules, key)) is not None]
    if not limits or not answers:
        return None
    tier: Tier = "required" if any(tier == "required" for _, tier in limits) else "informational"
    limit = min(limit for limit, each in limits if each == tier)
    count, n = sum(answer.status == status for answer in answers), len(answers)
    good = count <= limit * n
    return Check(
        task=task,
        name=status,
        title=status,
        kind="ceiling",
        tier=tier,
        outcome="PASS" if good else "FAIL",
        state="pass" if good else _softened("fail", tier),
        reason=f"{count:,} of {n:,} answers, " + (f"at or below {key}" if good else f"above {key}"),
        percent=True,
        value=count / n,
        limit=limit,
        bound=clopper_pearson(count, n, level=BOUND).high,
    )


def latency_check(task: str, several: Sequence[Rules], comparison: Comparison) -> Check | None:
    """Seconds per answer against the baseline's: for information, since machines have moods."""
    limits = [rules.max_latency_ratio for rules in several if rules.max_latency_ratio is not None]
    if not limits:
        return None
    found, limit = comparison.latency, min(limits)
    slower = found is not None and found.ratio is not None and found.ratio > limit
    sure = slower and found is not None and found.interval is not None and found.interval.low > 1
    outcome: Outcome = "NOT COMPARABLE" if found is None else "FAIL" if sure else "PASS"
    if found is None:
        reason = "times are of another environment, or were not measured"
    else:
        reason = "slower than max_latency_ratio" if sure else "not surely slower than max_latency_ratio"
    return Check(
        task=task,
        name="seconds",
        title="seconds",
        kind="latency",
        tier="informational",
        outcome=outcome,
        state="warn" if sure else "pass",
        reason=reason,
        percent=False,
        value=found.ratio if found else None,
        limit=limit,
        latency=found,
    )


def _softened(state: State, tier: Tier) -> State:
    """What is informational never fails a build."""
    return "warn" if tier == "informational" and state in ("fail", "error") else state
