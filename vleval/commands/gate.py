"""`vleval gate`: may this checkpoint be shipped? Verdicts for people, exit codes for CI."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vleval import options

if TYPE_CHECKING:
    from vleval.console import Console
    from vleval.results.comparing.pairing import Source
    from vleval.results.gating.policy import Policy

EXAMPLES = """Examples:

vleval gate runs/pr --baseline baselines/main --policy vleval.toml --junit junit.xml

vleval gate runs/pr --baseline baselines/main --max-drop refcoco:acc@0.5=0.01

vleval gate runs/tuned --baseline runs/main --max-drop refcoco=0.02 --max-drop charades-sta=0.02 --json
"""

_WHAT, _OUT = "What is demanded", "Output"


def _option(panel: str, name: str, metavar: str | None, help: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, metavar=metavar, help=help, rich_help_panel=panel, show_default=False
    )
    return option


Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or a folder of runs.")]
Baseline = Annotated[
    Path | None, _option(_WHAT, "--baseline", "DIR", "A committed baseline, or runs. Default: the policy's.")
]
PolicyFile = Annotated[
    Path | None, _option(_WHAT, "--policy", "FILE.toml", "What is demanded, by task (docs/gate.md).")
]
MaxDrop = Annotated[
    list[str] | None,
    _option(_WHAT, "--max-drop", "TASK[:METRIC]=X", "In place of a policy; 0.01 is one point."),
]
AllowMissing = Annotated[
    bool, _option(_WHAT, "--allow-missing-baseline", None, "Nothing to compare with is no fault.")
]
AllowBundled = Annotated[
    bool, _option(_WHAT, "--allow-bundled", None, "Judge runs of bundled data or checkpoint.")
]
ExitZero = Annotated[
    bool, _option(_OUT, "--exit-zero", None, "Report only: end with 0 whatever the verdict.")
]
Junit = Annotated[Path | None, _option(_OUT, "--junit", "FILE", "Write JUnit XML.")]


def gate(
    run: Run,
    baseline: Baseline = None,
    policy: PolicyFile = None,
    max_drop: MaxDrop = None,
    vary: options.Vary = None,
    allow_missing_baseline: AllowMissing = False,
    allow_bundled: AllowBundled = False,
    exit_zero: ExitZero = False,
    junit: Junit = None,
    flips: options.Flips = 5,
    json: options.Json = None,
    quiet: options.Quiet = None,
) -> None:
    """Judge a candidate's runs against a baseline: non-inferiority within a margin, floors and ceilings.

    In GitHub Actions it also writes the job's summary and annotations.

    Exit codes: 0 pass, 2 usage or policy file, 10 regression, 11 inconclusive where the policy says fail, 12
    not comparable or incomplete, 14 storage.
    """
    from vleval.console import Console
    from vleval.errors import ExitCode, UserError
    from vleval.results.gating.baseline import BaselineError
    from vleval.results.gating.policy import PolicyError
    from vleval.scoring import collector_paused

    console = Console(json=bool(json), quiet=bool(quiet))
    try:
        demanded, where = _policy(policy, max_drop)
        with collector_paused():
            document = _judge(
                run,
                _baseline(baseline, demanded, policy),
                demanded,
                where,
                vary,
                flips=flips,
                allow_bundled=allow_bundled,
                allow_missing=allow_missing_baseline,
            )
    except PolicyError as error:
        raise UserError(str(error)) from None
    except BaselineError as error:
        raise UserError(str(error), ExitCode.INCOMPLETE) from None
    _show(document, console, junit)
    raise typer.Exit(0 if exit_zero else document["exit_code"])


def _policy(file: Path | None, demands: list[str] | None) -> tuple[Policy, str]:
    """The policy and its name in messages."""
    from vleval.errors import UserError
    from vleval.results.gating.policy import read_policy, short_policy

    if file is not None and demands:
        raise UserError("--max-drop takes the place of --policy: write it into the file, or leave that out")
    if file is not None:
        return read_policy(file), str(file)
    if not demands:
        raise UserError("nothing is demanded: pass --policy FILE.toml or --max-drop TASK:METRIC=X")
    return short_policy(demands), "--max-drop"


def _baseline(given: Path | None, policy: Policy, file: Path | None) -> Path:
    """The baseline's folder; the one that a policy names lies beside the policy."""
    from vleval.errors import UserError

    if given is not None:
        return given
    if policy.baseline is None or file is None:
        raise UserError("--baseline is missing: pass a folder of `vleval baseline set`, or of runs")
    return file.parent / policy.baseline


def _judge(
    run: Path,
    baseline: Path,
    policy: Policy,
    where: str,
    vary: str | None,
    *,
    flips: int,
    allow_bundled: bool,
    allow_missing: bool,
) -> dict[str, Any]:
    from vleval.results.gating.gate import Allowed, judge_runs, verdict_document
    from vleval.results.gating.policy import gates
    from vleval.stored.selection import metrics_of, one_per_task, read_sources, varied

    candidates = one_per_task(read_sources(run), str(run))
    found = gates(policy, metrics_of, list(candidates), where=where)
    names = ",".join([*policy.vary, *([vary] if vary else [])])
    some_record = next(iter(candidates.values())).record
    allowed = Allowed(allow_bundled, allow_missing, varied(names, some_record))
    judged = judge_runs(found, policy, candidates, _baselines(baseline), metrics_of, allowed)
    return verdict_document(
        judged,
        policy,
        where=where,
        baseline=str(baseline),
        candidates=[source.name for source in candidates.values()],
        flips=flips,
    )


def _baselines(folder: Path) -> Mapping[str, Source]:
    """The baseline's runs by task; none where there is no such folder. Raises BaselineError, UserError."""
    from vleval.results.gating.baseline import is_baseline, read_baseline
    from vleval.stored.selection import one_per_task, read_sources

    if is_baseline(folder):
        return read_baseline(folder).sources
    if folder.is_dir() and any(folder.iterdir()):
        return one_per_task(read_sources(folder), str(folder))
    return {}


def _show(document: dict[str, Any], console: Console, junit: Path | None) -> None:
    """Every output that is asked for, by flags or by GitHub's environment."""
    from vleval.console import terminal_safe_document
    from vleval.results.gating.annotations import error_lines
    from vleval.results.gating.junit import junit as junit_xml
    from vleval.results.gating.terminal import verdict_table

    if console.json:
        console.document(document)
    else:
        for part in verdict_table(terminal_safe_document(document)):
            console.result(part)
    if junit is not None:
        junit.parent.mkdir(parents=True, exist_ok=True)
        junit.write_bytes(junit_xml(document))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        _summarise(document, Path(summary), console)
    if os.environ.get("GITHUB_ACTIONS"):
        for line in error_lines(document):
            typer.echo(line, err=True)


def _summarise(document: dict[str, Any], file: Path, console: Console) -> None:
    """Append the job's summary, within what GitHub takes of all steps' words in the file."""
    from vleval.results.gating.markdown import LARGEST, verdict_markdown

    try:
        written = file.stat().st_size if file.exists() else 0
        with file.open("a", encoding="utf-8") as stream:
            stream.write(verdict_markdown(document, room=LARGEST - written))
    except OSError as error:
        console.warn(f"cannot write the job's summary {file}: {error.strerror}")
