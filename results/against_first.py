"""The settings of one task against the first of them, question by question."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from vleval.results.comparing.pairing import Answered, Answers, answered, needed, pair
from vleval.results.statistics.aggregate import comparisons
from vleval.results.statistics.paired import PairedResult
from vleval.results.storage.store import read_samples
from vleval.tasks.base import Metric


def against_first(
    folders: Sequence[Path], ids: Collection[str], metrics: Sequence[Metric]
) -> list[PairedResult | None]:
    """Per run folder the difference in the first of `metrics` to the first folder, + is better; None for
    the first itself.

    Paired are the questions of `ids` that both have answered, on equal inputs. Raises StoreError and
    RecordError.
    """
    if len(folders) < 2:
        return [None] * len(folders)
    first = _answers(folders[0], ids, metrics)
    return [None, *(difference(first, _answers(folder, ids, metrics), metrics) for folder in folders[1:])]


def _answers(folder: Path, ids: Collection[str], metrics: Sequence[Metric]) -> dict[str, Answered]:
    used = needed(metrics[0], metrics)
    return {sample.id: answered(sample, used) for sample in read_samples(folder) if sample.id in ids}


def difference(first: Answers, other: Answers, metrics: Sequence[Metric]) -> PairedResult:
    """`other` against `first` in the first of the task's metrics, on the questions both have, paired on
    equal inputs; + is better."""
    pairs = pair(first, other)
    return comparisons(pairs.base, pairs.cand, metrics[:1], metrics)[metrics[0].name]
