"""TVGBench: rows, parts of files, strict thresholds, slices."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vleval.model.io import Media
from vleval.results.reporting.data import Block
from vleval.stored import thumbnails
from vleval.tasks.base import DataError, Sample
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task
from vleval.tasks.worlds.encode import mp4
from vleval.tasks.worlds.video.films import make_film

TASK = get_task("tvgbench")

ROW: dict[str, Any] = {
    "path": "./dataset/timer1/videos/tvgbench_data/2c2b.mp4",
    "question": "Did I open the door?",
    "answer": "3.5-8.0",
    "start": 10.0,
    "end": 24.0,
    "duration": 14.0,
    "question_type": "video temporal grounding",
    "source": "raw_data/nlq_r1_val.json",
    "qsemtype": "Object Transition",
    "bins": {"videolen": 3, "qcenter": 3, "qlen": 0, "dataset": "egonlq", "qsemtype": "OT"},
}


def sample(video: Media | None = None, **changes: Any) -> Sample:
    row = {**ROW, "video": video or Media("video", path=Path("none.mp4")), **changes}
    return next(iter(TASK.rows(row, "4")))


def film(path: Path, seconds: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(mp4(make_film("test", 1, 1, [(2.0,)], seconds).clip))
    return path


def test_a_row_becomes_a_question_about_a_part() -> None:
    found = sample()
    assert (found.id, found.cluster) == ("2c2b.mp4#4", "2c2b.mp4")
    assert found.target == {"span": [3.5, 8.0], "duration": 14.0}
    assert (found.media[0].start, found.media[0].end) == (10.0, 24.0)
    assert found.tags == {
        "dataset": "egonlq",
        "query type": "Object Transition",
    }
    whole = sample(start=None, end=None, dataset_name="charades", bins=None)
    assert (whole.media[0].start, whole.media[0].end) == (None, None)
    assert whole.tags["dataset"] == "charades"


@pytest.mark.parametrize(("seconds", "cut"), [(40.0, True), (24.0, True), (20.0, True), (14.0, False)])
def test_a_file_no_longer_than_the_part_was_cut_before(tmp_path: Path, seconds: float, cut: bool) -> None:
    medium = sample(Media("video", path=film(tmp_path / "2c2b.mp4", seconds))).media[0]
    assert (medium.start == 10.0) == cut


@pytest.mark.parametrize(
    ("answer", "span"),
    [("13.4-28.1", [13.4, 28.1]), ("128.61-128.61", [128.61, 128.61]), ([1, 2], [1.0, 2.0])],
)
def test_answers_are_true_spans(answer: Any, span: list[float]) -> None:
    assert sample(answer=answer).target["span"] == span


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"answer": "soon"}, "answer must be START-END in seconds"),
        ({"answer": "1-2-3"}, "answer must be START-END in seconds"),
        ({"start": 30.0}, "start before end, not 30.0, 24.0"),
        ({"start": -1.0}, "start before end"),
        ({"end": "late"}, "end must be 1 finite numbers"),
        ({"question": None}, "question must be a sentence"),
        ({"path": "../../secret.mp4"}, "must be a file name below the folder"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    path = tmp_path / "tvgbench.json"
    path.write_text(json.dumps([ROW, {**ROW, **change}]))
    with pytest.raises(DataError) as caught:
        open_data(TASK, str(path), media_needed=False)
    assert "row 1: " in str(caught.value) and fault in str(caught.value)


def test_videos_are_found_by_name_or_by_any_end_of_their_path(tmp_path: Path) -> None:
    path = tmp_path / "tvgbench.json"
    path.write_text(json.dumps([ROW]))
    for place in ("a/2c2b.mp4", "b/tvgbench_data/2c2b.mp4", "c/dataset/timer1/videos/tvgbench_data/2c2b.mp4"):
        film(tmp_path / place, 30.0)
        data = open_data(TASK, str(path), media_dir=tmp_path / place[0])
        assert data.samples[0].media[0].path == tmp_path / place
        assert data.samples[0].id == "2c2b.mp4#0"


def test_a_span_without_length_is_missed_by_every_answer_and_noted(tmp_path: Path) -> None:
    found = sample(answer="5.0-5.0")
    assert TASK.score(found, "5.0 - 5.0 seconds", (), "absolute").metrics["miou"] == 0.0
    assert TASK.notes is not None
    (note,) = TASK.notes([found, sample()])
    assert note.startswith("1 of 2 true spans do not end after they start")


@pytest.mark.parametrize(
    ("text", "above", "reached"),
    [
        ("4.0 - 8.0 seconds", ["r1@0.3", "r1@0.5", "r1@0.7"], ["r1@0.3", "r1@0.5", "r1@0.7"]),
        ("3.5 - 5.75 seconds", ["r1@0.3"], ["r1@0.3", "r1@0.5"]),
        ("8.0 - 9.0 seconds", [], []),
    ],
)
def test_thresholds_are_exceeded_or_reached(text: str, above: list[str], reached: list[str]) -> None:
    metrics = TASK.score(sample(), text, (), "absolute").metrics
    assert [name for name in ("r1@0.3", "r1@0.5", "r1@0.7") if metrics[name]] == above
    assert [name for name in ("r1@0.3", "r1@0.5", "r1@0.7") if metrics[f"{name}_from"]] == reached


def test_parts_of_one_film_are_one_cluster_without_a_picture(tmp_path: Path) -> None:
    """A report has one picture per cluster, and there is none of two parts."""
    path = tmp_path / "tvgbench.json"
    film(tmp_path / "2c2b.mp4", 60.0)
    film(tmp_path / "one.mp4", 60.0)
    later = {**ROW, "start": 30.0, "end": 44.0}
    path.write_text(json.dumps([ROW, later, {**ROW, "path": "one.mp4"}]))
    data = open_data(TASK, str(path))
    assert [sample.cluster for sample in data.samples] == ["2c2b.mp4", "2c2b.mp4", "one.mp4"]
    known = SimpleNamespace(origin="local", bundled=False, name=str(path), fingerprint=data.fingerprint)
    block = cast(Block, SimpleNamespace(task=TASK, record=SimpleNamespace(data=known, config={})))
    assert thumbnails._media(block) == {"one.mp4": data.samples[2].media[0]}
