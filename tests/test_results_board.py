"""The leaderboard itself: which run goes to which row and which columns, and what never shares a column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from board_kit import BUNDLED, HUB, MODEL, OTHER, board_of, cells, toy_run, variant
from vleval.results.boards.board import COST, ENDS, HEAD, NUMBERS, TEXTS, Board, Column, benchmark_name
from vleval.results.storage.store import RUN_FILE, read_run
from vleval.stored.boards import setting_text
from vleval.tasks.grounding.refcoco import METRICS, TASK
from vleval.tasks.published import _OF_2, PUBLISHED, published

A = "refcoco:testA"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def hub(toy: Path, tmp_path: Path) -> Path:
    """A run on the hub's data, in a folder of its own."""
    return variant(toy, tmp_path / "hub", data=HUB, model=MODEL)


def test_a_row_tells_model_setting_scores_cost_and_versions(hub: Path) -> None:
    (row,) = board_of(hub).rows
    run = read_run(hub)
    assert run.summary is not None
    assert row["model"] == "my-org/my-model"
    assert row["setting"] == "default"
    assert row[f"{A}/acc@0.5"] == 1.0
    low, high = run.summary["metrics"]["acc@0.5"]["interval"]
    assert row[f"{A}/acc@0.5/low"] == round(low, 6)
    assert (row[f"{A}/acc@0.5/high"], row[f"{A}/acc@0.5/n"]) == (round(high, 6), 40)
    assert row[f"{A}/visual_tokens"] == run.summary["visual_tokens"]
    assert row[f"{A}/seconds_per_sample"] == round(run.summary["seconds"] / 40, 6)
    assert row[f"{A}/peak_memory_bytes"] == 123_000_000
    assert (row[f"{A}/task_version"], row[f"{A}/data_fingerprint"]) == (1, run.data.fingerprint)
    assert (row[f"{A}/vleval"], row[f"{A}/status"]) == (run.environment["vleval"], "complete")


def test_columns_stand_in_the_documented_order(hub: Path) -> None:
    metrics = [name for metric in METRICS for name in (metric.name, *(f"{metric.name}/{e}" for e in ENDS))]
    wanted = [*HEAD, *(f"{A}/{name}" for name in (*metrics, *NUMBERS, *TEXTS))]
    assert board_of(hub).columns == wanted
    assert NUMBERS[: len(COST)] == COST


def test_new_benchmarks_go_to_the_right_whatever_their_name(toy: Path, tmp_path: Path, hub: Path) -> None:
    early = variant(toy, tmp_path / "early", data=HUB | {"split": "aaa"}, model=MODEL)
    board = board_of(hub)
    before = list(board.columns)
    board_of(early, into=board)
    assert board.columns[: len(before)] == before
    assert all(name.startswith("refcoco:aaa/") for name in board.columns[len(before) :])
    assert len(board.rows) == 1, "one model in one setting is one row"


def test_on_a_new_board_benchmarks_stand_in_the_order_of_the_tasks_whatever_that_of_the_runs(
    toy: Path, tmp_path: Path, hub: Path
) -> None:
    local = variant(toy, tmp_path / "local", model=MODEL)
    spots = variant(toy, tmp_path / "spots", data=HUB, task={"name": "screenspot"}, model=MODEL)
    wanted = [A, "refcoco:val[local]", "screenspot:testA"]
    for order in ((hub, local, spots), (spots, local, hub)):
        columns = map(Column.parse, board_of(*order).columns)
        assert list(dict.fromkeys(column.benchmark for column in columns if column)) == wanted


def test_bundled_local_and_hub_data_never_share_a_column(toy: Path, tmp_path: Path, hub: Path) -> None:
    bundled = variant(toy, tmp_path / "bundled", data=BUNDLED, model=MODEL, bundled_model=True)
    local = variant(toy, tmp_path / "local", data={"split": "testA"}, model=MODEL)
    board = board_of(hub, bundled, local)
    assert board.benchmarks() == [A, "refcoco:testA[local]", "refcoco:testA[bundled]"]
    filled = [{name for name in board.benchmarks() if row.get(f"{name}/identity")} for row in board.rows]
    assert filled == [{A, "refcoco:testA[local]"}, {"refcoco:testA[bundled]"}]
    assert cells(board, "bundled") == ["", "model and data"]
    assert cells(board, "model") == ["my-org/my-model", "bundled checkpoint"]


SAME = [
    ({}, 1, "the same run"),
    ({"started": "2030-01-01T00:00:00+00:00", "seconds": 9.0}, 1, "run again"),
    ({"environment": {"pillow": "99"}}, 1, "with another library: it stands beside the score"),
    ({"model": {"model": "/other/path"}}, 1, "the same weights under another name"),
    ({"model": {"fingerprint": "c" * 64}}, 2, "other weights"),
    ({"model": {"dtype": "bfloat16"}}, 2, "another dtype"),
    ({"vision": {"max_pixels": 12544}}, 2, "another setting"),
    ({"coordinates": "relative-1000"}, 2, "another unit"),
    ({"generation": {"max_new_tokens": 5}}, 2, "shorter answers"),
    ({"data": {"fingerprint": "d" * 64}}, 2, "other questions of the same name"),
    ({"task": {"version": 2}}, 2, "another version of the task"),
]


@pytest.mark.parametrize(("changes", "rows", "why"), SAME, ids=[why for *_, why in SAME])
def test_identity_is_model_setting_data_and_task_version(
    hub: Path, changes: dict[str, Any], rows: int, why: str
) -> None:
    board = board_of(hub)
    board_of(variant(hub, hub.with_name("again"), **changes), into=board)
    assert len(board.rows) == rows


def test_the_same_run_again_replaces_its_numbers_in_its_place(toy: Path, hub: Path, tmp_path: Path) -> None:
    other = variant(toy, tmp_path / "other", data=HUB, model=OTHER)
    board = board_of(hub, other)
    summary = json.loads((hub / RUN_FILE).read_text())["summary"]
    board_of(variant(hub, tmp_path / "slower", summary=summary | {"seconds": 400.0}), into=board)
    assert cells(board, "model") == ["my-org/my-model", "my-org/other"]
    assert cells(board, f"{A}/seconds_per_sample")[0] == 10.0
    assert cells(board, f"{A}/run") == ["slower", "other"]


def test_a_partial_run_is_marked_and_never_replaces_a_complete_one(hub: Path) -> None:
    lines = (hub / "samples.jsonl").read_bytes().splitlines(keepends=True)
    partial = variant(hub, hub.with_name("partial"), status="running", summary=None)
    (partial / "samples.jsonl").write_bytes(b"".join(lines[:10]))
    alone = board_of(partial)
    assert cells(alone, f"{A}/status") == ["partial: 10 of 40"]
    assert cells(alone, f"{A}/acc@0.5/n") == [10]
    assert cells(board_of(hub, partial), f"{A}/status") == ["complete"]
    assert cells(board_of(partial, hub), f"{A}/status") == ["complete"]


def test_a_summary_of_an_earlier_form_is_made_anew_from_the_answers(hub: Path) -> None:
    raw = json.loads((hub / RUN_FILE).read_text())
    old = {name: {"mean": 0.5, "interval": None, "n": 40} for name in raw["summary"]["metrics"]}
    stale = variant(hub, hub.with_name("stale"), summary=raw["summary"] | {"metrics": old})
    assert cells(board_of(stale), f"{A}/acc@0.5") == [1.0]


NOT_COMPARABLE = [
    (HUB | {"split": "val (UNC + Google)"}, "the hub's val mixes two protocols"),
    (HUB | {"split": "test (Google)"}, "not a published split"),
    (BUNDLED, "bundled data"),
    ({"split": "testA"}, "a local file with another number of questions"),
]


@pytest.mark.parametrize(("data", "why"), NOT_COMPARABLE, ids=[why for _, why in NOT_COMPARABLE])
def test_published_figures_stay_away_where_they_do_not_compare(
    hub: Path, data: dict[str, Any], why: str
) -> None:
    other = variant(hub, hub.with_name("other"), data={"bundled": False} | data | {"name": "x"})
    if "origin" not in data:
        other = variant(other, hub.with_name("local"), data={"origin": "local"})
    assert cells(board_of(other, published=True), "source") == ["run"]


@pytest.mark.parametrize("data", [{}, {"origin": "local", "samples": 5657}], ids=["hub", "local copy"])
def test_published_figures_stand_beside_a_run_on_their_split(hub: Path, data: dict[str, Any]) -> None:
    run = variant(hub, hub.with_name("run"), data=data)
    board = board_of(run, published=True)
    board_of(run, published=True, into=board)
    column = benchmark_name("refcoco", "testA", data.get("origin", "hub")) + "/acc@0.5"
    assert cells(board, column) == [1.0, 0.917, 0.925, 0.946, 0.906, 0.936, 0.953]
    assert cells(board, "source") == ["run", *["published"] * 6]
    both = [("2.5", size) for size in ("3B", "7B", "72B")] + [("2", size) for size in ("2B", "7B", "72B")]
    assert cells(board, "model")[1:] == [f"Qwen/Qwen{of}-VL-{size}-Instruct" for of, size in both]
    assert cells(board, f"{column}/low")[1:] == [None] * 6
    assert "2502.13923" in str(cells(board, column.replace("acc@0.5", "data"))[1])


@pytest.mark.parametrize("part", [{"limit": 40}, {"limit": 0.1}, {"offset": 3}, {"sample_id": ["a"]}])
def test_published_figures_stay_away_from_a_part_of_their_split(hub: Path, part: dict[str, Any]) -> None:
    run = variant(hub, hub.with_name("part"), config=part)
    assert cells(board_of(run, published=True), "source") == ["run"]
    whole = variant(run, hub.with_name("whole"), data={"samples": 5657})
    assert len(cells(board_of(whole, published=True), "source")) == 7, "a limit that leaves nothing out"


def test_published_tables_are_whole_and_in_range() -> None:
    keys = [(row.task, row.split, row.metric, row.family) for row in PUBLISHED]
    assert len(keys) == len({*keys})
    assert all(0 < row.value(size) < 1 for row in PUBLISHED for size in row.scores)
    assert {row.split for row in published("refcoco")} == {"val", "testA", "testB"}
    assert published("charades-sta", "test")[0].value("32B") == 0.542
    assert {row[:3] for row in PUBLISHED if row.family == "Qwen2-VL"} == {*_OF_2}, "none is lost on the way"
    assert published("ocrbench")[0].value("7B") == 0.864, "points of 1000"
    assert {row.metric for row in published(TASK.name)} == {METRICS[0].name}


def test_settings_are_told_as_flags(hub: Path) -> None:
    seen = {"max_pixels": 1003520, "min_pixels": 1000, "fps": 2.0, "sampling": "left"}
    run = variant(hub, hub.with_name("seen"), vision=seen)
    told = "min-pixels 1000, max-pixels 1280t, fps 2, frame-sampling left"
    assert setting_text(read_run(run)) == told


COLUMNS = [
    (f"{A}/acc@0.5", Column(A, "acc@0.5"), "a metric"),
    (f"{A}/acc@0.5/low", Column(A, "acc@0.5", "low"), "an end of its interval"),
    ("refcoco:val (UNC + Google)/data", Column("refcoco:val (UNC + Google)", "data"), "a split of words"),
    ("model", None, "about the model"),
    ("my notes/2024", None, "somebody's own"),
    ("10:30/acc/middle", None, "no such end"),
]


@pytest.mark.parametrize(("text", "column", "why"), COLUMNS, ids=[why for *_, why in COLUMNS])
def test_columns_are_known_by_their_names(text: str, column: Column | None, why: str) -> None:
    assert Column.parse(text) == column
    assert column is None or str(column) == text


def test_an_empty_board_has_no_benchmarks() -> None:
    assert Board().benchmarks() == []
