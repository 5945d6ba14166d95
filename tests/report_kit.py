"""Runs with chosen scores and costs, reduced as a report does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gate_kit import run_record, sample
from vleval.grounding.frame import Frame
from vleval.model.io import Usage, VisionSettings
from vleval.results.record import SampleRecord
from vleval.results.reporting.run import ReportRun, reduce_run
from vleval.tasks.registry import get_task


def frame(tokens: int = 88, **changes: object) -> Frame:
    """An input of so many visual tokens, in one row of patches' pairs."""
    seen = Frame((640, 448), (28 * tokens, 28), (1, 2, 2 * tokens), "torch")
    return replace(seen, **changes)  # type: ignore[arg-type]


def report_run(
    scores: Sequence[float],
    *,
    of: str = "refcoco",
    label: Mapping[str, str] | None = None,
    tokens: int = 88,
    seconds: float = 10.0,
    per_image: int = 2,
    change: Callable[[SampleRecord], SampleRecord | None] = lambda answer: answer,
    **record: object,
) -> ReportRun:
    """A run with these scores, which cost so many tokens per image and seconds in all."""
    samples = []
    for index, score in enumerate(scores):
        usage = Usage(tokens, 100, 20, prefill_seconds=0.01, decode_seconds=0.25)
        plain = replace(sample(of, index, score, per_image), frames=(frame(tokens),), usage=usage)
        if (answer := change(plain)) is not None:
            samples.append(answer)
    label = {"max-pixels": f"{tokens}t"} if label is None else label
    facts = {"vision": VisionSettings(max_pixels=tokens * 784), "seconds": seconds, **record}
    return reduce_run(
        f"runs/{of}-{tokens}t",
        label,
        run_record(of, len(scores), **facts),
        samples,
        get_task(of),
        lambda id: True,
    )
