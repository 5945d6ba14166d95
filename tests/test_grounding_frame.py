"""Coordinates and time: the mapping and its inverse, over every size that the model accepts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vleval.grounding.frame import (
    CONVENTION_OF_FAMILY,
    CONVENTIONS,
    Convention,
    Frame,
    Sizes,
    extent,
    to_frames,
    to_input,
    to_original,
    to_seconds,
)
from vleval.model.limits import MAX_ASPECT_RATIO, smart_resize

SIDE = st.integers(28, 8192)
BUDGETS = (
    (3136, 12_845_056),  # the released checkpoints' own
    (200_704, 1_605_632),
    (1_003_520, 12_845_056),
    (784, 64 * 784),
    (784, 16 * 784),
)


def frame(original: tuple[int, int], grid_hw: tuple[int, int]) -> Frame:
    rows, columns = grid_hw
    return Frame(original, (columns * 14, rows * 14), (1, rows, columns), resize_filter="torch")


@pytest.mark.parametrize(
    ("convention", "written"),
    [
        ("absolute", [322.0, 119.0]),
        ("relative-1000", [500.0, 250.0]),
        ("relative-1", [0.5, 0.25]),
        ("percent", [50.0, 25.0]),
        ("original", [320.0, 120.0]),
    ],
)
def test_one_point_in_every_convention(convention: Convention, written: list[float]) -> None:
    sizes = Sizes(original_size=(640, 480), input_size=(644, 476))
    np.testing.assert_allclose(to_original([written], sizes, convention), [[320.0, 120.0]], rtol=1e-12)
    np.testing.assert_allclose(to_input([[320.0, 120.0]], sizes, convention), [written], rtol=1e-12)


def seen_by_the_model(original: tuple[int, int], budget: tuple[int, int]) -> Sizes:
    """The sizes that the model's own resize rule gives under (min_pixels, max_pixels)."""
    height, width = smart_resize(original[1], original[0], min_pixels=budget[0], max_pixels=budget[1])
    return Sizes(original, (width, height))


def assert_round_trips(box: list[list[float]], sizes: Sizes, convention: Convention) -> None:
    """Within 1e-6 px, and within half an input pixel when the model writes whole ones."""
    there = to_input(box, sizes, convention)
    np.testing.assert_allclose(to_original(there, sizes, convention), box, rtol=0, atol=1e-6)
    if convention == "absolute":
        (width, height), (input_width, input_height) = sizes.original_size, sizes.input_size
        slack = np.array([width / input_width, height / input_height] * 2) * 0.5 + 1e-9
        assert (np.abs(to_original(np.round(there), sizes) - box) <= slack).all()


@given(SIDE, SIDE, st.sampled_from(BUDGETS), st.sampled_from(CONVENTIONS), st.data())
def test_round_trip(
    width: int, height: int, budget: tuple[int, int], convention: Convention, data: st.DataObject
) -> None:
    assume(max(width, height) <= MAX_ASPECT_RATIO * min(width, height))
    corner = st.tuples(st.floats(0, width), st.floats(0, height))
    box = [[*data.draw(corner), *data.draw(corner)]]
    assert_round_trips(box, seen_by_the_model((width, height), budget), convention)


def test_round_trip_of_every_side_at_many_ratios() -> None:
    """Each side from 28 to 8192 once, as width or height, at ratios up to the 200 that the model accepts."""
    ratios = (1.0, 4 / 3, 16 / 9, 2.0, 7.3, 28.0, 199.0, 200.0)
    for side in range(28, 8193):
        other = max(1, math.ceil(side / ratios[side % len(ratios)]))
        original = (side, other) if side // 2 % 2 else (other, side)
        sizes = seen_by_the_model(original, BUDGETS[side % len(BUDGETS)])
        box = [[0.0, original[1] / 3, original[0] / 7, original[1] - 0.1]]
        assert_round_trips(box, sizes, "absolute")


@given(SIDE, SIDE, SIDE, SIDE, st.sampled_from(CONVENTIONS), st.data())
def test_round_trip_between_bars(
    width: int, height: int, input_width: int, input_height: int, convention: Convention, data: st.DataObject
) -> None:
    sizes = Sizes.letterboxed((width, height), (input_width, input_height))
    assert sizes.content is not None
    left, top, right, bottom = sizes.content
    assert 0 <= left < right <= input_width and 0 <= top < bottom <= input_height
    scale = min(input_width / width, input_height / height)
    np.testing.assert_allclose([right - left, bottom - top], [width * scale, height * scale], rtol=1e-9)
    point = [data.draw(st.tuples(st.floats(0, width), st.floats(0, height)))]
    there = to_input(point, sizes, convention)
    np.testing.assert_allclose(to_original(there, sizes, convention), point, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("convention", "written"),
    [
        ("absolute", [320.0, 200.0]),
        ("relative-1000", [500.0, 312.5]),
        ("relative-1", [0.5, 0.3125]),
        ("percent", [50.0, 31.25]),
        ("original", [640.0, 240.0]),
    ],
)
def test_bars_count_in_every_unit_but_the_original(convention: Convention, written: list[float]) -> None:
    """1280 x 960 in a square of 640: the picture is 640 x 480 with bars of 80; shares span the square."""
    sizes = Sizes.letterboxed((1280, 960), (640, 640))
    assert sizes.content == (0.0, 80.0, 640.0, 560.0)
    np.testing.assert_allclose(to_original([written], sizes, convention), [[640.0, 240.0]], rtol=1e-12)
    np.testing.assert_allclose(to_input([[640.0, 240.0]], sizes, convention), [written], rtol=1e-12)


def test_a_whole_frame_carries_its_bars() -> None:
    bars = Sizes.letterboxed((480, 960), (560, 560))
    seen = replace(frame((480, 960), (40, 40)), content=bars.content)
    np.testing.assert_allclose(to_original([[140, 0, 420, 560]], seen), [[0, 0, 480, 960]], atol=1e-9)


@pytest.mark.parametrize(
    ("convention", "corner"),
    [
        ("absolute", (644.0, 476.0)),
        ("relative-1000", (1000.0, 1000.0)),
        ("relative-1", (1.0, 1.0)),
        ("percent", (100.0, 100.0)),
        ("original", (640.0, 480.0)),
    ],
)
def test_the_extent_is_the_far_corner_of_the_input(
    convention: Convention, corner: tuple[float, float]
) -> None:
    sizes = Sizes((640, 480), (644, 476))
    assert extent(sizes, convention) == corner
    np.testing.assert_allclose(to_original([corner], sizes, convention), [[640, 480]], rtol=1e-12)


def test_boxes_and_points_keep_their_shape_and_nothing_is_clipped() -> None:
    sizes = Sizes((100, 50), (200, 200))
    assert to_original([[-10, 300, 500, 10]], sizes).tolist() == [[-5.0, 75.0, 250.0, 2.5]]
    assert to_original(np.zeros((0, 4)), sizes).shape == (0, 4)
    assert to_original(np.ones((3, 2)), sizes).shape == (3, 2)


def test_faults_are_named() -> None:
    with pytest.raises(ValueError, match=r"\[N, 2\] or \[N, 4\]"):
        to_original([1, 2, 3, 4], Sizes((10, 10), (10, 10)))
    with pytest.raises(ValueError, match="empty size"):
        to_original([[1, 2]], Sizes((0, 10), (10, 10)))
    with pytest.raises(ValueError, match="no part of the input 10x10"):
        to_original([[1, 2]], Sizes((10, 10), (10, 10), content=(0, 4, 11, 6)))
    with pytest.raises(ValueError, match="empty size"):
        Sizes.letterboxed((10, 10), (0, 10))
    with pytest.raises(ValueError, match="unknown coordinate convention"):
        to_original([[1, 2]], Sizes((10, 10), (10, 10)), "relative-999")  # type: ignore[arg-type]


def test_every_family_has_a_known_convention() -> None:
    assert CONVENTION_OF_FAMILY["qwen2_5_vl"] == "absolute"
    assert set(CONVENTION_OF_FAMILY.values()) <= set(CONVENTIONS)


TIMES = st.lists(st.floats(0, 1e5), min_size=1, max_size=40, unique=True).map(sorted)


@given(TIMES, st.lists(st.floats(-10, 1.1e5), max_size=20))
def test_a_time_belongs_to_the_last_frame_that_has_begun(stamps: list[float], times: list[float]) -> None:
    clip = replace(frame((64, 64), (4, 4)), timestamps=tuple(stamps))
    begun = [max((i for i, stamp in enumerate(stamps) if stamp <= time), default=0) for time in times]
    found = to_frames(times, clip)
    assert found.tolist() == begun
    assert found.dtype == np.int64
    indices = np.arange(len(stamps))
    assert to_frames(to_seconds(indices, clip), clip).tolist() == indices.tolist()


def test_times_keep_their_shape_and_faults_are_named() -> None:
    clip = replace(frame((64, 64), (4, 4)), timestamps=(1.0, 1.5, 4.0))
    assert to_frames([[0.0, 1.499], [1.5, 9.0]], clip).tolist() == [[0, 0], [1, 2]]
    assert to_frames([math.inf, -math.inf], clip).tolist() == [2, 0]
    assert to_seconds([], clip).shape == (0,)
    assert int(to_frames(4.0, clip)) == 2
    with pytest.raises(ValueError, match="indices run from 0 to 2"):
        to_seconds([3], clip)
    with pytest.raises(ValueError, match="indices run from 0 to 2"):
        to_seconds([-1], clip)
    with pytest.raises(ValueError, match="whole numbers"):
        to_seconds([0.5], clip)
    with pytest.raises(ValueError, match="not a number"):
        to_frames([math.nan], clip)
    with pytest.raises(ValueError, match="no timestamps"):
        to_frames([1.0], frame((64, 64), (4, 4)))
