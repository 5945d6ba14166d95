"""docparse: a page written down as QwenVL HTML, with its text, tables, layout and reading order.

No public data set has truths in this form, so the row is vleval's own:

    {"image": <PNG bytes>, "html": '<html><body><h1 data-bbox="28 40 265 62">Copper in 1800</h1>
     <p data-bbox="28 74 340 120">The port shipped 81 tons.</p></body></html>'}

`html` is the page in Qwen2.5-VL's own form (its technical report, section 2.2.1), elements in reading order,
but with boxes in pixels of the ORIGINAL picture. A model writes boxes in pixels of the resized picture: those
are mapped back. Further local form: a folder of pictures, each with an `.html` file of the same name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vleval.grounding.frame import Convention
from vleval.grounding.ledger import to_json, why_nothing
from vleval.grounding.parse import parse_html
from vleval.model.io import Message
from vleval.tasks.base import Answer, DataError, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.data.table import Table
from vleval.tasks.documents.pages import FAULTS, Page, compare, read_page
from vleval.tasks.grounding.places import View
from vleval.tasks.pictures import identity, upright_size
from vleval.tasks.prompts import QWENVL_HTML, QWENVL_HTML_SYSTEM

if TYPE_CHECKING:
    from numpy.typing import NDArray

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")

METRICS = (
    Metric(
        "score",
        "Score",
        formula="mean of text, table_teds, layout_f1 and order",
        parts=("text", "table_teds", "layout_f1", "order"),
    ),
    Metric("text", "Text", formula="1 - edit distance / longer length, over all text in the order written"),
    Metric(
        "table_teds",
        "TEDS",
        formula="sum of TEDS of paired tables / tables of the page or the answer, whichever are more; pages "
        "with tables only",
    ),
    Metric("table_structure", "TEDS struct.", formula="table_teds with empty cells"),
    Metric(
        "layout_f1",
        "Layout F1",
        formula="2 * hits / (boxes written + true boxes); a hit has IoU >= 0.5 and the same kind of element",
    ),
    Metric("layout_f1_any", "Layout F1 any", formula="layout_f1 whatever the kind"),
    Metric("order", "Order", formula="1 - edit distance of the blocks' numbers / true blocks"),
    Metric(
        "valid", "Valid", formula="share of answers that are whole pages with all boxes inside the picture"
    ),
)
_OF_TABLES = ("table_teds", "table_structure")


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    image = rows.media(row["image"], "image")
    markup, size = page(row["html"], "html"), upright_size(image)
    true = _truth(markup)
    if size is not None and (far := _outside(true, size)):
        raise ValueError(
            f"html has a box that ends at {far[0]:g}, {far[1]:g}, outside of its {size[0]} x {size[1]} image "
            "(boxes must be in pixels of the original image)"
        )
    yield Sample(
        id=str(row.get(rows.MEDIA_NAME) or f"row#{key}"),
        media=(image,),
        question=QWENVL_HTML.strip(),
        target={"html": markup},
        cluster=identity(image, row.get(rows.MEDIA_NAME) or key),
        original_size=size,
        tags={"tables": "with" if true.tables else "without"},
    )


def _outside(true: Page, size: tuple[int, int]) -> tuple[float, float] | None:
    """The far corner of the first box that leaves a picture by more than rounding."""
    corners = ((block.box[2], block.box[3]) for block in true.blocks)
    return next((at for at in corners if at[0] > size[0] + 1 or at[1] > size[1] + 1), None)


def page(value: Any, column: str) -> str:
    """A page in QwenVL HTML that can be a truth: at least one element, and nothing wrong with any box."""
    markup = rows.sentence(value, column)
    found = parse_html(markup)
    wrong = [entry.detail for entry in found.problems if entry.kind in FAULTS]
    if wrong or not found.items:
        what = wrong[0] if wrong else why_nothing(found.problems)
        raise ValueError(f'{column} must be a page in QwenVL HTML, <p data-bbox="x1 y1 x2 y2">: {what}')
    for item in found.items:
        rows.corners(item.values, f"the data-bbox of <{item.tag}> in {column}")
    return markup


@lru_cache(maxsize=4096)
def _truth(markup: str) -> Page:
    found = parse_html(markup)
    return read_page(markup, found, [item.values for item in found.items], valid=True)


def messages(sample: Sample) -> tuple[Message, ...]:
    """The system turn, then the two words and the picture, in this order."""
    return (Message("system", (QWENVL_HTML_SYSTEM,)), Message("user", (QWENVL_HTML, *sample.media)))


def read(answer: Answer, convention: Convention) -> Reading:
    """The page that was written, its boxes in original pixels."""
    view = View.of(answer, convention)
    found = parse_html(answer.text, extent=view.extent)
    written = [list(item.values) for item in found.items]
    placed = view.place(written)
    faults = [entry.kind for entry in found.problems if entry.kind in FAULTS]
    parsed: dict[str, Any] = {
        "boxes": placed,
        "as_written": written,
        "mapped": view.mapped,
        "ledger": to_json(found.ledger),
        "strict": found.strict,
    }
    if not found.items:
        return Reading(None, parsed, why_nothing(found.problems))
    return Reading(read_page(answer.text, found, placed, valid=not faults), parsed)


def judge(answers: Sequence[Page], truths: Sequence[str]) -> dict[str, NDArray[Any]]:
    """All metrics of each page but the headline, which is the mean of its parts."""
    import numpy as np

    scores = [compare(said, _truth(true)) for said, true in zip(answers, truths, strict=True)]
    return {name: np.array([score[name] for score in scores], float) for name in scores[0]}


def applies(sample: Sample) -> list[str]:
    """All metrics; those of tables where the page has one."""
    tables = bool(_truth(sample.target["html"]).tables)
    return [metric.name for metric in METRICS if tables or metric.name not in _OF_TABLES]


def open_folder(path: Path, split: str | None, default: str) -> tuple[Table, str] | None:
    """A folder of pictures with an HTML file each, in the order of their names; None for anything else.

    Raises DataError where a page has no picture, or cannot be read.
    """
    if not path.is_dir() or not (pages := sorted(path.glob("*.html"))):
        return None
    found = []
    for file in pages:
        pictures = [file.with_suffix(suffix) for suffix in PICTURES if file.with_suffix(suffix).is_file()]
        if not pictures:
            raise DataError(f"{file} has no picture of the same name beside it ({', '.join(PICTURES)}).")
        try:
            found.append({"image": pictures[0].name, "html": file.read_text(encoding="utf-8-sig")})
        except (OSError, ValueError) as error:
            raise DataError(f"{file} cannot be read: {error}") from error
    return Table(("image", "html"), found, len(found)), split or default


TASK = Task(
    name="docparse",
    title="Document parsing",
    description="Write a page down as QwenVL HTML: text, tables (TEDS), layout and reading order.",
    version=1,
    media="image",
    target=Target(
        'a page in QwenVL HTML, <p data-bbox="x1 y1 x2 y2">...</p>, in pixels of the original image',
        {"html": page},
    ),
    metrics=METRICS,
    prompt=f"{QWENVL_HTML_SYSTEM}\n\n{QWENVL_HTML}",
    max_new_tokens=8192,
    columns=("image", "html"),
    hub=(),
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    applies=applies,
    local=open_folder,
    checks={"html": page},
    references=(
        "prompt: QwenLM/Qwen2.5-VL, cookbooks/document_parsing.ipynb: the two words before the picture, and "
        "its system turn, which the notebook defines and its local helper forgets to pass",
        "form: Qwen2.5-VL Technical Report, section 2.2.1",
        "data: no public set has such truths; rows are `image` and `html`, boxes in pixels of the original",
        "metric: vleval's own; TEDS as PubTabNet defines it (Zhong et al. 2019), the rest as CC-OCR and "
        "OmniDocBench measure text and reading order",
        "slices: tables (with, without)",
    ),
    traps=(
        "Elements without a data-bbox are not read: their text is missing from every metric.",
        "White space counts as one blank, wherever it stands and however much of it there is.",
        "Tables are paired by their words, not by their boxes; `th` counts as `td`, `thead` and `tbody` do "
        "not count, tags inside cells do not lengthen a table.",
        "Numbers of a chart count as text, not as a table.",
        "Layout: `h1` to `h6` are one kind, `div` elements have their class; `ul`, `ol` and the `img` in a "
        "`div` are left out, `li` are not.",
        "Order: blocks are paired by their words (at most half different), so a wrong box costs layout "
        "alone; a missing block counts as a wrong place.",
        "Of an answer 64 KiB are read; one that was cut off is not valid.",
    ),
    comparability=("Nobody else publishes these numbers: compare runs of vleval with each other.",),
)
