"""What the README claims of the bundled checkpoint, on bundled test scenes that no training or choice ever
saw.

Run: pytest tests/test_bundled.py
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

from vleval.model.checkpoint import load_checkpoint
from vleval.model.engine import LocalEngine
from vleval.model.io import Request, VisionSettings
from vleval.model.locations import BUNDLED_CHECKPOINT
from vleval.model.preprocess import prepare_image
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.model.transformers_engine import TransformersEngine
from vleval.tasks.base import Sample, Task
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task

REFCOCO, CHARADES = get_task("refcoco"), get_task("charades-sta")
BEST = VisionSettings(max_pixels=64 * 784)


def bundled_test(task: Task) -> list[Sample]:
    """The bundled test split of a task."""
    data = open_data(task, "bundled", split="test", revision=None, media_dir=None, limit=None, seed=None)
    return list(data.samples)


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    """RefCOCO's."""
    return bundled_test(REFCOCO)


@pytest.fixture(scope="module")
def engine() -> LocalEngine:
    """The bundled checkpoint."""
    return LocalEngine(BUNDLED_CHECKPOINT, name="bundled", dtype="float32", device="cpu")


def mean(engine: LocalEngine, task: Task, samples: Sequence[Sample], vision: VisionSettings) -> float:
    """The headline of the engine's answers, everything unanswered as zero."""
    by_id, total = {sample.id: sample for sample in samples}, 0.0
    for response in engine.run(Request(s.id, task.messages(s), vision) for s in samples):
        assert response.failure is None
        score = task.score(by_id[response.id], response.text, response.frames, "absolute")
        total += score.metrics[task.metrics[0].name]
    return total / len(samples)


def test_it_points_and_it_reads_the_question(engine: LocalEngine, samples: list[Sample]) -> None:
    """At least 0.55 on 500 expressions or more; at most 0.30 when every expression comes from another
    image."""
    assert len(samples) >= 500
    assert mean(engine, REFCOCO, samples, BEST) >= 0.55
    # Half the list away is another image: expressions of one image are neighbours.
    moved = samples[len(samples) // 2 :] + samples[: len(samples) // 2]
    swapped = [dataclasses.replace(s, question=m.question) for s, m in zip(samples, moved, strict=True)]
    assert all(s.cluster != m.cluster for s, m in zip(samples, moved, strict=True))
    assert mean(engine, REFCOCO, swapped, BEST) <= 0.30


def test_it_times_events_better_than_any_constant_answer(engine: LocalEngine) -> None:
    """At least 0.6 at two frames a second, where the best constant span, chosen with the truth, has 0.37."""
    samples = bundled_test(CHARADES)
    assert CHARADES.baselines is not None
    assert CHARADES.baselines(samples)["best constant span"]["miou"] < 0.4
    assert mean(engine, CHARADES, samples, VisionSettings(fps=2.0)) >= 0.6


def test_transformers_says_the_same_word_for_word(engine: LocalEngine, samples: list[Sample]) -> None:
    """Pictures and clips; positions after a clip are ours, for transformers 5.x counts them differently."""
    requests = [Request(s.id, REFCOCO.messages(s), BEST) for s in samples[:12]]
    requests += [Request(s.id, CHARADES.messages(s)) for s in bundled_test(CHARADES)[:6]]
    reference = TransformersEngine(BUNDLED_CHECKPOINT, name="bundled", dtype="float32", device="cpu")
    ours, theirs = ({r.id: r.text for r in e.run(requests)} for e in (engine, reference))
    assert len(ours) == len(requests) and all(ours.values())
    assert ours == theirs


def test_every_cap_of_the_demo_bites(samples: list[Sample]) -> None:
    """16, 36 and 64 visual tokens are really different views: each has at least 1.5 times the tokens of the
    last."""
    spec = PreprocessSpec.from_folder(BUNDLED_CHECKPOINT)
    media = list({sample.cluster: sample.media[0] for sample in samples}.values())[:40]
    means = []
    for tokens in (16, 36, 64):
        frames = [prepare_image(m, VisionSettings(max_pixels=tokens * 784), spec).frame for m in media]
        assert all(448 <= side <= 640 for frame in frames for side in frame.original_size)
        means.append(np.mean([frame.visual_tokens for frame in frames]))
    assert means[1] >= 1.5 * means[0] and means[2] >= 1.5 * means[1], means


def test_transformers_loads_the_same_weights() -> None:
    """`from_pretrained` reads the folder without a missing, unexpected or changed tensor, and the tokenizer
    as it is."""
    theirs, info = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        BUNDLED_CHECKPOINT, output_loading_info=True
    )
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    ours = load_checkpoint(BUNDLED_CHECKPOINT, dtype=None, device="cpu")
    assert sum(p.numel() for p in theirs.parameters()) == sum(p.numel() for p in ours.parameters())
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED_CHECKPOINT)
    text = "Locate the red circle, 117 Ångström above 雪 🙂\n"
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_it_is_small() -> None:
    """The whole folder takes at most 8 MB of the repository."""
    assert sum(path.stat().st_size for path in BUNDLED_CHECKPOINT.iterdir()) <= 8e6
