"""Answers drawn: places on their image, spans under the frames that the model really saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vleval.asking.questions import Answer, Asked
from vleval.console import Console
from vleval.model.io import Media

if TYPE_CHECKING:
    from PIL import Image

    from vleval.grounding.draw import Mark
    from vleval.model.video_reader import Timeline

UNLABELLED = "(no label)"
SMALL = 1_000_000
"""Pixels up to which a PNG is worth optimising."""
THUMB_SIDE = 440
"""Longest side, in pixels, in which the frames of a strip are kept: a long video has hundreds."""


def save_pictures(asked: Asked, targets: Mapping[Path, Path], console: Console) -> None:
    """Write the picture of every answered file to its target; one where nothing was found has no marks.

    Raises MediaError where a file has changed meanwhile, OSError where a picture cannot be written.
    """
    todo = [answer for answer in asked.answers if answer.parsed is not None and answer.path in targets]
    paint = _overlay if asked.question.media == "image" else _strip
    bar = console if len(todo) > 1 else Console(quiet=True)
    with bar.progress("drawing", max(len(todo), 1)) as progress:
        for answer in todo:
            paint(answer, asked, targets[answer.path])
            progress.advance(answer.path.name)
    if todo:
        where = targets[todo[0].path]
        console.note(f"drawn in {where if len(todo) == 1 else where.parent}")


def marks(answer: Answer, asked: Asked) -> list[Mark]:
    """The places of an answer, each with its label: what the model wrote, or else what was asked for."""
    from vleval.grounding.draw import Mark

    question = asked.question
    assert question.place != "span"
    unnamed = UNLABELLED if question.labelled else question.words
    return [
        Mark(question.place, place, label or unnamed)
        for place, label in zip(answer.places, answer.labels, strict=True)
    ]


def _overlay(answer: Answer, asked: Asked, target: Path) -> None:
    from vleval.grounding.draw import draw, draw_svg
    from vleval.model.images import load_image

    image, shapes = load_image(Media("image", path=answer.path)), marks(answer, asked)
    if target.suffix.lower() == ".svg":
        target.write_text(draw_svg(image, shapes), encoding="utf-8")
    else:
        _save_png(draw(image, shapes), target)


def _strip(answer: Answer, asked: Asked, target: Path) -> None:
    from vleval.grounding.film import TimeBar, film_strip, film_strip_svg

    (frame,) = answer.response.frames
    assert frame.duration is not None
    frames = sampled_frames(Media("video", path=answer.path), frame.timestamps)
    bars = [TimeBar(start, end, asked.question.words) for start, end in answer.places]
    if target.suffix.lower() == ".svg":
        target.write_text(film_strip_svg(frames, frame.timestamps, frame.duration, bars), encoding="utf-8")
    else:
        _save_png(film_strip(frames, frame.timestamps, frame.duration, bars), target)


def sampled_frames(video: Media, times: tuple[float, ...]) -> list[Image.Image]:
    """The frames shown at these times, read as the model's own reader reads them, and made small.

    Raises MediaError.
    """
    from vleval.model.errors import MediaError
    from vleval.model.video_reader import MissingFrameError, decoded_timeline, packet_timeline

    # The model's reader believes the packets first, and the decoder where they promised too much.
    for read_timeline in (packet_timeline, decoded_timeline):
        timeline = read_timeline(video)
        if timeline is not None and set(times) <= set(timeline.times):
            with suppress(MissingFrameError):
                return list(_thumbs(video, timeline, times))
    raise MediaError(f"{video.path} has changed since the model saw it.")


def _thumbs(video: Media, timeline: Timeline, times: tuple[float, ...]) -> Iterator[Image.Image]:
    from PIL import Image

    from vleval.model.video_reader import read_frames

    places = {time: place for place, time in enumerate(timeline.times)}
    for pixels in read_frames(video, timeline, [places[time] for time in times]):
        image = Image.fromarray(pixels)
        image.thumbnail((THUMB_SIDE, THUMB_SIDE))
        yield image


def _save_png(picture: Image.Image, target: Path) -> None:
    # Searching for the smallest file takes seconds on a photograph, and gains next to nothing there.
    picture.save(target, format="PNG", optimize=picture.width * picture.height <= SMALL)
