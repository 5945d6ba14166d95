"""TextVQA: a question about text in a photograph, with the answers that ten people gave.

A row of the hub set: {"image_id": "003a8ae2ef43b901", "question_id": 34602, "question": "what is the brand of
this camera?", "question_tokens": [...], "image": <JPEG bytes>, "image_width": 1024, "image_height": 664,
"answers": ["nous les gosses", "dakota", "clos culombu", "dakota digital", "dakota", "dakota", "dakota",
"dakota", "dakota", "dakota"], "image_classes": [...], "set_name": "val", "ocr_tokens": ["DAKOTA", ...]}

The test split has no answers. OCR tokens are not part of the question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from vleval.tasks.base import Metric, Sample, Task
from vleval.tasks.documents.short_answers import ANSWERS, accepted, judge_by, make_sample, messages, read
from vleval.tasks.prompts import SHORT_ANSWER
from vleval.tasks.text.vqa import VLMEVALKIT, vqa_accuracy

METRICS = (
    Metric("vqa_acc", "VQA acc.", formula="mean over people i of min(1, others that gave this answer / 3)"),
    Metric(
        "vqa_acc_vlmevalkit", "VQA acc. (VLMEvalKit)", formula="vqa_acc with VLMEvalKit's reading of answers"
    ),
)

judge = judge_by({"vqa_acc": vqa_accuracy, "vqa_acc_vlmevalkit": partial(vqa_accuracy, rules=VLMEVALKIT)})


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    yield make_sample(row, key, id=str(row["question_id"]), answers=accepted(row["answers"], "answers"))


TASK = Task(
    name="textvqa",
    title="TextVQA",
    description="Answer a question about text in a photograph: agreement with ten people (VQA accuracy).",
    version=1,
    media="image",
    target=ANSWERS,
    metrics=METRICS,
    prompt=SHORT_ANSWER.template,
    max_new_tokens=64,
    columns=("question_id", "question", "image", "answers"),
    hub=("lmms-lab-encoder/textvqa", "lmms-lab/textvqa"),
    splits=("validation",),
    default_split="validation",
    bundled_splits=("validation",),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    references=(
        f"prompt: {SHORT_ANSWER.source}, the question as it stands",
        "metric: VQA accuracy with TextVQA's answer processor, each person's answer left out in turn",
    ),
    traps=(
        "The answer processor's slips are part of every published score: '3.' becomes '3', and only the "
        "first 32 periods go.",
        "Give all ten answers: with one alone, leaving one out leaves nobody, and every answer scores 0.",
        "The test split has no answers.",
    ),
    comparability=(
        "lmms-eval lower-cases the question but for its first letter (capitalize) and computes vqa_acc.",
        "VLMEvalKit asks as vleval does and computes vqa_acc_vlmevalkit; Molmo's script leaves nobody out.",
    ),
)
