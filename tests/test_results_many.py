"""Reports and boards of many tasks begin with one table of all headlines, which leads to the others."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console
from rich.console import RenderableType as Part

from board_kit import HUB, MODEL, OTHER, board_of, toy_run, variant
from report_kit import report_run
from vleval.console import terminal_safe
from vleval.results.boards.board import Board
from vleval.results.boards.page import board_page
from vleval.results.boards.view import board_markdown, board_tables
from vleval.results.reporting.contents import contents
from vleval.results.reporting.data import Block, build_report
from vleval.results.reporting.page import Thumbnails, report_page
from vleval.results.reporting.tables import advice_text, metric_table, score_table
from vleval.results.reporting.text import report_markdown, report_terminal
from vleval.stored.boards import known_metrics

SPLITS = ("test", "testA", "testB", "val")


def blocks_of(*splits: str) -> list[Block]:
    runs = [report_run([1.0, 0.0, 1.0]) for _ in splits]
    return build_report(
        replace(run, record=replace(run.record, data=replace(run.record.data, split=split)))
        for run, split in zip(runs, splits, strict=True)
    )


def printed(parts: Callable[[Console], list[Part]], width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    for part in parts(console):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    return [line.rstrip() for line in lines]


def test_a_report_on_many_begins_with_all_headlines() -> None:
    assert contents(blocks_of("a", "b", "c")) is None
    blocks = blocks_of("a", "b", "c", "d")
    whole = contents(blocks)
    assert whole is not None
    assert len(whole.rows) == 4
    assert all(row[1] == "Acc@0.5" and row[2].startswith("66.7 [") and row[3] == "3" for row in whole.rows)
    lines = printed(lambda _: list(report_terminal(blocks, terminal_safe)))
    assert lines[0] == "All tasks"
    assert sum("66.7" in line for line in lines[:10]) == 4
    assert report_markdown(blocks).startswith("## All tasks\n\n| task |")


def test_the_page_leads_from_its_contents_to_every_block() -> None:
    page = report_page(blocks_of("a", "b", "c", "d"), Thumbnails({}, ()))
    links = re.findall(r'<a href="#(block-\d+)">', page)
    assert links == ["block-1", "block-2", "block-3", "block-4"]
    assert all(page.count(f'id="{link}"') == 1 for link in links)
    assert '<a href="#contents">All tasks</a>' in page
    assert "<title>4 tasks - vleval</title>" in page
    few = report_page(blocks_of("a", "b"), Thumbnails({}, ()))
    assert 'id="contents"' not in few
    assert few.count('<a href="#block-') == 2


def test_the_score_of_the_only_setting_is_said_once_beside_its_table() -> None:
    (block,) = blocks_of("a")
    page = report_page([block], Thumbnails({}, ()))
    assert advice_text(block) not in page
    assert page.count(score_table(block).rows[0][1]) == 2, "in the box and in the table"


def test_directions_and_units_stand_in_the_tables_of_a_report() -> None:
    run = report_run([1.0, 0.5], of="charades-sta")
    distance = replace(run.task.metrics[0], percent=False, higher_is_better=False, worst=1.0)
    task = replace(run.task, metrics=(distance, *run.task.metrics[1:]))
    (block,) = build_report([replace(run, task=task)])
    assert score_table(block).headings[1] == f"{distance.title} ↓ [95% interval]"
    assert score_table(block).rows[0][1].startswith("0.750 [")
    assert metric_table(block).notes == [f"in percent: all but {distance.title}; ↓: lower is better"]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """Two models on four benchmarks."""
    folder = tmp_path_factory.mktemp("runs")
    first = variant(toy_run(folder / "toy"), folder / "hub", data=HUB, model=MODEL)
    runs = [
        variant(
            first, folder / f"{split}-{model['model'].replace('/', '-')}", data={"split": split}, model=model
        )
        for split in SPLITS
        for model in (MODEL, OTHER)
    ]
    return board_of(*runs)


def test_many_benchmarks_stand_below_each_other(many: Board) -> None:
    lines = printed(lambda console: board_tables(many, known_metrics, console))
    rows = [line for line in lines if line.startswith("refcoco:")]
    assert [row.split()[:2] for row in rows] == [[f"refcoco:{split}", "Acc@0.5"] for split in SPLITS]
    assert all(row.count("100.0 [") == 2 for row in rows)
    assert lines[-1].startswith("a table per benchmark")
    assert board_markdown(many, known_metrics).count("### ") == 5


def test_the_board_s_page_leads_to_every_table(many: Board) -> None:
    page = board_page(many, known_metrics)
    links = re.findall(r'<a href="#(table-\d)">(refcoco:\w+)</a>', page)
    assert [name for _, name in links] == [f"refcoco:{split}" for split in SPLITS]
    assert all(f'<h2 id="{link}">{name}</h2>' in page for link, name in links)
