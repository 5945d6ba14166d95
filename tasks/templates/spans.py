"""My task: find when an event happens in a video, and answer with its start and end.

One row of the data is a line of my_task.jsonl, beside the videos it names:

    {"video": "my_task_media/0.mp4", "question": "the red square moves right", "span": [2.0, 4.5]}

`span` is start, end in seconds. JSON, CSV and parquet files with these columns do as well. Raise `version`
whenever prompt, reading or metric change: scores of different versions are never compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vleval.grounding.frame import Convention
from vleval.grounding.ledger import to_json, why_nothing
from vleval.grounding.parse import parse_spans
from vleval.grounding.spans import sort_ends, temporal_iou
from vleval.model.io import Message
from vleval.tasks.base import Answer, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import rows

# {event} is the gap that the question of a row goes into; `vleval run --prompt` may replace the rest.
PROMPT = (
    "Please find the visual event described by the sentence '{event}', determining its starting and ending "
    "times. The format should be: 'The event happens in <start time> - <end time> seconds'."
)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """What a row asks. `key` is the number of the row; ValueError says what is wrong with it."""
    video = rows.media(row["video"], "video")
    yield Sample(
        id=str(row.get("id", key)),
        media=(video,),
        question=rows.sentence(row["question"], "question"),
        target={"span": rows.ends(row["span"], "span")},
        # Answers about one video are not independent: the interval is computed over clusters.
        cluster=str(row[rows.MEDIA_NAME] or key),
    )


def messages(sample: Sample) -> tuple[Message, ...]:
    """What the model is sent: the video, then the question."""
    return (Message("user", (*sample.media, PROMPT.replace("{event}", sample.question))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """The span that counts, from any text at all: never raises, and never looks at the truth."""
    duration = answer.frames[0].duration if answer.frames else None
    found = parse_spans(answer.text, expected=1, duration=duration)
    # `parsed` is stored beside the score; reports draw `spans`, and list the problems of the ledger.
    spans = [list(span.values) for span in found.items]
    parsed = {"spans": spans, "ledger": to_json(found.ledger)}
    if not spans:
        return Reading(None, parsed, why_nothing(found.problems))
    return Reading(spans[0], parsed)


def judge(spans: Sequence[Any], truths: Sequence[Any]) -> dict[str, Any]:
    """N spans and their N truths -> N values of every metric, from 0 to 1; the means are the scores."""
    overlap = temporal_iou(sort_ends(spans), truths)
    return {"miou": overlap, "r1@0.5": overlap >= 0.5}


TASK = Task(
    name="my-task",
    title="My task",
    description="Find when an event happens in a video: one span, scored by its temporal overlap.",
    version=1,
    media="video",  # also the column that holds the video
    target=Target("[start, end] in seconds", {"span": rows.ends}),
    metrics=(
        Metric("miou", "mIoU", formula="mean of intersection over union of the spans"),
        Metric("r1@0.5", "R1@0.5", formula="share of answers with temporal IoU >= 0.5"),
    ),
    prompt=PROMPT,
    max_new_tokens=128,
    columns=("video", "question", "span"),
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
