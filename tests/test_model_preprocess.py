"""Images: sizes, limits and pixels against transformers' PIL processor and the recorded torchvision one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import fixtures_path
from visual_kit import formula_image, recorded, sha256, unpatchify
from vleval.model.errors import CheckpointError, MediaError, SettingsError
from vleval.model.io import Media, VisionSettings
from vleval.model.limits import resolve, smart_resize
from vleval.model.preprocess import prepare_array, prepare_image, two_frames
from vleval.model.preprocess_spec import PreprocessSpec

SPEC = PreprocessSpec()
PIL_FILTER = VisionSettings(resize_filter="pil")


# Sizes


@given(
    height=st.integers(1, 4000),
    width=st.integers(1, 4000),
    low=st.integers(1, 1_000_000),
    span=st.integers(0, 12_000_000),
)
@settings(max_examples=200)
def test_smart_resize_equals_transformers(height: int, width: int, low: int, span: int) -> None:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize as reference

    limits = {"min_pixels": low, "max_pixels": low + span}
    if max(height, width) / min(height, width) > 200:
        with pytest.raises(MediaError, match="200 times"):
            smart_resize(height, width, **limits)
        return
    assert smart_resize(height, width, **limits) == reference(height, width, **limits)


@pytest.mark.parametrize(
    ("size", "expected", "why"),
    [
        ((42, 70), (56, 56), "halves round to even: 1.5 up, 2.5 down"),
        ((1, 1), (56, 56), "grown to the minimum"),
        ((1, 199), (28, 812), "thin, but allowed"),
        ((1, 200), (28, 812), "exactly 200 is allowed"),
    ],
)
def test_smart_resize_corner_cases(size: tuple[int, int], expected: tuple[int, int], why: str) -> None:
    assert smart_resize(*size, min_pixels=3136, max_pixels=12_845_056) == expected, why


def test_ratio_beyond_200_is_a_media_error() -> None:
    with pytest.raises(MediaError, match="201 x 1 pixels"):
        smart_resize(1, 201, min_pixels=3136, max_pixels=12_845_056)


@pytest.mark.parametrize(
    "case", [c for c in recorded("preprocess_golden.json") if c["kind"] == "image"], ids=lambda c: c["name"]
)
def test_sizes_printed_by_the_official_cookbooks(case: dict[str, Any]) -> None:
    limits = VisionSettings(min_pixels=case["min_pixels"], max_pixels=case["max_pixels"])
    media = Media("image", path=fixtures_path(case["image_file"]))
    frame = prepare_image(media, limits, SPEC).frame
    assert list(frame.original_size) == case["original_wh"]
    assert list(frame.input_size[::-1]) == case["recorded_resized_hw"]
    if "recorded_image_tokens" in case:
        assert frame.visual_tokens == case["recorded_image_tokens"]


# Pixels


@pytest.mark.parametrize("resize_filter", ["torch", "pil"])
@pytest.mark.parametrize(
    "case", recorded("processor_golden/image_processor.json", "cases"), ids=lambda c: c["id"]
)
def test_pixels_equal_the_recorded_processors(case: dict[str, Any], resize_filter: Any) -> None:
    if "file" in case:
        image = np.array(Image.open(fixtures_path(case["file"])).convert("RGB"))
    else:
        image = formula_image(case["formula"], *case["input_hw"])
    if sha256(image) != case["input_sha256"]:
        pytest.skip("this machine decodes the input to other pixels than the recording one")
    vision = VisionSettings(case["min_pixels"], case["max_pixels"], resize_filter=resize_filter)
    got = prepare_array(image, vision, SPEC)
    truth = case["backends"]["torchvision" if resize_filter == "torch" else "pil"]

    assert list(got.grid_thw) == case["image_grid_thw"]
    assert list(got.frame.input_size[::-1]) == case["resized_hw"]
    assert got.frame.visual_tokens == case["num_image_tokens"]
    assert sha256(unpatchify(got.pixels, got.grid_thw)[0]) == truth["resized_uint8_hwc_sha256"]
    wide = two_frames(got.pixels)
    assert list(wide.shape) == truth["shape"]
    values = wide.flatten()[truth["sample_flat_index"]]
    torch.testing.assert_close(values, torch.tensor(truth["sample_value"]), atol=1e-6, rtol=0)
    assert sha256(wide.numpy()) == truth["float32_sha256"]


@pytest.mark.parametrize("size", [(97, 211), (224, 224), (600, 401), (30, 40)])
def test_pil_filter_equals_transformers_pil_processor_exactly(size: tuple[int, int]) -> None:
    from transformers import Qwen2VLImageProcessorPil

    noise = np.random.default_rng(3).integers(0, 256, (*size, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    reference = Qwen2VLImageProcessorPil(min_pixels=SPEC.image_min_pixels, max_pixels=SPEC.image_max_pixels)
    truth = reference(image, return_tensors="pt")
    got = prepare_image(image, PIL_FILTER, SPEC)
    assert list(got.grid_thw) == truth["image_grid_thw"][0].tolist()
    assert (two_frames(got.pixels) - truth["pixel_values"]).abs().max() == 0.0


def test_both_filters_normalise_every_level_to_the_same_value() -> None:
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3).repeat(14, 0).repeat(14, 1)
    plain = prepare_array(levels, VisionSettings(), SPEC).pixels
    torch.testing.assert_close(plain, prepare_array(levels, PIL_FILTER, SPEC).pixels, atol=5e-7, rtol=0)


def test_a_change_of_spec_reaches_the_pixels() -> None:
    image = formula_image("tri", 56, 56)
    flat = PreprocessSpec(image_mean=(0.5, 0.5, 0.5), image_std=(0.5, 0.5, 0.5))
    pixels = prepare_array(image, VisionSettings(), flat).pixels
    assert pixels.min() == (int(image.min()) - 127.5) / 127.5
    assert pixels.max() == (int(image.max()) - 127.5) / 127.5


# Limits


def test_settings_win_over_the_checkpoint() -> None:
    limits = resolve(VisionSettings(min_pixels=10_000, max_pixels=20_000), SPEC, "image")
    assert (limits.min_pixels, limits.max_pixels, limits.clamps) == (10_000, 20_000, ())
    own = resolve(VisionSettings(), SPEC, "image")
    assert (own.min_pixels, own.max_pixels) == (3136, 12_845_056)
    video = resolve(VisionSettings(), SPEC, "video")
    assert video[:6] == (100_352, 602_112, 19_267_584, 2.0, 4, 768)


def test_a_small_maximum_alone_lowers_the_checkpoints_minimum_and_says_so() -> None:
    got = prepare_array(formula_image("tri", 200, 300), VisionSettings(max_pixels=784), SPEC)
    assert got.frame.input_size == (28, 28)
    assert got.frame.clamps == ("min_pixels_lowered", "max_pixels")


@pytest.mark.parametrize(
    ("vision", "flag"),
    [
        (VisionSettings(min_pixels=5000, max_pixels=4000), "--min-pixels 5000 is above --max-pixels 4000"),
        (VisionSettings(min_pixels=20_000_000), "--min-pixels 20000000 .* the checkpoint's own limit"),
        (VisionSettings(max_pixels=783), "--max-pixels must be at least 784"),
        (VisionSettings(min_pixels=0), "--min-pixels must be at least 1"),
        (VisionSettings(fps=0.0), "--fps must be a positive number"),
        (VisionSettings(fps=float("nan")), "--fps must be a positive number"),
        (VisionSettings(max_frames=1), "--max-frames must be at least 2"),
        (VisionSettings(min_frames=9, max_frames=8), "--min-frames 9 is above --max-frames 8"),
        (VisionSettings(total_pixels=10), "--total-pixels must be at least 784"),
    ],
)
def test_contradicting_settings_name_their_flag(vision: VisionSettings, flag: str) -> None:
    with pytest.raises(SettingsError, match=flag):
        resolve(vision, SPEC, "image")


@pytest.mark.parametrize(
    ("size", "vision", "clamps"),
    [
        ((300, 300), VisionSettings(), ()),
        ((20, 20), VisionSettings(), ("min_pixels",)),
        ((600, 600), VisionSettings(max_pixels=50_176), ("max_pixels",)),
        ((20, 3000), VisionSettings(max_pixels=12_544), ("max_pixels", "max_pixels_unmet")),
    ],
)
def test_the_receipt_names_the_limits_that_bit(
    size: tuple[int, int], vision: VisionSettings, clamps: tuple[str, ...]
) -> None:
    frame = prepare_array(formula_image("tri", *size), vision, SPEC).frame
    assert frame.clamps == clamps
    assert frame.original_size == (size[1], size[0])
    assert frame.resize_filter == "torch"
    assert frame.input_size == (frame.grid_thw[2] * 14, frame.grid_thw[1] * 14)


# The checkpoint's files


def test_spec_round_trip_through_its_own_files(tmp_path: Path) -> None:
    spec = PreprocessSpec(
        image_min_pixels=1000, image_max_pixels=50_176, video_max_pixels=40_000, fps=1.5, max_frames=32
    )
    spec.save(tmp_path)
    assert PreprocessSpec.from_folder(tmp_path) == spec


def test_transformers_loads_what_we_save(tmp_path: Path) -> None:
    from transformers import Qwen2VLImageProcessorPil

    PreprocessSpec(image_min_pixels=3136, image_max_pixels=50_176).save(tmp_path)
    processor = Qwen2VLImageProcessorPil.from_pretrained(tmp_path)
    assert (processor.size.shortest_edge, processor.size.longest_edge) == (3136, 50_176)
    assert (processor.patch_size, processor.merge_size, processor.temporal_patch_size) == (14, 2, 2)


def test_we_load_what_transformers_saves(tmp_path: Path) -> None:
    from transformers import Qwen2VLImageProcessorPil

    Qwen2VLImageProcessorPil(min_pixels=784, max_pixels=7840).save_pretrained(tmp_path)
    spec = PreprocessSpec.from_folder(tmp_path)
    assert (spec.image_min_pixels, spec.image_max_pixels) == (784, 7840)
    assert (spec.video_min_pixels, spec.video_max_pixels) == (100_352, 602_112), (
        "silent files leave the defaults"
    )


def test_the_joint_file_of_transformers_5_wins_over_the_older_one(tmp_path: Path) -> None:
    joint = {
        "processor_class": "Qwen2_5_VLProcessor",
        "image_processor": {"size": {"shortest_edge": 1568, "longest_edge": 15_680}},
        "video_processor": {"size": {"shortest_edge": 784, "longest_edge": 2352}, "max_frames": 16, "fps": 4},
    }
    (tmp_path / "processor_config.json").write_text(json.dumps(joint))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"min_pixels": 1, "max_pixels": 2}))
    spec = PreprocessSpec.from_folder(tmp_path)
    assert (spec.image_min_pixels, spec.image_max_pixels) == (1568, 15_680)
    assert (spec.video_min_pixels, spec.video_max_pixels, spec.max_frames, spec.fps) == (784, 2352, 16, 4.0)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[1]",
        '{"patch_size": "14"}',
        '{"image_mean": [1, 2]}',
        '{"min_pixels": -1}',
        '{"image_std": [0, 1, 1]}',
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "preprocessor_config.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json"):
        PreprocessSpec.from_folder(tmp_path)
