"""`vleval leaderboard`: many runs in one table, kept in a CSV file that grows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vleval import options

if TYPE_CHECKING:
    from vleval.console import Console
    from vleval.results.boards.board import Board

EXAMPLES = """Examples:

vleval leaderboard runs/

vleval leaderboard runs/ --csv board.csv --published

vleval leaderboard runs/refcoco-tuned-0a1b2c3d --csv board.csv --append

vleval leaderboard runs/ --markdown board.md --html board.html
"""


def _output(name: str, metavar: str | None, help: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar=metavar, help=help, rich_help_panel="Output")
    return option


def leaderboard(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run folders, or folders of runs.", show_default=False),
    ],
    csv: Annotated[Path | None, _output("--csv", "FILE", "Write the board as CSV.")] = None,
    append: Annotated[bool, _output("--append", None, "Merge the runs into the board in --csv.")] = False,
    raw_csv: Annotated[
        bool, _output("--raw-csv", None, "Do not disarm texts that look like formulas.")
    ] = False,
    markdown: Annotated[str | None, _output("--markdown", "FILE|-", "Write Markdown.")] = None,
    html: Annotated[Path | None, _output("--html", "FILE", "Write one self-contained page.")] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Add Qwen's own figures, where they compare.")
    ] = False,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Take incomplete runs, and mark them.")
    ] = False,
    json: options.Json = None,
    quiet: options.Quiet = None,
) -> None:
    """Put runs on a leaderboard: a row per model and setting, columns per benchmark.

    Bundled data, local files and hub data are benchmarks of their own and never share a column.

    Exit codes: 0 done, 2 usage, 12 incomplete runs, 14 storage.
    """
    from vleval.console import Console
    from vleval.errors import UserError
    from vleval.results.boards.file import write_board
    from vleval.results.boards.view import board_document, board_markdown, board_tables
    from vleval.stored.boards import complete_sources, fill_board, known_metrics, scored_sources, start_board

    if append and csv is None:
        raise UserError("--append needs --csv FILE, the board to merge into")
    if json and markdown == "-":
        raise UserError("--json and --markdown - both want stdout: give --markdown a file")
    console = Console(json=bool(json), quiet=bool(quiet))
    sources = [source for path in runs for source in complete_sources(path, allow_partial=allow_partial)]
    sources = scored_sources(sources, console)
    board = start_board(csv, append=append)
    fill_board(board, sources, with_published=published)
    if csv is not None:
        write_board(csv, board, raw=raw_csv)
        console.note(f"{len(board.rows)} rows in {csv}")
    _write_pages(board, html, markdown, console)
    if json:
        console.document(board_document(board, known_metrics))
    elif markdown == "-":
        typer.echo(board_markdown(board, known_metrics), nl=False)
    else:
        for part in board_tables(board, known_metrics, console.out):
            console.result(part)


def _write_pages(board: Board, html: Path | None, markdown: str | None, console: Console) -> None:
    from vleval.results.boards.page import board_page
    from vleval.results.boards.view import board_markdown
    from vleval.stored.boards import known_metrics

    text = Path(markdown) if markdown not in (None, "-") else None
    for path, render in ((html, board_page), (text, board_markdown)):
        if path is not None:
            path.write_text(render(board, known_metrics), encoding="utf-8")
            console.note(f"written to {path}")
