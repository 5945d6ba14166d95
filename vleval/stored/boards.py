"""From RUN arguments to a leaderboard: which runs may stand on it, which published figures beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from vleval.console import Console
from vleval.errors import ExitCode, UserError
from vleval.results.boards.board import Board, benchmark_name
from vleval.results.boards.entry import published_entry, run_entry
from vleval.results.boards.file import BoardError, read_board
from vleval.results.comparing.eligibility import incomplete, without_truths
from vleval.results.comparing.pairing import Source
from vleval.results.record import RunRecord
from vleval.results.subset import subset_text
from vleval.running.config import vision_text
from vleval.stored.selection import read_sources
from vleval.tasks.base import Metric
from vleval.tasks.published import published
from vleval.tasks.registry import TASKS
from vleval.tasks.user import known


def complete_sources(argument: Path, *, allow_partial: bool) -> list[Source]:
    """The runs of a folder. Raises UserError where one is incomplete and may not be."""
    sources = read_sources(argument)
    faults = [sentence for source in sources for sentence in incomplete(source)]
    if faults and not allow_partial:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise UserError(f"{faults[0]}; --allow-partial takes it as it is{more}", ExitCode.INCOMPLETE)
    return sources


def scored_sources(sources: Sequence[Source], console: Console) -> list[Source]:
    """Those that have scores; the others are named. Raises UserError where none has."""
    found = [source for source in sources if not without_truths(source)]
    left_out = [sentence for source in sources for sentence in without_truths(source)]
    if not found and left_out:
        raise UserError(left_out[0])
    for sentence in left_out:
        console.warn(sentence)
    return found


def start_board(csv: Path | None, *, append: bool) -> Board:
    """The board to fill. Raises UserError for a file that is none, which is never written over."""
    if csv is None or not csv.exists():
        return Board()
    try:
        found = read_board(csv)
    except BoardError as error:
        raise UserError(f"--csv: {error}") from None
    return found if append else Board()


def fill_board(board: Board, sources: Sequence[Source], *, with_published: bool) -> None:
    """Put runs, and the published figures that compare with them, on a board. Raises StoreError."""
    for source in sources:
        record = source.record
        metrics = known_metrics(record.task.name)
        board.add(run_entry(Path(source.name), record, metrics, setting_text(record)))
    if with_published:
        for source in sources:
            _add_published(board, source.record)
    board.arrange(list(TASKS))


def known_metrics(task: str) -> Sequence[Metric]:
    """Of a task that this vleval does not know, none: a board may come from another version."""
    found = TASKS.get(task) or known(task)
    return found.metrics if found is not None else ()


def setting_text(run: RunRecord) -> str:
    """What a model was shown and asked, in flags, apart from defaults: `max-pixels 16t, fps 2`."""
    said = [f'prompt "{run.task.prompt}"'] if run.config.get("prompt") else []
    for each in fields(run.vision):
        value = getattr(run.vision, each.name)
        if value != each.default:
            flag = "frame-sampling" if each.name == "sampling" else each.name.replace("_", "-")
            said.append(f"{flag} {vision_text(each.name, value)}")
    return ", ".join(said) or "default"


def _add_published(board: Board, run: RunRecord) -> None:
    """Figures stand beside a run that was asked the questions they are about: all of the hub's split of that
    name, or of a local copy with as many."""
    task, data = run.task.name, run.data
    part = data.origin == "local" or bool(subset_text(run.config))
    for row in published(task, data.split):
        if data.origin == "bundled" or (part and data.samples != row.questions):
            continue
        benchmark = benchmark_name(task, data.split, data.origin)
        for size in row.scores:
            value, source = row.value(size), row.source(size)
            model, metrics = row.model(size), known_metrics(task)
            board.add(published_entry(model, benchmark, row.metric, value, source, metrics))
