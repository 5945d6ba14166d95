"""sha256 of large files, remembered between runs: reading 16 GB of weights takes half a minute.

A file is taken for unchanged while its path, size, modification time and inode are. The memory is a JSON file
in the user's cache folder; a run works as well, only slower, where that cannot be read or written.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

_SETTLED_SECONDS = 2.0
"""A file written to more recently may change again without a visible change of its time."""
_REMEMBERED = 2000
"""Files; the oldest entries give way."""

_here: dict[str, list[Any]] = {}
"""What this process has hashed, for where there is no cache folder."""


def file_sha256(path: Path) -> str:
    """sha256 (hex) of a file's bytes, read only when the file is new or has changed. Raises OSError."""
    path = path.resolve()
    with path.open("rb") as file:
        state = _state(os.fstat(file.fileno()))
        known = _here.get(str(path)) or _load().get(str(path))
        if isinstance(known, list) and known[:-1] == state and isinstance(known[-1], str):
            return known[-1]
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        after = os.fstat(file.fileno())
    if _state(after) == state and time.time() - after.st_mtime > _SETTLED_SECONDS:
        _here[str(path)] = [*state, digest]
        _store({**_load(), str(path): [*state, digest]})
    return digest


def forget(paths: Iterable[Path]) -> None:
    """Read these files again when they are next asked for."""
    names = {str(path.resolve()) for path in paths}
    for name in names:
        _here.pop(name, None)
    _store({name: entry for name, entry in _load().items() if name not in names})


def cache_file() -> Path:
    """`vleval/sha256.json` in XDG_CACHE_HOME, else in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vleval" / "sha256.json"


def _state(stat: os.stat_result) -> list[Any]:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _load() -> dict[str, Any]:
    try:
        entries = json.loads(cache_file().read_bytes())
    except (OSError, ValueError, RuntimeError):  # RuntimeError: no home folder
        return {}
    return entries if isinstance(entries, dict) else {}


def _store(entries: dict[str, Any]) -> None:
    """Replace the file as a whole; of two processes the later wins, which costs the other one reading."""
    with suppress(OSError, RuntimeError):
        target = cache_file()
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"{target.name}.{os.getpid()}")
        temporary.write_text(json.dumps(dict(list(entries.items())[-_REMEMBERED:])), encoding="ascii")
        os.replace(temporary, target)
