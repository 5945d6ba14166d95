"""What the browser of samples on a page reads: compact JSON, lists for objects, each frame told once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vleval.grounding.frame import Frame
from vleval.results.reporting.data import Block, short_names
from vleval.results.table import heading


def browser_data(blocks: Sequence[Block]) -> dict[str, Any]:
    """What the page's script reads (`html/browser.js`): tasks, media, frames and questions."""
    media: dict[tuple[str, str], int] = {}
    frames: dict[Frame, int] = {}
    tasks, questions = [], []
    for number, (name, block) in enumerate(zip(short_names(blocks), blocks, strict=True)):
        tasks.append(_task(block, name))
        runs = [row.run for row in block.rows]
        for id in sorted({id for run in runs for id in run.views}):
            views = [run.views.get(id) for run in runs]
            first = next(view for view in views if view is not None)
            medium = media.setdefault((first.medium, block.task.media), len(media))
            answers = [
                None
                if view is None
                else [
                    *view.answer,
                    None if view.frame is None else frames.setdefault(view.frame, len(frames)),
                ]
                for view in views
            ]
            questions.append([number, id, first.question, first.truth, medium, answers])
    return {
        "tasks": tasks,
        "frames": [_frame(frame) for frame in frames],
        "media": [key for key, _ in media],
        "questions": questions,
    }


def _task(block: Block, name: str) -> dict[str, Any]:
    return {
        "title": name,
        "media": block.task.media,
        "metrics": [
            [heading(metric), metric.percent, metric.higher_is_better] for metric in block.task.metrics
        ],
        "shown": _shown_metric(block),
        "settings": [row.run.name for row in block.rows],
        "best": block.advice.best if block.advice else 0,
    }


def _shown_metric(block: Block) -> int:
    """The first metric that tells more than right and wrong, to sort answers by; else the headline."""
    for index in range(len(block.task.metrics)):
        values = {view.answer[1][index] for row in block.rows for view in row.run.views.values()}
        if values - {None, 0.0, 1.0}:
            return index
    return 0


def _frame(frame: Frame) -> list[Any]:
    times = [round(time, 3) for time in frame.timestamps]
    return [list(frame.original_size), list(frame.input_size), times, frame.duration, frame.visual_tokens]
