"""The verdict as annotations of a GitHub workflow: lines that the runner turns into marks on the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vleval.results.escape import workflow_message, workflow_property
from vleval.results.gating.text import check_sentence

MOST = 10
"""GitHub shows ten of a kind per step and drops the rest."""


def error_lines(document: Mapping[str, Any]) -> list[str]:
    """An `::error` line for each check that blocks the build, at most ten in all."""
    blocking = [check for check in document["checks"] if check["exit_code"]]
    kept = blocking if len(blocking) <= MOST else blocking[: MOST - 1]
    lines = [_error(f"vleval {check['task']} {check['title']}", check_sentence(check)) for check in kept]
    if left := len(blocking) - len(kept):
        lines.append(_error("vleval gate", f"{left} more checks block the build: see the job's summary"))
    return lines


def _error(title: str, message: str) -> str:
    return f"::error title={workflow_property(title)}::{workflow_message(message)}"
