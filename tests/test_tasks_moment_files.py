"""Local files of sentences about videos: every form, whole and broken, and the real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers import fixtures_path
from vleval.tasks.base import DataError
from vleval.tasks.data.moment_files import open_sentences, split_of
from vleval.tasks.data.sources import DataSet, open_data
from vleval.tasks.registry import get_task

CHARADES, ACTIVITYNET, TVGBENCH = (get_task(name) for name in ("charades-sta", "activitynet-tl", "tvgbench"))

TEXT = """3MSZA 24.3 30.4##person turn a light on.
3MSZA 24.3 30.4##person turn a light on.

AMT7R 4.3 12.5##a person is putting a picture onto the wall.
"""
BY_VIDEO: dict[str, Any] = {
    "v_one": {
        "duration": 20.0,
        "timestamps": [[1.5, 9.0], [4, 21.5]],
        "sentences": ["it begins.", "it ends."],
    },
    "v_two": {"duration": 8.0, "timestamps": [[6.0, 2.0]], "sentences": [" backwards"]},
}


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def with_videos(folder: Path, *names: str) -> Path:
    for name in names:
        write(folder / name, "no video")
    return folder


def spans(data: DataSet) -> list[list[float]]:
    return [sample.target["span"] for sample in data.samples]


def test_charades_text(tmp_path: Path) -> None:
    path = write(tmp_path / "charades_sta_test.txt", TEXT)
    data = open_data(CHARADES, str(path), media_dir=with_videos(tmp_path / "v", "3MSZA.mp4", "AMT7R.mkv"))
    assert (data.split, data.notes) == ("test", ())
    assert spans(data) == [[24.3, 30.4], [24.3, 30.4], [4.3, 12.5]]
    assert [sample.question for sample in data.samples][2] == "a person is putting a picture onto the wall."
    assert [sample.id for sample in data.samples] == ["3MSZA#0", "3MSZA#1", "AMT7R#2"], (
        "duplicates are kept apart"
    )
    assert [sample.media[0].path and sample.media[0].path.name for sample in data.samples] == [
        "3MSZA.mp4",
        "3MSZA.mp4",
        "AMT7R.mkv",
    ]


def test_a_folder_of_released_text_files_has_splits(tmp_path: Path) -> None:
    write(tmp_path / "charades_sta_test.txt", TEXT)
    write(tmp_path / "charades_sta_train.txt", "AMT7R 1 2##it trains")
    with_videos(tmp_path / "videos", "3MSZA.webm")
    assert len(open_data(CHARADES, str(tmp_path)).samples) == 3
    with pytest.raises(DataError, match="has no split 'val'; it has: test, train"):
        open_data(CHARADES, str(tmp_path), split="val")
    write(tmp_path / "test.parquet", "")
    assert open_sentences(tmp_path, None, "test") is None, "a folder of tables is another form"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("3MSZA 24.3 30.4 person turns", "line 3: must be `VIDEO start end##sentence`, not '3MSZA 24.3"),
        ("3MSZA 24.3##person turns", "line 3: must be `VIDEO"),
        ("3MSZA 24.3 soon##person turns", "line 3: the span must be 2 finite numbers"),
        ("3MSZA 30.4 24.3##person turns", "line 3: the span must be start, end with start before end"),
        ("3MSZA 1 nan##person turns", "line 3: the span must be 2 finite numbers"),
        ("3MSZA 24.3 30.4##  ", "line 3: sentence must be a sentence"),
    ],
)
def test_a_slip_in_a_text_file_is_named_with_its_line(tmp_path: Path, line: str, fault: str) -> None:
    path = write(tmp_path / "charades_sta_test.txt", f"A 1 2##b\n\n{line}\n")
    with pytest.raises(DataError) as caught:
        open_data(CHARADES, str(path))
    assert f"{path}, {fault}" in str(caught.value)


def test_text_without_a_line_or_in_another_encoding(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no lines"):
        open_data(CHARADES, str(write(tmp_path / "charades_sta_test.txt", "\n\n")))
    (tmp_path / "charades_sta_test.txt").write_bytes(b"A 1 2##\xff\n")
    with pytest.raises(DataError, match="cannot be read"):
        open_data(CHARADES, str(tmp_path / "charades_sta_test.txt"))


def test_json_by_video_keeps_and_counts_what_is_odd(tmp_path: Path) -> None:
    path = write(tmp_path / "val_2.json", BY_VIDEO)
    data = open_data(ACTIVITYNET, str(path), media_dir=with_videos(tmp_path / "v", "v_one.webm"))
    assert data.split == "val_2"
    assert spans(data) == [[1.5, 9.0], [4.0, 21.5], [6.0, 2.0]]
    assert [sample.target["duration"] for sample in data.samples] == [20.0, 20.0, 8.0]
    late_tag = {"truth ends": "after the video"}
    assert [sample.tags for sample in data.samples] == [{}, late_tag, {}]
    late, empty, *_ = data.notes
    # Cut at 20 s the second span overlaps itself by 16 of 17.5 s; the third overlaps nothing.
    assert late == (
        "1 of 3 true spans end after their video (by 1.50 s at most) and count as annotated: answers that "
        f"end with the video reach {100 * (1 + 16 / 17.5 + 0) / 3:.2f} mIoU at most."
    )
    assert empty.startswith("1 of 3 true spans do not end after they start")


@pytest.mark.parametrize(
    ("video", "fault"),
    [
        ({"duration": 5, "timestamps": [[1, 2]], "sentences": []}, "two lists of one length"),
        ({"duration": 5, "timestamps": None, "sentences": []}, "two lists of one length"),
        ({"timestamps": [[1, 2]], "sentences": ["a"]}, "duration must be 1 finite numbers"),
        ({"duration": 5, "timestamps": [[1]], "sentences": ["a"]}, "timestamp 0 must be 2 finite numbers"),
        ({"duration": 5, "timestamps": [[1, 2]], "sentences": [7]}, "sentence 0 must be a sentence"),
    ],
)
def test_a_broken_video_is_named(tmp_path: Path, video: Any, fault: str) -> None:
    path = write(tmp_path / "val_1.json", {**BY_VIDEO, "v_bad": video})
    with pytest.raises(DataError) as caught:
        open_data(ACTIVITYNET, str(path))
    assert f"{path}, video v_bad: " in str(caught.value) and fault in str(caught.value)


@pytest.mark.parametrize("span", ["[[4.0, 9.5]]", [[4.0, 9.5]], [4.0, 9.5], "[4.0, 9.5]"])
def test_timelens_rows(tmp_path: Path, span: Any) -> None:
    rows = [{"video_path": "a.mp4", "query": "it falls", "span": span, "duration": 9.0}]
    path = write(tmp_path / "charades_test.json", rows)
    data = open_data(CHARADES, str(path), media_dir=with_videos(tmp_path / "v", "a.mp4"))
    assert (data.split, spans(data)) == ("test", [[4.0, 9.5]])
    assert len(data.notes) == 1
    rows[0]["span"] = [[1, 2], [3, 4]]
    with pytest.raises(DataError, match="timestamp must be 2 finite numbers"):
        open_data(CHARADES, str(write(path, rows)))


def test_rows_in_the_hubs_columns_are_left_to_the_usual_reader(tmp_path: Path) -> None:
    rows = [{"video": "a.mp4", "caption": "it falls", "timestamp": [1, 2]}]
    path = write(tmp_path / "test.json", rows)
    assert open_sentences(path, None, "test") is None
    assert open_sentences(tmp_path / "missing.txt", None, "test") is None
    with_videos(tmp_path, "a.mp4")
    assert spans(open_data(CHARADES, str(path))) == [[1.0, 2.0]]


def test_missing_videos_say_where_they_were_looked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "charades_sta_test.txt", TEXT)
    with pytest.raises(DataError, match=r"None of the 2 media files .*/3MSZA\.mp4: pass their folder with -"):
        open_data(CHARADES, str(path))


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("charades_sta_test.txt", "test"),
        ("Charades_sta_train.json", "train"),
        ("val_2.json", "val_2"),
        ("highlight_val_release.jsonl", "val"),
        ("highlight_test_with_gt.jsonl", "test"),
        ("mine-00000.json", "mine"),
        ("latest.json", "latest"),
    ],
)
def test_splits_by_name(name: str, split: str) -> None:
    assert split_of(Path(name)) == split


@pytest.mark.parametrize(
    ("task", "name", "questions", "videos", "late"),
    [
        (CHARADES, "charades_test_first_300_videos.json", 800, 300, 124),
        (ACTIVITYNET, "charades_test_first_300_videos.json", 800, 300, 124),
        (TVGBENCH, "tvgbench_charades.json", 137, 137, 25),
    ],
)
def test_real_files_are_read_whole(
    tmp_path: Path, task: Any, name: str, questions: int, videos: int, late: int
) -> None:
    folder = with_videos(tmp_path, "3MSZA.mp4", "KWZSA.mp4")
    data = open_data(task, str(fixtures_path("temporal", name)), media_dir=folder)
    assert len(data.samples) == len({sample.id for sample in data.samples}) == questions
    assert len({sample.cluster for sample in data.samples}) <= videos
    flagged = [sample for sample in data.samples if sample.tags.get("truth ends") == "after the video"]
    assert len(flagged) == late
    assert data.notes[0].startswith(f"{late} of {questions} true spans end after their video")
    raw = json.loads(fixtures_path("temporal", name).read_text())
    if isinstance(raw, dict):
        assert spans(data) == [span for video in raw.values() for span in video["timestamps"]], "never cut"
    else:
        assert spans(data) == [[float(part) for part in row["answer"].split("-")] for row in raw]
    truth = [f"{start} - {end} seconds" for start, end in spans(data)]
    scores = [
        task.score(sample, text, (), "absolute") for sample, text in zip(data.samples, truth, strict=True)
    ]
    assert all(score.metrics["miou"] == 1.0 for score in scores)
