"""OmniDocBench: whole pages written down as Markdown, by four edit distances; lower is better.

A row of the hub's table, its annotation shortened:

    {"index": 0, "image": "iVBORw0KGgo... (base64)", "question": "...", "answer": '{"layout_dets":
     [{"category_type": "title", "poly": [...], "order": 1, "anno_id": 0, "text": "Copper"}, {"category_type":
     "table", "order": 2, "anno_id": 1, "html": "<table>...</table>"}], "page_info": {"image_path": "a.png",
     "page_attribute": {"language": "english", ...}}, "extra": {"relation": []}}'}

Further local forms: `OmniDocBench.tsv` with the same columns, and the official `OmniDocBench.json` with its
folder of images. Pages in English and in simplified Chinese have a score each; others have none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from vleval.tasks.base import Metric, Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.data.readers import load_json
from vleval.tasks.data.table import Table
from vleval.tasks.documents.omnidoc_page import LANGUAGES, annotation, compare, truth
from vleval.tasks.documents.short_answers import bare_messages, read
from vleval.tasks.pictures import identity
from vleval.tasks.prompts import TO_MARKDOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

DISTANCES = {
    "text": "edits of matched blocks of text / sum of the longer lengths, by page",
    "formula": "the same of displayed formulas",
    "table": "the same of tables in HTML",
    "order": "edit distance of the matched blocks' order / blocks, by page",
}


def _metrics(language: str, title: str) -> Iterator[Metric]:
    for name, formula in DISTANCES.items():
        words = f"{formula}; mean over pages with one"
        yield _distance(f"{name}_{language}", f"{name.capitalize()} {title}", words)
    yield Metric(
        f"teds_{language}", f"TEDS {title}", formula="mean over pages of the mean TEDS of their tables"
    )


def _distance(name: str, title: str, formula: str, parts: tuple[str, ...] = ()) -> Metric:
    return Metric(name, title, percent=False, higher_is_better=False, worst=1.0, formula=formula, parts=parts)


def _parts(*languages: str) -> tuple[str, ...]:
    return tuple(f"{name}_{language}" for language in languages for name in DISTANCES)


METRICS = (
    _distance("edit_distance", "Overall", "mean of the eight edit distances below", _parts("en", "zh")),
    _distance("edit_distance_en", "Overall EN", "mean of the four of English pages", _parts("en")),
    _distance("edit_distance_zh", "Overall CH", "mean of the four of Chinese pages", _parts("zh")),
    *_metrics("en", "EN"),
    *_metrics("zh", "CH"),
)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row; none of a page in another language. Raises ValueError."""
    image, page = rows.media(row["image"], "image"), annotation(row["answer"], "answer")
    true = truth(page)
    if true.language in LANGUAGES.values():
        yield Sample(
            id=f"row#{row.get('index', key)}",
            media=(image,),
            question=TO_MARKDOWN,
            target={"page": page},
            cluster=identity(image, row.get(rows.MEDIA_NAME) or key),
            tags={"language": true.language},
        )


def judge(answers: Sequence[str], truths: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """The distances and TEDS of each page, in its language; NaN for all others."""
    import numpy as np

    names = [metric.name for metric in METRICS if not metric.parts]
    table = np.full((len(names), len(answers)), np.nan)
    for number, (said, page) in enumerate(zip(answers, truths, strict=True)):
        true = truth(page)
        for name, value in compare(said, true).items():
            if (column := f"{name}_{true.language}") in names:
                table[names.index(column), number] = value
    return dict(zip(names, table, strict=True))


def applies(sample: Sample) -> list[str]:
    """The scores of the page's language that it has something for."""
    true = truth(sample.target["page"])
    found = [f"{name}_{true.language}" for name in true.parts]
    return [
        metric.name
        for metric in METRICS
        if metric.name in found or any(part in found for part in metric.parts)
    ]


def open_official(path: Path, split: str | None, default: str) -> tuple[Table, str] | None:
    """The pages of `OmniDocBench.json`, or of the folder that holds it; None for anything else."""
    file = path / "OmniDocBench.json" if path.is_dir() else path
    if file.suffix.lower() != ".json" or not file.is_file():
        return None
    pages = load_json(file)
    if (
        not isinstance(pages, list)
        or not pages
        or not isinstance(pages[0], dict)
        or "layout_dets" not in pages[0]
    ):
        return None
    found = [{"index": index, "image": _picture(page), "answer": page} for index, page in enumerate(pages)]
    return Table(("index", "image", "answer"), found, len(found)), split or default


def _picture(page: Any) -> str | None:
    """The name of a page's picture, without the folders that it was annotated in."""
    try:
        return PurePosixPath(str(page["page_info"]["image_path"])).name
    except (KeyError, TypeError):
        return None


TASK = Task(
    name="omnidocbench",
    title="OmniDocBench",
    description="Write a page down as Markdown: edit distances of text, formulas, tables and reading order.",
    version=1,
    media="image",
    target=Target(
        "a page's annotation as OmniDocBench has it: an object with layout_dets, page_info and extra",
        {"page": annotation, "answer": annotation},
    ),
    metrics=METRICS,
    prompt=TO_MARKDOWN,
    max_new_tokens=8192,
    columns=("image", "answer"),
    hub=("ouyanglinke/OmniDocBench_tsv",),
    splits=("train",),
    default_split="train",
    bundled_splits=("train",),
    rows=samples,
    messages=bare_messages,
    read=read,
    judge=judge,
    applies=applies,
    local=open_official,
    checks={"answer": annotation},
    references=(
        "data: version 1.0, 981 pages (Ouyang et al. 2024)",
        "prompt: ours, after the points of the benchmark's own, which is longer; lmms-eval has a third",
        "metric: the benchmark's end-to-end protocol with quick_match, as in its v1.0 scripts and VLMEvalKit",
        "slices: language (en, zh)",
    ),
    traps=(
        "Lower is better, and an unread page has distance 1.",
        "Read blocks that match nothing cost edits only where every true block has a match, else they are "
        "free; formulas and tables too many are always free.",
        "A true block without a match counts twice where no read block is left: a slip of the official "
        "script, kept because every published score has it.",
        "Captions, headers, footers and page numbers are matched first and then left out.",
        "Text is compared without marks and blanks: only letters, digits and underscores count.",
        "Pages in other languages than English and simplified Chinese are left out: no overall has them.",
        "Formulas are compared without `$` and white space, as in later versions; v1.0 left both in the "
        "truth, so that no formula is without fault there.",
        "Tables: `th` is `td`; small tags, and attributes but spans, are left out (upstream keeps some "
        "attributes); blanks between tags count, line breaks do not; LaTeX tables are read by vleval itself, "
        "where upstream runs latexmlc.",
        "Not computed: CDM of formulas, BLEU and METEOR of text.",
        "Matching gives up after a set amount of work, not after 30 seconds of a clock as upstream.",
    ),
    comparability=(
        "The report does not say with which prompt and version of the scripts its numbers were made; these "
        "are the steps of v1.0, read in the source and not run beside it.",
        "lmms-eval's OmniDocBench is another metric (higher is better): not comparable.",
        "Versions 1.5 and later have other pages and another overall.",
    ),
)
