"""What my_task.py makes of a right, a wrong and an unreadable answer: `pytest test_my_task.py`."""

from __future__ import annotations

from pathlib import Path

from vleval.tasks.base import Sample, Score, Task
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task

DATA = Path(__file__).with_name("my_task.jsonl")

RIGHT = '[{"bbox_2d": [40, 60, 200, 180], "label": "it"}]'
WRONG = "[400, 300, 420, 310]"
UNREADABLE = "I see no such thing."


def task() -> Task:
    """The task, loaded as `--task my_task.py` loads it."""
    return get_task(str(Path(__file__).with_name("my_task.py")))


def score(text: str) -> Score:
    """The score of an answer to one question of known truth."""
    sample = Sample("s", (), "a question", {"bbox_xyxy": [40.0, 60.0, 200.0, 180.0]}, "c", (640, 480))
    return task().score(sample, text, (), "original")


def test_a_right_answer_has_full_marks() -> None:
    """Of the headline, the first of the metrics."""
    assert score(RIGHT).metrics[task().metrics[0].name] == 1.0


def test_a_wrong_answer_has_none() -> None:
    """It was read, and is wrong."""
    assert score(WRONG).status == "scored"
    assert score(WRONG).metrics[task().metrics[0].name] == 0.0


def test_an_unreadable_answer_is_told_from_a_wrong_one() -> None:
    """It has a reason, and counts as zero."""
    assert score(UNREADABLE).status == "unparsed"
    assert score(UNREADABLE).reason


def test_the_data_can_be_read_and_asked() -> None:
    """Every row is a sample with a question of its own."""
    data = open_data(task(), str(DATA))
    assert all(sample.question in str(task().messages(sample)) for sample in data.samples)
