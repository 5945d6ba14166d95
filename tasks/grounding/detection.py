"""What the detection tasks share: all objects of some categories in a picture, each with box and label.

One sample is one picture. Its prompt names every category, its answer may hold any number of labelled boxes.
Average precision is a figure of the whole set (`grounding.precision`); what a picture alone scores is the
same figure of that picture. It ranks boxes by score. A model that writes boxes as text gives none, so that
boxes rank as they were said, unless the run asks for log-probabilities (`--det-score logprob`) or the answer
itself states a `score` for every box, as files of a detector's results do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vleval.grounding import precision
from vleval.grounding.detection import Setting, greedy_f1
from vleval.grounding.frame import Convention
from vleval.grounding.ledger import ParsedBox, to_json, why_nothing
from vleval.grounding.objects import FoundObjects, Id, TrueObjects
from vleval.grounding.parse import parse_boxes
from vleval.model.io import Message
from vleval.tasks.base import Answer, Metric, Reading, Sample
from vleval.tasks.grounding.instances import plain, spelling
from vleval.tasks.grounding.places import View
from vleval.tasks.prompts import DETECT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vleval.model.io import TokenLogprobs

F1, BOXES = "f1@0.5", "boxes"
MAX_NEW_TOKENS = 4096
SEPARATOR = ", "

LEAST_SURE = -100.0
"""Log-probability of a box without a token of its own."""

_NUMBER = re.compile(r"[-+]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?")
_REACH = 200
"""Characters in which the four numbers of a box are looked for."""


class Found(NamedTuple):
    """The boxes of an answer that have one of the labels asked for, in the order in which they were said."""

    boxes: list[list[float]]
    """[x1, y1, x2, y2] in original pixels."""
    labels: list[str]
    """As the data set spells them."""
    scores: list[float] | None
    """The surest highest; None: all alike."""


def messages(sample: Sample) -> tuple[Message, ...]:
    """The picture, then the categories."""
    return (Message("user", (*sample.media, DETECT.fill(sample.question))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """All boxes with a label that was asked for; none, where the answer says itself that there is nothing.

    Of the target the list of categories alone is read, which is part of the question.
    """
    view = View.of(answer, convention)
    found = parse_boxes(answer.text, extent=view.extent, labelled=True)
    known = spelling(answer.sample.target["instances"]["classes"])
    kept = [item for item in found.items if plain(item.label or "") in known]
    boxes = view.place([item.values for item in kept])
    labels = [known[plain(item.label or "")] for item in kept]
    scores = scores_of(kept, answer.text, answer.tokens)
    parsed: dict[str, Any] = {
        "boxes": boxes,
        "as_written": [list(item.values) for item in kept],
        "labels": labels,
        "unknown_labels": len(found.items) - len(kept),
        "mapped": view.mapped,
        "ledger": to_json(found.ledger),
        "strict": found.strict,
    }
    if scores is not None:
        parsed["scores"] = scores
    denied = {entry.kind for entry in found.problems} == {"refusal"}
    if found.items or denied:
        return Reading(Found(boxes, labels, scores), parsed)
    return Reading(None, parsed, why_nothing(found.problems))


def scores_of(items: Sequence[ParsedBox], text: str, tokens: TokenLogprobs | None) -> list[float] | None:
    """How sure the model was of each box; None where nothing tells.

    With log-probabilities: the mean over the tokens that spell the box, from the first digit (or sign) of its
    first number to the last of its fourth, the separators between them included; each token's is the natural
    logarithm of its share in the choice, given all before it. A token at either end that holds more than the
    number counts whole. Without them: the `score` of every box, where the answer states one for all.
    """
    if tokens is not None:
        return [_mean_logprob(item, text, tokens) for item in items]
    stated = [item.score for item in items if item.score is not None]
    return stated if stated and len(stated) == len(items) else None


def _mean_logprob(item: ParsedBox, text: str, tokens: TokenLogprobs) -> float:
    numbers = [match.span() for match in _NUMBER.finditer(text, item.offset, item.offset + _REACH)][:4]
    mean = tokens.mean(numbers[0][0], numbers[-1][1]) if numbers else None
    return LEAST_SURE if mean is None else mean


def applies(sizes: Mapping[str, tuple[float, float]], everywhere: Sequence[str], sample: Sample) -> set[str]:
    """The metrics that a picture counts in: average precision needs a true object, of that size."""
    truth = sample.target["instances"]
    areas = [area for area, crowd in zip(truth["areas"], truth["crowd"], strict=True) if not crowd]
    sized = {name for name, (low, high) in sizes.items() if any(low <= area <= high for area in areas)}
    return {F1, BOXES} | sized | (set(everywhere) if areas else set())


def judge(
    setting: Setting, figures: Mapping[str, str], found: Sequence[Found], truths: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """`figures` (metric -> figure of `setting`), F1 and number of boxes of each picture alone."""
    alone = [
        precision.figures([evidence(setting, made, truth)], names=tuple(figures.values()))
        for made, truth in zip(found, truths, strict=True)
    ]
    pictures: dict[Id, TrueObjects] = {number: _true(truth) for number, truth in enumerate(truths)}
    f1 = greedy_f1(pictures, {number: _made(each) for number, each in enumerate(found)}).per_image
    return {
        # None where the picture has no such object becomes NaN.
        **{name: np.array([values[figure] for values in alone], float) for name, figure in figures.items()},
        F1: np.array([f1[number].f1 for number in pictures]),
        BOXES: np.array([float(len(each.boxes)) for each in found]),
    }


def _true(truth: Mapping[str, Any]) -> TrueObjects:
    return TrueObjects(_corners(truth["boxes"]), truth["labels"], truth["crowd"])


def _made(found: Found) -> FoundObjects:
    return FoundObjects(_corners(found.boxes), found.labels, found.scores)


def _corners(boxes: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)


def evidence(setting: Setting, found: Found | None, truth: Mapping[str, Any]) -> Mapping[str, Any]:
    """What average precision over all pictures needs of one; an answer that cannot be read found nothing."""
    made = found if found is not None else Found([], [], None)
    return precision.image_evidence(
        truth["boxes"],
        truth["labels"],
        made.boxes,
        made.labels,
        scores=made.scores,
        crowd=truth["crowd"],
        areas=truth["areas"],
        setting=setting,
    )


METRICS: tuple[Metric, ...] = (
    Metric(
        F1,
        "F1@0.5",
        formula="mean over pictures of 2 * hits / (boxes found + true objects); pairs of equal labels, one "
        "to one, from the largest IoU down to 0.5; no order and no score changes it",
    ),
    Metric(
        BOXES,
        "Boxes",
        percent=False,
        formula="mean number of boxes with a label that was asked for; neither more nor fewer is better, "
        "whatever the sign of a difference",
    ),
)

TRAPS = (
    "Average precision of boxes without scores depends on the order in which they are said: two hits and "
    "three misses give 1.0 with the hits first and 0.4 with them last. No order changes F1@0.5.",
    "Average precision of a few objects per category lies above that of a larger set, in simulations by one "
    "to five points: figures of a part of a split do not compare with those of the whole.",
    "An answer that states a `score` for every box, as a detector's does, is ranked by it; else each counts "
    "as 1.",
    "--det-score logprob ranks by the model's own probabilities instead: another protocol, never mixed with "
    "runs that rank by order.",
    "Numbers are read in the one declared unit. A scorer that tries several and keeps the one nearest to the "
    "truth measures the truth.",
    "A label that was not asked for, and a box without a label, is dropped and counted.",
    "An answer of 4096 tokens that repeats one box to the end is a low score, not an error: look at Boxes.",
)
