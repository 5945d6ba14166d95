"""Answers of a perfect detector, and what a run makes of answers: for tests of the detection tasks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from vleval.grounding.detection import Setting, average_precision
from vleval.grounding.frame import Frame, Sizes, to_input
from vleval.grounding.objects import FoundObjects
from vleval.model.io import Media, Response, TokenLogprobs, VisionSettings
from vleval.model.locations import BUNDLED_CHECKPOINT
from vleval.model.preprocess import prepare_image
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.results.record import SampleRecord
from vleval.results.statistics.aggregate import scores
from vleval.running.judge import sample_records
from vleval.tasks.base import Sample, Task
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task

Item = dict[str, Any]
SETTINGS: Mapping[str, Setting] = {"odinw13": "odinw", "coco": "coco"}


@cache
def samples(name: str) -> tuple[Sample, ...]:
    """The bundled ones."""
    return tuple(open_data(get_task(name), "bundled").samples)


@cache
def frame(media: Media) -> Frame:
    """What the real preprocessor makes of a picture that it must enlarge."""
    spec = PreprocessSpec.from_folder(BUNDLED_CHECKPOINT)
    vision = VisionSettings(min_pixels=1000 * 784, max_pixels=1400 * 784)
    return prepare_image(media, vision, spec).frame


def enlarged(size: tuple[int, int] | None, factor: int = 1) -> Frame:
    """The frame of an input that is `factor` times as wide and high as the original."""
    assert size is not None
    return Frame(size, (factor * size[0], factor * size[1]), (1, 2, 2), "none")


def perfect(sample: Sample, *, mapped: bool = True) -> list[Item]:
    """The items of a right answer in input pixels, to the last digit; crowds are not said."""
    truth = sample.target["instances"]
    boxes = np.reshape(np.asarray(truth["boxes"], float), (-1, 4))
    if mapped and len(boxes):
        seen = frame(sample.media[0])
        boxes = to_input(boxes, Sizes(seen.original_size, seen.input_size))
    return [
        {"bbox_2d": box, "label": label}
        for box, label, crowd in zip(boxes.tolist(), truth["labels"], truth["crowd"], strict=True)
        if not crowd
    ]


def text(items: Sequence[Item]) -> str:
    """As Qwen2.5-VL writes it."""
    return f"```json\n{json.dumps(list(items))}\n```"


def records(
    task: Task,
    asked: Sequence[Sample],
    texts: Sequence[str],
    see: Callable[[Sample], tuple[Frame, ...]] = lambda sample: (frame(sample.media[0]),),
    tokens: Sequence[TokenLogprobs | None] | None = None,
) -> list[SampleRecord]:
    """The answers as a run stores them."""
    said = zip(asked, texts, tokens or [None] * len(texts), strict=True)
    pairs = [(sample, Response(sample.id, text, frames=see(sample), tokens=t)) for sample, text, t in said]
    return sample_records(task, pairs, "absolute")


def values(task: Task, found: Sequence[SampleRecord]) -> dict[str, float]:
    """What a run shows of them, by metric."""
    return scores(found, task.metrics, task.metrics)


def oracle(name: str, found: Sequence[SampleRecord], asked: Sequence[Sample]) -> Mapping[str, float | None]:
    """The same figures by `grounding.detection` from the boxes alone: macro over subsets where there are."""
    strata: dict[str, list[int]] = {}
    for index, sample in enumerate(asked):
        strata.setdefault(sample.tags.get("dataset", ""), []).append(index)
    rows = []
    for chosen in strata.values():
        truth = coco_truth([asked[index] for index in chosen])
        made = {
            number: FoundObjects(
                np.reshape(found[index].parsed["boxes"], (-1, 4)), found[index].parsed["labels"]
            )
            for number, index in enumerate(chosen)
        }
        rows.append(average_precision(truth, made, setting=SETTINGS[name]).figures)
    known = {figure: [row[figure] for row in rows if row[figure] is not None] for figure in rows[0]}
    return {figure: float(np.mean(values)) if values else None for figure, values in known.items()}


def coco_truth(asked: Sequence[Sample]) -> dict[str, Any]:
    """Pictures numbered from 0, in COCO's form."""
    annotations = []
    for number, sample in enumerate(asked):
        truth = sample.target["instances"]
        for (x1, y1, x2, y2), label, crowd, area in zip(
            truth["boxes"], truth["labels"], truth["crowd"], truth["areas"], strict=True
        ):
            annotations.append(
                {
                    "image_id": number,
                    "category_id": label,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "iscrowd": crowd,
                    "area": area,
                }
            )
    return {
        "images": [{"id": number} for number in range(len(asked))],
        "categories": [{"id": name} for name in asked[0].target["instances"]["classes"]],
        "annotations": annotations,
    }
