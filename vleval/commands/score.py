"""`vleval score`: the metrics of a task on answers that were made elsewhere."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vleval import options

if TYPE_CHECKING:
    from vleval.console import Console
    from vleval.grounding.frame import Convention
    from vleval.scoring import Scored
    from vleval.tasks.base import Sample, Task
    from vleval.tasks.data.predictions import Predictions

EXAMPLES = """Examples:

vleval score predictions.jsonl --task refcoco

vleval score log.json --task refcoco --field response=raw --field target.bbox_xyxy=truth

vleval score base.jsonl tuned.jsonl --task screenspot-v2

vleval score gemini.csv --task refcoco --coordinates relative-1000 --field target.bbox_xywh=x,y,w,h

vleval score spans.jsonl --task charades-sta --json

vleval score hl_val_submission.jsonl --task qvhighlights --data highlight_val_release.jsonl

vleval score detections.json --task coco --data instances_val2017.json
"""


DIGITS = 2
"""Decimals of the table: these answers have figures elsewhere, and are here to be compared with them."""


def _option(name: str, metavar: str | None, help: str, panel: str = "What to run") -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, metavar=metavar, help=help, rich_help_panel=panel, show_default=False
    )
    return option


TruthData = Annotated[
    str | None,
    _option("--data", "bundled|hub|PATH", "Questions with the truths, where rows only have their ids."),
]
TruthSplit = Annotated[str | None, _option("--split", "NAME", "Split of --data.")]


def score(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="JSONL, JSON, CSV or parquet, a row per answer.", show_default=False
        ),
    ],
    task: options.Task = None,
    data: TruthData = None,
    split: TruthSplit = None,
    field: Annotated[
        list[str] | None,
        _option(
            "--field", "NAME=COLUMN", "Where a field stands: response=choices.0.text, original_size=w,h."
        ),
    ] = None,
    coordinates: Annotated[
        options.Coordinates | None,
        _option("--coordinates", None, "Unit of the answers' coordinates. Default absolute (Qwen2.5-VL)."),
    ] = None,
    letterbox: Annotated[
        bool, _option("--letterbox", None, "Images were fitted into the input with bars around them.")
    ] = False,
    limit: Annotated[int | None, _option("--limit", "N", "Score the first N rows only.")] = None,
    output: Annotated[
        Path | None, _option("--output", "FILE.jsonl", "Write the record of every answer.", "Output")
    ] = None,
    json: options.Json = None,
    quiet: options.Quiet = None,
) -> None:
    """Score predictions made elsewhere; needs no model.

    A row has `response` (the raw text) and `target` (or `id` and --data), and better also `image`.

    Without `original_size` and `input_size` (width, height) nothing is mapped to the original image.

    Other names are known too, and --field tells the rest: docs/scoring-files.md.
    """
    from vleval.console import Console
    from vleval.errors import UserError
    from vleval.scoring import collector_paused
    from vleval.tasks.data.predictions import read_predictions
    from vleval.tasks.registry import get_task

    if task is None:
        raise UserError("--task is missing; `vleval tasks` lists them")
    console = Console(json=bool(json), quiet=bool(quiet))
    _check_output(output, files)
    chosen = get_task(task)
    with collector_paused():
        truths = _truths(chosen, data, split, console)
        read = partial(read_predictions, fields=field or (), letterbox=letterbox, limit=limit, truths=truths)
        found = [read(path, chosen) for path in files]
        unit = _unit(found, coordinates)
        scored = _score(found, chosen, unit, console)
    if output is not None:
        _write(output, scored[0])
        console.note(f"{len(scored[0].records)} records written to {output}")
    _show(chosen, scored, unit, letterbox, console)


def _truths(task: Task, data: str | None, split: str | None, console: Console) -> list[Sample] | None:
    """The questions of a data set, None without one; their media are not looked at."""
    from vleval.errors import UserError
    from vleval.tasks.data.sources import open_data

    if data is None:
        if split is not None:
            raise UserError("--split belongs to --data")
        return None
    opened = open_data(task, data, split=split, media_needed=False)
    if not opened.truths:
        raise UserError(f"--data {data} has no truths in split {opened.split}: nothing can be scored")
    console.note(f"truths: {opened.name}, split {opened.split}, {len(opened.samples):,} questions")
    for note in opened.notes:
        console.warn(note)
    return opened.samples


def _unit(read: Sequence[Predictions], coordinates: Convention | None) -> Convention:
    """The unit of all files: what the form of one says, else what the user says."""
    from vleval.errors import UserError

    told = {file.convention: file.name for file in read}
    known = next((unit for unit in told if unit is not None), None)
    if known is None:
        return coordinates or "absolute"
    if coordinates not in (None, known):
        raise UserError(f"{told[known]} is in the unit {known}: leave out --coordinates {coordinates}")
    if len(told) > 1 and coordinates is None:
        raise UserError(f"{told[known]} is in the unit {known}, {told[None]} may not be: score it by itself")
    return known


def _score(
    read: Sequence[Predictions], task: Task, coordinates: Convention, console: Console
) -> list[Scored]:
    """All files were read before the first is scored: a fault of the last costs no time."""
    from vleval.scoring import score_file

    for file in read:
        renamed = [
            f"{name} from {place.label}"
            for name, place in file.layout.places.items()
            if name not in (place.label, "prompt")
        ]
        if renamed:
            console.note(f"{file.name}: {', '.join(renamed)}")
        if file.repeated:
            console.warn(
                f"{file.name}: rows with the id of an earlier row: {file.repeated}; they count beside it. "
                "Was an answer written twice?"
            )
        if file.unanswered:
            console.warn(
                f"{file.name}: questions of the data without an answer: {file.unanswered}; they count as "
                "failed."
            )
    return [score_file(task, file, coordinates, console) for file in read]


def _check_output(output: Path | None, files: Sequence[Path]) -> None:
    from vleval.errors import UserError

    if output is None:
        return
    if len(files) > 1:
        raise UserError("--output takes the records of one FILE; score the others by themselves")
    if output.resolve() == files[0].resolve():
        raise UserError(f"--output {output} is the FILE itself; name another one")


def _write(path: Path, scored: Scored) -> None:
    with path.open("w", encoding="utf-8") as file:
        for record in scored.records:
            file.write(json_module.dumps(record.to_json(), allow_nan=False) + "\n")


def _show(
    task: Task, scored: Sequence[Scored], coordinates: Convention, letterbox: bool, console: Console
) -> None:
    from vleval import scoring
    from vleval.console import terminal_safe
    from vleval.results.remarks import remarks
    from vleval.results.table import Row, comparison

    trivial = scoring.baselines(task, scored)
    if console.json:
        console.document(scoring.score_document(task, scored, trivial, coordinates, letterbox=letterbox))
        return
    alone = len(scored) == 1
    labels = [{"task": task.name} if alone else {"file": terminal_safe(one.file.name)} for one in scored]
    rows = [Row(label, one.summary) for label, one in zip(labels, scored, strict=True)]
    title = terminal_safe(scoring.title(task, scored, coordinates, letterbox=letterbox))
    table = comparison(rows, task.metrics, trivial, console.out, title, digits=DIGITS)
    console.result(table)
    lines = []
    own = [scoring.file_remarks(task, one, coordinates, letterbox=letterbox) for one in scored]
    common = [line for line in own[0] if all(line in others for others in own)]
    for label, one, said in zip(labels, scored, own, strict=True):
        lines += remarks(task, {} if alone else label, one.summary, DIGITS)
        lines += [f"file {label['file']}: {line}" for line in said if line not in common]
    for line in [*lines, *common]:
        console.result(terminal_safe(line))
