"""What every task does with answers: many at once score as each does alone, and nothing is ever raised."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vleval.grounding.frame import Convention, Frame
from vleval.tasks.base import Answer, Sample
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import TASKS

FRAME = Frame((640, 480), (1288, 952), (1, 68, 92), "torch")

TEXTS = (
    "[201, 99, 604, 694]",
    '[{"bbox_2d": [200, 90, 600, 500], "label": "x"}, {"bbox_2d": [0, 0, 1, 1]}]',
    "[400, 300]",
    "from 3 to 7 seconds",
    "no such thing",
    '<p data-bbox="201 99 604 694">no such thing</p>',
    "C",
    "",
    "[nan, 1e999, 3, 4]",
)


@functools.cache
def some_samples(name: str) -> list[Sample]:
    """The first questions of a task's own bundled data: truths of its own kind, whatever that is."""
    return open_data(TASKS[name], "bundled", limit=3).samples


@pytest.mark.parametrize("convention", ["absolute", "relative-1000"])
@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: str(task.name))
def test_many_answers_score_as_each_does_alone(task: Any, convention: Convention) -> None:
    answers = [
        Answer(sample, text, frames)
        for sample in some_samples(task.name)
        for text in TEXTS
        for frames in ((FRAME,), ())
    ]
    together = task.score_all(answers, convention)
    assert together == [task.score_all([answer], convention)[0] for answer in answers]
    assert {score.status for score in together} <= {"scored", "unparsed"}
    assert any(score.status == "scored" for score in together)
    assert task.score_all([], convention) == []


@given(text=st.text() | st.lists(st.sampled_from((*TEXTS, *"[]{}(),0.-", " to ", "1e308"))).map("".join))
def test_no_text_raises(text: str) -> None:
    for task in TASKS.values():
        sample = some_samples(task.name)[0]
        for frames in ((FRAME,), ()):
            score = task.score(sample, text, frames, "absolute")
            percent = {metric.name for metric in task.metrics if metric.percent}
            shares = [value for name, value in score.metrics.items() if name in percent]
            assert set(score.metrics) <= {metric.name for metric in task.metrics}
            assert all(0.0 <= value <= 1.0 for value in shares)
            assert score.metrics or score.evidence is not None, "an answer counts in something"
