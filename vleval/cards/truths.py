"""Questions as pictures, with the truth drawn: what `vleval tasks show --sample N --save DIR` writes.

Places are drawn where they are. A truth in words stands beside the picture, or below the frames, with the
question above it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vleval.grounding.drawing import lettering
from vleval.model.io import Media
from vleval.results.words import in_words, said
from vleval.tasks.base import Sample

if TYPE_CHECKING:
    from PIL import Image

    from vleval.grounding.draw import Kind, Mark

FRAMES = 8
"""Frames of a film strip, spread evenly over the video."""
MOST_LINES = 60
"""Of a question and its truth beside a picture."""
_INK, _ACCENT, _PAPER = "#1b1b1d", "#0072b2", "#ffffff"


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
    """The places of a truth in a picture, with their labels; none where it is of another kind."""
    from vleval.grounding.draw import Mark

    found = said(target)
    shapes: dict[str, Kind] = {"boxes": "box", "points": "point"}
    if found.kind not in shapes:
        return []
    labels = found.labels or (None,) * len(found.places)
    return [
        Mark(shapes[found.kind], place, label=label, role="true")
        for place, label in zip(found.places, labels, strict=True)
    ]


def _picture(sample: Sample) -> Image.Image:
    from vleval.grounding.draw import draw
    from vleval.model.images import load_image

    medium = sample.media[0]
    video = medium.kind == "video"
    picture = _strip(medium, sample) if video else draw(load_image(medium), marks(sample.target))
    return picture if said(sample.target).kind else _with_words(picture, sample, below=video)


def _with_words(picture: Image.Image, sample: Sample, *, below: bool) -> Image.Image:
    """The picture with the question and its truth in words, to the right of it or below."""
    from PIL import Image, ImageDraw

    size = min(40, max(14, max(picture.size) // 45))
    room = picture.width - 2 * size if below else 26 * size
    words = in_words(sample.target, most=MOST_LINES, longest=2000) or "published without a truth"
    lines = [
        *((line, _INK) for line in _wrapped(sample.question, size, room)),
        ("", _INK),
        *((line, _ACCENT) for line in _wrapped(words, size, room)),
    ]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [("…", _ACCENT)]
    tall = round(1.4 * size * len(lines)) + 2 * size
    extent = (picture.width, picture.height + tall) if below else (picture.width + room + 2 * size, tall)
    sheet = Image.new("RGB", (extent[0], max(picture.height, extent[1])), _PAPER)
    sheet.paste(picture, (0, 0))
    x, y = (size, picture.height + 2 * size) if below else (picture.width + size, 2 * size)
    pen = ImageDraw.Draw(sheet)
    for number, (line, colour) in enumerate(lines):
        lettering.write(pen, (x, y + round(1.4 * size * number)), line, size, colour)
    return sheet


def _wrapped(text: str, size: int, room: float) -> list[str]:
    """Lines of a text that fit into `room` pixels; a word that does not is shortened."""
    lines: list[str] = []
    for paragraph in text.splitlines()[:MOST_LINES]:
        line = ""
        for word in filter(None, map(lettering.clean, paragraph.split())):
            longer = f"{line} {word}".strip()
            if line and lettering.width(longer, size) > room:
                lines.append(line)
                longer = word
            line = lettering.shorten(longer, size, room)
        lines.append(line)
    return lines


def _strip(video: Media, sample: Sample) -> Image.Image:
    from vleval.asking.pictures import sampled_frames
    from vleval.grounding.film import TimeBar, film_strip
    from vleval.model.errors import MediaError
    from vleval.model.video_reader import decoded_timeline, packet_timeline

    timeline = packet_timeline(video) or decoded_timeline(video)
    if timeline is None:
        raise MediaError(f"{video.path} has no frames.")
    count = min(FRAMES, len(timeline.times))
    times = tuple(timeline.times[index * len(timeline.times) // count] for index in range(count))
    found = said(sample.target)
    spans = found.places if found.kind == "spans" else ()
    bars = [TimeBar(start, end, sample.question, role="true") for start, end in spans]
    return film_strip(sampled_frames(video, times), times, timeline.duration, bars)
