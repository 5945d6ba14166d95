"""COCO detection: all objects of 80 categories in photographs, by COCO's average precision.

A hub row: {"image_id": 139, "image": {"bytes": ..., "path": ...}, "width": 640, "height": 426, "objects":
{"bbox_id": [1], "category": [56], "bbox": [[x1, y1, x2, y2]], "area": [1035.7]}}. Categories count from 0 in
`CLASSES`, boxes are corners in pixels, and areas those of the objects, not of their boxes. `objects` may also
hold `iscrowd` (regions to ignore), and a row `categories` (names other than COCO's) and `category_ids` (their
numbers), as rows made of an annotation file do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from numbers import Integral
from typing import Any

from vleval.tasks.base import Metric, Sample, SplitNote, Task
from vleval.tasks.data import rows
from vleval.tasks.data.coco_files import open_coco
from vleval.tasks.data.coco_results import CATEGORY_IDS, RESULTS
from vleval.tasks.grounding import detection, instances
from vleval.tasks.pictures import identity, upright_size
from vleval.tasks.prompts import DETECT

CLASSES: tuple[str, ...] = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    *("traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog"),
    *("horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag"),
    *("tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat"),
    *("baseball glove", "skateboard", "surfboard", "tennis racket", "bottle", "wine glass", "cup", "fork"),
    *("knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog"),
    *("pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet", "tv"),
    *("laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink"),
    *("refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush"),
)
"""COCO's categories, in the order of their ids."""

_SKIPPED = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
IDS = tuple(number for number in range(1, 91) if number not in _SKIPPED)
"""Their numbers in COCO's own files, which have gaps."""

FIGURES = {
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "aps": "APs",
    "apm": "APm",
    "apl": "APl",
    "ar100": "AR100",
}
SIZES = {"aps": (0.0, 32.0**2), "apm": (32.0**2, 96.0**2), "apl": (96.0**2, 1e10)}
"""Areas in square pixels, both ends included, as pycocotools has them."""

_FORMULAS = {
    "ap": "mean over categories and IoU 0.50 to 0.95 of the area under precision by recall",
    "ap50": "AP at IoU 0.50",
    "ap75": "AP at IoU 0.75",
    "aps": "AP of objects up to 32 x 32 pixels",
    "apm": "AP of objects from 32 x 32 to 96 x 96 pixels",
    "apl": "AP of objects from 96 x 96 pixels on",
    "ar100": "mean over categories and IoU 0.50 to 0.95 of the recall with 100 boxes",
}

METRICS = (
    *(Metric(name, figure, formula=_FORMULAS[name], figure=figure) for name, figure in FIGURES.items()),
    *detection.METRICS,
)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    image = rows.media(row["image"], "image")
    classes = instances.names(row["categories"], "categories") if row.get("categories") else list(CLASSES)
    size = rows.size([row["width"], row["height"]], "width, height")
    found = objects(row["objects"], "objects")
    labels = [_named(label, classes) for label in found["category"]]
    truth = instances.picture(
        classes, found["bbox"], labels, "objects", crowd=found.get("iscrowd"), areas=found.get("area")
    )
    yield Sample(
        id=str(row["image_id"]),
        media=(image,),
        question=detection.SEPARATOR.join(classes),
        target={"instances": truth, **_numbers(row, truth["classes"])},
        cluster=identity(image, row.get(rows.MEDIA_NAME) or key),
        original_size=size,
    )


def objects(value: Any, column: str) -> dict[str, list[Any]]:
    """The lists of `objects`: one list per key, or as some exports have it, one object per entry."""
    if isinstance(value, Mapping):
        found = {name: instances.listed(value[name], f"{column}.{name}") for name in value}
    else:
        entries = instances.listed(value, column)
        if not all(isinstance(entry, Mapping) for entry in entries):
            raise ValueError(f"{column} must be lists under bbox and category")
        kinds = entries[0] if entries else {"bbox": None, "category": None}
        found = {name: [entry.get(name) for entry in entries] for name in kinds}
    for name in ("bbox", "category"):
        if name not in found:
            raise ValueError(f"{column} lacks {name}; it has: {', '.join(found) or 'nothing'}")
    found["bbox"] = [instances.box(item, f"{column}.bbox") for item in found["bbox"]]
    return found


def _numbers(row: Mapping[str, Any], classes: Sequence[str]) -> dict[str, list[Any]]:
    """How results of detectors number the categories, where that is known: two of one name have none."""
    own = row.get("category_ids")
    numbers = own if own is not None else IDS if tuple(classes) == CLASSES else ()
    return {CATEGORY_IDS: list(numbers)} if len(numbers) == len(classes) else {}


def _named(label: Any, classes: list[str]) -> Any:
    """The name of a category that may be written as its number."""
    if isinstance(label, Integral) and 0 <= int(label) < len(classes):
        return classes[int(label)]
    return label


def odd_sizes(found: Sequence[Sample]) -> list[str]:
    """A warning where pictures have another size than their boxes were drawn in: resized or turned copies."""
    shown = ((sample, upright_size(medium)) for sample in found for medium in sample.media)
    odd = [(sample, size) for sample, size in shown if size is not None and size != sample.original_size]
    if not odd:
        return []
    sample, (width, height) = odd[0]
    stated = "{} x {}".format(*sample.original_size or (0, 0))
    return [
        f"{len(odd)} of {len(found)} pictures have another size than their annotations state (the first, "
        f"{sample.id}: {width} x {height}, not {stated}): true boxes lie elsewhere in them."
    ]


TASK = Task(
    name="coco",
    title="COCO detection",
    description="Find every object of COCO's 80 categories in a photograph: COCO's average precision.",
    version=1,
    media="image",
    target=instances.TARGET,
    metrics=METRICS,
    prompt=DETECT.template,
    max_new_tokens=detection.MAX_NEW_TOKENS,
    columns=("image_id", "image", "width", "height", "objects"),
    hub=("detection-datasets/coco",),
    splits=("val",),
    default_split="val",
    bundled_splits=("val",),
    split_notes={
        "val": SplitNote(
            "val (without crowds)",
            "The hub's rows lack COCO's crowd flags and the 48 pictures without an object: their AP is not "
            "COCO's; --data instances_val2017.json with --media val2017 gives it.",
            rows=4952,
        ),
    },
    rows=samples,
    messages=detection.messages,
    read=detection.read,
    judge=partial(detection.judge, "coco", FIGURES),
    applies=partial(detection.applies, SIZES, ("ap", "ap50", "ap75", "ar100")),
    evidence=partial(detection.evidence, "coco"),
    logprobs=True,
    checks={"objects": objects},
    local=open_coco,
    results=RESULTS,
    notes=odd_sizes,
    references=(
        f"prompt: {DETECT.source}, with COCO's 80 names",
        "metric: pycocotools 2, bbox, IoU 0.50:0.05:0.95, 1, 10 and 100 boxes per picture and category",
    ),
    traps=(
        *detection.TRAPS,
        "Crowds are regions to ignore: what lies in one is neither right nor wrong, and none is missed.",
        "Sizes are those of the objects' outlines (`area`), not of their boxes.",
        "A picture without an object has no AP of its own; what is found in it lowers that of the set.",
    ),
    comparability=(
        "No score of Qwen2.5-VL on this protocol is published; detectors rank by confidence, and stand above "
        "for that alone.",
        "One question names all 80 categories; a question per category that is present would tell the model "
        "what to find.",
    ),
)
