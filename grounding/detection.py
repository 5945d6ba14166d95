"""Detection: average precision through pycocotools, and an F1 that no order of emission can change.

A model that writes boxes as text gives no scores. Average precision then ranks by the order of emission (and,
across pictures, by the order of their ids), so that the same boxes said in another order score differently:
show `greedy_f1` beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vleval.grounding.boxes import area, intersection, iou
from vleval.grounding.masks import to_rle
from vleval.grounding.objects import Found, Id, Instance, Truth, World, columns, gather
from vleval.grounding.rates import Agreement, agreement

Setting = Literal["coco", "odinw"]
IouType = Literal["bbox", "segm"]

MAX_DETECTIONS: Mapping[Setting, tuple[int, int, int]] = {"coco": (1, 10, 100), "odinw": (100, 300, 1000)}
"""Finds of one picture and label that count, the surest first."""

FIGURES: Mapping[Setting, tuple[str, ...]] = {
    "coco": ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"),
    "odinw": (
        *("mAP", "mAP_50", "mAP_75", "mAP_s", "mAP_m", "mAP_l"),
        *("AR@100", "AR@300", "AR@1000", "AR_s@1000", "AR_m@1000", "AR_l@1000"),
    ),
}
"""Names of the twelve figures, in pycocotools' order. All of `odinw` but mAP and AR@100, AR@300 count 1000
finds: pycocotools takes the headline at 100 whatever the maximum is, as the published ODinW scores do."""

LARGEST_AREA = 1e10
"""Square pixels beyond which pycocotools ignores a find that hits nothing; a larger one is cut to this."""

PAIRS_AT_ONCE = 1_000_000
"""Pairs whose overlaps are held in memory together."""


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """The twelve figures of a COCO evaluation, as shares from 0 to 1."""

    figures: Mapping[str, float | None]
    """By the names of `FIGURES`; None where the truth has no object to find (pycocotools: -1)."""
    per_class: Mapping[Id, float | None]
    """The headline figure of each label of the truth."""
    images: int
    true: int
    """True objects, without crowds."""
    found: int
    order_matters: bool
    """Whether no find had a score: the figures then depend on the order of emission."""

    @property
    def ap(self) -> float | None:
        """The headline: AP, or mAP."""
        return next(iter(self.figures.values()))


def average_precision(
    truth: Truth, found: Found, *, setting: Setting = "coco", iou_type: IouType = "bbox"
) -> AveragePrecision:
    """COCO's average precision and recall over IoU 0.50:0.05:0.95, computed by pycocotools.

    `truth` names every picture, also those without an object; `objects` has the two forms of both arguments,
    which may be mixed. `setting` says how many finds count (`MAX_DETECTIONS`). Finds without scores
    (`scores=None`, or no `score` in results) all count alike and are ranked as they were emitted, pictures by
    id: THE FIGURES THEN DEPEND ON THE ORDER. Two hits and three misses in one picture give AP 1.00 if the
    hits come first and 0.40 if they come last.

    Crowds are ignore regions. A true object without an area has that of its box or mask. `segm` needs the
    COCO form, with the pictures' sizes where masks are polygons, and takes areas of finds from their masks.
    Nothing found scores 0; a figure for which the truth has no object is None; finds with a label that the
    truth lacks change nothing (they do in `greedy_f1`). Raises ValueError on what `objects.gather` and
    `masks.to_rle` refuse. Prints nothing.
    Source: pycocotools' COCOeval; `odinw` as in Qwen's own ODinW-13 evaluation.

    >>> from vleval.grounding.objects import FoundObjects, TrueObjects
    >>> truth = {"a.jpg": TrueObjects([[0, 0, 10, 10], [50, 50, 60, 60]], ["cat", "cat"])}
    >>> boxes = [[0, 0, 10, 10], [50, 50, 60, 60], [80, 0, 90, 10], [80, 20, 90, 30], [80, 40, 90, 50]]
    >>> hits_first = average_precision(truth, {"a.jpg": FoundObjects(boxes, ["cat"] * 5)})
    >>> hits_last = average_precision(truth, {"a.jpg": FoundObjects(boxes[::-1], ["cat"] * 5)})
    >>> round(hits_first.ap, 2), round(hits_last.ap, 2), hits_first.order_matters
    (1.0, 0.4, True)
    """
    world = gather(truth, found)
    evaluation = _evaluated(world, setting, iou_type)
    precision: NDArray[np.float64] = evaluation.eval["precision"]
    headline = MAX_DETECTIONS[setting].index(100)
    figures = [None if value == -1 else float(value) for value in evaluation.stats]
    return AveragePrecision(
        figures=dict(zip(FIGURES[setting], figures, strict=True)),
        per_class={
            label: _mean(precision[:, :, place, 0, headline]) for place, label in enumerate(world.labels)
        },
        images=len(world.images),
        true=sum(not instance.crowd for instance in world.true),
        found=len(world.found),
        order_matters=bool(world.found) and all(instance.score is None for instance in world.found),
    )


@dataclass(frozen=True, slots=True)
class GreedyF1:
    """Precision, recall and F1 of boxes matched one to one."""

    micro: Agreement
    """Over all pictures together."""
    per_image: Mapping[Id, Agreement]


def greedy_f1(truth: Truth, found: Found, *, threshold: float = 0.5) -> GreedyF1:
    """Precision, recall and F1 at one IoU, which neither scores nor the order of emission can change.

    Within each picture and label, the pair with the largest IoU of at least `threshold` is matched first,
    then the next among those still free, one to one. Equal overlaps are taken by the coordinates of the true,
    then of the found box, so that no input order decides. A find without a partner of which at least
    `threshold` lies in a crowd of its label is left out; crowds are never missed. A label that the truth
    lacks makes a false find. Forms and errors as `average_precision`, and ValueError on a threshold outside
    (0, 1].

    >>> from vleval.grounding.objects import FoundObjects, TrueObjects
    >>> truth = {"a.jpg": TrueObjects([[0, 0, 10, 10], [50, 50, 60, 60]], ["cat", "cat"])}
    >>> found = {"a.jpg": FoundObjects([[0, 0, 10, 9], [80, 80, 90, 90]], ["cat", "cat"])}
    >>> greedy_f1(truth, found).micro.f1
    0.5
    """
    if not 0.0 < threshold <= 1.0:
        raise ValueError(f"the threshold must lie in (0, 1], not {threshold}")
    world = gather(truth, found)
    place = {image: number for number, image in enumerate(world.images)}
    hit, left_out = _matched(world, threshold)
    counts = np.zeros((len(place), 3), dtype=np.int64)
    for column, (instances, counted) in enumerate(
        [
            (world.found, hit),
            (world.found, ~left_out),
            (world.true, np.array([not instance.crowd for instance in world.true], dtype=np.bool_)),
        ]
    ):
        images = np.array([place[instance.image] for instance in instances], dtype=np.intp)
        counts[:, column] = np.bincount(images[counted], minlength=len(place))
    return GreedyF1(
        micro=agreement(*map(int, counts.sum(axis=0))),
        per_image={image: agreement(*row) for image, row in zip(world.images, counts.tolist(), strict=True)},
    )


def _evaluated(world: World, setting: Setting, iou_type: IouType) -> Any:
    evaluation = matched(world, setting, iou_type)
    with redirect_stdout(StringIO()):
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def matched(world: World, setting: Setting, iou_type: IouType = "bbox") -> Any:
    """pycocotools' COCOeval after it has matched each picture (`evalImgs`), run in silence.

    Pictures and labels have their places in `world` for ids, from 1 on: pycocotools takes 0 for none.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    image_ids = {image: number for number, image in enumerate(world.images, start=1)}
    label_ids = {label: number for number, label in enumerate(world.labels, start=1)}
    sides = []
    for instances in (world.true, [each for each in world.found if each.label in label_ids]):
        side = COCO()
        side.dataset = {
            "images": [{"id": number, "height": 0, "width": 0} for number in image_ids.values()],
            "categories": [{"id": number} for number in label_ids.values()],
            "annotations": [
                _annotation(instance, number, iou_type, world.sizes.get(instance.image))
                | {"image_id": image_ids[instance.image], "category_id": label_ids[instance.label]}
                for number, instance in enumerate(instances, start=1)
            ],
        }
        sides.append(side)
    with redirect_stdout(StringIO()):
        for side in sides:
            side.createIndex()
        evaluation = COCOeval(*sides, iou_type)
        evaluation.params.maxDets = list(MAX_DETECTIONS[setting])
        evaluation.evaluate()
    return evaluation


def _annotation(
    instance: Instance, number: int, iou_type: IouType, size: tuple[int, int] | None
) -> dict[str, Any]:
    """One object as COCOeval reads it."""
    from pycocotools import mask as coco

    x, y, width, height = instance.xywh
    row: dict[str, Any] = {
        "id": number,
        "iscrowd": int(instance.crowd),
        "score": 1.0 if instance.score is None else instance.score,
    }
    if iou_type == "segm":
        if instance.mask is None:
            raise ValueError(f"an object of the picture {instance.image!r} has no segmentation")
        rle = to_rle(instance.mask, size)
        covered = float(coco.area(rle))
        row |= {"segmentation": rle}
    else:
        width, height = max(width, 0.0), max(height, 0.0)
        covered = min(width * height, LARGEST_AREA)
        row |= {"bbox": [x, y, width, height]}
    return row | {"area": covered if instance.area is None else instance.area}


def _mean(precision: NDArray[np.float64]) -> float | None:
    known = precision[precision > -1]
    return float(known.mean()) if known.size else None


def _matched(world: World, threshold: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each find: whether it has a partner, and whether it is left out for lying in a crowd."""
    true, found = columns(world.true), columns(world.found)
    crowd = np.array([instance.crowd for instance in world.true], dtype=np.bool_)
    groups: dict[tuple[Id, Id], int] = {}
    of_found, of_true = _groups(world.found, groups), _groups(world.true, groups)
    candidates, in_crowd = [], np.zeros(len(found), dtype=np.bool_)
    for rows, partners in _pairs(of_found, of_true):
        boxes, others = found[rows], true[partners]
        overlap = iou(boxes, others)
        near = (overlap >= threshold) & ~crowd[partners]
        candidates.append((overlap[near], partners[near], rows[near]))
        covered = (
            crowd[partners] & (intersection(boxes, others) >= threshold * area(boxes)) & (area(boxes) > 0)
        )
        in_crowd[rows[covered]] = True
    hit = _one_to_one(candidates, true, found)
    return hit, in_crowd & ~hit


def _one_to_one(
    candidates: Sequence[tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]],
    true: NDArray[np.float64],
    found: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Greedy by overlap; ties by coordinates."""
    hit, taken = np.zeros(len(found), dtype=np.bool_), np.zeros(len(true), dtype=np.bool_)
    if not candidates:
        return hit
    overlap, partners, rows = (np.concatenate(part) for part in zip(*candidates, strict=True))
    order = np.lexsort((*found[rows].T[::-1], *true[partners].T[::-1], -overlap))
    for row, partner in zip(rows[order].tolist(), partners[order].tolist(), strict=True):
        if not (hit[row] or taken[partner]):
            hit[row] = taken[partner] = True
    return hit


def _groups(instances: Sequence[Instance], numbers: dict[tuple[Id, Id], int]) -> NDArray[np.intp]:
    """A number for the picture and label of each instance, the same on both sides."""
    keys = [numbers.setdefault((each.image, each.label), len(numbers)) for each in instances]
    return np.array(keys, dtype=np.intp)


def _pairs(
    of_found: NDArray[np.intp], of_true: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows of finds and of true objects that share a group, all pairs, in blocks of bounded size."""
    order = np.argsort(of_true, kind="stable")
    first = np.searchsorted(of_true[order], of_found, side="left")
    counts = np.searchsorted(of_true[order], of_found, side="right") - first
    blocks = np.cumsum(counts) // PAIRS_AT_ONCE
    for rows in np.split(np.arange(len(of_found)), np.flatnonzero(np.diff(blocks)) + 1):
        within = counts[rows]
        start = np.repeat(first[rows] - np.cumsum(within) + within, within)
        yield np.repeat(rows, within), order[start + np.arange(within.sum())]
