"""PixMo-Points (evaluation set): point at every object of a kind.

A row of the hub set, its masks left out (one boolean array [H, W] of the whole picture for each object):

    {"image_url": "https://example.org/a.jpg", "label": "red apples", "points": [{"x": 31.2, "y": 48.0}],
     "masks": [...]}

Points are in percent of the sides. In some pictures there is no such object, and only silence is right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vleval.grounding.frame import Convention, Sizes, to_original
from vleval.grounding.masks import points_in_masks, to_rle
from vleval.grounding.points import match_points
from vleval.model.io import Message
from vleval.tasks.base import Answer, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.grounding.pointing import read_points
from vleval.tasks.pictures import identity, upright_size
from vleval.tasks.prompts import POINT

if TYPE_CHECKING:
    from numpy.typing import NDArray

METRICS = (
    Metric("f1", "F1", formula="mean over pictures of 2 * hits / (points made + objects)"),
    Metric("precision", "Precision", formula="mean over pictures of hits / points made"),
    Metric("recall", "Recall", formula="mean over pictures of hits / objects"),
)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    image = rows.media(row["image"], "image")
    masks = [mask(value, "masks") for value in listed(row["masks"], "masks")]
    percent = [point(value, "points") for value in listed(row["points"], "points")]
    size = _size(masks, upright_size(image))
    if percent and size is not None:
        percent = to_original(percent, Sizes(size, size), "percent").tolist()
    yield Sample(
        id=f"row#{key}",
        media=(image,),
        question=rows.sentence(row["label"], "label"),
        target={"objects": objects({"points": percent, "masks": masks}, "points, masks")},
        cluster=identity(image, row.get(rows.MEDIA_NAME) or key),
        original_size=size,
        tags={"objects": ("none", "one")[len(masks)] if len(masks) < 2 else "several"},
    )


def objects(value: Any, column: str) -> dict[str, Any]:
    """{"points": [[x, y], ...] in original pixels, "masks": [run lengths, ...]}, one of each per object."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, Mapping) or not {"points", "masks"} <= set(value):
        raise ValueError(f"{column} must be an object with points and masks")
    points = [point(item, column) for item in listed(value["points"], column)]
    masks = [mask(item, column) for item in listed(value["masks"], column)]
    if len(points) != len(masks):
        raise ValueError(f"{column} must have a mask for each point, not {len(masks)} for {len(points)}")
    _size(masks, None)
    return {"points": points, "masks": masks}


def listed(value: Any, column: str) -> Sequence[Any]:
    """A list, from a list, an array, nothing, or the text of a list."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = 0
    if value is None:
        return []
    if not isinstance(value, Sequence | np.ndarray):
        raise ValueError(f"{column} must be a list")
    return list(value)


def point(value: Any, column: str) -> list[float]:
    """[x, y], from {"x", "y"} or two numbers."""
    pair = [value.get("x"), value.get("y")] if isinstance(value, Mapping) else value
    return rows.numbers(pair, 2, column)


def mask(value: Any, column: str) -> dict[str, Any]:
    """COCO run lengths {"size": [H, W], "counts": text}, from such or from a boolean array [H, W]."""
    try:
        rle = to_rle(value if isinstance(value, Mapping) else _booleans(value))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{column} must be boolean arrays [H, W] or COCO run lengths ({error})") from error
    return {"size": list(rle["size"]), "counts": rle["counts"].decode("ascii")}


def _booleans(value: Any) -> NDArray[Any]:
    """An array of true and false, written as 0 and 1 by some."""
    array = np.asarray(value)
    return array == 1 if array.dtype.kind in "iu" and array.size and array.max() <= 1 else array


def _size(masks: Sequence[Mapping[str, Any]], shown: tuple[int, int] | None) -> tuple[int, int] | None:
    """Width and height that masks and picture agree on."""
    sizes = {(item["size"][1], item["size"][0]) for item in masks} | ({shown} if shown else set())
    if len(sizes) > 1:
        listing = ", ".join(f"{width} x {height}" for width, height in sorted(sizes))
        raise ValueError(f"masks must have the size of their picture: there are {listing}")
    return next(iter(sizes), None)


def messages(sample: Sample) -> tuple[Message, ...]:
    """The picture, then the question."""
    return (Message("user", (*sample.media, POINT.fill(sample.question))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """All points, in original pixels; none, where the answer says itself that there is nothing."""
    pointed = read_points(answer, convention)
    if pointed.points or pointed.denied:
        return Reading(pointed.points, pointed.parsed)
    return Reading(None, pointed.parsed, pointed.reason)


def judge(answers: Sequence[Any], truths: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Precision, recall and F1 of each picture."""
    rates = [_match(made, truth) for made, truth in zip(answers, truths, strict=True)]
    columns = np.asarray(rates, dtype=np.float64)
    return {metric.name: columns[:, index] for index, metric in enumerate(METRICS)}


def _match(made: Sequence[Sequence[float]], truth: Mapping[str, Any]) -> tuple[float, float, float]:
    points, true = np.reshape(np.asarray(made, float), (-1, 2)), np.reshape(truth["points"], (-1, 2))
    rates = match_points(points, true, points_in_masks(points, truth["masks"])).rates
    return rates.f1, rates.precision, rates.recall


TASK = Task(
    name="pixmo-points",
    title="PixMo-Points",
    description="Point at every object of a kind: precision, recall and F1 against the objects' masks.",
    version=1,
    media="image",
    target=Target(
        'an object {"points": [[x, y], ...], "masks": [...]} in pixels of the original image; masks are COCO '
        "run lengths or boolean arrays, one per point; both empty where there is no such object",
        {"objects": objects},
    ),
    metrics=METRICS,
    prompt=POINT.template,
    max_new_tokens=2048,
    columns=("label", "points", "masks"),
    media_columns=("image", "image_url"),
    hub=("allenai/pixmo-points-eval",),
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    checks={"label": rows.sentence},
    references=(
        f"prompt: {POINT.source}; it names no unit: answers are read in the model's own, pixels of the "
        "resized image for Qwen2.5-VL",
        "metric: least-distance (Hungarian) pairs of points; a pair is a hit if the point lies in the mask "
        "of its own object; rates per picture, then their mean (PixMo, Deitke et al. 2024)",
        "slices: objects (none, one, several)",
    ),
    traps=(
        "Without the object, all rates are 1 for an answer that says so (an empty list, `there is none`) and "
        "0 for any point; an answer in which nothing can be read is 0 there too.",
        "A point that is written twice is two points made, and one of them misses.",
        "Pictures are addresses on the web and some are dead: fetch them first and pass --media; count the "
        "rows that were left when comparing.",
        "Points of the data set are percent of the sides, answers are pixels: both become original pixels.",
    ),
    comparability=(
        "Molmo's evaluator pairs points of two units; ours pairs pixels with pixels.",
        "Qwen's report scores PointGrounding, a private set: nothing here compares with it.",
    ),
)
