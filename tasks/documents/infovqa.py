"""InfoVQA: a question about an infographic, answered in words, numbers or a list; asked and scored as DocVQA.

A row of the hub set: {"questionId": "98313", "question": "Which social platform has heavy female audience?",
"answers": ["pinterest"], "answer_type": ["single span"], "image": <JPEG bytes>, "image_url": "https://...",
"operation/reasoning": [], "ocr": "...", "data_split": "val"}

Pictures are up to 6250 x 9375 pixels, most of them tall: a pixel budget costs points. The test split's
answers are hidden, and handed in as DocVQA's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from vleval.tasks.documents import docvqa

TASK = replace(
    docvqa.TASK,
    name="infovqa",
    title="InfoVQA",
    description="Answer a question about an infographic: the likeness to an accepted answer (ANLS).",
    hub_config="InfographicVQA",
    bundled_splits=("validation",),
    rows=partial(docvqa.samples, kinds_column="answer_type"),
    references=(*docvqa.TASK.references[:2], "slices: kind (the first of answer_type)"),
    traps=(
        docvqa.TASK.traps[0],
        "Pictures are up to 6250 x 9375 pixels: --max-pixels decides the score.",
        docvqa.TASK.traps[2],
    ),
)
