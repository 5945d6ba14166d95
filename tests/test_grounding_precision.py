"""Average precision from evidence: pycocotools on the same pictures, once or several times, to 1e-12."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from helpers import fixtures_path
from vleval.grounding.detection import FIGURES, Setting, average_precision
from vleval.grounding.precision import Precision, figures, image_evidence, nothing_found

Json = dict[str, Any]


def from_coco(truth: Json, results: list[Json], setting: Setting) -> list[Json]:
    """The evidence of every picture, pictures by id as pycocotools goes through them."""
    return [
        picture_evidence(
            [row for row in truth["annotations"] if row["image_id"] == image],
            [row for row in results if row["image_id"] == image],
            setting,
        )
        for image in sorted(row["id"] for row in truth["images"])
    ]


def picture_evidence(true: list[Json], found: list[Json], setting: Setting) -> Json:
    return image_evidence(
        [corners(row["bbox"]) for row in true],
        [row["category_id"] for row in true],
        [corners(row["bbox"]) for row in found],
        [row["category_id"] for row in found],
        scores=[row["score"] for row in found] if found and "score" in found[0] else None,
        crowd=[bool(row["iscrowd"]) for row in true],
        areas=[row["area"] for row in true],
        setting=setting,
    )


def corners(xywh: list[float]) -> list[float]:
    x, y, width, height = xywh
    return [x, y, x + width, y + height]


def world(seed: int, *, scores: str) -> tuple[Json, list[Json]]:
    """Whole numbers, so that corners and sizes hold the same box; many finds, crowds, areas that are not
    the boxes', labels without an object, pictures without anything."""
    rng = np.random.default_rng(seed)
    images = [{"id": number} for number in range(1, 10)]
    annotations: list[Json] = []
    results: list[Json] = []
    for image in range(2, 10):
        for _ in range(int(rng.integers(0, 8))):
            bbox = [*rng.integers(0, 200, 2).tolist(), *rng.integers(4, 130, 2).tolist()]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(rng.integers(1, 4)),
                    "bbox": bbox,
                    "area": float(bbox[2] * bbox[3] * rng.choice([1.0, 0.5])),
                    "iscrowd": int(rng.random() < 0.15),
                }
            )
            for _ in range(int(rng.integers(0, 4))):
                moved = [max(1, side + int(rng.integers(-9, 10))) for side in bbox]
                results.append({"image_id": image, "category_id": int(rng.integers(1, 5)), "bbox": moved})
    results = [results[place] for place in rng.permutation(len(results))]
    for row in results:
        if scores != "none":
            row["score"] = 0.5 if scores == "one" else float(rng.integers(1, 6)) / 5
    truth = {
        "images": images,
        "categories": [{"id": n} for n in range(1, 5)],
        "annotations": annotations,
    }
    return truth, results


def repeated(truth: Json, results: list[Json], weights: list[int]) -> tuple[Json, list[Json]]:
    """Every picture as often as its weight says, under new ids in the same order."""
    images: list[Json] = []
    annotations: list[Json] = []
    found: list[Json] = []
    for image, weight in zip(sorted(row["id"] for row in truth["images"]), weights, strict=True):
        for _ in range(weight):
            new = len(images) + 1
            images.append({"id": new})
            for row in truth["annotations"]:
                if row["image_id"] == image:
                    annotations.append(row | {"id": len(annotations) + 1, "image_id": new})
            found += [row | {"image_id": new} for row in results if row["image_id"] == image]
    return {"images": images, "categories": truth["categories"], "annotations": annotations}, found


def close(ours: Mapping[str, float | None], theirs: Mapping[str, float | None]) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        found = ours[name]
        assert (found is None) == (value is None), name
        if value is not None and found is not None:
            assert abs(found - value) < 1e-12, name


@pytest.mark.parametrize("setting", ["coco", "odinw"])
def test_the_fixture_to_the_last_digits(setting: Setting) -> None:
    truth, results = (
        json.loads(fixtures_path("coco", name).read_text(encoding="utf-8"))
        for name in ("instances_val2014_100.json", "instances_val2014_fakebbox100_results.json")
    )
    # Corners lose the last bits of widths, so the oracle gets the boxes that the corners say.
    truth["annotations"] = [row | {"bbox": again(row["bbox"])} for row in truth["annotations"]]
    results = [row | {"bbox": again(row["bbox"])} for row in results]
    evidence = from_coco(truth, results, setting)
    close(figures(evidence), average_precision(truth, results, setting=setting).figures)
    assert figures(json.loads(json.dumps(evidence))) == figures(evidence)


def again(xywh: list[float]) -> list[float]:
    x1, y1, x2, y2 = corners(xywh)
    return [x1, y1, x2 - x1, y2 - y1]


@pytest.mark.parametrize("scores", ["none", "one", "few"])
@pytest.mark.parametrize("setting", ["coco", "odinw"])
def test_random_worlds(scores: str, setting: Setting) -> None:
    for seed in range(12):
        truth, results = world(seed, scores=scores)
        expected = average_precision(truth, results, setting=setting).figures
        close(figures(from_coco(truth, results, setting)), expected)


@pytest.mark.parametrize("scores", ["none", "few"])
def test_weights_are_repeated_pictures(scores: str) -> None:
    for seed in range(12):
        truth, results = world(seed, scores=scores)
        weights = np.random.default_rng(seed).integers(0, 4, len(truth["images"])).tolist()
        expected = average_precision(*repeated(truth, results, weights)).figures
        close(figures(from_coco(truth, results, "coco"), weights=weights), expected)


def test_only_the_first_hundred_finds_count() -> None:
    """110 misses, then a hit: gone in `coco`, there in `odinw`, whose headline still counts 100."""
    misses = [[200 + i, 0, 210 + i, 10] for i in range(110)]
    found = [*misses, [0, 0, 10, 10]]
    late = image_evidence([[0, 0, 10, 10]], ["a"], found, ["a"] * 111, setting="coco")
    assert figures([late])["AP"] == figures([late])["AR100"] == 0.0
    later = image_evidence([[0, 0, 10, 10]], ["a"], found, ["a"] * 111, setting="odinw")
    assert figures([later])["mAP"] == 0.0
    assert figures([later])["mAP_50"] == pytest.approx(1 / 111)
    assert figures([later])["AR@300"] == 1.0


@pytest.mark.parametrize("true", [20, 25, 50, 100, 140, 200])
def test_levels_of_recall_are_reached_to_the_last_bit(true: int) -> None:
    """28 of 100 reach the level 0.28, though 0.28 * 100 is above 28: k hits alone read 1 up to k / n."""
    for hits in range(1, true):
        counts, bits = [true, 0, 0, 0], [[1023] * hits, [0] * hits, [0] * hits, [0] * hits]
        none = [[0] * hits] * 4
        judged = {"true": counts, "score": [1.0] * hits, "hit": bits, "out": none}
        levels = np.linspace(0.0, 1.0, 101)
        found = figures([{"setting": "odinw", "labels": {"x": judged}}], names=["mAP_50"])["mAP_50"]
        assert found == pytest.approx(float(np.mean(hits / true >= levels)), abs=1e-12), hits


def test_the_order_of_pictures_decides_among_equal_scores() -> None:
    hit = image_evidence([[0, 0, 10, 10]], ["a"], [[0, 0, 10, 10]], ["a"])
    miss = image_evidence([], [], [[0, 0, 10, 10]], ["a"])
    assert figures([hit, miss])["AP"] == 1.0
    assert figures([miss, hit])["AP"] == pytest.approx(0.5)
    # A picture that counts twice says all that it says, and then all again.
    both = image_evidence([[0, 0, 10, 10]], ["a"], [[50, 0, 60, 10], [0, 0, 10, 10]], ["a", "a"])
    assert figures([both], weights=[2])["AP"] == pytest.approx(0.5)


def test_what_is_undefined_is_none() -> None:
    empty = image_evidence([], [], [[0, 0, 10, 10]], ["a"])
    assert set(figures([empty]).values()) == {None}
    assert figures([], names=["AP"]) == {"AP": None}
    small = image_evidence([[0, 0, 10, 10]], ["a"], [[0, 0, 10, 10]], ["a"])
    assert (figures([small])["APs"], figures([small])["APl"]) == (1.0, None)
    assert figures([small, empty], weights=[0, 3])["AP"] is None


def test_nothing_found_keeps_the_truth() -> None:
    evidence = image_evidence([[0, 0, 10, 10]], ["a"], [[0, 0, 10, 10], [1, 1, 2, 2]], ["a", "b"])
    assert nothing_found(evidence) == image_evidence([[0, 0, 10, 10]], ["a"], [], [])
    assert figures([nothing_found(evidence)])["AP"] == 0.0


def test_faults_are_named() -> None:
    coco, odinw = (image_evidence([], [], [], [], setting=each) for each in ("coco", "odinw"))
    with pytest.raises(ValueError, match="several settings: coco, odinw"):
        figures([coco, odinw])
    with pytest.raises(ValueError, match="no figure of coco: mAP"):
        figures([coco], names=["AP", "mAP"])
    with pytest.raises(ValueError, match="2 areas for 1 true boxes"):
        image_evidence([[0, 0, 1, 1]], ["a"], [], [], areas=[1.0, 2.0])
    assert tuple(figures([odinw])) == FIGURES["odinw"]


def test_figures_asked_for_are_those_of_all() -> None:
    truth, results = world(3, scores="few")
    evidence = from_coco(truth, results, "coco")
    whole, some = figures(evidence), Precision(evidence, ["AP75", "APm"]).figures()
    assert some == {name: whole[name] for name in ("AP75", "APm")}
