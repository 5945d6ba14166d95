"""What a reader of the numbers must know about how the pictures and videos of a run were shown.

Each finding has a kind, so that a report can tell it once for all settings it holds for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from vleval.grounding.frame import Frame
from vleval.results.record import SampleRecord

ENLARGED = 1.1
"""Input area over original area from which on a picture counts as enlarged: below, it is rounding to 28."""

MEANING: Mapping[str, str] = {
    "incomplete": "incomplete: the command that began a run goes on with it",
    "enlarged": "shown larger than the original, which costs tokens and adds no detail",
    "repeated": "a frame was shown twice",
    "min_frames": "more frames than --fps asks for: the video is short, and --min-frames holds",
    "max_frames": "fewer frames than --fps asks for: --max-frames holds",
    "source_frames": "fewer frames than --fps asks for: the video has no more",
    "total_pixels": "frames made smaller by the budget of the whole video (--total-pixels)",
    "total_pixels_unmet": "larger than --total-pixels allows: the shape is too extreme",
    "max_pixels_unmet": "larger than --max-pixels allows: the shape is too extreme",
    "max_pixels_capped": "--max-pixels is above the checkpoint's own limit for a video frame, which holds",
    "min_pixels_lowered": "--max-pixels is below the checkpoint's own minimum, which gave way",
    "timestamps_assumed": "the file has no timestamps: times follow from its declared rate",
}
"""Kind of finding -> what it means. Most kinds are clamps of a `Frame`. `max_pixels` alone is no finding: it
is what the flag is for. `min_pixels` shows as `enlarged` where it matters."""


class Caution(NamedTuple):
    """One finding in one run."""

    kind: str
    """A key of `MEANING`, or a whole sentence."""
    media: int | None = None
    """How many it holds for; None where it holds for the run."""
    of: int | None = None
    """How many the run has."""
    detail: str | None = None
    """What else to say of this run, in a few words."""

    @property
    def sentence(self) -> str:
        """What the finding means."""
        return MEANING.get(self.kind, self.kind)


def cautions(records: Iterable[SampleRecord]) -> list[Caution]:
    """Findings in what the model saw, counted by distinct media, in the order of `MEANING`."""
    seen: dict[tuple[str, int], Frame] = {}
    for record in records:
        for index, frame in enumerate(record.frames):
            seen.setdefault((record.cluster, index), frame)
    counts = Counter(kind for frame in seen.values() for kind in set(_kinds(frame)))
    return [Caution(kind, counts[kind], len(seen)) for kind in MEANING if counts[kind]]


def _kinds(frame: Frame) -> Sequence[str]:
    kinds = list(frame.clamps)
    (width, height), (input_width, input_height) = frame.original_size, frame.input_size
    if input_width * input_height > ENLARGED * width * height:
        kinds.append("enlarged")
    shown = frame.timestamps
    if shown and (len(set(shown)) < len(shown) or 2 * frame.grid_thw[0] > len(shown)):
        kinds.append("repeated")
    return kinds
