"""From the samples of one run to the numbers of one table row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from vleval.grounding.frame import Convention
from vleval.grounding.ledger import FORM
from vleval.grounding.lookalike import Lookalike
from vleval.grounding.precision import nothing_found
from vleval.results.reading import convention_check, extra_items, strict_records
from vleval.results.record import SampleRecord
from vleval.results.statistics.aggregate import estimates, scores
from vleval.results.statistics.stats import Estimate
from vleval.tasks.base import Metric


@dataclass(frozen=True, slots=True)
class Summary:
    """One run in numbers. Unparsed and failed samples score worst in `metrics`, and are not in `answered`."""

    expected: int
    """Questions of the run; more than `n` when it stopped early."""
    n: int
    clusters: int
    scored: int
    unparsed: int
    failed: int
    failures: Mapping[str, int]
    """Failed samples by kind."""
    reasons: Mapping[str, int]
    """Unparsed samples by reason, most frequent first."""
    problems: Mapping[str, int]
    """Scored answers with at least one entry of each kind in the parser's ledger."""
    metrics: Mapping[str, Estimate]
    answered: Mapping[str, float]
    """Scores of the scored samples alone; a metric that none of them has is left out."""
    visual_tokens: float | None
    """Mean over distinct media; None when nothing was seen."""
    seconds: float
    """Wall time of the answers."""
    stages: Mapping[str, float]
    """Seconds spent in preprocessing, vision tower, prefill and decoding, summed over samples."""
    peak_memory_bytes: int
    extra: Mapping[str, int]
    """Scored answers with more items than asked for, by kind of item: `{"boxes": 12}`."""
    strict: int | None
    """Scored answers that a reader who repairs nothing reads the same; None where records do not tell."""
    strict_metrics: Mapping[str, float]
    """Scores of all samples when every other answer counts as the worst; empty where records do not tell."""
    lookalikes: tuple[Lookalike, ...]
    """How much boxes and points look like another coordinate convention than the declared one."""

    @property
    def coverage(self) -> float:
        """Share of the expected questions whose answer could be scored."""
        return self.scored / self.expected if self.expected else 0.0

    @property
    def samples_per_second(self) -> float | None:
        """Questions answered per second of wall time."""
        return self.n / self.seconds if self.seconds > 0 else None

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dictionary (docs/json.md)."""
        return {
            **asdict(self),
            "metrics": {name: estimate_to_json(estimate) for name, estimate in self.metrics.items()},
            "lookalikes": [{**asdict(other), "sentence": other.sentence()} for other in self.lookalikes],
            "coverage": self.coverage,
            "samples_per_second": self.samples_per_second,
        }


def estimate_to_json(estimate: Estimate) -> dict[str, Any]:
    """An Estimate with its interval as a list of two, or null."""
    return {**estimate._asdict(), "interval": list(estimate.interval) if estimate.interval else None}


def summarise(
    samples: Iterable[SampleRecord],
    metrics: Sequence[Metric],
    *,
    expected: int,
    seconds: float,
    peak_memory_bytes: int,
    coordinates: Convention | None = None,
) -> Summary:
    """Summarise the samples of one run; `coordinates` is the unit in which its places were read, if any."""
    records = list(samples)
    scored = [record for record in records if record.status == "scored"]
    status = Counter(record.status for record in records)
    clusters = [record.cluster for record in records]
    strict = strict_records(scored)
    return Summary(
        expected=expected,
        n=len(records),
        clusters=len(set(clusters)),
        scored=len(scored),
        unparsed=status["unparsed"],
        failed=status["failed"],
        failures=_counts(str(record.failure) for record in records if record.status == "failed"),
        reasons=_counts(record.reason or "unknown" for record in records if record.status == "unparsed"),
        problems=_counts(kind for record in scored for kind in _problem_kinds(record)),
        metrics=estimates(records, metrics, metrics),
        answered=scores(scored, metrics, metrics),
        visual_tokens=_visual_tokens(records),
        seconds=seconds,
        stages={
            stage: sum(getattr(record.usage, f"{stage}_seconds") for record in records)
            for stage in ("preprocess", "vision", "prefill", "decode")
        },
        peak_memory_bytes=peak_memory_bytes,
        extra=extra_items(scored),
        strict=None if strict is None else len(strict),
        strict_metrics={} if strict is None else scores(_strictly(records, metrics), metrics, metrics),
        lookalikes=convention_check(records, coordinates),
    )


def _strictly(records: Sequence[SampleRecord], metrics: Sequence[Metric]) -> list[SampleRecord]:
    """The records as a reader who repairs nothing has them."""
    worst = {metric.name: metric.worst for metric in metrics}
    return [
        record
        if record.status != "scored" or record.parsed.get("strict")
        else replace(
            record,
            metrics={name: worst.get(name, 0.0) for name in record.metrics},
            evidence=nothing_found(record.evidence) if record.evidence else None,
        )
        for record in records
    ]


def _visual_tokens(records: Sequence[SampleRecord]) -> float | None:
    seen = {
        (record.cluster, index): frame.visual_tokens
        for record in records
        for index, frame in enumerate(record.frames)
    }
    return sum(seen.values()) / len(seen) if seen else None


def _problem_kinds(record: SampleRecord) -> set[str]:
    """Kinds of problems in the ledger, whose entries are [kind, detail, offset]."""
    return {str(entry[0]) for entry in record.parsed.get("ledger", ())} - FORM


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
