"""The gate: every demand of a policy on a candidate's runs, and the one verdict that all outputs show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from vleval.results.comparing.compare import Comparison, MetricComparison, compare_sources
from vleval.results.comparing.document import comparison_to_json, paired_to_json, ratio_to_json
from vleval.results.comparing.eligibility import incomplete, without_truths
from vleval.results.comparing.pairing import Source
from vleval.results.gating.checks import (
    REGRESSION,
    UNCOMPARED,
    UNDECIDED,
    Check,
    State,
    ceiling_check,
    drop_check,
    floor_check,
    latency_check,
    unjudged,
)
from vleval.results.gating.policy import Gate, Policy, Rules
from vleval.results.statistics.power import minimum_detectable, pairs_needed
from vleval.results.statistics.verdict import Verdict, judge_all, level_of
from vleval.results.table import value_text
from vleval.tasks.base import Metric

SCHEMA = "vleval/verdict@1"

ASSUMED_CHANGE = 0.10
"""Share of answers taken to change between two models where a comparison shows no change at all."""

OUTCOMES = {0: "PASS", REGRESSION: "FAIL", UNDECIDED: "INCONCLUSIVE", UNCOMPARED: "NOT COMPARABLE"}
PRECEDENCE = (REGRESSION, UNCOMPARED, UNDECIDED)
"""A proven regression is said first, then what could not be judged."""


class Allowed(NamedTuple):
    """What the caller of the gate puts up with."""

    bundled: bool = False
    missing_baseline: bool = False
    vary: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Judged:
    """A policy applied."""

    checks: list[Check] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """The gravest of all checks."""
        codes = {check.exit_code for check in self.checks}
        return next((code for code in PRECEDENCE if code in codes), 0)


def judge_runs(
    gates: Sequence[Gate],
    policy: Policy,
    candidates: Mapping[str, Source],
    baselines: Mapping[str, Source],
    metrics_of: Callable[[str], Sequence[Metric]],
    allowed: Allowed,
) -> Judged:
    """Judge the runs of a candidate, by task, against those of a baseline. Raises StoreError."""
    judged = Judged()
    compared: list[tuple[Gate, MetricComparison]] = []
    for task in dict.fromkeys(gate.task for gate in gates):
        mine = [gate for gate in gates if gate.task == task]
        reason = _unfit(task, candidates, allowed)
        if reason is not None:
            judged.checks.extend(unjudged(gate, reason) for gate in mine)
            continue
        candidate = candidates[task]
        comparison = _compare(mine, policy, candidate, baselines.get(task), metrics_of(task), allowed)
        if comparison is None:
            missing = f"there is no baseline for {task}: `vleval baseline set` makes one"
            state: State = "warn" if allowed.missing_baseline else "error"
            judged.checks.extend(unjudged(gate, missing, state) for gate in mine)
        elif comparison.refusals:
            judged.checks.extend(unjudged(gate, "; ".join(comparison.refusals)) for gate in mine)
            judged.comparisons.append(comparison)
        else:
            judged.comparisons.append(comparison)
            found = {each.metric.name: each for each in comparison.metrics}
            compared.extend((gate, found[gate.metric.name]) for gate in mine)
        judged.checks.extend(_own_checks(task, mine, candidate, comparison, metrics_of(task)))
    judged.checks.extend(_drops(compared, policy))
    judged.warnings.extend(_weak_margins(compared, policy))
    judged.warnings.extend(
        f"the policy does not name {task}: it is not judged"
        for task in candidates
        if task not in {gate.task for gate in gates}
    )
    order = {gate.task: index for index, gate in reversed(list(enumerate(gates)))}
    kinds = ("drop", "floor", "cap", "ceiling", "latency")
    judged.checks.sort(key=lambda check: (order[check.task], kinds.index(check.kind)))
    return judged


def verdict_document(
    judged: Judged, policy: Policy, *, where: str, baseline: str, candidates: Sequence[str], flips: int
) -> dict[str, Any]:
    """The verdict as JSON (docs/json.md); `where` names the policy."""
    code = judged.exit_code
    states = [check.state for check in judged.checks]
    return {
        "schema": SCHEMA,
        "outcome": OUTCOMES[code],
        "exit_code": code,
        "counts": {state: states.count(state) for state in ("pass", "warn", "fail", "error")},
        "policy": {
            "source": where,
            "alpha": policy.alpha,
            "level": level_of(policy.alpha),
            "fail_rule": policy.fail_rule,
            "correction": policy.correction,
        },
        "baseline": baseline,
        "candidates": list(candidates),
        "checks": [_check_to_json(check) for check in judged.checks],
        "comparisons": [comparison_to_json(each, flips) for each in judged.comparisons],
        "warnings": judged.warnings,
    }


def _check_to_json(check: Check) -> dict[str, Any]:
    return {
        **asdict(check),
        "exit_code": check.exit_code,
        "paired": paired_to_json(check.paired) if check.paired else None,
        "latency": ratio_to_json(check.latency) if check.latency else None,
    }


def _unfit(task: str, candidates: Mapping[str, Source], allowed: Allowed) -> str | None:
    """Why a candidate's run cannot be judged at all."""
    source = candidates.get(task)
    if source is None:
        return f"the candidate has no run of {task}"
    if reasons := (*incomplete(source), *without_truths(source)):
        return reasons[0]
    record = source.record
    if (record.data.bundled or record.bundled_model) and not allowed.bundled:
        what = "bundled data" if record.data.bundled else "the bundled checkpoint"
        return f"{source.name} is a run of {what}, which says nothing about yours; --allow-bundled judges it"
    return None


def _compare(
    gates: Sequence[Gate],
    policy: Policy,
    candidate: Source,
    baseline: Source | None,
    metrics: Sequence[Metric],
    allowed: Allowed,
) -> Comparison | None:
    if baseline is None:
        return None
    gated = list(dict.fromkeys(gate.metric for gate in gates))
    return compare_sources(
        baseline,
        candidate,
        [*gated, *(metric for metric in metrics if metric not in gated)],
        level=level_of(policy.alpha),
        vary=allowed.vary,
        min_coverage=max(gate.rules.min_coverage for gate in gates),
    )


def _own_checks(
    task: str,
    gates: Sequence[Gate],
    candidate: Source,
    comparison: Comparison | None,
    metrics: Sequence[Metric],
) -> list[Check]:
    """What is demanded of the candidate's run, whatever the baseline."""
    answers = list(candidate.read().values())
    rules: list[Rules] = [gate.rules for gate in gates]
    found = [floor_check(gate, answers, metrics) for gate in gates]
    found += [ceiling_check(task, "failed", rules, answers), ceiling_check(task, "unparsed", rules, answers)]
    if comparison is not None and not comparison.refusals:
        found.append(latency_check(task, rules, comparison))
    return [check for check in found if check is not None]


def _drops(compared: Sequence[tuple[Gate, MetricComparison]], policy: Policy) -> list[Check]:
    """Verdicts on drops. Only what can fail the build is corrected for being one of several."""
    found = []
    for tier in ("required", "informational"):
        mine = [(gate, each) for gate, each in compared if gate.rules.tier == tier]
        verdicts: list[Verdict] = judge_all(
            [each.paired for _, each in mine],
            [gate.max_drop for gate, _ in mine],
            alpha=policy.alpha,
            fail_rule=policy.fail_rule,
            correction=policy.correction if tier == "required" else "none",
        )
        found += [drop_check(*each, verdict) for each, verdict in zip(mine, verdicts, strict=True)]
    return found


def _weak_margins(compared: Sequence[tuple[Gate, MetricComparison]], policy: Policy) -> list[str]:
    """Margins that so few pairs cannot support: an equal candidate would often be inconclusive."""
    found = []
    for gate, each in compared:
        n, error = each.paired.n, each.paired.standard_error
        if not n:
            continue
        variance = error**2 * n if error else ASSUMED_CHANGE
        supported = minimum_detectable(variance, n, alpha=policy.alpha, sides=1)
        if supported > gate.max_drop:
            needed = pairs_needed(variance, gate.max_drop, alpha=policy.alpha, sides=1)
            assumed = "" if error else f", if {ASSUMED_CHANGE:.0%} of the answers change"
            found.append(
                f"{gate.task} {gate.metric.title}: {n:,} pairs support a margin of "
                f"{value_text(supported, gate.metric)}, not of {value_text(gate.max_drop, gate.metric)}, "
                f"which needs about {needed:,}{assumed}"
            )
    return found
