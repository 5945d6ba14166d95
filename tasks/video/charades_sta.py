"""Charades-STA: when in a video does the described event happen?

A row of the hub set, and a line of the text files that the benchmark was released as:

    {"video": "3MSZA.mp4", "caption": "person turn a light on.", "timestamp": [24.3, 30.4]}
    3MSZA 24.3 30.4##person turn a light on.

The first span in reading order is scored, read forwards; further spans are counted. Two answers that never
look at the video stand beside every score: many true spans are long, so that the whole clip, or one
well-chosen fraction of it, already overlaps a good deal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vleval.tasks.base import Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.data.moment_files import open_sentences
from vleval.tasks.prompts import MOMENT
from vleval.tasks.video.single_span import (
    ANSWER_COLUMNS,
    METRICS,
    baselines_by,
    judge,
    make_sample,
    messages,
    odd_truths,
    read,
)

baselines = baselines_by(judge)


def media_files(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the released archives put a video."""
    return tuple(f"{folder}{row['video']}" for folder in ("", "Charades_v1_480/", "Charades_v1/"))


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    yield make_sample(
        row,
        key,
        video=rows.media(row["video"], "video"),
        sentence=rows.sentence(row["caption"], "caption"),
        span=rows.ends(row["timestamp"], "timestamp"),
    )


TASK = Task(
    name="charades-sta",
    title="Charades-STA",
    description="Find when a described event happens in a video: one span, scored by its temporal overlap.",
    version=1,
    media="video",
    target=Target("[start, end] in seconds", {"span": rows.ends}),
    metrics=METRICS,
    prompt=MOMENT.template,
    max_new_tokens=128,
    columns=("video", "caption", "timestamp"),
    checks={"caption": rows.sentence, "timestamp": rows.ends},
    hub=("lmms-eval/charades_sta", "lmms-lab/charades_sta"),
    splits=("test",),
    default_split="test",
    bundled_splits=("test", "val"),
    rows=samples,
    messages=messages,
    media_files=media_files,
    read=read,
    judge=judge,
    local=open_sentences,
    notes=odd_truths,
    answer_columns=ANSWER_COLUMNS,
    references=(
        f"prompt: {MOMENT.source}",
        "metric: mIoU and R1@t = share of queries with temporal IoU >= t (TALL, Gao et al. 2017)",
        "truth is used as annotated: some spans end after their video and are not clamped",
    ),
    baselines=baselines,
    traps=(
        "The frame rate must reach the position ids: without it the model's seconds are off, and a third "
        "of the mIoU may be lost.",
        "Many spans are long: the whole clip as an answer overlaps well (see the rows of trivial answers).",
        "Of the first 800 annotated spans 124 end after their video. Neither they nor answers are cut at its "
        "end, as in TALL's own measure; where durations are stated they are counted beside the scores, with "
        "the best mIoU that answers within the video can reach, and are a slice of the report.",
        "Equal spans with other sentences are common and are questions of their own, exact duplicates too.",
    ),
    comparability=(
        "lmms-eval shows a pair of the test split as an example in its prompt, and drops exact duplicates: "
        "29.5 mIoU were reported with it for a model that the report puts at 43.6.",
        "The report's prompt was not published: a difference of a few points may be that of the prompts.",
        "Xiaomi's Time-R1 counts an IoU above the threshold; most, and this task, count from the threshold "
        "on: at most those answers differ that meet it exactly.",
        "TimeLens has other spans for the same videos: its files can be read with --data, and their scores "
        "are another benchmark's.",
        "The other Time-R1 (TimeZero) leaves out answers that it fails on; here they count as zero.",
    ),
    taught=True,
)
