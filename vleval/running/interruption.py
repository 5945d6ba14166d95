"""Ctrl-C and SIGTERM: the first lets the answers in hand be finished, the second ends the program at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, NoReturn

from vleval.errors import Terminated

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_FINISHING = b"\nfinishing the answers in hand; once more stops at once\n"
_SHOW_CURSOR = b"\x1b[?25h"
"""A progress bar hides it, and is not asked when the program ends at once."""


class Interruption:
    """As a context manager, takes both signals over from Python; elsewhere than on the main thread it cannot
    and does nothing."""

    def __init__(self, *, quiet: bool) -> None:
        self.signal: int | None = None
        """Which signal has come."""
        self.busy = False
        """Set by the run with its first answer. Before, nothing is in hand, and a signal ends the run where
        it stands."""
        self._quiet = quiet
        self._before: dict[int, Any] = {}

    def error(self) -> BaseException | None:
        """The signal as the exception that it would have been."""
        if self.signal is None:
            return None
        return KeyboardInterrupt() if self.signal == signal.SIGINT else Terminated()

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            self._leave(number)
        self.signal = number
        if not self.busy:
            error = self.error()
            assert error is not None
            raise error
        if not self._quiet:
            # Straight to the file: the signal may have come in the middle of a print.
            os.write(2, _FINISHING)

    def _leave(self, number: int) -> NoReturn:
        if sys.stderr.isatty():
            os.write(2, _SHOW_CURSOR)
        os._exit(128 + number)
