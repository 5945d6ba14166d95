"""The headlines of a report on many tasks in one table, to stand before all others."""

from __future__ import annotations

from collections.abc import Sequence

from vleval.results.reporting.data import Block, short_names
from vleval.results.reporting.tables import TextTable
from vleval.results.table import estimate_text, heading, units

MANY = 3
"""Blocks up to which a report needs no table of contents."""


def contents(blocks: Sequence[Block]) -> TextTable | None:
    """A row per block, of its best setting where there are several; None where the blocks are few.

    Every score has its own metric, so there is no mean over them.
    """
    if len(blocks) <= MANY:
        return None
    several = any(len(block.rows) > 1 for block in blocks)
    notes = units([block.headline for block in blocks])
    if several:
        notes.append("of several settings, the one that scores highest")
    return TextTable(
        "All tasks",
        ["task", "headline", "[95% interval]", "asked", "un-parsed", "failed"],
        [_row(name, block) for name, block in zip(_names(blocks), blocks, strict=True)],
        2,
        notes,
    )


def _names(blocks: Sequence[Block]) -> Sequence[str]:
    """As `--task` has them; with their data where one is there twice."""
    names = [block.task.name for block in blocks]
    return names if len(set(names)) == len(names) else short_names(blocks)


def _row(name: str, block: Block) -> list[str]:
    metric = block.headline
    summary = block.rows[block.advice.best if block.advice else 0].run.summary
    asked = summary.n if summary.n == summary.expected else f"{summary.n} of {summary.expected}"
    return [
        name,
        heading(metric),
        estimate_text(summary.metrics[metric.name], metric, interval=True),
        str(asked),
        str(summary.unparsed),
        str(summary.failed),
    ]
