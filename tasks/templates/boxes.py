"""My task: find the object that a sentence means, and answer with its box.

One row of the data is a line of my_task.jsonl, beside the pictures it names:

    {"image": "my_task_media/0.png", "question": "the red box", "bbox": [40, 60, 160, 120]}

`bbox` is x, y, width, height in pixels of the original image. JSON, CSV and parquet files with these columns
do as well. Raise `version` whenever prompt, reading or metric change: scores of different versions are never
compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vleval.grounding.boxes import iou, sort_corners
from vleval.grounding.frame import Convention
from vleval.grounding.ledger import to_json, why_nothing
from vleval.grounding.parse import parse_boxes
from vleval.model.io import Message
from vleval.tasks.base import Answer, Metric, Reading, Sample, Task
from vleval.tasks.data import rows
from vleval.tasks.grounding.places import BOX, View

# {expression} is the gap that the question of a row goes into; `vleval run --prompt` may replace the rest.
PROMPT = "Locate {expression} in this image and output the bbox coordinates in JSON format."


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """What a row asks. `key` is the number of the row; ValueError says what is wrong with it."""
    image = rows.media(row["image"], "image")
    yield Sample(
        id=str(row.get("id", key)),
        media=(image,),
        question=rows.sentence(row["question"], "question"),
        target={"bbox_xyxy": rows.corner_and_size(row["bbox"], "bbox")},
        # Answers about one image are not independent: the interval is computed over clusters.
        cluster=image.digest(),
    )


def messages(sample: Sample) -> tuple[Message, ...]:
    """What the model is sent: the image, then the question."""
    return (Message("user", (*sample.media, PROMPT.replace("{expression}", sample.question))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """The box that counts, from any text at all: never raises, and never looks at the truth."""
    # The model answers in pixels of its resized input; `view.place` maps them to the original image.
    view = View.of(answer, convention)
    found = parse_boxes(answer.text, expected=1, extent=view.extent)
    boxes = view.place([box.values for box in found.items])
    # `parsed` is stored beside the score; reports draw `boxes`, and list the problems of the ledger.
    parsed = {"boxes": boxes, "mapped": view.mapped, "ledger": to_json(found.ledger)}
    if not boxes:
        return Reading(None, parsed, why_nothing(found.problems))
    return Reading(boxes[0], parsed)


def judge(boxes: Sequence[Any], truths: Sequence[Any]) -> dict[str, Any]:
    """N boxes and their N truths -> N values of every metric, from 0 to 1; the means are the scores."""
    overlap = iou(sort_corners(boxes), truths)
    return {"acc@0.5": overlap >= 0.5, "mean_iou": overlap}


TASK = Task(
    name="my-task",
    title="My task",
    description="Find the object that a sentence means: one box, scored by its overlap with the true box.",
    version=1,
    media="image",  # also the column that holds the picture
    target=BOX,
    metrics=(
        Metric("acc@0.5", "Acc@0.5", formula="share of answers with IoU >= 0.5"),
        Metric("mean_iou", "Mean IoU", formula="mean of intersection over union"),
    ),
    prompt=PROMPT,
    max_new_tokens=128,
    columns=("image", "question", "bbox"),
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
