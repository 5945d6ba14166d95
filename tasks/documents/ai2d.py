"""AI2D: a question about a diagram of a school book, answered with the letter of one of four choices.

A row of the hub set: {"question": "which of these define dairy item", "options": ["c", "D", "b", "a"],
"answer": "1", "image": <PNG bytes>}; `answer` is the index of the true choice, from 0.

The hub set's diagrams have their labels masked by letters, which questions and choices refer to; published
Qwen2.5-VL scores are on these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import ascii_uppercase
from typing import Any

from vleval.grounding.frame import Convention
from vleval.model.io import Message
from vleval.tasks import choices
from vleval.tasks.base import Answer, Metric, Reading, Sample, Task
from vleval.tasks.data import rows
from vleval.tasks.documents.short_answers import accepted
from vleval.tasks.pictures import identity
from vleval.tasks.prompts import CHOICE

METRICS = (Metric("acc", "Accuracy", formula="share of answers with the letter of the true choice"),)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    image = rows.media(row["image"], "image")
    question = rows.sentence(row["question"], "question")
    options = accepted(row["options"], "options")
    truth = choices.letter_of_index(row["answer"], "answer")
    if ascii_uppercase.index(truth) >= len(options):
        raise ValueError(f"answer {row['answer']!r} is the index of none of {len(options)} options")
    yield Sample(
        id=f"row#{key}",
        media=(image,),
        question="\n".join([question, *choices.lettered(options)]),
        target={"letter": truth},
        cluster=identity(image, row.get(rows.MEDIA_NAME) or key),
    )


def messages(sample: Sample) -> tuple[Message, ...]:
    """The diagram, then the question, its choices and the plea for a letter."""
    return (Message("user", (*sample.media, CHOICE.fill(sample.question))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """The letter that the answer is, or begins with as "B. text"; sentences are not searched for one."""
    found = choices.exact(answer.text)
    return Reading(found.letter, {"letter": found.letter}, found.reason)


TASK = Task(
    name="ai2d",
    title="AI2D",
    description="Choose the answer to a question about a school book's diagram: the right letter or not.",
    version=1,
    media="image",
    target=choices.TARGET,
    metrics=METRICS,
    prompt=CHOICE.template,
    max_new_tokens=16,
    columns=("question", "options", "answer", "image"),
    hub=("lmms-lab-encoder/ai2d", "lmms-lab/ai2d"),
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=messages,
    read=read,
    judge=choices.judge,
    references=(
        f"prompt: {CHOICE.source}",
        "metric: exact match of the letter, case and punctuation ignored, as in lmms-eval",
    ),
    traps=(
        "Some copies have unmasked diagrams (Efficient-Large-Model/ai2d-no-mask): their scores are higher.",
        "'The answer is B' is not read as a letter: it counts as unparsed, and as wrong.",
    ),
    comparability=(
        "VLMEvalKit infers the choice from free text, and may ask a language model: its scores are higher "
        "for talkative models.",
    ),
)
