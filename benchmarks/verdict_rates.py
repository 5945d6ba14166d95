"""How often the gate's verdicts are wrong, beside the naive gate "fail if lower": simulated pairs of runs.

python benchmarks/verdict_rates.py [SIMULATIONS]

Scores are right or wrong; 10% of the answers change between any two models. "Lower", "> 1 pt" and "> 2 pt"
fail a candidate by its score alone, "McNemar" by its one-sided exact p-value; the last columns are the
verdicts of `vleval gate` at a margin of 2 points. An equal candidate that fails is a false alarm; one that
is worse than the margin and passes is a miss.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vleval.results.statistics.clusters import cluster
from vleval.results.statistics.discordant import Discordance
from vleval.results.statistics.paired import PairedResult, compare_counts, paired_t
from vleval.results.statistics.verdict import ALPHA, Outcome, judge, judge_all, level_of

CHANGED = 0.10
MARGIN = 0.02
SIZES = (100, 500, 2000)
OUTCOMES: tuple[Outcome, ...] = ("FAIL", "INCONCLUSIVE", "PASS", "IMPROVED")

compare = functools.cache(functools.partial(compare_counts, level=level_of(ALPHA)))


class Rates(NamedTuple):
    """Shares of the simulated candidates."""

    lower: float
    lower_by_1: float
    lower_by_2: float
    mcnemar: float
    verdicts: dict[Outcome, float]


def simulated(random: np.random.Generator, n: int, difference: float, simulations: int) -> list[PairedResult]:
    """Candidates whose true score differs by `difference`, each on `n` questions of its own."""
    gain, loss = (CHANGED + difference) / 2, (CHANGED - difference) / 2
    draws = random.multinomial(n, [gain, loss, 1 - CHANGED], simulations)
    return [compare(Discordance(int(gains), int(losses), n)) for gains, losses, _ in draws]


def rates(random: np.random.Generator, n: int, difference: float, simulations: int) -> Rates:
    """How often each rule fails, or each verdict falls on, such a candidate."""
    results = simulated(random, n, difference, simulations)
    found = np.array([result.difference for result in results])
    verdicts = Counter(judge(result, MARGIN).outcome for result in results)
    # Half a question of slack: a difference of exactly one point is not more than one.
    lower, by_1, by_2 = (float((found < -points - 0.5 / n).mean()) for points in (0.0, 0.01, 0.02))
    mcnemar = float(np.mean([result.p_drop is not None and result.p_drop <= ALPHA for result in results]))
    return Rates(
        lower, by_1, by_2, mcnemar, {outcome: verdicts[outcome] / simulations for outcome in OUTCOMES}
    )


def any_of_eight(random: np.random.Generator, n: int, simulations: int) -> tuple[float, float, float]:
    """How often one of eight equal tasks fails: if lower, by uncorrected p-values, by verdict with Holm."""
    tasks = [simulated(random, n, 0.0, simulations) for _ in range(8)]
    lower = uncorrected = failed = 0
    for results in zip(*tasks, strict=True):
        lower += any((result.difference or 0.0) < 0 for result in results)
        uncorrected += any(result.p_drop is not None and result.p_drop <= ALPHA for result in results)
        failed += any(verdict.outcome == "FAIL" for verdict in judge_all(results, [MARGIN] * 8))
    return lower / simulations, uncorrected / simulations, failed / simulations


def coverage(random: np.random.Generator, simulations: int) -> tuple[float, float]:
    """How often a 95% interval holds the truth, blind to and aware of 40 images with 3 questions each."""
    keys = [question // 3 for question in range(120)]
    naive = clustered = 0
    for _ in range(simulations):
        values = np.repeat(random.normal(size=40), 3) + random.normal(size=120)
        naive += _covers_zero(values, None)
        clustered += _covers_zero(values, keys)
    return naive / simulations, clustered / simulations


def _covers_zero(values: NDArray[np.float64], keys: list[int] | None) -> bool:
    interval = paired_t(cluster(values, keys)).interval
    return interval is not None and interval.low <= 0 <= interval.high


def main(simulations: int) -> None:
    random = np.random.default_rng(2025)
    print(f"{simulations:,} simulated candidates a row, {CHANGED:.0%} of answers change, margin {MARGIN:.0%}")
    print("true diff      n   lower  > 1 pt  > 2 pt  McNemar |    FAIL  INCONCLUSIVE    PASS  IMPROVED")
    for difference in (0.0, -MARGIN, -2 * MARGIN, MARGIN):
        for n in SIZES:
            row = rates(random, n, difference, simulations)
            fail, inconclusive, passed, improved = (f"{row.verdicts[outcome]:.4f}" for outcome in OUTCOMES)
            print(
                f"{difference:+9.0%} {n:6} {row.lower:7.3f} {row.lower_by_1:7.3f} {row.lower_by_2:7.4f} "
                f"{row.mcnemar:8.3f} | {fail:>7} {inconclusive:>13} {passed:>7} {improved:>9}"
            )
    lower, uncorrected, failed = any_of_eight(random, 500, simulations)
    print(
        f"one of eight equal tasks of 500 fails: if lower {lower:.3f}, McNemar at 0.05 {uncorrected:.3f}, "
        f"verdicts with Holm {failed:.4f}"
    )
    naive, clustered = coverage(random, simulations)
    print(f"95% intervals hold the truth, 40 images x 3 questions: naive {naive:.3f}, CR1 {clustered:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
