"""My task: answer a question about a picture in a few words.

One row of the data is a line of my_task.jsonl, beside the pictures it names:

    {"image": "my_task_media/0.png", "question": "What is written here?", "answers": ["ROOM 12"]}

Each of `answers` is right. JSON, CSV and parquet files with these columns do as well. Raise `version`
whenever prompt, reading or metric change: scores of different versions are never compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from vleval.grounding.frame import Convention
from vleval.model.io import Message
from vleval.tasks.base import Answer, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import rows

# {question} is the gap that the question of a row goes into; `vleval run --prompt` may replace the rest.
PROMPT = "{question}\nAnswer the question using a single word or phrase."


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """What a row asks. `key` is the number of the row; ValueError says what is wrong with it."""
    image = rows.media(row["image"], "image")
    yield Sample(
        id=str(row.get("id", key)),
        media=(image,),
        question=rows.sentence(row["question"], "question"),
        target={"answers": accepted(row["answers"], "answers")},
        # Answers about one image are not independent: the interval is computed over clusters.
        cluster=image.digest(),
    )


def accepted(value: Any, column: str) -> list[str]:
    """The answers that are right, one or more."""
    found = rows.sentences(value, column)
    if not found:
        raise ValueError(f"{column} must hold an answer")
    return found


def messages(sample: Sample) -> tuple[Message, ...]:
    """What the model is sent: the image, then the question."""
    return (Message("user", (*sample.media, PROMPT.replace("{question}", sample.question))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """The words that count, from any text at all: never raises, and never looks at the truth."""
    words = plain(answer.text)
    # `parsed` is stored beside the score.
    return Reading(words or None, {"answer": words}, None if words else "the answer is empty")


def plain(text: str) -> str:
    """Lower case, single blanks, no full stop at the end."""
    return " ".join(text.lower().split()).rstrip(".")


def judge(answers: Sequence[Any], truths: Sequence[Any]) -> dict[str, Any]:
    """N answers and their N truths -> N values of every metric, from 0 to 1; the means are the scores."""
    right = [
        answer in [plain(truth) for truth in truths] for answer, truths in zip(answers, truths, strict=True)
    ]
    return {"acc": np.asarray(right)}


TASK = Task(
    name="my-task",
    title="My task",
    description="Answer a question about a picture in a few words.",
    version=1,
    media="image",  # also the column that holds the picture
    target=Target("a list of the answers that are right", {"answers": accepted}),
    metrics=(Metric("acc", "Accuracy", formula="share of answers equal to a right one, in any case"),),
    prompt=PROMPT,
    max_new_tokens=32,
    columns=("image", "question", "answers"),
    hub=(),  # e.g. ("me/my-data",): where `--data hub` looks
    splits=("test",),
    default_split="test",
    bundled_splits=(),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    traps=(),  # what goes wrong with this benchmark; `vleval tasks show` tells it
)
