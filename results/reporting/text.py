"""A report in the terminal, legible at 80 columns, and as Markdown, e.g. for a job's summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vleval.results.comparing.table import markdown_table
from vleval.results.escape import markdown
from vleval.results.reporting.contents import contents
from vleval.results.reporting.data import Block
from vleval.results.reporting.tables import TextTable, advice_text, subtitle, tables, title

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType


def report_terminal(blocks: Sequence[Block], safe: Callable[[str], str]) -> Iterator[RenderableType]:
    """The whole report for a terminal; `safe` makes words of models and files harmless there."""
    from rich.text import Text

    whole = contents(blocks)
    if whole is not None:
        yield from _titled(whole, safe, gap=0)
    for number, block in enumerate(blocks):
        if number or whole is not None:
            yield Text()
        yield Text(safe(title(block)), style="bold")
        yield Text(safe(subtitle(block)), style="dim")
        yield Text(safe(advice_text(block)))
        for finding in block.findings:
            yield Text(safe(f"! {finding.text}"), style="yellow")
        for table in tables(block):
            yield Text()
            yield from _titled(table, safe)


def report_markdown(blocks: Sequence[Block]) -> str:
    """The whole report as Markdown; every word that is not ours is escaped."""
    whole = contents(blocks)
    parts = _titled_markdown(whole, "##") if whole is not None else []
    for block in blocks:
        parts += [
            f"## {markdown(title(block))}",
            markdown(subtitle(block)),
            f"**{markdown(advice_text(block))}**",
        ]
        if block.findings:
            parts.append("\n".join(f"- {markdown(finding.text)}" for finding in block.findings))
        for table in tables(block):
            parts += _titled_markdown(table, "###")
    return "\n\n".join(parts) + "\n"


def _titled_markdown(table: TextTable, level: str) -> list[str]:
    parts = [f"{level} {markdown(table.title)}", markdown_table(table.headings, table.rows)]
    if table.notes:
        parts.append("\n".join(f"- {markdown(note)}" for note in table.notes))
    return parts


def _titled(table: TextTable, safe: Callable[[str], str], gap: int = 1) -> Iterator[RenderableType]:
    from rich.text import Text

    yield Text(safe(table.title), style="bold")
    yield _table(table, safe, gap)
    yield from (Text(safe(note), style="dim") for note in table.notes)


def _table(table: TextTable, safe: Callable[[str], str], gap: int) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, padding=(0, gap, 0, 0), pad_edge=False, show_edge=False)
    for index, heading in enumerate(table.headings):
        left = index < table.left
        shown.add_column(
            Text(_broken(safe(heading))),
            justify="left" if left else "right",
            no_wrap=True,
            vertical="bottom",
        )
    for index, row in enumerate(table.rows):
        style = "bold" if index in table.marked else ""
        shown.add_row(*(Text(safe(cell), style=style) for cell in row))
    return shown


def _broken(heading: str) -> str:
    """A heading on two lines where it has a place to break."""
    return heading.replace(" ", "\n", 1) if " " in heading else heading.replace("-", "-\n", 1)
