"""Summary: how answers were read, strictly and in which unit, and the sentences a user gets about it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from vleval.grounding.frame import Frame
from vleval.grounding.precision import image_evidence
from vleval.model.io import Usage
from vleval.results.record import OwnTask, SampleRecord, frame_from_json
from vleval.results.remarks import remarks
from vleval.results.summary import Summary, summarise
from vleval.tasks.base import Metric
from vleval.tasks.grounding import refcoco
from vleval.tasks.video import charades_sta

TASK = refcoco.TASK
SEEN = Frame((640, 480), (644, 476), (1, 34, 46), "torch")
SAMPLE = SampleRecord(
    id="0",
    cluster="image 0",
    status="scored",
    failure=None,
    reason=None,
    metrics={},
    parsed={},
    text="",
    finish_reason="stop",
    question="the red one",
    target={"bbox_xyxy": [10, 20, 300, 400]},
    tags={},
    original_size=(640, 480),
    frames=(Frame((640, 480), (308, 224), (1, 16, 22), "torch", ("max_pixels",)),),
    usage=Usage(),
    input_sha256=None,
)


def answer(number: int, hit: float = 1.0, **parsed: Any) -> SampleRecord:
    box = [float(10 + number), 20.0, 300.0, 400.0]
    return replace(
        SAMPLE,
        id=str(number),
        cluster=f"image {number}",
        metrics={metric.name: hit for metric in TASK.metrics},
        parsed={"boxes": [box], "as_written": [box], "extra": 0, "ledger": [], "strict": True, **parsed},
        frames=(SEEN,),
    )


def summary(*records: SampleRecord) -> Summary:
    return summarise(
        records,
        TASK.metrics,
        expected=len(records),
        seconds=1.0,
        peak_memory_bytes=0,
        coordinates="absolute",
    )


def test_a_run_without_anything_odd_says_nothing() -> None:
    found = summary(*(answer(number) for number in range(30)))
    assert (found.strict, found.extra) == (30, {})
    assert [other.suspected for other in found.lookalikes] == [False] * 4
    assert remarks(TASK, {}, found) == []


def test_the_strict_headline_counts_every_other_answer_as_zero() -> None:
    unparsed = replace(answer(3, 0.0, strict=True, as_written=[], boxes=[]), status="unparsed", reason="none")
    found = summary(answer(0), answer(1, strict=False), answer(2, 0.0), unparsed)
    assert found.metrics["acc@0.5"].value == pytest.approx(2 / 4)
    assert found.strict == 2
    assert found.strict_metrics["acc@0.5"] == pytest.approx(1 / 4)
    line = "2 of 3 scored answers are in the documented form; counting only those, Acc@0.5 "
    assert line + "25.0" in remarks(TASK, {}, found)
    assert line + "25.00" in remarks(TASK, {}, found, 2)


def test_records_of_an_older_reader_have_no_strict_figures() -> None:
    old = answer(0)
    found = summary(replace(old, parsed={key: old.parsed[key] for key in ("boxes", "as_written")}))
    assert (found.strict, found.strict_metrics) == (None, {})
    assert remarks(TASK, {}, found) == []


def test_answers_with_items_to_spare_are_counted_once_each() -> None:
    ledger = [["extra_items", "box 2, 1 asked for", 9], ["extra_items", "box 3, 1 asked for", 19]]
    found = summary(answer(0), answer(1, extra=2, ledger=ledger), answer(2, extra=1))
    assert found.extra == {"boxes": 2}
    assert found.problems == {"extra_items": 1}
    assert remarks(TASK, {"fps": "2"}, found) == [
        "fps 2: 2 answers with more than one box: the first one counts"
    ]


def test_spans_are_no_places() -> None:
    """Two numbers of a span are not read as a point, and extra ones are called spans."""
    span = {"spans": [[1.0, 2.0]], "as_written": [[1.0, 2.0]], "extra": 1, "strict": True}
    record = replace(answer(0), parsed=span)
    found = summarise(
        [replace(record, id=str(i), cluster=str(i)) for i in range(50)],
        TASK.metrics,
        expected=50,
        seconds=1.0,
        peak_memory_bytes=0,
        coordinates="absolute",
    )
    assert found.lookalikes == ()
    assert "50 answers with more than one span: the first one counts" in remarks(
        charades_sta.TASK, {}, replace(found, strict=None)
    )


def per_mille(count: int, columns: int) -> list[SampleRecord]:
    values = np.random.default_rng(1).uniform(0, 1000, (count, columns)).round().tolist()
    kind = "boxes" if columns == 4 else "points"
    records = []
    for number, item in enumerate(values):
        parsed = {kind: [item], "as_written": [item], "extra": 0, "ledger": [], "strict": True}
        records.append(replace(answer(number), parsed=parsed))
    return records


def test_a_run_in_another_unit_gets_the_sentence_in_report_and_json() -> None:
    found = summary(*per_mille(200, 4))
    (line,) = remarks(TASK, {}, found)
    assert line.startswith("100% of the boxes would fit 0-1000 and ")
    assert line.endswith("is this a Qwen2-VL or Qwen3-VL checkpoint? Pass --coordinates relative-1000.")
    listed = found.to_json()["lookalikes"]
    assert [other["sentence"] for other in listed if other["suspected"]] == [line]
    assert {other["convention"] for other in listed} == {"relative-1000", "relative-1", "percent", "original"}


def test_clicks_of_both_kinds_are_looked_at_together() -> None:
    mixed = [*per_mille(150, 4), *(replace(one, cluster=f"{one.cluster} p") for one in per_mille(150, 2))]
    assert [other.convention for other in summary(*mixed).lookalikes if other.suspected] == ["relative-1000"]


def test_failed_answers_and_unknown_sizes_take_no_part() -> None:
    failed = replace(answer(0, 0.0), status="failed", failure="input_error", parsed={}, frames=())
    unsized = [replace(one, frames=(), original_size=None) for one in per_mille(200, 4)]
    assert not any(other.suspected for other in summary(failed, *unsized).lookalikes)
    without = summarise(per_mille(50, 4), TASK.metrics, expected=50, seconds=1.0, peak_memory_bytes=0)
    assert without.lookalikes == ()


def test_bars_of_a_frame_survive_a_record() -> None:
    bars = replace(SEEN, content=(0.0, 80.0, 640.0, 400.0))
    record = replace(SAMPLE, frames=(bars,))
    assert frame_from_json(record.to_json()["frames"][0]) == bars


EDIT = Metric("edit", "Edit", percent=False, higher_is_better=False, worst=1.0)
FOUND = Metric("ap", "AP", figure="AP")


def scored_by(*records: SampleRecord) -> Summary:
    return summarise(records, [EDIT, FOUND], expected=len(records), seconds=1.0, peak_memory_bytes=0)


def test_the_worst_of_an_edit_distance_is_one() -> None:
    """Strictly read, the second answer scores 1 and finds nothing; the third has no distance at all."""
    seen = image_evidence([[0, 0, 10, 10]], ["a"], [[0, 0, 10, 10]], ["a"])
    first, second, third, fourth = (replace(answer(number), metrics={"edit": 0.2}) for number in range(4))
    second = replace(second, parsed={**second.parsed, "strict": False}, evidence=seen)
    third = replace(third, metrics={}, evidence=seen)
    fourth = replace(fourth, metrics={"edit": 1.0}, status="unparsed", reason="none")
    found = scored_by(first, second, third, fourth)
    assert found.metrics["edit"].value == pytest.approx((0.2 + 0.2 + 1.0) / 3)
    assert found.metrics["edit"].interval == (0.0, 1.0)  # three samples reach further; a distance cannot
    assert (found.metrics["edit"].n, found.metrics["ap"].n, found.n) == (3, 2, 4)
    assert found.answered == {"edit": pytest.approx(0.2), "ap": 1.0}
    assert found.strict_metrics["edit"] == pytest.approx((0.2 + 1.0 + 1.0) / 3)
    assert found.strict_metrics["ap"] == pytest.approx(0.5, abs=0.01)
    task = replace(TASK, metrics=(EDIT, FOUND))
    assert "scored 3 of 4 (others count as 1), Edit 0.200 over those scored" in remarks(task, {}, found)


def test_a_run_in_which_no_answer_has_the_headline_says_so_in_words() -> None:
    bare = replace(answer(0), metrics={}, parsed={**answer(0).parsed, "strict": False})
    found = scored_by(bare, replace(bare, id="1", status="unparsed", reason="none"))
    assert (found.metrics["edit"].value, found.answered, found.strict_metrics) == (None, {}, {})
    assert remarks(replace(TASK, metrics=(EDIT, FOUND)), {}, found) == [
        "no score: 1 of 2 questions have a readable answer",
        "scored 1 of 2 (others count as 1)",
        "unparsed: 1 none",
        "0 of 1 scored answers are in the documented form",
    ]
    assert found.to_json()["metrics"]["edit"]["interval"] is None


def test_a_users_metric_comes_back_from_a_record_as_it_was() -> None:
    metrics = (Metric("all", "All", parts=("a", "b")), Metric("a", "A", strata=("x", "y")), Metric("b", "B"))
    own = OwnTask("my_task.py", "ab" * 32, "Mine", "image", metrics)
    stored = json.loads(json.dumps(asdict(own)))
    assert OwnTask.from_json(stored) == own
    old = {name: value for name, value in stored["metrics"][2].items() if name not in ("strata", "parts")}
    assert OwnTask.from_json({**stored, "metrics": [old]}).metrics == metrics[2:]
