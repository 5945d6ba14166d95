"""Coordinates: the mapping, its inverse, and the proof that a wrong mapping cannot pass unseen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vleval.grounding.boxes import iou
from vleval.grounding.frame import (
    CONVENTION_OF_FAMILY,
    CONVENTIONS,
    Convention,
    Frame,
    Sizes,
    to_input,
    to_original,
)
from vleval.model.io import Media
from vleval.tasks import refcoco
from vleval.tasks.base import Sample

SIDE = st.integers(28, 8192)


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


@given(SIDE, SIDE, SIDE, SIDE, st.sampled_from(CONVENTIONS), st.data())
def test_round_trip(
    width: int, height: int, input_width: int, input_height: int, convention: Convention, data: st.DataObject
) -> None:
    sizes = Sizes((width, height), (input_width, input_height))
    corner = st.tuples(st.floats(0, width), st.floats(0, height))
    box = [[*data.draw(corner), *data.draw(corner)]]
    there = to_input(box, sizes, convention)
    np.testing.assert_allclose(to_original(there, sizes, convention), box, atol=1e-6)
    if convention == "absolute":
        rounded = to_original(np.round(there), sizes, convention)
        slack = np.array([width / input_width, height / input_height] * 2) * 0.5 + 1e-6
        assert (np.abs(rounded - box) <= slack).all()


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
    with pytest.raises(ValueError, match="unknown coordinate convention"):
        to_original([[1, 2]], Sizes((10, 10), (10, 10)), "relative-999")  # type: ignore[arg-type]


def test_every_family_has_a_known_convention() -> None:
    assert CONVENTION_OF_FAMILY["qwen2_5_vl"] == "absolute"
    assert set(CONVENTION_OF_FAMILY.values()) <= set(CONVENTIONS)


def written_by_a_perfect_model(truth: list[float], frame: Frame) -> str:
    """The true box in input pixels, from grid x 14 and by arithmetic of its own."""
    _, rows, columns = frame.grid_thw
    width, height = frame.original_size
    x1, y1, x2, y2 = truth
    numbers = [
        x1 * columns * 14 / width,
        y1 * rows * 14 / height,
        x2 * columns * 14 / width,
        y2 * rows * 14 / height,
    ]
    return f'[{{"bbox_2d": {[round(number) for number in numbers]}, "label": "it"}}]'


def known_truth_accuracy(convention: Convention, swap: bool = False) -> float:
    """Acc@0.5 of perfect answers on non-square images resized by at least 1.5."""
    generator = np.random.default_rng(7)
    hits = []
    # original (w, h) and grid (rows, columns): 1.75x up, 1.6x down, 1.5x up, 2x up
    for original, grid in [
        ((320, 480), (60, 40)),
        ((1120, 672), (30, 50)),
        ((280, 560), (60, 30)),
        ((420, 210), (30, 60)),
    ]:
        for _ in range(50):
            x1, y1 = generator.uniform(0.1, 0.6, 2) * original
            x2, y2 = (x1, y1) + generator.uniform(0.15, 0.35, 2) * original
            truth = [float(value) for value in (x1, y1, x2, y2)]
            seen = frame(original, grid)
            text = written_by_a_perfect_model(truth, seen)
            if swap:
                seen = Frame(original, seen.input_size[::-1], seen.grid_thw, seen.resize_filter)
            sample = Sample("s", (Media("image", data=b""),), "it", {"bbox_xyxy": truth}, "c")
            hits.append(refcoco.score(sample, text, (seen,), convention).metrics["acc@0.5"])
    return 100 * float(np.mean(hits))


def test_known_truth_scores_full_only_when_mapped_rightly() -> None:
    assert known_truth_accuracy("absolute") == 100.0
    assert known_truth_accuracy("absolute", swap=True) < 50.0
    assert known_truth_accuracy("original") < 50.0
    assert known_truth_accuracy("relative-1000") < 50.0


def test_rotated_image_maps_in_the_upright_frame() -> None:
    """A 480 x 640 upright photo stored sideways: sizes in the frame are after EXIF rotation."""
    upright = frame((480, 640), (46, 34))
    mapped = to_original([[119, 161, 357, 483]], upright)
    np.testing.assert_allclose(mapped, [[120, 160, 360, 480]])
    assert iou(mapped, [[120, 160, 360, 480]])[0] == pytest.approx(1.0)
