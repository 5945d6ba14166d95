"""The only printer: data to stdout, talk to stderr, words of models and files made harmless first."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import RenderableType

# C0 without newline and tab, DEL, C1, bidirectional controls, separators that end lines, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def terminal_safe(text: str) -> str:
    """`text` with every character that could steer a terminal or reorder a line shown as its escape."""
    return _UNSAFE.sub(lambda match: _escape(ord(match.group())), text)


def terminal_safe_document(value: Any) -> Any:
    """A JSON document whose every string is `terminal_safe`; keys are ours."""
    if isinstance(value, str):
        return terminal_safe(value)
    if isinstance(value, dict):
        return {key: terminal_safe_document(item) for key, item in value.items()}
    return [terminal_safe_document(item) for item in value] if isinstance(value, list) else value


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


class Progress(Protocol):
    """Told of every answer."""

    def advance(self, note: str, count: int = 1) -> None:
        """So many more are done; `note` is the running score."""


class Console:
    """Where a command speaks. `json` keeps tables off stdout, `quiet` keeps talk and progress off stderr."""

    def __init__(self, *, json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        from rich.console import Console as RichConsole

        self.json, self.quiet, self.verbose = json, quiet, verbose
        plain = {"highlight": False, "markup": False, "emoji": False}
        self.out: RichConsole = RichConsole(**plain)  # type: ignore[arg-type]
        self.err: RichConsole = RichConsole(stderr=True, **plain)  # type: ignore[arg-type]

    def result(self, renderable: RenderableType) -> None:
        """Data for people: to stdout, unless the one JSON document goes there."""
        if not self.json:
            self.out.print(renderable)

    def document(self, data: Any) -> None:
        """The one JSON document: to stdout, in ASCII, so that it survives any locale."""
        sys.stdout.write(json.dumps(data, indent=2, allow_nan=False) + "\n")

    def note(self, text: str) -> None:
        """Talk."""
        if not self.quiet:
            self._say(text)

    def detail(self, text: str) -> None:
        """Talk for `--verbose`."""
        if self.verbose and not self.quiet:
            self._say(text)

    def warn(self, text: str) -> None:
        """Something the reader of the numbers must know: shown even when quiet."""
        self._say(f"warning: {text}", "yellow")

    def error(self, text: str) -> None:
        """Why the command failed."""
        self._say(f"error: {text}", "bold red")

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Progress]:
        """A bar with the time left on a terminal; elsewhere a line every tenth of the way."""
        if self.quiet:
            yield _Silent()
        elif not self.err.is_terminal:
            yield _Lines(self, title, total)
        else:
            with _bar(self.err, title, total) as bar:
                yield bar

    def _say(self, text: str, style: str = "") -> None:
        from rich.text import Text

        self.err.print(Text(terminal_safe(text), style=style), soft_wrap=True)


class _Silent:
    def advance(self, note: str, count: int = 1) -> None:
        pass


class _Lines:
    """For logs: a plain line every tenth of the way."""

    def __init__(self, console: Console, title: str, total: int) -> None:
        self.console, self.title, self.total = console, title, total
        self.done, self.began = 0, time.monotonic()

    def advance(self, note: str, count: int = 1) -> None:
        self.done += count
        if self.done * 10 // self.total == (self.done - count) * 10 // self.total:
            return
        spent = time.monotonic() - self.began
        left = spent / self.done * (self.total - self.done)
        share = 100 * self.done // self.total
        self.console.note(f"{self.title}: {self.done}/{self.total} ({share}%), {note}, {left:.0f} s left")


@contextmanager
def _bar(console: RichConsole, title: str, total: int) -> Iterator[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(compact=True),
    ]
    with RichProgress(*columns, console=console, transient=True) as progress:
        row = progress.add_task(title, total=total, note="")

        class _Bar:
            def advance(self, note: str, count: int = 1) -> None:
                progress.update(row, advance=count, note=note)

        yield _Bar()
