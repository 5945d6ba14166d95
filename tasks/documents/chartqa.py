"""ChartQA: a question about a chart, answered with a number or a word.

A row of the hub set: {"type": "human_test", "question": "How many food item is shown in the bar graph?",
"answer": "14", "image": <PNG bytes>}

Half of the questions were written by people (`human`), half by a model from the charts' captions
(`augmented`); the halves are equal, so the mean over all is the mean of the two, which is what is published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from vleval.tasks.base import Metric, Sample, Task
from vleval.tasks.documents.short_answers import ANSWERS, accepted, judge_by, make_sample, messages, read
from vleval.tasks.prompts import SHORT_ANSWER
from vleval.tasks.text.exact import exact_match
from vleval.tasks.text.relaxed import MENDED, relaxed_accuracy

METRICS = (
    Metric(
        "relaxed_acc", "Relaxed acc.", formula="share of answers within 5% of the number, else equal text"
    ),
    Metric(
        "relaxed_acc_mended",
        "Relaxed acc. (mended)",
        formula="relaxed_acc with 0 and 12% as numbers, 1,234 and $5 read, and years exact",
    ),
    Metric("exact_match", "Exact", formula="share of answers equal to the true one but for case"),
)

judge = judge_by(
    {
        "relaxed_acc": relaxed_accuracy,
        "relaxed_acc_mended": partial(relaxed_accuracy, rules=MENDED),
        "exact_match": partial(exact_match, ignore_case=True),
    }
)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    kind = row.get("type")
    yield make_sample(
        row,
        key,
        id=None,
        answers=[answer.strip() for answer in accepted(row["answer"], "answer")],
        tags={"type": str(kind).removesuffix("_test")} if kind else None,
    )


TASK = Task(
    name="chartqa",
    title="ChartQA",
    description="Answer a question about a chart: numbers may be 5% off (relaxed accuracy).",
    version=1,
    media="image",
    target=ANSWERS,
    metrics=METRICS,
    prompt=SHORT_ANSWER.template,
    max_new_tokens=64,
    columns=("question", "answer", "image"),
    hub=("lmms-lab-encoder/ChartQA", "lmms-lab/ChartQA"),
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    references=(
        "prompt: VLMEvalKit; lmms-eval asks for 'a single word' and cuts lists off at 16 tokens",
        "metric: relaxed accuracy (Masry et al. 2022), as pix2struct computes it",
        "slices: type (human, augmented); the score is the mean over all, the mean of both as they are equal",
    ),
    traps=(
        "A true 0 is compared as text: '0.0' is wrong.",
        "'12%' is 0.12: it matches '0.12', and never '12'.",
        "'1,234' and '$5' are no numbers: they must equal the true text.",
        "Years have the 5% as well: 1950 passes for 2010. relaxed_acc_mended is without these four.",
    ),
    comparability=(
        "pix2struct, lmms-eval, VLMEvalKit and Molmo share relaxed_acc; relaxed_acc_mended is vleval's own.",
    ),
)
