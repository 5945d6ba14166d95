"""Reading videos through PyAV: first the times at which frames are shown, then the pixels of the chosen ones.

Times come from the packets, without decoding, wherever the file states them; decoding then runs once, over
what the chosen frames need (`video_skips`), and turns only these into RGB. Where that does not lead to all of
them, as in damaged files, everything is decoded from the start to the last.
"""

from __future__ import annotations

import io
import math
import re
from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vleval.model.errors import MediaError
from vleval.model.io import Media
from vleval.model.video_skips import needed_frames

CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,gif,h264,hevc,m4v,mpegvideo,ivf"
"""Formats that hold their own data: play lists, which name further files or addresses, are not opened."""

FAULTS = (FFmpegError, OSError)
"""What broken files raise: a seek before the beginning of an empty one comes back as Python's own error."""

RATE_TOLERANCE = 0.01
LEAST_READABLE_SHARE = 0.9
ROUNDING = 1e-6
"""Seconds by which the time of a frame may miss the very start of a part."""
_MATROSKA_DURATION = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
_HIDDEN_FRAME_CODECS = ("vp8",)
"""Packets of these may hold frames that are never shown, so their times are not the times of frames."""


class Timeline(NamedTuple):
    """Every frame of a video, or of the part of it that is meant, in order of presentation."""

    times: tuple[float, ...]
    """Seconds since the first frame, or since the start of the part, rising."""
    keys: tuple[int, ...]
    """Names of the readable frames: presentation time stamps, or running numbers where the file has none."""
    stamped: bool
    """Whether keys are time stamps."""
    rate: float
    """Frames per second: the declared rate where the times bear it out, the mean of the times otherwise."""
    clamps: tuple[str, ...]
    points: tuple[int, ...] = ()
    """Time stamps of all key frames of the file, rising; () where they are not known."""

    @property
    def duration(self) -> float:
        """Seconds of all frames."""
        return len(self.times) / self.rate


class MissingFrameError(MediaError):
    """The stream ended without error, but a frame its packets promised never came."""


def packet_timeline(media: Media) -> Timeline | None:
    """The timeline as the packets state it; None where only decoding can tell. Raises MediaError."""
    with _opened(media) as (container, stream):
        if stream.codec_context.name in _HIDDEN_FRAME_CODECS:
            return None
        stamps: list[int] = []
        points: list[int] = []
        packets = 0
        try:
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                packets += 1
                if packet.is_keyframe and packet.pts is not None:
                    points.append(packet.pts)
                if packet.is_discard:
                    continue
                if packet.pts is None:
                    return None
                stamps.append(packet.pts)
        except FAULTS:
            # Broken off here: the frames before may be all that are needed, and reading them will tell.
            if not stream.frames:
                return None
        if not stamps or len(set(stamps)) != len(stamps):
            return None
        missing = max(stream.frames - packets, 0)
        # Where the header counts frames, that count tells whether some are missing; a length tells less.
        declared = None if stream.frames else _declared_seconds(container, stream)
        timeline = _timeline(media, sorted(stamps), missing, stream, declared)
        rising = all(earlier < later for earlier, later in pairwise(points))
        return _part(media, timeline._replace(points=tuple(points) if rising else ()))


def decoded_timeline(media: Media) -> Timeline:
    """The timeline by decoding everything. Raises MediaError."""
    stamps: list[int | None] = []
    damage: FFmpegError | OSError | None = None
    with _opened(media) as (container, stream):
        try:
            stamps.extend(frame.pts for frame in container.decode(stream))
        except FAULTS as fault:
            damage = fault
        if not stamps:
            raise MediaError(f"{_name(media)}: no frame could be decoded.") from damage
        missing = max(stream.frames - len(stamps), 0) if damage else 0
        if None in stamps:
            return _part(media, _numbered_timeline(media, len(stamps), missing, stream))
        known = sorted({stamp for stamp in stamps if stamp is not None})
        return _part(media, _timeline(media, known, missing, stream, _declared_seconds(container, stream)))


def read_frames(
    media: Media, timeline: Timeline, chosen: Sequence[int]
) -> Generator[NDArray[np.uint8], None, None]:
    """The frames at positions `chosen` (rising, repeats allowed), upright: uint8 [H, W, 3] each.

    Raises MediaError, saying how many frames can be read, where the stream breaks off before the last one.
    """
    readable = len(timeline.keys)
    if chosen[-1] >= readable:
        raise MediaError(
            f"{_name(media)} is cut off: only {readable} of {len(timeline.times)} frames can be read."
        )
    wanted = [timeline.keys[position] for position in chosen]
    done = 0
    if timeline.points and timeline.points[0] <= wanted[0]:
        done = yield from _skipping(media, timeline.points, wanted)
    if done < len(wanted):
        yield from _decoding_all(media, timeline, wanted[done:])


def _skipping(
    media: Media, points: Sequence[int], wanted: Sequence[int]
) -> Generator[NDArray[np.uint8], None, int]:
    """Pixels of the wanted frames, up to the first that does not come; returns how many came."""
    done = 0
    with _opened(media) as (container, stream), suppress(*FAULTS):
        for frame in needed_frames(container, stream, wanted, points):
            if frame.pts is None or frame.pts < wanted[done]:
                continue
            if frame.pts > wanted[done]:
                break
            pixels = _upright(frame)
            while done < len(wanted) and wanted[done] == frame.pts:
                yield pixels
                done += 1
            if done == len(wanted):
                break
    return done


def _decoding_all(
    media: Media, timeline: Timeline, wanted: Sequence[int]
) -> Generator[NDArray[np.uint8], None, None]:
    """Pixels of the wanted frames. Raises MediaError as `read_frames`."""
    needed = set(wanted)
    held: dict[int, NDArray[np.uint8]] = {}
    done = decoded = 0
    with _opened(media) as (container, stream):
        try:
            for frame in container.decode(stream):
                key = frame.pts if timeline.stamped else decoded
                decoded += 1
                if key in needed:
                    needed.remove(key)
                    held[key] = _upright(frame)
                while done < len(wanted) and wanted[done] in held:
                    yield held[wanted[done]]
                    done += 1
                    if wanted[done - 1] not in wanted[done : done + 1]:
                        del held[wanted[done - 1]]
                if done == len(wanted):
                    return
        except FAULTS as fault:
            raise MediaError(
                f"{_name(media)} is damaged: only {decoded} of {len(timeline.times)} frames can be read."
            ) from fault
    raise MissingFrameError(
        f"{_name(media)} is damaged: {decoded} of {len(timeline.times)} frames can be read, "
        "but not all of those to be shown."
    )


def _upright(frame: av.VideoFrame) -> NDArray[np.uint8]:
    # The container states the counter-clockwise turn that makes the picture upright.
    pixels = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))


@contextmanager
def _opened(media: Media) -> Iterator[tuple[InputContainer, VideoStream]]:
    try:
        source = io.BytesIO(media.read()) if media.path is None else media.path.open("rb")
    except OSError as fault:
        raise MediaError(f"{_name(media)} cannot be read ({fault.strerror or fault}).") from fault
    with source:
        try:
            container = av.open(source, mode="r", options={"format_whitelist": CONTAINERS})
        except FAULTS as fault:
            raise MediaError(
                f"{_name(media)} is no video that can be read here, or its header is broken."
            ) from fault
        with container:
            streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
            if not streams:
                raise MediaError(f"{_name(media)} holds no video stream.")
            streams[0].thread_type = "AUTO"
            yield container, streams[0]


def _name(media: Media) -> str:
    return f"Video {media.path}" if media.path is not None else "The video"


def _declared_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """Length of the stream as its header states it; the file's own where nothing else is in it."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if tag := _MATROSKA_DURATION.fullmatch(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = tag.groups()
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


def _part(media: Media, whole: Timeline) -> Timeline:
    """The part of a timeline that `media` means, its times counted from the start of the part."""
    if media.start is None and media.end is None:
        return whole
    start, end = media.start or 0.0, math.inf if media.end is None else media.end
    first, last = (bisect_left(whole.times, edge - ROUNDING) for edge in (start, end))
    if first >= last:
        raise MediaError(
            f"{_name(media)} lasts {whole.duration:.1f} seconds: nothing of it lies between {start:g} and "
            f"{end:g} seconds."
        )
    times = tuple(max(time - start, 0.0) for time in whole.times[first:last])
    return whole._replace(times=times, keys=whole.keys[first:last])


def _timeline(
    media: Media, stamps: list[int], missing: int, stream: VideoStream, declared_seconds: float | None
) -> Timeline:
    """From rising time stamps; an unreadable tail of `missing` frames is laid out at the mean interval."""
    unit = stream.time_base or Fraction(1)
    first = stamps[0]
    times = [float((stamp - first) * unit) for stamp in stamps]
    declared_rate = stream.average_rate or Fraction(0)
    if len(stamps) > 1:
        measured = (len(stamps) - 1) / ((stamps[-1] - first) * unit)
        agrees = abs(declared_rate / measured - 1) < RATE_TOLERANCE
        rate = declared_rate if agrees else measured
    else:
        rate = declared_rate or Fraction(1)
    times += [times[-1] + float(step / rate) for step in range(1, missing + 1)]
    # Matroska counts its length from time zero, MP4 from the first frame: either may be reached.
    seconds = max(float(len(times) / rate), float(stamps[-1] * unit + 1 / rate))
    if declared_seconds is not None and not missing and seconds < LEAST_READABLE_SHARE * declared_seconds:
        raise MediaError(
            f"{_name(media)} is cut off: only {len(stamps)} frames can be read, "
            f"{seconds:.1f} of {declared_seconds:.1f} seconds."
        )
    return Timeline(tuple(times), tuple(stamps), stamped=True, rate=float(rate), clamps=())


def _numbered_timeline(media: Media, readable: int, missing: int, stream: VideoStream) -> Timeline:
    """For raw streams without time stamps: frames follow each other at the declared rate."""
    rate = stream.average_rate or stream.guessed_rate
    if not rate:
        raise MediaError(f"{_name(media)} states neither times nor a frame rate; put it into an MP4 file.")
    times = tuple(float(step / rate) for step in range(readable + missing))
    return Timeline(
        times, tuple(range(readable)), stamped=False, rate=float(rate), clamps=("timestamps_assumed",)
    )
