"""CountBench (CountBenchQA): how many of something there are in a picture.

A row of the hub set, its picture left out:

    {"image": ..., "text": "Photo of five red apples in a row", "question": "How many apples are there in the
     image?", "number": 5}

`text` holds the answer in words and is never shown. Two tasks: `countbench` reads the number that an answer
states, `countbench-detect` asks for boxes and counts them, as Qwen's report does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from vleval.grounding.counting import detect_then_count, read_count
from vleval.grounding.frame import Convention
from vleval.grounding.ledger import to_json
from vleval.grounding.parse import parse_boxes, parse_points
from vleval.model.io import Message
from vleval.tasks.base import Answer, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.pictures import identity
from vleval.tasks.prompts import COUNT, DETECT

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

METRICS = (
    Metric("acc", "Exact", formula="share of questions whose count is the true one"),
    Metric("close", "Off by <= 1", formula="share of questions with |count - truth| <= 1"),
)

_OBJECT = re.compile(
    r"how many (.+?)(?:\s+(?:are|is|were|was|can|do|does|have|has)\b.*)?\s*\?*", re.IGNORECASE
)


def whole(value: Any, column: str) -> int:
    """A number of things, from a number or its digits."""
    (number,) = rows.numbers([value], 1, column)
    if number < 0 or number != int(number):
        raise ValueError(f"{column} must be a whole number from 0 on, not {value!r}")
    return int(number)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    image, number = rows.media(row["image"], "image"), whole(row["number"], "number")
    yield Sample(
        id=f"row#{key}",
        media=(image,),
        question=rows.sentence(row["question"], "question"),
        target={"count": number},
        cluster=identity(image, row.get(rows.MEDIA_NAME) or key),
        tags={"number": str(number)},
    )


def messages(sample: Sample) -> tuple[Message, ...]:
    """The picture, then the question; never the caption."""
    return (Message("user", (*sample.media, COUNT.fill(sample.question))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """The number stated last."""
    count = read_count(answer.text)
    return Reading(count, {"count": count}, "no number" if count is None else None)


def judge(counts: ArrayLike, truths: ArrayLike) -> dict[str, NDArray[Any]]:
    """Whether counts are right, and whether they are off by one at most."""
    off = np.abs(np.asarray(counts, dtype=np.float64) - np.asarray(truths, dtype=np.float64))
    return {"acc": off == 0, "close": off <= 1}


def messages_detect(sample: Sample) -> tuple[Message, ...]:
    """The picture, then the question for boxes of what is to be counted."""
    named = _OBJECT.fullmatch(sample.question)
    return (Message("user", (*sample.media, DETECT.fill(named[1] if named else sample.question))),)


def read_detected(answer: Answer, convention: Convention) -> Reading:
    """The number of different boxes, else of points; of an answer without any, the number that it states."""
    boxes = parse_boxes(answer.text)
    found = boxes if boxes.items else parse_points(answer.text)
    different = list(dict.fromkeys(item.values for item in found.items))
    count = detect_then_count(different, answer.text)
    if count is None and {entry.kind for entry in found.problems} == {"refusal"}:
        count = 0
    parsed = {
        "count": count,
        "as_written": [list(values) for values in different],
        "ledger": to_json(found.ledger),
        "strict": found.strict,
    }
    return Reading(count, parsed, "neither boxes nor a number" if count is None else None)


TASK = Task(
    name="countbench",
    title="CountBench",
    description="Count the objects of a kind in a picture: the number that the answer states.",
    version=1,
    media="image",
    target=Target("the number of objects, a whole number", {"count": whole, "number": whole}),
    metrics=METRICS,
    prompt=COUNT.template,
    max_new_tokens=32,
    columns=("image", "question", "number"),
    hub=("vikhyatk/CountBenchQA",),
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    references=(
        f"prompt: {COUNT.source}",
        "metric: the last whole number of the answer, in digits or words, equals the true one; off by one at "
        "most counts as close (Molmo's evaluator reports both)",
        "slices: number (the true count)",
    ),
    traps=(
        "The caption in `text` says the number in words: it is never part of the prompt.",
        "`5.`, `five` and `There are 5.` are all 5; a scorer that compares strings calls them wrong.",
        "A scorer that looks for the true digits anywhere takes 12 for 1.",
    ),
    comparability=(
        "lmms-eval's countbenchqa shows the caption and so the answer; its countbench rejects `5.`.",
        "VLMEvalKit accepts any answer that contains the true digits: its numbers are higher.",
        "Qwen's report counts detections: compare its number with countbench-detect.",
    ),
)

TASK_DETECT = replace(
    TASK,
    name="countbench-detect",
    title="CountBench (detect, then count)",
    description="Frame every object of a kind in a picture: the number of different boxes.",
    prompt=DETECT.template,
    max_new_tokens=2048,
    messages=messages_detect,
    read=read_detected,
    references=(
        f"prompt: {DETECT.source}, with what the question asks to count in the gap (its words after `How "
        "many`); it names no unit, and no coordinate is judged",
        "metric: the number of different boxes or points, else the stated number, equals the true one "
        "(detect then count, Qwen2.5-VL Technical Report)",
        "slices: number (the true count)",
    ),
    traps=(
        "A box that is written again word for word counts once: models that loop repeat their last box.",
        "An empty list, or a sentence that says there is none, is 0.",
    ),
    comparability=("Qwen's report has no prompt for its 93.6 of the 72B: only the idea is the same.",),
    bundled_name="countbench",
)
