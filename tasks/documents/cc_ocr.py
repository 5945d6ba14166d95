"""CC-OCR: four tracks of reading (scenes, languages, parsed documents, fields) in 39 subsets.

A row of the hub set: {"index": 0, "image": "/9j/4AAQ...", "question": "Please output only the text content
from the image without any additional descriptions or formatting.", "answer": "CAFE OPEN", "category":
"multi_scene_ocr", "l2-category": "scene_text", "split": "TotalText", "image_name": "img_1.jpg"}

The image is a text, JPEG in base64, and not an image feature. Tracks are the hub set's configurations. The
score is the mean of the four tracks, each the mean of its subsets, each the mean of its pictures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from vleval.grounding.frame import Convention
from vleval.tasks.base import Answer, DataError, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import readers, rows
from vleval.tasks.data.configs import joined
from vleval.tasks.data.table import chained
from vleval.tasks.documents.ocr_rules import cc_parsing
from vleval.tasks.documents.ocr_rules.limits import LONGEST
from vleval.tasks.documents.short_answers import bare_messages
from vleval.tasks.pictures import identity
from vleval.tasks.text.bag_f1 import Tokens, bag_f1
from vleval.tasks.text.nested_fields import field_accuracy, field_f1, read_json, shallow

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from vleval.tasks.data.table import Table

SCENES, LANGUAGES, PARSING, FIELDS = TRACKS = ("multi_scene_ocr", "multi_lan_ocr", "doc_parsing", "kie")

PARSED = ("doc", "table", "formula", "molecular")
"""What doc_parsing's pages are, by `l2-category`."""

CHARACTERS = ("Arabic", "Japanese", "Korean")
"""Subsets that are compared by character, besides those with `zh` in their names."""

COLUMNS = ("category", "l2-category", "split", "answer")
"""Of a row, those that the truth is made of."""

_BY_SUBSET = ("subset",)

METRICS = (
    Metric("score", "Score", parts=TRACKS, formula="mean of the four tracks"),
    Metric(
        SCENES,
        "Scenes",
        strata=_BY_SUBSET,
        formula="mean over subsets of the mean F1 of words (ASCII letters and digits), or of characters",
    ),
    Metric(
        LANGUAGES,
        "Languages",
        strata=_BY_SUBSET,
        formula="mean over subsets of the mean F1 of words, or of characters",
    ),
    Metric(
        PARSING,
        "Parsing",
        strata=_BY_SUBSET,
        formula="mean over subsets of the mean 1 - edit distance / longer length; of tables, TEDS",
    ),
    Metric(
        FIELDS,
        "Fields",
        strata=_BY_SUBSET,
        formula="mean over subsets of the mean max(0, 1 - TED(said, true) / TED({}, true)); TED = edit "
        "distance of the trees that fields make",
    ),
    Metric(
        "kie_f1",
        "Fields F1",
        strata=_BY_SUBSET,
        formula="mean over subsets of the mean 2 · right / (said + true), counting each answer's fields",
    ),
    Metric(
        "tables_with_spans",
        "Tables (spans)",
        strata=_BY_SUBSET,
        formula="mean over subsets of tables of TEDS with colspan and rowspan, which doc_parsing loses",
    ),
)

Truth = Mapping[str, Any]
"""{"answer", "track", "subset", "kind"}: how the kind of answer is judged, and what is true."""


def read_truth(value: Any, column: str) -> dict[str, Any]:
    """The truth of a row, or the same object again. Raises ValueError in words for the user."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{column} must be an object with {', '.join(COLUMNS)}, not {str(value)[:60]!r}")
    track, subset = _track(value), str(value.get("subset", value.get("split")))
    kind = value.get("kind", value.get("l2-category"))
    if track == FIELDS:
        return {"answer": _fields(value.get("answer")), "track": track, "subset": subset, "kind": "fields"}
    if track != PARSING:
        kind = "characters" if "zh" in subset or subset.startswith(CHARACTERS) else "words"
        kind = "plain words" if kind == "words" and track == SCENES else kind
    elif kind not in PARSED:
        raise ValueError(
            f"l2-category of doc_parsing must be one of {', '.join(PARSED)}, not {str(kind)[:60]!r}"
        )
    answer = value.get("answer")
    if not isinstance(answer, str | int | float) or answer != answer:
        raise ValueError(f"answer must be a text, not {str(answer)[:60]!r}")
    return {"answer": str(answer).strip(), "track": track, "subset": subset, "kind": kind}


def read_columns(value: Any, column: str) -> dict[str, Any]:
    """The truth from the values of COLUMNS, in their order, as `--field target.columns=...` gives them."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != len(COLUMNS):
        raise ValueError(f"{column} must be the columns {', '.join(COLUMNS)}, in this order")
    return read_truth(dict(zip(COLUMNS, value, strict=True)), column)


def _track(value: Mapping[str, Any]) -> str:
    """The track of a row: its configuration, else its category."""
    named = (value.get("track"), value.get("config"), value.get("category"))
    found = next((name for name in named if name in TRACKS), None)
    if found is None:
        raise ValueError(f"category must be one of {', '.join(TRACKS)}, not {str(named[-1])[:60]!r}")
    return str(found)


def _fields(value: Any) -> dict[str, Any]:
    """The true fields, an object or its JSON."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found or not shallow(found):
        raise ValueError(f"answer of a kie question must be an object of fields, not {str(value)[:60]!r}")
    return found


def tags(truth: Truth) -> dict[str, str]:
    """The slices that a question belongs to."""
    return {"track": truth["track"], "subset": truth["subset"], "kind": truth["kind"]}


TARGET = Target(
    "an object with category, l2-category, split and answer, as in the hub's rows; or the columns: "
    f"--field target.columns={','.join(COLUMNS)}",
    {"truth": read_truth, "columns": read_columns},
    tags,
)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    image = rows.media(row["image"], "image")
    truth = read_truth({name: row.get(name) for name in ("config", *COLUMNS)}, "the row")
    yield Sample(
        id=f"{truth['subset']}/{row['image_name']}",
        media=(image,),
        question=rows.sentence(row["question"], "question"),
        target={"truth": truth},
        cluster=identity(image, str(row["image_name"])),
        tags=tags(truth),
    )


def open_clone(path: Path, split: str | None, default: str) -> tuple[Table, str] | None:
    """The rows of a copy of the hub repository: `<track>/<kind>/<subset>.tsv`; None for any other path.

    Raises DataError where a track is missing: the mean would be that of another benchmark.
    """
    files = {track: sorted((path / track).glob("*/**/*.tsv")) for track in TRACKS} if path.is_dir() else {}
    if not any(files.values()):
        return None
    if missing := [track for track, found in files.items() if not found]:
        raise DataError(f"{path} lacks the files of {', '.join(missing)}: all four tracks are needed.")
    tables = {track: [readers.read_file(file) for file in found] for track, found in files.items()}
    return joined({track: chained(found) for track, found in tables.items()}), split or default


def read(answer: Answer, convention: Convention) -> Reading:
    """The answer as text, or the JSON of fields; of the truth, its kind alone is looked at."""
    text = answer.text.strip()[:LONGEST]
    parsed = {"answer": text}
    if not text:
        return Reading(None, parsed, "empty answer")
    kind = answer.sample.target["truth"]["kind"]
    if kind == "fields":
        fields = read_json(text)
        return Reading(fields, parsed, None if fields is not None else "no JSON")
    if kind == "table" and "<table" not in text.lower():
        return Reading(None, parsed, "no table")
    return Reading(text, parsed)


JUDGES: Mapping[str, Callable[[Any, Any], float]] = {
    "words": partial(bag_f1, tokens=Tokens()),
    "plain words": partial(bag_f1, tokens=Tokens(plain=True)),
    "characters": partial(bag_f1, tokens=Tokens(characters=True)),
    "doc": cc_parsing.document_likeness,
    "table": cc_parsing.table_likeness,
    "formula": cc_parsing.formula_likeness,
    "molecular": cc_parsing.molecule_likeness,
    "fields": partial(field_accuracy, clean=cc_parsing.clean_value),
}
"""Kind of answer -> (what was read, truth) -> 0..1."""


def judge(found: Sequence[Any], truths: Sequence[Truth]) -> dict[str, NDArray[Any]]:
    """The score of each answer under its track, and the two further measures where they apply."""
    import numpy as np

    columns = {metric.name: np.full(len(truths), np.nan) for metric in METRICS if not metric.parts}
    for index, (said, truth) in enumerate(zip(found, truths, strict=True)):
        kind, answer = truth["kind"], truth["answer"]
        columns[truth["track"]][index] = JUDGES[kind](said, answer)
        if kind == "fields":
            columns["kie_f1"][index] = field_f1(said, answer, cc_parsing.clean_value)
        if kind == "table":
            columns["tables_with_spans"][index] = cc_parsing.table_likeness(said, answer, delete_spaces=False)
    return columns


def applies(sample: Sample) -> tuple[str, ...]:
    """The metric of the track, and those of its kind of answers."""
    truth = sample.target["truth"]
    further = {"fields": ("kie_f1",), "table": ("tables_with_spans",)}
    return (truth["track"], *further.get(truth["kind"], ()))


TASK = Task(
    name="cc-ocr",
    title="CC-OCR",
    description="Read scenes and languages, parse documents, extract fields: the mean of four tracks.",
    version=1,
    media="image",
    target=TARGET,
    metrics=METRICS,
    prompt="{question}",
    max_new_tokens=4096,
    columns=("image", "question", *COLUMNS, "image_name"),
    checks={"question": rows.sentence},
    hub=("wulipc/CC-OCR",),
    hub_configs=TRACKS,
    local=open_clone,
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=bare_messages,
    read=read,
    judge=judge,
    applies=applies,
    references=(
        "prompt: the row's own question, as in the benchmark's script, lmms-eval and VLMEvalKit",
        "metric: CC-OCR's script (Yang et al. 2024, AlibabaResearch/AdvancedLiterateMachinery on GitHub): F1 "
        "of words or characters, Donut's accuracy of fields, edit distance, TEDS",
        "slices: track, subset, kind",
    ),
    traps=(
        "doc_parsing deletes all spaces of a table's HTML, as the script does: spans are lost on both sides. "
        "tables_with_spans is TEDS of the HTML as written.",
        "A table counts right in the page's body alone, as in the script: one in a `div` scores 0.",
        "Scenes compare ASCII letters and digits alone: accents and other scripts count for nothing in word "
        "subsets.",
        "A document in a ```latex fence keeps the word latex as text, as in the script.",
        "kie_f1 is the mean over answers; the script pools the fields of a subset.",
        f"An answer counts up to {LONGEST:,} characters; tables of more than 1,900 cells score 0 unless "
        "equal.",
        "Answers stop at 4,096 tokens: long pages are cut.",
    ),
    comparability=(
        "VLMEvalKit runs the script and takes the same mean of tracks, with kie as accuracy: published "
        "totals are taken for that, which no report says.",
        "lmms-eval compares tables without attributes, weighs kinds of documents alike, and has no total.",
        "The script adds 1e-9 or 1e-6 to its divisors: its figures are lower in the sixth digit.",
    ),
)
