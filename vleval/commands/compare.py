"""`vleval compare`: is B better than A, or only luckier?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vleval import options

if TYPE_CHECKING:
    from vleval.results.comparing.compare import Comparison
    from vleval.results.comparing.pairing import Source

EXAMPLES = """Examples:

vleval compare runs/refcoco-base-0a1b2c3d runs/refcoco-tuned-4e5f6a7b

vleval compare runs/main runs/tuned runs/tuned-longer --flips 20

vleval compare runs/refcoco-x-max16t-0a1b2c3d runs/refcoco-x-max64t-4e5f6a7b --vary max-pixels

vleval compare runs/main runs/tuned --markdown >> notes.md
"""


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="A B...",
            help="Run folders, or folders of runs; the first is the baseline.",
            show_default=False,
        ),
    ],
    vary: options.Vary = None,
    flips: options.Flips = 5,
    min_coverage: Annotated[
        float,
        typer.Option(
            "--min-coverage", metavar="SHARE", min=0, max=1, help="Share of the baseline that must be paired."
        ),
    ] = 0.99,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown instead of tables.")] = False,
    json: options.Json = None,
    quiet: options.Quiet = None,
) -> None:
    """Compare runs question by question: differences with intervals, flips, and what else is not the same.

    Differences are signed so that + is better. Intervals and p-values are clustered by image or video.

    Exit codes: 0 compared, 2 usage, 12 runs that do not compare.
    """
    from vleval.console import Console, terminal_safe_document
    from vleval.errors import ExitCode, UserError
    from vleval.results.comparing.document import compare_document
    from vleval.results.comparing.table import comparison_markdown, comparison_tables
    from vleval.scoring import collector_paused
    from vleval.stored.selection import read_sources

    if len(runs) < 2:
        raise UserError("a comparison needs two run folders or more, the baseline first")
    if markdown and json:
        raise UserError("--markdown and --json are two forms of one thing: choose one")
    console = Console(json=bool(json), quiet=bool(quiet))
    base, *others = (read_sources(path) for path in runs)
    with collector_paused():
        compared = [
            (str(path), _compare(base, cand, vary, min_coverage))
            for path, cand in zip(runs[1:], others, strict=True)
        ]
    document = compare_document(compared, flips=flips)
    if json:
        console.document(document)
    elif markdown:
        typer.echo(comparison_markdown(document), nl=False)
    else:
        for part in comparison_tables(terminal_safe_document(document)):
            console.result(part)
    refused = [reason for _, each in compared for comparison in each for reason in comparison.refusals]
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise UserError(f"{refused[0]}{more}", ExitCode.INCOMPLETE)


def _compare(
    base: Sequence[Source], cand: Sequence[Source], vary: str | None, min_coverage: float
) -> list[Comparison]:
    from vleval.results.comparing.compare import compare_sources
    from vleval.stored.selection import matched, metrics_of, varied

    allowed = varied(vary, base[0].record)
    return [
        compare_sources(
            before,
            after,
            metrics_of(before.record.task.name),
            vary=allowed,
            min_coverage=min_coverage,
            grid=True,
        )
        for before, after in matched(base, cand)
    ]
