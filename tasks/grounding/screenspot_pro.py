"""ScreenSpot-Pro: click the element that an instruction means, on screenshots of professional software.

A row of the hub set, its picture left out:

    {"id": "blender_windows_12", "img_filename": "blender_windows/screenshot_1.png", "bbox": [1254, 88, 1290,
     120], "img_size": [2560, 1440], "instruction": "render the image", "application": "blender", "platform":
     "windows", "ui_type": "icon", "group": "Creative"}

Boxes are corners in pixels of the original, targets are tiny (0.07% of the area on average), and the prompt
is the tool call of Qwen2.5-VL: its beginning is given, and the model writes the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from vleval.grounding.frame import Convention
from vleval.model.io import Message
from vleval.tasks.base import Answer, Reading, Sample
from vleval.tasks.data import rows
from vleval.tasks.grounding import computer_use, screenspot
from vleval.tasks.grounding.computer_use import BEGUN, SYSTEM
from vleval.tasks.pictures import identity

TAGS = ("group", "ui_type", "platform", "application")


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    image, size = rows.media(row["image"], "image"), rows.size(row["img_size"], "img_size")
    yield Sample(
        id=f"{row.get('id') or 'row'}#{key}",
        media=(image,),
        question=rows.sentence(row["instruction"], "instruction"),
        target={"bbox_xyxy": _corners(row["bbox"], size)},
        cluster=identity(image, row.get(rows.MEDIA_NAME) or key),
        original_size=size,
        tags={name: str(row[name]) for name in TAGS if row.get(name)},
    )


def _corners(value: Any, size: tuple[int, int]) -> list[float]:
    box = rows.corners(value, "bbox")
    if max(box) <= 1.0:
        raise ValueError(f"bbox must be x1, y1, x2, y2 in pixels of the original image, not shares: {box}")
    if box[2] > size[0] + screenspot.SLACK or box[3] > size[1] + screenspot.SLACK:
        raise ValueError(
            f"bbox ends at {box[2]:g}, {box[3]:g}, outside of its image of {size[0]} x {size[1]} (img_size)"
        )
    return box


def messages(sample: Sample) -> tuple[Message, ...]:
    """The tool, the screenshot and the bare instruction, and the beginning of the call."""
    return (
        Message("system", (SYSTEM,)),
        Message("user", (*sample.media, sample.question)),
        Message("assistant", (BEGUN,)),
    )


def read(answer: Answer, convention: Convention) -> Reading:
    """The click of the call that the answer completes, in original pixels."""
    return screenspot.read(answer._replace(text=computer_use.whole_call(answer.text)), convention)


TASK = replace(
    screenspot.TASK,
    name="screenspot-pro",
    title="ScreenSpot-Pro",
    description="Click what an instruction means in a screenshot of professional software: a tool call.",
    prompt=f"{SYSTEM}\n\n{{instruction}}\n\n{BEGUN}",
    max_new_tokens=64,
    columns=("bbox", "img_size", "instruction"),
    media_columns=("image", "img_filename"),
    hub=("lmms-lab/ScreenSpot-Pro", "TIGER-Lab/ScreenSpot-Pro"),
    splits=("train", "test"),
    default_split="train",
    bundled_splits=("test",),
    rows=samples,
    messages=messages,
    read=read,
    checks={"bbox": rows.corners, "img_size": rows.size, "instruction": rows.sentence},
    references=(
        f"prompt: {computer_use.SOURCE}; it tells the resized screenshot's size and wants pixels of it, "
        "which is what Qwen2.5-VL was trained to write",
        "metric: share of clicks inside the true box, its border included; four numbers click their centre",
        "slices: group, ui_type, platform, application (the leaderboard's tables are their means)",
    ),
    traps=(
        "Screenshots reach 6016 x 3384: with a cap on pixels the targets vanish; the official runs have none "
        "(--max-pixels 99999999).",
        "The overall score is the mean over questions, not over groups, which differ in size.",
        "The size in the prompt is that of the resized screenshot; with the original's the answers shift.",
    ),
    comparability=(
        "Qwen's figures are on this set; the official prompt is the setting nearest to theirs.",
        "lmms-eval asks for shares of the sides, which Qwen2.5-VL was not trained on.",
    ),
)
