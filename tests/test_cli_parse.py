"""`vleval parse` as a user meets it: an answer goes in, items and ledger come out, and no model is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pointing_kit import vleval
from test_cli_commands import HEAVY, loaded_by

BOX = b'```json\n[{"bbox_2d": [63, 42, 126, 168], "label": "car"}]\n```'
SIZES = ("--input-size", "252x168", "--original-size", "640x427")


def parsed(*flags: str, stdin: bytes) -> dict[str, Any]:
    result = vleval("parse", *flags, stdin=stdin)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    assert document["schema"] == "vleval/parse@1"
    return document


def test_a_box_is_mapped_where_both_sizes_are_known() -> None:
    document = parsed(*SIZES, stdin=BOX)
    assert document["items"] == [
        {
            "box": [160.0, 106.75, 320.0, 427.0],
            "as_written": [63.0, 42.0, 126.0, 168.0],
            "label": "car",
            "offset": document["items"][0]["offset"],
        }
    ]
    assert BOX.decode()[document["items"][0]["offset"] :].startswith("[63")
    assert [entry[0] for entry in document["ledger"]] == ["fenced"]
    assert (document["strict"], document["mapped"], document["coordinates"]) == (True, True, "absolute")
    assert document["characters"] == len(BOX)


MAPPINGS = [
    ((), None, "nothing is known"),
    (("--input-size", "252x168"), None, "the original is not known"),
    (("--original-size", "640x427"), None, "absolute numbers need the input"),
    ((*SIZES, "--coordinates", "original"), [63, 42, 126, 168], "already in original pixels"),
    (
        ("--original-size", "2000x500", "--coordinates", "relative-1000"),
        [126, 21, 252, 84],
        "shares of the sides need no input",
    ),
    (("--original-size", "200×100", "--coordinates", "percent"), [126, 42, 252, 168], "a times sign will do"),
    (
        ("--input-size", "200x200", "--original-size", "400x200", "--letterbox"),
        [126, -16, 252, 236],
        "a bar of 50 above and below, twice as large",
    ),
]


@pytest.mark.parametrize(("flags", "box", "reason"), MAPPINGS, ids=[row[2] for row in MAPPINGS])
def test_mappings(flags: tuple[str, ...], box: list[float] | None, reason: str) -> None:
    document = parsed(*flags, stdin=BOX)
    assert document["items"][0]["box"] == (None if box is None else pytest.approx(box)), reason
    assert document["mapped"] is (box is not None)


KINDS = [
    ("point", b'{"point_2d": [63, 84], "label": "eye"}', "point", [160.0, 213.5]),
    ("point", b'<point x="10" y="20" alt="a">a</point>', "point", None),
    ("html", b'<h2 data-bbox="63 42 126 168">Title</h2>', "box", [160.0, 106.75, 320.0, 427.0]),
]


@pytest.mark.parametrize(("kind", "said", "key", "place"), KINDS)
def test_points_and_pages(kind: str, said: bytes, key: str, place: list[float] | None) -> None:
    (item,) = parsed("--kind", kind, *SIZES, stdin=said)["items"]
    if place is not None:
        assert item[key] == place
    if kind == "html":
        assert (item["tag"], item["text"]) == ("h2", "Title")


def test_spans_are_seconds() -> None:
    document = parsed("--kind", "span", "--duration", "30", stdin=b"from 00:12 to 00:31.5")
    assert [item["span"] for item in document["items"]] == [[12.0, 31.5]]
    assert "out_of_frame" in [entry[0] for entry in document["ledger"]]
    assert (document["coordinates"], document["mapped"]) == (None, False)
    told = vleval("parse", "--kind", "span", "--input-size", "9x9", stdin=b"1.0 - 2.0")
    assert "change nothing" in told.stderr


def test_what_was_not_in_order_is_in_the_ledger() -> None:
    said = b'[{"bbox_2d": [9, 9, 5, 5]}, {"bbox_2d": [1, 1, 999, 9]}, {"bbox_2d": [3'
    document = parsed(*SIZES, "--expected", "1", stdin=said)
    kinds = {entry[0] for entry in document["ledger"]}
    assert {"swapped", "out_of_frame", "extra_items", "truncated"} <= kinds
    assert len(document["items"]) == 2
    assert document["strict"] is False


def test_nothing_found_is_an_answer() -> None:
    document = parsed(stdin=b"There is no car.")
    assert document["items"] == []
    assert [entry[0] for entry in document["ledger"]] == ["refusal"]
    assert parsed(stdin=b"")["items"] == []


def test_bytes_that_are_no_text_survive() -> None:
    result = vleval("parse", stdin=b"\xff\xfe \x00" + BOX)
    document = json.loads(result.stdout)
    assert document["invalid_utf8"] is True
    assert len(document["items"]) == 1
    assert "not valid UTF-8" in result.stderr
    assert parsed(stdin="\ufffd 車 ".encode() + BOX)["invalid_utf8"] is False


def test_a_file_or_stdin(tmp_path: Path) -> None:
    file = tmp_path / "answer.txt"
    file.write_bytes(BOX)
    assert parsed(str(file), stdin=b"")["items"] == parsed("-", stdin=BOX)["items"]


def test_a_terminal_gets_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
    result = vleval("parse", stdin=BOX)
    assert "press Ctrl-D" in result.stderr
    assert len(json.loads(result.stdout)["items"]) == 1


FAULTS = [
    (["gone.txt"], "cannot read gone.txt"),
    (["--input-size", "640"], "--input-size: '640' is not WIDTHxHEIGHT"),
    (["--original-size", "0x9"], "--original-size: '0x9'"),
    (["--original-size", "4²x9"], "--original-size: '4²x9'"),
    (["--letterbox", "--input-size", "9x9"], "--letterbox needs both"),
    (["--kind", "mask"], "--kind"),
    (["--expected", "0"], "--expected"),
    (["--coordinates", "inches"], "--coordinates"),
]


@pytest.mark.parametrize(("flags", "sentence"), FAULTS, ids=[" ".join(fault[0]) for fault in FAULTS])
def test_slips_are_one_sentence(flags: list[str], sentence: str) -> None:
    result = vleval("parse", *flags, stdin=BOX)
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""


def test_parsing_loads_no_model(tmp_path: Path) -> None:
    file = tmp_path / "answer.txt"
    file.write_bytes(BOX)
    assert loaded_by(["parse", str(file), *SIZES], (*HEAVY, "av", "PIL", "vleval.running.config")) == []
    assert loaded_by(["parse", "--help"], (*HEAVY, "numpy", "av", "PIL", "vleval.running.config")) == []
    text = vleval("parse", "--help").stdout
    assert "vleval parse answer.txt --input-size 252x168 --original-size 640x427" in text
