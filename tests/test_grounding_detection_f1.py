"""The order-free companion of average precision, against a slow reading of its rule."""

from __future__ import annotations

from random import Random
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vleval.grounding import detection
from vleval.grounding.boxes import area, intersection, iou
from vleval.grounding.detection import average_precision, greedy_f1
from vleval.grounding.objects import FoundObjects, TrueObjects

# Coarse boxes: many equal overlaps, many just at the threshold, some empty.
sides = st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4), st.integers(0, 4))
boxes = sides.map(lambda numbers: [numbers[0], numbers[1], numbers[0] + numbers[2], numbers[1] + numbers[3]])
objects = st.lists(st.tuples(boxes, st.sampled_from("ab"), st.booleans()), max_size=6)
pictures = st.lists(st.tuples(objects, objects), min_size=1, max_size=3)
Picture = tuple[list[tuple[list[int], str, bool]], list[tuple[list[int], str, bool]]]


def sides_of(world: list[Picture]) -> tuple[dict[int, TrueObjects], dict[int, FoundObjects]]:
    """The flag of a true object makes it a crowd; that of a find means nothing."""
    shown, found = {}, {}
    for number, (true, made) in enumerate(world):
        shown[number] = TrueObjects(
            [row[0] for row in true], [row[1] for row in true], [row[2] for row in true]
        )
        found[number] = FoundObjects([row[0] for row in made], [row[1] for row in made])
    return shown, found


def slowly(picture: Picture, threshold: float) -> tuple[int, int, int]:
    """Hits, finds that count and true objects of one picture: search for the best pair, again and again."""
    true = [row for row in picture[0] if not row[2]]
    free, hits = list(picture[1]), 0
    while True:
        pairs = [
            (-float(iou(made[0], row[0])), row[0], made[0], row, made)
            for made in free
            for row in true
            if made[1] == row[1] and iou(made[0], row[0]) >= threshold
        ]
        if not pairs:
            break
        *_, row, made = min(pairs)
        true.remove(row)
        free.remove(made)
        hits += 1
    stray = [
        made
        for made in free
        if not any(
            row[2]
            and row[1] == made[1]
            and area(made[0]) > 0
            and intersection(made[0], row[0]) >= threshold * area(made[0])
            for row in picture[0]
        )
    ]
    return hits, hits + len(stray), hits + len(true)


@given(pictures, st.sampled_from([0.25, 0.5, 1.0]))
@settings(max_examples=60)
def test_equals_the_slow_reading(world: list[Picture], threshold: float) -> None:
    score = greedy_f1(*sides_of(world), threshold=threshold)
    expected = [slowly(picture, threshold) for picture in world]
    assert [rates[3:] for rates in score.per_image.values()] == expected
    assert score.micro[3:] == tuple(np.sum(expected, axis=0))


@given(pictures, st.randoms(use_true_random=False))
def test_no_order_changes_it(world: list[Picture], random: Random) -> None:
    score = greedy_f1(*sides_of(world))
    for true, made in world:
        random.shuffle(true)
        random.shuffle(made)
    assert greedy_f1(*sides_of(world)) == score
    shown, found = sides_of(world)
    assert greedy_f1(dict(reversed(shown.items())), dict(reversed(found.items()))) == score


@given(pictures)
def test_bounds(world: list[Picture]) -> None:
    """One-to-one: no more hits than either side has, and F1 between the smaller and the larger rate."""
    for rates in [*(score := greedy_f1(*sides_of(world))).per_image.values(), score.micro]:
        assert 0 <= rates.hits <= min(rates.predicted, rates.true)
        assert min(rates[:2]) - 1e-12 <= rates.f1 <= max(rates[:2]) + 1e-12


def counts(true: list[list[int]], made: list[list[int]]) -> tuple[int, ...]:
    shown, found = TrueObjects(true, ["a"] * len(true)), FoundObjects(made, ["a"] * len(made))
    return greedy_f1({1: shown}, {1: found}).micro[3:]


def test_the_largest_overlap_is_matched_first() -> None:
    """The wide find overlaps both objects, the narrow one only the first, but that more closely."""
    true, wide, narrow = [[0, 0, 10, 1], [4, 0, 14, 1]], [0, 0, 12, 1], [1, 0, 10, 1]
    for made in ([wide, narrow], [narrow, wide]):
        assert counts(true, made) == counts(true[::-1], made) == (2, 2, 2)


def test_equal_overlaps_are_taken_by_coordinates() -> None:
    """All overlaps are a half; who gets the first object decides whether there are one or two hits."""
    true, both, first_only = [[0, 0, 2, 1], [2, 0, 4, 1]], [0, 0, 4, 1], [-2, 0, 2, 1]
    for made in ([both, first_only], [first_only, both]):
        assert counts(true, made) == counts(true[::-1], made) == (2, 2, 2)


def test_average_precision_sees_the_order_and_this_does_not() -> None:
    shown = {1: TrueObjects([[0, 0, 9, 9]], ["a"])}
    hit, miss = [0, 0, 9, 9], [20, 20, 29, 29]
    first, last = ({1: FoundObjects(made, ["a", "a"])} for made in ([hit, miss], [miss, hit]))
    assert average_precision(shown, first).ap != average_precision(shown, last).ap
    assert greedy_f1(shown, first) == greedy_f1(shown, last)


@pytest.mark.parametrize(
    ("label", "crowd", "expected", "why"),
    [
        ("a", True, (0, 0, 0), "inside a crowd of its label: left out"),
        ("b", True, (0, 1, 0), "another label: false"),
        ("a", False, (1, 1, 1), "an object"),
    ],
)
def test_crowds(label: str, crowd: bool, expected: tuple[int, int, int], why: str) -> None:
    shown = {1: TrueObjects([[0, 0, 100, 100]], ["a"], [crowd])}
    assert greedy_f1(shown, {1: FoundObjects([[0, 0, 60, 100]], [label])}).micro[3:] == expected, why


def test_labels_that_the_truth_lacks_are_false_finds() -> None:
    shown, found = {1: TrueObjects([[0, 0, 9, 9]], ["a"])}, {1: FoundObjects([[0, 0, 9, 9]], ["zebra"])}
    assert greedy_f1(shown, found).micro[:3] == (0.0, 0.0, 0.0)


def test_pictures_without_anything_are_right() -> None:
    score = greedy_f1(
        {1: TrueObjects([], []), 2: TrueObjects([], [])}, {2: FoundObjects([[0, 0, 1, 1]], [5])}
    )
    assert (score.per_image[1].f1, score.per_image[2].f1) == (1.0, 0.0)
    assert greedy_f1({}, {}).micro.f1 == 1.0


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01, float("nan")])
def test_thresholds_that_mean_nothing_are_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        greedy_f1({}, {}, threshold=threshold)


def many(count: int) -> tuple[dict[int, TrueObjects], dict[int, FoundObjects]]:
    rng = np.random.default_rng(0)
    corner = rng.random((count, 8, 2)) * 500
    true = np.concatenate([corner, corner + 20 + rng.random((count, 8, 2)) * 100], axis=-1)
    made = true[:, ::-1] + rng.normal(0, 5, true.shape)
    labels = rng.integers(0, 5, (count, 8))
    shown = {number: TrueObjects(true[number], labels[number].tolist()) for number in range(count)}
    found = {number: FoundObjects(made[number], labels[number, ::-1].tolist()) for number in range(count)}
    return shown, found


def test_five_thousand_pictures_take_seconds() -> None:
    shown, found = many(5000)
    start = perf_counter()
    micro = greedy_f1(shown, found).micro
    assert perf_counter() - start < 10
    assert micro.predicted == micro.true == 40_000 and 0.9 < micro.f1 < 1.0


def test_blocks_of_pairs_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, found = many(20)
    expected = greedy_f1(shown, found)
    for most in (1, 7, 100):
        monkeypatch.setattr(detection, "PAIRS_AT_ONCE", most)
        assert greedy_f1(shown, found) == expected
