"""Questions as pictures, with the truth drawn: what `vleval tasks show --sample N --save DIR` writes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vleval.model.io import Media
from vleval.tasks.base import Sample

if TYPE_CHECKING:
    from PIL import Image

    from vleval.grounding.draw import Mark

FRAMES = 8
"""Frames of a film strip, spread evenly over the video."""


def save_truths(samples: Sequence[Sample], folder: Path) -> list[Path]:
    """Write one PNG per sample, made of its first medium; returns the paths.

    Raises MediaError for a medium that cannot be read, OSError for a folder that cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, sample in enumerate(samples, 1):
        # An id is never a path: what could lead out of the folder, or hide the file, is replaced.
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", sample.id).strip("-")[:60]
        path = folder / f"{number}-{name or 'question'}.png"
        _picture(sample).save(path, format="PNG")
        paths.append(path)
    return paths


def marks(target: Mapping[str, Any]) -> list[Mark]:
    """The places of a truth; none where it is of another kind."""
    from vleval.grounding.draw import Mark

    for part in [value for value in target.values() if isinstance(value, Mapping)]:
        target = {**target, **part}
    boxes = [target["bbox_xyxy"]] if "bbox_xyxy" in target else target.get("boxes", ())
    return [
        *(Mark("box", box, role="true") for box in boxes),
        *(Mark("point", point, role="true") for point in target.get("points", ())),
    ]


def _picture(sample: Sample) -> Image.Image:
    from vleval.grounding.draw import draw
    from vleval.model.images import load_image

    medium = sample.media[0]
    return (
        _strip(medium, sample) if medium.kind == "video" else draw(load_image(medium), marks(sample.target))
    )


def _strip(video: Media, sample: Sample) -> Image.Image:
    from vleval.grounding.film import TimeBar, film_strip
    from vleval.model.errors import MediaError
    from vleval.model.video_reader import decoded_timeline, packet_timeline
    from vleval.pictures import sampled_frames

    timeline = packet_timeline(video) or decoded_timeline(video)
    if timeline is None:
        raise MediaError(f"{video.path} has no frames.")
    count = min(FRAMES, len(timeline.times))
    times = tuple(timeline.times[index * len(timeline.times) // count] for index in range(count))
    spans = [sample.target["span"]] if "span" in sample.target else sample.target.get("spans", ())
    bars = [TimeBar(start, end, sample.question, role="true") for start, end in spans]
    return film_strip(sampled_frames(video, times), times, timeline.duration, bars)
