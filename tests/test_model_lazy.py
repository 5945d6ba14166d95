"""An engine says who answers before it loads the weights, and ends with the batch in hand when told to."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from vleval.model.engine import LocalEngine
from vleval.model.errors import CheckpointError
from vleval.model.io import GenerationSettings, Media, Message, Request, VisionSettings
from vleval.model.locations import BUNDLED_CHECKPOINT


def requests(count: int) -> list[Request]:
    buffer = io.BytesIO()
    Image.new("RGB", (112, 112), "red").save(buffer, "PNG")
    image = Media("image", data=buffer.getvalue())
    return [
        Request(
            str(number),
            (Message("user", (image, f"the {number}")),),
            VisionSettings(max_pixels=12544),
            GenerationSettings(2),
        )
        for number in range(count)
    ]


def engine(folder: Path = BUNDLED_CHECKPOINT) -> LocalEngine:
    return LocalEngine(folder, name="bundled", dtype="float32", device="cpu", batch_size=2)


def test_who_answers_is_known_without_the_weights() -> None:
    ours = engine()
    info = ours.info()
    assert "model" not in vars(ours)
    ours.load()
    assert info.parameters == sum(parameter.numel() for parameter in ours.model.parameters())
    assert info.files.keys() >= {"config.json", "model.safetensors", "tokenizer.json"}
    assert info.fingerprint == ours.info().fingerprint


def test_weights_that_do_not_load_are_the_run_s_fault_not_each_request_s(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(BUNDLED_CHECKPOINT, tmp_path / "torn"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError):
        next(engine(folder).run(requests(1)))


def test_a_stopped_engine_finishes_its_batch_and_can_run_again() -> None:
    torch.set_num_threads(1)
    ours = engine()
    answered = []
    for response in ours.run(requests(6)):
        answered.append(response.id)
        ours.stop()
    assert answered == ["0", "1"]
    assert len(list(ours.run(requests(6)))) == 6
