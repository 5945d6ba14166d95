"""What tasks about places in an image share: how their truth is written, and an answer's numbers in original
pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from vleval.grounding.frame import Convention, Frame, Sizes, extent, to_original
from vleval.tasks.base import Answer, Target
from vleval.tasks.data import rows

BOX = Target(
    "[x1, y1, x2, y2] in pixels of the original image",
    {"bbox_xyxy": rows.corners, "bbox_xywh": rows.corner_and_size},
)


class View(NamedTuple):
    """The image as one answer saw it, as far as that is known."""

    sizes: Frame | Sizes | None
    """None: nothing is known, and numbers are taken for original pixels as they stand."""
    convention: Convention

    @classmethod
    def of(cls, answer: Answer, convention: Convention) -> View:
        """The frame of the answer; where there is none, shares of a side need the original size alone."""
        if answer.frames:
            return cls(answer.frames[0], convention)
        size = answer.sample.original_size
        if size is not None and convention != "absolute":
            return cls(Sizes(size, size), convention)
        return cls(None, convention)

    @property
    def mapped(self) -> bool:
        """Whether `place` really gives original pixels."""
        return self.sizes is not None or self.convention == "original"

    @property
    def extent(self) -> tuple[float, float] | None:
        """The largest x and y in the model's unit."""
        return extent(self.sizes, self.convention) if self.sizes is not None else None

    def place(self, values: Sequence[Sequence[float]]) -> list[list[float]]:
        """Boxes or points of an answer, all of one kind, in original pixels."""
        if self.sizes is None or not values:
            return [list(item) for item in values]
        mapped: list[list[float]] = to_original(values, self.sizes, self.convention).tolist()
        return mapped
