"""Hostile words stay words in Markdown, in a workflow's log and in XML."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring, tostring

import pytest

from vleval.results.escape import markdown, one_line, workflow_message, workflow_property, xml

EVIL = (
    "a | b",
    "`code`",
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "**bold** _it_ ~~gone~~",
    "line one\nline two\r\n| row |",
    "\\| already",
    "&lt;b&gt;",
    "\x1b]0;owned\x07 \u202egnp.exe \ud800 \x00",
    "::error::x",
    "https://evil.example",
)


@pytest.mark.parametrize("text", EVIL)
def test_markdown_keeps_one_line_and_no_syntax(text: str) -> None:
    safe = markdown(text)
    assert len(safe.splitlines()) == 1
    assert "<" not in safe
    bare = safe.replace("\\\\", "")
    for char in "|`*_[]~":
        assert bare.count(char) == bare.count(f"\\{char}")
    assert "://" not in safe.replace("\\:", "")
    safe.encode()


def test_markdown_leaves_plain_words_alone() -> None:
    assert markdown("refcoco Acc@0.5: -1.2 (p < 0.05), 80.0 -> 78.8") == (
        "refcoco Acc@0.5: -1.2 (p &lt; 0.05), 80.0 -&gt; 78.8"
    )


@pytest.mark.parametrize("text", EVIL)
def test_a_workflow_command_ends_where_we_end_it(text: str) -> None:
    line = f"::error title={workflow_property(text)}::{workflow_message(text)}"
    assert len(line.splitlines()) == 1
    title = line.removeprefix("::error title=").partition("::")[0]
    assert ":" not in title
    assert "," not in title
    assert workflow_message("50%\n") == "50%25%0A"
    line.encode()


@pytest.mark.parametrize("text", EVIL)
def test_xml_is_well_formed(text: str) -> None:
    element = Element("a", {"b": xml(text)})
    element.text = xml(text)
    read = fromstring(tostring(element, encoding="utf-8"))
    assert read.text == xml(text).replace("\r\n", "\n")


def test_one_line_shows_no_controls() -> None:
    assert one_line("a\x1b[31m\nb\u2028c\t d") == "a [31m b c d"
