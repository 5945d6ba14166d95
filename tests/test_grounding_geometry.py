"""Overlaps of boxes and of spans, with their edge cases decided, and the rates made of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vleval.grounding.boxes import area, centre_inside, giou, intersection, iou, sort_corners
from vleval.grounding.rates import accuracy_at, agreement
from vleval.grounding.spans import sort_ends, temporal_iou

boxes = st.tuples(*[st.floats(-1000, 1000)] * 4).map(list)

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
    ("infinite", [-np.inf, 0, 10, 10], [0, 0, 10, 10], 0.0),
    ("both infinite", [-np.inf, -np.inf, np.inf, np.inf], [-np.inf, -np.inf, np.inf, np.inf], 0.0),
]

GIOU_CASES = [
    ("equal", [0, 0, 10, 10], [0, 0, 10, 10], 1.0),
    ("inside: the hull is covered, so giou is iou", [0, 0, 10, 10], [2, 2, 4, 4], 0.04),
    ("side by side", [0, 0, 1, 1], [1, 0, 2, 1], 0.0),
    ("a gap of one box", [0, 0, 1, 1], [2, 0, 3, 1], -1 / 3),
    ("overlapping corners: 1/7 - 2/9", [0, 0, 2, 2], [1, 1, 3, 3], 1 / 7 - 2 / 9),
    ("far apart", [0, 0, 1, 1], [999, 999, 1000, 1000], -1 + 2e-6),
    ("an empty box inside the other", [5, 5, 5, 5], [0, 0, 10, 10], 0.0),
    ("an empty box outside: half of the hull is bare", [20, 0, 20, 10], [0, 0, 10, 10], -0.5),
    ("a reversed box covers nothing but has a place", [20, 10, 10, 0], [0, 0, 10, 10], -0.5),
    ("both reversed", [10, 10, 0, 0], [10, 10, 0, 0], -1.0),
    ("both the same point", [5, 5, 5, 5], [5, 5, 5, 5], -1.0),
    ("not a number", [np.nan, 0, 10, 10], [0, 0, 10, 10], -1.0),
    ("infinite", [0, 0, np.inf, 10], [0, 0, 10, 10], -1.0),
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


@pytest.mark.parametrize(("name", "a", "b", "expected"), GIOU_CASES, ids=[case[0] for case in GIOU_CASES])
def test_giou(name: str, a: list[float], b: list[float], expected: float) -> None:
    assert giou(a, b) == pytest.approx(expected, abs=1e-12), name
    assert giou(b, a) == pytest.approx(expected, abs=1e-12), name


@given(st.tuples(*[st.integers(0, 20)] * 8))
def test_giou_equals_counting_cells(numbers: tuple[int, ...]) -> None:
    a, b = sort_corners(numbers[:4]).astype(int), sort_corners(numbers[4:]).astype(int)
    cells = [{(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])} for box in (a, b)]
    low, high = np.minimum(a, b)[:2], np.maximum(a, b)[2:]
    hull = int(np.prod(high - low))
    union = len(cells[0] | cells[1])
    overlap = len(cells[0] & cells[1])
    expected = (overlap / union if union else 0.0) - ((hull - union) / hull if hull else 1.0)
    assert giou(a, b) == pytest.approx(expected, abs=1e-12)
    assert intersection(a, b) == overlap


@given(boxes, boxes)
def test_bounds_and_symmetry(a: list[float], b: list[float]) -> None:
    overlap, generalised = float(iou(a, b)), float(giou(a, b))
    assert 0.0 <= overlap <= 1.0 + 1e-12
    assert -1.0 <= generalised <= overlap
    assert (overlap, generalised) == (float(iou(b, a)), float(giou(b, a)))


@given(
    st.lists(st.tuples(*[st.integers(-50, 50)] * 8), min_size=1, max_size=5),
    st.integers(-64, 64),
    st.sampled_from([0.25, 0.5, 2.0, 8.0]),
)
def test_overlaps_do_not_see_place_or_scale(rows: list[tuple[int, ...]], move: int, scale: float) -> None:
    pairs = np.array(rows, dtype=float)
    a, b = pairs[:, :4], pairs[:, 4:]
    for overlap in (iou, giou):
        np.testing.assert_array_equal(overlap(a + move, b + move), overlap(a, b))
        np.testing.assert_array_equal(overlap(a * scale, b * scale), overlap(a, b))
    spans, others = a[:, :2], b[:, :2]
    np.testing.assert_array_equal(temporal_iou(spans + move, others + move), temporal_iou(spans, others))
    np.testing.assert_array_equal(temporal_iou(spans * scale, others * scale), temporal_iou(spans, others))


def test_giou_broadcasts_to_a_matrix() -> None:
    a = np.array([[0, 0, 1, 1], [1, 0, 2, 1]])
    np.testing.assert_allclose(giou(a[:, None], a[None]), [[1, 0], [0, 1]])
    assert giou(np.zeros((0, 1, 4)), np.zeros((1, 3, 4))).shape == (0, 3)
    assert iou([], []).shape == giou([], []).shape == (0,)


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
        ([np.nan, 10], [0, 10], 0.0),
        ([0, np.inf], [0, np.inf], 0.0),
        ([np.inf, np.inf], [0, 10], 0.0),
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


def test_accuracy_at_counts_what_reaches() -> None:
    overlaps = [0.5, 0.7, 0.49999999, 1.0, 0.0, np.nan]
    np.testing.assert_allclose(accuracy_at(overlaps, [0.5, 0.7, 0.9]), [3 / 6, 2 / 6, 1 / 6])
    assert accuracy_at(np.float64(0.5), [0.5]).tolist() == [1.0]
    with pytest.raises(ValueError, match="no overlaps"):
        accuracy_at([], [0.5])


@pytest.mark.parametrize(
    ("counts", "rates", "why"),
    [
        ((2, 4, 3), (1 / 2, 2 / 3, 4 / 7), "plain"),
        ((0, 0, 3), (0.0, 0.0, 0.0), "silence where there is something"),
        ((0, 3, 3), (0.0, 0.0, 0.0), "all wrong: no division by zero in F1"),
        ((0, 0, 0), (1.0, 1.0, 1.0), "silence where there is nothing is right"),
        ((0, 1, 0), (0.0, 0.0, 0.0), "anything where there is nothing is wrong"),
    ],
)
def test_agreement(counts: tuple[int, int, int], rates: tuple[float, float, float], why: str) -> None:
    assert agreement(*counts)[:3] == pytest.approx(rates), why


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="impossible"):
        agreement(hits=3, predicted=2, true=5)
