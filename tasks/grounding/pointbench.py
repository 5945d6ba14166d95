"""PointBench (PointArena): point at what a request means, on the mask of it.

A row of the hub's `data.json`:

    {"image_filename": "a.jpg", "mask_filename": "a.png", "user_input": "Point to the cup furthest back.",
     "category": "spatial", "count": 1}

Pictures lie in `selected_images`, masks (white on black) in `selected_masks` beside it; `--media` names the
first. Rows and files are joined by name.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from vleval.grounding.frame import Convention
from vleval.grounding.masks import fraction_in_mask, point_in_mask
from vleval.model.io import Media, Message
from vleval.tasks.base import Answer, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.grounding.countbench import whole
from vleval.tasks.grounding.pixmo_points import mask as run_lengths
from vleval.tasks.grounding.pointing import read_points
from vleval.tasks.pictures import identity, upright_size
from vleval.tasks.prompts import POINT_AS_ASKED

if TYPE_CHECKING:
    from numpy.typing import NDArray

METRICS = (
    Metric(
        "success",
        "Success",
        formula="share of answers whose first point lies in the mask; counting: all points, as many as asked",
    ),
    Metric("in_mask", "In mask", formula="mean over questions of the share of points inside the mask"),
)

COUNTING = "counting"
"""The category whose questions ask for several points."""

MASK_FOLDERS = ("selected_masks", "masks")
"""Beside the folder of the pictures."""


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value or a mask file that cannot be read."""
    image = rows.media(row["image"], "image")
    category = rows.sentence(row["category"], "category").lower()
    count = whole(row["count"], "count") if category == COUNTING else None
    target = area({"mask": _mask_file(row["mask_filename"], image), "count": count}, "mask_filename")
    yield Sample(
        id=f"{row.get(rows.MEDIA_NAME) or 'row'}#{key}",
        media=(image,),
        question=rows.sentence(row["user_input"], "user_input"),
        target={"area": target},
        cluster=identity(image, row.get(rows.MEDIA_NAME) or key),
        tags={"category": category},
    )


def area(value: Any, column: str) -> dict[str, Any]:
    """{"mask": run lengths, "count": points asked for, or None outside of counting}."""
    if not isinstance(value, Mapping) or "mask" not in value:
        raise ValueError(f"{column} must be an object with mask and, for counting, count")
    count = value.get("count")
    return {
        "mask": run_lengths(value["mask"], column),
        "count": None if count is None else whole(count, column),
    }


def _mask_file(name: Any, image: Media) -> NDArray[np.bool_]:
    """The mask, beside the folder of its picture: white (above 127) is inside."""
    from PIL import Image, UnidentifiedImageError

    if not isinstance(name, str) or PurePosixPath(name).name != name or image.path is None:
        raise ValueError(f"mask_filename must be a file name beside the pictures, not {name!r}")
    beside = [Path(image.path).parent.parent / folder / name for folder in MASK_FOLDERS]
    path = next((candidate for candidate in beside if candidate.is_file()), beside[0])
    try:
        with Image.open(io.BytesIO(path.read_bytes())) as opened:
            return np.asarray(opened.convert("L")) > 127
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise ValueError(f"the mask {path} cannot be read") from error


def odd_masks(found: Sequence[Sample]) -> list[str]:
    """A warning where a mask has another size than its picture as it is shown: places lie elsewhere in it."""
    shown = [(sample, upright_size(medium)) for sample in found for medium in sample.media]
    odd = [
        (sample, size)
        for sample, size in shown
        if size is not None and tuple(sample.target["area"]["mask"]["size"]) != size[::-1]
    ]
    if not odd:
        return []
    sample, (width, height) = odd[0]
    tall, wide = sample.target["area"]["mask"]["size"]
    return [
        f"{len(odd)} of {len(found)} masks have another size than their pictures (the first, {sample.id}: "
        f"{wide} x {tall}, not {width} x {height}): points are judged elsewhere in them."
    ]


def messages(sample: Sample) -> tuple[Message, ...]:
    """The picture, then the request as it stands."""
    return (Message("user", (*sample.media, POINT_AS_ASKED.fill(sample.question))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """All points, in original pixels."""
    pointed = read_points(answer, convention)
    if pointed.points:
        return Reading(pointed.points, pointed.parsed)
    return Reading(None, pointed.parsed, pointed.reason)


def judge(answers: Sequence[Any], truths: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Success and share of points in the mask, of each answer."""
    pairs = list(zip(answers, truths, strict=True))
    shares = [fraction_in_mask(points, truth["mask"]) for points, truth in pairs]
    return {
        "success": np.asarray([_success(points, truth) for points, truth in pairs], dtype=np.bool_),
        "in_mask": np.asarray(shares, dtype=np.float64),
    }


def _success(points: Sequence[Sequence[float]], truth: Mapping[str, Any]) -> bool:
    inside = point_in_mask(points, truth["mask"])
    if truth["count"] is None:
        return bool(inside[0])
    return bool(inside.all()) and len(points) == truth["count"]


TASK = Task(
    name="pointbench",
    title="PointBench",
    description="Point at what a request means: inside its mask or not; counting needs every object.",
    version=1,
    media="image",
    target=Target(
        'an object {"mask": COCO run lengths or a boolean array of the original image, "count": number of '
        "points asked for, only where the category is counting}",
        {"area": area},
    ),
    metrics=METRICS,
    prompt=POINT_AS_ASKED.template,
    max_new_tokens=1024,
    columns=("user_input", "category", "count", "mask_filename"),
    media_columns=("image_filename", "image"),
    hub=("PointArena/pointarena-data",),
    splits=("test", "train"),
    default_split="train",
    bundled_splits=("test",),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    checks={"user_input": rows.sentence, "category": rows.sentence},
    notes=odd_masks,
    references=(
        f"prompt: {POINT_AS_ASKED.source}; it names no unit: answers are read in the model's own, pixels of "
        "the resized image for Qwen2.5-VL",
        "metric: the first point lies in the mask; for counting all points do, and are as many as asked; "
        "beside it the share of points in the mask (PointArena, Cheng et al. 2025, as in lmms-eval)",
        "slices: category",
    ),
    traps=(
        "A picture that is all right but a mask of another row scores noise: rows join by file name alone.",
        "Points outside the picture are outside the mask.",
        "In counting, several points on one object pass: the mask does not tell its objects apart.",
        "A mask is white above a grey of 127; edges may be smoothed.",
    ),
    comparability=(
        "lmms-eval asks for 0..999 and guesses the unit of each answer, so pixels of the resized image are "
        "misread as per mille: its Qwen2.5-VL numbers do not compare.",
    ),
)
