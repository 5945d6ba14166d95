"""A part of a video file: its frames alone, times from its start, and another identity than the file's."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from vleval.model.errors import MediaError
from vleval.model.io import Media, VisionSettings
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.model.video import prepare_video
from vleval.model.video_reader import decoded_timeline, packet_timeline, read_frames

RATE, FRAMES, GOP = 10, 60, 15


def encode(container: str = "mp4", codec: str = "libx264", options: dict[str, str] | None = None) -> bytes:
    """Six seconds in which frame k is grey of level 4 * k, with a key frame every second and a half."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE, options={"g": str(GOP), **(options or {})})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for index in range(FRAMES):
            level = np.full((64, 64, 3), 4 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(level, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return buffer.getvalue()


def shown(media: Media) -> tuple[list[int], list[float]]:
    """Which frames a medium has, read back from their grey, and their times."""
    timeline = packet_timeline(media) or decoded_timeline(media)
    frames = read_frames(media, timeline, range(len(timeline.times)))
    return [round(float(frame.mean()) / 4) for frame in frames], [round(time, 6) for time in timeline.times]


# MPEG-TS is searched by guessing: near its start the search lands behind the frame.
FORMS = [
    ("mp4", "libx264", {"bf": "0"}),
    ("mp4", "libx264", {"bf": "3"}),
    ("matroska", "libx264", {"bf": "2"}),
    ("mpegts", "libx264", {"bf": "2"}),
    ("avi", "ffv1", {}),
]


@pytest.mark.parametrize(("container", "codec", "options"), FORMS, ids=lambda value: str(value))
@pytest.mark.parametrize(("start", "end"), [(1.5, 3.0), (2.0, 4.4), (0.1, 0.5), (5.5, None), (None, 1.0)])
def test_a_part_has_its_own_frames_and_its_own_clock(
    container: str, codec: str, options: dict[str, str], start: float | None, end: float | None
) -> None:
    media = Media("video", data=encode(container, codec, options), start=start, end=end)
    first, last = round((start or 0) * RATE), FRAMES if end is None else round(end * RATE)
    frames, times = shown(media)
    assert frames == list(range(first, last))
    assert times == pytest.approx([k / RATE for k in range(last - first)], abs=2e-3)


def test_a_part_that_starts_between_frames_keeps_the_offset() -> None:
    frames, times = shown(Media("video", data=encode(), start=2.04, end=2.36))
    assert frames == [21, 22, 23]
    assert times == pytest.approx([0.06, 0.16, 0.26])


def test_the_model_sees_the_part_alone() -> None:
    whole = Media("video", data=encode())
    spec, settings = PreprocessSpec(), VisionSettings(fps=2.0, min_frames=2)
    part = prepare_video(replace(whole, start=2.0, end=4.0), settings, spec)
    assert part.frame.duration == pytest.approx(2.0)
    assert part.frame.timestamps[0] == 0.0 and part.frame.timestamps[-1] == pytest.approx(1.9)
    assert len(part.frame.timestamps) == 4
    assert part.frame.second_per_grid == pytest.approx(1.0)
    assert prepare_video(whole, settings, spec).frame.duration == pytest.approx(6.0)


def test_nothing_between_start_and_end_is_a_fault_of_the_medium() -> None:
    media = Media("video", data=encode(), start=7.0, end=9.0)
    with pytest.raises(MediaError, match=r"lasts 6\.0 seconds: nothing of it lies between 7 and 9 seconds"):
        shown(media)


def test_parts_are_media_of_their_own() -> None:
    whole = Media("video", data=b"bytes")
    parts = [replace(whole, start=0.0, end=1.0), replace(whole, start=1.0, end=2.0), replace(whole, end=1.0)]
    assert len({whole, *parts}) == 4
    assert len({medium.digest() for medium in (whole, *parts)}) == 4
    assert whole.digest() == Media("video", data=b"bytes").digest()
