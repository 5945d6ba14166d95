"""DocVQA: a question about one page of a document, answered with words that stand on it.

A row of the hub set: {"questionId": "49153", "question": "What is the 'actual' value per 1000, during the
year 1975?", "question_types": ["figure/diagram"], "image": <PNG bytes>, "docId": 14465,
"ucsf_document_id": "pybv0228", "ucsf_document_page_no": "81", "answers": ["0.28"], "data_split": "val"}

The answers of the test split are hidden behind the challenge's server: a run of it is not scored, and makes
the file that the server takes, [{"questionId": 57344, "answer": "0.28"}, ...]. Scores here are on validation,
and no figure of Qwen's was published on that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from vleval.tasks.base import Metric, Sample, Submission, Task
from vleval.tasks.documents.short_answers import (
    ANSWERS,
    accepted,
    judge_by,
    kept_back,
    make_sample,
    messages,
    read,
)
from vleval.tasks.prompts import SHORT_ANSWER
from vleval.tasks.text.anls import SERVER, anls
from vleval.tasks.text.exact import exact_match

METRICS = (
    Metric(
        "anls", "ANLS", formula="mean of 1 - NL where NL < 0.5, else 0; NL = edit distance / longer length"
    ),
    Metric("anls_server", "ANLS (server)", formula="as the RRC script: NL = 0.5 counts, lengths as written"),
    Metric("exact_match", "Exact", formula="share of answers equal to an accepted one but for case"),
)

judge = judge_by(
    {
        "anls": anls,
        "anls_server": partial(anls, rules=SERVER),
        "exact_match": partial(exact_match, ignore_case=True),
    }
)


def samples(row: Mapping[str, Any], key: str, kinds_column: str = "question_types") -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    kinds = row.get(kinds_column)
    yield make_sample(
        row,
        key,
        id=str(row["questionId"]),
        answers=None if kept_back(row["answers"]) else accepted(row["answers"], "answers"),
        tags={"kind": str(kinds[0])} if isinstance(kinds, list) and kinds else None,
    )


TASK = Task(
    name="docvqa",
    title="DocVQA",
    description="Answer a question about a page of a document: the likeness to an accepted answer (ANLS).",
    version=1,
    media="image",
    target=ANSWERS,
    metrics=METRICS,
    prompt=SHORT_ANSWER.template,
    max_new_tokens=64,
    columns=("questionId", "question", "image", "answers"),
    hub=("lmms-lab-encoder/DocVQA", "lmms-lab/DocVQA"),
    hub_config="DocVQA",
    splits=("validation", "test"),
    default_split="validation",
    bundled_splits=("validation",),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    submission=Submission("rrc", "the Robust Reading Competition's server", "questionId", "answer"),
    references=(
        f"prompt: {SHORT_ANSWER.source}",
        "metric: ANLS (Biten et al. 2019), case ignored, runs of white space as one space",
        "slices: kind (the first of question_types)",
    ),
    traps=(
        "The test split has no answers: its scores come from the challenge's server; vleval export RUN "
        "--format rrc --output FILE writes what it takes.",
        "Pages are up to 5367 x 7184 pixels: --max-pixels decides the score.",
        "An answer at a distance of exactly 0.5 is worth nothing by the paper, and 0.5 on the server.",
    ),
    comparability=(
        "lmms-eval and the server compute anls_server, VLMEvalKit in its newer versions with lengths after "
        "white space has gone; Molmo's script computes anls with white space as it stands.",
        "Published Qwen2.5-VL scores are on the test split.",
    ),
)
