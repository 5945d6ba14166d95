"""Joins worlds to training: scenes and clips become conversations in the benchmarks' own words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from vleval.grounding.frame import to_input
from vleval.model.io import VisionSettings
from vleval.model.limits import resolve
from vleval.model.preprocess import VisualInput, prepare_array
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.model.sampling import Timing, frame_count, frame_indices
from vleval.model.training.conversations import Content, Conversation, Piece, Turn
from vleval.model.training.tiny import TOKENS, tiny_tokenizer
from vleval.model.video import prepare_frames
from vleval.tasks.prompts import LOCATE, MOMENT
from vleval.tasks.worlds.grounding.scenes import VOCABULARY, SceneObject, make_scene
from vleval.tasks.worlds.shapes import COLORS, SHAPES
from vleval.tasks.worlds.video.clips import Clip, ClipObject, make_clip, render

CLASSES = (len(COLORS), len(SHAPES))
"""How many colours and shapes there are: the attributes of `Content.classes`."""

BOX_FRAGMENTS = ('```json\n[\n\t{"bbox_2d": [', ", ", '], "label": "', '"}\n]\n```')
SPAN_FRAGMENTS = ("The event happens in ", " - ", " seconds.", ".0", ".5")
PROMPT_FRAGMENTS = (LOCATE.after, MOMENT.before, MOMENT.after)
"""What never changes in prompts and answers."""

_COLOR_INDEX = {name: i for i, name in enumerate(COLORS)}
_SHAPE_INDEX = {name: i for i, name in enumerate(SHAPES)}
_COVERED = 0.15
"""Share of a visual token that an object's box must cover to own it."""


def scene_lesson(
    seed: int, index: int, tokens: int, spec: PreprocessSpec, *, easy: bool = False
) -> Conversation:
    """A training scene with every question about it, resized to at most `tokens` visual tokens."""
    fewest, most = (1, 3) if easy else (3, 5)
    scene = make_scene("train", seed, index, min_objects=fewest, max_objects=most)
    visual = prepare_array(scene.image, VisionSettings(max_pixels=tokens * spec.factor**2), spec)
    # As the model is to answer them: whole input pixels.
    boxes = np.rint(to_input(np.array([o.bbox_xyxy for o in scene.objects]), visual.frame)).astype(np.int64)
    owner = _owner(boxes, visual)
    turns = []
    for expression in scene.expressions:
        thing, number = scene.objects[expression.target], expression.target
        question = LOCATE.fill(expression.text)
        turns.append(Turn(question, _box_answer(thing, boxes[number], _cells(owner == number))))
    return Conversation(visual, tuple(turns), Content(owner, _classes(scene.objects), boxes))


def _box_answer(
    thing: SceneObject, box: NDArray[np.int64], look: NDArray[np.int64] | None
) -> tuple[Piece, ...]:
    opening, comma, label, closing = BOX_FRAGMENTS
    pieces = [Piece(opening)]
    for place, value in enumerate(box):
        pieces += [Piece(comma)] if place else []
        pieces.append(Piece(str(value), look))
    return (*pieces, Piece(label), Piece(thing.color, look), Piece(f" {thing.shape}", look), Piece(closing))


def _classes(objects: Sequence[SceneObject] | Sequence[ClipObject]) -> NDArray[np.int64]:
    return np.array([(_COLOR_INDEX[o.color], _SHAPE_INDEX[o.shape]) for o in objects])


def _cells(chosen: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """The visual tokens chosen; None when there are none, for a small object may own no token."""
    return np.flatnonzero(chosen) if chosen.any() else None


def _owner(boxes: NDArray[Any], visual: VisualInput) -> NDArray[np.int64]:
    """[tokens of one frame] object whose box [4] covers most of each visual token; -1 for the ground."""
    rows, cols = visual.grid_thw[1] // 2, visual.grid_thw[2] // 2
    top, left = (28.0 * axis.reshape(-1, 1) for axis in np.divmod(np.arange(rows * cols), cols))
    wide = np.minimum(left + 28, boxes[:, 2]) - np.maximum(left, boxes[:, 0])
    high = np.minimum(top + 28, boxes[:, 3]) - np.maximum(top, boxes[:, 1])
    cover = wide.clip(0) * high.clip(0) / 28**2
    return np.where(cover.max(1) >= _COVERED, cover.argmax(1), -1)


def lesson_tokenizer() -> Tokenizer:
    """The bundled checkpoint's tokenizer: one token for what the lessons are made of, bytes for the rest."""
    return tiny_tokenizer(
        [*VOCABULARY, LOCATE.before.strip()], [*BOX_FRAGMENTS, *SPAN_FRAGMENTS, *PROMPT_FRAGMENTS]
    )


def clip_lesson(seed: int, index: int, spec: PreprocessSpec) -> Conversation:
    """A training clip with every question about it, sampled at a rate between 1 and 4 frames per second."""
    clip = make_clip("train", seed, index)
    rng = np.random.default_rng((seed, index))
    settings = VisionSettings(fps=float(rng.choice((1.0, 1.5, 2.0, 3.0, 4.0))))
    total = round(clip.duration * clip.fps)
    count, clamps = frame_count(total, clip.fps, resolve(settings, spec, "video"), settings.sampling)
    times = tuple(i / clip.fps for i in frame_indices(total, count, settings.sampling))
    timing = Timing(times, count / total * clip.fps, clip.duration, clamps)
    visual = prepare_frames((render(clip, time) for time in times), timing, settings, spec)
    owner = _clip_owner(clip, visual)
    grid_of = np.arange(len(owner)) // (len(owner) // visual.grid_thw[0])
    turns = []
    for number, event in enumerate(clip.events):
        seen = grid_of[owner == number]
        edges = (seen.min(), seen.max()) if len(seen) else (-1, -1)
        looks = [_cells((owner == number) & (grid_of == edge)) for edge in edges]
        question = MOMENT.fill(event.text)
        turns.append(Turn(question, _span_answer((event.start, event.end), looks)))
    return Conversation(visual, tuple(turns), Content(owner, _classes(clip.objects), None))


def _span_answer(span: tuple[float, float], looks: Sequence[NDArray[np.int64] | None]) -> tuple[Piece, ...]:
    opening, dash, closing, *_ = SPAN_FRAGMENTS
    start, end = (
        (Piece(whole, look), Piece(f".{decimal}", look))
        for (whole, decimal), look in zip((f"{v:.1f}".split(".") for v in span), looks, strict=True)
    )
    return (Piece(opening), *start, Piece(dash), *end, Piece(closing))


def _clip_owner(clip: Clip, visual: VisualInput) -> NDArray[np.int64]:
    """[n] object that covers each visual token while its pair of frames is shown; -1 for the ground."""
    stamps = visual.frame.timestamps
    owners = []
    for first in range(0, len(stamps), 2):
        shown = [time + 1e-6 for time in stamps[first : first + 2]]
        boxes = np.zeros((len(clip.objects), 4))
        for number, thing in enumerate(clip.objects):
            seen = [time for time in shown if thing.start <= time < thing.end]
            if seen:
                share = (seen[0] - thing.start) / (thing.end - thing.start)
                boxes[number] = np.array(thing.box) + share * np.array(thing.drift * 2)
        owners.append(_owner(to_input(boxes, visual.frame), visual))
    return np.concatenate(owners)


def lesson_batch(seed: int, index: int, size: int, spec: PreprocessSpec, *, easy: bool) -> list[Conversation]:
    """One batch. Every fifth is of clips; pictures of one batch share their budget of visual tokens, so that
    rows match."""
    if index % 5 == 4:
        return [clip_lesson(seed, index * size + i, spec) for i in range(size)]
    share = np.random.default_rng((seed, index)).random() ** 0.6  # more large pictures than small ones
    tokens = round(TOKENS[0] + share * (TOKENS[1] - TOKENS[0]))
    return [scene_lesson(seed, index * size + i, tokens, spec, easy=easy) for i in range(size)]
