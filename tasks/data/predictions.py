"""Reads answers made elsewhere: each row of a file becomes a Sample without media and a Response."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from vleval.grounding.frame import Convention, Frame, Sizes
from vleval.model.io import Failure, Response
from vleval.tasks.base import DataError, Sample, Task
from vleval.tasks.data import readers, rows
from vleval.tasks.data.layout import NEEDED, Layout, absent, find_layout, parse_fields
from vleval.tasks.data.table import Table

PATCH = 14
"""Pixels of a patch: the input is (grid x 14) pixels."""
MERGED_PATCH = 28
"""Every side of Qwen2.5-VL's input is a multiple of this."""


class Prediction(NamedTuple):
    """One row."""

    sample: Sample
    response: Response


@dataclass(frozen=True, slots=True)
class Predictions:
    """The rows of a file, and what its reader must tell."""

    name: str
    layout: Layout
    items: list[Prediction]
    unclustered: int
    """Rows that do not name their image or video: each is a cluster of its own."""
    repeated: int
    """Rows whose id another row above has; `@` and the number of the row made it unique."""
    odd_sizes: int
    """Rows whose input size no Qwen2.5-VL can have seen: it is probably not the size after the processor."""
    unanswered: int = 0
    """Questions of the data that the truths come from without a row: each has failed."""
    convention: Convention | None = None
    """Unit of the numbers, where the form of the file says it."""


def read_predictions(
    path: Path,
    task: Task,
    *,
    fields: Sequence[str] = (),
    letterbox: bool = False,
    limit: int | None = None,
    truths: Sequence[Sample] | None = None,
) -> Predictions:
    """The predictions of a JSONL, JSON, CSV or parquet file (docs/scoring-files.md).

    `fields` are NAME=COLUMN pairs for columns of other names; `letterbox` says that images were fitted into
    the input with bars. Rows hold their truths, or the ids of questions in `truths`; of these, questions that
    no row answers have failed (with a `limit`, only rows count). Raises DataError with the file, and the row,
    in one sentence.
    """
    where = str(path)
    if limit is not None and limit < 1:
        raise DataError("--limit must be at least 1.")
    places = parse_fields(fields, task)
    if not path.is_file():
        raise DataError(f"{where}: there is no such file.")
    table = readers.read_file(path)
    if table.total == 0:
        raise DataError(f"{where} has no rows.")
    table, convention = _by_answer(table, task, truths, where)
    asked = None if truths is None else {sample.id: sample for sample in truths}
    needed = NEEDED if asked is None else (NEEDED[0], "id")
    reader = _Reader(task, find_layout(where, table.columns, places, task, needed), letterbox, asked)
    items = []
    for index, row in enumerate(islice(table.rows, limit)):
        try:
            items.append(reader.read(index, row))
        except ValueError as error:
            raise DataError(f"{where}, row {index} (the first is 0): {error}.") from error
    if all(item.response.failure for item in items):
        label = reader.layout.places["response"].label
        raise DataError(
            f"{where}: no row has a response in {label}; say where it is: --field response=COLUMN."
        )
    missing = [] if asked is None or limit is not None else reader.missing()
    return Predictions(
        where,
        reader.layout,
        items + missing,
        reader.unclustered,
        reader.repeated,
        reader.odd_sizes,
        len(missing),
        convention,
    )


def _by_answer(
    table: Table, task: Task, truths: Sequence[Sample] | None, where: str
) -> tuple[Table, Convention | None]:
    """The rows of a file, one per answer, and their unit where its form says it. Raises DataError."""
    form = task.results
    if form is None or "response" in table.columns or not form.columns <= set(table.columns):
        return table, None
    if truths is None:
        raise DataError(f"{where} holds {form.name}, without truths: name their annotation file with --data.")
    try:
        found = list(form.answers(table.rows, truths))
    except ValueError as error:
        raise DataError(f"{where}, {error}.") from error
    return Table(("id", "response"), found, len(found)), form.convention


class _Reader:
    """Reads row after row, and counts what is odd."""

    def __init__(
        self, task: Task, layout: Layout, letterbox: bool, asked: Mapping[str, Sample] | None
    ) -> None:
        self.task, self.layout, self.letterbox, self.asked = task, layout, letterbox, asked
        self.taken: set[str] = set()
        self.unclustered = self.repeated = self.odd_sizes = 0

    def read(self, index: int, row: Mapping[str, Any]) -> Prediction:
        """One row. Raises ValueError, in words for the user, on a value that cannot be read."""
        name = self._id(index, row)
        sample = self._sample(index, row, name) if self.asked is None else self._question(index, name)
        original, frames = self._sizes(row, sample.original_size)
        sample = replace(sample, original_size=original)
        said = self.layout.find("response", row)
        if said is None or said != said:
            failure = Failure("input_error", f"row {index} has no response")
            return Prediction(sample, Response(name, finish_reason="error", frames=frames, failure=failure))
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, default=str)
        return Prediction(sample, Response(name, text, frames=frames))

    def missing(self) -> list[Prediction]:
        """The questions that no row has answered."""
        failure = Failure("input_error", "the file has no answer to this question")
        return [
            Prediction(replace(sample, media=()), Response(name, finish_reason="error", failure=failure))
            for name, sample in (self.asked or {}).items()
            if name not in self.taken
        ]

    def _question(self, index: int, name: str) -> Sample:
        """The question that a row answers."""
        sample = (self.asked or {}).get(name.removesuffix(f"@{index}"))
        if sample is None:
            theirs = ", ".join(map(repr, islice(self.asked or {}, 3)))
            raise ValueError(f"the data have no question {name!r}; theirs are {theirs}, ...")
        return replace(sample, id=name, media=())

    def _sample(self, index: int, row: Mapping[str, Any], name: str) -> Sample:
        """The question as a row tells it, with its truth."""
        prompt = self.layout.find("prompt", row)
        target, tags = self._target(row), self.task.target.tags
        return Sample(
            id=name,
            media=(),
            question="" if absent(prompt) else str(prompt),
            target=target,
            cluster=self._cluster(index, row),
            tags=tags(target[self.task.target.key]) if tags else {},
        )

    def _id(self, index: int, row: Mapping[str, Any]) -> str:
        value = self.layout.find("id", row)
        name = str(index) if absent(value) else str(value)
        if self.asked and name not in self.asked and f"row#{name}" in self.asked:
            name = f"row#{name}"  # of data without ids, whose questions are called after their rows
        if name in self.taken:
            self.repeated += 1
            name = f"{name}@{index}"
        self.taken.add(name)
        return name

    def _cluster(self, index: int, row: Mapping[str, Any]) -> str:
        value = self.layout.find(self.task.media, row)
        if isinstance(value, Mapping):  # the hub's {"bytes", "path"}
            value = value.get("path") or value.get("bytes")
        if isinstance(value, bytes):
            return hashlib.sha256(value).hexdigest()
        if absent(value):
            self.unclustered += 1
            return f"row {index}"
        return str(value)

    def _target(self, row: Mapping[str, Any]) -> dict[str, Any]:
        target, layout = self.task.target, self.layout
        whole = layout.find("target", row)
        if isinstance(whole, str) and whole.lstrip().startswith("{"):
            whole = _json_object(whole)
        named = {
            name: layout.find(f"target.{name}", row)
            for name in target.readers
            if f"target.{name}" in layout.places
        }
        if not named and not isinstance(whole, Mapping):
            named = {target.key: whole}
        elif not named:
            named = {name: whole[name] for name in target.readers if name in whole}
        if not named:
            raise ValueError(
                f"the target has no {' or '.join(target.readers)}, which {self.task.name} needs; "
                f"it has: {', '.join(map(str, whole)) or 'nothing'}"
            )
        name, value = next(iter(named.items()))
        place = layout.places.get(f"target.{name}") or layout.places["target"]
        truth: dict[str, Any] = {target.key: target.readers[name](value, place.label)}
        duration = layout.find("duration", row)
        if absent(duration) and isinstance(whole, Mapping):
            duration = whole.get("duration")
        if not absent(duration):
            truth["duration"] = rows.numbers([duration], 1, "duration")[0]
        return truth

    def _sizes(
        self, row: Mapping[str, Any], known: tuple[int, int] | None
    ) -> tuple[tuple[int, int] | None, tuple[Frame, ...]]:
        """The original size, which may be `known`, and the frame of the input where both sizes are."""
        if self.task.media != "image":
            return None, ()
        original, shown = self._size("original_size", row) or known, self._size("input_size", row)
        if original is None or shown is None:
            # A share of a letter-boxed input is no share of the original: half of the sizes is none.
            return (None if self.letterbox else original), ()
        self.odd_sizes += shown[0] % MERGED_PATCH > 0 or shown[1] % MERGED_PATCH > 0
        return original, _frames(original, shown, self.letterbox)

    def _size(self, field: str, row: Mapping[str, Any]) -> tuple[int, int] | None:
        value = self.layout.find(field, row)
        return None if absent(value) else rows.size(value, self.layout.places[field].label)


@cache
def _frames(original: tuple[int, int], shown: tuple[int, int], letterbox: bool) -> tuple[Frame, ...]:
    content = Sizes.letterboxed(original, shown).content if letterbox else None
    grid = (1, shown[1] // PATCH, shown[0] // PATCH)
    return (Frame(original, shown, grid, "unknown", content=content),)


def _json_object(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
