"""OCRBench: a thousand questions on reading text of every kind, right when the answer contains the truth.

A row of the hub set: {"dataset": "IIIT5K", "question": "what is written in the image?", "question_type":
"Regular Text Recognition", "answer": ["CENTRE"], "image": <image bytes>}

Handwritten formulas (`dataset` HME100k) have a rule of their own, which travels with the truth as
{"formula": [...]}. Published scores are points of 1000.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vleval.tasks.base import Metric, Sample, Target, Task
from vleval.tasks.documents.short_answers import accepted, bare_messages, judge_by, make_sample, read
from vleval.tasks.text.substring import contains, contains_formula

METRICS = (
    Metric("acc", "Accuracy", formula="share of answers that contain an accepted one, but for case"),
    Metric("acc_full_width", "Acc. (folded)", formula="acc with full-width letters taken for plain ones"),
)

FORMULAS = "HME100k"

Truth = Sequence[str] | Mapping[str, Sequence[str]]


def _truth(value: Any, column: str) -> Any:
    """Accepted answers, or {"formula": accepted answers}."""
    if isinstance(value, Mapping):
        return _formula(value.get("formula"), f"{column}.formula")
    return accepted(value, column)


def _formula(value: Any, column: str) -> dict[str, list[str]]:
    return {"formula": accepted(value, column)}


TARGET = Target(
    'a list of accepted answers, or {"formula": [...]} for handwritten formulas',
    {"answers": _truth, "answer": _truth, "formula": _formula},
)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    kind = row.get("question_type")
    yield make_sample(
        row,
        key,
        id=None,
        answers=(_formula if row["dataset"] == FORMULAS else _truth)(row["answer"], "answer"),
        tags={"kind": str(kind)} if kind else None,
    )


def _right(said: str, truth: Truth, *, fold: bool = False) -> float:
    if isinstance(truth, Mapping):
        return contains_formula(said, truth["formula"])
    return contains(said, truth, fold_full_width=fold)


judge = judge_by({"acc": _right, "acc_full_width": lambda said, truth: _right(said, truth, fold=True)})


TASK = Task(
    name="ocrbench",
    title="OCRBench",
    description="Read text of ten kinds: right when the answer contains the true text.",
    version=1,
    media="image",
    target=TARGET,
    metrics=METRICS,
    prompt="{question}",
    max_new_tokens=128,
    columns=("dataset", "question", "answer", "image"),
    hub=("echo840/OCRBench",),
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=bare_messages,
    read=read,
    judge=judge,
    references=(
        "prompt: the bare question, as in the benchmark's script, lmms-eval and VLMEvalKit",
        "metric: a true text occurs in the answer; HME100k: the same without spaces, and case matters",
        "slices: kind (the ten types)",
    ),
    traps=(
        "Some pictures are tiny (25 x 16 pixels): --min-pixels decides what the model sees of them.",
        "A talkative answer that holds the truth among other text is right.",
        "Published scores are points of 1000: 864 is 86.4 here.",
    ),
    comparability=(
        "lmms-eval computes acc_full_width since 2026; VLMEvalKit computes acc, at --min-pixels 100t.",
    ),
)
