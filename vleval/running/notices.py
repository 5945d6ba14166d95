"""What a reader of the numbers must be told about how videos were sampled; each notice comes once per run."""

from __future__ import annotations

from collections.abc import Iterator

from vleval.grounding.frame import Frame

TIMING_TOLERANCE = 0.02
"""Relative difference between nominal and stamped length of a video above which the choice matters."""


def video_notices(frame: Frame, tokens_per_second: float) -> Iterator[tuple[str, str]]:
    """(key, sentence) for everything noteworthy in one video's frame; equal keys mean the same thing."""
    from vleval.model.positions import temporal_ids_collide

    if frame.second_per_grid is None:
        return
    grids = frame.grid_thw[0]
    if temporal_ids_collide(grids, frame.second_per_grid, tokens_per_second):
        yield (
            "collide",
            f"different frames share a temporal position id: the model counts {tokens_per_second:g} ids per "
            f"second, but a grid covers only {frame.second_per_grid:.3g} s; lower --fps to tell them apart",
        )
    stamps = frame.timestamps
    if frame.time_source == "qwen" and len(stamps) > 2:
        covered, gaps = stamps[-1] - stamps[0], len(stamps) - 1
        nominal = frame.second_per_grid * len(stamps) / 2
        # n frames have n - 1 gaps: up to one gap apart is how frames are chosen, not how the clip is timed.
        if abs(covered - nominal) > covered / gaps + TIMING_TOLERANCE * nominal:
            yield (
                "timing",
                f"timestamps and nominal rate disagree on the length of at least one video ({covered:.4g} s "
                f"against {nominal:.4g} s); compare with --video-timing pts",
            )
