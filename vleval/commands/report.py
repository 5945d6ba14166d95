"""`vleval report`: what stored runs scored and cost, in the terminal, as Markdown, as one page, as plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vleval import options

if TYPE_CHECKING:
    from vleval.console import Console
    from vleval.results.reporting.data import Block

EXAMPLES = """Examples:

vleval report

vleval report runs --html report.html

vleval report runs/refcoco-* --plots figures

vleval report runs --markdown >> "$GITHUB_STEP_SUMMARY"
"""


def _option(name: str, metavar: str | None, help: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, metavar=metavar, help=help, rich_help_panel="Output", show_default=False
    )
    return option


def report(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN...", help="Run folders, or folders of runs. Default runs.", show_default=False
        ),
    ] = None,
    html: Annotated[
        Path | None, _option("--html", "FILE.html", "Write one page that needs no network.")
    ] = None,
    thumbnails: Annotated[
        int,
        typer.Option(
            "--thumbnails",
            metavar="N",
            min=0,
            help="Images and videos shown on the page, at most. 0 shows none.",
            rich_help_panel="Output",
        ),
    ] = 300,
    plots: Annotated[
        Path | None, _option("--plots", "DIR", "Write the curves and heat maps as SVG and PNG files.")
    ] = None,
    markdown: Annotated[bool, _option("--markdown", None, "Print Markdown instead of tables.")] = False,
    json: options.Json = None,
    quiet: options.Quiet = None,
) -> None:
    """Compare stored runs: score against visual tokens, time and memory, with an interval on every score.

    Runs of one task on the same questions share a table, cheapest first.

    The page adds curves, a heat map of frame rate against resolution, and a browser of the answers.
    """
    from vleval.console import Console, terminal_safe
    from vleval.errors import UserError
    from vleval.results.reporting.document import report_document
    from vleval.results.reporting.text import report_markdown, report_terminal
    from vleval.scoring import collector_paused
    from vleval.stored.reporting import read_report

    if markdown and json:
        raise UserError("--markdown and --json are two forms of one thing: choose one")
    console = Console(json=bool(json), quiet=bool(quiet))
    with collector_paused():
        blocks = read_report(runs or [Path("runs")], browse=html is not None)
    if html is not None:
        _write_page(html, blocks, thumbnails, console)
    if plots is not None:
        _write_plots(plots, blocks, console)
    if json:
        console.document(report_document(blocks))
    elif markdown:
        typer.echo(report_markdown(blocks), nl=False)
    else:
        for part in report_terminal(blocks, terminal_safe):
            console.result(part)


def _write_page(path: Path, blocks: Sequence[Block], most: int, console: Console) -> None:
    from vleval.results.reporting.page import report_page
    from vleval.stored.thumbnails import read_thumbnails

    page = report_page(blocks, read_thumbnails(blocks, most, console))
    path.write_text(page, encoding="utf-8")
    console.note(f"written to {path} ({len(page) / 1e6:.1f} MB)")


def _write_plots(folder: Path, blocks: Sequence[Block], console: Console) -> None:
    from vleval.results.reporting.plots import write_plots

    folder.mkdir(parents=True, exist_ok=True)
    written = write_plots(folder, blocks)
    console.note(f"{len(written)} plots written to {folder}")
