"""The board as a file: read back by csv and pandas, harmless in a spreadsheet, never damaged."""

from __future__ import annotations

import csv
import errno
from pathlib import Path

import pandas as pd
import pytest

from board_kit import HOSTILE, HUB, MODEL, OTHER, board_of, cells, toy_run, variant
from vleval.results.boards.board import Board
from vleval.results.boards.file import BoardError, read_board, write_board
from vleval.results.escape import formula_safe
from vleval.results.storage import disk

A = "refcoco:testA"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    return variant(toy_run(folder / "toy"), folder / "hub", data=HUB, model=MODEL)


@pytest.fixture
def file(hub: Path, tmp_path: Path) -> Path:
    path = tmp_path / "board.csv"
    write_board(path, board_of(hub))
    return path


def test_a_board_is_read_back_as_it_was_written(hub: Path, file: Path) -> None:
    board = board_of(hub)
    again = read_board(file)
    assert again.columns == board.columns
    for name in board.columns:
        assert [cell or None for cell in cells(again, name)] == [cell or None for cell in cells(board, name)]


def test_pandas_sees_numbers_as_numbers_and_words_as_words(hub: Path, file: Path) -> None:
    frame = pd.read_csv(file)
    assert frame[f"{A}/acc@0.5"].tolist() == [1.0]
    assert frame[f"{A}/acc@0.5/n"].dtype == "int64"
    assert frame["max_pixels"].isna().all()
    assert frame["model"].tolist() == ["my-org/my-model"]
    quoted = list(csv.reader(file.open(newline=""), quoting=csv.QUOTE_NONNUMERIC))
    assert dict(zip(*quoted, strict=True))[f"{A}/task_version"] == 1.0


def test_appending_the_same_again_changes_no_byte(hub: Path, file: Path) -> None:
    before = file.read_bytes()
    write_board(file, board_of(hub, published=True, into=read_board(file)))
    with_published = file.read_bytes()
    assert with_published.startswith(before)
    write_board(file, board_of(hub, published=True, into=read_board(file)))
    assert file.read_bytes() == with_published


def test_order_and_columns_of_the_owner_are_kept(hub: Path, file: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    frame.insert(0, "notes", ["=our own formula"])
    frame[frame.columns[::-1]].to_csv(file, index=False)
    other = variant(hub, tmp_path / "other", model=OTHER)
    write_board(file, board_of(other, into=read_board(file)))
    merged = pd.read_csv(file, dtype=str, keep_default_na=False)
    assert list(merged.columns) == list(frame.columns[::-1])
    assert merged["notes"].tolist() == ["=our own formula", ""]
    assert merged["model"].tolist() == ["my-org/my-model", "my-org/other"]
    assert merged[f"{A}/acc@0.5/n"].tolist() == ["40", "40"]


@pytest.mark.parametrize("raw", [False, True])
def test_hostile_words_stay_text(hub: Path, tmp_path: Path, raw: bool) -> None:
    file = tmp_path / "board.csv"
    evil = variant(
        hub, tmp_path / "evil", model={"model": HOSTILE}, data={"name": "-1+1|cmd", "revision": "\r@"}
    )
    write_board(file, board_of(evil), raw=raw)
    again = read_board(file)
    mark = "" if raw else "'"
    assert cells(again, "model") == [mark + HOSTILE]
    assert cells(again, f"{A}/data") == [mark + "-1+1|cmd"]
    assert cells(again, f"{A}/data_revision") == [mark + "\r@"]
    before = file.read_bytes()
    write_board(file, board_of(evil, into=again), raw=raw)
    assert file.read_bytes() == before, "an apostrophe does not grow"


def test_a_name_that_utf8_cannot_hold_is_written_as_its_escape(hub: Path, tmp_path: Path) -> None:
    """A folder's name need not be UTF-8: Python reads the byte 80 as U+DC80."""
    file = tmp_path / "board.csv"
    odd = variant(hub, tmp_path / "odd", model={"model": "my-\udc80"})
    write_board(file, board_of(odd))
    assert cells(read_board(file), "model") == ["my-\\udc80"]


FORMULAS = ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\0x", "\uff1d1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert formula_safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", " 1", "'=1", "1-1", "model@rev"])
def test_other_words_are_left_alone(text: str) -> None:
    assert formula_safe(text) == text


NO_BOARDS = [
    (b"", "is not a vleval board", "an empty file"),
    (b"a,b\n1,2\n", "is not a vleval board", "another table"),
    (b"\xff\xfe\x00", "is not a vleval board", "no text"),
    (b'"vleval_board","row_id"\n1,"x\n', "is not a vleval board", "an open quote"),
    (b"vleval_board,row_id,row_id\n1,a,b\n", "has a column twice", "a column twice"),
    (b"vleval_board,row_id\n1,a,b\n", "line 2 has 3 cells for 2 columns", "a row too long"),
    (b"vleval_board,row_id\n2,a\n", "board version 2, this vleval knows 1", "a later version"),
    (b"vleval_board,row_id,fps\n1,a,two\n", "fps is 'two', not a number", "a word among numbers"),
]


@pytest.mark.parametrize(("data", "sentence", "why"), NO_BOARDS, ids=[why for *_, why in NO_BOARDS])
def test_what_is_no_board_is_refused_in_a_sentence(
    tmp_path: Path, data: bytes, sentence: str, why: str
) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(data)
    with pytest.raises(BoardError, match=sentence):
        read_board(file)
    assert file.read_bytes() == data


def test_a_board_saved_by_a_spreadsheet_is_still_one(file: Path) -> None:
    """With a byte order mark, other line ends and no quotes."""
    rows = list(csv.reader(file.open(newline="")))
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out, lineterminator="\r\n").writerows(rows)
    assert cells(read_board(file), f"{A}/acc@0.5") == [1.0]


def test_a_full_disk_leaves_the_old_file(hub: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()

    def full(self: disk.Disk, descriptor: int, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk.Disk, "write", full)
    with pytest.raises(OSError, match="No space left"):
        write_board(file, Board(["vleval_board"], []))
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]
