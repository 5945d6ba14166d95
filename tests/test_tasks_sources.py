"""Where samples come from: every file format, the media they name, the splits, and every fault's sentence."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vleval.tasks.base import DataError, Task
from vleval.tasks.data import hub
from vleval.tasks.data.sources import BUNDLED, open_data
from vleval.tasks.data.table import Table
from vleval.tasks.registry import TASKS, get_task

REFCOCO, CHARADES = get_task("refcoco"), get_task("charades-sta")


def row(number: int, image: Any = None, **other: Any) -> dict[str, Any]:
    return {
        "question_id": str(number),
        "image": {"bytes": b"image %d" % (number // 2), "path": f"{number // 2}.jpg"}
        if image is None
        else image,
        "answer": [f"thing {number}", f"object {number}"],
        "bbox": [1.0, 2.0, 30.0, 40.0],
        **other,
    }


ROWS = [row(number) for number in range(6)]
"""Six objects on three images, twelve sentences."""


def parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def named(folder: Path) -> list[dict[str, Any]]:
    """The rows with images as files of a folder."""
    folder.mkdir(exist_ok=True)
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(b"image %d" % number)
    return [row(number, image=f"{number // 2}.jpg") for number in range(6)]


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(one) for one in rows) + "\n", encoding="utf-8")
    return path


def as_json(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps({"version": 1, "rows": rows}), encoding="utf-8")
    return path


def as_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows([{key: str(value) for key, value in one.items()} for one in rows])
    return path


def test_parquet_with_images_inside(tmp_path: Path) -> None:
    data = open_data(REFCOCO, str(parquet(tmp_path / "my.parquet", ROWS)))
    assert (data.origin, data.split, data.notes, len(data.samples)) == ("local", "my", (), 12)
    assert [sample.id for sample in data.samples[:3]] == ["0#0", "0#1", "1#0"]
    assert len({sample.cluster for sample in data.samples}) == 3
    assert data.samples[0].media[0].read() == b"image 0"
    assert data.samples[0].media[0] is data.samples[2].media[0]  # one image of two rows is held once


@pytest.mark.parametrize(
    ("suffix", "write"), [("jsonl", jsonl), ("json", as_json), ("csv", as_csv), ("parquet", parquet)]
)
def test_file_names_are_found_beside_the_file_or_in_the_media_folder(
    suffix: str, write: Callable[[Path, list[dict[str, Any]]], Path], tmp_path: Path
) -> None:
    path = write(tmp_path / f"rows.{suffix}", named(tmp_path / "images"))
    beside, given = (
        open_data(REFCOCO, str(path)),
        open_data(REFCOCO, str(path), media_dir=tmp_path / "images"),
    )
    inside = open_data(REFCOCO, str(parquet(tmp_path / "inside.parquet", ROWS)))
    assert beside.fingerprint == given.fingerprint == inside.fingerprint
    assert beside.samples[0].media[0].path == tmp_path / "images" / "0.jpg"


@pytest.mark.parametrize(
    "evil", ["/etc/passwd", "../secret.jpg", "a/../../b.jpg", "..\\b.jpg", "C:/b.jpg", "a\0b"]
)
def test_file_names_never_leave_the_media_folder(evil: str, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "rows.jsonl", [*named(tmp_path), row(9, image=evil)])
    with pytest.raises(DataError, match="row 6: image .* must be a file name below"):
        open_data(REFCOCO, str(path))


def test_broken_or_missing_image_is_still_a_sample(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "rows.jsonl", [*named(tmp_path), row(7, image="missing.jpg")])
    data = open_data(REFCOCO, str(path))
    assert len(data.samples) == 14
    assert data.samples[-1].cluster == "unreadable missing.jpg"
    with pytest.raises(OSError, match="missing"):
        data.samples[-1].media[0].read()
    broken = [
        {"bytes": b"", "path": "a.jpg"},
        {"bytes": None, "path": "gone.jpg"},
        {"bytes": None, "path": None},
    ]
    rows = ROWS + [row(7 + number, image=image) for number, image in enumerate(broken)]
    assert len(open_data(REFCOCO, str(parquet(tmp_path / "rows.parquet", rows))).samples) == 18


def test_ids_that_repeat_are_made_unique(tmp_path: Path) -> None:
    data = open_data(REFCOCO, str(parquet(tmp_path / "my.parquet", [row(1), row(1)])))
    assert [sample.id for sample in data.samples] == ["1#0", "1#1", "1#0@1", "1#1@1"]


def test_limit_takes_the_first_samples_and_a_seed_random_media(tmp_path: Path) -> None:
    path = str(parquet(tmp_path / "my.parquet", [row(number) for number in range(40)]))
    assert [sample.id for sample in open_data(REFCOCO, path, limit=3).samples] == ["0#0", "0#1", "1#0"]
    some = open_data(REFCOCO, path, limit=8, seed=1)
    assert len({sample.cluster for sample in some.samples}) == 2
    assert some == open_data(REFCOCO, path, limit=8, seed=1)
    assert some.fingerprint != open_data(REFCOCO, path, limit=8, seed=2).fingerprint
    everything = {sample.id for sample in open_data(REFCOCO, path, seed=3).samples}
    assert everything == {sample.id for sample in open_data(REFCOCO, path).samples}


def test_folder_with_split_files(tmp_path: Path) -> None:
    parquet(tmp_path / "data" / "testA-00000-of-00002.parquet", ROWS[:2])
    parquet(tmp_path / "data" / "testA-00001-of-00002.parquet", ROWS[2:4])
    parquet(tmp_path / "data" / "testB-00000-of-00001.parquet", ROWS[4:])
    assert [
        len(open_data(REFCOCO, str(tmp_path), split=split).samples) for split in (None, "testA", "testB")
    ] == [8, 8, 4]
    with pytest.raises(DataError, match="has no split 'val'; it has: testA, testB"):
        open_data(REFCOCO, str(tmp_path), split="val")


def test_saved_data_set(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict, Features, Image, List, Value

    features = Features(
        question_id=Value("string"), image=Image(), answer=List(Value("string")), bbox=List(Value("float32"))
    )
    part = Dataset.from_list(ROWS, features=features)
    DatasetDict({"testA": part, "testB": part.select([0])}).save_to_disk(str(tmp_path / "both"))
    part.save_to_disk(str(tmp_path / "one"))
    assert len(open_data(REFCOCO, str(tmp_path / "both")).samples) == 12
    assert len(open_data(REFCOCO, str(tmp_path / "both"), split="testB").samples) == 2
    one = open_data(REFCOCO, str(tmp_path / "one"))
    assert one.samples[0].media[0].read() == b"image 0"  # the bytes as they are, never decoded


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.parquet", b"no parquet", "cannot be read as parquet"),
        ("rows.jsonl", b"{}\n{\n", "line 2, is not JSON"),
        ("rows.jsonl", b"[1]\n", "line 1, is not a JSON object"),
        ("rows.json", b"{}", "one list of objects"),
        ("rows.json", b"{", "is not JSON"),
        ("rows.csv", b"\xff\xfe\x00", "cannot be read"),
        ("rows.txt", b"", "is none of .parquet, .jsonl"),
        (
            "rows.jsonl",
            b"",
            "lacks question_id, image, answer, bbox, which refcoco needs; it has: no columns",
        ),
        ("rows.csv", b"image,sentence\n1,2\n", "lacks question_id, answer, bbox, .* it has: image, sentence"),
    ],
)
def test_unreadable_files_get_one_sentence(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        open_data(REFCOCO, str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_other_faults_get_one_sentence(tmp_path: Path) -> None:
    path = str(parquet(tmp_path / "my.parquet", [row(0), row(1, bbox=[1.0, 2.0, 3.0])]))
    with pytest.raises(DataError, match="row 1: bbox must be 4 finite numbers"):
        open_data(REFCOCO, path)
    with pytest.raises(DataError, match="no such file or folder"):
        open_data(REFCOCO, str(tmp_path / "absent.parquet"))
    with pytest.raises(DataError, match="--media .* is not a folder"):
        open_data(REFCOCO, path, media_dir=tmp_path / "absent")
    with pytest.raises(DataError, match="--limit"):
        open_data(REFCOCO, path, limit=0)
    with pytest.raises(DataError, match="--revision"):
        open_data(REFCOCO, path, revision="main")
    videos = jsonl(tmp_path / "v.jsonl", [{"video": "a.mp4", "caption": "sits", "timestamp": [0, 1]}])
    with pytest.raises(DataError, match="None of the 1 media files .* exists"):
        open_data(CHARADES, str(videos))
    with pytest.raises(DataError, match="no questions"):
        open_data(REFCOCO, str(parquet(tmp_path / "empty.parquet", [row(0, answer=[""])])))


def fake_hub(monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]], total: int) -> None:
    def load(task: Task, split: str, revision: str | None) -> hub.HubData:
        return hub.HubData(task.hub[0], Table(tuple(rows[0]), rows, total))

    monkeypatch.setattr(hub, "load", load)


def test_mixed_validation_split_of_the_hub_is_named_and_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_hub(monkeypatch, ROWS, 8811)
    default = open_data(REFCOCO, "hub")
    assert (default.name, default.split, default.notes) == ("lmms-lab-encoder/RefCOCO", "testA", ())
    mixed = open_data(REFCOCO, "hub", split="val", revision="abc")
    assert mixed.split == "val (UNC + Google)"
    assert mixed.revision == "abc"
    assert "UNC" in mixed.notes[0]
    assert "no published val score" in mixed.notes[0]


def test_local_copy_of_the_mixed_split_is_recognised_by_its_size(tmp_path: Path) -> None:
    small = [row(number, image={"bytes": b"x", "path": ""}, answer=["it"]) for number in range(8811)]
    parquet(tmp_path / "val.parquet", small)
    parquet(tmp_path / "own" / "val.parquet", small[:5])
    assert open_data(REFCOCO, str(tmp_path / "val.parquet"), limit=1).split == "val (UNC + Google)"
    assert open_data(REFCOCO, str(tmp_path / "own" / "val.parquet"), limit=1).notes == ()


def test_hub_videos_need_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_hub(monkeypatch, [{"video": "a.mp4", "caption": "sits", "timestamp": "[0.0, 1.0]"}], 1)
    with pytest.raises(DataError, match="pass the folder of the videos with --media"):
        open_data(CHARADES, "hub")


def test_without_a_network_one_sentence_names_the_ids_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    monkeypatch.setattr(hub, "_reachable", lambda endpoint: False)
    with pytest.raises(DataError) as caught:
        open_data(REFCOCO, "hub", revision="abc")
    message = str(caught.value)
    assert "lmms-lab-encoder/RefCOCO and lmms-lab/RefCOCO at revision abc" in message
    assert "--data FILE" in message
    assert "\n" not in message
    assert before == constants.HF_HUB_OFFLINE


def test_tasks_are_found_by_name_and_near_names_are_offered() -> None:
    assert get_task("charades_sta") is get_task("Charades-STA") is CHARADES
    with pytest.raises(DataError, match="did you mean refcoco"):
        get_task("refcco")
    with pytest.raises(DataError, match="`vleval tasks` lists tasks and groups"):
        get_task("qqq")


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: str(task.name))
def test_every_task_is_whole(task: Task) -> None:
    assert task.name == task.name.lower().replace("_", "-")
    assert task.default_split in task.splits
    assert set(task.split_notes) <= set(task.splits)
    assert len({metric.name for metric in task.metrics}) == len(task.metrics)
    nothing = task.score(open_data(task, "bundled").samples[0], "", (), "absolute")
    # Metrics of another kind of question, and figures of a whole set, are no metrics of one answer.
    assert nothing.metrics.keys() <= {metric.name for metric in task.metrics}
    json.dumps(nothing.parsed)


@pytest.mark.parametrize(
    "task", [task for task in TASKS.values() if task.bundled_splits], ids=lambda task: str(task.name)
)
def test_bundled_data_open(task: Task) -> None:
    for split in task.bundled_splits:
        if not (BUNDLED / (task.bundled_name or task.name) / f"{split}.parquet").exists():
            pytest.skip(f"no bundled data yet: {task.name} {split}")
        data = open_data(task, "bundled", split=split)
        assert (data.origin, data.split) == ("bundled", split)
        assert data.notes == (tuple(task.notes(data.samples)) if task.notes else ())
        assert all(sample.media[0].path is None or sample.media[0].path.exists() for sample in data.samples)
    assert open_data(task, "bundled").split == task.bundled_splits[0]
    with pytest.raises(DataError, match="has no split 'testA'"):
        open_data(task, "bundled", split="testA")


def test_light_imports_stay_light() -> None:
    import subprocess
    import sys

    def loaded(module: str, *watched: str) -> str:
        code = f"import sys, {module}; print([name for name in {watched} if name in sys.modules])"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    heavy = ("torch", "transformers", "datasets", "pandas", "pyarrow", "scipy", "av")
    assert loaded("vleval.tasks.registry, vleval.tasks.data.sources", *heavy) == "[]\n"
    assert loaded("vleval.grounding.frame", "numpy", *heavy) == "[]\n"
