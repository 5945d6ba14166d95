"""The run folder: what is written is read back, one writer at a time, old versions are read, new ones not."""

from __future__ import annotations

import errno
import json
import math
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from vleval.grounding.frame import Frame
from vleval.model.io import EngineInfo, GenerationSettings, Usage, VisionSettings
from vleval.results.record import DataFacts, RecordError, RunRecord, SampleRecord, TaskFacts
from vleval.results.storage import disk
from vleval.results.storage.lines import decode, encode
from vleval.results.storage.store import (
    EVENTS_FILE,
    RUN_FILE,
    SAMPLES_FILE,
    RunStore,
    StoreError,
    prepare_root,
    read_run,
    read_samples,
    set_aside,
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
    key="cd" * 32,
    elapsed_seconds=1.25,
)
VIDEO = replace(
    SAMPLE,
    id="clip",
    original_size=None,
    frames=(Frame((64, 64), (56, 56), (2, 4, 4), "pil", (), (0.0, 0.5, 1.0, 1.5), 1.0, "qwen", 2.0),),
)
OOM = replace(SAMPLE, id="clip", status="failed", failure="oom", attempt=1)
RUN = RunRecord(
    id="refcoco-toy-max16t-0a1b2c3d",
    grid="refcoco-toy-4e5f6a7b",
    status="running",
    started="2025-01-01T00:00:00+00:00",
    task=TaskFacts("refcoco", 1, "acc@0.5", "Find {expression}."),
    data=DataFacts("world", "bundled", "val", "cd" * 32, 2, True, "main", ("a note",)),
    model=EngineInfo(
        "toy", "toy", "qwen2_5_vl", "float32", "cpu", 1, "ef" * 32, files={"config.json": "ab" * 32}
    ),
    bundled_model=True,
    vision=VisionSettings(max_pixels=12544),
    generation=GenerationSettings(64, 1.05),
    coordinates="absolute",
    config={"task": "refcoco"},
    passed=("task",),
    environment={"python": "3.11"},
    fingerprint="12" * 32,
)


def write(root: Path, *samples: SampleRecord) -> Path:
    with RunStore(root / "run") as store:
        store.save(RUN)
        for sample in samples:
            store.append(sample)
        return store.folder


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    folder = write(tmp_path, VIDEO, SAMPLE)
    assert read_run(folder) == RUN
    assert list(read_samples(folder)) == [SAMPLE, VIDEO], "in the order of ids"
    assert sorted(path.name for path in folder.iterdir()) == [EVENTS_FILE, RUN_FILE, "run.lock", SAMPLES_FILE]


def test_every_appended_sample_is_on_file_before_the_next(tmp_path: Path) -> None:
    with RunStore(tmp_path / "run") as store:
        for count in range(1, 4):
            store.append(replace(SAMPLE, id=str(count)))
            assert len(list(read_samples(store.folder))) == count


def test_a_line_is_json_and_ends_in_its_crc() -> None:
    line = encode({"v": 2, "id": "a"})
    assert line == b'{"v": 2, "id": "a", "crc": "%08x"}\n' % zlib.crc32(b'{"v": 2, "id": "a"')
    assert list(json.loads(line)) == ["v", "id", "crc"]
    assert decode(line[:-1]) == {"v": 2, "id": "a"}


ATTEMPTS = [
    ((OOM, VIDEO), VIDEO, "the second attempt succeeded"),
    ((VIDEO, OOM), VIDEO, "a failure does not replace an answer"),
    ((OOM, replace(OOM, attempt=2)), replace(OOM, attempt=2), "the last failure counts"),
]


@pytest.mark.parametrize(("written", "counts", "why"), ATTEMPTS, ids=[why for *_, why in ATTEMPTS])
def test_of_several_attempts_one_counts(
    tmp_path: Path, written: tuple[SampleRecord, ...], counts: SampleRecord, why: str
) -> None:
    assert list(read_samples(write(tmp_path, *written))) == [counts]


def test_run_json_is_replaced_as_a_whole(tmp_path: Path) -> None:
    with RunStore(tmp_path / "run") as store:
        done = replace(RUN, status="complete", seconds=1.5, summary={"n": 0}, warnings=("w",))
        store.save(RUN)
        store.save(done)
        assert store.read() == done
        assert not list(store.folder.glob("*.tmp"))


def test_numbers_that_json_lacks_become_null(tmp_path: Path) -> None:
    parsed = {"boxes": [[math.inf, 0.0, math.nan, 1.0]]}
    folder = write(tmp_path, replace(SAMPLE, parsed=parsed))
    (line,) = (folder / SAMPLES_FILE).read_text(encoding="ascii").splitlines()
    assert json.loads(line)["parsed"] == {"boxes": [[None, 0.0, None, 1.0]]}


def test_events_are_lines_of_the_same_kind(tmp_path: Path) -> None:
    with RunStore(tmp_path / "run") as store:
        store.event("started", planned=3)
        store.event("interrupted", reason="\udc80")
    lines = (store.folder / EVENTS_FILE).read_bytes().splitlines()
    events = [decode(line) for line in lines]
    assert [event["event"] for event in events] == ["started", "interrupted"]
    assert events[0]["planned"] == 3
    assert events[0]["at"].endswith("+00:00")


def test_a_clock_that_goes_backwards_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert list(read_samples(write(tmp_path, SAMPLE))) == [SAMPLE]


# Version 1, as the program wrote it before answers had fingerprints; one line is shortened to what matters.
RUN_1 = """
{"v": 1, "id": "20250101-120000-refcoco-4036", "grid": "20250101-120000-refcoco-4036", "status": "complete",
 "started": "2025-01-01T12:00:00+00:00", "task": {"name": "refcoco", "version": 1, "headline": "acc@0.5"},
 "data": {"name": "toy world", "origin": "local", "split": "val", "fingerprint": "00", "samples": 2,
          "bundled": false, "revision": null, "notes": []},
 "model": {"engine": "toy", "model": "toy", "family": "qwen2_5_vl", "dtype": "float32", "device": "cpu",
           "parameters": 0, "fingerprint": "ff", "peak_memory_bytes": 123000000},
 "bundled_model": false,
 "vision": {"min_pixels": null, "max_pixels": 12544, "fps": null, "min_frames": null, "max_frames": null,
            "total_pixels": null, "resize_filter": "torch", "sampling": "linspace", "video_timing": "qwen",
            "video_positions": "original"},
 "generation": {"max_new_tokens": 128, "repetition_penalty": 1.0}, "coordinates": "absolute",
 "config": {"task": "refcoco"}, "passed": ["task"], "environment": {"vleval": "0.1.0", "pillow": "13.0.0"},
 "finished": "2025-01-01T12:00:01+00:00", "seconds": 0.5, "summary": {"expected": 2, "n": 2},
 "error": null, "warnings": []}
"""
SAMPLES_1 = (
    '{"v": 1, "id": "toy-2", "cluster": "image-1", "status": "scored", "failure": null, "reason": null, '
    '"metrics": {"acc@0.5": 1.0}, "parsed": {"boxes": [[74.3, 74.7, 194.3, 165.3]], '
    '"as_written": [[13.0, 14.0, 34.0, 31.0]], "labels": ["thing 2"], "mapped": true, "extra": 0, '
    '"problems": []}, "text": "[{\\"bbox_2d\\": [13, 14, 34, 31]}]", "finish_reason": "stop", '
    '"question": "thing 2", "target": {"bbox_xyxy": [74, 76, 194, 166]}, "tags": {}, '
    '"original_size": [640, 448], "frames": [{"original_size": [640, 448], "input_size": [112, 84], '
    '"grid_thw": [1, 6, 8], "resize_filter": "torch", "clamps": [], "timestamps": [], '
    '"second_per_grid": null, "time_source": null, "duration": null}], "usage": {"visual_tokens": 12, '
    '"prompt_tokens": 40, "completion_tokens": 9, "preprocess_seconds": 0.0, "vision_seconds": 0.0, '
    '"prefill_seconds": 0.0, "decode_seconds": 0.0}, "input_sha256": "12"}\n'
    '{"v": 1, "id": "toy-0", "cluster": "image-0", "status": "unparsed", "failure": null, '
    '"reason": "refusal", "metrics": {"acc@0.5": 0.0}, "parsed": {"boxes": [], "as_written": [], '
    '"labels": [], "mapped": true, "extra": 0, "problems": [["refusal", "no box", 0]]}, '
    '"text": "I cannot see it.", "finish_reason": "stop", "question": "thing 0", '
    '"target": {"bbox_xyxy": [40, 30, 160, 120]}, "tags": {}, "original_size": [640, 448], "frames": [], '
    '"usage": {"visual_tokens": 12, "prompt_tokens": 40, "completion_tokens": 9, "preprocess_seconds": 0.0, '
    '"vision_seconds": 0.0, "prefill_seconds": 0.0, "decode_seconds": 0.0}, "input_sha256": "77"}\n'
)


def test_a_run_of_version_1_is_read(tmp_path: Path) -> None:
    (tmp_path / RUN_FILE).write_text(RUN_1, encoding="ascii")
    (tmp_path / SAMPLES_FILE).write_text(SAMPLES_1, encoding="ascii")
    run = read_run(tmp_path)
    assert (run.fingerprint, run.task.prompt, run.model.files) == (None, "", {})
    assert run.model.peak_memory_bytes == 123_000_000
    refused, found = read_samples(tmp_path)
    assert refused.parsed["ledger"] == [["refusal", "no box", 0]]
    assert "problems" not in refused.parsed
    assert (found.key, found.attempt, found.elapsed_seconds) == (None, 1, 0.0)
    assert found.frames[0].input_size == (112, 84)


def test_a_line_of_version_1_that_is_no_json_is_damaged(tmp_path: Path) -> None:
    (tmp_path / SAMPLES_FILE).write_text(SAMPLES_1.replace('"v": 1,', '"v": 1,,', 1), encoding="ascii")
    with pytest.raises(StoreError, match="damaged at line 1"):
        list(read_samples(tmp_path))


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (99, "version 99, this vleval reads up to 2; update vleval"),
        (0, "version 0, this vleval reads from 1 on; an earlier vleval reads it"),
        (None, "no version"),
        ("2", "no version"),
        (True, "no version"),
    ],
)
def test_other_versions_are_refused_each_in_its_words(version: object, sentence: str) -> None:
    with pytest.raises(RecordError, match=sentence):
        SampleRecord.from_json({**SAMPLE.to_json(), "v": version})
    with pytest.raises(RecordError, match=sentence):
        RunRecord.from_json({**RUN.to_json(), "v": version})


def test_unknown_fields_are_ignored_and_missing_ones_named() -> None:
    raw = SAMPLE.to_json()
    assert SampleRecord.from_json({**raw, "added_later": 1}) == SAMPLE
    del raw["usage"]
    with pytest.raises(RecordError, match="usage"):
        SampleRecord.from_json(raw)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not a run"):
        read_run(tmp_path)
    (tmp_path / RUN_FILE).write_text("[1", encoding="utf-8")
    with pytest.raises(StoreError, match="not valid JSON"):
        read_run(tmp_path)


def test_answers_of_nobody_are_not_taken_up(tmp_path: Path) -> None:
    folder = write(tmp_path, SAMPLE)
    (folder / RUN_FILE).unlink()
    with RunStore(folder) as store, pytest.raises(StoreError, match="nobody knows whose"):
        store.read()


def test_an_output_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "runs"
    file.write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match="--output"):
        prepare_root(file)
    with pytest.raises(StoreError, match="--output"):
        RunStore(file)


def test_no_room_is_known_before_anything_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RunStore(tmp_path / "run") as store:
        monkeypatch.setattr(disk.Disk, "free", lambda self, path: 100_000)
        store.check_room(24)
        with pytest.raises(StoreError, match="25 answers need about 102 kB"):
            store.check_room(25)


def test_an_earlier_run_is_set_aside_whole(tmp_path: Path) -> None:
    folder = write(tmp_path, SAMPLE)
    assert set_aside(folder) == tmp_path / "run.old1"
    assert set_aside(folder) is None
    assert not folder.exists()
    write(tmp_path, VIDEO)
    assert set_aside(folder) == tmp_path / "run.old2"
    assert list(read_samples(tmp_path / "run.old1")) == [SAMPLE]


HOLDER = """
import sys, time
from pathlib import Path
from vleval.results.storage.store import RunStore
store = RunStore(Path(sys.argv[1]))
print("open", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    """Also when the first is killed: the system lets go of its lock."""
    folder = tmp_path / "run"
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], cwd=root, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match=f"is being written to by process {holder.pid} on "):
            RunStore(folder)
        with pytest.raises(StoreError, match="is being written to"):
            (folder / RUN_FILE).write_text("{}", encoding="utf-8")
            set_aside(folder)
        holder.kill()
    RunStore(folder).close()


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file stands for the lock: refused while its process lives, taken over when it is dead."""

    class NoLocks(disk.Disk):
        def lock(self, file: int) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(disk, "DISK", NoLocks())
    folder = tmp_path / "run"
    with (
        RunStore(folder),
        pytest.raises(
            StoreError, match=r"is being written to by process .*; if it is gone, delete .*run.held"
        ),
    ):
        RunStore(folder)
    held = folder / "run.held"
    assert not held.exists()
    with subprocess.Popen(["true"]) as dead:
        pass
    with RunStore(folder):
        card = json.loads(held.read_bytes())
    held.write_text(json.dumps({**card, "pid": dead.pid}), encoding="utf-8")
    RunStore(folder).close()
    held.write_text(json.dumps({**card, "pid": dead.pid, "host": "elsewhere"}), encoding="utf-8")
    with pytest.raises(StoreError, match="on elsewhere"):
        RunStore(folder)
