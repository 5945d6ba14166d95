"""Which settings are worth their cost: those that no other one beats in both score and cost."""

from __future__ import annotations

from collections.abc import Sequence


def front(costs: Sequence[float | None], scores: Sequence[float | None]) -> tuple[bool, ...]:
    """Whether each of n settings is on the Pareto front of low costs and high scores.

    A setting is beaten by one that costs no more and scores no less, and is better in one of the two. Equal
    settings are on the front together; one without a cost or a score is not on it.
    """
    known = [
        (cost, score)
        for cost, score in zip(costs, scores, strict=True)
        if cost is not None and score is not None
    ]
    return tuple(
        cost is not None
        and score is not None
        and not any(
            other <= cost and better >= score and (other, better) != (cost, score) for other, better in known
        )
        for cost, score in zip(costs, scores, strict=True)
    )
