"""RefCOCO: one sentence about one object, answered with its box.

A hub row is an object, with every sentence said about it in `answer`; a sample is one sentence. The first box
in reading order is scored, with its corners sorted; further boxes are counted, never chosen from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vleval.grounding.boxes import centre_inside, iou, sort_corners
from vleval.grounding.frame import Convention, Frame, to_original
from vleval.grounding.ledger import to_json, why_nothing
from vleval.grounding.parse import parse_boxes
from vleval.model.io import Message
from vleval.tasks import rows
from vleval.tasks.base import Metric, Sample, Score, SplitNote, Task

PROMPT = "Locate {expression} in this image and output the bbox coordinates in JSON format."

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
    x, y, width, height = rows.numbers(row["bbox"], 4, "bbox")
    if width <= 0 or height <= 0:
        raise ValueError(f"bbox must be x, y, width, height with a positive size, not {width} x {height}")
    try:
        cluster = image.digest()
    except OSError:
        cluster = f"unreadable {row.get(rows.MEDIA_NAME) or key}"
    for number, expression in enumerate(rows.sentences(row["answer"], "answer")):
        yield Sample(
            id=f"{row['question_id']}#{number}",
            media=(image,),
            question=expression,
            target={"bbox_xyxy": [x, y, x + width, y + height]},
            cluster=cluster,
        )


def messages(sample: Sample) -> tuple[Message, ...]:
    """The image, then the official sentence."""
    return (Message("user", (*sample.media, PROMPT.format(expression=sample.question))),)


def score(sample: Sample, text: str, frames: tuple[Frame, ...], convention: Convention) -> Score:
    """Judge the first box, mapped to original pixels; without a frame the numbers are taken as such."""
    answer = parse_boxes(text, expected=1)
    boxes = [box.values for box in answer.items]
    mapped = to_original(boxes, frames[0], convention).tolist() if boxes and frames else boxes
    parsed = {
        "boxes": [list(box) for box in mapped],
        "as_written": [list(box) for box in boxes],
        "labels": [box.label for box in answer.items],
        "mapped": bool(frames),
        "extra": max(len(boxes) - 1, 0),
        "problems": to_json(answer.problems),
    }
    if not boxes:
        zeros = {metric.name: 0.0 for metric in METRICS}
        return Score("unparsed", zeros, parsed, why_nothing(answer.problems))
    first, truth = sort_corners(mapped[0]), sample.target["bbox_xyxy"]
    overlap = float(iou(first, truth))
    metrics = {name: float(overlap >= threshold) for name, threshold in THRESHOLDS.items()}
    metrics |= {"mean_iou": overlap, "center_acc": float(centre_inside(first, truth))}
    return Score("scored", metrics, parsed)


TASK = Task(
    name="refcoco",
    title="RefCOCO",
    description="Find the object that a sentence means: one box, scored by its overlap with the true box.",
    version=1,
    media="image",
    metrics=METRICS,
    prompt=PROMPT,
    max_new_tokens=128,
    columns=("question_id", "image", "answer", "bbox"),
    hub=("lmms-lab-encoder/RefCOCO", "lmms-lab/RefCOCO"),
    splits=("val", "test", "testA", "testB"),
    default_split="testA",
    bundled_splits=("test", "val"),
    rows=samples,
    messages=messages,
    score=score,
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
        "prompt: QwenLM/Qwen3-VL issue 991 (Qwen team, for Qwen2.5-VL)",
        "metric: Acc@t = share of sentences with IoU >= t, continuous coordinates",
    ),
)
