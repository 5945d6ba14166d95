"""One number over several tasks: worked standard errors, and what is undefined."""

from __future__ import annotations

import pytest

from vleval.results.statistics.overall import macro_mean
from vleval.results.statistics.stats import Estimate, Interval


def estimate(value: float | None, error: float | None, n: int) -> Estimate:
    return Estimate(value, None, error, n, n, "t")


TASKS = [estimate(0.5, 0.01, 100), estimate(0.6, 0.02, 300), estimate(0.9, 0.015, 600)]


def test_the_worked_numbers() -> None:
    macro = macro_mean(TASKS)
    assert macro.value == pytest.approx(2 / 3)
    assert macro.standard_error == pytest.approx(0.008975274679, abs=1e-9)
    half = 1.959963985 * 0.008975274679
    assert macro.interval == pytest.approx(Interval(2 / 3 - half, 2 / 3 + half), abs=1e-9)
    assert (macro.n, macro.clusters) == (1000, 1000)


@pytest.mark.parametrize(
    ("tasks", "value", "method"),
    [
        ([], None, "no tasks"),
        ([*TASKS, estimate(None, None, 0)], None, "a task has no samples"),
        ([TASKS[0], estimate(0.7, None, 100)], 0.6, "a task has no standard error"),
    ],
)
def test_what_is_undefined_is_none_and_says_why(
    tasks: list[Estimate], value: float | None, method: str
) -> None:
    found = macro_mean(tasks)
    assert found.value == (None if value is None else pytest.approx(value))
    assert (found.interval, found.standard_error, found.method) == (None, None, method)
