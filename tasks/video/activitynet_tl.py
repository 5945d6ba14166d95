"""ActivityNet Captions, temporal localisation: when in a video does what a sentence describes happen?

The released files are JSON by video, and a row is one sentence of them:

    {"v_QOlSCBRmfWY": {"duration": 82.73, "timestamps": [[0.83, 19.86]], "sentences": ["A young woman is seen
     standing in a room and leads into her dancing."]}}
    {"video": "v_QOlSCBRmfWY", "caption": "A young woman ...", "timestamp": [0.83, 19.86], "duration": 82.73}

Sentences tell a video from its beginning to its end, so their spans are long: the whole clip as the answer to
everything stands beside every score.
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
    annotated,
    baselines_by,
    judge,
    make_sample,
    messages,
    odd_truths,
    read,
)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    yield make_sample(
        row,
        key,
        video=rows.media(row["video"], "video"),
        sentence=rows.sentence(row["caption"], "caption"),
        span=annotated(row["timestamp"], "timestamp"),
    )


TASK = Task(
    name="activitynet-tl",
    title="ActivityNet-TL",
    description="Find when a sentence of ActivityNet Captions is true: one span, often most of the video.",
    version=1,
    media="video",
    target=Target("[start, end] in seconds", {"span": annotated}),
    metrics=METRICS,
    prompt=MOMENT.template,
    max_new_tokens=128,
    columns=("video", "caption", "timestamp", "duration"),
    checks={"caption": rows.sentence, "timestamp": annotated},
    hub=(),
    splits=("val_2", "val_1"),
    default_split="val_2",
    bundled_splits=("val_2",),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    local=open_sentences,
    notes=odd_truths,
    answer_columns=ANSWER_COLUMNS,
    baselines=baselines_by(judge),
    references=(
        f"prompt: {MOMENT.source}",
        "data: ActivityNet Captions (Krishna et al., ICCV 2017), val_1.json and val_2.json with --data; "
        "videos by their id (mp4, mkv or webm) with --media, for they may not be handed on",
        "metric: mIoU and R1@t = share of queries with temporal IoU >= t, as on Charades-STA",
    ),
    traps=(
        "Many spans cover most of their video: the whole clip, which looks at nothing, is a strong answer. "
        "It stands beside every score as a row of its own.",
        "Videos come as mp4, mkv and webm and the file names only their ids: all three are looked for.",
        "Some annotated spans end after their video or do not end after they start. They are used as they "
        "are, and counted beside the scores.",
        "A third of the videos has gone from the web: count the questions that were left when comparing.",
    ),
    comparability=(
        "Time-R1's test.json is val_2 (4,885 videos, 17,031 sentences); val_1 has 4,917 and 17,505. Older "
        "papers score val_1, val_2 or both together.",
        "Time-R1 counts an IoU above the threshold, most count from the threshold on, as here.",
        "Qwen has published no score.",
    ),
)
