"""Which published numbers a run is held against, and what makes a run no reproduction of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from vleval.errors import UserError
from vleval.results.statistics.stats import Estimate, Interval
from vleval.running.config import make_config
from vleval.running.reproduction import Compared, Size, check_size, compare, points, published_rows
from vleval.tasks.published import QWEN25, Published
from vleval.tasks.registry import TASKS

SEVEN = Size("7B", "--as")


def run_of(task: str, *, asked: dict[str, Any] | None = None, **facts: Any) -> list[Compared]:
    """A run of 4 questions (or as `facts` say), beside what was published on the task."""
    given = {"samples": 4, "origin": "hub", "notes": (), "n": 4, "expected": 4, **facts}
    metrics = {
        metric.name: Estimate(0.5, Interval(0.4, 0.6), 0.05, 4, 4, "t") for metric in TASKS[task].metrics
    }
    job = SimpleNamespace(
        config=make_config({"task": task, **(asked or {})}, {}), data=SimpleNamespace(**given)
    )
    run = SimpleNamespace(summary=SimpleNamespace(metrics=metrics, **given))
    rows = [row._replace(questions=given.get("questions", 4)) for row in published_rows(TASKS[task], None)]
    return compare(rows, SEVEN, job, run)  # type: ignore[arg-type]


def test_rows_are_those_of_the_generation_on_the_default_split_or_the_first_published() -> None:
    rows = published_rows(TASKS["refcoco"], None)
    assert [(row.split, row.family) for row in rows] == [("testA", QWEN25)]
    assert [row.split for row in published_rows(TASKS["refcoco"], "testB")] == ["testB"]
    elsewhere = replace(TASKS["refcoco"], default_split="train")
    assert [row.split for row in published_rows(elsewhere, None)] == ["val"]


def test_a_split_is_kept_back_only_where_another_one_is_scored() -> None:
    docvqa = TASKS["docvqa"]
    with pytest.raises(UserError, match="answers are kept back"):
        published_rows(docvqa, "test")
    own = replace(docvqa, default_split="test")
    assert [row.metric for row in published_rows(own, None)] == ["anls"]


def test_every_number_of_the_split_is_compared_where_the_size_has_one() -> None:
    found = run_of("ocrbench-v2")
    assert [each.row.metric for each in found] == ["score_en_as_asked", "score_zh"]
    assert [each.published for each in found] == [0.563, 0.572]
    assert {each.caveats for each in found} == {()}
    rows = published_rows(TASKS["ocrbench-v2"], None)
    check_size([rows[0]._replace(scores={"3B": 1.0}), rows[1]], SEVEN)
    with pytest.raises(UserError, match="was not published for the 7B .known by --as.; there are 3B"):
        check_size([rows[0]._replace(scores={"3B": 1.0})], SEVEN)


NO_REPRODUCTION: list[tuple[dict[str, Any], str]] = [
    ({"samples": 5}, "the data have 5 questions, the published split 4"),
    ({"questions": None, "origin": "local"}, "nobody can tell whether a local file is the published split"),
    ({"notes": ("val mixes two protocols.", "another")}, "val mixes two protocols"),
    ({"n": 3}, "only 3 of 4 questions were answered"),
    ({"asked": {"offset": 2}, "samples": 2}, "only a part of the questions was asked (offset 2)"),
]


@pytest.mark.parametrize(("facts", "why"), NO_REPRODUCTION, ids=[why for _, why in NO_REPRODUCTION])
def test_what_is_no_reproduction_says_why_once(facts: dict[str, Any], why: str) -> None:
    (found,) = run_of("refcoco", **facts)
    assert found.caveats == (why,)
    assert found.verdict == "no reproduction"


def test_data_of_the_hub_of_unknown_size_are_taken_for_the_split() -> None:
    (found,) = run_of("refcoco", questions=None)
    assert found.caveats == ()
    assert found.verdict == "below the band"


@pytest.mark.parametrize(
    ("full", "value", "shown"),
    [(100.0, 0.8734, "87.3"), (1000.0, 0.8641, "864.1"), (1.0, 0.30812, "0.308"), (1.0, float("nan"), "-")],
)
def test_scores_are_shown_as_they_were_printed(full: float, value: float, shown: str) -> None:
    row = Published("refcoco", "val", "acc@0.5", {"7B": 1.0}, full)
    assert points(value, row) == shown
