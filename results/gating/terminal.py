"""The verdict for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from vleval.results.comparing.table import change_lines, flip_lines, one_row, plain_table, remarks, title
from vleval.results.gating.text import check_row, check_sentence, headings, needs_words, verdict_line

if TYPE_CHECKING:
    from rich.console import RenderableType

STYLES = {"PASS": "bold green", "FAIL": "bold red", "INCONCLUSIVE": "bold yellow"}


def verdict_table(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The document, whose words must have been made safe for a terminal; the verdict comes last."""
    from rich.text import Text

    rows = [check_row(check) for check in document["checks"]]
    yield plain_table([each.replace(" ", "\n", 1) for each in headings(document)], rows, left=3)
    yield from (Text(check_sentence(check)) for check in document["checks"] if needs_words(check))
    yield from (Text(f"warning: {warning}", "yellow") for warning in document["warnings"])
    for comparison in document["comparisons"]:
        yield Text()
        yield Text(title(comparison), style="bold")
        yield from map(Text, (*remarks(comparison), *change_lines(comparison)))
        yield from map(one_row, flip_lines(comparison))
    yield Text()
    yield Text(f"Verdict: {verdict_line(document)}", STYLES.get(document["outcome"], "bold red"))
