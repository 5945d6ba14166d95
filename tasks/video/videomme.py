"""Video-MME: four choices about a video of seconds to an hour, with its subtitles or without.

A row of the hub set: {"video_id": "001", "duration": "short", "domain": "Knowledge", "sub_category":
"Humanity & History", "url": "https://www.youtube.com/watch?v=fFjv93ACGo8", "videoID": "fFjv93ACGo8",
"question_id": "001-1", "task_type": "Counting Problem", "question": "...", "options": ["A. Apples.",
"B. Candles.", "C. Berries.", "D. The three kinds are of the same number."], "answer": "C"}.

Videos are <videoID>.mp4 in the folder given with --media, or in `data` or `video` below it, as the hub's
archives unpack; subtitles are <videoID>.srt beside them or in `subtitle`. Of the 900 videos 744 have some.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from vleval.model.io import Message
from vleval.tasks import choices
from vleval.tasks.base import Sample, Task
from vleval.tasks.data import rows
from vleval.tasks.prompts import SUBTITLES, VIDEO_CHOICE
from vleval.tasks.video import choosing
from vleval.tasks.video.subtitles import NONE, subtitle_file, subtitle_folders, subtitles

TAGS = ("duration", "domain", "sub_category", "task_type")


def media_files(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the hub's archives put a video."""
    return tuple(f"{folder}{row['videoID']}" for folder in ("", "data/", "video/"))


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    texts = choices.unlettered(choosing.options(row["options"], "options"))
    yield choosing.make_sample(
        rows.media(row["video"], "video"),
        str(row["videoID"]),
        id=str(row["question_id"]),
        question=rows.sentence(row["question"], "question"),
        texts=texts,
        truth=choices.true_letter(row["answer"], texts, "answer"),
        tags={tag: row.get(tag) for tag in TAGS},
    )


def samples_with_subtitles(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """As `samples`. Raises ValueError too where no subtitles lie anywhere near the video: a video may have
    none, but not all of them."""
    video = rows.media(row["video"], "video")
    if video.path is None or not subtitle_folders(video.path):
        raise ValueError(
            "there are no subtitles near the videos: put the hub's subtitle folder, or the .srt files "
            "themselves, into the folder given with --media"
        )
    yield from samples(row, key)


def messages_with_subtitles(sample: Sample) -> tuple[Message, ...]:
    """The video, then all that is said in it, then the question."""
    (video,) = sample.media
    file = subtitle_file(video.path) if video.path is not None else None
    said = SUBTITLES.fill(subtitles(file) if file is not None else NONE)
    return (Message("user", (video, said + VIDEO_CHOICE.fill(sample.question))),)


TASK = Task(
    name="videomme",
    title="Video-MME",
    description="Choose one of four answers to a question about a video, which is shown without subtitles.",
    version=1,
    media="video",
    target=choosing.TARGET,
    metrics=(
        choosing.ACCURACY,
        choosing.official(
            "share of answers whose first capital A, B, C or D is the true letter, once four stock phrases "
            "are taken out (the benchmark's script)"
        ),
    ),
    prompt=VIDEO_CHOICE.template,
    max_new_tokens=choosing.MAX_NEW_TOKENS,
    columns=("question_id", "question", "options", "answer"),
    checks={"question": rows.sentence, "options": choosing.options},
    hub=("lmms-eval/Video-MME", "lmms-lab/Video-MME"),
    hub_config="videomme",
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=choosing.asks(VIDEO_CHOICE),
    read=choosing.reads_both(choices.first_capital),
    judge=choices.judge_rules,
    media_columns=("videoID",),
    media_files=media_files,
    references=(
        f"prompt: {VIDEO_CHOICE.source}",
        "metric: accuracy over all questions (Video-MME, eval_your_results.py)",
        "Qwen2.5-VL was scored with at most 768 frames and 24,576 visual tokens (its report, section 3.3.4)",
    ),
    traps=(
        "The benchmark's script takes the first capital A to D, so that 'Answer: C' is an A, and "
        "'Definitely' a D; acc_official counts so.",
        "The benchmark's script leaves answers without any letter out of the mean; here they are wrong.",
        "Mean over all 2,700 questions; the short, medium and long videos are slices of `duration`.",
        "lmms-eval's own tail ('Answer with the option's letter ...') differs from the benchmark's prompt.",
    ),
    comparability=(
        choosing.TALKATIVE,
        "The report's prompt was not published, and frames decide much: compare at the same frames alone.",
    ),
)

TASK_SUBTITLES = replace(
    TASK,
    name="videomme-subtitles",
    title="Video-MME with subtitles",
    description="Choose one of four answers to a question about a video, which is shown with its subtitles.",
    prompt=SUBTITLES.template + VIDEO_CHOICE.template,
    rows=samples_with_subtitles,
    messages=messages_with_subtitles,
    bundled_name="videomme",
    traps=(
        *TASK.traps,
        "The benchmark asks for the subtitles of the sampled frames alone; here all of a video's are shown, "
        "which is nearly the same where frames are dense, as with Qwen2.5-VL's 2 a second and up to 768.",
        "A video without a file of subtitles is asked about with 'No subtitles available', as in lmms-eval.",
    ),
    comparability=(
        *TASK.comparability,
        "lmms-eval shows the subtitles of 32 evenly spread frames, however many the model sees.",
    ),
)
