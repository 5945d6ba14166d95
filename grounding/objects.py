"""What pictures show and what was found in them, as detection metrics take it: one short form, and COCO's.

The short form is a mapping from picture to `TrueObjects` or `FoundObjects`, boxes as (x1, y1, x2, y2). The
COCO form is the dictionary of an annotation file and the list of a results file, boxes as (x, y, width,
height). Ids of pictures and labels may be numbers or texts; 7 and "7" are two ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vleval.grounding.arrays import coordinates
from vleval.grounding.masks import to_rle

Id: TypeAlias = int | str


@dataclass(frozen=True, slots=True)
class TrueObjects:
    """What one picture shows; a picture that shows nothing has no boxes, and must be named all the same."""

    boxes: ArrayLike
    """[N, 4]: (x1, y1, x2, y2), pixels of the original image by convention."""
    labels: Sequence[Id]
    """[N]."""
    crowd: Sequence[bool] | None = None
    """[N]: the box stands for a group; what is found in it is neither right nor wrong."""


@dataclass(frozen=True, slots=True)
class FoundObjects:
    """What was found in one picture, in the order in which it was said."""

    boxes: ArrayLike
    """[N, 4]: (x1, y1, x2, y2), in the unit of the truth."""
    labels: Sequence[Id]
    """[N]."""
    scores: Sequence[float] | None = None
    """[N], the surest highest; None: all the same, so that the order of emission decides."""


Truth: TypeAlias = Mapping[Id, TrueObjects] | Mapping[str, Any]
"""Pictures to what they show, or a COCO annotation dictionary (images, annotations, categories)."""

Found: TypeAlias = Mapping[Id, FoundObjects] | Sequence[Mapping[str, Any]]
"""Pictures to what was found in them, or a COCO results list (image_id, category_id, bbox, score)."""


class Instance(NamedTuple):
    """One true or found object."""

    image: Id
    label: Id
    xyxy: tuple[float, float, float, float]
    xywh: tuple[float, float, float, float]
    crowd: bool = False
    area: float | None = None
    """As annotated (true objects; of the object, not of its box)."""
    score: float | None = None
    mask: Any = None
    """Run lengths or polygons as given."""


class World(NamedTuple):
    """Both sides, with every id in a settled order: numbers first, each kind ascending, as COCO sorts."""

    images: tuple[Id, ...]
    sizes: Mapping[Id, tuple[int, int]]
    """Picture to (width, height), where the truth says."""
    labels: tuple[Id, ...]
    """Labels of the truth, and categories that it lists."""
    true: tuple[Instance, ...]
    found: tuple[Instance, ...]


def gather(truth: Truth, found: Found) -> World:
    """Both forms, in any combination, as one world.

    Raises ValueError on missing keys, on boxes that are not four numbers, on true boxes and scores that are
    not finite, on results of which some have a score and some have none, and on finds in a picture that the
    truth does not name. A found box that is not finite becomes an empty one: it can only be wrong.
    """
    short = {image: objects for image, objects in truth.items() if isinstance(objects, TrueObjects)}
    images, sizes, labels, true = _short_truth(short) if len(short) == len(truth) else _coco_truth(truth)
    made = _short_found(found) if isinstance(found, Mapping) else _coco_found(found, sizes)
    known = set(images)
    for instance in made:
        if instance.image not in known:
            twin = next((image for image in images if str(image) == str(instance.image)), None)
            hint = "" if twin is None else f"; it has {twin!r}, and numbers and texts are different ids"
            raise ValueError(
                f"found an object in the picture {instance.image!r}, which the truth lacks{hint}"
            )
    if len({instance.score is None for instance in made}) > 1:
        raise ValueError("some found objects have a score and some have none")
    labels = {*labels, *(instance.label for instance in true)}
    return World(_settled(known), sizes, _settled(labels), tuple(true), tuple(made))


def columns(instances: Sequence[Instance]) -> NDArray[np.float64]:
    """The boxes of instances: [N, 4], (x1, y1, x2, y2)."""
    return coordinates([instance.xyxy for instance in instances], 4, "boxes")


_Truth = tuple[Iterable[Id], Mapping[Id, tuple[int, int]], Iterable[Id], list[Instance]]


def _short_truth(truth: Mapping[Id, TrueObjects]) -> _Truth:
    true = []
    for image, objects in truth.items():
        boxes = _rows(objects.boxes, objects.labels, image)
        if not np.isfinite(boxes).all():
            raise ValueError(f"a true box of {image!r} is not finite")
        crowds = _beside(objects.crowd, False, len(boxes), f"crowd flags of {image!r}")
        for xyxy, label, crowd in zip(boxes.tolist(), objects.labels, crowds, strict=True):
            true.append(Instance(image, label, tuple(xyxy), _xywh(xyxy), bool(crowd)))
    return truth, {}, (), true


def _short_found(found: Mapping[Id, FoundObjects]) -> list[Instance]:
    made = []
    for image, objects in found.items():
        boxes = _finite_or_empty(_rows(objects.boxes, objects.labels, image))
        scores = _beside(objects.scores, None, len(boxes), f"scores of {image!r}")
        for xyxy, label, given in zip(boxes.tolist(), objects.labels, scores, strict=True):
            score = None if given is None else _score(given)
            made.append(Instance(image, label, tuple(xyxy), _xywh(xyxy), score=score))
    return made


def _coco_truth(truth: Mapping[Any, Any]) -> _Truth:
    try:
        images = [image["id"] for image in truth["images"]]
        sizes = {
            image["id"]: (image["width"], image["height"]) for image in truth["images"] if "width" in image
        }
        labels = [category["id"] for category in truth["categories"]]
        true = [
            _from_coco(row, sizes)._replace(crowd=bool(row.get("iscrowd")), area=row.get("area"))
            for row in truth["annotations"]
        ]
    except KeyError as fault:
        raise ValueError(f"the COCO truth lacks the key {fault}") from None
    known = set(images)
    for instance in true:
        if instance.image not in known:
            raise ValueError(f"an annotation names the picture {instance.image!r}, which is not listed")
        if not np.isfinite(instance.xywh).all():
            raise ValueError(f"a true box of {instance.image!r} is not finite")
    return images, sizes, labels, true


def _coco_found(found: Sequence[Mapping[str, Any]], sizes: Mapping[Id, tuple[int, int]]) -> list[Instance]:
    try:
        made = [_from_coco(row, sizes) for row in found]
    except KeyError as fault:
        raise ValueError(f"a COCO result lacks the key {fault}") from None
    empty = (0.0, 0.0, 0.0, 0.0)
    finished = []
    for instance, row in zip(made, found, strict=True):
        score = _score(row["score"]) if "score" in row else None
        finite = np.isfinite(instance.xyxy).all()
        finished.append(
            instance._replace(score=score)
            if finite
            else instance._replace(xyxy=empty, xywh=empty, score=score)
        )
    return finished


def _from_coco(row: Mapping[str, Any], sizes: Mapping[Id, tuple[int, int]]) -> Instance:
    """What a row of either COCO list says of place and label; without a box, that of its mask."""
    image, mask, bbox = row["image_id"], row.get("segmentation"), row.get("bbox", ())
    if len(bbox) == 0 and mask is not None:
        from pycocotools import mask as coco

        bbox = coco.toBbox(to_rle(mask, sizes.get(image)))
    if len(bbox) != 4:
        raise ValueError(f"bbox must be x, y, width, height, not {list(bbox)}")
    x, y, width, height = map(float, bbox)
    return Instance(
        image, row["category_id"], (x, y, x + width, y + height), (x, y, width, height), mask=mask
    )


def _rows(boxes: ArrayLike, labels: Sequence[Id], image: Id) -> NDArray[np.float64]:
    array = coordinates(boxes, 4, f"boxes of {image!r}")
    if array.ndim != 2 or len(array) != len(labels):
        raise ValueError(f"{image!r} has boxes of shape {list(array.shape)} for {len(labels)} labels")
    return array


def _beside(values: Sequence[Any] | None, default: Any, count: int, noun: str) -> Sequence[Any]:
    if values is None:
        return [default] * count
    if len(values) != count:
        raise ValueError(f"{len(values)} {noun} for {count} boxes")
    return values


def _finite_or_empty(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(boxes).all(axis=1, keepdims=True), boxes, 0.0)


def _xywh(xyxy: Sequence[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = xyxy
    return left, top, right - left, bottom - top


def _score(score: float) -> float:
    value = float(score)
    if not np.isfinite(value):
        raise ValueError(f"a score must be finite, not {score}")
    return value


def _settled(ids: Iterable[Id]) -> tuple[Id, ...]:
    return tuple(sorted(ids, key=lambda each: (isinstance(each, str), each)))
