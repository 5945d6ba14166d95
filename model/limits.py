"""How large the vision tower's input may be: the user's flags over the checkpoint's, and the size rule.

Sizes are whole merged tokens (28 x 28 pixels), so every later number of visual tokens follows from this file.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from vleval.model.errors import MediaError, SettingsError
from vleval.model.io import VisionSettings
from vleval.model.preprocess_spec import PreprocessSpec

MAX_ASPECT_RATIO = 200


class Limits(NamedTuple):
    """Limits in force for one medium, the user's flags over the checkpoint's."""

    min_pixels: int
    """Of the image, or of one video frame."""
    max_pixels: int
    total_pixels: int
    """Of a whole video, counting frame pairs."""
    fps: float
    min_frames: int
    max_frames: int
    clamps: tuple[str, ...]
    """`min_pixels_lowered` where the checkpoint's minimum gave way to a smaller `--max-pixels`;
    `max_pixels_capped` where `--max-pixels` lies above what the checkpoint allows a video frame."""


def resolve(settings: VisionSettings, spec: PreprocessSpec, kind: Literal["image", "video"]) -> Limits:
    """Lay the user's flags over the checkpoint's limits. Raises SettingsError when they contradict."""
    image = kind == "image"
    own_min = spec.image_min_pixels if image else spec.video_min_pixels
    own_max = spec.image_max_pixels if image else spec.video_max_pixels
    min_pixels = _chosen(settings.min_pixels, own_min, "--min-pixels", 1)
    max_pixels = _chosen(settings.max_pixels, own_max, "--max-pixels", spec.factor**2)
    clamps: tuple[str, ...] = ()
    if not image and max_pixels > own_max:
        max_pixels = own_max
        clamps = ("max_pixels_capped",)
    if settings.min_pixels is None and min_pixels > max_pixels:
        min_pixels = max_pixels
        clamps = ("min_pixels_lowered",)
    if min_pixels > max_pixels:
        origin = "" if max_pixels == settings.max_pixels else ", the checkpoint's own limit"
        raise SettingsError(
            f"--min-pixels {min_pixels} is above --max-pixels {max_pixels}{origin}; "
            "lower the first or raise the second."
        )
    fps = spec.fps if settings.fps is None else settings.fps
    if not 0 < fps < math.inf:
        raise SettingsError(f"--fps must be a positive number, not {fps}.")
    max_frames = _chosen(settings.max_frames, spec.max_frames, "--max-frames", spec.temporal_patch_size)
    min_frames = _chosen(settings.min_frames, spec.min_frames, "--min-frames", spec.temporal_patch_size)
    if settings.min_frames is None:
        min_frames = min(min_frames, max_frames)
    if min_frames > max_frames:
        raise SettingsError(
            f"--min-frames {min_frames} is above --max-frames {max_frames}; "
            "lower the first or raise the second."
        )
    total_pixels = _chosen(settings.total_pixels, spec.total_pixels, "--total-pixels", spec.factor**2)
    return Limits(min_pixels, max_pixels, total_pixels, fps, min_frames, max_frames, clamps)


def _chosen(flag_value: int | None, own: int, flag: str, least: int) -> int:
    if flag_value is None:
        return own
    if flag_value < least:
        raise SettingsError(f"{flag} must be at least {least}, not {flag_value}.")
    return flag_value


def smart_resize(
    height: int, width: int, *, factor: int = 28, min_pixels: int, max_pixels: float
) -> tuple[int, int]:
    """The (height, width) that transformers resizes to: multiples of `factor`, area in limits, ratio kept.

    Halves round to even (Python's `round`). A side never falls below `factor`, so an extreme ratio can end
    above `max_pixels`. Raises MediaError when one side is more than 200 times the other.
    """
    if max(height, width) > MAX_ASPECT_RATIO * min(height, width):
        raise MediaError(
            f"The medium is {width} x {height} pixels; "
            f"one side may be at most {MAX_ASPECT_RATIO} times the other, so crop it."
        )
    rounded_h = round(height / factor) * factor
    rounded_w = round(width / factor) * factor
    if rounded_h * rounded_w > max_pixels:
        shrink = math.sqrt((height * width) / max_pixels)
        rounded_h = max(factor, math.floor(height / shrink / factor) * factor)
        rounded_w = max(factor, math.floor(width / shrink / factor) * factor)
    elif rounded_h * rounded_w < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        rounded_h = math.ceil(height * grow / factor) * factor
        rounded_w = math.ceil(width * grow / factor) * factor
    return rounded_h, rounded_w


def frame_max_pixels(limits: Limits, count: int) -> float:
    """Largest area of one of `count` frames: an even share of the video's budget, at least 1.05 x minimum.

    This is qwen-vl-utils' rule: the minimum wins over the budget, which is then exceeded.
    """
    share = limits.total_pixels / count * 2
    return min(limits.max_pixels, max(share, int(1.05 * limits.min_pixels)))


def size_clamps(
    height: int, width: int, resized: tuple[int, int], *, factor: int, limits: Limits, most: float
) -> tuple[str, ...]:
    """Which limits decided the size, for the receipt; `most` is the cap that smart_resize was given.

    `total_pixels` where a video's budget set it; `max_pixels_unmet` joins where an extreme ratio forbade it.
    """
    free_area = round(height / factor) * factor * round(width / factor) * factor
    if free_area < limits.min_pixels:
        return ("min_pixels",)
    if free_area <= most:
        return ()
    cap = "max_pixels" if most == limits.max_pixels else "total_pixels"
    return (cap, f"{cap}_unmet") if resized[0] * resized[1] > most else (cap,)
