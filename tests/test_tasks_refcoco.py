"""RefCOCO: rows to samples, the official prompt, and the judgement of answers."""

from __future__ import annotations

import pytest

from vleval.grounding.frame import Frame
from vleval.grounding.parse import render_boxes
from vleval.model.io import Media
from vleval.tasks.base import Sample, Score
from vleval.tasks.grounding.refcoco import TASK

FRAME = Frame((640, 480), (1288, 952), (1, 68, 92), "torch")
"""Twice and a bit the original size: 2.0125 along x, 1.98333 along y."""

ROW = {
    "question_id": "7",
    "image": {"bytes": b"jpeg bytes", "path": "COCO_train2014_1.jpg"},
    "question": "unused",
    "answer": ["left cat", "the grey one", " "],
    "bbox": [100.0, 50.0, 200.0, 300.0],
    "file_name": "COCO_train2014_1_0.jpg",
}


def sample() -> Sample:
    return next(iter(TASK.rows(ROW, "0")))


def judged(text: str, frames: tuple[Frame, ...] = (FRAME,)) -> Score:
    return TASK.score(sample(), text, frames, "absolute")


def test_a_row_becomes_one_sample_per_sentence() -> None:
    first, second = TASK.rows(ROW, "0")
    assert (first.id, first.question) == ("7#0", "left cat")
    assert (second.id, second.question) == ("7#1", "the grey one")
    assert first.target == {"bbox_xyxy": [100.0, 50.0, 300.0, 350.0]}
    assert first.cluster == second.cluster == Media("image", data=b"jpeg bytes").digest()
    assert first.media[0].read() == b"jpeg bytes"


def test_official_prompt_comes_after_the_image() -> None:
    (message,) = TASK.messages(sample())
    assert message.role == "user"
    assert message.content == (
        sample().media[0],
        "Locate left cat in this image and output the bbox coordinates in JSON format.",
    )


def test_expression_with_braces_is_only_text() -> None:
    (odd,) = TASK.rows({**ROW, "answer": "{expression} {0}"}, "0")
    assert "Locate {expression} {0} in" in str(TASK.messages(odd)[0].content[1])


def test_perfect_answer_in_input_pixels() -> None:
    score = judged(render_boxes([((201.25, 99.1666667, 603.75, 694.1666667), "left cat")]))
    assert score.status == "scored"
    assert score.metrics == pytest.approx(
        {"acc@0.5": 1, "acc@0.7": 1, "acc@0.9": 1, "mean_iou": 1, "center_acc": 1}
    )
    assert score.parsed["boxes"][0] == pytest.approx([100, 50, 300, 350])
    assert score.parsed["mapped"] is True


def test_first_box_counts_and_the_rest_are_counted() -> None:
    right, wrong = (201, 99, 604, 694), (0, 0, 50, 50)
    assert judged(render_boxes([(right, "a"), (wrong, "b")])).metrics["acc@0.5"] == 1
    late = judged(render_boxes([(wrong, "b"), (right, "a")]))
    assert late.metrics["acc@0.5"] == 0
    assert late.parsed["extra"] == 1
    assert "extra_items" in [problem[0] for problem in late.parsed["ledger"]]


def test_thresholds_and_centre() -> None:
    # 200 wide and 0.75 of 300 high: IoU 0.75, centre inside
    partly = judged("[100, 50, 300, 275]", frames=()).metrics
    assert partly == pytest.approx(
        {"acc@0.5": 1, "acc@0.7": 1, "acc@0.9": 0, "mean_iou": 0.75, "center_acc": 1}
    )
    exactly_half = judged("[100, 50, 300, 200]", frames=()).metrics
    assert exactly_half["acc@0.5"] == 1


def test_box_beyond_the_image_is_scored_as_it_is() -> None:
    assert judged("[-100, 50, 300, 350]", frames=()).metrics["mean_iou"] == pytest.approx(0.5)


def test_swapped_corners_are_sorted_and_noted() -> None:
    score = judged("[300, 350, 100, 50]", frames=())
    assert score.metrics["mean_iou"] == pytest.approx(1.0)
    assert [problem[0] for problem in score.parsed["ledger"]] == ["swapped"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "nothing found"), ("There is no cat.", "refusal"), ("[1, 2, 3]", "wrong arity")],
)
def test_unread_answer_is_zero_and_says_why(text: str, reason: str) -> None:
    score = judged(text)
    assert (score.status, score.reason) == ("unparsed", reason)
    assert score.metrics == {metric.name: 0.0 for metric in TASK.metrics}


def test_without_a_frame_nothing_is_mapped() -> None:
    score = judged("[100, 50, 300, 350]", frames=())
    assert score.parsed["mapped"] is False
    assert score.metrics["mean_iou"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    "fault",
    [
        {"bbox": [1, 2, 3]},
        {"bbox": [1, 2, 0, 4]},
        {"bbox": [1, 2, float("nan"), 4]},
        {"answer": [1]},
        {"image": 3},
    ],
)
def test_unusable_row_is_refused(fault: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="bbox|answer|image"):
        list(TASK.rows({**ROW, **fault}, "0"))
