"""ODinW-13: thirteen small detection sets, from rabbits to drones; the mean of their average precisions.

A hub row: {"image": {"bytes": ..., "path": ...}, "categories": ["dog", "person"], "bboxes": [[x1, y1, x2,
y2]], "labels": ["person"], "dataset_name": "thermalDogsAndPeople"}. Boxes are corners in pixels of the
original image. A picture without an object belongs to the set: what is found there is wrong. Rows made of
annotation files also have their `image_id`, by which pictures rank where boxes have equal scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from vleval.tasks.base import Metric, Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.data.coco_files import SUBSETS, open_odinw
from vleval.tasks.grounding import detection, instances
from vleval.tasks.pictures import identity, upright_size
from vleval.tasks.prompts import DETECT

DATASET = "dataset"
"""Tag of the subset; each counts alike, however many pictures it has."""

FIGURES = {"map": "mAP", "map_50": "mAP_50", "map_75": "mAP_75"}

METRICS = (
    Metric(
        "map",
        "mAP",
        formula="mean over the subsets of COCO's average precision, IoU 0.50 to 0.95, at most 100 boxes per "
        "picture and category",
        strata=(DATASET,),
        figure="mAP",
    ),
    Metric(
        "map_50",
        "mAP50",
        formula="the same at IoU 0.50, at most 1000 boxes",
        strata=(DATASET,),
        figure="mAP_50",
    ),
    Metric(
        "map_75",
        "mAP75",
        formula="the same at IoU 0.75, at most 1000 boxes",
        strata=(DATASET,),
        figure="mAP_75",
    ),
    *detection.METRICS,
)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    image = rows.media(row["image"], "image")
    name = rows.sentence(row["dataset_name"], "dataset_name")
    classes = instances.names(row["categories"], "categories")
    boxes = [instances.box(item, "bboxes") for item in instances.listed(row["bboxes"], "bboxes")]
    truth = instances.picture(classes, boxes, instances.listed(row["labels"], "labels"), "labels")
    yield Sample(
        id=f"{name}#{row.get('image_id', key)}",
        media=(image,),
        question=detection.SEPARATOR.join(classes),
        target={"instances": {**truth, DATASET: name}},
        cluster=identity(image, row.get(rows.MEDIA_NAME) or key),
        original_size=upright_size(image),
        tags={DATASET: name},
    )


def _boxes(value: Any, column: str) -> list[list[float]]:
    return [instances.box(item, column) for item in instances.listed(value, column)]


def _of_subset(value: Any, column: str) -> dict[str, Any]:
    """The truth of a row of predictions: that of any detection task, and its subset."""
    truth = instances.instances(value, column)
    return {**truth, DATASET: rows.sentence(value.get(DATASET), f"{column}.{DATASET}")}


def _tags(truth: Mapping[str, Any]) -> dict[str, str]:
    return {DATASET: truth[DATASET]}


def absent_subsets(found: Sequence[Sample]) -> list[str]:
    """A warning where some of the thirteen have no picture: a part of a tree, or a limit."""
    here = {sample.tags[DATASET] for sample in found}
    absent = sorted(SUBSETS - here, key=str.casefold)
    if not absent or not here & SUBSETS:
        return []
    return [
        f"the questions are from {len(SUBSETS) - len(absent)} of ODinW's 13 subsets: their mean is not "
        f"ODinW-13's (absent: {', '.join(absent)})"
    ]


TASK = Task(
    name="odinw13",
    title="ODinW-13",
    description="Find everything of the named categories in pictures of thirteen small detection sets: the "
    "mean of their average precisions.",
    version=1,
    media="image",
    target=Target(f'{instances.TARGET.form}; "{DATASET}" names the subset', {"instances": _of_subset}, _tags),
    metrics=METRICS,
    prompt=DETECT.template,
    max_new_tokens=detection.MAX_NEW_TOKENS,
    columns=("image", "categories", "bboxes", "labels", "dataset_name"),
    hub=("kcz358/ODinW-13",),
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=detection.messages,
    read=detection.read,
    judge=partial(detection.judge, "odinw", FIGURES),
    applies=partial(detection.applies, {}, tuple(FIGURES)),
    evidence=partial(detection.evidence, "odinw"),
    logprobs=True,
    checks={
        "categories": instances.names,
        "bboxes": _boxes,
        "labels": instances.listed,
        "dataset_name": rows.sentence,
    },
    local=open_odinw,
    notes=absent_subsets,
    references=(
        f"prompt: {DETECT.source}",
        "metric: as in that evaluation: pycocotools over all pictures of a subset, score 1 for every box, at "
        "most 100, 300 or 1000 boxes; the plain mean of the subsets' mAP",
        "slices: dataset",
    ),
    traps=(
        *detection.TRAPS,
        "The headline counts 100 boxes per picture and category, mAP50 and mAP75 count 1000: so pycocotools "
        "computes them.",
        "A subset with a handful of pictures (Packages, NorthAmericaMushrooms) weighs as much as PascalVOC: "
        "it alone moves the headline by points, and the interval says so.",
        "A subset in which nothing was found scores 0; pycocotools' own reader fails on an empty list.",
        "Raw annotation files have a root category that names the kind of set and has no box: it is not "
        "asked for.",
    ),
    comparability=(
        "The Qwen2.5-VL report states 37.3 for the 7B without a prompt, a split or sizes.",
        "Splits differ in the wild: test on the hub, valid in other papers; GLIP takes mini_val of EgoHands "
        "and VehiclesOpenImages and valid of the others, which --split mini_val of a tree gives. PascalVOC "
        "has no test split: its valid stands in for it, as in GLIP.",
        "lmms-eval reads each box in up to three units and keeps the one nearest to a true box: its figures "
        "are higher than what was answered, and do not compare.",
    ),
)
