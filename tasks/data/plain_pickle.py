"""Reads a pickle of plain data and nothing else: a pickle is a program, and `pickle.load` runs it.

The only data set that needs it is REFER's release of RefCOCO, lists of dictionaries of numbers and strings.
Whatever names a class or a function is refused before it is imported, let alone called; no file can run code.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from vleval.tasks.base import DataError


class _NotPlain(Exception):
    """The pickle names a class or a function."""


class _PlainUnpickler(pickle.Unpickler):
    """Builds containers, numbers, strings, bytes, booleans and None: all that needs no import."""

    def find_class(self, module: str, name: str) -> Any:
        raise _NotPlain(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        raise _NotPlain("a persistent object")


def read_pickle(path: Path) -> Any:
    """The plain data of a pickle of Python 2 or 3. Raises DataError, also where it holds anything else."""
    try:
        with path.open("rb") as file:
            # Python 2's str has no encoding: what is no UTF-8 costs a letter, not the file.
            return _PlainUnpickler(file, encoding="utf-8", errors="replace").load()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    except _NotPlain as error:
        raise DataError(
            f"{path} is a pickle that names {str(error)!r}: vleval loads only plain lists, dictionaries, "
            "numbers and strings, since any other pickle can run code. Write its rows as JSON instead, in a "
            "place that you trust."
        ) from error
    # The pickle module documents that damaged files raise these and others.
    except Exception as error:
        raise DataError(f"{path} cannot be read as a pickle: {error or type(error).__name__}") from error
