"""ScreenSpot and ScreenSpot-V2: click the element of a screenshot that an instruction means.

The first point of an answer is the click; an answer without points clicks the centre of its first box. A
click counts inside the true box and on its border. Two layouts of the truth are published, and no number can
be either: shares of the sides as corners (the hub sets), and pixels as corner and size (the original
annotation files). A row of the hub set, its picture left out:

    {"file_name": "mobile_1.png", "bbox": [0.12, 0.5, 0.2, 0.53], "instruction": "close this window",
     "data_type": "icon", "data_source": "ios"}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vleval.grounding.frame import Convention, Sizes, to_original
from vleval.grounding.points import point_in_box
from vleval.model.io import Media, Message
from vleval.tasks.base import Answer, Metric, Reading, Sample, Task
from vleval.tasks.data import rows
from vleval.tasks.grounding.places import BOX
from vleval.tasks.grounding.pointing import read_points
from vleval.tasks.pictures import identity, upright_size
from vleval.tasks.prompts import POINT

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

METRICS = (Metric("click_acc", "Click acc.", formula="share of clicks in the true box, border included"),)

ELEMENT = 'the element to click for the instruction "{instruction}"'
"""What the prompt asks to locate."""

PLATFORMS = {"ios": "mobile", "android": "mobile", "macos": "desktop", "windows": "desktop"}
"""`data_source` -> platform; the others are web sites."""

SLACK = 2.0
"""Pixels by which an annotated box may leave its screenshot; corners read as sizes leave it by far more."""


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    image = rows.media(row["image"], "image")
    name = row.get("file_name") or row.get(rows.MEDIA_NAME)
    size = _size(row, image)
    tags = {}
    if kind := row.get("data_type"):
        tags["kind"] = str(kind)
    if source := row.get("data_source"):
        tags["platform"] = PLATFORMS.get(str(source).lower(), "web")
    yield Sample(
        id=f"{name or 'row'}#{key}",
        media=(image,),
        question=rows.sentence(row["instruction"], "instruction"),
        target={"bbox_xyxy": _truth(row["bbox"], size)},
        cluster=identity(image, name or key),
        original_size=size,
        tags=tags,
    )


def _truth(value: Any, size: tuple[int, int] | None) -> list[float]:
    """The true box in original pixels. Its layout follows from its numbers: no pixel box ends within 0..1.

    A screenshot that cannot be read (`size` None) has no pixels; its sample fails before it is scored.
    """
    if max(rows.numbers(value, 4, "bbox")) <= 1.0:
        box = rows.corners(value, "bbox")
        if size is None:
            return box
        (placed,) = to_original([box], Sizes(size, size), "relative-1").tolist()
        return list(placed)
    x1, y1, x2, y2 = rows.corner_and_size(value, "bbox")
    if size is not None and (x2 > size[0] + SLACK or y2 > size[1] + SLACK):
        raise ValueError(
            f"bbox must be x1, y1, x2, y2 between 0 and 1, or x, y, width, height in pixels, but as the "
            f"latter it ends at {x2:g}, {y2:g} in an image of {size[0]} x {size[1]}"
        )
    return [x1, y1, x2, y2]


def _size(row: Mapping[str, Any], image: Media) -> tuple[int, int] | None:
    """Width and height of the upright image, from the row or the head of the file; None if unreadable."""
    if row.get("image_width") and row.get("image_height"):
        return rows.size([row["image_width"], row["image_height"]], "image_width, image_height")
    return upright_size(image)


def messages(sample: Sample) -> tuple[Message, ...]:
    """The screenshot, then the question."""
    return (Message("user", (*sample.media, POINT.fill(ELEMENT.format(instruction=sample.question)))),)


def read(answer: Answer, convention: Convention) -> Reading:
    """The click, in original pixels; where sizes are unknown its numbers are taken as such."""
    pointed = read_points(answer, convention, expected=1)
    click = pointed.points[0] if pointed.points else None
    return Reading(click, {**pointed.parsed, "click": click}, pointed.reason if click is None else None)


def judge(clicks: ArrayLike, truths: ArrayLike) -> dict[str, NDArray[Any]]:
    """Whether clicks lie in the true boxes."""
    return {"click_acc": point_in_box(clicks, truths)}


TASK = Task(
    name="screenspot",
    title="ScreenSpot",
    description="Click what an instruction means in a screenshot: one point, inside the true box or not.",
    version=1,
    media="image",
    target=BOX,
    metrics=METRICS,
    prompt=POINT.fill(ELEMENT),
    max_new_tokens=128,
    columns=("image", "instruction", "bbox"),
    hub=("rootsautomation/ScreenSpot",),
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    references=(
        f"prompt: {POINT.source}; Qwen's own figures come from a tool-call prompt that was not published",
        "metric: share of clicks inside the true box, its border included (ScreenSpot, SeeClick 2024)",
        "slices: kind (text, icon), platform (mobile, desktop, web)",
    ),
    traps=(
        "Annotated boxes overshoot their screenshot by a pixel here and there; by more, the row is refused.",
        "A pixel box of corner and size whose width exceeds its x looks like corners: shares end at 1, so "
        "the largest number tells, and never the order of the numbers.",
    ),
    comparability=(
        "Harnesses that compare Qwen2.5-VL's pixels of the resized screenshot with the original one's score "
        "less than the model deserves.",
    ),
)

TASK_V2 = replace(
    TASK,
    name="screenspot-v2",
    title="ScreenSpot-V2",
    description="ScreenSpot with its annotation errors mended (OS-Atlas, 2024): one click per instruction.",
    hub=("HongxinLi/ScreenSpot_v2",),
)
