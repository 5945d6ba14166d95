"""TVGBench: when does it happen, in 800 questions from five data sets, balanced by kind of question.

A row of the authors' tvgbench.json (`start` and `end` cut a part out of the file; all other times count from
the start of that part):

    {"path": "./dataset/timer1/videos/tvgbench_data/2c2bda8d.mp4", "question": "Did I open the door?",
     "answer": "23.17-25.69", "start": 358.97, "end": 433.98, "duration": 75.01, "question_type": "video
     temporal grounding", "source": ".../nlq_r1_val.json", "qsemtype": "Object Transition",
     "bins": {"videolen": 3, "qcenter": 3, "qlen": 0, "dataset": "egonlq", "qsemtype": "OT"}}

The part is cut when the video is read: the model sees its frames alone, and its time 0 is `start`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from vleval.grounding.spans import sort_ends, temporal_iou
from vleval.model.io import Media
from vleval.tasks.base import Metric, Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.prompts import MOMENT
from vleval.tasks.video.single_span import (
    ANSWER_COLUMNS,
    MIOU,
    THRESHOLDS,
    annotated,
    baselines_by,
    file_seconds,
    make_sample,
    messages,
    odd_truths,
    read,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SLACK = 1.0
"""Seconds by which the length of a file may differ from what its rows say."""

METRICS = (
    MIOU,
    *(Metric(name, name.upper(), formula=f"share of IoU > {over}") for name, over in THRESHOLDS.items()),
    *(
        Metric(f"{name}_from", f"{name.upper()} from", formula=f"share of IoU >= {least}")
        for name, least in THRESHOLDS.items()
    ),
)


def media_files(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The ends of `path`, which is one of its authors' disk, from the file's name to the whole."""
    parts = PurePosixPath(row["path"]).parts
    return tuple("/".join(parts[at:]) for at in range(len(parts) - 1, -1, -1))


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    video = rows.media(row["video"], "video")
    yield make_sample(
        row,
        key,
        name=PurePosixPath(row["path"]).name,
        video=cut(video, part(row)),
        sentence=rows.sentence(row["question"], "question"),
        span=dashed(row["answer"], "answer"),
        tags=_tags(row),
    )


def part(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Seconds of the file at which the part of a row starts and ends; None: as the file does.

    Raises ValueError.
    """
    start, end = (
        None if row.get(name) is None else rows.numbers([row[name]], 1, name)[0] for name in ("start", "end")
    )
    if (start or 0.0) < 0 or (end is not None and end <= (start or 0.0)):
        raise ValueError(
            f"start and end must be seconds of the file with start before end, not {start}, {end}"
        )
    return start, end


def cut(video: Media, part: tuple[float | None, float | None]) -> Media:
    """The part of a video file; the file as it is where it is as long as the part and so was cut before."""
    start, end = part
    if start is None and end is None:
        return video
    seconds = file_seconds(video) if end is not None else None
    if seconds is not None and end is not None:
        cut_before = abs(seconds - (end - (start or 0.0))) <= SLACK
        if cut_before and seconds < end - SLACK:
            return video
    return replace(video, start=start, end=end)


def dashed(value: Any, column: str) -> list[float]:
    """The start and end of a true span, from `13.4-28.1` or two numbers. Raises ValueError."""
    if not isinstance(value, str) or value.lstrip().startswith("["):
        return annotated(value, column)
    try:
        return annotated(value.split("-"), column)
    except ValueError:
        raise ValueError(f"{column} must be START-END in seconds, as 13.4-28.1, not {value!r}") from None


def _tags(row: Mapping[str, Any]) -> dict[str, str]:
    """The set that a question comes from (some rows name it in `bins` alone), and its kind."""
    bins = row.get("bins")
    named = row.get("dataset_name") or (bins.get("dataset") if isinstance(bins, Mapping) else None)
    found = {"dataset": named, "query type": row.get("qsemtype")}
    return {name: str(value) for name, value in found.items() if value}


def judge(spans: ArrayLike, truths: ArrayLike) -> dict[str, NDArray[Any]]:
    """Overlaps with the true spans, and thresholds of them: above, and from them on."""
    overlap = temporal_iou(sort_ends(spans), truths)
    above = {name: overlap > threshold for name, threshold in THRESHOLDS.items()}
    reached = {f"{name}_from": overlap >= threshold for name, threshold in THRESHOLDS.items()}
    return {"miou": overlap} | above | reached


TASK = Task(
    name="tvgbench",
    title="TVGBench",
    description="Find when a described event happens: 800 questions of eleven kinds from five data sets.",
    version=1,
    media="video",
    target=Target(
        "[start, end] in seconds from the start of the part shown", {"span": annotated, "answer": dashed}
    ),
    metrics=METRICS,
    prompt=MOMENT.template,
    max_new_tokens=128,
    columns=("question", "answer"),
    checks={"question": rows.sentence, "answer": dashed},
    hub=(),
    media_columns=("path",),
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    media_files=media_files,
    notes=odd_truths,
    answer_columns=ANSWER_COLUMNS,
    baselines=baselines_by(judge),
    references=(
        f"prompt: {MOMENT.source}",
        "data: tvgbench.json of xiaomi-research/time-r1 with --data, its folder tvgbench_data (hub: "
        "Boshenxx/TimeR1-Dataset) with --media",
        "metric: mIoU and R1@t = share of queries with temporal IoU > t (Time-R1, Wang et al. 2025)",
        "slices: dataset, query type",
    ),
    traps=(
        "R1 counts an IoU above the threshold; 'from' counts from the threshold on, as most benchmarks do.",
        "start and end name a part of the file, and the true span counts from its start. The authors' loader "
        "reads them under these names while the code that shows the video looks for others, so that with "
        "uncut files the whole video is shown. vleval cuts every file but those no longer than the part.",
        "Annotated spans that end after their video (25 of 137 from Charades) or have no length are used as "
        "they are, and counted beside the scores.",
        "The authors' loader leaves out questions whose video is missing; here they count as failed.",
    ),
    comparability=(
        "Time-R1's README gives R1@0.3, R1@0.5 and R1@0.7: Time-R1 7B 41.8, 29.4, 16.4; Gemini-2.5-Pro 39.1, "
        "24.4, 12.8; TRACE 37.0, 25.5, 14.6. Its prompt asks for reasoning, and its videos have at most "
        "3584 visual tokens.",
        "Time-R1's reader takes the last 'a to b' of the whole text; here the first one after the reasoning "
        "counts.",
        "Qwen has published no score.",
    ),
)
