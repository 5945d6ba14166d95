"""The answers of a run that scored lowest, in words: a look at what a score is made of."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vleval.results.record import SampleRecord
from vleval.results.table import value_text
from vleval.results.words import in_words, said
from vleval.tasks.base import Metric

MOST = 5
"""Answers of a run."""
QUESTION, TRUTH, ANSWER = 26, 18, 24
"""Characters of each: all of them fit beside a score into 80 columns."""


class Example(NamedTuple):
    """One answer, every field one line."""

    score: str
    """The value of the metric, or `unparsed` or `failed`."""
    question: str
    truth: str
    answer: str
    """The places that were read, else the words that were said; why they could not be read or are missing."""


def examples(samples: Iterable[SampleRecord], metrics: Sequence[Metric]) -> list[Example]:
    """The lowest answers by the first metric that each has; none that is as good as can be."""
    found = []
    for sample in samples:
        metric = next((metric for metric in metrics if metric.name in sample.metrics), None)
        if metric is None:
            continue
        value = sample.metrics[metric.name]
        if sample.status == "scored" and _is_best(value, metric):
            continue
        found.append((value if metric.higher_is_better else -value, sample.id, sample, metric))
    lowest = heapq.nsmallest(MOST, found, key=lambda each: each[:2])
    return [_example(sample, metric) for _, _, sample, metric in lowest]


def _is_best(value: float, metric: Metric) -> bool:
    return metric.percent and (value >= 1.0 if metric.higher_is_better else value <= 0.0)


def _example(sample: SampleRecord, metric: Metric) -> Example:
    scored = sample.status == "scored"
    why = [f"({sample.reason})"] if sample.reason and not scored else []
    read = in_words(sample.parsed) if scored and said(sample.parsed).places else ""
    return Example(
        value_text(sample.metrics[metric.name], metric) if scored else sample.status,
        _cut(sample.question, QUESTION),
        _cut(in_words(sample.target), TRUTH),
        _cut(" ".join([*why, read or sample.text]), ANSWER),
    )


def _cut(text: str, most: int) -> str:
    flat = " ".join(text[: 8 * most].split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"
