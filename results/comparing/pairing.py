"""The questions that two runs have in common: paired by id, on equal inputs and equal truths.

A run may come from its folder or from a committed baseline, which holds scores without texts. Both give the
same `Source`, whose scores are rounded alike, so that a run compared with its own baseline is identical.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vleval.results.record import RunRecord, SampleRecord
from vleval.results.storage.fingerprint import fingerprint
from vleval.tasks.base import Metric, Status

DIGITS = 6
"""Decimals of a score in a comparison, and in a baseline's file."""
HASH_DIGITS = 16
"""Hexadecimal digits kept of each hash: 64 bits."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a comparison needs of one answer."""

    id: str
    cluster: str
    input: str | None
    """Start of the input's sha256; None where a medium could not be read."""
    target: str
    """Start of the truth's sha256."""
    status: Status
    metrics: Mapping[str, float | None]
    """Those that apply; None where a score is no finite number."""
    seconds: float
    """Work of all stages; 0.0 where it was not measured."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Those that a metric's `strata` name."""
    evidence: Mapping[str, Any] | None = None
    """Where a metric has a `figure`."""
    question: str | None = None
    text: str | None = None
    """The raw answer; None in a baseline."""


Answers = Mapping[str, Answered]


class Source(NamedTuple):
    """One side of a comparison. `read` gives its answers by id, and may raise StoreError."""

    name: str
    """The folder as the user gave it."""
    record: RunRecord
    read: Callable[[], Answers]


class Pairs(NamedTuple):
    """The answers to the same questions, in the order of their ids."""

    ids: list[str]
    base: list[Answered]
    cand: list[Answered]
    dropped: Mapping[str, int]
    """Questions left out, by reason."""
    base_n: int
    cand_n: int

    @property
    def clusters(self) -> list[str]:
        """Which pairs share an image or a video."""
        return [answer.cluster for answer in self.base]

    @property
    def coverage(self) -> float:
        """Share of the baseline's questions that are paired."""
        return len(self.ids) / self.base_n if self.base_n else 0.0


def answered(record: SampleRecord, metrics: Sequence[Metric]) -> Answered:
    """The part of a stored answer that comparisons of these metrics use (`needed` for one of a task's)."""
    usage = record.usage
    strata = {name for metric in metrics for name in metric.strata}
    return Answered(
        id=record.id,
        cluster=record.cluster,
        input=record.input_sha256[:HASH_DIGITS] if record.input_sha256 else None,
        target=fingerprint(dict(record.target))[:HASH_DIGITS],
        status=record.status,
        metrics={
            metric.name: rounded(record.metrics[metric.name])
            for metric in metrics
            if metric.name in record.metrics
        },
        seconds=round(
            usage.preprocess_seconds + usage.vision_seconds + usage.prefill_seconds + usage.decode_seconds,
            DIGITS,
        ),
        tags={name: value for name, value in record.tags.items() if name in strata},
        evidence=record.evidence if any(metric.figure for metric in metrics) else None,
        question=record.question,
        text=record.text,
    )


def needed(metric: Metric, metrics: Sequence[Metric]) -> list[Metric]:
    """A metric of a task and the parts that it is made of."""
    known = {each.name: each for each in metrics}
    return [metric, *(found for name in metric.parts for found in needed(known[name], metrics))]


def rounded(score: float | None) -> float | None:
    """A score as comparisons see it; None for what is no finite number."""
    if score is None or not math.isfinite(score):
        return None
    return round(score, DIGITS) + 0.0


def pair(base: Answers, cand: Answers) -> Pairs:
    """Pair two runs of one task; whatever differs in more than the answer is left out and counted."""
    dropped: Counter[str] = Counter()
    ids = []
    for id in sorted(base):
        other = cand.get(id)
        reason = "only in the baseline" if other is None else _unequal(base[id], other)
        if reason is None:
            ids.append(id)
        else:
            dropped[reason] += 1
    if extra := sum(id not in base for id in cand):
        dropped["only in the candidate"] = extra
    chosen = [base[id] for id in ids], [cand[id] for id in ids]
    return Pairs(ids, *chosen, dict(dropped), len(base), len(cand))


def _unequal(base: Answered, cand: Answered) -> str | None:
    if base.input is None or cand.input is None:
        return "medium not readable"
    if base.input != cand.input:
        return "other medium or prompt"
    if base.target != cand.target:
        return "other truth"
    if base.metrics.keys() != cand.metrics.keys():
        return "scored by other metrics"
    if None in base.metrics.values() or None in cand.metrics.values():
        return "score is not a number"
    return None
