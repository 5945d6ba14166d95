"""Better, as good, worse, or not to be told: the non-inferiority verdict on one comparison.

A candidate passes when its drop is shown to stay within a margin, which asks for evidence of being as good;
"not significantly worse" would let every small test set pass, "lower fails" would fail half of all equal
candidates. With [L, U] the interval at level 1 - 2 alpha (two one-sided bounds at alpha) and d the
difference, + is better:

| condition, the first that holds | verdict |
|---|---|
| L > 0 | IMPROVED |
| L >= -margin | PASS; with U < 0 the drop is real, though small |
| U < -margin | FAIL: a drop beyond the margin is established |
| U < 0 and d < -margin | FAIL by the rule "point": a significant drop, its estimate beyond the margin |
| otherwise | INCONCLUSIVE |

Whatever is claimed (improved, dropped) needs the p-value to agree: Tango's interval is a little narrow
where few pairs changed. Over several metrics "all must pass" needs no correction; "any may fail" is
corrected by Holm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vleval.results.statistics.multiplicity import holm
from vleval.results.statistics.paired import PairedResult
from vleval.results.statistics.power import ALPHA, minimum_detectable, pairs_needed

Outcome = Literal["IMPROVED", "PASS", "FAIL", "INCONCLUSIVE"]
FailRule = Literal["point", "established"]
"""What fails: a significant drop whose estimate is beyond the margin, or only one surely beyond it."""
Correction = Literal["holm", "none"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for one metric, and what would have been needed to see more."""

    outcome: Outcome
    reason: str
    """One clause without numbers."""
    small_drop: bool = False
    """A PASS whose drop is real, though within the margin."""
    detectable: float | None = None
    """The smallest true difference that these pairs show with 80% power (two-sided); None if unknown."""
    pairs_needed: int | None = None
    """Pairs with which an equally good candidate passes with 80% power; None if unknown."""


def level_of(alpha: float) -> float:
    """The level of the interval that two one-sided tests at `alpha` need."""
    return 1 - 2 * alpha


def judge(
    result: PairedResult,
    max_drop: float,
    *,
    alpha: float = ALPHA,
    fail_rule: FailRule = "point",
    p_drop: float | None = None,
) -> Verdict:
    """The verdict on a comparison made at `level_of(alpha)`; `max_drop` > 0 in the metric's units.

    `p_drop` replaces the result's own where it is corrected for several metrics. Raises ValueError on a
    margin that is not above zero and on another level.
    """
    if not max_drop > 0:
        raise ValueError(f"max_drop must be above zero, not {max_drop}")
    if not math.isclose(result.level, level_of(alpha)):
        raise ValueError(f"alpha {alpha} needs a comparison at level {level_of(alpha)}, not {result.level}")
    outcome, reason, small_drop = _outcome(result, max_drop, alpha, fail_rule, p_drop)
    if not result.standard_error:
        return Verdict(outcome, reason, small_drop)
    variance = result.standard_error**2 * result.n
    return Verdict(
        outcome,
        reason,
        small_drop,
        detectable=minimum_detectable(variance, result.n, alpha=alpha),
        pairs_needed=pairs_needed(variance, max_drop, alpha=alpha, sides=1),
    )


def judge_all(
    results: Sequence[PairedResult],
    max_drops: Sequence[float],
    *,
    alpha: float = ALPHA,
    fail_rule: FailRule = "point",
    correction: Correction = "holm",
) -> list[Verdict]:
    """The verdicts on the gated metrics of one candidate, corrected for the chance that any fails."""
    raw = {index: result.p_drop for index, result in enumerate(results) if result.p_drop is not None}
    adjusted = raw if correction == "none" else dict(zip(raw, holm(list(raw.values())), strict=True))
    return [
        judge(result, max_drop, alpha=alpha, fail_rule=fail_rule, p_drop=adjusted.get(index))
        for index, (result, max_drop) in enumerate(zip(results, max_drops, strict=True))
    ]


def _outcome(
    result: PairedResult, max_drop: float, alpha: float, fail_rule: FailRule, p_drop: float | None
) -> tuple[Outcome, str, bool]:
    """Outcome, reason, and whether a passing drop is real."""
    difference, interval, p_value, raw = result.difference, result.interval, result.p_value, result.p_drop
    if difference is None or interval is None or p_value is None or raw is None:
        return "INCONCLUSIVE", result.method, False
    low, high = interval
    dropped = high < 0 and raw <= alpha
    if low > 0 and p_value <= 2 * alpha:
        return "IMPROVED", "an improvement is established", False
    if low >= -max_drop:
        kind = "a small but real drop" if dropped else "as good"
        return "PASS", f"{kind}, within the margin", dropped
    if dropped and high < -max_drop:
        return "FAIL", "a drop beyond the margin is established", False
    if dropped and difference < -max_drop and fail_rule == "point":
        if (raw if p_drop is None else p_drop) <= alpha:
            return "FAIL", "a significant drop, its estimate beyond the margin", False
        return "INCONCLUSIVE", "a drop that is not significant among so many metrics", False
    return "INCONCLUSIVE", "too few pairs to tell a drop beyond the margin from none", False
