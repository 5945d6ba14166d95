"""AI2D: a question about a diagram of a school book, answered with the letter of one of four choices.

A row of the hub set: {"question": "which of these define dairy item", "options": ["c", "D", "b", "a"],
"answer": "1", "image": <PNG bytes>}; `answer` is the index of the true choice, from 0.

The hub set's diagrams have their labels masked by letters, which questions and choices refer to; published
Qwen2.5-VL scores are on these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from vleval.grounding.frame import Convention
from vleval.model.io import Message
from vleval.tasks.base import Answer, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.documents.short_answers import accepted
from vleval.tasks.pictures import identity
from vleval.tasks.prompts import CHOICE

if TYPE_CHECKING:
    from numpy.typing import NDArray

METRICS = (Metric("acc", "Accuracy", formula="share of answers with the letter of the true choice"),)

_WITH_TEXT = re.compile(r"\s*([A-Z])\.")
_NO_LETTERS = re.compile(r"[\W_]+")


def letter(value: Any, column: str) -> str:
    """The letter of a choice, from a letter."""
    text = str(value).strip().upper()
    if len(text) != 1 or text not in ascii_uppercase:
        raise ValueError(f"{column} must be the letter of a choice, not {value!r}")
    return text


def letter_of_index(value: Any, column: str) -> str:
    """The letter of a choice, from its index (0 is A), a number or its text."""
    text = str(value).strip()
    if not (text.isdecimal() and text.isascii() and int(text) < len(ascii_uppercase)):
        raise ValueError(f"{column} must be the index of a choice, from 0, not {value!r}")
    return ascii_uppercase[int(text)]


TARGET = Target("the letter of the true choice", {"letter": letter, "index": letter_of_index})


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    image = rows.media(row["image"], "image")
    question = rows.sentence(row["question"], "question")
    options = accepted(row["options"], "options")
    truth = letter_of_index(row["answer"], "answer")
    if ascii_uppercase.index(truth) >= len(options):
        raise ValueError(f"answer {row['answer']!r} is the index of none of {len(options)} options")
    choices = [f"{name}. {text}" for name, text in zip(ascii_uppercase, options, strict=False)]
    yield Sample(
        id=f"row#{key}",
        media=(image,),
        question="\n".join([question, *choices]),
        target={"letter": truth},
        cluster=identity(image, row.get(rows.MEDIA_NAME) or key),
    )


def messages(sample: Sample) -> tuple[Message, ...]:
    """The diagram, then the question, its choices and the plea for a letter."""
    return (Message("user", (*sample.media, CHOICE.fill(sample.question))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """The letter that the answer is, or begins with as "B. text"; sentences are not searched for one."""
    text = answer.text.strip()
    begins = _WITH_TEXT.match(text)
    bare = begins[1] if begins else _NO_LETTERS.sub("", text).upper()
    found = bare if len(bare) == 1 and bare in ascii_uppercase else None
    reason = None if found else "no letter" if text else "empty answer"
    return Reading(found, {"letter": found}, reason)


def judge(letters: Sequence[str], truths: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Whether letters are the true ones."""
    import numpy as np

    return {"acc": np.array([said == truth for said, truth in zip(letters, truths, strict=True)])}


TASK = Task(
    name="ai2d",
    title="AI2D",
    description="Choose the answer to a question about a school book's diagram: the right letter or not.",
    version=1,
    media="image",
    target=TARGET,
    metrics=METRICS,
    prompt=CHOICE.template,
    max_new_tokens=16,
    columns=("question", "options", "answer", "image"),
    hub=("lmms-lab-encoder/ai2d", "lmms-lab/ai2d"),
    splits=("test",),
    default_split="test",
    bundled_splits=(),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
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
