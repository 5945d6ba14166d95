"""Decoding as little of a video as its chosen frames need.

A frame needs the frames from the key frame before it on, in the order of the file, up to itself. So packets
are sent to the decoder from that key frame to the frame, and those after it are passed over up to the key
frame of the next chosen one. In H.264 frames that no other refers to are passed over too, unless chosen. The
pixels are those of decoding everything: what a frame is made from is decoded as ever.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby

from av import Packet, VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

_MARKS_REFERENCES = ("h264",)
"""Codecs whose decoders leave out exactly what nothing refers to; in HEVC such frames may still be needed."""


def needed_frames(
    container: InputContainer, stream: VideoStream, wanted: Sequence[int], points: Sequence[int]
) -> Iterator[VideoFrame]:
    """Frames in order of presentation, those at time stamps `wanted` (rising) among them.

    `points` are the rising time stamps of all key frames, the first of them at or before `wanted[0]`. Where
    the file's own marks do not hold, frames are missing: it is for the caller to notice. Raises FFmpegError.
    """
    runs = [
        (points[place], set(stamps))
        for place, stamps in groupby(wanted, lambda stamp: bisect_right(points, stamp) - 1)
    ]
    context, needed = stream.codec_context, set(wanted)
    skips = context.name in _MARKS_REFERENCES
    following = iter(runs)
    start, due = next(following)
    reached, sending, sent = points[0], False, set[int]()
    for packet in _packets(container, stream):
        if packet.is_keyframe and packet.pts is not None:
            reached = packet.pts
            sending = sending or reached == start
        if not sending:
            continue
        if skips:
            context.skip_frame = "DEFAULT" if packet.pts in needed else "NONREF"
        yield from context.decode(packet)
        if packet.pts is not None:
            sent.add(packet.pts)
        while due <= sent:
            if (run := next(following, None)) is None:
                yield from context.decode(None)
                return
            start, due = run
            if start > reached:
                yield from context.decode(None)  # what the decoder holds back
                context.flush_buffers()
                sending = False
                sent.clear()
    yield from context.decode(None)


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    return (packet for packet in container.demux(stream) if packet.size)
