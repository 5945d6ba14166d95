"""The JSON document of comparisons (docs/json.md), from which every table is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vleval.results.comparing.compare import Comparison, Flip, MetricComparison
from vleval.results.comparing.pairing import Pairs, Source
from vleval.results.statistics.multiplicity import benjamini_hochberg, holm
from vleval.results.statistics.overall import macro_mean
from vleval.results.statistics.paired import PairedResult
from vleval.results.statistics.ratio import Ratio
from vleval.results.statistics.stats import LEVEL, Estimate
from vleval.results.summary import estimate_to_json

SCHEMA = "vleval/compare@1"


def compare_document(
    candidates: Sequence[tuple[str, Sequence[Comparison]]], *, level: float = LEVEL, flips: int
) -> dict[str, Any]:
    """(name of the candidate as given, its comparisons with the baseline), of one `vleval compare`.

    The corrections are over the headline metrics of all comparisons; `flips` are listed each way.
    """
    entries: list[dict[str, Any]] = [
        {
            "candidate": name,
            "comparisons": [comparison_to_json(each, flips) for each in comparisons],
            "overall": _overall(comparisons, level),
        }
        for name, comparisons in candidates
    ]
    heads = [
        comparison["metrics"][0]
        for entry in entries
        for comparison in entry["comparisons"]
        if comparison["metrics"] and comparison["metrics"][0]["p_value"] is not None
    ]
    p_values = [head["p_value"] for head in heads]
    for head, adjusted, share in zip(heads, holm(p_values), benjamini_hochberg(p_values), strict=True):
        head |= {"p_holm": adjusted, "q_value": share}
    return {
        "schema": SCHEMA,
        "level": level,
        "comparable": all(not each.refusals for _, comparisons in candidates for each in comparisons),
        "candidates": entries,
    }


def comparison_to_json(comparison: Comparison, flips: int) -> dict[str, Any]:
    """One comparison; `flips` of the samples that got worse and as many of those that got better."""
    latency = comparison.latency
    return {
        "task": comparison.base.record.task.name,
        "baseline": source_to_json(comparison.base),
        "candidate": source_to_json(comparison.cand),
        "refusals": list(comparison.refusals),
        "pairs": _pairs(comparison.pairs) if comparison.pairs else None,
        "metrics": [_metric(each) for each in comparison.metrics],
        "statuses": {
            status: {"baseline": base, "candidate": cand}
            for status, (base, cand) in comparison.statuses.items()
        },
        "worse": len(comparison.worse),
        "better": len(comparison.better),
        "flips": [
            *(_flip(flip) for flip in comparison.worse[:flips]),
            *(_flip(flip) for flip in comparison.better[:flips]),
        ],
        "latency": ratio_to_json(latency) if latency else None,
        "changes": [
            {"field": change.field, "baseline": change.base, "candidate": change.cand}
            for change in comparison.changes
        ],
        "warnings": list(comparison.warnings),
    }


def source_to_json(source: Source) -> dict[str, Any]:
    """Who answered, under which settings, on which data."""
    record = source.record
    return {
        "name": source.name,
        "run": record.id,
        "model": record.model.model,
        "model_fingerprint": record.model.fingerprint,
        "bundled_model": record.bundled_model,
        "vision": asdict(record.vision),
        "data": {
            "name": record.data.name,
            "origin": record.data.origin,
            "split": record.data.split,
            "fingerprint": record.data.fingerprint,
            "bundled": record.data.bundled,
        },
        "started": record.started,
    }


def ratio_to_json(ratio: Ratio) -> dict[str, Any]:
    """A Ratio with its interval as a list of two, or null."""
    return {**ratio._asdict(), "interval": list(ratio.interval) if ratio.interval else None}


def paired_to_json(paired: PairedResult) -> dict[str, Any]:
    """A paired result; gains and losses instead of the discordance."""
    found = {**asdict(paired), "interval": list(paired.interval) if paired.interval else None}
    found["warnings"] = list(paired.warnings)
    del found["discordance"]
    gains, losses = paired.discordance[:2] if paired.discordance else (None, None)
    return {**found, "gains": gains, "losses": losses}


def _metric(each: MetricComparison) -> dict[str, Any]:
    return {
        **asdict(each.metric),
        "baseline": estimate_to_json(each.base),
        "candidate": estimate_to_json(each.cand),
        **paired_to_json(each.paired),
        "p_holm": None,
        "q_value": None,
        "detectable": each.detectable,
    }


def _pairs(pairs: Pairs) -> dict[str, Any]:
    return {
        "baseline": pairs.base_n,
        "candidate": pairs.cand_n,
        "paired": len(pairs.ids),
        "clusters": len(set(pairs.clusters)),
        "coverage": pairs.coverage,
        "dropped": dict(pairs.dropped),
    }


def _flip(flip: Flip) -> dict[str, Any]:
    return {
        "id": flip.id,
        "baseline": flip.base,
        "candidate": flip.cand,
        "question": flip.question,
        "baseline_text": flip.base_text,
        "candidate_text": flip.cand_text,
    }


def _overall(comparisons: Sequence[Comparison], level: float) -> dict[str, Any] | None:
    """The mean difference over tasks that count alike; None for fewer than two, or for several settings."""
    heads = [each.metrics[0] for each in comparisons if each.metrics]
    tasks = {each.base.record.task.name for each in comparisons}
    if len(heads) < 2 or len(tasks) < len(comparisons) or not all(head.metric.percent for head in heads):
        return None
    differences = [
        Estimate(
            head.paired.difference,
            head.paired.interval,
            head.paired.standard_error,
            head.paired.n,
            head.paired.clusters,
            head.paired.method,
        )
        for head in heads
    ]
    return {"tasks": len(heads), **estimate_to_json(macro_mean(differences, level=level))}
