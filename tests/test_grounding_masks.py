"""Masks in all their forms, and points in them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import fixtures_path
from vleval.grounding.masks import fraction_in_mask, point_in_mask, points_in_masks, to_dense, to_rle

SQUARE = [[2.0, 1.0, 6.0, 1.0, 6.0, 4.0, 2.0, 4.0]]
masks = st.integers(1, 9).flatmap(
    lambda width: st.lists(
        st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=9
    ).map(lambda rows: np.array(rows, dtype=bool))
)


def run_lengths(mask: np.ndarray) -> list[int]:
    """Down the columns, false first."""
    lengths, value = [0], False
    for cell in mask.T.reshape(-1).tolist():
        if cell != value:
            lengths.append(0)
            value = cell
        lengths[-1] += 1
    return lengths


@given(masks)
def test_all_forms_are_one_mask(mask: np.ndarray) -> None:
    compressed = to_rle(mask)
    forms = [
        compressed,
        {"size": compressed["size"], "counts": compressed["counts"].decode()},
        {"size": list(mask.shape), "counts": run_lengths(mask)},
    ]
    height, width = mask.shape
    everywhere = np.stack(np.meshgrid(np.arange(-1, width + 1), np.arange(-1, height + 1)), axis=-1)
    expected = np.pad(mask, 1)
    np.testing.assert_array_equal(point_in_mask(everywhere, mask), expected)
    for form in forms:
        np.testing.assert_array_equal(to_dense(form, size=(width, height)), mask)
        np.testing.assert_array_equal(point_in_mask(everywhere, form), expected)
        assert to_rle(form) == compressed


@pytest.mark.parametrize(
    ("point", "inside", "why"),
    [
        ([2, 1], True, "its first pixel"),
        ([5, 3], True, "its last pixel: the polygon ends where the next begins"),
        ([6, 4], False, "beyond it"),
        ([5.4, 3.4], True, "rounds to the last pixel"),
        ([1.6, 0.6], True, "rounds to the first pixel"),
        ([1.5, 1], True, "a half goes to the even number, 2"),
        ([5.5, 1], False, "a half goes to the even number, 6"),
        ([-0.4, 1], False, "rounds into the picture, not into the mask"),
        ([1e300, 1], False, "far outside"),
        ([np.nan, 1], False, "not a number"),
        ([-np.inf, 1], False, "infinite"),
    ],
)
def test_the_nearest_pixel_decides(point: list[float], inside: bool, why: str) -> None:
    assert point_in_mask(point, SQUARE, size=(10, 8)) == inside, why


def test_polygons_have_parts() -> None:
    parts = [*SQUARE, [8, 5, 10, 5, 10, 7, 8, 7]]
    assert point_in_mask([[3, 2], [8, 5], [7, 4]], parts, size=(10, 8)).tolist() == [True, True, False]
    assert to_dense(parts, size=(10, 8)).sum() == 4 * 3 + 2 * 2


def test_masks_side_by_side_and_fractions() -> None:
    full, empty = np.ones((4, 4), dtype=bool), np.zeros((4, 4), dtype=bool)
    points = [[0, 0], [3, 3], [4, 0]]
    inside = points_in_masks(points, [full, empty])
    assert inside.tolist() == [[True, False], [True, False], [False, False]]
    assert points_in_masks([], [full]).shape == (0, 1)
    assert points_in_masks(points, []).shape == (3, 0)
    assert fraction_in_mask(points, full) == pytest.approx(2 / 3)  # outside the picture counts as a miss
    assert fraction_in_mask([], full) == 0.0


@pytest.mark.parametrize(
    ("mask", "size", "message"),
    [
        (np.zeros((4, 6)), None, "boolean"),
        (np.zeros((4, 6, 1), dtype=bool), None, "boolean"),
        (np.zeros((0, 6), dtype=bool), None, "not empty"),
        (np.zeros((4, 6), dtype=bool), (4, 6), "the mask is 6 x 4, the picture"),
        (SQUARE, None, "need the picture's size"),
        ([], (10, 8), "three x, y pairs"),
        ([[1, 2, 3, 4]], (10, 8), "three x, y pairs"),
        ([[1, 2, 3, 4, 5, 6, 7]], (10, 8), "three x, y pairs"),
        ([[1, 2, 3, 4, 5, float("nan")]], (10, 8), "finite"),
        ({"counts": [24]}, None, "size"),
        ({"size": [4, 6], "counts": [23]}, None, "add up to 23, not to 4 x 6"),
        ({"size": [4, 6], "counts": [30, -6]}, None, "4 x 6"),
        ({"size": [4, 6], "counts": "4"}, None, "add up to 4"),
        ({"size": [4, 6], "counts": ""}, None, "add up to 0"),
        ({"size": [4, 6], "counts": "not run lengths"}, None, "add up to"),
        ({"size": [4, 6], "counts": [24]}, (4, 6), "the mask is 6 x 4"),
    ],
)
def test_broken_masks_are_refused(mask: object, size: tuple[int, int] | None, message: str) -> None:
    """Above all run lengths that stop short: pycocotools fills the rest with whatever is in memory."""
    with pytest.raises(ValueError, match=message):
        point_in_mask([1, 1], mask, size)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_real_masks() -> None:
    """As pycocotools decodes them; crowds as large as their runs, simple polygons as annotated, but for the
    border."""
    from pycocotools import mask as coco

    truth = json.loads(fixtures_path("coco", "instances_val2014_100.json").read_text(encoding="utf-8"))
    sizes = {image["id"]: (image["width"], image["height"]) for image in truth["images"]}
    crowds = 0
    for row in truth["annotations"]:
        dense = to_dense(row["segmentation"], size := sizes[row["image_id"]])
        np.testing.assert_array_equal(dense, coco.decode(to_rle(row["segmentation"], size)))
        covered = int(dense.sum())
        if row["iscrowd"]:
            crowds += 1
            assert covered == sum(row["segmentation"]["counts"][1::2])
        elif len(row["segmentation"]) == 1:
            _, _, width, height = row["bbox"]
            assert abs(covered - row["area"]) <= width + height + 2
    assert crowds == 9
