"""Runs with chosen scores, written by the store's own writer, for tests of comparing and gating."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vleval.grounding.frame import Frame
from vleval.model.io import EngineInfo, GenerationSettings, Usage, VisionSettings
from vleval.results.record import DataFacts, RunRecord, SampleRecord, TaskFacts
from vleval.results.storage import disk
from vleval.results.storage.fingerprint import fingerprint, predict_fingerprint
from vleval.results.storage.store import RunStore
from vleval.tasks.registry import get_task

Change = Callable[[SampleRecord], SampleRecord | None]
"""What becomes of a sample; None leaves it out."""


class Hasty(disk.Disk):
    """Does not wait for the disk: no test of these pulls the plug."""

    def sync(self, file: int) -> None:
        pass

    def sync_folder(self, path: Path) -> None:
        pass


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "DISK", Hasty())


def run_record(of: str = "refcoco", count: int = 300, **changes: Any) -> RunRecord:
    chosen = get_task(of)
    record = RunRecord(
        id=f"{of}-toy",
        grid="toy",
        status="complete",
        started="2025-01-01T00:00:00+00:00",
        task=TaskFacts(of, chosen.version, chosen.metrics[0].name, chosen.prompt),
        data=DataFacts("world", "local", "val", "cd" * 32, count, False),
        model=EngineInfo("toy", "toy-7b", "qwen2_5_vl", "float32", "cpu", 123, "ef" * 32),
        bundled_model=False,
        vision=VisionSettings(max_pixels=12544),
        generation=GenerationSettings(64, 1.0),
        coordinates="absolute",
        config={"task": of, "data": "somebody/data"},
        passed=("task",),
        environment={"python": "3.11", "pillow": "11.0"},
    )
    record = replace(record, **changes)
    return replace(record, fingerprint=predict_fingerprint(record))


def sample(task: str, index: int, score: float, per_image: int = 2) -> SampleRecord:
    """Answer `index`, with `score` in every metric of the task."""
    return SampleRecord(
        id=f"q{index:05d}",
        cluster=f"image-{index // per_image}",
        status="scored",
        failure=None,
        reason=None,
        metrics={metric.name: score for metric in get_task(task).metrics},
        parsed={},
        text=f"answer {index}: {score}",
        finish_reason="stop",
        question=f"thing {index}",
        target={"bbox_xyxy": [index, 0, index + 10, 10]},
        tags={},
        original_size=(640, 448),
        frames=(Frame((640, 448), (308, 224), (1, 16, 22), "torch"),),
        usage=Usage(visual_tokens=88, prompt_tokens=120, completion_tokens=20, decode_seconds=0.25),
        input_sha256=fingerprint([task, index]),
    )


def make_run(
    folder: Path,
    scores: Sequence[float],
    *,
    of: str = "refcoco",
    per_image: int = 2,
    change: Change = lambda answer: answer,
    **record: Any,
) -> Path:
    """A run of task `of` with these scores; `record` replaces fields of its RunRecord."""
    with RunStore(folder) as store:
        store.save(run_record(of, len(scores), **record))
        for index, score in enumerate(scores):
            answer = change(sample(of, index, score, per_image))
            if answer is not None:
                store.append(answer)
    return folder


def right_or_wrong(count: int = 300, *, lost: int = 0, gained: int = 0, wrong: int = 60) -> list[float]:
    """`wrong` zeros after ones; then every third of `lost` fails and the last `gained` succeed."""
    scores = [1.0] * (count - wrong) + [0.0] * wrong
    for index in range(lost):
        scores[index * 3] = 0.0
    for index in range(gained):
        scores[count - 1 - index] = 1.0
    return scores
