"""What every task does with answers: many at once score as each does alone, and nothing is ever raised."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vleval.grounding.frame import Convention, Frame
from vleval.grounding.masks import to_rle
from vleval.tasks.base import Answer, Sample
from vleval.tasks.registry import TASKS

MASK = {
    "size": [480, 640],
    "counts": to_rle([[100, 50, 300, 50, 300, 350, 100, 350]], (640, 480))["counts"].decode(),
}
TRUTHS: dict[str, Any] = {
    "bbox_xyxy": [100, 50, 300, 350],
    "span": [2.0, 7.5],
    "count": 7,
    "area": {"mask": MASK, "count": None},
    "answers": ["no such thing"] * 10,
    "letter": "C",
    "objects": {"points": [[200, 200]], "masks": [MASK]},
}
FRAME = Frame((640, 480), (1288, 952), (1, 68, 92), "torch")

TEXTS = (
    "[201, 99, 604, 694]",
    '[{"bbox_2d": [200, 90, 600, 500], "label": "x"}, {"bbox_2d": [0, 0, 1, 1]}]',
    "[400, 300]",
    "from 3 to 7 seconds",
    "no such thing",
    "C",
    "",
    "[nan, 1e999, 3, 4]",
)


@pytest.mark.parametrize("convention", ["absolute", "relative-1000"])
@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: str(task.name))
def test_many_answers_score_as_each_does_alone(task: Any, convention: Convention) -> None:
    truth = {task.target.key: TRUTHS[task.target.key]}
    answers = [
        Answer(Sample(str(number), (), "q", truth, "c"), text, frames)
        for number, text in enumerate(TEXTS)
        for frames in ((FRAME,), ())
    ]
    together = task.score_all(answers, convention)
    assert together == [task.score(*answer, convention) for answer in answers]
    assert {score.status for score in together} == {"scored", "unparsed"}
    assert any(score.metrics[task.metrics[0].name] > 0 for score in together)
    assert task.score_all([], convention) == []


@given(text=st.text() | st.lists(st.sampled_from((*TEXTS, *"[]{}(),0.-", " to ", "1e308"))).map("".join))
def test_no_text_raises(text: str) -> None:
    for task in TASKS.values():
        sample = Sample("s", (), "q", {task.target.key: TRUTHS[task.target.key]}, "c", (640, 480))
        for frames in ((FRAME,), ()):
            score = task.score(sample, text, frames, "absolute")
            assert set(score.metrics) == {metric.name for metric in task.metrics}
            assert all(0.0 <= value <= 1.0 for value in score.metrics.values())
