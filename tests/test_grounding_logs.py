"""The box reader and overlaps against real logs with recorded figures (`../shared/fixtures`)."""

from __future__ import annotations

import json

import numpy as np
import pytest

from helpers import fixtures_path
from vleval.grounding.boxes import iou
from vleval.grounding.frame import Sizes, to_original
from vleval.grounding.parse import parse_boxes


@pytest.mark.parametrize(
    ("log", "rows", "accuracy", "at_75", "mean"),
    [
        ("iannxang_7b_baseline_refcoco_val", 2000, 89.75, 77.5, 0.802702),
        ("vlmr1_3b_r1_400_refcoco_val", 500, 91.0, 79.8, 0.815064),
        ("vlmr1_3b_r1_300_refcoco_val", 500, 90.0, 79.8, 0.809139),
        ("vlmr1_3b_sft_500_refcoco_val", 500, 87.2, 67.0, 0.747218),
    ],
)
def test_claimed_accuracy_of_a_log(log: str, rows: int, accuracy: float, at_75: float, mean: float) -> None:
    results = json.loads(fixtures_path("refcoco", f"{log}.json").read_text())["results"]
    read = [parse_boxes(row["model_output"]).items for row in results]
    boxes = [items[0].values if items else (0.0,) * 4 for items in read]
    overlap = iou(boxes, [row["ground_truth"] for row in results])
    assert len(overlap) == rows
    assert 100 * np.mean(overlap >= 0.5) == pytest.approx(accuracy)
    assert 100 * np.mean(overlap >= 0.75) == pytest.approx(at_75)
    assert overlap.mean() == pytest.approx(mean, abs=2e-5)


def test_mapping_shows_in_the_mean_overlap() -> None:
    path = fixtures_path("refcoco", "refcoco_val_sized_inferred_0_249.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    boxes = [parse_boxes(row["raw"]).items[0].values for row in rows]
    sizes = [Sizes(tuple(row["size_wh"]), tuple(row["resized_wh"])) for row in rows]
    right = np.concatenate([to_original([box], size) for box, size in zip(boxes, sizes, strict=True)])
    wrong = np.concatenate(
        [
            to_original([box], Sizes(size.input_size, size.original_size))
            for box, size in zip(boxes, sizes, strict=True)
        ]
    )
    truth = [row["gt_xyxy_px"] for row in rows]
    figures = {
        name: iou(found, truth) for name, found in (("right", right), ("none", boxes), ("wrong", wrong))
    }
    assert {name: round(float(value.mean()), 6) for name, value in figures.items()} == {
        "right": 0.822575,
        "none": 0.808541,
        "wrong": 0.783696,
    }
    assert all(np.sum(value >= 0.5) == 227 for value in figures.values())
    assert len(rows) == 250
