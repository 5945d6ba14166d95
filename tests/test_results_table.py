"""Summary and table: what counts as what, and legible at 80 columns."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from test_results_summary import SAMPLE
from vleval.results.record import SampleRecord
from vleval.results.summary import Summary, summarise
from vleval.results.table import Row, comparison, memory, number
from vleval.tasks.base import Metric

METRICS = (
    Metric("acc@0.5", "Acc@0.5"),
    Metric("mean_iou", "mean IoU"),
    Metric("acc@0.7", "Acc@0.7"),
    Metric("acc@0.9", "Acc@0.9"),
    Metric("center_acc", "center"),
)


def sample(number: int, status: str, value: float, cluster: str) -> SampleRecord:
    metrics = {metric.name: value for metric in METRICS}
    failure = "input_error" if status == "failed" else None
    frames = () if status == "failed" else SAMPLE.frames
    return replace(
        SAMPLE,
        id=str(number),
        status=status,
        metrics=metrics,
        cluster=cluster,
        failure=failure,
        frames=frames,
    )


def summary(expected: int = 5) -> Summary:
    records = [
        sample(0, "scored", 1.0, "a"),
        sample(1, "scored", 0.0, "a"),
        sample(2, "unparsed", 0.0, "b"),
        sample(3, "failed", 0.0, "c"),
        sample(4, "scored", 1.0, "c"),
    ]
    return summarise(records, METRICS, expected=expected, seconds=2.0, peak_memory_bytes=1_500_000_000)


def rendered(width: int, *rows: Row, baselines: dict[str, dict[str, float]] | None = None) -> str:
    console = Console(file=io.StringIO(), width=width, no_color=True, highlight=False)
    console.print(comparison(rows, METRICS, baselines or {}, console, "refcoco"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_unparsed_and_failed_count_as_zero_and_are_left_out_of_answered() -> None:
    found = summary()
    assert (found.n, found.scored, found.unparsed, found.failed) == (5, 3, 1, 1)
    assert found.metrics["acc@0.5"].value == pytest.approx(2 / 5)
    assert found.answered["acc@0.5"] == pytest.approx(2 / 3)
    assert found.coverage == pytest.approx(3 / 5)
    assert found.failures == {"input_error": 1}


def test_an_incomplete_run_does_not_cover_what_it_never_asked() -> None:
    assert summary(expected=50).coverage == pytest.approx(3 / 50)


def test_visual_tokens_are_counted_once_per_image() -> None:
    assert summary().visual_tokens == 88


def test_shares_stay_between_0_and_1() -> None:
    interval = summary().metrics["acc@0.5"].interval
    assert interval is not None
    assert interval.low == 0.0
    assert interval.high <= 1.0


@pytest.mark.parametrize("width", [80, 100, 160])
def test_every_number_is_whole_at_any_width(width: int) -> None:
    rows = [Row({"max-pixels": label}, summary()) for label in ("16t", "1280t")]
    text = rendered(width, *rows, baselines={"whole clip": {"mean_iou": 0.25}})
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in text
    for label in ("16t", "1280t"):
        row = next(line for line in lines if line.startswith(label))
        assert row.split()[1:4] == ["40.0", "[", "0.0,"]
        assert row.split()[-6:] == ["1", "1", "88", "2.5", "1.5", "GB"]
    assert any(line.startswith("whole clip") and "25.0" in line for line in lines)
    for metric in METRICS:
        assert metric.title.split()[-1] in text


def test_two_varying_settings_fit_80_columns() -> None:
    rows = [Row({"max-pixels": "1280t", "fps": fps}, summary()) for fps in ("0.5", "12")]
    text = rendered(80, *rows)
    assert max(map(len, text.splitlines())) <= 80
    assert any(line.split()[:2] == ["1280t", "0.5"] for line in text.splitlines())
    assert "pixels" in text


@pytest.mark.parametrize("width", [80, 100, 160])
def test_differences_are_whole_at_any_width(width: int) -> None:
    """In the first table where everything fits it, else in a second one, alone if need be."""
    said = "+12.3 [ -9.8, +34.4]"
    labels = [{"max-pixels": "1280t", "fps": fps} for fps in ("0.5", "12")]
    rows = [Row(label, summary(), difference) for label, difference in zip(labels, ("", said), strict=True)]
    text = rendered(width, *rows, baselines={"best constant span": {"mean_iou": 0.25}})
    assert max(map(len, text.splitlines())) <= width
    assert text.count(said) == 1
    line = next(line for line in text.splitlines() if said in line)
    assert line.split()[:2] == ["1280t", "12"]
    assert "Acc@0.5 vs first" in text
    assert ("GB" in line) == (width == 160)
    assert "vs first" not in rendered(width, *(row._replace(difference="") for row in rows))


def test_small_figures() -> None:
    assert [memory(0), memory(412_300_000), memory(15_340_000_000)] == ["-", "412 MB", "15.3 GB"]
    assert [number(None), number(0.1234), number(12.34), number(1234.5)] == ["-", "0.123", "12.3", "1234"]


def wide(*metrics: Metric, width: int = 80) -> list[str]:
    records = [
        replace(sample(n, "scored", 0.0, str(n)), metrics={each.name: 0.25 for each in metrics})
        for n in range(3)
    ]
    found = summarise(records, metrics, expected=3, seconds=1.0, peak_memory_bytes=10**9)
    console = Console(file=io.StringIO(), width=width, no_color=True, highlight=False)
    console.print(comparison([Row({}, found)], metrics, {}, console, "pages"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_many_metrics_fill_as_many_tables_as_they_need(width: int) -> None:
    metrics = [Metric(f"m{n}", f"Measure number {n}") for n in range(20)]
    lines = wide(*metrics, width=width)
    assert max(map(len, lines)) <= width
    tables = [number for number, line in enumerate(lines) if line.startswith("setting")]
    assert len(tables) > 2
    assert all(lines[number + 2].startswith("default ") for number in tables)
    assert sum(line.split().count("25.0") for line in lines) == len(metrics)


def test_headings_have_two_lines_at_most() -> None:
    lines = wide(
        Metric("a", "Success"), Metric("b", "Off by <= 1"), Metric("c", "Relaxed acc. (mended) twice")
    )
    assert lines[0] == "pages"
    assert lines[3].startswith("─")
    assert "Off by" in lines[1]


def test_units_and_directions_are_told_where_they_differ() -> None:
    distance = Metric("edit", "Edit", percent=False, higher_is_better=False, worst=1.0)
    lines = wide(distance, Metric("teds", "TEDS"), Metric("f1", "F1"))
    assert any("Edit ↓" in line for line in lines)
    assert "0.250 [" in lines[4]
    assert lines[-1] == "in percent: all but Edit; ↓: lower is better"
    assert wide(Metric("teds", "TEDS"))[-1].startswith("default")
