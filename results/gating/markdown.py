"""The verdict as Markdown for a job's summary page, in a limited number of bytes.

GitHub shows nothing of a summary above 1 MiB, so what matters least goes first: flips, then the lines on
each comparison, then the table. The verdict itself always stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vleval.results.comparing.table import (
    change_lines,
    markdown_flips,
    markdown_table,
    remarks,
    title,
)
from vleval.results.escape import markdown
from vleval.results.gating.text import check_row, check_sentence, headings, needs_words, verdict_line

LARGEST = 900 * 1024
"""Bytes of a job's summary, all steps' writing to one file together."""


def verdict_markdown(document: Mapping[str, Any], *, room: int = LARGEST) -> str:
    """The document as Markdown of at most `room` bytes, if the verdict alone fits."""
    head = [f"## vleval gate: {markdown(verdict_line(document))}"]
    table = [
        markdown_table(headings(document), [check_row(check) for check in document["checks"]]),
        _list(
            [
                *(check_sentence(check) for check in document["checks"] if needs_words(check)),
                *(f"warning: {warning}" for warning in document["warnings"]),
            ]
        ),
    ]
    about = [
        block
        for comparison in document["comparisons"]
        for block in (
            f"### {markdown(title(comparison))}",
            _list([*remarks(comparison), *change_lines(comparison)]),
        )
    ]
    flips = [found for comparison in document["comparisons"] if (found := markdown_flips(comparison))]
    blocks = [head, table, about, flips]
    while len(blocks) > 1 and len(_joined(blocks).encode()) > room:
        blocks.pop()
    return _joined(blocks)


def _joined(blocks: list[list[str]]) -> str:
    return "\n\n".join(block for several in blocks for block in several if block) + "\n\n"


def _list(lines: list[str]) -> str:
    return "\n".join(f"- {markdown(line)}" for line in lines)
