"""Pictures with text as rows of InfoVQA, TextVQA, OCRBench and AI2D, in the hub sets' columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vleval.tasks.worlds.documents.diagrams import make_diagram
from vleval.tasks.worlds.documents.infographics import make_infographic
from vleval.tasks.worlds.documents.paper import encode
from vleval.tasks.worlds.documents.snippets import make_snippet
from vleval.tasks.worlds.documents.streets import HEIGHT, WIDTH, make_scene
from vleval.tasks.worlds.parquet import IMAGE, STRING, sequence, value, write_parquet

if TYPE_CHECKING:
    from vleval.tasks.worlds.parquet import Columns

Row = dict[str, Any]

INFOGRAPHICS, SCENES, SNIPPETS, DIAGRAMS = 5, 18, 40, 9
"""Pictures of each data set."""


def infovqa_rows(split: str, seed: int) -> Iterator[Row]:
    """One row per question, each with its page."""
    for index in range(INFOGRAPHICS):
        page = make_infographic(split, seed, index)
        image, name = _image(page.image, f"infographic_{index:03d}.png"), f"{index + 1:02}"
        for number, (asked, operations) in enumerate(page.questions):
            yield {
                "questionId": f"{name}{number:03}",
                "question": asked.text,
                "answers": list(asked.answers),
                "answer_type": [asked.kind],
                "image": image,
                "image_url": "",
                "operation/reasoning": list(operations),
                "ocr": "\n".join(page.texts),
                "data_split": "val",
            }


def textvqa_rows(split: str, seed: int) -> Iterator[Row]:
    """One row per scene."""
    for index in range(SCENES):
        scene = make_scene(split, seed, index)
        name = f"scene{index:03d}"
        yield {
            "image_id": name,
            "question_id": 90000 + index,
            "question": scene.question,
            "question_tokens": scene.question.rstrip("?").split(),
            "image": _image(scene.image, f"{name}.png"),
            "image_width": WIDTH,
            "image_height": HEIGHT,
            "flickr_original_url": "",
            "flickr_300k_url": "",
            "answers": list(scene.answers),
            "image_classes": list(scene.classes),
            "set_name": "val",
            "ocr_tokens": list(scene.texts),
        }


def ocrbench_rows(split: str, seed: int) -> Iterator[Row]:
    """One row per snippet, the ten kinds in turn."""
    for index in range(SNIPPETS):
        snippet = make_snippet(split, seed, index)
        yield {
            "dataset": snippet.source,
            "question": snippet.question,
            "question_type": snippet.kind,
            "answer": list(snippet.answers),
            "image": _image(snippet.image, f"snippet_{index:03d}.png"),
        }


def ai2d_rows(split: str, seed: int) -> Iterator[Row]:
    """One row per question, each with its diagram."""
    for index in range(DIAGRAMS):
        diagram = make_diagram(split, seed, index)
        image = _image(diagram.image, f"diagram_{index:03d}.png")
        for choice in diagram.choices:
            yield {
                "question": choice.question,
                "options": list(choice.options),
                "answer": str(choice.truth),
                "image": image,
            }


class _Set(NamedTuple):
    task: str
    split: str
    rows: Callable[[str, int], Iterator[Row]]
    listed: bool = False
    """Whether `answer` is a list."""


_SETS = (
    _Set("infovqa", "validation", infovqa_rows),
    _Set("textvqa", "validation", textvqa_rows),
    _Set("ocrbench", "test", ocrbench_rows, listed=True),
    _Set("ai2d", "test", ai2d_rows),
)


def write_readings(folder: Path, seed: int) -> dict[str, int]:
    """Writes all data sets of this file below `folder`; returns the number of rows of each."""
    written = {}
    for name, split, make, listed in _SETS:
        known, rows = _columns(listed), list(make(split, seed))
        columns = {column: known[column] for column in rows[0]}
        written[f"{name}/{split}"] = write_parquet(folder / name / f"{split}.parquet", columns, rows)
    return written


def _image(image: Any, name: str) -> Row:
    return {"bytes": encode(image), "path": name}


def _columns(listed: bool) -> Columns:
    """All columns of these data sets; `answer` is a list in some, and a string in others."""
    import pyarrow as pa

    texts = "questionId question image_url ocr data_split image_id flickr_original_url flickr_300k_url"
    texts += " set_name dataset question_type"
    lists = "answers answer_type operation/reasoning question_tokens image_classes ocr_tokens options"
    return {
        **{name: (pa.string(), STRING) for name in texts.split()},
        **{name: (pa.list_(pa.string()), sequence("string")) for name in lists.split()},
        **{name: (pa.int64(), value("int64")) for name in ("question_id", "image_width", "image_height")},
        "answer": (pa.list_(pa.string()), sequence("string")) if listed else (pa.string(), STRING),
        "image": (pa.struct({"bytes": pa.binary(), "path": pa.string()}), IMAGE),
    }
