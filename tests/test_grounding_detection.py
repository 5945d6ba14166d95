"""Average precision: recorded figures, pycocotools called by hand, and the traps around it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator

from helpers import fixtures_path
from vleval.grounding.detection import FIGURES, IouType, Setting, average_precision
from vleval.grounding.objects import FoundObjects, TrueObjects


def coco_world(seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Boxes on a coarse grid with crowds, misses, doubles, equal scores, small to large areas and empty
    pictures; ids from 1 on, and truths of every area, as pycocotools needs them."""
    rng = np.random.default_rng(seed)
    images = [{"id": int(number), "width": 400, "height": 300} for number in rng.permutation(20)[:8] + 3]
    categories = [{"id": number} for number in (2, 5, 9)]
    annotations, results = [], []
    for image in images[1:]:
        for _ in range(rng.integers(0, 7)):
            row = {"image_id": image["id"], "category_id": int(rng.choice([2, 5])), "bbox": box(rng)}
            area = float(row["bbox"][2] * row["bbox"][3])
            crowd = int(rng.random() < 0.2)
            annotations.append(row | {"id": len(annotations) + 1, "area": area, "iscrowd": crowd})
            for _ in range(rng.integers(0, 3)):
                moved = (np.array(row["bbox"]) + rng.integers(-6, 7, 4)).clip(1).tolist()
                results.append(row | {"bbox": moved, "score": int(rng.integers(1, 5)) / 5})
    for _ in range(10):
        image = images[rng.integers(len(images))]["id"]
        results.append(
            {"image_id": image, "category_id": int(rng.choice([2, 5, 9])), "bbox": box(rng), "score": 0.4}
        )
    order = rng.permutation(len(results))
    truth = {"images": images, "categories": categories, "annotations": annotations}
    return truth, [results[place] for place in order]


def box(rng: Generator) -> list[int]:
    width, height = 4 ** rng.integers(2, 5, 2) // 2 + rng.integers(0, 9, 2)
    return [int(rng.integers(0, 200)), int(rng.integers(0, 150)), int(width), int(height)]


def by_hand(
    truth: dict[str, Any], results: list[dict[str, Any]], most: tuple[int, ...], iou_type: str = "bbox"
) -> list[float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with redirect_stdout(StringIO()):
        side = COCO()
        side.dataset = copy.deepcopy(truth)
        side.createIndex()
        evaluation = COCOeval(side, side.loadRes(copy.deepcopy(results)), iou_type)
        evaluation.params.maxDets = list(most)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


def figures(score: Any) -> list[float]:
    """As pycocotools puts them: -1 for what cannot be said."""
    return [-1.0 if value is None else value for value in score.figures.values()]


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_recorded_figures(iou_type: IouType, capsys: pytest.CaptureFixture[str]) -> None:
    truth, results, recorded = (
        json.loads(fixtures_path("coco", name).read_text(encoding="utf-8"))
        for name in (
            "instances_val2014_100.json",
            f"instances_val2014_fake{iou_type}100_results.json",
            "pycocotools_stats.json",
        )
    )
    before = copy.deepcopy((truth, results))
    score = average_precision(truth, results, iou_type=iou_type)
    assert list(score.figures) == recorded[iou_type]["stats_order"]
    assert list(score.figures.values()) == pytest.approx(recorded[iou_type]["stats"], abs=1e-9)
    assert (score.images, score.true, score.found, score.order_matters) == (100, 830, 734, False)
    classes = [value for value in score.per_class.values() if value is not None]
    assert score.ap == pytest.approx(np.mean(classes), abs=1e-9)
    assert (truth, results) == before  # pycocotools writes into what it is given
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("setting", "most"), [("coco", (1, 10, 100)), ("odinw", (100, 300, 1000))])
def test_equals_pycocotools_by_hand(seed: int, setting: Setting, most: tuple[int, ...]) -> None:
    truth, results = coco_world(seed)
    score = average_precision(truth, results, setting=setting)
    assert tuple(score.figures) == FIGURES[setting]
    assert figures(score) == pytest.approx(by_hand(truth, results, most), abs=1e-12)


def polygons(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        x, y, width, height = row["bbox"]
        yield row | {"segmentation": [[x, y, x + width, y, x + width, y + height, x, y + height]]}


@pytest.mark.parametrize("seed", range(2))
def test_masks_equal_pycocotools_by_hand(seed: int) -> None:
    from vleval.grounding.masks import to_rle

    truth, results = coco_world(seed)
    truth["annotations"] = list(polygons(truth["annotations"]))
    masks = [
        {key: row[key] for key in ("image_id", "category_id", "score")}
        | {"segmentation": to_rle(row["segmentation"], (400, 300))}
        for row in polygons(results)
    ]
    expected = by_hand(truth, masks, (1, 10, 100), "segm")
    assert figures(average_precision(truth, masks, iou_type="segm")) == pytest.approx(expected, abs=1e-12)
    boxed = average_precision(truth, masks)  # without a box, that of the mask
    assert figures(boxed) == pytest.approx(by_hand(truth, masks, (1, 10, 100)), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", [str, lambda number: number, lambda number: f"{number:03}.jpg"])
def test_short_form_equals_coco_form(seed: int, name: Any) -> None:
    truth, results = coco_world(seed)
    shown, found = {}, {}
    for image in truth["images"]:
        rows = [row for row in truth["annotations"] if row["image_id"] == image["id"]]
        shown[name(image["id"])] = TrueObjects(
            [corners(row) for row in rows],
            [name(row["category_id"]) for row in rows],
            [row["iscrowd"] for row in rows],
        )
        finds = [row for row in results if row["image_id"] == image["id"]]
        found[name(image["id"])] = FoundObjects(
            [corners(row) for row in finds],
            [name(row["category_id"]) for row in finds],
            [row["score"] for row in finds],
        )
    score, expected = average_precision(shown, found), average_precision(truth, results)
    # Equal scores in several pictures are ranked by the pictures' order, and "10" comes before "9".
    if name is not str:
        assert score.figures == pytest.approx(expected.figures, abs=1e-12)
    classes = {name(label): value for label, value in expected.per_class.items() if value is not None}
    assert {label: value for label, value in score.per_class.items() if value is not None}.keys() == (
        classes.keys()
    )
    assert (score.true, score.found) == (expected.true, expected.found)


def corners(row: dict[str, Any]) -> list[float]:
    x, y, width, height = row["bbox"]
    return [x, y, x + width, y + height]


TWO_CATS = {"a": TrueObjects([[0, 0, 10, 10], [50, 50, 60, 60]], ["cat", "cat"])}
HITS, MISSES = [[0, 0, 10, 10], [50, 50, 60, 60]], [[80, y, 90, y + 10] for y in (0, 20, 40)]


@pytest.mark.parametrize(
    ("boxes", "scores", "ap", "why"),
    [
        ([*HITS, *MISSES], None, 1.0, "hits said first"),
        ([*MISSES, *HITS], None, 0.4, "hits said last: precision 2 of 5 at full recall"),
        ([*MISSES, *HITS], [0.5] * 5, 0.4, "constant scores are no scores"),
        ([*MISSES, *HITS], [0.1, 0.1, 0.1, 0.9, 0.9], 1.0, "scores overrule the order"),
    ],
)
def test_without_scores_the_order_decides(
    boxes: list[list[int]], scores: list[float] | None, ap: float, why: str
) -> None:
    score = average_precision(TWO_CATS, {"a": FoundObjects(boxes, ["cat"] * 5, scores)})
    assert score.ap == pytest.approx(ap, abs=1e-9), why
    assert score.order_matters is (scores is None)


def test_odinw_takes_its_headline_at_a_hundred() -> None:
    """With 150 misses said before the two hits, only the figures that count 1000 finds see them."""
    boxes = [*([[80, 0, 90, 10]] * 150), *HITS]
    score = average_precision(TWO_CATS, {"a": FoundObjects(boxes, ["cat"] * 152)}, setting="odinw")
    odinw = score.figures
    assert score.ap == score.per_class["cat"] == 0.0
    assert odinw["mAP"] == odinw["AR@100"] == 0.0
    assert odinw["mAP_50"] == pytest.approx(2 / 152)
    assert odinw["AR@300"] == odinw["AR@1000"] == pytest.approx(1.0)


def test_nothing_found_is_zero_and_nothing_to_find_is_none() -> None:
    shown = {"a": TrueObjects([[0, 0, 10, 10]], ["cat"]), "b": TrueObjects([], [])}
    for found in ({}, [], {"b": FoundObjects([], [])}):
        score = average_precision(shown, found)
        assert score.ap == score.figures["APs"] == score.figures["AR100"] == 0.0
        assert score.figures["APm"] is score.figures["APl"] is None
        assert score.per_class == {"cat": 0.0}
    for empty in ({}, {"b": TrueObjects([], [])}):
        assert set(average_precision(empty, {}).figures.values()) == {None}
    only_crowd = {"a": TrueObjects([[0, 0, 10, 10]], ["cat"], crowd=[True])}
    assert average_precision(only_crowd, {"a": FoundObjects([[0, 0, 10, 10]], ["cat"])}).ap is None


def test_pictures_without_truth_hold_false_finds() -> None:
    shown = {**TWO_CATS, "b": TrueObjects([], [])}
    finds = {"a": FoundObjects(HITS, ["cat"] * 2, [0.5, 0.5])}
    stray = {"b": FoundObjects(MISSES[:2], ["cat"] * 2, [0.9, 0.9])}
    assert average_precision(shown, finds).ap == pytest.approx(1.0)
    assert average_precision(shown, finds | stray).ap == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("stray", "why"),
    [
        ([90, 10, 80, 0], "reversed on both axes"),
        ([90, 0, 80, 10], "reversed on one axis: a negative area, which pycocotools ignores"),
        ([0, 0, 999_999, 999_999], "larger than any area that pycocotools counts"),
        ([np.nan, 0, 1, 1], "not a number"),
        ([0, 0, np.inf, 1], "infinite"),
    ],
)
def test_strange_boxes_are_false_finds(stray: list[float], why: str) -> None:
    found = {"a": FoundObjects([stray, *HITS], ["cat"] * 3)}
    plain = {"a": FoundObjects([MISSES[0], *HITS], ["cat"] * 3)}
    assert average_precision(TWO_CATS, found).ap == average_precision(TWO_CATS, plain).ap, why


def test_ids_of_zero_and_missing_fields_count() -> None:
    """pycocotools takes a match with annotation 0 for no match, and needs an area and a crowd flag."""
    truth = {
        "images": [{"id": "x"}],
        "categories": [{"id": 0}],
        "annotations": [{"id": 0, "image_id": "x", "category_id": 0, "bbox": [0, 0, 10, 10]}],
    }
    result = {"image_id": "x", "category_id": 0, "bbox": [0, 0, 10, 10]}
    assert average_precision(truth, [result]).ap == pytest.approx(1.0)
    assert average_precision(truth, [result | {"category_id": 7}, result]).ap == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("truth", "found", "message"),
    [
        ({7: TrueObjects([], [])}, {"7": FoundObjects([], []), "8": FoundObjects([[0] * 4], [1])}, "'8'"),
        (
            {7: TrueObjects([], [])},
            {"7": FoundObjects([[0, 0, 1, 1]], [1])},
            "it has 7, and numbers and texts",
        ),
        (TWO_CATS, {"a": FoundObjects([[0, 0, 1, 1]], [])}, "for 0 labels"),
        (TWO_CATS, {"a": FoundObjects([[0, 0, 1]], ["cat"])}, "4 numbers"),
        (TWO_CATS, {"a": FoundObjects([[0, 0, 1, 1]], ["cat"], [])}, "0 scores of 'a' for 1 boxes"),
        ({"a": TrueObjects([], [], [True])}, {}, "1 crowd flags of 'a' for 0 boxes"),
        (TWO_CATS, {"a": FoundObjects([[0, 0, 1, 1]], ["cat"], [np.nan])}, "score must be finite"),
        (TWO_CATS, [{"image_id": "a", "category_id": "cat"}], "bbox must be x, y"),
        (
            TWO_CATS,
            [
                {"image_id": "a", "category_id": "cat", "bbox": [0, 0, 1, 1], "score": 1.0},
                {"image_id": "a", "category_id": "cat", "bbox": [0, 0, 1, 1]},
            ],
            "some found objects have a score",
        ),
        ({"a": TrueObjects([[0, 0, np.nan, 1]], ["cat"])}, {}, "not finite"),
        ({"images": []}, [], "lacks the key 'categories'"),
        (
            {
                "images": [],
                "categories": [],
                "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}],
            },
            [],
            "not listed",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(truth: Any, found: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        average_precision(truth, found)


def test_masks_are_needed_for_masks() -> None:
    with pytest.raises(ValueError, match="has no segmentation"):
        average_precision(TWO_CATS, {}, iou_type="segm")
