"""`vleval tasks`: which benchmarks there are, and everything that decides one benchmark's numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vleval import options

if TYPE_CHECKING:
    from vleval.tasks.base import Task

app = typer.Typer(invoke_without_command=True)


@app.callback()
def tasks(ctx: typer.Context, json: options.Json = None) -> None:
    """List the tasks; `vleval tasks show NAME` tells all about one."""
    if ctx.invoked_subcommand is not None:
        return
    from rich import box
    from rich.table import Table

    from vleval.console import Console
    from vleval.tasks.registry import TASKS

    console = Console(json=bool(json))
    if json:
        console.document({"schema": "vleval/tasks@1", "tasks": [facts(task) for task in TASKS.values()]})
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("task", "media", "headline", "splits (bundled)", "what it asks"):
        table.add_column(heading)
    for task in TASKS.values():
        splits = f"{', '.join(task.splits)} ({', '.join(task.bundled_splits) or 'none'})"
        table.add_row(task.name, task.media, task.metrics[0].title, splits, task.description)
    console.result(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A task, as `vleval tasks` lists it.")],
    json: options.Json = None,
) -> None:
    """Show a task's prompt, metrics, columns, splits and sources."""
    from rich.table import Table

    from vleval.console import Console
    from vleval.tasks.registry import get_task

    task = get_task(name)
    console = Console(json=bool(json))
    if json:
        console.document({"schema": "vleval/task@1", **facts(task)})
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for label, text in _lines(task):
        table.add_row(label, text)
    console.result(table)


def facts(task: Task) -> dict[str, Any]:
    """Everything about a task that is data, JSON-able; its first metric is the headline."""
    from vleval.tasks.published import published

    return {
        "name": task.name,
        "title": task.title,
        "description": task.description,
        "version": task.version,
        "media": task.media,
        "target": {"keys": list(task.target.readers), "form": task.target.form},
        "metrics": [asdict(metric) for metric in task.metrics],
        "prompt": task.prompt,
        "max_new_tokens": task.max_new_tokens,
        "columns": list(task.columns),
        "splits": list(task.splits),
        "default_split": task.default_split,
        "bundled_splits": list(task.bundled_splits),
        "split_notes": {split: note.warning for split, note in task.split_notes.items()},
        "hub": list(task.hub),
        "references": list(task.references),
        "published": [{**row._asdict(), "scores": dict(row.scores)} for row in published(task.name)],
    }


def _lines(task: Task) -> list[tuple[str, str]]:
    from vleval.tasks.published import published

    figures = published(task.name)
    sources = dict.fromkeys(row.source(size) for row in figures for size in row.scores)
    return [
        ("task", f"{task.name} (version {task.version}): {task.title}"),
        ("", task.description),
        ("media", task.media),
        ("prompt", task.prompt),
        ("answer", f"at most {task.max_new_tokens} tokens"),
        ("target", f"{' or '.join(task.target.readers)}; {task.target.key} is {task.target.form}"),
        ("metrics", ", ".join(f"{metric.title} ({metric.name})" for metric in task.metrics)),
        ("columns", ", ".join(task.columns)),
        ("splits", f"{', '.join(task.splits)}; default {task.default_split}"),
        *(("", note.warning) for note in task.split_notes.values()),
        ("bundled", ", ".join(task.bundled_splits) or "none"),
        ("hub", ", ".join(task.hub) or "none"),
        *(("reference" if index == 0 else "", text) for index, text in enumerate(task.references)),
        *(("published" if index == 0 else "", str(row)) for index, row in enumerate(figures)),
        *(("", f"(Qwen2.5-VL: {source})") for source in sources),
    ]
