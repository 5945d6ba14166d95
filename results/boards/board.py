"""The leaderboard: a row per model and setting, a group of columns per benchmark, grown run by run.

A benchmark is a task on a split from one origin, so that bundled data, a local file and the hub's data never
meet in a column: `refcoco:testA`, `refcoco:testA[local]`, `refcoco:test[bundled]`. A run fills the columns of
one benchmark in the row of its model and setting. Its identity is model, setting, data and task version: the
same run again replaces its own numbers, and a run of the same benchmark on other questions gets another row.

Columns only ever grow: those of a new benchmark, task or field go to the right end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from vleval.model.io import VisionSettings
from vleval.results.escape import one_line
from vleval.results.storage.fingerprint import fingerprint

VERSION = 1
"""Raised when the meaning of a column changes; it stands in every row."""

Cell = str | int | float | None
Row = dict[str, Cell]
"""Column -> what stands in it; a missing column is empty."""

VISION = tuple(each.name for each in fields(VisionSettings))
MARK = "vleval_board"
"""The first column: what a file must have to be a board."""
HEAD = (
    MARK,
    "source",
    "bundled",
    "model",
    "model_fingerprint",
    "engine",
    "dtype",
    "parameters",
    "setting",
    *VISION,
    "coordinates",
    "repetition_penalty",
    "row_id",
)
"""Columns about the model and the setting."""
HEAD_NUMBERS = frozenset(
    {
        MARK,
        "parameters",
        "min_pixels",
        "max_pixels",
        "fps",
        "min_frames",
        "max_frames",
        "total_pixels",
        "repetition_penalty",
    }
)
ENDS = ("low", "high", "n")
"""Beside every metric: its 95% interval, and the samples it is a mean of."""
COST = (
    "clusters",
    "unparsed",
    "failed",
    "coverage",
    "visual_tokens",
    "seconds_per_sample",
    "peak_memory_bytes",
)
NUMBERS = (*COST, "samples", "task_version", "max_new_tokens")
TEXTS = (
    "status",
    "data",
    "data_revision",
    "data_fingerprint",
    "vleval",
    "libraries",
    "finished",
    "run",
    "identity",
)
"""Columns of a benchmark that are no metrics; every other name is one."""
ORIGINS = {"hub": "", "local": "[local]", "bundled": "[bundled]"}
COMPLETE, PUBLISHED = "complete", "published"


class Column(NamedTuple):
    """A column of a benchmark: `refcoco:testA/acc@0.5/low`."""

    benchmark: str
    name: str
    """A metric, or one of NUMBERS and TEXTS."""
    end: str | None = None
    """One of ENDS, for metrics."""

    @property
    def is_number(self) -> bool:
        """Whether its cells are numbers."""
        return self.name not in TEXTS

    @property
    def is_metric(self) -> bool:
        """Whether it is the value of a metric."""
        return self.end is None and self.name not in NUMBERS and self.name not in TEXTS

    def __str__(self) -> str:
        return "/".join(part for part in self if part is not None)

    @classmethod
    def parse(cls, text: str) -> Column | None:
        """The column of a name; None for a name of another kind."""
        benchmark, _, rest = text.partition("/")
        name, _, end = rest.partition("/")
        if ":" not in benchmark or not name or (end and end not in ENDS):
            return None
        return cls(benchmark, name, end or None)


def benchmark_name(task: str, split: str, origin: str) -> str:
    """The name of a group of columns: `refcoco:test[bundled]`."""
    return f"{task}:{one_line(split).replace('/', '_')}{ORIGINS[origin]}"


def task_of(benchmark: str) -> str:
    """The task of a benchmark."""
    return benchmark.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Entry:
    """One run on its benchmark, or one published number."""

    head: Mapping[str, Cell]
    """The columns of HEAD."""
    benchmark: str
    cells: Mapping[str, Cell]
    """The columns of the benchmark without its name, metrics first: `acc@0.5`, `acc@0.5/low`, ..."""


@dataclass(slots=True)
class Board:
    """Rows and columns; `add` is the one way to grow it."""

    columns: list[str] = field(default_factory=list)
    """As they stand in a file; unknown ones are kept. `arrange` appends those that rows have besides."""
    rows: list[Row] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Put an entry where it belongs: over itself, into the row of its model and setting, or at the end.

        A partial run never replaces a complete one.
        """
        row = self._row(entry)
        known = row.get(f"{entry.benchmark}/identity") == entry.cells["identity"]
        if known and row.get(f"{entry.benchmark}/status") == COMPLETE != entry.cells["status"]:
            return
        row.update({f"{entry.benchmark}/{name}": cell for name, cell in entry.cells.items()})

    def arrange(self, tasks: Sequence[str]) -> None:
        """Append the columns that rows have and `columns` lacks; new benchmarks in the order of `tasks`."""
        known = {*self.columns}
        self.columns += [name for name in HEAD if name not in known]
        for benchmark in sorted(self.benchmarks(), key=lambda name: _rank(name, tasks)):
            new = dict.fromkeys(name for row in self.rows for name in row if name.startswith(benchmark + "/"))
            self.columns += [name for name in new if name not in known]

    def benchmarks(self) -> list[str]:
        """Every benchmark that a row has a value of: first those of `columns`, in their order."""
        names = [*self.columns, *(name for row in self.rows for name in row)]
        found = dict.fromkeys(
            column.benchmark for name in names if (column := Column.parse(name)) is not None
        )
        return [
            benchmark for benchmark in found if any(row.get(f"{benchmark}/identity") for row in self.rows)
        ]

    def metrics(self, benchmark: str) -> list[str]:
        """The metrics of a benchmark, its headline first, of a board that has been arranged."""
        columns = (Column.parse(name) for name in self.columns)
        return [each.name for each in columns if each and each.benchmark == benchmark and each.is_metric]

    def entries(self, benchmark: str) -> Iterator[Row]:
        """The rows that have this benchmark."""
        return (row for row in self.rows if row.get(f"{benchmark}/identity"))

    def _row(self, entry: Entry) -> Row:
        identity = f"{entry.benchmark}/identity"
        same = [row for row in self.rows if row.get("row_id") == entry.head["row_id"]]
        for wanted in (entry.cells["identity"], None):
            for row in same:
                if (row.get(identity) or None) == wanted:
                    return row
        self.rows.append(dict(entry.head))
        return self.rows[-1]


def short_id(parts: Iterable[object]) -> str:
    """16 hexadecimal digits of a fingerprint: 64 bits."""
    return fingerprint(list(parts))[:16]


def _rank(benchmark: str, tasks: Sequence[str]) -> tuple[int, str, int, str]:
    task = task_of(benchmark)
    origin = next(
        index for index, mark in reversed([*enumerate(ORIGINS.values())]) if benchmark.endswith(mark)
    )
    return (tasks.index(task) if task in tasks else len(tasks), task, origin, benchmark)
