"""What goes wrong, in one sentence and one exit code each. Tracebacks are for VLEVAL_DEBUG=1 only."""

from __future__ import annotations

import errno
from enum import IntEnum
from typing import NamedTuple


class ExitCode(IntEnum):
    """How a command ended; scripts and CI rely on these numbers."""

    OK = 0
    CRASH = 1
    USAGE = 2
    REGRESSION = 10
    INCONCLUSIVE = 11
    INCOMPLETE = 12
    ERROR_BUDGET = 13
    STORAGE = 14
    INTERRUPTED = 130
    TERMINATED = 143


class UserError(Exception):
    """A fault the user can mend; the message is one plain sentence that names the flag and the fix."""

    def __init__(self, message: str, code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.code = code


class Terminated(BaseException):
    """SIGTERM arrived. Like KeyboardInterrupt, no `except Exception` may swallow it."""


class Fault(NamedTuple):
    """An exception as the user sees it."""

    message: str
    code: ExitCode


def explain(error: BaseException) -> Fault:
    """The sentence and the exit code for any exception that reaches the command line."""
    from vleval.model.errors import ModelError
    from vleval.results.record import RecordError
    from vleval.results.storage.store import StoreError
    from vleval.tasks.base import DataError
    from vleval.tasks.user import place_of

    if isinstance(error, UserError):
        return Fault(str(error), error.code)
    if isinstance(error, KeyboardInterrupt):
        return Fault("interrupted", ExitCode.INTERRUPTED)
    if isinstance(error, Terminated):
        return Fault("terminated by SIGTERM", ExitCode.TERMINATED)
    if isinstance(error, StoreError):
        return Fault(str(error), ExitCode.STORAGE)
    if isinstance(error, (ModelError, DataError, RecordError)):
        return Fault(str(error), ExitCode.USAGE)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Fault(f"no room left on the disk ({_where(error)})", ExitCode.STORAGE)
    if isinstance(error, OSError) and error.filename is not None:
        return Fault(f"cannot use {_where(error)}", ExitCode.USAGE)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Fault(
            "out of memory; try a smaller --batch-size, --max-pixels or --dtype bfloat16", ExitCode.CRASH
        )
    said = " ".join(str(error).split()) or "no message"
    if (place := place_of(error)) is not None:
        return Fault(f"{place}: {type(error).__name__}: {said}", ExitCode.USAGE)
    return Fault(
        f"vleval crashed ({type(error).__name__}: {said}); this is a bug, VLEVAL_DEBUG=1 shows where",
        ExitCode.CRASH,
    )


def _where(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
