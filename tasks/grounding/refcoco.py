"""RefCOCO, RefCOCO+ and RefCOCOg: one sentence about one object, answered with its box.

A hub row: {"question_id": "7", "image": {"bytes": ..., "path": ...}, "answer": ["left cat", "the grey one"],
"bbox": [x, y, width, height], ...}. It is an object, with every sentence said about it in `answer`; a sample
is one sentence. The first box in reading order is scored, with its corners sorted; further boxes are counted,
never chosen from. The three differ in what people were asked to say: anything, anything but the place, and a
full description.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vleval.grounding.boxes import centre_inside, iou, sort_corners
from vleval.grounding.frame import Convention
from vleval.grounding.ledger import to_json, why_nothing
from vleval.grounding.parse import parse_boxes
from vleval.model.io import Message
from vleval.tasks.base import Answer, Metric, Reading, Sample, SplitNote, Task
from vleval.tasks.data import rows
from vleval.tasks.data.rec_files import open_rec
from vleval.tasks.grounding.places import BOX, View
from vleval.tasks.prompts import LOCATE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

THRESHOLDS = {"acc@0.5": 0.5, "acc@0.7": 0.7, "acc@0.9": 0.9}

METRICS = (
    *(Metric(name, name.capitalize(), formula=f"share of IoU >= {at}") for name, at in THRESHOLDS.items()),
    Metric("mean_iou", "Mean IoU", formula="mean IoU of the first box; IoU = intersection / union of areas"),
    Metric("center_acc", "Centre acc.", formula="share of first boxes with their centre in the true box"),
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


def _task(name: str, title: str, says: str, errors: int, hub_name: str, splits: tuple[str, ...]) -> Task:
    """One of the three sets; `says` tells how its sentences differ, `errors` their errors in percent."""
    return Task(
        name=name,
        title=title,
        description=f"Find the object that a sentence means{says}: one box, scored by its overlap with the "
        "true box.",
        version=1,
        media="image",
        target=BOX,
        metrics=METRICS,
        prompt=LOCATE.template,
        max_new_tokens=128,
        columns=("question_id", "image", "answer", "bbox"),
        checks={"answer": rows.sentences, "bbox": rows.corner_and_size},
        local=open_rec,
        hub=(f"lmms-lab-encoder/{hub_name}", f"lmms-lab/{hub_name}"),
        splits=splits,
        default_split="testA" if "testA" in splits else "test",
        bundled_splits=("test",),
        rows=samples,
        messages=messages,
        read=read,
        judge=judge,
        references=(
            f"prompt: {LOCATE.source}",
            "metric: Acc@t = share of sentences with IoU >= t, continuous coordinates",
        ),
        traps=(
            f"100 is out of reach: Ref-L4's authors found errors in {errors}% of the expressions.",
            "The hub has one row per object, with all its sentences: published scores count each sentence.",
        ),
        comparability=(
            "lmms-eval and VLMEvalKit take the boxes for shares or thousandths of the original image, or try "
            "several units: their figures for Qwen2.5-VL do not compare.",
            "VLM-R1 counts an IoU above 0.5, by whole pixels, of 2,000 sentences: near, but not the same.",
        ),
    )


TASK = replace(
    _task("refcoco", "RefCOCO", "", 14, "RefCOCO", ("val", "test", "testA", "testB")),
    bundled_splits=("test", "val"),
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
    taught=True,
)

TASK_PLUS = replace(
    _task(
        "refcoco+", "RefCOCO+", " without saying where it is", 24, "RefCOCOplus", ("val", "testA", "testB")
    ),
    taught=True,
)

TASK_G = replace(
    _task("refcocog", "RefCOCOg", " in a longer description", 5, "RefCOCOg", ("val", "test")),
    split_notes={
        "val": SplitNote(
            "val (UMD + Google)",
            "The hub's RefCOCOg val mixes two splits, UMD's (2,573 objects) and Google's (5,000): its score "
            "compares with no published val score; test does compare.",
            rows=7573,
        ),
    },
)
