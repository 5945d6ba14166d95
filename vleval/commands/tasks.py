"""`vleval tasks`: which benchmarks there are, everything about one, and how to add one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vleval import options

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from vleval.cards.group import Section
    from vleval.console import Console
    from vleval.tasks.base import Sample, Task
    from vleval.tasks.groups import Member

app = typer.Typer(invoke_without_command=True)

_NAME = 20
"""Characters up to which a column holds names, not sentences."""

Name = Annotated[
    str,
    typer.Argument(metavar="NAME|GROUP|FILE.py", help="A task or a group, as `vleval tasks` lists them."),
]


@app.callback()
def tasks(ctx: typer.Context, json: options.Json = None) -> None:
    """List tasks and groups of tasks; `vleval tasks show NAME` tells all about one."""
    if ctx.invoked_subcommand is not None:
        return
    from vleval.cards.card import facts
    from vleval.cards.listing import SPLITS, task_list
    from vleval.console import Console
    from vleval.tasks.groups import REPORT, groups
    from vleval.tasks.registry import GROUPS, TASKS

    console = Console(json=bool(json))
    named = {name: [member.task.name for member in members] for name, members in groups().items()}
    if json:
        console.document(
            {
                "schema": "vleval/tasks@1",
                "tasks": [facts(task) for task in TASKS.values()],
                "groups": [{"name": name, "tasks": tasks} for name, tasks in named.items()],
            }
        )
        return
    console.result(task_list(GROUPS, console.out.width))
    for line in (
        SPLITS,
        f"groups for --task: {', '.join(GROUPS)}, {REPORT} ({len(named[REPORT])} tasks)",
        "all about a task or a group: vleval tasks show NAME",
    ):
        console.result(line)


@app.command()
def show(
    name: Name,
    sample: Annotated[
        int, typer.Option("--sample", metavar="N", min=0, help="Show the first N questions as they are put.")
    ] = 0,
    data: options.Data = None,
    split: options.Split = None,
    media: options.Media = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", metavar="DIR", help="Write the pictures of the questions there, the truth drawn."
        ),
    ] = None,
    json: options.Json = None,
) -> None:
    """Show a task's card: prompt, metrics, columns, splits, sources, traps and published scores.

    Of a group, the tasks; of qwen2.5-vl-report every row of the technical report, with what is run for it.

    The questions of --sample are those of --data, by default of the bundled data.
    """
    from vleval.cards.card import card, sample_facts
    from vleval.console import Console
    from vleval.errors import UserError
    from vleval.tasks.groups import group
    from vleval.tasks.registry import get_task

    if save is not None and not sample:
        raise UserError("--save writes the pictures of questions: say how many with --sample N")
    console = Console(json=bool(json))
    if (members := group(name)) is not None:
        if sample:
            raise UserError(f"--sample shows questions of one task, and {name} is a group")
        _show_group(name.strip().lower().replace("_", "-"), members, console)
        return
    task = get_task(name)
    samples = _samples(task, data, split, media, sample) if sample else []
    pictures = _save(samples, save) if save is not None else []
    if json:
        document = {"schema": "vleval/task@1", **card(task)}
        if sample:
            document["samples"] = [sample_facts(task, each) for each in samples]
            document["pictures"] = [str(path) for path in pictures]
        console.document(document)
        return
    _print_card(task, console)
    for number, each in enumerate(samples):
        _print_sample(task, each, pictures[number] if pictures else None, console)


@app.command()
def docs() -> None:
    """Print docs/benchmarks.md: a table per group, and the card of every task."""
    from vleval.cards.page import benchmarks_page

    typer.echo(benchmarks_page(), nl=False)


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the task, e.g. my_task.")],
    like: Annotated[
        str,
        typer.Option(
            "--like", metavar="TASK", help="refcoco (a place), charades-sta (a time) or docvqa (words)."
        ),
    ] = "refcoco",
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Where to write. Default: here.")
    ] = Path(),
) -> None:
    """Write a task of your own: NAME.py, its test, and three rows of data to begin with."""
    from vleval.cards.scaffold import write_task
    from vleval.console import Console

    code, test, data = write_task(name, like, output)
    console = Console()
    for path in (code, test, data):
        console.result(str(path))
    console.note(f"next: vleval tasks check {code}, then python -m pytest {test}")
    console.note(f"and: vleval run --task {code} --data {data} --model bundled (docs/add-a-benchmark.md)")


@app.command()
def check(
    name: Name,
    data: options.Data = None,
    split: options.Split = None,
    media: options.Media = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="Questions to try. Default 5.")
    ] = 5,
    answer: Annotated[
        str | None, typer.Option("--answer", metavar="TEXT", help="Score this as the answer to the first.")
    ] = None,
    json: options.Json = None,
) -> None:
    """Try data, prompt, reading and score of a task on a few rows, without a model.

    A file is your own code, and is run. Exit codes: 0 fine, 2 a fault.
    """
    from vleval.cards.check import check_task, chosen_data
    from vleval.console import Console, terminal_safe
    from vleval.errors import ExitCode
    from vleval.tasks.registry import get_task

    console = Console(json=bool(json))
    task = get_task(name)
    steps = check_task(task, chosen_data(task, data), split, media, limit, answer)
    faults = [step.fault for step in steps if step.fault is not None]
    if json:
        console.document(
            {
                "schema": "vleval/task-check@1",
                "task": task.name,
                "ok": not faults,
                "steps": [{**step._asdict(), "saw": list(step.saw)} for step in steps],
            }
        )
    for step in steps:
        console.result(f"{step.name}: {'ok' if step.fault is None else 'fault'}")
        for line in step.saw:
            console.result(terminal_safe(f"  {line}"))
    for fault in faults:
        console.error(fault)
    if faults:
        raise typer.Exit(ExitCode.USAGE)


def _show_group(name: str, members: list[Member], console: Console) -> None:
    from vleval.cards.group import group_facts, report_sections
    from vleval.cards.listing import SPLITS, task_list
    from vleval.tasks.groups import REPORT

    if console.json:
        console.document({"schema": "vleval/task-group@1", **group_facts(name, members)})
    elif name != REPORT:
        console.result(task_list({name: [member.task for member in members]}, console.out.width))
        console.result(SPLITS)
    else:
        for section in report_sections(members):
            console.result(_table(section))
            for note in section.notes:
                console.result(note)
            console.result("")


def _table(section: Section) -> RichTable:
    """Columns of names and figures stay whole; sentences break between words."""
    from rich import box
    from rich.table import Table

    from vleval.console import terminal_safe

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.title, table.title_justify, table.title_style = section.title, "left", "bold"
    for number, heading in enumerate(section.headings):
        names = max(len(row[number]) for row in section.rows) <= _NAME
        side: Literal["left", "right"] = "left" if number < section.words else "right"
        table.add_column(heading, justify=side, no_wrap=names, overflow="fold")
    for row in section.rows:
        table.add_row(*map(terminal_safe, row))
    return table


def _samples(task: Task, data: str | None, split: str | None, media: Path | None, count: int) -> list[Sample]:
    from vleval.cards.check import chosen_data
    from vleval.tasks.data.sources import open_data

    where = chosen_data(task, data)
    return open_data(task, where, split=split, media_dir=media, limit=count).samples


def _save(samples: list[Sample], folder: Path) -> list[Path]:
    from vleval.cards.truths import save_truths

    return save_truths(samples, folder)


def _print_card(task: Task, console: Console) -> None:
    from rich.table import Table

    from vleval.cards.card import card_lines
    from vleval.console import terminal_safe

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for label, text in card_lines(task):
        table.add_row(label, terminal_safe(text))
    console.result(table)


def _print_sample(task: Task, sample: Sample, picture: Path | None, console: Console) -> None:
    from vleval.cards.card import asked
    from vleval.console import terminal_safe
    from vleval.results.words import in_words

    lines = [
        "",
        f"question {sample.id}",
        *(f"  {line}" for line in asked(task.messages(sample))),
        f"  truth: {in_words(sample.target) or 'published without one'}",
        *([f"  picture: {picture}"] if picture is not None else []),
    ]
    for line in lines:
        console.result(terminal_safe(line))
