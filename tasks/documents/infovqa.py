"""InfoVQA: a question about an infographic, answered in words, numbers or a list; asked and scored as DocVQA.

A row of the hub set: {"questionId": "98313", "question": "Which social platform has heavy female audience?",
"answers": ["pinterest"], "answer_type": ["single span"], "image": <JPEG bytes>, "image_url": "https://...",
"operation/reasoning": [], "ocr": "...", "data_split": "val"}

Pictures are up to 6250 x 9375 pixels, most of them tall: a pixel budget costs points. The test split's
answers are hidden, and handed in as DocVQA's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from vleval.tasks.base import Sample
from vleval.tasks.documents import docvqa
from vleval.tasks.documents.short_answers import accepted, kept_back, make_sample


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    kinds = row.get("answer_type")
    yield make_sample(
        row,
        key,
        id=str(row["questionId"]),
        answers=None if kept_back(row["answers"]) else accepted(row["answers"], "answers"),
        tags={"kind": str(kinds[0])} if isinstance(kinds, list) and kinds else None,
    )


TASK = replace(
    docvqa.TASK,
    name="infovqa",
    title="InfoVQA",
    description="Answer a question about an infographic: the likeness to an accepted answer (ANLS).",
    hub_config="InfographicVQA",
    bundled_splits=("validation",),
    rows=samples,
    references=(*docvqa.TASK.references[:2], "slices: kind (the first of answer_type)"),
    traps=(
        docvqa.TASK.traps[0],
        "Pictures are up to 6250 x 9375 pixels: --max-pixels decides the score.",
        docvqa.TASK.traps[2],
    ),
)
