"""The settings of one task against the first of them, question by question."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from vleval.results.comparing.pairing import Answered, Answers, answered, pair
from vleval.results.statistics.paired import PairedResult, compare_metric
from vleval.results.storage.store import read_samples
from vleval.tasks.base import Metric


def against_first(folders: Sequence[Path], ids: Collection[str], metric: Metric) -> list[PairedResult | None]:
    """Per run folder the difference to the first one, + is better; None for the first itself.

    Paired are the questions of `ids` that both have answered, on equal inputs. Raises StoreError and
    RecordError.
    """
    if len(folders) < 2:
        return [None] * len(folders)
    first = _answers(folders[0], ids, metric)
    return [None, *(difference(first, _answers(folder, ids, metric), metric) for folder in folders[1:])]


def _answers(folder: Path, ids: Collection[str], metric: Metric) -> dict[str, Answered]:
    return {sample.id: answered(sample, [metric]) for sample in read_samples(folder) if sample.id in ids}


def difference(first: Answers, other: Answers, metric: Metric) -> PairedResult:
    """`other` against `first` on the questions both have, paired on equal inputs; + is better."""
    pairs = pair(first, other)
    before, after = (
        [answer.metrics[metric.name] or 0.0 for answer in side] for side in (pairs.base, pairs.cand)
    )
    return compare_metric(before, after, pairs.clusters, metric)
