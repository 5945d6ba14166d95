"""OCRBench v2: ten thousand questions of thirty types on text in pictures, English and Chinese.

A row of the hub set: {"id": 4001, "dataset_name": "totaltext", "question": "Where is the region of the text
'CAFE'? Output the normalized coordinates of ...", "type": "text grounding en", "answers": ["120", "340",
"455", "600"], "image": <JPEG bytes>, "eval": "None", "bbox": None, "bbox_list": None, "content": None}

Every type has a rule of its own: `ocr_rules/kinds.py` says which, the files beside it what they are. Types
are counted under abilities, eight English and five Chinese, and a language's score is the mean of its
abilities' means.

Boxes are asked for in thousandths of the picture. Qwen2.5-VL answers in pixels of its input all the same, so
`score_en` reads numbers in the unit declared for the model, as everywhere in vleval; `score_en_as_asked` is
the script's own reading, by which published scores were made (`ocr_rules/places.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vleval.grounding.frame import Convention
from vleval.tasks.base import Answer, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import readers, rows
from vleval.tasks.data.table import Table
from vleval.tasks.documents.ocr_rules.kinds import kind_of
from vleval.tasks.documents.ocr_rules.limits import LONGEST
from vleval.tasks.documents.ocr_rules.places import Positioned, Spots
from vleval.tasks.documents.ocr_rules.rules import RULES, Truth
from vleval.tasks.documents.ocr_rules.truths import COLUMNS, read_columns, read_truth
from vleval.tasks.documents.short_answers import bare_messages
from vleval.tasks.grounding.places import View
from vleval.tasks.pictures import identity, upright_size

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

METRICS = (
    Metric(
        "score",
        "Score",
        parts=("score_en", "score_zh"),
        formula="mean of score_en and score_zh: one number to compare runs by, which nobody publishes",
    ),
    Metric(
        "score_en",
        "English",
        strata=("ability",),
        formula="mean over 8 abilities of the mean over their questions; boxes in the declared unit",
    ),
    Metric(
        "score_zh",
        "Chinese",
        strata=("ability",),
        formula="mean over 5 abilities of the mean over their questions",
    ),
    Metric(
        "score_en_as_asked",
        "English (as asked)",
        strata=("ability",),
        formula="score_en with the numbers of boxes taken for thousandths, as the question asks",
    ),
)


def tags(truth: Truth) -> dict[str, str]:
    """The slices that a question belongs to."""
    kind = kind_of(truth["type"])
    return {"ability": kind.ability, "language": kind.language, "type": truth["type"]}


TARGET = Target(
    "an object with the row's type and answers, and with eval, question, bbox, bbox_list, content where it "
    f"has them; or the columns themselves: --field target.columns={','.join(COLUMNS)} (and bbox_list, last)",
    {"truth": read_truth, "columns": read_columns},
    tags,
)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row; none of a translation whose truth is empty, which the script leaves out too.

    Raises ValueError on a value that cannot be read.
    """
    image = rows.media(row["image"], "image")
    truth = read_truth(row, "the row")
    if _is_left_out(truth):
        return
    yield Sample(
        id=str(row["id"]),
        media=(image,),
        question=rows.sentence(row["question"], "question"),
        target={"truth": truth},
        cluster=identity(image, row.get(rows.MEDIA_NAME) or key),
        original_size=upright_size(image) if RULES[truth["rule"]].as_asked else None,
        tags=tags(truth),
    )


def _is_left_out(truth: Truth) -> bool:
    """Whether the script leaves a question out: a translation whose truth is empty."""
    return truth["rule"] == "transcript" and not truth["answers"][0]


def open_official(path: Path, split: str | None, default: str) -> tuple[Table, str] | None:
    """The rows of the benchmark's own file in the hub's columns; None for any other. Raises DataError."""
    if path.suffix != ".json" or not path.is_file():
        return None
    table = readers.read_file(path)
    if "image" in table.columns or "image_path" not in table.columns:
        return None
    columns = ("id", *COLUMNS, "image")
    found = [{**dict.fromkeys(columns), **row, "image": row.get("image_path")} for row in table.rows]
    return Table(columns, found, len(found)), split or default


def read(answer: Answer, convention: Convention) -> Reading:
    """What the question's rule finds in the answer; of the truth, its type and rule alone are looked at."""
    text = answer.text.strip()[:LONGEST]
    parsed: dict[str, Any] = {"answer": text}
    if not text:
        return Reading(None, parsed, "empty answer")
    rule = RULES[answer.sample.target["truth"]["rule"]]
    view = View.of(answer, convention)
    found = rule.read(text, view)
    if rule.as_asked:
        parsed |= {"placed": view.mapped, "thousandths": _boxes(found)}
    return Reading(found, parsed, None if found is not None else rule.missing)


def _boxes(found: Spots | Positioned | None) -> list[list[float]]:
    spots = found.spots if isinstance(found, Positioned) else found
    return [list(spot.box) for spot in spots.placed] if spots else []


def judge(found: Sequence[Any], truths: Sequence[Truth]) -> dict[str, NDArray[Any]]:
    """What each question's rule makes of its answer."""
    import numpy as np

    scores, asked = [], []
    for said, truth in zip(found, truths, strict=True):
        rule = RULES[truth["rule"]]
        scores.append(rule.judge(said, truth))
        asked.append(rule.as_asked(said, truth) if rule.as_asked else scores[-1])
    score = np.array(scores, float)
    return {"score_en": score, "score_zh": score, "score_en_as_asked": np.array(asked, float)}


def applies(sample: Sample) -> tuple[str, ...]:
    """The metrics of the question's language."""
    truth = sample.target["truth"]
    if _is_left_out(truth):
        return ()
    if kind_of(truth["type"]).language == "en":
        return ("score_en", "score_en_as_asked")
    return ("score_zh",)


def _check_type(value: Any, column: str) -> None:
    kind_of(value)


TASK = Task(
    name="ocrbench-v2",
    title="OCRBench v2",
    description="Read, find, parse and reason about text in pictures: the mean over abilities, by language.",
    version=1,
    media="image",
    target=TARGET,
    metrics=METRICS,
    prompt="{question}",
    max_new_tokens=4096,
    columns=("id", *COLUMNS, "image"),
    local=open_official,
    checks={"type": _check_type, "question": rows.sentence},
    hub=("ling99/OCRBench_v2",),
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=bare_messages,
    read=read,
    judge=judge,
    applies=applies,
    answer_columns=("predict",),
    references=(
        "prompt: the bare question, as in the benchmark's script, lmms-eval and VLMEvalKit",
        "metric: OCRBench v2's script (Fu et al. 2025, github.com/Yuliang-Liu/MultimodalOCR): text "
        "contained, ANLS, letters, counts, TEDS, outlines, F1 of fields, BLEU with METEOR, IoU, spotting",
        "slices: ability, language, type",
    ),
    traps=(
        "Boxes are asked for in thousandths, and Qwen2.5-VL answers in pixels of its input: score_en reads "
        "the declared unit (--coordinates), score_en_as_asked the thousandths, as the script does.",
        "METEOR is without WordNet's synonyms, which the script downloads: English transcripts and "
        "translations can lose where a model writes a synonym; Chinese ones are the same.",
        "100 is out of reach for transcripts: a perfect one of n words has METEOR 1 - 0.5 / n³, and of fewer "
        "than four BLEU 0.",
        "Document parsing compares outlines, not words, and a blank line differs from another blank line.",
        "'answer:..., bbox:(x1,y1,x2,y2)', the form that questions with a position ask for, is read without "
        "its box: only JSON and Python dictionaries have one.",
        "JSON objects with bbox_2d, Qwen2.5-VL's own form, are not read where all text is to be spotted.",
        "A table counts right in the page's body alone, as in the script: one in a `div` there scores 0.",
        "Translations whose truth is empty are left out, as in the script.",
        f"An answer counts up to {LONGEST:,} characters; tables of more than 1,900 cells score 0 unless "
        "equal, and outlines of tens of thousands of lines 0, for they would take minutes.",
        "Answers stop at 4,096 tokens: long pages are cut.",
    ),
    comparability=(
        "The Qwen2.5-VL report's figures are of score_en_as_asked and score_zh, as far as is known.",
        "lmms-eval stops at 128 tokens and weighs questions alike: its scores do not compare.",
        "VLMEvalKit runs the script's rules and its mean over abilities.",
    ),
)
