"""`vleval export`: one run in the forms that other programs read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from vleval import options

if TYPE_CHECKING:
    from vleval.console import Console
    from vleval.results.comparing.pairing import Source
    from vleval.results.record import RunRecord
    from vleval.tasks.base import Task

EXAMPLES = """Examples:

vleval export runs/refcoco-tuned-0a1b2c3d --format parquet --output answers.parquet

vleval export runs/refcoco-tuned-0a1b2c3d --format hf-eval-results --output .eval_results/refcoco.yaml

vleval export runs/refcoco-tuned-0a1b2c3d --format model-index --output scores.md --name my-org/my-model

vleval export runs/refcoco-tuned-0a1b2c3d --format every-eval-ever --output store/

vleval export runs/docvqa-tuned-4e5f6a7b --format rrc --output docvqa.json
"""


class Names(NamedTuple):
    """What things are called elsewhere."""

    model: str
    """`organisation/model`."""
    dataset: str | None
    """Id on the hub."""
    task_id: str | None
    """In the benchmark's eval.yaml."""


class Format(StrEnum):
    """What to write."""

    PARQUET = "parquet"
    CSV = "csv"
    EVAL_RESULTS = "hf-eval-results"
    MODEL_INDEX = "model-index"
    EVERY_EVAL_EVER = "every-eval-ever"
    RRC = "rrc"


ANSWERS = (Format.PARQUET, Format.CSV)
SUBMISSIONS = (Format.RRC,)
SCORES = tuple(form for form in Format if form not in (*ANSWERS, *SUBMISSIONS))


def _option(name: str, metavar: str | None, help: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar=metavar, help=help, show_default=False)
    return option


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)],
    form: Annotated[
        Format,
        _option(
            "--format",
            "FORM",
            f"Answers: {', '.join(ANSWERS)}. Scores: {', '.join(SCORES)}. For a benchmark's own server: "
            f"{', '.join(SUBMISSIONS)}.",
        ),
    ],
    output: Annotated[
        Path, _option("--output", "FILE", "What to write. A folder, for every-eval-ever, gets answers too.")
    ],
    name: Annotated[
        str | None, _option("--name", "ORG/MODEL", "What to call the model. Default: as it was run.")
    ] = None,
    dataset: Annotated[
        str | None, _option("--dataset", "HUB-ID", "The data set, where the run read a local copy.")
    ] = None,
    task_id: Annotated[
        str | None,
        _option("--task-id", "ID", "Name of the task in the benchmark's eval.yaml."),
    ] = None,
    raw_csv: Annotated[
        bool, _option("--raw-csv", None, "Do not disarm texts that look like formulas.")
    ] = False,
    overwrite: Annotated[bool, _option("--overwrite", None, "Replace a file that exists.")] = False,
    allow_partial: Annotated[bool, _option("--allow-partial", None, "Take an incomplete run.")] = False,
    quiet: options.Quiet = None,
) -> None:
    """Write a run's answers or scores in a form that other programs read.

    Exit codes: 0 done, 2 usage, 12 incomplete run, 14 storage.
    """
    from vleval.console import Console
    from vleval.errors import UserError
    from vleval.scoring import collector_paused
    from vleval.stored.selection import task_of

    source = _source(run, allow_partial=allow_partial)
    _check_dataset(source, dataset, form)
    if output.is_file() and not overwrite:
        raise UserError(f"--output {output} exists; --overwrite replaces it")
    console = Console(quiet=bool(quiet))
    task = task_of(source.record)
    with collector_paused():
        if form in ANSWERS:
            _write_answers(source, task, output, console, form, raw=raw_csv)
        elif form in SUBMISSIONS:
            _write_submission(source, task, output, console, form, allow_partial=allow_partial)
        else:
            names = Names(name or _model_name(source.record), dataset, task_id)
            _write_scores(source, task, output, console, form, names)


def _source(run: Path, *, allow_partial: bool) -> Source:
    from vleval.errors import UserError
    from vleval.stored.boards import complete_sources

    sources = complete_sources(run, allow_partial=allow_partial)
    if len(sources) > 1:
        raise UserError(f"{run} holds {len(sources)} runs, for example {sources[0].name}: name one of them")
    return sources[0]


def _check_dataset(source: Source, dataset: str | None, form: Format) -> None:
    """Scores on bundled data never go by the name of the real benchmark."""
    from vleval.errors import UserError

    data = source.record.data
    if data.bundled and (dataset is not None or form is Format.EVAL_RESULTS):
        said = f"--dataset {dataset}" if dataset is not None else f"--format {form}"
        raise UserError(f"{said}: {source.name} was run on bundled data, which are no benchmark of the hub")
    if form is Format.EVAL_RESULTS and data.origin != "hub" and dataset is None:
        raise UserError(
            f"--format {form} names a benchmark of the hub, and {source.name} was run on {data.name}; if "
            "that is a copy of one, --dataset HUB-ID says of which"
        )


def _write_answers(
    source: Source, task: Task, output: Path, console: Console, form: Format, *, raw: bool
) -> None:
    from vleval.results.exports.samples import write_csv, write_parquet
    from vleval.results.storage.store import read_samples

    samples = read_samples(Path(source.name))
    metrics = [metric.name for metric in task.metrics]
    with _replacing(output) as path:
        if form is Format.PARQUET:
            count = write_parquet(path, source.record, samples, metrics)
        else:
            count = write_csv(path, source.record, samples, metrics, raw=raw)
    console.note(f"{count:,} answers written to {output}")


def _write_submission(
    source: Source, task: Task, output: Path, console: Console, form: Format, *, allow_partial: bool
) -> None:
    from vleval.errors import ExitCode, UserError
    from vleval.results.exports.submission import SubmissionError, write_submission
    from vleval.results.storage.store import read_samples
    from vleval.results.subset import subset_text

    record = source.record
    if task.submission is None or task.submission.form != form:
        raise UserError(f"--format {form}: no server takes the answers of {task.name} in that form")
    part = subset_text(record.config)
    if part and not allow_partial:
        raise UserError(
            f"{source.name} was asked a part of the split ({part}), and {task.submission.server} takes whole "
            "ones alone; --allow-partial writes it all the same",
            ExitCode.INCOMPLETE,
        )
    expected = None if allow_partial else record.data.samples
    try:
        with _replacing(output) as path:
            found = write_submission(path, task.submission, read_samples(Path(source.name)), expected)
    except SubmissionError as error:
        raise UserError(f"{source.name}: {error}") from None
    if found.empty:
        console.warn(
            f"{found.empty} of {found.answers} answers are empty: their questions failed or were not answered"
        )
    console.note(f"{found.answers:,} answers for {task.submission.server} written to {output}")


def _write_scores(
    source: Source, task: Task, output: Path, console: Console, form: Format, names: Names
) -> None:
    from vleval.errors import ExitCode, UserError
    from vleval.results.boards.entry import run_summary
    from vleval.results.comparing.eligibility import without_truths
    from vleval.results.exports import every_eval as eee
    from vleval.results.exports import hub as hub
    from vleval.results.storage.store import read_samples
    from vleval.stored.boards import setting_text

    folder, record = Path(source.name), source.record
    for sentence in without_truths(source):
        raise UserError(sentence)
    dataset = names.dataset or (record.data.name if record.data.origin == "hub" else None)
    summary = run_summary(folder, record, task.metrics)
    if not summary["n"]:
        raise UserError(
            f"{source.name} holds no answers yet: there is no score to export", ExitCode.INCOMPLETE
        )
    scores = hub.Scores(record, summary, task.metrics, names.model, dataset, setting_text(record))
    if form is Format.EVERY_EVAL_EVER and output.suffix != ".json":
        path = eee.write_folder(output, eee.Evaluation(scores, time.time()), read_samples(folder))
        console.note(f"written to {path}, answers beside it")
        return
    if form is Format.EVERY_EVAL_EVER:
        text = eee.as_text(eee.aggregate(eee.Evaluation(scores, time.time())))
    elif form is Format.MODEL_INDEX:
        text = hub.model_card(scores, task.title, task.media)
    else:
        text = hub.eval_results_yaml(scores, names.task_id or record.data.split)
    with _replacing(output) as path:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    console.note(f"written to {output}")


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A name to write to, which takes the place of `path` at the end if nothing went wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _model_name(run: RunRecord) -> str:
    """`organisation/model` of a hub id or of a folder, without where the folder lies."""
    if run.bundled_model:
        return "vleval/bundled"
    name = run.model.model.partition("@")[0]
    if len(name.split("/")) == 2 and not name.startswith((".", "/", "~")) and not Path(name).exists():
        return name
    return f"unknown/{Path(name).name or 'model'}"
