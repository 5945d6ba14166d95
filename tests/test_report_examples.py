"""The lowest answers of a run in words: which they are, and what stands in a report of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gate_kit import sample
from report_kit import report_run
from vleval.console import terminal_safe
from vleval.results.record import SampleRecord
from vleval.results.reporting.data import build_report
from vleval.results.reporting.examples import ANSWER, MOST, QUESTION, TRUTH, examples
from vleval.results.reporting.tables import example_table, tables
from vleval.results.reporting.text import report_markdown, report_terminal
from vleval.tasks.base import Metric
from vleval.tasks.registry import get_task

SHARE, DISTANCE = Metric("acc", "Acc."), Metric("edit", "Edit", higher_is_better=False, worst=1.0)


def answer(index: int, score: float, metric: Metric = SHARE, **changes: Any) -> SampleRecord:
    return replace(sample("docvqa", index, 0.0), metrics={metric.name: score}, **changes)


def test_the_lowest_come_first_and_perfect_ones_not_at_all() -> None:
    found = examples([answer(0, 1.0), answer(1, 0.25), answer(2, 0.0), answer(3, 0.5)], [SHARE])
    assert [example.score for example in found] == ["0.0", "25.0", "50.0"]
    assert [example.question for example in found] == ["thing 2", "thing 1", "thing 3"]


def test_of_a_distance_the_largest_is_the_worst() -> None:
    found = examples(
        [answer(0, 0.0, DISTANCE), answer(1, 0.25, DISTANCE), answer(2, 1.0, DISTANCE)], [DISTANCE]
    )
    assert [example.score for example in found] == ["100.0", "25.0"]


def test_there_are_not_many() -> None:
    assert len(examples([answer(index, 0.0) for index in range(100)], [SHARE])) == MOST


def test_an_answer_is_judged_by_the_first_metric_that_it_has() -> None:
    (found,) = examples([answer(0, 0.5, DISTANCE), replace(answer(1, 0.0), metrics={})], [SHARE, DISTANCE])
    assert found.score == "50.0"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": "M-64107", "parsed": {"answer": "M-64107"}}, ("0.0", "M-64107")),
        ({"text": '[{"bbox_2d": ...', "parsed": {"boxes": [[1, 2, 3, 4]]}}, ("0.0", "box 1, 2, 3, 4")),
        ({"status": "unparsed", "reason": "no letter", "text": "egg"}, ("unparsed", "(no letter) egg")),
        ({"status": "failed", "reason": "out of memory", "text": ""}, ("failed", "(out of memory)")),
    ],
)
def test_what_was_said_and_why_it_does_not_count(changes: dict[str, Any], said: tuple[str, str]) -> None:
    (found,) = examples([answer(0, 0.0, target={"answers": ["M-64106"]}, **changes)], [SHARE])
    assert (found.score, found.answer.strip()) == said
    assert found.truth == "M-64106"


def test_everything_is_one_short_line() -> None:
    long = "word\n" * 5000
    (found,) = examples([answer(0, 0.0, question=long, text=long, target={"answers": [long]})], [SHARE])
    assert [len(field) for field in found[1:]] == [QUESTION, TRUTH, ANSWER]
    assert "\n" not in "".join(found)


HOSTILE = "| <b>\x1b[2J\u202e`x`"


def test_a_report_shows_them_of_the_best_setting_and_hostile_words_stay_words() -> None:
    from rich.console import Console

    def change(record: SampleRecord) -> SampleRecord:
        return replace(record, question=HOSTILE, text=HOSTILE, target={"answers": [HOSTILE]})

    runs = [report_run([0.0, 0.5], of="docvqa", tokens=tokens, change=change) for tokens in (16, 64)]
    (block,) = build_report(runs)
    assert example_table(block).title.startswith("Lowest answers at max-pixels ")
    console = Console(width=80, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
    for part in report_terminal([block], terminal_safe):
        console.print(part)
    text = console.export_text()
    assert "\x1b" not in text and "\u202e" not in text
    assert max(map(len, text.splitlines())) <= 80
    lines = [line for line in report_markdown([block]).splitlines() if "score" in line or "2J" in line]
    assert len({line.count("|") - line.count("\\|") for line in lines if line.startswith("|")}) == 1


def test_a_run_without_a_wrong_answer_has_no_such_table() -> None:
    (block,) = build_report([report_run([1.0, 1.0], of="docvqa")])
    assert [table.title for table in tables(block) if table.title.startswith("Lowest")] == []
    assert get_task("docvqa").metrics[0].percent
