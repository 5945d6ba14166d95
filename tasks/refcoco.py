"""RefCOCO: one sentence about one object, answered with its box.

A hub row is an object, with every sentence said about it in `answer`; a sample is one sentence. The first box
in reading order is scored, with its corners sorted; further boxes are counted, never chosen from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from vleval.grounding.boxes import centre_inside, iou, sort_corners
from vleval.grounding.frame import Convention
from vleval.grounding.ledger import to_json, why_nothing
from vleval.grounding.parse import parse_boxes
from vleval.model.io import Message
from vleval.tasks import rows
from vleval.tasks.base import Answer, Metric, Reading, Sample, SplitNote, Task
from vleval.tasks.places import BOX, View
from vleval.tasks.prompts import LOCATE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

THRESHOLDS = {"acc@0.5": 0.5, "acc@0.7": 0.7, "acc@0.9": 0.9}

METRICS = (
    Metric("acc@0.5", "Acc@0.5"),
    Metric("acc@0.7", "Acc@0.7"),
    Metric("acc@0.9", "Acc@0.9"),
    Metric("mean_iou", "Mean IoU"),
    Metric("center_acc", "Centre acc."),
)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """One sample per sentence of a row. Raises ValueError on a value that cannot be read."""
    image = rows.media(row["image"], "image")
    box = rows.corner_and_size(row["bbox"], "bbox")
    try:
        cluster = image.digest()
    except OSError:
        cluster = f"unreadable {row.get(rows.MEDIA_NAME) or key}"
    for number, expression in enumerate(rows.sentences(row["answer"], "answer")):
        yield Sample(
            id=f"{row['question_id']}#{number}",
            media=(image,),
            question=expression,
            target={"bbox_xyxy": box},
            cluster=cluster,
        )


def messages(sample: Sample) -> tuple[Message, ...]:
    """The image, then the official sentence."""
    return (Message("user", (*sample.media, LOCATE.fill(sample.question))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """The first box, in original pixels; where sizes are unknown its numbers are taken as such."""
    view = View.of(answer, convention)
    found = parse_boxes(answer.text, expected=1, extent=view.extent)
    boxes = view.place([box.values for box in found.items])
    parsed = {
        "boxes": boxes,
        "as_written": [list(box.values) for box in found.items],
        "labels": [box.label for box in found.items],
        "mapped": view.mapped,
        "extra": max(len({box.values for box in found.items}) - 1, 0),
        "ledger": to_json(found.ledger),
        "strict": found.strict,
    }
    if not boxes:
        return Reading(None, parsed, why_nothing(found.problems))
    return Reading(boxes[0], parsed)


def judge(boxes: ArrayLike, truths: ArrayLike) -> dict[str, NDArray[Any]]:
    """Overlaps of boxes with the true ones, thresholds of them, and whether centres lie inside."""
    upright = sort_corners(boxes)
    overlap = iou(upright, truths)
    shares = {name: overlap >= threshold for name, threshold in THRESHOLDS.items()}
    return {**shares, "mean_iou": overlap, "center_acc": centre_inside(upright, truths)}


TASK = Task(
    name="refcoco",
    title="RefCOCO",
    description="Find the object that a sentence means: one box, scored by its overlap with the true box.",
    version=1,
    media="image",
    target=BOX,
    metrics=METRICS,
    prompt=LOCATE.template,
    max_new_tokens=128,
    columns=("question_id", "image", "answer", "bbox"),
    hub=("lmms-lab-encoder/RefCOCO", "lmms-lab/RefCOCO"),
    splits=("val", "test", "testA", "testB"),
    default_split="testA",
    bundled_splits=("test", "val"),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    split_notes={
        "val": SplitNote(
            "val (UNC + Google)",
            "The hub's RefCOCO val mixes two splits, UNC's (3,811 objects) and Google's (5,000): its score "
            "compares with no published val score; testA and testB do compare.",
            rows=8811,
        ),
        "test": SplitNote(
            "test (Google)",
            "The hub's RefCOCO test is Google's split: published scores are on UNC's testA and testB.",
            rows=5000,
        ),
    },
    references=(
        f"prompt: {LOCATE.source}",
        "metric: Acc@t = share of sentences with IoU >= t, continuous coordinates",
    ),
)
