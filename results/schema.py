"""Versions of what lies on disk: which can be read, and the steps from an old one to the present one.

A step is a pure function from a record of one version to the next, kept for as long as that version is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

VERSION = 2
"""Raised when the meaning of a field changes. New fields with a default do not raise it."""
OLDEST = 1
"""The oldest version that there is a step from."""

Kind = Literal["run", "sample"]
Record = dict[str, Any]


class RecordError(Exception):
    """A record cannot be read; the message is one plain sentence."""


def upgraded(raw: Mapping[str, Any], kind: Kind) -> Record:
    """A record in the present version. Raises RecordError for what no step leads from."""
    found = raw.get("v")
    if not isinstance(found, int) or isinstance(found, bool):
        raise RecordError(f"this is not a vleval {kind} record (it has no version `v`)")
    if found > VERSION:
        raise RecordError(
            f"the {kind} record has version {found}, this vleval reads up to {VERSION}; update vleval"
        )
    if found < OLDEST:
        raise RecordError(
            f"the {kind} record has version {found}, this vleval reads from {OLDEST} on; an earlier vleval "
            "reads it, or run the command again"
        )
    record = dict(raw)
    for version in range(found, VERSION):
        record = STEPS[version](record, kind) | {"v": version + 1}
    return record


def upgrade_1_to_2(record: Record, kind: Kind) -> Record:
    """Version 2 knows the prompt, the model's files and each answer's fingerprint, which cannot be made up
    for what was run before; the ledger of the parser is called so."""
    if kind == "run":
        return {**record, "task": {**record["task"], "prompt": ""}, "fingerprint": None}
    parsed = dict(record["parsed"])
    if "problems" in parsed:
        parsed["ledger"] = parsed.pop("problems")
    return {**record, "parsed": parsed, "key": None, "attempt": 1, "elapsed_seconds": 0.0}


STEPS: Mapping[int, Callable[[Record, Kind], Record]] = {1: upgrade_1_to_2}
"""Version -> the step to the next one."""
