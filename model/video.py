"""From a video to the rows the vision tower reads: choose frames, resize all alike, pair them, patchify.

Frames are converted one by one and written straight into the result, so a long video never lies in memory at
its own resolution.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, islice

import numpy as np
import torch
from numpy.typing import NDArray

from vleval.grounding.frame import Frame
from vleval.model.errors import SettingsError
from vleval.model.io import Media, VisionSettings
from vleval.model.limits import Limits, frame_max_pixels, resolve, size_clamps, smart_resize
from vleval.model.preprocess import VisualInput, normalise, patchify, resize
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.model.sampling import Timing, choose_frames, frame_count
from vleval.model.video_reader import (
    MissingFrameError,
    Timeline,
    decoded_timeline,
    packet_timeline,
    read_frames,
)


def prepare_video(media: Media, settings: VisionSettings, spec: PreprocessSpec) -> VisualInput:
    """Sample, decode, resize, patchify and normalise one video: pixels [N, 1176].

    Raises MediaError (unreadable, cut off before a chosen frame) and SettingsError (limits that contradict).
    """
    limits = resolve(settings, spec, "video")
    timeline = packet_timeline(media)
    if timeline is None:
        return _prepare_chosen(media, decoded_timeline(media), limits, settings, spec)
    try:
        return _prepare_chosen(media, timeline, limits, settings, spec)
    except MissingFrameError:
        # Packets that are never shown, as at the head of a cut recording: believe the decoder.
        return _prepare_chosen(media, decoded_timeline(media), limits, settings, spec)


def _prepare_chosen(
    media: Media, timeline: Timeline, limits: Limits, settings: VisionSettings, spec: PreprocessSpec
) -> VisualInput:
    total = len(timeline.times)
    count, clamps = frame_count(total, timeline.rate, limits, settings.sampling)
    chosen = choose_frames(timeline.times, count, settings.sampling)
    timing = Timing(
        timestamps=tuple(timeline.times[position] for position in chosen),
        sampled_fps=count / total * timeline.rate,
        duration=timeline.duration,
        clamps=clamps + timeline.clamps,
    )
    with closing(read_frames(media, timeline, chosen)) as frames:
        return prepare_frames(frames, timing, settings, spec)


def prepare_frames(
    frames: Iterable[NDArray[np.uint8]], timing: Timing, settings: VisionSettings, spec: PreprocessSpec
) -> VisualInput:
    """As `prepare_video`, from upright sampled RGB frames: uint8 [H, W, 3], one per timestamp of `timing`.

    An odd number of frames is filled up by repeating the last one. Raises SettingsError when the budget that
    the user gave cannot be met; a checkpoint's own budget gives way to its minimum, and the receipt says so.
    """
    limits = resolve(settings, spec, "video")
    count = len(timing.timestamps)
    source = iter(frames)
    first = next(source)
    height, width = first.shape[:2]
    most = frame_max_pixels(limits, count)
    size = smart_resize(height, width, factor=spec.factor, min_pixels=limits.min_pixels, max_pixels=most)
    resized = (
        resize(torch.from_numpy(frame), size, settings.resize_filter) for frame in chain((first,), source)
    )
    grids = -(-count // spec.temporal_patch_size)
    unmet = grids * size[0] * size[1] > limits.total_pixels
    if unmet and settings.total_pixels is not None:
        raise SettingsError(
            f"--total-pixels {limits.total_pixels} cannot be met: {count} frames of {size[1]} x {size[0]} "
            f"make {grids * size[0] * size[1]}; raise it, or lower --fps, --max-frames or --min-pixels."
        )
    grid_thw = (grids, size[0] // spec.patch_size, size[1] // spec.patch_size)
    frame = Frame(
        original_size=(width, height),
        input_size=(size[1], size[0]),
        grid_thw=grid_thw,
        resize_filter=settings.resize_filter,
        clamps=limits.clamps
        + timing.clamps
        + size_clamps(height, width, size, factor=spec.factor, limits=limits, most=most)
        + (("total_pixels_unmet",) if unmet else ())
        + (("timing_differs",) if timing.sources_differ else ()),
        timestamps=timing.timestamps,
        second_per_grid=timing.second_per_grid(settings.video_timing),
        time_source=settings.video_timing,
        duration=timing.duration,
    )
    return VisualInput("video", _pixels(resized, grid_thw, settings, spec), grid_thw, frame)


def _pixels(
    resized: Iterator[torch.Tensor],
    grid_thw: tuple[int, int, int],
    settings: VisionSettings,
    spec: PreprocessSpec,
) -> torch.Tensor:
    grids, rows, columns = grid_thw
    patches = rows * columns
    pair = spec.temporal_patch_size
    pixels = torch.empty(grids * patches, 3 * pair * spec.patch_size**2)
    for grid in range(grids):
        group = list(islice(resized, pair))
        group += [group[-1]] * (pair - len(group))
        part = patchify(torch.stack(group), spec)
        pixels[grid * patches : (grid + 1) * patches] = normalise(part, settings.resize_filter, spec)
    return pixels
