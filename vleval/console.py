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


class Overall:
    """How far a command of several runs is: answers asked for in this session, and the time left."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self._began: float | None = None
        self._before = 0

    def advance(self, count: int) -> None:
        """So many more are done. The clock starts with the first answer: loading the model is no measure."""
        self.done += count
        self.total = max(self.total, self.done)  # what failed for lack of memory is asked again
        if self._began is None:
            self._began, self._before = time.monotonic(), self.done

    @property
    def left(self) -> str:
        """`3 min left`, by the answers of this session; empty before the second."""
        timed = self.done - self._before if self._began is not None else 0
        if self._began is None or not timed:
            return ""
        left = (time.monotonic() - self._began) / timed * (self.total - self.done)
        return f"{_duration(left)} left"

    def __str__(self) -> str:
        return ", ".join(filter(None, (f"all: {self.done}/{self.total}", self.left)))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


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
    def progress(self, title: str, total: int, overall: Overall | None = None) -> Iterator[Progress]:
        """A bar with the time left on a terminal; elsewhere a line every tenth of the way.

        `overall` is that of the command whose parts are shown one after the other.
        """
        if self.quiet:
            yield _Silent()
        elif not self.err.is_terminal:
            yield _Lines(self, title, total, overall)
        else:
            with _bar(self.err, title, total, overall) as bar:
                yield bar

    def _say(self, text: str, style: str = "") -> None:
        from rich.text import Text

        self.err.print(Text(terminal_safe(text), style=style), soft_wrap=True)


class _Silent:
    def advance(self, note: str, count: int = 1) -> None:
        pass


class _Lines:
    """For logs: a plain line every tenth of the way; at the end only, where it is one of many short runs."""

    def __init__(self, console: Console, title: str, total: int, overall: Overall | None) -> None:
        self.console, self.title, self.total, self.overall = console, title, total, overall
        self.done, self.began = 0, time.monotonic()
        self.short = overall is not None and total * 10 < overall.total

    def advance(self, note: str, count: int = 1) -> None:
        self.done += count
        if self.overall is not None:
            self.overall.advance(count)
        tenth = self.done * 10 // self.total != (self.done - count) * 10 // self.total
        if not tenth or (self.short and self.done < self.total):
            return
        spent = time.monotonic() - self.began
        left = spent / self.done * (self.total - self.done)
        share = 100 * self.done // self.total
        whole = f" ({self.overall})" if self.overall is not None else ""
        ending = f", {_duration(left)} left" if self.done < self.total else ""
        self.console.note(f"{self.title}: {self.done}/{self.total} ({share}%), {note}{ending}{whole}")


@contextmanager
def _bar(console: RichConsole, title: str, total: int, overall: Overall | None) -> Iterator[Progress]:
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
        whole = None
        if overall is not None:
            whole = progress.add_task("all", total=overall.total, completed=overall.done, note=overall.left)

        class _Bar:
            def advance(self, note: str, count: int = 1) -> None:
                progress.update(row, advance=count, note=note)
                if overall is not None and whole is not None:
                    overall.advance(count)
                    progress.update(whole, completed=overall.done, note=overall.left)

        yield _Bar()
