"""OCRBench v2's tables and charts: the table that an answer holds, compared with the true one by TEDS.

Source: `wrap_html_table`, `convert_markdown_table_to_html` and `dict_to_html` of the benchmark's script. A
Markdown table and a chart's dictionary become HTML first; of a dictionary each entry is a row of two cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vleval.tasks.text.teds import teds

_MARKDOWN_FENCE = "`markdown"
"""Letters that go from both ends of an answer: the script strips them one by one, in any order."""


def html_table(text: str) -> str | None:
    """An answer from its `<body` on, else from its first `<table` on, in one line; None without either."""
    line = text.replace("\n", "")
    start = next((at for at in (line.find("<body"), line.find("<table")) if at >= 0), None)
    return None if start is None else line[start:]


def whole_table(html: str) -> str:
    """The same with `<table>` around it where the tag is missing at either end (tables of the truth)."""
    line = html.replace("\n", "")
    opened, closed = "<table" in line, "</table>" in line
    return f"{'' if opened else '<table>'}{line}{'' if closed else '</table>'}"


def markdown_table(text: str) -> str:
    """The rows of a Markdown table as HTML; the second line is taken for the one below the head, unseen."""
    lines = text.strip(_MARKDOWN_FENCE).strip("`").strip().split("\n")
    rows = (_cells(line) for line in (lines[0], *lines[2:]))
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def chart_table(chart: Mapping[Any, Any]) -> str:
    """A chart's names and values as HTML; the script sets a space between all characters of a value."""
    rows = (f"<tr><td>{name}</td><td>{' '.join(str(value))}</td></tr>" for name, value in chart.items())
    return f"<table>{''.join(rows)}</table>"


def html_likeness(said: str, truth: str) -> float:
    """TEDS of two tables in HTML."""
    return teds(whole_table(said), whole_table(truth))


def markdown_likeness(said: str, truth: str) -> float:
    """TEDS of two tables in Markdown."""
    return teds(markdown_table(said), markdown_table(truth))


def chart_likeness(said: Mapping[Any, Any], truth: Mapping[Any, Any]) -> float:
    """TEDS of two charts' dictionaries."""
    return teds(chart_table(said), chart_table(truth))


def _cells(line: str) -> str:
    """What stands between the first and the last bar of a line; a cell of spaces alone keeps one."""
    texts = line.strip().split("|")[1:-1]
    return "".join(f"<td>{text.strip() if set(text) != {' '} else ' '}</td>" for text in texts)
