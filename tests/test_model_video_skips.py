"""Decoding only what chosen frames need: the pixels of decoding everything, for less."""

from __future__ import annotations

import io
import random
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from helpers import fixtures_path
from vleval.model import video_reader
from vleval.model.errors import MediaError
from vleval.model.io import Media
from vleval.model.video_reader import packet_timeline, read_frames
from vleval.model.video_skips import needed_frames

FRAMES = 90
FORMS = [
    ("mp4", "libx264", {"g": "15", "bf": "0"}),
    ("mp4", "libx264", {"g": "20", "bf": "3", "x264-params": "b-pyramid=normal"}),
    ("mp4", "libx264", {"g": "20", "bf": "3", "x264-params": "b-pyramid=none:ref=4"}),
    ("mp4", "libx264", {"g": "500", "bf": "2"}),
    ("matroska", "libx264", {"g": "12", "bf": "3", "x264-params": "open-gop=1"}),
    ("mpegts", "libx264", {"g": "12", "bf": "3", "x264-params": "open-gop=1"}),
    ("mpegts", "libx264", {"bf": "2", "x264-params": "intra-refresh=1:keyint=15"}),
    ("mp4", "libx264", {"g": "20", "bf": "2", "x264-params": "interlaced=1"}),
    ("mp4", "libx265", {"x265-params": "keyint=20:bframes=3:log-level=none"}),
    ("mp4", "mpeg4", {"g": "12", "bf": "2"}),
    ("mpegts", "mpeg2video", {"g": "12", "bf": "2"}),
    ("webm", "libvpx-vp9", {"g": "20", "deadline": "realtime", "cpu-used": "8"}),
    ("mp4", "libsvtav1", {"preset": "12", "g": "20"}),
]


def encode(container: str, codec: str, options: dict[str, str]) -> Media:
    """Moving blocks, so that every frame is made from others."""
    base = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=25, options={"threads": "1", **options})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for index in range(FRAMES):
            part = np.ascontiguousarray(base[index : index + 96, 2 * index % 150 :][:, :128])
            output.mux(stream.encode(av.VideoFrame.from_ndarray(part, format="rgb24")))
        output.mux(stream.encode())
    return Media("video", data=buffer.getvalue())


def whole(media: Media) -> list[NDArray[np.uint8]]:
    """Every frame, by a plain loop of the decoder."""
    with av.open(io.BytesIO(media.read()), mode="r") as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


@pytest.mark.parametrize(("container", "codec", "options"), FORMS, ids=lambda value: str(value))
def test_any_choice_of_frames_has_the_pixels_of_decoding_everything(
    container: str, codec: str, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    media = encode(container, codec, options)
    timeline, truth = packet_timeline(media), whole(media)
    assert timeline is not None
    assert len(timeline.keys) == len(truth) == FRAMES and timeline.points
    plain: list[int] = []
    all_of_it = video_reader._decoding_all

    def counted(*args: Any) -> Any:
        plain.append(1)
        return all_of_it(*args)

    monkeypatch.setattr(video_reader, "_decoding_all", counted)
    draw = random.Random(codec + container)
    for count in (1, 2, 3, 7, 20, 60, FRAMES):
        chosen = sorted(draw.choices(range(FRAMES), k=count))
        got = list(read_frames(media, timeline, chosen))
        assert len(got) == count
        assert all((frame == truth[place]).all() for frame, place in zip(got, chosen, strict=True))
    assert not plain or "intra-refresh" in str(options), "the second way was needed"


def packets_sent(media: Media, chosen: list[int], monkeypatch: pytest.MonkeyPatch) -> int:
    """Frames that came out of the decoder for the chosen ones."""
    seen: list[int | None] = []

    def counted(*args: Any) -> Any:
        for frame in needed_frames(*args):
            seen.append(frame.pts)
            yield frame

    monkeypatch.setattr(video_reader, "needed_frames", counted)
    timeline = packet_timeline(media)
    assert timeline is not None
    assert len(list(read_frames(media, timeline, chosen))) == len(chosen)
    return len(seen)


def test_what_no_chosen_frame_needs_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = encode("mp4", "libx264", {"g": "15", "bf": "0"})
    assert packets_sent(plain, [0, 45, 80], monkeypatch) == 1 + 1 + 6
    assert packets_sent(plain, list(range(FRAMES)), monkeypatch) == FRAMES
    between = encode("mp4", "libx264", {"g": "500", "bf": "3"})
    assert packets_sent(between, [0, 89], monkeypatch) < 0.7 * FRAMES


def test_marks_that_do_not_hold_lead_to_decoding_everything() -> None:
    media = encode("mp4", "libx264", {"g": "30", "bf": "2"})
    timeline, truth = packet_timeline(media), whole(media)
    assert timeline is not None
    for points in ((timeline.keys[0], timeline.keys[40]), (timeline.keys[3],), timeline.keys):
        got = list(read_frames(media, timeline._replace(points=points), [2, 50, 50, 77]))
        assert all((frame == truth[place]).all() for frame, place in zip(got, [2, 50, 50, 77], strict=True))


def test_damage_before_a_chosen_frame_is_still_named() -> None:
    media = Media("video", path=fixtures_path("videos/decord_corrupted.mp4"))
    timeline = packet_timeline(media)
    assert timeline is not None
    with pytest.raises(MediaError, match="only 28 of 50 frames"):
        list(read_frames(media, timeline, [0, 10, 49]))
