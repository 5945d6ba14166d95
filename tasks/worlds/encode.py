"""Generated pictures and clips as file bytes, PNG and MP4: the same input gives the same bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

from PIL import Image

from vleval.tasks.worlds.shapes import Pixels
from vleval.tasks.worlds.video.clips import Clip, render

if TYPE_CHECKING:
    import av

_CODECS = ("libx264", "mpeg4")


def png(image: Pixels) -> bytes:
    """uint8 [H, W, 3] as PNG: lossless, and smaller than JPEG for flat shapes on a plain ground."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def mp4(clip: Clip) -> bytes:
    """The whole clip at its own constant frame rate, yuv420p: H.264 where PyAV has it, else MPEG-4.

    A key frame every second keeps seeking cheap. One thread and a constant quantiser keep the bytes equal in
    every run: rate control (crf) was seen to give others in about one encoding out of ten.
    """
    import av

    buffer = io.BytesIO()
    with av.open(buffer, mode="w", format="mp4") as container:
        codec = next(name for name in _CODECS if name in av.codecs_available)
        stream = cast("av.VideoStream", container.add_stream(codec, rate=clip.fps))
        stream.height, stream.width = clip.ground.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        stream.gop_size = clip.fps
        stream.options = {"qp": "22"} if codec == "libx264" else {"qscale": "3"}
        for k in range(round(clip.duration * clip.fps)):
            frame = av.VideoFrame.from_ndarray(render(clip, k / clip.fps), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()
