"""Pairs are equal questions: same id, input and truth; everything else is left out, counted and named."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from gate_kit import sample
from vleval.results.comparing.pairing import Answered, answered, pair
from vleval.results.record import SampleRecord
from vleval.tasks.grounding.refcoco import TASK

Edit = Callable[[SampleRecord], SampleRecord]


def answers(*records: SampleRecord) -> dict[str, Answered]:
    return {record.id: answered(record, TASK.metrics) for record in records}


RECORDS = [sample("refcoco", index, float(index % 2)) for index in range(4)]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda record: replace(record, id="other"), "only in the baseline"),
        (lambda record: replace(record, input_sha256="0" * 64), "other medium or prompt"),
        (lambda record: replace(record, input_sha256=None, status="failed"), "medium not readable"),
        (lambda record: replace(record, target={"bbox_xyxy": [0, 0, 1, 1]}), "other truth"),
        (lambda record: replace(record, metrics={}), "scored by other metrics"),
        (
            lambda record: replace(record, metrics={**record.metrics, "mean_iou": math.nan}),
            "score is not a number",
        ),
    ],
)
def test_what_is_not_the_same_question_is_left_out(edit: Edit, reason: str) -> None:
    pairs = pair(answers(*RECORDS), answers(*RECORDS[:3], edit(RECORDS[3])))
    assert pairs.ids == [record.id for record in RECORDS[:3]]
    assert pairs.dropped[reason] == 1
    assert pairs.coverage == 0.75


@pytest.mark.parametrize(
    "edit",
    [
        lambda record: replace(record, text="another answer", status="unparsed"),
        lambda record: replace(record, target=dict(reversed(record.target.items()))),
        lambda record: replace(record, attempt=2, elapsed_seconds=7.0),
    ],
)
def test_the_answer_may_differ(edit: Edit) -> None:
    base = replace(RECORDS[0], target={"bbox_xyxy": [1, 2, 3, 4], "label": "cat"})
    assert len(pair(answers(base), answers(edit(base))).ids) == 1


def test_a_truth_is_told_apart_by_type_and_order_of_values() -> None:
    one = replace(RECORDS[0], target={"bbox_xyxy": [1, 2, 3, 4]})
    for other in ([1.0, 2, 3, 4], [2, 1, 3, 4], [True, 2, 3, 4]):
        assert not pair(answers(one), answers(replace(one, target={"bbox_xyxy": other}))).ids


def test_extra_answers_of_the_candidate_cost_no_coverage() -> None:
    pairs = pair(answers(*RECORDS[:2]), answers(*RECORDS))
    assert (pairs.coverage, pairs.dropped) == (1.0, {"only in the candidate": 2})


def test_pairs_come_in_the_order_of_ids_whatever_the_order_of_files() -> None:
    pairs = pair(answers(*reversed(RECORDS)), answers(*RECORDS))
    assert pairs.ids == sorted(pairs.ids)
    assert [answer.question for answer in pairs.base] == [answer.question for answer in pairs.cand]


def test_scores_are_compared_at_the_precision_of_a_baseline() -> None:
    low, high = (
        answered(replace(RECORDS[0], metrics={metric.name: value for metric in TASK.metrics}), TASK.metrics)
        for value in (1 / 3, 1 / 3 + 1e-9)
    )
    assert low.metrics == high.metrics
    assert low.metrics["mean_iou"] == 0.333333
