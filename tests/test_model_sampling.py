"""Which frames of a video are shown and how large, against the recorded libraries and cookbooks."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from visual_kit import formula_video, recorded
from vleval.model.errors import MediaError, SettingsError
from vleval.model.io import VisionSettings
from vleval.model.limits import frame_max_pixels, resolve, smart_resize
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.model.sampling import Timing, choose_frames, frame_count, frame_indices
from vleval.model.video import prepare_frames

SPEC = PreprocessSpec()
SMALL = PreprocessSpec(video_min_pixels=784, video_max_pixels=64 * 784)


# Sampling rules


def indices_of(request: dict[str, Any], total: int, rate: float, rule: Any) -> list[int]:
    if "num_frames" in request:
        return frame_indices(total, round(request["num_frames"] / 2) * 2, rule)
    limits = resolve(VisionSettings(**request), SPEC, "video")
    return frame_indices(total, frame_count(total, rate, limits, rule).sampled, rule)


@pytest.mark.parametrize("rule", ["linspace", "left"])
@pytest.mark.parametrize(
    "case", recorded("processor_golden/video_sampling.json", "sampling"), ids=lambda c: c["id"]
)
def test_sampling_equals_the_recorded_libraries(case: dict[str, Any], rule: str) -> None:
    total, rate = case["total_num_frames"], case["video_fps"]
    truth = case["qwen_vl_utils_0_0_14" if rule == "linspace" else "transformers_5_23"]
    if truth.get("error") in ("ValueError", "ZeroDivisionError"):
        with pytest.raises(MediaError):
            indices_of(case["request"], total, rate, rule)
        return
    got = indices_of(case["request"], total, rate, rule)
    if "error" in truth:  # Faults of transformers itself: an index past the end, and no default rate.
        assert len(got) == case["qwen_vl_utils_0_0_14"]["num_frames"]
        assert got == truth.get("frame_indices", got)[: len(got)]
        return
    assert got == truth["frame_indices"]
    timing = Timing(tuple(i / rate for i in got), len(got) / total * rate, total / rate)
    seconds = truth["second_per_grid"] if rule == "linspace" else truth["second_per_grid_ts"][0]
    assert timing.second_per_grid("qwen") == pytest.approx(seconds, rel=1e-6)


@pytest.mark.parametrize(("total", "count"), [(17, 14), (30, 26), (34, 14), (41, 14)])
def test_left_edges_stay_inside_where_transformers_leaves(total: int, count: int) -> None:
    indices = frame_indices(total, count, "left")
    assert indices == [total * step // count for step in range(count)]
    assert indices[-1] < total


@pytest.mark.parametrize(
    ("total", "rate", "vision", "expected"),
    [
        (300, 30.0, VisionSettings(), (20, ())),
        (300, 30.0, VisionSettings(max_frames=8), (8, ("max_frames",))),
        (30, 30.0, VisionSettings(), (4, ("min_frames",))),
        (10, 5.0, VisionSettings(fps=10), (10, ("source_frames",))),
        (3, 30.0, VisionSettings(), (2, ("min_frames", "source_frames"))),
        (301, 30.0, VisionSettings(max_frames=20), (20, ())),
    ],
)
def test_frame_counts_name_the_limits_that_bit(
    total: int, rate: float, vision: VisionSettings, expected: Any
) -> None:
    assert frame_count(total, rate, resolve(vision, SPEC, "video"), "linspace") == expected


@pytest.mark.parametrize("rule", ["linspace", "left"])
def test_rounded_times_of_a_constant_rate_give_the_rules_own_indices(rule: Any) -> None:
    times = [round(index / 29.97, 3) for index in range(500)]  # as Matroska rounds them
    assert choose_frames(times, 166, rule) == frame_indices(500, 166, rule)


def test_a_variable_rate_gives_the_frames_nearest_to_even_times() -> None:
    times = [0.0, 0.1, 0.2, 0.3, 5.0, 10.0]
    assert choose_frames(times, 6, "linspace") == [0, 3, 4, 4, 5, 5]
    assert choose_frames(times, 2, "left") == [0, 4]


# Budgets


@pytest.mark.parametrize(
    "case",
    [
        c
        for c in recorded("processor_golden/video_sampling.json", "utils_video_sizes")
        if "resized_width" not in c["request"]
    ],
    ids=lambda c: c["id"],
)
def test_frame_sizes_equal_qwen_vl_utils(case: dict[str, Any]) -> None:
    library = PreprocessSpec(total_pixels=90_316_800)
    limits = resolve(VisionSettings(**case["request"]), library, "video")
    count = case["num_frames"]
    size = smart_resize(
        *case["frame_hw"], min_pixels=limits.min_pixels, max_pixels=frame_max_pixels(limits, count)
    )
    assert list(size) == case["resized_hw"]
    assert count // 2 * size[0] * size[1] // 784 == case["num_video_tokens"]


@pytest.mark.parametrize(
    "case", [c for c in recorded("preprocess_golden.json") if c["kind"] == "video"], ids=lambda c: c["name"]
)
def test_sizes_printed_by_the_official_cookbooks(case: dict[str, Any]) -> None:
    vision = VisionSettings(min_pixels=case["min_pixels"], total_pixels=case["total_pixels"])
    limits = resolve(vision, SPEC, "video")
    width, height = case["assumed_original_wh"]
    most = frame_max_pixels(limits, case["nframes"])
    size = smart_resize(height, width, min_pixels=limits.min_pixels, max_pixels=most)
    assert list(size) == case["recorded_resized_hw"]
    assert case["nframes"] // 2 * size[0] * size[1] // 784 == case["recorded_tokens"]


def test_the_share_of_a_frame_never_falls_below_1_05_times_the_minimum() -> None:
    limits = resolve(VisionSettings(total_pixels=1_000_000), SPEC, "video")
    assert frame_max_pixels(limits, 10) == 200_000
    assert frame_max_pixels(limits, 100) == int(1.05 * 100_352)
    assert frame_max_pixels(limits._replace(max_pixels=101_000), 100) == 101_000


def test_a_maximum_above_the_checkpoints_is_capped_and_said() -> None:
    limits = resolve(VisionSettings(max_pixels=10**9), SPEC, "video")
    assert (limits.max_pixels, limits.clamps) == (602_112, ("max_pixels_capped",))
    with pytest.raises(SettingsError, match="--min-pixels 700000 .* the checkpoint's own limit"):
        resolve(VisionSettings(min_pixels=700_000, max_pixels=10**9), SPEC, "video")


@pytest.mark.parametrize(
    ("vision", "size", "clamps"),
    [
        (VisionSettings(total_pixels=40_000), (140, 140), ("total_pixels",)),
        (VisionSettings(max_pixels=10_000), (84, 84), ("max_pixels",)),
    ],
)
def test_the_receipt_names_the_budget_that_bit(vision: VisionSettings, size: Any, clamps: Any) -> None:
    clip = formula_video("tri", 4, 200, 200)
    frame = prepare_frames(clip, Timing((0.0, 0.5, 1.0, 1.5), 2.0, 2.0), vision, SMALL).frame
    assert frame.input_size == size
    assert frame.clamps == clamps


def test_a_budget_that_cannot_be_met_is_an_error_of_the_flag_only() -> None:
    """The user's own budget is an order; the checkpoint's gives way to its minimum, as in qwen-vl-utils."""
    clip, timing = formula_video("tri", 4, 200, 200), Timing((0.0, 0.5, 1.0, 1.5), 2.0, 2.0)
    with pytest.raises(SettingsError, match="--total-pixels 40000 cannot be met: 4 frames of 168 x 168"):
        prepare_frames(clip, timing, VisionSettings(min_pixels=30_000, total_pixels=40_000), SMALL)
    tight = dataclasses.replace(SMALL, video_min_pixels=30_000, total_pixels=40_000)
    frame = prepare_frames(clip, timing, VisionSettings(), tight).frame
    assert (frame.input_size, frame.clamps) == ((168, 168), ("total_pixels", "total_pixels_unmet"))
