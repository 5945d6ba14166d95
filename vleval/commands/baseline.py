"""`vleval baseline`: the scores that a gate compares with, small enough to commit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vleval import options

if TYPE_CHECKING:
    from vleval.console import Console
    from vleval.results.comparing.compare import Comparison
    from vleval.results.comparing.pairing import Source
    from vleval.results.gating.baseline import Baseline

EXAMPLES = """Examples:

vleval baseline set runs/refcoco-main-0a1b2c3d --output baselines/main --reason "first baseline"

vleval baseline set runs/main --output baselines/main --reason "longer training" --vary max-pixels

vleval baseline show baselines/main
"""

app = typer.Typer(no_args_is_help=True, help="Set and show the baseline that a gate compares with.")


def _option(name: str, metavar: str | None, help: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar=metavar, help=help, show_default=False)
    return option


@app.command("set", epilog=EXAMPLES)
def set_(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or a folder of runs.")],
    output: Annotated[Path, _option("--output", "DIR", "Folder to commit, e.g. baselines/main.")],
    reason: Annotated[str, _option("--reason", "TEXT", "Why; kept in the baseline's history.")],
    accept_regression: Annotated[
        bool, _option("--accept-regression", None, "Replace it by something worse, or incomparable.")
    ] = False,
    vary: options.Vary = None,
    quiet: options.Quiet = None,
) -> None:
    """Set a complete run as the baseline of its task: scores and settings, no text of data or model.

    Tasks that RUN does not hold stay as they are. A baseline is not replaced by a run that is surely worse.

    Exit codes: 0 set, 2 usage, 10 it would be worse, 12 incomplete or not comparable, 14 storage.
    """
    from vleval.console import Console
    from vleval.errors import ExitCode, UserError
    from vleval.results.comparing.eligibility import incomplete, without_truths
    from vleval.results.gating.baseline import BaselineError, is_baseline, read_baseline, write_baseline
    from vleval.scoring import collector_paused
    from vleval.stored.selection import metrics_of, one_per_task, read_sources

    if not reason.strip():
        raise UserError("--reason is empty: it is what the history will say")
    console = Console(quiet=bool(quiet))
    new = one_per_task(read_sources(run), str(run))
    for source in new.values():
        for sentence in (*incomplete(source), *without_truths(source)):
            raise UserError(sentence, ExitCode.INCOMPLETE)
    try:
        old = read_baseline(output) if is_baseline(output) else None
        with collector_paused():
            for task in [task for task in new if old and task in old.sources]:
                assert old is not None
                _check_against(old.sources[task], new[task], vary, accept_regression, console)
            write_baseline(
                output,
                new,
                {task: metrics_of(task) for task in new},
                reason=reason.strip(),
                now=datetime.now(UTC).isoformat(timespec="seconds"),
                old=old,
            )
    except BaselineError as error:
        raise UserError(str(error), ExitCode.INCOMPLETE) from None
    for task, source in new.items():
        if source.record.data.bundled or source.record.bundled_model:
            console.warn(f"{task}: this is a bundled run; a gate wants --allow-bundled with it")
    console.note(f"{', '.join(new)} set in {output}; commit this folder")


def _check_against(old: Source, new: Source, vary: str | None, accepted: bool, console: Console) -> None:
    """Say what changes. Raises UserError where it is worse, or cannot be told."""
    from vleval.errors import ExitCode, UserError
    from vleval.results.comparing.compare import compare_sources
    from vleval.results.comparing.table import difference_text
    from vleval.stored.selection import metrics_of, varied

    task = old.record.task.name
    comparison = compare_sources(old, new, metrics_of(task), vary=varied(vary, old.record))
    if comparison.refusals:
        sentence = f"nobody can tell whether it is worse: {'; '.join(comparison.refusals)}"
        if not accepted:
            raise UserError(
                f"{sentence}; --accept-regression replaces the baseline all the same", ExitCode.INCOMPLETE
            )
        console.warn(sentence)
        return
    head = comparison.metrics[0]
    shown = difference_text(
        {
            "difference": head.paired.difference,
            "interval": head.paired.interval,
            "name": head.metric.name,
            "title": head.metric.title,
            "percent": head.metric.percent,
        }
    )
    console.note(f"{task} {head.metric.title}: {shown} against the baseline that it replaces")
    if _worse(comparison) and not accepted:
        raise UserError(
            f"{task} {head.metric.title} would drop ({shown}); --accept-regression sets it all the same",
            ExitCode.REGRESSION,
        )


def _worse(comparison: Comparison) -> bool:
    """Whether a drop of the headline is established."""
    from vleval.results.statistics.power import ALPHA

    p_drop = comparison.metrics[0].paired.p_drop
    return p_drop is not None and p_drop <= ALPHA


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A baseline's folder.")],
    json: options.Json = None,
) -> None:
    """Show what a baseline holds, and what it replaced."""
    from vleval.console import Console, terminal_safe_document
    from vleval.errors import ExitCode, UserError
    from vleval.results.gating.baseline import BaselineError, read_baseline

    console = Console(json=bool(json))
    try:
        baseline = read_baseline(folder)
    except BaselineError as error:
        raise UserError(str(error), ExitCode.INCOMPLETE) from None
    document = _document(baseline)
    if json:
        console.document(document)
        return
    _print(terminal_safe_document(document), console)


def _document(baseline: Baseline) -> dict[str, Any]:
    return {
        "schema": "vleval/baseline-show@1",
        "folder": str(baseline.folder),
        "tasks": dict(baseline.tasks),
        "history": list(baseline.history),
    }


def _print(document: Mapping[str, Any], console: Console) -> None:
    from vleval.results.comparing.table import plain_table
    from vleval.results.record import RunRecord
    from vleval.results.table import value_text
    from vleval.stored.selection import task_of

    rows = []
    for task, entry in document["tasks"].items():
        entries = [each for each in document["history"] if each["task"] == task]
        entries.append({**entry, "model": entry["record"]["model"]["model"], "replaced": None})
        head = task_of(RunRecord.from_json(entry["record"])).metrics[0]
        for each in reversed(entries):
            value = each["metrics"][head.name]["value"]
            rows.append(
                [
                    task if each["replaced"] is None else "  before",
                    each["model"],
                    each["set"][:10],
                    each["reason"],
                    f"{each['n']:,}",
                    "-" if value is None else value_text(value, head),
                ]
            )
    headings = ("task", "model", "set", "why", "answers", "headline")
    console.result(plain_table(headings, rows, left=4))
