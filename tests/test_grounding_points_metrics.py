"""Points in boxes and masks, and their pairing with true points, against slow readings of the same rules."""

from __future__ import annotations

import itertools
import math
from random import Random
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vleval.grounding.boxes import centre_inside
from vleval.grounding.points import match_points, point_in_box

whole = st.integers(0, 6)
points = st.lists(st.tuples(whole, whole), max_size=4)


@pytest.mark.parametrize(
    ("point", "inside", "why"),
    [
        ([10, 20], True, "top left corner"),
        ([30, 40], True, "bottom right corner: the border belongs to the box"),
        ([30.001, 40], False, "just right of it"),
        ([20, 19.999], False, "just above it"),
        ([np.nan, 30], False, "not a number"),
        ([np.inf, 30], False, "infinite"),
    ],
)
def test_point_in_box(point: list[float], inside: bool, why: str) -> None:
    assert point_in_box(point, [10, 20, 30, 40]) == inside, why


def test_point_in_box_broadcasts() -> None:
    boxes = np.array([[0, 0, 10, 10], [10, 10, 0, 0], [5, 5, 20, 20]])
    assert point_in_box([[5, 5], [15, 15]], boxes[:, None]).tolist() == [
        [True, False],
        [False, False],  # reversed: holds nothing
        [True, True],
    ]
    assert point_in_box([], [0, 0, 1, 1]).shape == (0,)
    with pytest.raises(ValueError, match="points must have 2 numbers"):
        point_in_box([1, 2, 3], [0, 0, 1, 1])


@given(st.tuples(*[whole] * 4), st.tuples(*[whole] * 4))
def test_centre_inside_is_the_centre_in_the_box(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    centre = [(a[0] + a[2]) / 2, (a[1] + a[3]) / 2]
    assert centre_inside(a, b) == point_in_box(centre, b)


def _least_total(made: np.ndarray, true: np.ndarray) -> float:
    """The least sum of distances over all ways to pair up, by trying all."""
    few, many = sorted((made, true), key=len)
    return min(
        sum(math.dist(point, other) for point, other in zip(few, chosen, strict=True))
        for chosen in itertools.permutations(many, len(few))
    )


@given(points, points)
def test_pairs_have_the_least_total_distance(
    made: list[tuple[int, int]], true: list[tuple[int, int]]
) -> None:
    a, b = np.array(made, dtype=float).reshape(-1, 2), np.array(true, dtype=float).reshape(-1, 2)
    boxes = np.concatenate([b - 1, b + 1], axis=1)
    match = match_points(a, b, point_in_box(a[:, None], boxes[None]))
    assert len(match.pairs) == min(len(a), len(b))
    assert len({*match.pairs[:, 0]}) == len({*match.pairs[:, 1]}) == len(match.pairs)
    total = sum(math.dist(a[row], b[column]) for row, column in match.pairs)
    assert total == pytest.approx(_least_total(a, b))
    assert match.hit.tolist() == [bool((abs(a[row] - b[column]) <= 1).all()) for row, column in match.pairs]
    assert match.rates.hits == match.hit.sum()


@given(points, points, st.randoms(use_true_random=False))
def test_order_of_points_changes_no_rate(
    made: list[tuple[int, int]], true: list[tuple[int, int]], random: Random
) -> None:
    a, b = np.array(made, dtype=float).reshape(-1, 2), np.array(true, dtype=float).reshape(-1, 2)
    # Objects that reach to one side only: a tie in distance then decides whether a pair is a hit.
    inside = (a[:, None] >= b[None]).all(axis=-1)
    expected = match_points(a, b, inside).rates
    rows, columns = list(range(len(a))), list(range(len(b)))
    random.shuffle(rows)
    random.shuffle(columns)
    assert match_points(a[rows], b[columns], inside[rows][:, columns]).rates == expected


def test_equal_distances_are_settled_alike_in_every_order() -> None:
    """Two points are equally near to one object, and one of them lies in it; then the same the other way."""
    made, true, inside = np.array([[0.0, 0], [2, 0]]), np.array([[1.0, 0]]), np.array([[False], [True]])
    assert match_points(made, true, inside).rates == match_points(made[::-1], true, inside[::-1]).rates
    assert match_points(true, made, inside.T).rates == match_points(true, made[::-1], inside.T[:, ::-1]).rates


def test_hand_worked_matches() -> None:
    boxes = np.array([[0, 0, 4, 4], [6, 0, 10, 4]])
    truth = (boxes[:, :2] + boxes[:, 2:]) / 2
    made = np.array([[1, 1], [3, 2], [9, 1]])
    match = match_points(made, truth, point_in_box(made[:, None], boxes[None]))
    assert match.pairs.tolist() == [[1, 0], [2, 1]]  # [3, 2] is nearer to the first object than [1, 1]
    assert match.rates[:3] == pytest.approx((2 / 3, 1.0, 0.8))


def test_a_point_in_another_object_is_no_hit() -> None:
    """Both points lie in the first object; one of them has to answer for the second."""
    inside = np.array([[True, False], [True, False]])
    assert match_points([[1, 1], [2, 1]], [[1, 1], [9, 1]], inside).rates.hits == 1


@pytest.mark.parametrize(
    ("made", "rates", "why"),
    [([], 1.0, "nothing there, nothing said"), ([[1, 1]], 0.0, "nothing there, something said")],
)
def test_picture_without_the_object(made: list[list[int]], rates: float, why: str) -> None:
    match = match_points(made, [], np.zeros((len(made), 0), dtype=bool))
    assert match.rates[:3] == (rates, rates, rates), why
    assert match.pairs.shape == (0, 2)


def test_points_that_are_not_finite_count_but_hit_nothing() -> None:
    match = match_points([[np.nan, 1], [1, 1]], [[1, 1]], [[True], [True]])
    assert match.pairs.tolist() == [[1, 0]]
    assert match.rates[:3] == pytest.approx((0.5, 1.0, 2 / 3))


@pytest.mark.parametrize(
    ("made", "true", "hits", "message"),
    [
        ([[1, 1]], [[1, 1]], [[True, False]], "hits must be"),
        ([[1, 1]], [[1, 1]], [], "hits must be"),
        ([1, 1], [[1, 1]], [[True]], "predicted points must be"),
        ([[1, 1]], [[np.nan, 1]], [[True]], "finite"),
    ],
)
def test_wrong_points_are_refused(made: list, true: list, hits: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        match_points(made, true, hits)


def test_five_thousand_pictures_take_seconds() -> None:
    rng = np.random.default_rng(0)
    made, true = rng.random((5000, 6, 2)) * 100, rng.random((5000, 5, 2)) * 100
    boxes = np.concatenate([true - 9, true + 9], axis=-1)
    start = perf_counter()
    for a, b, around in zip(made, true, boxes, strict=True):
        match_points(a, b, point_in_box(a[:, None], around[None]))
    assert perf_counter() - start < 10
