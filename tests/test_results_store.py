"""The run folder: what is written is read back, torn tails are skipped, damage is not."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from vleval.grounding.frame import Frame
from vleval.model.io import EngineInfo, GenerationSettings, Usage, VisionSettings
from vleval.results.record import DataFacts, RecordError, RunRecord, SampleRecord, TaskFacts
from vleval.results.store import (
    RUN_FILE,
    SAMPLES_FILE,
    RunWriter,
    StoreError,
    prepare_root,
    read_run,
    read_samples,
)

SAMPLE = SampleRecord(
    id="../../etc/passwd",
    cluster="image-1",
    status="scored",
    failure=None,
    reason=None,
    metrics={"acc@0.5": 1.0},
    parsed={"boxes": [[1.0, 2.0, 3.0, 4.0]]},
    text='[{"bbox_2d": [1, 2, 3, 4]}] \x1b[31m \udc80 ünï',
    finish_reason="stop",
    question="the red one",
    target={"bbox_xyxy": [1, 2, 3, 4]},
    tags={"kind": "relation"},
    original_size=(640, 480),
    frames=(Frame((640, 480), (308, 224), (1, 16, 22), "torch", ("max_pixels",)),),
    usage=Usage(visual_tokens=88, prompt_tokens=120, completion_tokens=20, decode_seconds=0.25),
    input_sha256="ab" * 32,
)
VIDEO = replace(
    SAMPLE,
    id="clip",
    original_size=None,
    frames=(Frame((64, 64), (56, 56), (2, 4, 4), "pil", (), (0.0, 0.5, 1.0, 1.5), 1.0, "qwen", 2.0),),
)
RUN = RunRecord(
    id="20250101-000000-refcoco-ab12",
    grid="20250101-000000-refcoco-ab12",
    status="running",
    started="2025-01-01T00:00:00+00:00",
    task=TaskFacts("refcoco", 1, "acc@0.5"),
    data=DataFacts("world", "bundled", "val", "cd" * 32, 2, True, "main", ("a note",)),
    model=EngineInfo("toy", "toy", "qwen2_5_vl", "float32", "cpu", 1, "ef" * 32),
    bundled_model=True,
    vision=VisionSettings(max_pixels=12544),
    generation=GenerationSettings(64, 1.05),
    coordinates="absolute",
    config={"task": "refcoco"},
    passed=("task",),
    environment={"python": "3.11"},
)


def write(root: Path, *samples: SampleRecord) -> Path:
    with RunWriter(root, RUN) as writer:
        for sample in samples:
            writer.append(sample)
        return writer.folder


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    folder = write(tmp_path, SAMPLE, VIDEO)
    assert read_run(folder) == RUN
    assert list(read_samples(folder)) == [SAMPLE, VIDEO]
    assert sorted(path.name for path in folder.iterdir()) == [RUN_FILE, SAMPLES_FILE]


def test_every_appended_sample_is_on_file_before_the_next(tmp_path: Path) -> None:
    with RunWriter(tmp_path, RUN) as writer:
        for count in range(1, 4):
            writer.append(SAMPLE)
            assert len(list(read_samples(writer.folder))) == count


def test_a_cut_at_every_byte_leaves_the_whole_lines(tmp_path: Path) -> None:
    """Truncation anywhere costs the torn sample and no other."""
    file = write(tmp_path, SAMPLE, VIDEO) / SAMPLES_FILE
    whole = file.read_bytes()
    for cut in range(0, len(whole) + 1, 7):
        file.write_bytes(whole[:cut])
        assert len(list(read_samples(file.parent))) == whole[:cut].count(b"\n")


def test_damage_before_the_tail_is_an_error(tmp_path: Path) -> None:
    file = write(tmp_path, SAMPLE, VIDEO) / SAMPLES_FILE
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([lines[0][:-9], *lines[1:]]))
    with pytest.raises(StoreError, match="damaged at line 1"):
        list(read_samples(file.parent))


def test_run_json_is_replaced_as_a_whole(tmp_path: Path) -> None:
    with RunWriter(tmp_path, RUN) as writer:
        done = replace(RUN, status="complete", seconds=1.5, summary={"n": 0}, warnings=("w",))
        writer.save(done)
        assert read_run(writer.folder) == done
        assert not list(writer.folder.glob("*.tmp"))


def test_numbers_that_json_lacks_become_null(tmp_path: Path) -> None:
    parsed = {"boxes": [[math.inf, 0.0, math.nan, 1.0]]}
    folder = write(tmp_path, replace(SAMPLE, parsed=parsed))
    (line,) = (folder / SAMPLES_FILE).read_text(encoding="ascii").splitlines()
    assert json.loads(line)["parsed"] == {"boxes": [[None, 0.0, None, 1.0]]}


def test_unknown_fields_are_ignored_and_newer_versions_refused() -> None:
    raw = SAMPLE.to_json()
    assert SampleRecord.from_json({**raw, "added_later": 1}) == SAMPLE
    with pytest.raises(RecordError, match="update vleval"):
        SampleRecord.from_json({**raw, "v": 99})
    with pytest.raises(RecordError, match="no version"):
        RunRecord.from_json({"id": "x"})
    del raw["usage"]
    with pytest.raises(RecordError, match="usage"):
        SampleRecord.from_json(raw)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not a run"):
        read_run(tmp_path)
    (tmp_path / RUN_FILE).write_text("[1", encoding="utf-8")
    with pytest.raises(StoreError, match="not valid JSON"):
        read_run(tmp_path)


def test_an_output_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "runs"
    file.write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match="--output"):
        prepare_root(file)
    with pytest.raises(StoreError, match="--output"):
        RunWriter(file, RUN)


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    """/dev/full takes no byte: the write fails as on a full disk."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    with pytest.raises(StoreError, match="No space left"), RunWriter(tmp_path, RUN) as writer:
        writer._samples.close()
        writer._samples = full.open("w", encoding="utf-8")
        writer.append(SAMPLE)
