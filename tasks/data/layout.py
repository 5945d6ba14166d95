"""Where a file of predictions keeps what: its columns found by name, by a known alias, or by `--field`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from vleval.tasks.base import DataError, Task
from vleval.tasks.data.rows import as_json

FIELDS: Mapping[str, tuple[str, ...]] = {
    "id": ("question_id", "sample_id", "custom_id", "qid", "questionId", "index"),
    "image": ("image_path", "img_path", "img_filename", "image_name", "file_name"),
    "video": ("video_path", "video_id", "vid"),
    "prompt": ("expression", "question", "problem", "instruction", "caption", "query"),
    "response": ("model_output", "raw", "raw_output", "prediction", "output", "generated_text"),
    "target": ("ground_truth", "solution", "gt"),
    "original_size": ("image_size", "img_size"),
    "input_size": ("resized_size", "model_input_size"),
    "duration": ("video_duration",),
}
"""What a row may hold -> other names it is known by, in the order in which they are tried."""

NEEDED = ("response", "target")


class Place(NamedTuple):
    """Where one field stands in every row."""

    label: str
    """As the user knows it: `ground_truth`, `meta.size` or `x1,y1,x2,y2`."""
    columns: tuple[tuple[str, ...], ...]
    """One path of keys, or several whose values make a list."""

    def find(self, row: Mapping[str, Any]) -> Any:
        """The value; None where a row has none."""
        if len(self.columns) == 1:
            return _dig(row, self.columns[0])
        found = [_dig(row, path) for path in self.columns]
        return None if all(absent(value) for value in found) else found


class Layout(NamedTuple):
    """Where a file keeps the fields it has."""

    places: Mapping[str, Place]
    """Field -> place; a target written under one of its own names is `target.<name>`."""

    def find(self, field: str, row: Mapping[str, Any]) -> Any:
        """The value of a field; None where the file or the row has none."""
        place = self.places.get(field)
        return place.find(row) if place is not None else None


def parse_fields(pairs: Sequence[str], task: Task) -> dict[str, Place]:
    """`--field NAME=COLUMN` flags. Raises DataError on an unknown or repeated name, or without a column."""
    names = (*FIELDS, *(f"target.{name}" for name in task.target.readers))
    places: dict[str, Place] = {}
    for pair in pairs:
        name, _, source = (part.strip() for part in pair.partition("="))
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}."
            raise DataError(f"--field {pair}: {task.name} has no field {name!r}; {hint}")
        if not all(source.split(",")):
            raise DataError(
                f"--field {pair}: write {name}=COLUMN, or COLUMN.KEY for a value inside an object."
            )
        if name in places:
            raise DataError(f"--field {name} is given twice.")
        columns = tuple(tuple(path.strip().split(".")) for path in source.split(","))
        places[name] = Place(source, columns)
    return places


def find_layout(
    where: str,
    columns: Sequence[str],
    fields: Mapping[str, Place],
    task: Task,
    needed: Sequence[str] = NEEDED,
) -> Layout:
    """The places of a file's fields: `--field`, else the field's own name, else its first alias among them.

    Raises DataError when a column of `--field` is not there, or none of a field that is `needed`.
    """
    listed = f"it has: {', '.join(columns) or 'no columns'}"
    places: dict[str, Place] = {}
    for name, place in fields.items():
        whole = tuple((".".join(path),) if ".".join(path) in columns else path for path in place.columns)
        if missing := [path[0] for path in whole if path[0] not in columns]:
            raise DataError(f"{where} has no column {missing[0]} for --field {name}={place.label}; {listed}.")
        places[name] = place._replace(columns=whole)
    known = {
        **FIELDS,
        "response": (*task.answer_columns, *FIELDS["response"]),
        "target": (*task.target.readers, *FIELDS["target"]),
    }
    if "target" not in needed:
        del known["target"]  # the truths come from elsewhere, and a column of answers may hold what was said
    else:  # `index` is the truth of a choice
        known["id"] = tuple(alias for alias in FIELDS["id"] if alias not in task.target.readers)
    for name, aliases in known.items():
        taken = [field for field in places if field.partition(".")[0] == name]
        column = next((alias for alias in (name, *aliases) if alias in columns), None)
        if column is not None and not taken:
            field = f"{name}.{column}" if column in task.target.readers and name == "target" else name
            places[field] = Place(column, ((column,),))
    found = {field.partition(".")[0] for field in places}
    for name in needed:
        if name not in found:
            example = f"target.{task.target.key}" if name == "target" else name
            raise DataError(
                f"{where} has no column {name} or {', '.join(known[name])}; {listed}. "
                f"Say which one holds it: --field {example}=COLUMN."
            )
    return Layout(places)


def absent(value: Any) -> bool:
    """Whether a cell is empty: null, nothing between two commas, or the NaN that pandas writes."""
    return value is None or value == "" or value != value


def _dig(value: Any, path: Sequence[str]) -> Any:
    """The value at a path of keys and list indices; objects may be written as JSON text. None without one."""
    for key in path:
        if isinstance(value, str):
            value = as_json(value)
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value
