"""Choices about videos: hub rows to samples, the prompts, the scores, where videos lie, rows of no use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vleval.model.io import Media
from vleval.tasks.base import DataError, Sample, Score
from vleval.tasks.data.sources import open_data
from vleval.tasks.published import published
from vleval.tasks.registry import get_task

VIDEO = Media("video", path=Path("v.mp4"))
LISTED = "Which?\n(A) a\n(B) b\n(C) c\n(D) d"

ROWS: dict[str, dict[str, Any]] = {
    "videomme": {
        "video_id": "001",
        "duration": "short",
        "domain": "Knowledge",
        "sub_category": "Technology",
        "url": "https://example.com/v",
        "videoID": "fFjv",
        "question_id": "001-1",
        "task_type": "Counting Problem",
        "question": "How many?",
        "options": ["A. One.", "B. Two.", "C. Three.", "D. Four."],
        "answer": "C",
    },
    "mvbench": {
        "config": "action_sequence",
        "video": "ZS9XR.mp4",
        "question": "What happened?",
        "candidates": ["Ate.", "Slept.", "Ran."],
        "answer": "Slept.",
        "start": 11.1,
        "end": 20.6,
    },
    "tempcompass": {
        "config": "multi-choice",
        "video_id": "10344",
        "question": "What is he doing?\nA. dunking\nB. passing",
        "answer": "B. passing",
        "dim": "action",
    },
    "lvbench": {
        "key": "Cm73",
        "uid": "7",
        "type": "sport",
        "video_path": "Cm73.mp4",
        "question": LISTED,
        "answer": "D",
        "question_type": ["reasoning", "summarization"],
        "time_reference": "00:15-00:19",
    },
    "mlvu": {
        "video_name": "movie_66.mp4",
        "duration": 480.0,
        "question": "What colour?",
        "candidates": ["Yellow", "Red"],
        "answer": "Red",
        "task_type": "plotQA",
    },
    "longvideobench": {
        "video_id": "86Cx",
        "id": "86Cx_0",
        "video_path": "86Cx.mp4",
        "subtitle_path": "86Cx_en.json",
        "duration": 190.16,
        "question": "Who?",
        "option0": "a man",
        "option1": "a dog",
        "option2": "N/A",
        "option3": "N/A",
        "option4": "N/A",
        "correct_choice": 1,
        "duration_group": 600,
        "question_category": "TOS",
        "topic_category": "NP",
        "starting_timestamp_for_subtitles": 0.0,
    },
}
FILES = {
    "videomme": "data/fFjv.mp4",
    "mvbench": "star/Charades_v1_480/ZS9XR.mp4",
    "tempcompass": "videos/10344.mp4",
    "lvbench": "all_videos/Cm73.mp4",
    "mlvu": "video/1_plotQA/movie_66.mp4",
    "longvideobench": "videos/86Cx.mp4",
}
"""Where the hub's archives put the video of the row."""


def sample(name: str, **changes: Any) -> Sample:
    row = {**ROWS[name], "video": VIDEO, **changes}
    (found,) = get_task(name).rows(row, "3")
    return found


def judged(name: str, text: str, **changes: Any) -> Score:
    return get_task(name).score(sample(name, **changes), text, (), "absolute")


SAMPLES = [
    ("videomme", "001-1", "C", {"duration": "short", "task_type": "Counting Problem"}),
    ("mvbench", "action_sequence#3", "B", {"kind": "action_sequence"}),
    ("lvbench", "7", "D", {"type": "sport", "kind": "reasoning + summarization"}),
    ("mlvu", "row#3", "B", {"kind": "plotQA"}),
    ("longvideobench", "86Cx_0", "B", {"duration_group": "600", "kind": "TOS", "topic": "NP"}),
]


@pytest.mark.parametrize(("name", "id", "letter", "tags"), SAMPLES, ids=[case[0] for case in SAMPLES])
def test_rows_of_the_hub_sets(name: str, id: str, letter: str, tags: dict[str, str]) -> None:
    found = sample(name)
    assert (found.id, found.target) == (id, {"letter": letter})
    assert tags.items() <= found.tags.items()


PROMPTS = {
    "videomme": "Select the best answer to the following multiple-choice question based on the video. "
    "Respond with only the letter (A, B, C, or D) of the correct option.\nHow many?\nA. One.\nB. Two.\n"
    "C. Three.\nD. Four.\nThe best answer is:",
    "mvbench": "Question: What happened?\nOptions:\n(A) Ate.\n(B) Slept.\n(C) Ran.\nAnswer with the option's "
    "letter from the given choices directly and only give the best option.",
    "tempcompass": "What is he doing?\nA. dunking\nB. passing\nPlease directly give the best option:",
    "lvbench": "Question: Which?\nOptions:\n(A) a\n(B) b\n(C) c\n(D) d\nAnswer with the option's letter from "
    "the given choices directly and only give the best option.",
    "mlvu": "Question: What colour?\nOptions:\n(A) Yellow\n(B) Red\nOnly give the best option.",
    "longvideobench": "Who?\nA. a man\nB. a dog\nAnswer with the option's letter from the given choices "
    "directly.",
}


@pytest.mark.parametrize("name", ROWS)
def test_how_questions_are_put(name: str) -> None:
    found = sample(name)
    (message,) = get_task(name).messages(found)
    video, text = message.content
    assert video == found.media[0]
    assert str(text).endswith(PROMPTS[name])


@pytest.mark.parametrize("name", ROWS)
def test_task_columns_and_published_rows(name: str) -> None:
    task = get_task(name)
    assert set(task.columns) <= set(ROWS[name])
    assert task.default_split in task.splits
    assert task.bundled_splits == task.splits
    assert task.metrics[0].name in judged(name, "B").metrics
    rows = published(name)
    assert rows, "the report has a score of it"
    assert all(row.split in task.splits for row in rows)
    meets = [row.metric == task.metrics[0].name for row in rows]
    assert all(meets) is (name != "tempcompass"), "the published average of TempCompass counts captions too"


BROKEN = [
    ("videomme", {"answer": "E"}, "answer must be one of the 4 choices", "beyond the choices"),
    ("videomme", {"answer": None}, "split without answers", "no answer"),
    ("videomme", {"options": None}, "options", "no choices"),
    ("videomme", {"options": ["A. One."]}, "options must be a list of choices", "one choice"),
    ("videomme", {"question": " "}, "question must be a sentence", "nothing asked"),
    ("mvbench", {"answer": "slept"}, "answer must be one of the 3 choices", "another text"),
    ("mvbench", {"config": None}, "config must be a sentence", "no kind"),
    ("mvbench", {"start": 5.0, "end": 5.0}, "start, end", "an empty part"),
    ("tempcompass", {"answer": "passing"}, "answer must be yes, no or a choice", "no letter"),
    ("tempcompass", {"answer": "C. dribbling"}, "none of the choices", "beyond the choices"),
    ("tempcompass", {"config": "captioning"}, "config must be one of multi-choice, yes_no", "not by rule"),
    ("lvbench", {"question": "Which?"}, "options", "no choices anywhere"),
    ("mlvu", {"candidates": None}, "candidates", "no choices"),
    ("mlvu", {"task_type": ""}, "task_type must be a sentence", "no kind"),
    ("longvideobench", {"correct_choice": 2}, "index of none of 2 options", "the padding"),
    ("longvideobench", {"correct_choice": -1}, "hidden.*--split validation", "the test split"),
    ("longvideobench", {"option1": "N/A"}, "option0 to option4 must be a list of choices", "all padding"),
]


@pytest.mark.parametrize(
    ("name", "changes", "message", "why"), BROKEN, ids=[f"{case[0]}: {case[3]}" for case in BROKEN]
)
def test_unusable_row_is_refused(name: str, changes: dict[str, Any], message: str, why: str) -> None:
    with pytest.raises(ValueError, match=message):
        sample(name, **changes)


@pytest.mark.parametrize("name", ROWS)
def test_videos_lie_where_the_archives_put_them(name: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(ROWS[name]))
    with pytest.raises(DataError, match="None of the 1 media files .* exists.*--media"):
        open_data(get_task(name), str(file))
    video = tmp_path / "media" / FILES[name]
    video.parent.mkdir(parents=True)
    video.write_bytes(b"")
    (found,) = open_data(get_task(name), str(file), media_dir=tmp_path / "media").samples
    assert found.media[0].path == video
    flat = tmp_path / Path(FILES[name]).name
    flat.write_bytes(b"")
    (found,) = open_data(get_task(name), str(file), media_dir=tmp_path).samples
    assert found.media[0].path == flat


@pytest.mark.parametrize("name", ROWS)
def test_broken_local_file_names_row_and_column(name: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in (ROWS[name], {**ROWS[name], "question": 3})))
    with pytest.raises(DataError, match="row 1: question must be a sentence, not 3"):
        open_data(get_task(name), str(file))
    lacking = {key: value for key, value in ROWS[name].items() if key != "question"}
    file.write_text(json.dumps(lacking))
    with pytest.raises(DataError, match=f"lacks question, which {name} needs"):
        open_data(get_task(name), str(file))


@pytest.mark.parametrize("evil", ["../v.mp4", "/v.mp4", "a/../../v.mp4"])
def test_names_never_leave_the_media_folder(evil: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "v.mp4").write_bytes(b"")
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({**ROWS["mvbench"], "video": evil}))
    with pytest.raises(DataError, match="must be a file name below"):
        open_data(get_task("mvbench"), str(file), media_dir=tmp_path / "in")


def test_a_part_of_a_whole_video_is_cut_and_a_file_of_the_part_is_not() -> None:
    assert (sample("mvbench").media[0].start, sample("mvbench").media[0].end) == (11.1, 20.6)
    cut = Media("video", path=Path("star/Charades_segment/ZS9XR.mp4"))
    assert sample("mvbench", video=cut).media == (cut,)
    assert sample("mvbench", start=None, end=None).media == (VIDEO,)


def test_choices_in_the_question_or_beside_it_are_the_same() -> None:
    beside = {"question": "Which?", "options": ["A. a", "B. b", "C. c", "D. d"]}
    assert sample("lvbench", **beside) == sample("lvbench")
    inside = {"question": "What colour?\n(A) Yellow\n(B) Red", "answer": "B"}
    assert sample("mlvu", **inside) == sample("mlvu")


@pytest.mark.parametrize(
    ("text", "acc", "official", "status"),
    [
        ("C", 1, 1, "scored"),
        ("Three.", 1, 0, "scored"),
        ("It is C, certainly", 0, 1, "unparsed"),
        ("Answer: C", 1, 0, "scored"),
        ("A or C", 0, 0, "unparsed"),
        ("no idea", 0, 0, "unparsed"),
        ("", 0, 0, "unparsed"),
    ],
)
def test_the_official_script_beside_the_headline(text: str, acc: int, official: int, status: str) -> None:
    """An unmatched answer is unparsed and wrong, whatever the benchmark's own script makes of it."""
    score = judged("videomme", text)
    assert (score.metrics, score.status) == ({"acc": acc, "acc_official": official}, status)
    assert (score.reason is None) is (status == "scored")


def test_padding_is_no_choice_and_nothing_is_guessed() -> None:
    assert judged("longvideobench", "C").reason == "no such choice"
    assert judged("longvideobench", "a dog").metrics == {"acc": 1, "acc_official": 0}
    empty = [judged("longvideobench", "I see nothing").metrics["acc_official"] for _ in range(20)]
    assert set(empty) == {0}
