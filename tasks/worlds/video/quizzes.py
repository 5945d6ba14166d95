"""Questions about generated stories in the columns of six data sets of video understanding.

Each set keeps the form and the traps of its own: letters before the choices or none, an index or a text for
the answer, padding, choices inside the question, yes or no, parts of a video, kinds of unequal size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from vleval.tasks.worlds.encode import mp4
from vleval.tasks.worlds.parquet import STRING, sequence, value, write_bytes, write_parquet
from vleval.tasks.worlds.video.stories import NUMBERS, OPPOSITE, Asked, Story, ask, make_story

if TYPE_CHECKING:
    from vleval.tasks.worlds.parquet import Columns

STORIES = 6
"""Clips of each set."""

Row = dict[str, Any]
Rows = Callable[[Story, int, int], Iterator[Row]]
"""(story, its number, seed) -> the rows about it."""


def clip_name(number: int) -> str:
    """`world_03`."""
    return f"world_{number:02d}"


def videomme_rows(story: Story, number: int, seed: int) -> Iterator[Row]:
    """Choices with their letters and full stops; what is said in the video is asked for too."""
    kinds = [("Temporal Reasoning", "first"), ("Counting Problem", "count"), ("Spatial Perception", "corner")]
    asked = [(task, ask(story, kind, seed, number)) for task, kind in kinds[number % 2 :]]
    if number != STORIES - 1:
        asked.append(("Information Synopsis", _said(story, number)))
    for index, (task, question) in enumerate(asked, start=1):
        yield {
            "video_id": f"{number + 1:03d}",
            "duration": ("short", "medium", "long")[number % 3],
            "domain": ("Knowledge", "Life Record")[number % 2],
            "sub_category": ("Technology", "Daily Life")[number % 2],
            "url": f"https://example.com/{clip_name(number)}",
            "videoID": clip_name(number),
            "question_id": f"{number + 1:03d}-{index}",
            "task_type": task,
            "question": question.words,
            "options": [f"{name}. {text.capitalize()}." for name, text in _named(question)],
            "answer": ascii_uppercase[question.true],
        }


NAMES = ("Ada", "Bruno", "Clara", "Dora", "Emil", "Frida", "Gustav", "Hedda")


def _said(story: Story, number: int) -> Asked:
    names = tuple(NAMES[(number + step) % len(NAMES)] for step in range(4))
    return Asked("said", f"What does the speaker call the {story.actors[-1].look}?", names, number % 4)


def srt(story: Story, number: int) -> str:
    """What is said in a video, as the benchmark's files write it: tags, and every line twice."""
    said = _said(story, number)
    cues: list[str] = []
    for index, actor in enumerate(story.actors):
        name = said.choices[said.true] if actor is story.actors[-1] else "just a shape"
        start, end = (f"00:00:{seconds:06.3f}".replace(".", ",") for seconds in story.shown(index))
        for _ in range(2):
            line = f'<font color="white" size=".72c">this {actor.look} is {name}</font>'
            cues.append(f"{len(cues) + 1}\n{start} --> {end}\n{line}\n")
    return "\n".join(cues)


def mvbench_rows(story: Story, number: int, seed: int) -> Iterator[Row]:
    """Kinds of unequal size; those of `action_sequence` ask about a part, where the whole misleads."""
    asked = {
        "moving_direction": ask(story, "direction", seed, number),
        "moving_attribute": ask(story, "colour", seed, number),
    }
    if number % 2:
        asked["moving_count"] = ask(story, "count", seed, number)
    if number % 3 == 0:
        asked["character_order"] = ask(story, "after", seed, number)
    for kind, question in asked.items():
        yield _mvbench(kind, number, question, None)
    # The first shape of the part is the second of the whole.
    part = story.shown(1)
    second = ask(story, "after", seed, number)
    question = Asked("first", "Which shape appears first?", second.choices, second.true)
    yield _mvbench("action_sequence", number, question, part)


def _mvbench(kind: str, number: int, question: Asked, part: tuple[float, float] | None) -> Row:
    return {
        "config": kind,
        "video": f"{clip_name(number)}.mp4",
        "question": question.words,
        "candidates": list(question.choices),
        "answer": question.choices[question.true],
        "start": part[0] if part else None,
        "end": part[1] if part else None,
    }


def tempcompass_rows(story: Story, number: int, seed: int) -> Iterator[Row]:
    """Each form about directions and order; captions that differ in nothing else."""
    mover, way = story.mover, str(story.mover.way)
    first, second = (actor.look for actor in story.actors[:2])
    for dim, kind in (("direction", "direction"), ("order", "first"))[: 1 + number % 2]:
        question = ask(story, kind, seed, number)
        lines = [f"{name}. {text}" for name, text in _named(question)]
        true = lines[question.true]
        yield _tempcompass("multi-choice", number, "\n".join([question.words, *lines]), true, dim)
    moves = number % 2 == 0
    shown = way if moves else OPPOSITE[way]
    words = f"Does the {mover.shape} move {shown}?"
    yield _tempcompass("yes_no", number, words, "yes" if moves else "no", "direction")
    captions = [f"The {first} comes before the {second}.", f"The {second} comes before the {first}."]
    captions = captions if moves else captions[::-1]
    labels = (("Option 1", "Option 2"), ("Sentence A", "Sentence B"), ("Caption A", "Caption B"))[number % 3]
    lines = [f"{label}: {caption}" for label, caption in zip(labels, captions, strict=True)]
    words = "\n".join(["Which description fits the video better?", *lines])
    yield _tempcompass("caption_matching", number, words, lines[0 if moves else 1], "order")


def _tempcompass(form: str, number: int, question: str, answer: str, dim: str) -> Row:
    return {
        "config": form,
        "video_id": clip_name(number),
        "question": question,
        "answer": answer,
        "dim": dim,
    }


def lvbench_rows(story: Story, number: int, seed: int) -> Iterator[Row]:
    """Choices inside the question, and two kinds at once."""
    for index, kind in enumerate(("last", "colour", "direction")[number % 2 :]):
        question = ask(story, kind, seed, number)
        lines = [question.words, *(f"({name}) {text}" for name, text in _named(question))]
        start, end = story.shown(len(story.actors) - 1)
        yield {
            "key": clip_name(number),
            "uid": f"{10 * number + index}",
            "type": ("cartoon", "sport")[number % 2],
            "video_path": f"{clip_name(number)}.mp4",
            "question": "\n".join(lines),
            "answer": ascii_uppercase[question.true],
            "question_type": ["temporal grounding", "reasoning"][: 1 + index % 2],
            "time_reference": f"00:{start:02.0f}-00:{end:02.0f}",
        }


def mlvu_rows(story: Story, number: int, seed: int) -> Iterator[Row]:
    """Kinds of unequal size, so that their mean is not that of the questions."""
    kinds = {"plotQA": "colour", "order": "after"}
    kinds |= {"count": "count"} if number % 2 else {}
    kinds |= {"needle": "last"} if number % 3 == 0 else {}
    for task_type, kind in kinds.items():
        question = ask(story, kind, seed, number)
        yield {
            "video_name": f"{clip_name(number)}.mp4",
            "duration": story.clip.duration,
            "question": question.words,
            "candidates": list(question.choices),
            "answer": question.choices[question.true],
            "task_type": task_type,
            "question_id": f"{task_type}_{number}",
        }


def longvideobench_rows(story: Story, number: int, seed: int) -> Iterator[Row]:
    """Two to five choices, padded with N/A; the index of the true one."""
    count = len(story.actors)
    numbers = Asked("count", "How many shapes appear in the video?", NUMBERS, count - 1)
    looks = tuple(actor.look for actor in story.actors)
    asked = {
        "TOS": Asked("last", "Which of the shapes appears last?", looks, count - 1),
        "SSS": numbers,
        "T2A": ask(story, "direction", seed, number),
    }
    for index, (category, question) in enumerate(asked.items()):
        padded = [*question.choices, *["N/A"] * (5 - len(question.choices))]
        yield {
            "video_id": clip_name(number),
            "id": f"{clip_name(number)}_{index}",
            "video_path": f"{clip_name(number)}.mp4",
            "subtitle_path": f"{clip_name(number)}_en.json",
            "correct_choice": question.true,
            "question": question.words,
            **{f"option{place}": text for place, text in enumerate(padded)},
            "duration": story.clip.duration,
            "duration_group": (15, 60)[number % 2],
            "question_category": category,
            "topic_category": "KG-Knowledge-Geometry",
            "starting_timestamp_for_subtitles": 0.0,
        }


def _named(question: Asked) -> Iterator[tuple[str, str]]:
    return zip(ascii_uppercase, question.choices, strict=False)


SETS: dict[str, tuple[str, Rows]] = {
    "videomme": ("test", videomme_rows),
    "mvbench": ("train", mvbench_rows),
    "tempcompass": ("test", tempcompass_rows),
    "lvbench": ("train", lvbench_rows),
    "mlvu": ("test", mlvu_rows),
    "longvideobench": ("validation", longvideobench_rows),
}
"""Task -> split, and its rows."""


def write_quizzes(folder: Path, seed: int) -> dict[str, int]:
    """Writes all data sets of this file below `folder`; returns the number of rows of each."""
    known, written = _columns(), {}
    for name, (split, rows_of) in SETS.items():
        rows: list[Row] = []
        for number in range(STORIES):
            story = make_story(name, seed, number)
            write_bytes(folder / name / "videos" / f"{clip_name(number)}.mp4", mp4(story.clip))
            rows += rows_of(story, number, seed)
            if name == "videomme" and number != STORIES - 1:
                file = folder / name / "subtitle" / f"{clip_name(number)}.srt"
                write_bytes(file, srt(story, number).encode())
        columns = {column: known[column] for column in rows[0]}
        if isinstance(rows[0].get("duration"), str):
            columns["duration"] = known["url"]
        written[f"{name}/{split}"] = write_parquet(folder / name / f"{split}.parquet", columns, rows)
    return written


def _columns() -> Columns:
    """All columns of these data sets; `duration` is a length of time but for Video-MME, which names it."""
    import pyarrow as pa

    texts = "video_id domain sub_category url videoID question_id task_type question answer config"
    texts += " video dim key uid type video_path time_reference video_name id subtitle_path question_category"
    texts += " topic_category option0 option1 option2 option3 option4"
    numbers = ("start", "end", "duration", "starting_timestamp_for_subtitles")
    lists = ("options", "candidates", "question_type")
    return {
        **{name: (pa.string(), STRING) for name in texts.split()},
        **{name: (pa.float64(), value("float64")) for name in numbers},
        **{name: (pa.int64(), value("int64")) for name in ("correct_choice", "duration_group")},
        **{name: (pa.list_(pa.string()), sequence("string")) for name in lists},
    }
