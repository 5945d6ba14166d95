"""The list of tasks in a terminal: one line per task under the name of its group, at any width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vleval.tasks.base import Task

if TYPE_CHECKING:
    from rich.table import Table

SPLITS = "split: the default one (that of the bundled data where it is another)"

_HEADINGS = ("task", "headline", "split")


def task_list(grouped: Mapping[str, Sequence[Task]], width: int) -> Table:
    """The tasks; the last column is what they ask where the longest such sentence fits, else their title.

    Titles end in `…` where `width` (characters) is short of them; names never break.
    """
    from rich import box
    from rich.table import Table

    from vleval.console import terminal_safe

    tasks = [task for held in grouped.values() for task in held]
    widths = [max(map(len, cells)) for cells in zip(_HEADINGS, *map(_cells, tasks), strict=True)]
    told = sum(widths) + 2 * len(widths) + max(len(task.description) for task in tasks) <= width
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading, fits in zip(_HEADINGS, widths, strict=True):
        table.add_column(heading, no_wrap=True, min_width=fits)
    table.add_column("what it asks" if told else "title", no_wrap=True, overflow="ellipsis")
    for name, held in grouped.items():
        if len(grouped) > 1:
            table.add_row(terminal_safe(name), style="bold")
        for number, task in enumerate(held, 1):
            cells = (*_cells(task), task.description if told else task.title)
            table.add_row(*map(terminal_safe, cells), end_section=number == len(held))
    return table


def _cells(task: Task) -> tuple[str, str, str]:
    bundled = task.bundled_splits
    other = "" if task.default_split in bundled else f" ({', '.join(bundled[:1]) or 'none'})"
    return task.name, task.metrics[0].title, f"{task.default_split}{other}"
