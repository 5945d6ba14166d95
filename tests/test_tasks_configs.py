"""Data sets of several configurations: from the hub, from a folder, and with one missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vleval.tasks.base import DataError, Task
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task

TASK: Task = replace(get_task("mvbench"), hub_configs=("action_count", "moving_count"))


def row(number: int, **other: Any) -> dict[str, Any]:
    asked = {"question": f"How many {number}?", "candidates": ["1", "2"], "answer": "2"}
    return {"video": f"{number}.mp4", **asked, **other}


CONFIGS = {"action_count": [row(0), row(1)], "moving_count": [row(1, start=1.0, end=2.0)]}
EXPECTED = [
    ("action_count#0", "0.mp4", None),
    ("action_count#1", "1.mp4", None),
    ("moving_count#2", "1.mp4", 1.0),
]


def found(folder: Path, data: str) -> list[tuple[str, str, float | None]]:
    for number in range(2):
        (folder / f"{number}.mp4").write_bytes(b"")
    samples = open_data(TASK, data, media_dir=folder).samples
    return [(sample.id, sample.cluster, sample.media[0].start) for sample in samples]


def test_the_hub_is_asked_for_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    asked: list[tuple[object, ...]] = []

    def load(name: str, config: str, *, split: str, revision: str | None) -> object:
        asked.append((name, config, split, revision))
        return datasets.Dataset.from_list(CONFIGS[config])

    monkeypatch.setattr("datasets.load_dataset", load)
    monkeypatch.setattr("vleval.tasks.data.hub._reachable", lambda endpoint: True)
    assert found(tmp_path, "hub") == EXPECTED
    assert asked == [("OpenGVLab/MVBench", config, "train", None) for config in CONFIGS]


def test_one_that_the_hub_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, config: str, **other: object) -> object:
        raise FileNotFoundError(f"there is no {config}")

    monkeypatch.setattr("datasets.load_dataset", load)
    monkeypatch.setattr("vleval.tasks.data.hub._reachable", lambda endpoint: True)
    with pytest.raises(DataError, match=r"OpenGVLab/MVBench .*\(there is no action_count\)"):
        open_data(TASK, "hub")


def test_a_copy_of_the_repository(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for config, rows in CONFIGS.items():
        (tmp_path / config).mkdir()
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / config / "train-00000-of-00001.parquet")
    assert found(tmp_path, str(tmp_path)) == EXPECTED


@pytest.mark.parametrize("place", [".", "json"])
def test_a_file_for_each(place: str, tmp_path: Path) -> None:
    (tmp_path / place).mkdir(exist_ok=True)
    for config, rows in CONFIGS.items():
        (tmp_path / place / f"{config}.json").write_text(json.dumps(rows))
    assert found(tmp_path, str(tmp_path)) == EXPECTED


def test_one_file_for_all(tmp_path: Path) -> None:
    rows = [{**one, "config": config} for config, several in CONFIGS.items() for one in several]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert found(tmp_path, str(tmp_path / "train.jsonl")) == found(tmp_path, str(tmp_path)) == EXPECTED
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, [*rows, CONFIGS["action_count"][0]])))
    with pytest.raises(DataError, match="row 3: the column 'config' is missing"):
        found(tmp_path, str(tmp_path / "train.jsonl"))
    (tmp_path / "train.jsonl").write_text(json.dumps(CONFIGS["action_count"][0]))
    with pytest.raises(DataError, match="lacks config, which mvbench needs"):
        open_data(TASK, str(tmp_path / "train.jsonl"))


def test_some_of_them_are_no_benchmark(tmp_path: Path) -> None:
    (tmp_path / "action_count.json").write_text(json.dumps(CONFIGS["action_count"]))
    with pytest.raises(DataError, match="lacks moving_count: it must hold all of the 2 configurations"):
        open_data(TASK, str(tmp_path))


def test_a_broken_row_of_a_later_one_is_named(tmp_path: Path) -> None:
    for config, rows in CONFIGS.items():
        (tmp_path / f"{config}.json").write_text(json.dumps(rows))
    (tmp_path / "moving_count.json").write_text(json.dumps([row(2, candidates=["one"])]))
    with pytest.raises(DataError, match="row 2: candidates must be a list of choices"):
        open_data(TASK, str(tmp_path))
