"""A leaderboard for people: a table per benchmark, and one of all headlines where there are several.

The same tables go to the terminal, to Markdown and to a page of HTML without scripts (`board_page`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from vleval.results.boards.board import COMPLETE, COST, HEAD, PUBLISHED, Board, Row, task_of
from vleval.results.comparing.table import markdown_table
from vleval.results.escape import markdown, one_line
from vleval.results.statistics.stats import Estimate, Interval
from vleval.results.table import estimate_text, heading, memory, number, units
from vleval.tasks.base import Metric

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

SCHEMA = "vleval/leaderboard@1"
WORDS = 2
"""Columns of words at the start of a table: model and setting."""

MANY = 3
"""Benchmarks up to which they are the columns of the overview."""
BENCHMARK = "benchmark"
_MORE = "a table per benchmark, with costs: --html FILE or --markdown -"

Metrics = Callable[[str], Sequence[Metric]]
"""Task -> its metrics; () for a task that this vleval does not know."""


class Section(NamedTuple):
    """One table and what a reader of it must know."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]


def sections(board: Board, metrics: Metrics, *, every_metric: bool = True) -> list[Section]:
    """The tables of a board: an overview of headlines where there are several benchmarks, then each.

    Every text is one line without control characters, whatever a file held.
    """
    names = board.benchmarks()
    tables = [_section(board, name, metrics, every_metric=every_metric) for name in names]
    # Many benchmarks stand below each other, many models or settings do.
    across = len(names) > MANY and len(board.rows) < len(names)
    overview = _by_benchmark if across else _overview
    found = [overview(board, names, metrics), *tables] if len(names) > 1 else tables
    return [_one_line(section) for section in found]


def board_tables(board: Board, metrics: Metrics, console: Console) -> list[RenderableType]:
    """For a terminal: headlines only, and an overview where it fits; of many benchmarks, one table with a row
    each where that fits."""
    from rich.measure import Measurement
    from rich.text import Text

    def fits(section: Section) -> bool:
        wide = console.options.update(width=10_000)
        return Measurement.get(console, wide, _table(section)).maximum <= console.width

    found = sections(board, metrics, every_metric=False)
    if len(found) > 1 and not fits(found[0]):
        found = found[1:]
    elif len(found) > 1 and found[0].headings[0] == BENCHMARK:
        found = [found[0]._replace(notes=[*found[0].notes, _MORE])]
    parts: list[RenderableType] = []
    for section in found:
        parts += [Text(section.title, style="bold"), _table(section), *map(Text, section.notes), Text()]
    return parts[:-1]


def _table(section: Section) -> Table:
    """Words fold, numbers do not."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for index, title in enumerate(section.headings):
        words = index < WORDS
        table.add_column(
            Text(title.replace(" ", "\n").replace("/", "/\n")),
            justify="left" if words else "right",
            no_wrap=not words,
            overflow="fold",
            vertical="bottom",
        )
    for row in section.rows:
        table.add_row(*map(Text, row))
    return table


def board_markdown(board: Board, metrics: Metrics) -> str:
    """The tables as Markdown."""
    blocks = []
    for section in sections(board, metrics):
        blocks += [f"### {markdown(section.title)}", markdown_table(section.headings, section.rows)]
        if section.notes:
            blocks.append("\n".join(f"- {markdown(note)}" for note in section.notes))
    return "\n\n".join(blocks) + "\n"


def board_document(board: Board, metrics: Metrics) -> dict[str, Any]:
    """The one JSON document of `vleval leaderboard` (docs/json.md)."""
    taken = {name: board.metrics(name) for name in board.benchmarks()}
    return {
        "schema": SCHEMA,
        "benchmarks": [
            {
                "name": name,
                "task": task_of(name),
                "metrics": [asdict(_metric(metrics, name, each)) for each in found],
            }
            for name, found in taken.items()
        ],
        "rows": [
            {
                **{column: row.get(column) or None for column in HEAD[1:]},
                "scores": {
                    name: _scores(row, name, found) for name, found in taken.items() if _has(row, name)
                },
            }
            for row in board.rows
        ],
    }


def _scores(row: Row, name: str, taken: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "metrics": {
            each: {
                "value": row.get(f"{name}/{each}"),
                "interval": _interval(row, name, each),
                "n": row.get(f"{name}/{each}/n"),
            }
            for each in taken
        }
    }
    prefix = f"{name}/"
    rest = {column.removeprefix(prefix): cell for column, cell in row.items() if column.startswith(prefix)}
    plain = {field: cell for field, cell in rest.items() if field.partition("/")[0] not in taken}
    return found | {field: None if cell == "" else cell for field, cell in plain.items()}


def _section(board: Board, name: str, metrics: Metrics, *, every_metric: bool) -> Section:
    chosen = [_metric(metrics, name, each) for each in board.metrics(name)]
    chosen = chosen if every_metric else chosen[:1]
    found = list(board.entries(name))
    headings = ["model", "setting", *(f"{heading(metric)} [95%]" for metric in chosen), "n", "visual tokens"]
    headings += ["s/sample", "peak memory"] + (["unparsed", "failed"] if every_metric else [])
    rows = []
    for row in found:
        count = _count(row, name, chosen[0].name)
        cells = [_model(row, name), _text(row, "setting")]
        cells += [_score(row, name, metric) for metric in chosen]
        cells += [count, *_costs(row, name)]
        cells += [_whole(row, f"{name}/{field}") for field in ("unparsed", "failed") if every_metric]
        rows.append(cells)
    return Section(name, headings, rows, [*units(chosen), *_notes(found, name)])


def _one_line(section: Section) -> Section:
    title, headings, rows, notes = section
    return Section(
        one_line(title),
        [*map(one_line, headings)],
        [[*map(one_line, row)] for row in rows],
        [*map(one_line, notes)],
    )


def _by_benchmark(board: Board, names: Sequence[str], metrics: Metrics) -> Section:
    """The headlines with a row per benchmark and a column per model and setting, and every note once."""
    heads = [_metric(metrics, name, board.metrics(name)[0]) for name in names]
    rows = [
        [name, heading(head), *(_score(row, name, head) + _star(row, name) for row in board.rows)]
        for name, head in zip(names, heads, strict=True)
    ]
    columns = [f"{_model(row)} {_text(row, 'setting')}" for row in board.rows]
    notes = dict.fromkeys(note for name in names for note in _notes([*board.entries(name)], name))
    return Section("overview", [BENCHMARK, "headline [95%]", *columns], rows, [*units(heads), *notes])


def _overview(board: Board, names: Sequence[str], metrics: Metrics) -> Section:
    heads = [_metric(metrics, name, board.metrics(name)[0]) for name in names]
    headings = [
        "model",
        "setting",
        *(f"{name} {heading(head)}" for name, head in zip(names, heads, strict=True)),
    ]
    rows = [
        [
            _model(row),
            _text(row, "setting"),
            *(
                _score(row, name, head, interval=False) + _star(row, name)
                for name, head in zip(names, heads, strict=True)
            ),
        ]
        for row in board.rows
    ]
    partial = any(_star(row, name) for row in board.rows for name in names)
    return Section("overview", headings, rows, ["* partial"] if partial else [])


def _notes(found: Sequence[Row], name: str) -> list[str]:
    notes = [
        f"* {_text(row, f'{name}/status')}: {_text(row, 'model')}, {_text(row, 'setting')}"
        for row in found
        if row.get(f"{name}/status") not in (COMPLETE, PUBLISHED)
    ]
    sources = dict.fromkeys(
        _text(row, f"{name}/data") for row in found if row.get(f"{name}/status") == PUBLISHED
    )
    notes += [f"published: {source}; without interval" for source in sources]
    if name.endswith("[bundled]"):
        notes.append("bundled data: these scores do not compare with those on the benchmark's own data")
    asked = {row.get(f"{name}/data_fingerprint") for row in found if _text(row, "source") != PUBLISHED}
    if len(asked) > 1:
        notes.append("these runs were not asked the same questions: n and data differ")
    return notes


def _model(row: Row, name: str | None = None) -> str:
    """The model with its marks: published, bundled, and a star for a partial run."""
    marks = [mark for mark in (PUBLISHED, "bundled") if _marked(row, mark)]
    said = f" ({', '.join(marks)})" if marks else ""
    return f"{_text(row, 'model')}{said}{_star(row, name) if name else ''}"


def _star(row: Row, name: str) -> str:
    """The mark of a partial run."""
    return "*" if _has(row, name) and row.get(f"{name}/status") not in (COMPLETE, PUBLISHED) else ""


def _marked(row: Row, mark: str) -> bool:
    if mark == PUBLISHED:
        return row.get("source") == PUBLISHED
    return bool(row.get("bundled")) and not _text(row, "model").startswith(mark)


def _score(row: Row, name: str, metric: Metric, *, interval: bool = True) -> str:
    value = row.get(f"{name}/{metric.name}")
    if not isinstance(value, int | float):
        return ""
    ends = _interval(row, name, metric.name)
    estimate = Estimate(value, ends, None, 0, 0, "")
    return estimate_text(estimate, metric, interval=interval and row.get("source") != PUBLISHED)


def _interval(row: Row, name: str, metric: str) -> Interval | None:
    low, high = (row.get(f"{name}/{metric}/{end}") for end in ("low", "high"))
    if isinstance(low, int | float) and isinstance(high, int | float):
        return Interval(low, high)
    return None


def _count(row: Row, name: str, metric: str) -> str:
    return _whole(row, f"{name}/{metric}/n")


def _costs(row: Row, name: str) -> list[str]:
    tokens, seconds, peak = (row.get(f"{name}/{field}") for field in COST[-3:])
    return [
        number(tokens) if isinstance(tokens, int | float) else "",
        number(seconds) if isinstance(seconds, int | float) else "",
        memory(int(peak)) if isinstance(peak, int | float) else "",
    ]


def _metric(metrics: Metrics, benchmark: str, name: str) -> Metric:
    known: Mapping[str, Metric] = {metric.name: metric for metric in metrics(task_of(benchmark))}
    return known.get(name, Metric(name, name, percent=False))


def _has(row: Row, name: str) -> bool:
    return bool(row.get(f"{name}/identity"))


def _whole(row: Row, column: str) -> str:
    cell = row.get(column)
    return f"{cell:,}" if isinstance(cell, int | float) else ""


def _text(row: Row, column: str) -> str:
    return str(row.get(column) or "")
