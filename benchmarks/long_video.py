"""How long reading a few frames of a long video takes, beside decoding all of it and beside a seek to each.

A made film in H.264 (640 x 360, 30 frames a second), once with a key frame every 250 frames (x264's default)
and once every 60; frames are chosen evenly, 768 from an hour or as many less as the film is shorter. Seconds
are processor seconds, which other programs on the machine change little. The pixels must be equal all three
ways, and ours may take no longer than either other way.

python benchmarks/long_video.py [MINUTES]
"""

from __future__ import annotations

import hashlib
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vleval.model.io import Media
from vleval.model.sampling import frame_indices
from vleval.model.video_reader import Timeline, packet_timeline, read_frames

RATE, WIDTH, HEIGHT = 30, 640, 360
SLACK = 1.1
"""Times as long as the fastest other way that ours may take: the clock is not exact."""

Pixels = NDArray[np.uint8]
Reader = Callable[[Media, Timeline, Sequence[int]], Iterator[Pixels]]


def write_minute(path: Path, interval: int) -> None:
    """A window that wanders over blocks of noise, so that every frame is made from others."""
    noise = np.random.default_rng(0).integers(0, 256, (160, 200, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "26"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = interval
        for index in range(60 * RATE):
            x, y = int(400 + 390 * np.sin(index / 90)), int(300 + 290 * np.cos(index / 130))
            window = np.ascontiguousarray(noise[y : y + HEIGHT, x : x + WIDTH])
            output.mux(stream.encode(av.VideoFrame.from_ndarray(window, format="rgb24")))
        output.mux(stream.encode())


def repeat(minute: Path, film: Path, times: int) -> None:
    """The same packets again and again, at later times."""
    late, target = 0, None
    with av.open(str(film), "w") as output:
        for _ in range(times):
            with av.open(str(minute), mode="r") as source:
                stream = source.streams.video[0]
                target = target or output.add_stream_from_template(stream)
                for packet in source.demux(stream):
                    if packet.dts is not None and packet.pts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + late, packet.dts + late, target
                        output.mux(packet)
                late += stream.duration or 0


def all_decoded(media: Media, timeline: Timeline, chosen: Sequence[int]) -> Iterator[Pixels]:
    wanted = {timeline.keys[place] for place in chosen}
    with av.open(str(media.path), mode="r") as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            if frame.pts in wanted:
                yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def each_sought(media: Media, timeline: Timeline, chosen: Sequence[int]) -> Iterator[Pixels]:
    with av.open(str(media.path), mode="r") as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for stamp in (timeline.keys[place] for place in chosen):
            container.seek(stamp, stream=stream)
            found = next(frame for frame in container.decode(stream) if frame.pts == stamp)
            yield np.asarray(found.to_ndarray(format="rgb24"), np.uint8)


def measure(reader: Reader, media: Media, timeline: Timeline, chosen: Sequence[int]) -> tuple[float, str]:
    """Processor seconds, and sha256 of the pixels."""
    digest, start = hashlib.sha256(), time.process_time()
    for pixels in reader(media, timeline, chosen):
        digest.update(pixels.tobytes())
    return time.process_time() - start, digest.hexdigest()


def main(minutes: int = 10) -> int:
    slow = 0
    print(f"{minutes} minutes of {WIDTH} x {HEIGHT} at {RATE} frames a second; processor seconds")
    print("key frames  frames read    ours  all decoded  each sought  ours / best other")
    with tempfile.TemporaryDirectory() as folder:
        for interval in (250, 60):
            minute, film = Path(folder) / "minute.mp4", Path(folder) / "film.mp4"
            write_minute(minute, interval)
            repeat(minute, film, minutes)
            media = Media("video", path=film)
            timeline = packet_timeline(media)
            assert timeline is not None
            for count in (16, round(768 * minutes / 60)):
                chosen = frame_indices(len(timeline.times), max(count, 2), "linspace")
                readers = (read_frames, all_decoded, each_sought)
                spent, digests = zip(*(measure(r, media, timeline, chosen) for r in readers), strict=True)
                assert len(set(digests)) == 1, "the pixels differ"
                ours, best = spent[0], min(spent[1:])
                slow += ours > SLACK * best
                print(
                    f"{interval:>10}  {count:>11}  {ours:>6.2f}  {spent[1]:>11.2f}  {spent[2]:>11.2f}  "
                    f"{ours / best:>17.2f}"
                )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
