"""What reaches a terminal: nothing that steers it, results on stdout, talk and progress on stderr."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vleval.console import Console, Overall, terminal_safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]8;;file:///etc/passwd\x07x", "\\x1b]8;;file:///etc/passwd\\x07x"),
        ("over\rwrite\x08", "over\\x0dwrite\\x08"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("c1 \x9b31m", "c1 \\x9b31m"),
        ("half \udc80", "half \\udc80"),
        ("kept: ünï 中文 \t [/x] [link=file://x]", "kept: ünï 中文 \t [/x] [link=file://x]"),
    ],
)
def test_steering_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert terminal_safe(text) == shown


@given(st.text(alphabet=st.characters()))
def test_safe_text_is_printable_or_white_and_stays_safe(text: str) -> None:
    safe = terminal_safe(text)
    assert not any(ord(char) < 32 and char not in "\n\t" or 127 <= ord(char) < 160 for char in safe)
    assert terminal_safe(safe) == safe
    safe.encode("utf-8")


def test_talk_goes_to_stderr_and_results_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(verbose=True)
    console.note("a note [bold]")
    console.detail("an answer \x1b[2J")
    console.warn("careful")
    console.error("broken")
    console.result("42")
    said = capsys.readouterr()
    assert said.out == "42\n"
    assert said.err == "a note [bold]\nan answer \\x1b[2J\nwarning: careful\nerror: broken\n"


def test_quiet_keeps_warnings_and_errors(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(quiet=True)
    console.note("a note")
    with console.progress("refcoco", 10) as progress:
        for _ in range(10):
            progress.advance("")
    console.warn("careful")
    console.error("broken")
    assert capsys.readouterr().err == "warning: careful\nerror: broken\n"


def test_json_is_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(json=True)
    console.result("a table")
    console.document({"text": "ünï\x1b"})
    said = capsys.readouterr().out
    assert json.loads(said) == {"text": "ünï\x1b"}
    assert said.isascii()
    assert "\x1b" not in said


def test_a_log_gets_a_line_every_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with Console().progress("refcoco", 250) as progress:
        for _ in range(250):
            progress.advance("Acc@0.5 50.0")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("refcoco: 25/250 (10%), Acc@0.5 50.0, ")
    assert lines[-1].startswith("refcoco: 250/250 (100%)")


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    console = Console()
    console.err._force_terminal = True
    with console.progress("refcoco", 3) as progress:
        for _ in range(3):
            progress.advance("Acc@0.5 50.0")
    said = capsys.readouterr().err
    assert "3/3" in said
    assert "Acc@0.5 50.0" in said


def test_a_bar_of_several_runs_has_a_line_for_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    console, overall = Console(), Overall(8)
    console.err._force_terminal = True
    for title in ("1/2 refcoco", "2/2 docvqa"):
        with console.progress(title, 4, overall) as progress:
            for _ in range(4):
                progress.advance("")
    said = capsys.readouterr().err
    assert "8/8" in said
    assert "0 s left" in said
    assert "2/2 docvqa" in said
