"""The board for people: marks, notes, widths, and no word of a model that is more than a word."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from board_kit import BUNDLED, HOSTILE, HUB, MODEL, OTHER, board_of, toy_run, variant
from vleval.results.boards.board import HEAD, Board
from vleval.results.boards.page import board_page
from vleval.results.boards.view import board_document, board_markdown, board_tables, sections
from vleval.stored.boards import known_metrics


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    return variant(toy_run(folder / "toy"), folder / "hub", data=HUB, model=MODEL)


@pytest.fixture
def evil(hub: Path, tmp_path: Path) -> Board:
    """Every text of a run that comes from outside is hostile."""
    data = {"name": HOSTILE, "split": HOSTILE, "revision": HOSTILE, "fingerprint": HOSTILE}
    return board_of(variant(hub, tmp_path / "evil", model={"model": HOSTILE, "dtype": HOSTILE}, data=data))


def on_terminal(board: Board, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    for part in board_tables(board, known_metrics, console):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_one_benchmark_is_one_table_and_several_get_an_overview(hub: Path, tmp_path: Path) -> None:
    assert [section.title for section in sections(board_of(hub), known_metrics)] == ["refcoco:testA"]
    other = variant(hub, tmp_path / "b", data={"split": "testB"})
    found = sections(board_of(hub, other), known_metrics)
    assert [section.title for section in found] == ["overview", "refcoco:testA", "refcoco:testB"]
    assert found[0].rows == [["my-org/my-model", "default", "100.0", "100.0"]]


def test_partial_bundled_and_published_rows_carry_their_marks(hub: Path, tmp_path: Path) -> None:
    partial = variant(hub, tmp_path / "partial", model=OTHER, status="interrupted")
    (partial / "samples.jsonl").write_bytes(
        b"".join((hub / "samples.jsonl").read_bytes().splitlines(keepends=True)[:8])
    )
    bundled = variant(hub, tmp_path / "bundled", data=BUNDLED)
    board = board_of(hub, partial, bundled, published=True)
    overview, main, separate = sections(board, known_metrics)
    scores = ["100.0", "100.0*", "91.7", "92.5", "94.6", "90.6", "93.6", "95.3"]
    assert [row[2] for row in overview.rows if row[2]] == scores
    assert overview.notes == ["* partial"]
    names = [row[0] for row in main.rows]
    assert names[:2] == ["my-org/my-model", "my-org/other*"]
    assert names[2] == "Qwen/Qwen2.5-VL-3B-Instruct (published)"
    assert main.rows[2][2] == "91.7", "without an interval"
    assert main.notes[0] == "* partial: 8 of 40: my-org/other, default"
    assert "2502.13923" in main.notes[1]
    assert (separate.title, len(separate.rows)) == ("refcoco:testA[bundled]", 1)
    assert separate.rows[0][0] == "my-org/my-model (bundled)"
    assert "do not compare" in separate.notes[0]


def test_other_questions_under_one_name_are_noted(hub: Path, tmp_path: Path) -> None:
    other = variant(hub, tmp_path / "other", model=OTHER, data={"fingerprint": "9" * 64})
    (section,) = sections(board_of(hub, other), known_metrics)
    assert section.notes == ["these runs were not asked the same questions: n and data differ"]


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_headlines_within_its_width(hub: Path, tmp_path: Path, width: int) -> None:
    long = variant(
        hub, tmp_path / "long", model={"model": "/checkpoints/" + "long-" * 12}, vision={"fps": 2.0}
    )
    text = on_terminal(board_of(hub, long, published=True), width)
    assert "100.0 [83.9, 100.0]" in text, "Wilson's interval over 20 images"
    assert "94.6" in text
    assert "\u2026" not in text
    assert max(map(len, text.splitlines())) <= width


def test_a_task_of_another_vleval_is_shown_as_it_stands(hub: Path) -> None:
    board = board_of(hub)
    renamed = {name: name.replace("refcoco:", "later:") for name in board.columns}
    board.columns = list(renamed.values())
    board.rows = [{renamed[name]: cell for name, cell in row.items()} for row in board.rows]
    (section,) = sections(board, known_metrics)
    assert section.headings[2] == "acc@0.5 [95%]"
    assert section.rows[0][2].startswith("1 [")


def test_markdown_is_tables_of_words(hub: Path, evil: Board) -> None:
    reader = MarkdownIt("commonmark").enable("table")
    plain = reader.parse(board_markdown(board_of(hub), known_metrics))
    assert sum(token.type == "td_open" for token in plain) == 13
    tokens = reader.parse(board_markdown(evil, known_metrics))
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds == {"text"}, "no link, no code, no tag"
    assert sum(token.type == "td_open" for token in tokens) == 13


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes += attrs


def test_the_page_is_closed_to_the_outside_and_to_scripts(evil: Board) -> None:
    page = board_page(evil, known_metrics)
    tags = Tags()
    tags.feed(page)
    assert not {"script", "a", "img", "link", "iframe"} & {*tags.found}
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name in ("src", "href")]
    assert "default-src 'none'" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page)


def test_a_terminal_gets_no_control_characters(evil: Board) -> None:
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", on_terminal(evil, 100))


def test_the_document_holds_every_number_with_its_interval(hub: Path) -> None:
    document = json.loads(json.dumps(board_document(board_of(hub, published=True), known_metrics)))
    assert document["schema"] == "vleval/leaderboard@1"
    (benchmark,) = document["benchmarks"]
    assert (benchmark["name"], benchmark["task"]) == ("refcoco:testA", "refcoco")
    assert (
        benchmark["metrics"][0].items()
        >= {
            "name": "acc@0.5",
            "title": "Acc@0.5",
            "percent": True,
            "higher_is_better": True,
            "formula": "share of IoU >= 0.5",
        }.items()
    )
    run, *published = document["rows"]
    assert list(run) == [*HEAD[1:], "scores"]
    scores = run["scores"]["refcoco:testA"]
    assert scores["metrics"]["acc@0.5"]["n"] == 40
    assert len(scores["metrics"]["acc@0.5"]["interval"]) == 2
    assert (scores["status"], scores["samples"], scores["data_revision"]) == ("complete", 40, None)
    assert published[0]["scores"]["refcoco:testA"]["metrics"]["acc@0.5"] == {
        "value": 0.917,
        "interval": None,
        "n": None,
    }
