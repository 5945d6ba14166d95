"""MLVU, the choices of its dev set: seven kinds of question about videos of minutes to hours.

A row of the hub set: {"video_name": "movie101_66.mp4", "duration": 480.0, "question": "What color is the main
male character in the video?", "candidates": ["Yellow", "Red", "Green", "Blue"], "answer": "A", "task_type":
"plotQA"}. `answer` is the text of a choice or its letter; some copies list the choices in the question too.
The folder of the authors' seven files (`json/1_plotQA.json` ...) is read as well.

Videos are the files of `video_name` in the folder given with --media, or in `video` or the folders of the
seven kinds (`video/1_plotQA`), as the archives unpack.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vleval.tasks import choices
from vleval.tasks.base import Metric, Sample, Task
from vleval.tasks.data import rows
from vleval.tasks.data.choice_files import MLVU_FILES, open_mlvu
from vleval.tasks.prompts import WATCH_DETAILS
from vleval.tasks.video import choosing


def media_files(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the archives put a video."""
    name = row["video_name"]
    places = (f"{root}{folder}/{name}" for root in ("video/", "") for folder in MLVU_FILES)
    return (str(name), f"video/{name}", *places)


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    asked = choosing.asked(row["question"], row.get("candidates"), "candidates")
    yield choosing.make_sample(
        rows.media(row["video"], "video"),
        str(row["video_name"]),
        id=str(row.get("question_id") or f"row#{key}"),
        question=asked.words,
        texts=asked.choices,
        truth=choices.true_letter(row["answer"], asked.choices, "answer"),
        tags={"kind": rows.sentence(row["task_type"], "task_type")},
        form="({}) {}",
        heading=("Options:",),
    )


TASK = Task(
    name="mlvu",
    title="MLVU (dev)",
    description="Choose the answer to a question about a long video: plots, needles, counts, orders, topics.",
    version=1,
    media="video",
    target=choosing.TARGET,
    metrics=(
        Metric(
            "m_avg",
            "M-Avg",
            formula="mean over the kinds of question of the share of answers that state the true choice",
            strata=("kind",),
        ),
        choosing.ACCURACY,
    ),
    prompt=WATCH_DETAILS.template,
    max_new_tokens=choosing.MAX_NEW_TOKENS,
    columns=("question", "answer", "task_type"),
    checks={"question": rows.sentence, "answer": rows.sentence, "task_type": rows.sentence},
    hub=("sy1998/MLVU_dev",),
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=choosing.asks(WATCH_DETAILS),
    read=choosing.read,
    judge=lambda letters, truths: dict.fromkeys(("m_avg", "acc"), choices.judge(letters, truths)["acc"]),
    media_columns=("video_name",),
    media_files=media_files,
    local=open_mlvu,
    references=(
        f"prompt: {WATCH_DETAILS.source}",
        "metric: M-Avg, the mean of the accuracies of the kinds of question (MLVU, section 4)",
    ),
    traps=(
        "M-Avg weighs the seven kinds alike, though they have between 200 and 539 questions: acc is the mean "
        "over questions.",
        "The hub calls the only split of the dev set test; MLVU's test set is another one, with six choices, "
        "nine kinds and hidden answers.",
        "The two kinds that are answered in sentences (G-Avg) need a language model as a judge: not scored.",
    ),
    comparability=(
        choosing.TALKATIVE,
        "MLVU's script puts 'Best option: (' into the model's mouth, lmms-eval at the end of its question.",
    ),
)
