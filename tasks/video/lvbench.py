"""LVBench: four choices about videos of half an hour to two hours.

A row of the hub set: {"key": "Cm73ma6Ibcs", "uid": "1", "type": "sport", "video_path": "Cm73ma6Ibcs.mp4",
"question": "What year appears in the opening caption of the video?\\n(A) 1636\\n(B) 1366\\n(C) 1363\\n(D)
1633", "answer": "D", "question_type": ["key information retrieval"], "time_reference": "00:15-00:19"}; a copy
may have its choices in a column `options` instead. The authors' `video_info.meta.jsonl` is read too.

Videos are the files of `video_path` in the folder given with --media, or in `videos` or `all_videos` below
it. Qwen2.5-VL's makers scored it with --min-pixels 48t --max-pixels 128t --fps 2 --max-frames 768.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vleval.tasks import choices
from vleval.tasks.base import Sample, Task
from vleval.tasks.data import rows
from vleval.tasks.data.choice_files import open_lvbench
from vleval.tasks.prompts import WATCH
from vleval.tasks.video import choosing


def media_files(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the hub's archives put a video."""
    return (str(row["video_path"]), f"all_videos/{row['video_path']}")


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    asked = choosing.asked(row["question"], row.get("options"), "options")
    kinds = row.get("question_type")
    yield choosing.make_sample(
        rows.media(row["video"], "video"),
        str(row["video_path"]),
        id=str(row.get("uid") or f"row#{key}"),
        question=asked.words,
        texts=asked.choices,
        truth=choices.true_letter(row["answer"], asked.choices, "answer"),
        tags={"type": row.get("type"), "kind": " + ".join(kinds) if isinstance(kinds, list) else kinds},
        form="({}) {}",
        heading=("Options:",),
    )


TASK = Task(
    name="lvbench",
    title="LVBench",
    description="Choose one of four answers to a question about a video of half an hour or longer.",
    version=1,
    media="video",
    target=choosing.TARGET,
    metrics=(
        choosing.ACCURACY,
        choosing.official(
            "share of answers whose first character, in the first brackets where there are some, is the true "
            "letter (the benchmark's script)"
        ),
    ),
    prompt=WATCH.template,
    max_new_tokens=choosing.MAX_NEW_TOKENS,
    columns=("question", "answer"),
    checks={"question": rows.sentence, "answer": rows.sentence},
    hub=("lmms-eval/LVBench", "lmms-lab/LVBench"),
    splits=("train",),
    default_split="train",
    bundled_splits=("train",),
    rows=samples,
    messages=choosing.asks(WATCH),
    read=choosing.reads_both(choices.bracketed),
    judge=choices.judge_rules,
    media_columns=("video_path",),
    media_files=media_files,
    local=open_lvbench,
    references=(
        f"prompt: {WATCH.source}",
        "metric: accuracy over all questions (LVBench, compute_accuracy)",
        "setting: --min-pixels 48t --max-pixels 128t --fps 2 --max-frames 768 (QwenLM/Qwen3-VL issue 715)",
    ),
    traps=(
        "The split is called train, and is the test.",
        "By the processor's own limits a frame has 128 tokens or more, and 768 frames take twice the "
        "report's 24,576: set the makers' pixels (see references).",
        "A question may be of several kinds at once; the slice `kind` names them together.",
    ),
    comparability=(
        choosing.TALKATIVE,
        "Videos vanish from their site: copies of the set differ in how many of the 103 they have.",
    ),
)
