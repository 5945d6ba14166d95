"""LongVideoBench: two to five choices about one moment of a video of seconds to an hour.

A row of the hub set: {"video_id": "86CxyhFV9MI", "id": "86CxyhFV9MI_0", "video_path": "86CxyhFV9MI.mp4",
"subtitle_path": "86CxyhFV9MI_en.json", "duration": 190.16, "starting_timestamp_for_subtitles": 0.0,
"question": "In the video, which subtitles appear at the same time as the man with black hair ...?",
"option0": "...", "option1": "...", "option2": "...", "option3": "...", "option4": "N/A", "correct_choice": 1,
"duration_group": 600, "question_category": "TOS", "topic_category": "NP-News-Programs"}; `correct_choice` is
the index of the true choice, from 0, and options that are not there are "N/A". The authors' `lvb_val.json`,
with a list `candidates`, is read too.

Videos are the files of `video_path` in `videos` below the folder given with --media, or in it. The video
alone is shown, without its subtitles (the benchmark's other form, which puts them between the frames, is not
covered).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from string import ascii_uppercase
from typing import Any

from vleval.tasks import choices
from vleval.tasks.base import Sample, Task
from vleval.tasks.data import rows
from vleval.tasks.data.choice_files import (
    LONGVIDEOBENCH_OPTIONS,
    LONGVIDEOBENCH_PADDING,
    open_longvideobench,
)
from vleval.tasks.prompts import CHOICE
from vleval.tasks.video import choosing


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    given = [
        str(row[column])
        for column in LONGVIDEOBENCH_OPTIONS
        if row.get(column) not in (None, LONGVIDEOBENCH_PADDING)
    ]
    texts = choosing.options(given, "option0 to option4")
    yield choosing.make_sample(
        rows.media(row["video"], "video"),
        str(row["video_path"]),
        id=str(row["id"]),
        question=rows.sentence(row["question"], "question"),
        texts=texts,
        truth=true_choice(row["correct_choice"], len(texts)),
        tags={
            "duration_group": row.get("duration_group"),
            "kind": row.get("question_category"),
            "topic": row.get("topic_category"),
        },
    )


def true_choice(value: Any, count: int = len(LONGVIDEOBENCH_OPTIONS), column: str = "correct_choice") -> str:
    """The letter of the true choice of `count`, from its index.

    Raises ValueError, also where the answer is hidden.
    """
    if value in (None, -1):
        raise ValueError(
            f"{column} is hidden: the answers of this split are not published, and only the benchmark's "
            "server scores it; use --split validation"
        )
    letter = choices.letter_of_index(value, column)
    if ascii_uppercase.index(letter) >= count:
        raise ValueError(f"{column} {value!r} is the index of none of {count} options")
    return letter


TASK = Task(
    name="longvideobench",
    title="LongVideoBench",
    description="Choose the answer to a question about one moment of a long video, shown without subtitles.",
    version=1,
    media="video",
    target=choosing.TARGET,
    metrics=(
        choosing.ACCURACY,
        choosing.official(
            "share of answers whose first capital A to E is the true letter, once eight stock phrases are "
            "taken out (the benchmark's script, without its random guess)"
        ),
    ),
    prompt=CHOICE.template,
    max_new_tokens=choosing.MAX_NEW_TOKENS,
    columns=("id", "question", *LONGVIDEOBENCH_OPTIONS, "correct_choice"),
    checks={
        "question": rows.sentence,
        "correct_choice": lambda value, column: true_choice(value, column=column),
    },
    hub=("longvideobench/LongVideoBench",),
    splits=("validation",),
    default_split="validation",
    bundled_splits=("validation",),
    rows=samples,
    messages=choosing.asks(CHOICE),
    read=choosing.reads_both(partial(choices.first_capital, letters="ABCDE", phrases=choices.MORE_PHRASES)),
    judge=choices.judge_rules,
    media_columns=("video_path",),
    local=open_longvideobench,
    references=(
        f"prompt: {CHOICE.source}; LongVideoBench's own loader ends with the same line",
        "metric: accuracy over all questions (LongVideoBench)",
    ),
    traps=(
        "An answer without a letter is wrong; the benchmark's script gives it a choice at random, and "
        "with it a quarter of its points.",
        "Options that are not there are written 'N/A': they are neither shown nor counted as choices.",
        "Many questions quote a subtitle, and the video is shown without them.",
        "The set is gated: agree to its terms on the hub first.",
    ),
    comparability=(
        choosing.TALKATIVE,
        "Scores with subtitles between the frames (longvideobench_val_i, and the paper's own) are higher.",
    ),
)
