"""Video-MME with subtitles: which file, what of it is shown, and videos that have none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vleval.tasks.base import DataError
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task
from vleval.tasks.video.subtitles import subtitles

SRT = """1
00:00:00,160 --> 00:00:03,590
<font color="white" size=".72c">hi guys</font>

2
00:00:03,590 --> 00:00:04,000
<font color="white" size=".72c">hi guys</font>
<font color="white" size=".72c">I show  you 3 --&gt; things</font>

3
00:00:04,000 --> 00:00:05,000
42
"""


def rows(folder: Path, count: int = 2) -> str:
    found = []
    for number in range(count):
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / f"v{number}.mp4").write_bytes(b"")
        row: dict[str, Any] = {"videoID": f"v{number}", "question_id": f"{number}-1", "question": "Who?"}
        found.append({**row, "options": ["A. Ada.", "B. Bo."], "answer": "A"})
    file = folder / "test.jsonl"
    file.write_text("\n".join(map(json.dumps, found)))
    return str(file)


def asked(file: str) -> list[str]:
    task = get_task("videomme-subtitles")
    return [str(task.messages(sample)[0].content[-1]) for sample in open_data(task, file).samples]


def test_tags_numbers_times_and_repeats_go(tmp_path: Path) -> None:
    file = tmp_path / "v.srt"
    file.write_bytes(b"\xef\xbb\xbf" + SRT.replace("\n", "\r\n").encode())
    assert subtitles(file) == "hi guys\nI show you 3 --&gt; things\n42"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_whatever_they_are_encoded_in(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "v.srt"
    file.write_bytes("1\r\n00:00:00,160 --> 00:00:03,590\r\nJos\u00e9: \u00bfqu\u00e9?\r\n".encode(encoding))
    assert subtitles(file) == "Jos\u00e9: \u00bfqu\u00e9?"


@pytest.mark.parametrize("content", [b"", b"1\n00:00:00,1 --> 00:00:01,0\n\n", b"<font></font>\n"])
def test_a_file_without_words(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "v.srt"
    file.write_bytes(content)
    assert subtitles(file) == "No subtitles available"


def test_hostile_files_cost_their_length(tmp_path: Path) -> None:
    file = tmp_path / "v.srt"
    file.write_text("<" * 200_000 + "\n" + "-->" * 50_000 + "\n" + "<a" * 100_000)
    assert subtitles(file)
    file = tmp_path / "w.srt"
    file.write_bytes(b"\xff\xfe\x00" * 1000)
    assert subtitles(file)


@pytest.mark.parametrize("folder", ["subtitle", "data", "data/subtitles"])
def test_subtitles_stand_before_the_question(folder: str, tmp_path: Path) -> None:
    file = rows(tmp_path)
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "v0.srt").write_text(SRT)
    with_some, without = asked(file)
    assert with_some.startswith(
        "This video's subtitles are listed below:\nhi guys\nI show you 3 --&gt; things\n42\nSelect "
    )
    assert without.startswith(
        "This video's subtitles are listed below:\nNo subtitles available\nSelect the best answer"
    )
    plain = open_data(get_task("videomme"), file).samples[0]
    (message,) = get_task("videomme").messages(plain)
    assert with_some.endswith(str(message.content[-1]))


def test_a_folder_without_any_subtitles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="row 0: there are no subtitles near the videos: put the hub's subtitle"
    ):
        asked(rows(tmp_path))


def test_the_hubs_folder_as_downloaded(tmp_path: Path) -> None:
    file = Path(rows(tmp_path))
    (tmp_path / "videomme").mkdir()
    file.rename(tmp_path / "videomme" / "test-00000-of-00001.jsonl")
    opened = open_data(get_task("videomme"), str(tmp_path))
    assert (len(opened.samples), opened.notes) == (2, ())


def test_missing_videos_are_counted_before_the_run(tmp_path: Path) -> None:
    file = rows(tmp_path, 3)
    (tmp_path / "data" / "v1.mp4").unlink()
    (note,) = open_data(get_task("videomme"), file).notes
    assert note == (
        f"1 of 3 video files are missing, for example {tmp_path / 'v1.mp4'}: 1 of 3 questions will fail, and "
        "count as wrong"
    )
    assert open_data(get_task("videomme"), file, media_needed=False).notes == ()
