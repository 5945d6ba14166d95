"""Overlaps of boxes and of spans, with their edge cases decided."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vleval.grounding.boxes import area, centre_inside, iou, sort_corners
from vleval.grounding.spans import sort_ends, temporal_iou

CASES = [
    ("equal", [0, 0, 10, 10], [0, 0, 10, 10], 1.0),
    ("half", [0, 0, 10, 10], [0, 0, 10, 5], 0.5),
    ("no + 1: half-pixel boxes", [0, 0, 0.5, 0.5], [0, 0, 0.5, 0.25], 0.5),
    ("quarter overlap", [0, 0, 2, 2], [1, 1, 3, 3], 1 / 7),
    ("touching", [0, 0, 10, 10], [10, 0, 20, 10], 0.0),
    ("apart", [0, 0, 1, 1], [5, 5, 6, 6], 0.0),
    ("empty in a box", [5, 5, 5, 5], [0, 0, 10, 10], 0.0),
    ("both empty and equal", [5, 5, 5, 5], [5, 5, 5, 5], 0.0),
    ("reversed x", [10, 0, 0, 10], [0, 0, 10, 10], 0.0),
    ("reversed on both axes", [10, 10, 0, 0], [10, 10, 0, 0], 0.0),
    ("beyond the image counts", [-10, 0, 10, 10], [0, 0, 10, 10], 0.5),
    ("not a number", [np.nan, 0, 10, 10], [0, 0, 10, 10], 0.0),
]


@pytest.mark.parametrize(("name", "a", "b", "expected"), CASES, ids=[case[0] for case in CASES])
def test_iou(name: str, a: list[float], b: list[float], expected: float) -> None:
    assert iou(a, b) == pytest.approx(expected, abs=1e-12), name
    assert iou(b, a) == pytest.approx(expected, abs=1e-12), name


def test_iou_broadcasts_to_a_matrix() -> None:
    a = np.array([[0, 0, 10, 10], [0, 0, 10, 5]])
    b = np.array([[0, 0, 10, 10], [0, 0, 5, 10], [20, 20, 30, 30]])
    np.testing.assert_allclose(iou(a[:, None], b[None]), [[1, 0.5, 0], [0.5, 1 / 3, 0]])
    assert iou(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0,)


@given(st.lists(st.tuples(*[st.integers(0, 30)] * 8), min_size=1, max_size=8))
def test_iou_equals_counting_cells(rows: list[tuple[int, ...]]) -> None:
    for row in rows:
        a, b = sort_corners(row[:4]), sort_corners(row[4:])
        cells = [
            {(x, y) for x in range(int(box[0]), int(box[2])) for y in range(int(box[1]), int(box[3]))}
            for box in (a, b)
        ]
        union = len(cells[0] | cells[1])
        expected = len(cells[0] & cells[1]) / union if cells[0] and cells[1] else 0.0
        assert iou(a, b) == pytest.approx(expected, abs=1e-12)


def test_area_centre_and_corners() -> None:
    assert area([[0, 0, 4, 5], [4, 5, 0, 0], [1, 1, 1, 9]]).tolist() == [20.0, 0.0, 0.0]
    assert centre_inside([0, 0, 10, 10], [5, 5, 20, 20])  # on the corner: inside
    assert not centre_inside([0, 0, 9.99, 10], [5, 5, 20, 20])
    assert sort_corners([10, 2, 0, 5]).tolist() == [0, 2, 10, 5]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0, 10], [0, 10], 1.0),
        ([0, 10], [5, 15], 1 / 3),
        ([0, 5], [5, 10], 0.0),
        ([2, 2], [0, 10], 0.0),
        ([2, 2], [2, 2], 0.0),
        ([10, 0], [0, 10], 0.0),
    ],
)
def test_temporal_iou(a: list[float], b: list[float], expected: float) -> None:
    assert temporal_iou(a, b) == pytest.approx(expected, abs=1e-12)


def test_reversed_span_read_forwards() -> None:
    assert temporal_iou(sort_ends([10, 0]), [0, 10]) == 1.0


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="4 numbers"):
        iou([1, 2, 3], [1, 2, 3])
    with pytest.raises(ValueError, match="2 numbers"):
        temporal_iou([1, 2, 3], [1, 2, 3])
