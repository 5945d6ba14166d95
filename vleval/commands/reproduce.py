"""`vleval reproduce`: a task at the published setting, ours beside the published score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vleval import options

if TYPE_CHECKING:
    from vleval.console import Console
    from vleval.running.launch import Launched
    from vleval.running.reproduction import Compared, Size
    from vleval.tasks.base import Task

EXAMPLES = """Examples:

vleval reproduce refcoco --model Qwen/Qwen2.5-VL-7B-Instruct

vleval reproduce refcoco --model ./qwen-7b --data refer/refcoco --split val --media coco/train2014

vleval reproduce chartqa --model ./my-finetune --as 3B --limit 200
"""


def reproduce(
    ctx: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task with a published score.")],
    model: options.Model = None,
    like: Annotated[
        str | None,
        typer.Option("--as", metavar="3B|7B|32B|72B", help="Released model. Default: by hub id or shape."),
    ] = None,
    data: options.Data = None,
    media: options.Media = None,
    split: options.Split = None,
    revision: options.Revision = None,
    limit: options.Limit = None,
    engine: options.Engine = None,
    dtype: options.Dtype = None,
    device: options.Device = None,
    batch_size: options.BatchSize = None,
    max_errors: options.MaxErrors = None,
    output: options.Output = None,
    name: options.Name = None,
    json: options.Json = None,
    quiet: options.Quiet = None,
) -> None:
    """Run a task at the setting of the published score, and print ours beside it.

    Every field of the setting is told with its source, or as not published and ours. A score is reproduced
    when the 95% interval of ours meets the published one +/- (half its last digit + 1.5 points, which is what
    careful harnesses differ by). With --limit a part of the questions is asked, which is no reproduction.

    Exit codes: 0 reproduced, 2 usage, 10 not reproduced, 12 no reproduction or incomplete; others as `run`.
    """
    given = {key: value for key, value in ctx.params.items() if value not in (None, [], ())}
    passed = {key: value for key, value in given.items() if key not in ("task", "like")}
    raise typer.Exit(_reproduce(task, like, passed))


def _reproduce(name: str, like: str | None, passed: Mapping[str, Any]) -> int:
    import os

    from vleval.console import Console
    from vleval.errors import UserError
    from vleval.running.engines import choose_model
    from vleval.running.launch import launch
    from vleval.running.plan import load_plan
    from vleval.running.report import show_outcome
    from vleval.running.reproduction import check_size, compare, model_size, published_rows
    from vleval.tasks.registry import get_task
    from vleval.tasks.reported_setting import flags

    console = Console(json=bool(passed.get("json")), quiet=bool(passed.get("quiet")))
    task = get_task(name)
    rows = published_rows(task, passed.get("split"))
    choice = choose_model(passed.get("model"), passed.get("data", "hub"), os.environ)
    if choice.bundled:
        raise UserError("the bundled checkpoint has no published score: name a Qwen2.5-VL with --model")
    if passed.get("data") == "bundled":
        raise UserError("nothing was published on bundled data: leave --data out, or name a local copy")
    size = model_size(choice.name, like)
    check_size(rows, size)
    plan = load_plan({**flags(task), **passed, "task": task.name, "split": rows[0].split}, None)
    launched = launch(plan, tuple(passed), console)
    if launched.outcome.stopped is not None:
        return show_outcome(launched.jobs, launched.outcome, console)
    (job,), (run,) = launched.jobs, launched.outcome.runs
    found = compare(rows, size, job, run)
    _show(task, size, found, launched, console)
    return _code(found)


def _show(task: Task, size: Size, found: list[Compared], launched: Launched, console: Console) -> None:
    from vleval.tasks.reported_setting import reported_setting

    (job,), (run,) = launched.jobs, launched.outcome.runs
    setting = reported_setting(task)
    if console.json:
        document: dict[str, Any] = {
            "schema": "vleval/reproduction@1",
            "task": task.name,
            "split": job.data.split,
            "data": job.data.name,
            "questions": run.summary.n,
            "model": run.record.model.model,
            "size": size.name,
            "size_known_by": size.known_by,
            "scores": [each.to_json() for each in found],
            "caveats": list(found[0].caveats),
            "setting": [each._asdict() for each in setting],
            "folder": str(run.folder),
        }
        console.document(document)
        return
    from vleval.console import terminal_safe

    title = f"{task.title} · {job.data.name}, {job.data.split}: {run.summary.n} questions"
    console.result(terminal_safe(f"{title} · {run.record.model.model}, {size.name} by {size.known_by}"))
    console.result(_scores(found))
    for caveat in found[0].caveats:
        console.result(terminal_safe(f"no reproduction: {caveat}"))
    console.result("")
    console.result(_table(("setting", "value", "known from"), [[*_shown(each)] for each in setting]))
    console.result(f"published: {found[0].row.source(size.name)}")
    console.note(f"stored in {run.folder}")


def _shown(choice: Any) -> tuple[str, str, str]:
    from vleval.results.escape import one_line

    return choice.field, one_line(choice.shown), one_line(choice.source)


def _scores(found: list[Compared]) -> Any:
    from vleval.running.reproduction import points

    rows = []
    for each in found:
        low, high = each.ours.interval or (None, None)
        ours = "-" if each.ours.value is None else points(each.ours.value, each.row)
        if low is not None and high is not None:
            ours += f" [{points(low, each.row)}, {points(high, each.row)}]"
        band = " to ".join(points(end, each.row) for end in each.band)
        rows.append([each.row.metric, ours, f"{each.row.scores[each.size]:g}", band, each.verdict])
    return _table(("metric", "ours [95% interval]", "published", "counts as reproduced", ""), rows)


def _table(headings: tuple[str, ...], rows: list[list[str]]) -> Any:
    from rich import box
    from rich.table import Table

    from vleval.console import terminal_safe

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(terminal_safe, row))
    return table


def _code(found: list[Compared]) -> int:
    from vleval.errors import ExitCode

    verdicts = {each.verdict for each in found}
    if "no reproduction" in verdicts:
        return ExitCode.INCOMPLETE
    return ExitCode.OK if verdicts == {"reproduced"} else ExitCode.REGRESSION
