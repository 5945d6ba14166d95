"""True answers to the questions of OCRBench v2, written as a model would, in pixels of its input."""

from __future__ import annotations

import json
from typing import Any

from vleval.grounding.frame import Frame, Sizes, to_input, to_original
from vleval.tasks.base import Sample

HALF = Frame((560, 560), (280, 280), (1, 20, 20), "torch")
"""What a model saw of a sheet: 7 pixels of the input are 25 thousandths."""


def in_pixels(box: Any, frame: Frame) -> list[int]:
    """A box in thousandths of the picture, in whole pixels of the input."""
    size = frame.original_size
    original = to_original([box], Sizes(size, size), "relative-1000")
    return [round(value) for value in to_input(original, frame)[0]]


def true_answer(sample: Sample, frame: Frame, *, as_asked: bool = False) -> str:
    """What is right; boxes in pixels of the input, or in thousandths as asked."""
    truth = sample.target["truth"]

    def place(box: Any) -> list[int]:
        return [round(value) for value in box] if as_asked else in_pixels(box, frame)

    match truth["rule"]:
        case "place":
            return f"It is at ({', '.join(map(str, place(truth['box'])))})."
        case "position":
            return json.dumps({"answer": truth["answers"][0], "bbox": place(truth["box"])})
        case "spotting":
            boxes = ([*polygon[0:2], *polygon[4:6]] for polygon in truth["polygons"])
            spots = zip(boxes, truth["content"], strict=True)
            return str([(*place(box), text) for box, text in spots])
        case "fields":
            return (
                f"```json\n{json.dumps({name: values[-1] for name, values in truth['answers'].items()})}\n```"
            )
        case "chart":
            return f"chart = {truth['answers']}"
        case "html-table":
            return f"Here it is:\n{truth['answers'][0]}"
        case "markdown-table":
            return f"```markdown\n{truth['answers'][0]}\n```"
    return str(truth["answers"][-1])
