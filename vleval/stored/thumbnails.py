"""Small pictures of the media that runs were asked about, for a page: read again from where the data lie.

Records hold no media. Bundled data and local files are opened again, and shown only when they are still the
very data of the run; a data set of the hub is not loaded for pictures.
"""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vleval.asking.pictures import sampled_frames
from vleval.console import Console
from vleval.grounding.frame import Frame
from vleval.model.errors import MediaError
from vleval.model.io import Media
from vleval.results.reporting.data import Block
from vleval.results.reporting.page import Thumbnail, Thumbnails
from vleval.results.subset import chosen
from vleval.tasks.base import DataError
from vleval.tasks.data.sources import open_data

if TYPE_CHECKING:
    from PIL import Image

LONGEST = 560
"""Longest side of an image on a page, in pixels; of a tall one, three times that, for the page scrolls it."""
TALL = 2.5
"""Height over width from which an image is tall, as infographics are."""
STRIP_HEIGHT = 110
SLOTS_WIDE, SLOTS_TALL = 6, 8
"""Frames in a strip: of videos wider than 5:4, and of others."""
MOST_BYTES = 24_000_000
"""Of all pictures on a page."""


class _Wanted(NamedTuple):
    """A medium of a block."""

    key: str
    media: Media
    frame: Frame | None
    """What the model saw of it, in the run that saw most; None where no run could read it."""


def read_thumbnails(blocks: Sequence[Block], most: int, console: Console) -> Thumbnails:
    """At most `most` pictures, as many of each block as can be, of the media with the lowest scores first."""
    found: dict[tuple[str, str], Thumbnail] = {}
    notes: list[str] = []
    wanted: list[list[_Wanted]] = []
    for block in blocks if most else ():
        try:
            wanted.append(_wanted(block))
        except DataError as error:
            wanted.append([])
            said = str(error).rstrip(".")
            notes.append(f"{block.task.title}: no pictures, because the data cannot be read again ({said}).")
    queue = [
        (block, each)
        for turn in zip_longest(*wanted)
        for block, each in zip(blocks, turn, strict=True)
        if each
    ]
    room = MOST_BYTES
    broken: Counter[str] = Counter()
    with console.progress("pictures", max(1, min(most, len(queue)))) as progress:
        for block, each in queue:
            if len(found) == most:
                break
            if (each.key, block.task.media) in found:
                continue
            try:
                src = _data_uri(_picture(each, block))
            except MediaError:
                broken[block.task.title] += 1
                continue
            if len(src) > room:
                break
            room -= len(src)
            found[each.key, block.task.media] = Thumbnail(src)
            progress.advance(block.task.title)
    notes += [f"{title}: {count} media could not be read again." for title, count in broken.items()]
    return Thumbnails(found, notes)


def _wanted(block: Block) -> list[_Wanted]:
    """The media of a block's questions, lowest score in the first run first. Raises DataError."""
    views = [view for row in block.rows for view in row.run.views.values()]
    frames: dict[str, Frame] = {}
    for view in views:
        known = frames.get(view.medium)
        if view.frame and (known is None or len(view.frame.timestamps) > len(known.timestamps)):
            frames[view.medium] = view.frame
    media = _media(block)
    ranked = sorted(block.rows[0].run.views.values(), key=lambda view: sum(filter(None, view.answer[1])))
    keys = dict.fromkeys(view.medium for view in (*ranked, *views))
    return [_Wanted(key, media[key], frames.get(key)) for key in keys if key in media]


def _media(block: Block) -> dict[str, Media]:
    """The media of the block's data, by cluster. Raises DataError when they are not the run's any more."""
    record = block.record
    if record.data.origin == "hub":
        raise DataError("pictures of hub data sets are not loaded")
    config = record.config
    folder = config.get("media")
    data = open_data(
        block.task,
        "bundled" if record.data.bundled else record.data.name,
        split=config.get("split"),
        media_dir=Path(folder) if folder else None,
        **chosen(config),
    )
    if data.fingerprint != record.data.fingerprint:
        raise DataError(f"{data.name} has changed since the run")
    found: dict[str, set[Media]] = {}
    for sample in data.samples:
        found.setdefault(sample.cluster, set()).update(sample.media[:1])
    # Questions about several parts of one video are one cluster: there is no one picture of them.
    return {cluster: media.pop() for cluster, media in found.items() if len(media) == 1}


def _picture(wanted: _Wanted, block: Block) -> Image.Image:
    """Raises MediaError."""
    if block.task.media == "image":
        from vleval.model.images import load_image

        image = load_image(wanted.media)
        tall = image.height > TALL * image.width
        image.thumbnail((LONGEST, 3 * LONGEST if tall else LONGEST))
        return image
    if wanted.frame is None or not wanted.frame.duration:
        raise MediaError("The model saw no frame of the video.")
    return _strip(wanted.media, wanted.frame.timestamps, wanted.frame.duration)


def _strip(video: Media, times: Sequence[float], duration: float) -> Image.Image:
    """Frames side by side, each nearest to the middle of its slot, of those that the model saw."""
    from PIL import Image

    (first,) = sampled_frames(video, (times[0],))
    slots = SLOTS_WIDE if first.width > 1.25 * first.height else SLOTS_TALL
    middles = [duration * (slot + 0.5) / slots for slot in range(slots)]
    chosen = [min(times, key=lambda time: abs(time - middle)) for middle in middles]
    distinct = tuple(sorted(set(chosen)))
    frames = dict(zip(distinct, sampled_frames(video, distinct), strict=True))
    width = max(1, round(first.width * STRIP_HEIGHT / first.height))
    strip = Image.new("RGB", (slots * width, STRIP_HEIGHT))
    for slot, time in enumerate(chosen):
        strip.paste(frames[time].resize((width, STRIP_HEIGHT), Image.Resampling.LANCZOS), (slot * width, 0))
    return strip


def _data_uri(picture: Image.Image) -> str:
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode()}"
