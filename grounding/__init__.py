"""Frames, readers of model text, metrics and pictures of grounding, as one library.

A model's answer is text in pixels of its own input. Three steps turn it into a score:

>>> from vleval.grounding import Sizes, iou, parse_boxes, to_original
>>> answer = parse_boxes('[{"bbox_2d": [63, 42, 126, 168], "label": "the dog"}]')
>>> seen = Sizes(original_size=(640, 427), input_size=(252, 168))
>>> boxes = to_original([box.values for box in answer.items], seen)
>>> boxes.tolist()
[[160.0, 106.75, 320.0, 427.0]]
>>> iou(boxes, [[160, 107, 320, 427]]).round(3).tolist()
[0.999]

Names load their module on first use, so that importing one costs nothing of the others (numpy, Pillow,
pycocotools). `draw` is a module here, and `draw.draw` the function that returns a picture.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vleval.grounding.boxes import area, centre_inside, giou, intersection, iou, sort_corners
    from vleval.grounding.counting import CountAccuracy, count_accuracy, detect_then_count, read_count
    from vleval.grounding.detection import AveragePrecision, GreedyF1, average_precision, greedy_f1
    from vleval.grounding.draw import Mark, draw_svg
    from vleval.grounding.film import TimeBar, film_strip, film_strip_svg
    from vleval.grounding.frame import (
        CONVENTION_OF_FAMILY,
        CONVENTIONS,
        Convention,
        Frame,
        Sizes,
        extent,
        to_frames,
        to_input,
        to_original,
        to_seconds,
    )
    from vleval.grounding.highlights import HighlightFigures, highlight_detection, ratings
    from vleval.grounding.lookalike import Lookalike, lookalikes
    from vleval.grounding.masks import (
        Mask,
        fraction_in_mask,
        point_in_mask,
        points_in_masks,
        to_dense,
        to_rle,
    )
    from vleval.grounding.moments import MomentFigures, MomentScore, moment_retrieval
    from vleval.grounding.objects import FoundObjects, TrueObjects
    from vleval.grounding.parse import (
        Entry,
        EntryKind,
        Parsed,
        ParsedBox,
        ParsedElement,
        ParsedPoint,
        ParsedSpan,
        parse_boxes,
        parse_html,
        parse_points,
        parse_spans,
        render_boxes,
        render_html,
        render_points,
        render_spans,
    )
    from vleval.grounding.points import PointMatch, match_points, point_in_box
    from vleval.grounding.rates import Agreement, accuracy_at, agreement
    from vleval.grounding.spans import sort_ends, temporal_iou

__all__ = [
    "Agreement",
    "AveragePrecision",
    "CONVENTIONS",
    "CONVENTION_OF_FAMILY",
    "Convention",
    "CountAccuracy",
    "Entry",
    "EntryKind",
    "FoundObjects",
    "Frame",
    "GreedyF1",
    "HighlightFigures",
    "Lookalike",
    "Mark",
    "Mask",
    "MomentFigures",
    "MomentScore",
    "Parsed",
    "ParsedBox",
    "ParsedElement",
    "ParsedPoint",
    "ParsedSpan",
    "PointMatch",
    "Sizes",
    "TimeBar",
    "TrueObjects",
    "accuracy_at",
    "agreement",
    "area",
    "average_precision",
    "centre_inside",
    "count_accuracy",
    "detect_then_count",
    "draw_svg",
    "extent",
    "film_strip",
    "film_strip_svg",
    "fraction_in_mask",
    "giou",
    "greedy_f1",
    "highlight_detection",
    "intersection",
    "iou",
    "lookalikes",
    "match_points",
    "moment_retrieval",
    "parse_boxes",
    "parse_html",
    "parse_points",
    "parse_spans",
    "point_in_box",
    "point_in_mask",
    "points_in_masks",
    "ratings",
    "read_count",
    "render_boxes",
    "render_html",
    "render_points",
    "render_spans",
    "sort_corners",
    "sort_ends",
    "temporal_iou",
    "to_dense",
    "to_frames",
    "to_input",
    "to_original",
    "to_rle",
    "to_seconds",
]

_NAMES = {
    "frame": "CONVENTIONS CONVENTION_OF_FAMILY Convention Frame Sizes extent"
    " to_frames to_input to_original to_seconds",
    "lookalike": "Lookalike lookalikes",
    "parse": "Entry EntryKind Parsed ParsedBox ParsedElement ParsedPoint ParsedSpan"
    " parse_boxes parse_html parse_points parse_spans render_boxes render_html render_points render_spans",
    "boxes": "area centre_inside giou intersection iou sort_corners",
    "points": "PointMatch match_points point_in_box",
    "masks": "Mask fraction_in_mask point_in_mask points_in_masks to_dense to_rle",
    "spans": "sort_ends temporal_iou",
    "moments": "MomentFigures MomentScore moment_retrieval",
    "highlights": "HighlightFigures highlight_detection ratings",
    "counting": "CountAccuracy count_accuracy detect_then_count read_count",
    "detection": "AveragePrecision GreedyF1 average_precision greedy_f1",
    "objects": "FoundObjects TrueObjects",
    "rates": "Agreement accuracy_at agreement",
    "draw": "Mark draw_svg",
    "film": "TimeBar film_strip film_strip_svg",
}
"""Module -> the names that live there; the imports above say the same to type checkers."""

_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

if not TYPE_CHECKING:  # A type checker that saw it would let every misspelt name pass.

    def __getattr__(name: str) -> object:
        """Load a public name from its module (PEP 562)."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """The public names, loaded or not."""
        return sorted({*globals(), *__all__})
