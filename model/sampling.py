"""Which frames of a video are shown to the model, and how much time one of its temporal grids covers.

Two published rules choose frames: qwen-vl-utils' rounded linspace (first and last included) and transformers'
left edges. Both think in frame numbers; here these are turned into presentation times, and the nearest real
frames are taken: at a constant rate the rule's own frames, at a variable one those it meant.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch

from vleval.model.errors import MediaError
from vleval.model.limits import Limits

SamplingRule = Literal["linspace", "left"]
FRAME_FACTOR = 2
"""Sampled frames come in pairs: one temporal grid."""

TIMING_TOLERANCE = 0.02


class FrameCount(NamedTuple):
    """How many frames to sample, and the limits that bit (`source_frames`: the video has no more)."""

    sampled: int
    clamps: tuple[str, ...]


def frame_count(total: int, rate: float, limits: Limits, rule: SamplingRule) -> FrameCount:
    """Frames to sample from `total` frames at `rate` per second, an even number. MediaError below two."""
    least = limits.min_frames
    if rule == "linspace":
        least = -(-least // FRAME_FACTOR) * FRAME_FACTOR
    most = min(limits.max_frames, total) // FRAME_FACTOR * FRAME_FACTOR
    if most < FRAME_FACTOR:
        raise MediaError(
            f"The video has {total} frame; at least {FRAME_FACTOR} are needed, so pass it as an image."
        )
    wished = total / rate * limits.fps
    count = max(int(min(max(wished, least), most, total)) // FRAME_FACTOR * FRAME_FACTOR, FRAME_FACTOR)
    clamps = []
    if wished < least:
        clamps.append("min_frames")
    if int(max(wished, least)) // FRAME_FACTOR * FRAME_FACTOR > most:
        clamps.append("max_frames" if limits.max_frames < total else "source_frames")
    return FrameCount(count, tuple(clamps))


def frame_indices(total: int, count: int, rule: SamplingRule) -> list[int]:
    """The rule's `count` frame numbers in 0 .. `total` - 1. Raises MediaError when there are too few."""
    if not FRAME_FACTOR <= count <= total:
        raise MediaError(f"{count} frames cannot be sampled from a video of {total}.")
    if rule == "left":
        return [step * total // count for step in range(count)]
    # In float32, as the reference computes it: in long videos other precisions round to other frames.
    return [int(index) for index in torch.linspace(0, total - 1, count).round()]


def choose_frames(times: Sequence[float], count: int, rule: SamplingRule) -> list[int]:
    """Positions of the frames to show, out of those at `times` (seconds, rising). Raises MediaError.

    The rule's own indices where the frames lie within half an interval of an even rate, else the frames
    nearest to evenly spaced times (a frame may then be shown twice).
    """
    total = len(times)
    indices = frame_indices(total, count, rule)
    interval = (times[-1] - times[0]) / (total - 1)
    if all(abs(time - times[0] - index * interval) < interval / 2 for index, time in enumerate(times)):
        return indices
    step = interval * ((total - 1) / (count - 1) if rule == "linspace" else total / count)
    return [_nearest(times, times[0] + number * step) for number in range(count)]


def _nearest(times: Sequence[float], target: float) -> int:
    later = min(bisect_left(times, target), len(times) - 1)
    earlier = max(later - 1, 0)
    return earlier if target - times[earlier] <= times[later] - target else later


class Timing(NamedTuple):
    """When the sampled frames are shown."""

    timestamps: tuple[float, ...]
    """Seconds since the first frame of the video, one per sampled frame."""
    sampled_fps: float
    """Nominal rate after sampling: sampled / all frames x the video's own rate."""
    duration: float
    """Seconds of the whole video."""
    clamps: tuple[str, ...] = ()

    @classmethod
    def at_rate(cls, count: int, fps: float) -> Timing:
        """All `count` frames of a clip that plays at `fps`."""
        return cls(tuple(step / fps for step in range(count)), fps, count / fps)

    def second_per_grid(self, source: Literal["qwen", "pts"]) -> float:
        """Seconds per pair of frames: by the nominal sampled rate (the rule of training) or by timestamps."""
        if source == "qwen" or len(self.timestamps) < FRAME_FACTOR:
            return FRAME_FACTOR / self.sampled_fps
        return FRAME_FACTOR * (self.timestamps[-1] - self.timestamps[0]) / (len(self.timestamps) - 1)

    @property
    def sources_differ(self) -> bool:
        """Whether the two ways to time a grid lie more than 2 % apart."""
        nominal = self.second_per_grid("qwen")
        return abs(self.second_per_grid("pts") - nominal) > TIMING_TOLERANCE * nominal
