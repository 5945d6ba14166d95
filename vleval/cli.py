"""The command line. It only registers; every command imports what it needs when it is called."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from vleval.commands import (
    baseline,
    compare,
    doctor,
    export,
    gate,
    ground,
    leaderboard,
    locate,
    parse,
    report,
    reproduce,
    run,
    score,
    tasks,
    train,
)
from vleval.version import version


class Commands(TyperGroup):
    """Turns every exception of a command into one sentence and an exit code."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command whose help breaks lines where the terminal ends, not where the docstring does."""
        command = super().get_command(ctx, cmd_name)
        if command is not None and command.help:
            command.help = "\n\n".join(" ".join(part.split()) for part in command.help.split("\n\n"))
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run the command; its tracebacks are for VLEVAL_DEBUG=1."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError, SystemExit):
            raise
        except BaseException as error:
            if os.environ.get("VLEVAL_DEBUG") == "1":
                raise
            from vleval.console import Console
            from vleval.errors import explain

            fault = explain(error)
            Console().error(fault.message)
            raise typer.Exit(fault.code) from None


app = typer.Typer(
    cls=Commands,
    name="vleval",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda token: token.replace("_", "-"),
    },
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version())
        raise typer.Exit


@app.callback()
def vleval(
    show: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """How well a Qwen2.5-VL checkpoint reads, points and times, at every resolution and frame rate."""


_MEASURE, _DECIDE, _POINT, _KNOW = "Measure", "Decide", "Point at things", "Know what you have"

app.command(epilog=run.EXAMPLES, rich_help_panel=_MEASURE)(run.run)
app.command(epilog=reproduce.EXAMPLES, rich_help_panel=_MEASURE)(reproduce.reproduce)
app.command(epilog=score.EXAMPLES, rich_help_panel=_MEASURE)(score.score)
app.command(epilog=report.EXAMPLES, rich_help_panel=_DECIDE)(report.report)
app.command(epilog=compare.EXAMPLES, rich_help_panel=_DECIDE)(compare.compare)
app.command(epilog=gate.EXAMPLES, rich_help_panel=_DECIDE)(gate.gate)
app.add_typer(baseline.app, name="baseline", rich_help_panel=_DECIDE)
app.command(epilog=leaderboard.EXAMPLES, rich_help_panel=_DECIDE)(leaderboard.leaderboard)
app.command(epilog=export.EXAMPLES, rich_help_panel=_DECIDE)(export.export)
app.command(epilog=ground.EXAMPLES, rich_help_panel=_POINT)(ground.ground)
app.command(epilog=locate.EXAMPLES, rich_help_panel=_POINT)(locate.locate)
app.command(epilog=parse.EXAMPLES, rich_help_panel=_POINT)(parse.parse)
app.add_typer(tasks.app, name="tasks", rich_help_panel=_KNOW)
app.command(rich_help_panel=_KNOW)(doctor.doctor)
app.add_typer(train.app, name="train", rich_help_panel=_KNOW)


def main() -> NoReturn:
    """The `vleval` script."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    signal.signal(signal.SIGTERM, _terminate)
    app()
    raise SystemExit(0)


def _terminate(signum: int, frame: object) -> NoReturn:
    from vleval.errors import Terminated

    raise Terminated
