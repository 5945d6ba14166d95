"""What training learns from: a picture or clip, questions, answers in pieces, and its known content.

Training takes an iterator of `Conversation`s and needs no task: who makes them is the caller's business.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vleval.model.preprocess import VisualInput


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part of an answer; pieces are tokenised one by one and together make the answer."""

    text: str
    look: NDArray[np.int64] | None = None
    """Visual tokens (raster index) that hold the evidence for this piece, where that is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """One question and its answer. All turns of a conversation start anew behind the same visual prefix."""

    question: str
    answer: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """Labels of a generated medium's visual tokens; a loss on them teaches seeing before reading."""

    owner: NDArray[np.int64]
    """[n] object that covers each visual token, -1 for the ground."""
    classes: NDArray[np.int64]
    """[objects, attributes] class of each object, e.g. colour and shape."""
    numbers: NDArray[np.int64] | None
    """[objects, 4] box corners in input pixels (stills), the numbers that answers are made of."""


@dataclass(frozen=True, slots=True, eq=False)
class Conversation:
    """Several questions about one medium."""

    visual: VisualInput
    turns: tuple[Turn, ...]
    content: Content
