"""The engine on whole requests: equal to transformers, whatever the batch, and a fault costs its own request
alone."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import parity_kit as kit
from vleval.model import engine as engine_module
from vleval.model import prepare
from vleval.model.engine import LocalEngine, resolve_device, resolve_dtype
from vleval.model.errors import CheckpointError, SettingsError
from vleval.model.generate import ModelInput
from vleval.model.io import GenerationSettings, Media, Message, Request, Response, VisionSettings
from vleval.model.transformers_engine import TransformersEngine

SMALL = VisionSettings(max_pixels=64 * 784)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.save_engine_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture
def local(folder: Path) -> LocalEngine:
    return LocalEngine(folder, name="tiny")


def _image(seed: int, width: int = 120, height: int = 90) -> Media:
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 6, width // 6, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((width, height)).save(file, "PNG")
    return Media("image", file.getvalue())


def _video(path: Path) -> Media:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for second in range(24):
            frame = np.full((64, 96, 3), 10 * second, dtype=np.uint8)
            frame[:, 4 * second : 4 * second + 8] = 255 - 10 * second
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return Media("video", path=path)


def _ask(name: str, *content: Any, new: int = 12, vision: VisionSettings = SMALL) -> Request:
    return Request(name, (Message("user", content),), vision, GenerationSettings(new))


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> list[Request]:
    """Three questions on each of three images, a video, a video with an image, and no medium at all."""
    images = [_image(seed, width=120 + 60 * seed) for seed in range(3)]
    words = ("the cat", "a red ball at the left", "it")
    asked = [
        _ask(f"{i}-{j}", image, f"Where is {word}?")
        for i, image in enumerate(images)
        for j, word in enumerate(words)
    ]
    video = _video(tmp_path_factory.mktemp("video") / "clip.mp4")
    low = replace(SMALL, fps=2.0, max_frames=6)
    return [
        *asked,
        _ask("video", video, "When?", vision=low),
        _ask("both", images[0], "Is this in the video?", video, vision=low),
        _ask("text", "Hello"),
    ]


def _texts(responses: Iterable[Response]) -> dict[str, str]:
    found = {response.id: response for response in responses}
    assert all(response.failure is None for response in found.values())
    return {name: response.text for name, response in sorted(found.items())}


def test_answers_equal_those_of_transformers(
    folder: Path, local: LocalEngine, requests: list[Request]
) -> None:
    ours = _texts(local.run(requests))
    theirs = _texts(TransformersEngine(folder, name="tiny").run(requests))
    assert ours == theirs
    assert len(set(ours.values())) > 6, "answers that are all alike would prove little"


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_answers_do_not_depend_on_batch_size_or_order(
    folder: Path, local: LocalEngine, requests: list[Request], batch_size: int
) -> None:
    expected = _texts(local.run(requests))
    other = LocalEngine(folder, name="tiny", batch_size=batch_size)
    assert _texts(other.run(requests)) == expected
    assert _texts(other.run(requests[::-1])) == expected
    shuffled = [requests[i] for i in np.random.default_rng(0).permutation(len(requests))]
    assert _texts(other.run(shuffled)) == expected


def test_video_positions_reach_the_model(local: LocalEngine, requests: list[Request]) -> None:
    video = next(request for request in requests if request.id == "video")
    clip = video.media()[0]
    long = VisionSettings(fps=8.0, max_frames=24, max_pixels=4 * 784, video_positions="original")
    rules = [long, replace(long, video_positions="transformers5")]
    asked = [_ask(vision.video_positions, clip, "When?", vision=vision) for vision in rules]
    prepared = list(local._preparer.ahead(asked, 4))
    nexts = [item.input.positions.next for item in prepared if isinstance(item, prepare.Prepared)]
    assert nexts[0] > nexts[1]


def test_response_says_what_was_seen_and_what_it_cost(local: LocalEngine, requests: list[Request]) -> None:
    answers = {response.id: response for response in local.run(requests)}
    both = answers["both"]
    assert [frame.grid_thw[0] for frame in both.frames] == [1, 3]
    assert both.usage.visual_tokens == sum(frame.visual_tokens for frame in both.frames)
    assert both.usage.prompt_tokens > both.usage.visual_tokens
    assert both.usage.completion_tokens <= 12
    assert both.finish_reason in ("stop", "length")
    cost = both.usage
    seconds = (cost.preprocess_seconds, cost.vision_seconds, cost.prefill_seconds, cost.decode_seconds)
    assert min(seconds) > 0
    assert answers["text"].frames == ()


def test_info(local: LocalEngine, folder: Path) -> None:
    info = local.info()
    assert (info.engine, info.model, info.family) == ("local", "tiny", "qwen2_5_vl")
    assert info.dtype == ("float32" if info.device == "cpu" else "bfloat16")
    reference = TransformersEngine(folder, name="tiny").info()
    assert info.parameters == reference.parameters > 100_000
    assert info.fingerprint == reference.fingerprint
    assert info.peak_memory_bytes > 1_000_000


# Faults


def test_a_broken_image_costs_its_own_request(
    local: LocalEngine, requests: list[Request], tmp_path: Path
) -> None:
    broken = _ask("broken", Media("image", b"no image"), "?")
    missing = _ask("missing", Media("image", path=tmp_path / "absent.png"), "?")
    expected = _texts(local.run(requests[:4]))
    answers = {r.id: r for r in local.run([*requests[:2], broken, missing, *requests[2:4]])}
    for name in ("broken", "missing"):
        failure = answers[name].failure
        assert failure is not None
        assert failure.kind == "input_error"
        assert answers[name].finish_reason == "error"
    assert {name: answers[name].text for name in expected} == expected


def test_a_prompt_that_is_too_long_names_the_flag(tmp_path: Path) -> None:
    short = LocalEngine(kit.save_engine_checkpoint(tmp_path, max_positions=150), name="short")
    answers = list(
        short.run([_ask("long", _image(0, 600, 600), "?", vision=VisionSettings()), _ask("fine", "Hi")])
    )
    failures = {response.id: response.failure for response in answers}
    assert failures["fine"] is None
    assert failures["long"] is not None
    assert failures["long"].kind == "input_error"
    assert "--max-pixels" in failures["long"].message
    assert "150" in failures["long"].message


class Faulty(LocalEngine):
    """Raises for batches that contain a marked prompt, or that are larger than memory allows."""

    poison: str | None = None
    room = 10**9
    full: Exception = torch.OutOfMemoryError("CUDA out of memory")
    fault: Exception = RuntimeError("a bug\nwith a second line")

    def session(self, inputs: Sequence[ModelInput]) -> Any:
        self.sizes.append(len(inputs))
        if len(inputs) > self.room:
            raise self.full
        if self.poison is not None and any(self.poison in self.chat.decode(i.input_ids) for i in inputs):
            raise self.fault
        return super().session(inputs)

    @property
    def sizes(self) -> list[int]:
        return self.__dict__.setdefault("_sizes", [])


def test_an_unexpected_fault_costs_its_own_request(
    folder: Path, local: LocalEngine, requests: list[Request]
) -> None:
    expected = _texts(local.run(requests))
    faulty = Faulty(folder, name="faulty")
    faulty.poison = "Hello"
    answers = {response.id: response for response in faulty.run(requests)}
    failure = answers["text"].failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("model_error", "RuntimeError: a bug")
    del expected["text"]
    assert {name: answers[name].text for name in expected} == expected


def test_out_of_memory_halves_the_batch_and_goes_on(
    folder: Path, local: LocalEngine, requests: list[Request]
) -> None:
    faulty = Faulty(folder, name="faulty")
    faulty.room = 3
    assert _texts(faulty.run(requests * 2)) == _texts(local.run(requests))
    # Once is enough: later batches are planned smaller.
    assert max(faulty.sizes[len(requests) :]) < max(faulty.sizes[: len(requests)])


@pytest.mark.parametrize(
    "fault",
    [
        torch.OutOfMemoryError("CUDA"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: 9"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_out_of_memory_of_one_request_is_its_failure(
    folder: Path, requests: list[Request], fault: Exception
) -> None:
    faulty = Faulty(folder, name="faulty")
    faulty.room, faulty.full = 0, fault
    kinds = [response.failure.kind for response in faulty.run(requests[:2]) if response.failure]
    assert kinds == ["oom", "oom"]


def test_logits_that_are_not_finite_are_a_model_error(folder: Path, requests: list[Request]) -> None:
    sick = LocalEngine(folder, name="sick")
    with torch.no_grad():
        sick.model.text.norm.weight[0] = float("nan")
    (response,) = sick.run(requests[:1])
    assert response.failure is not None
    assert response.failure.kind == "model_error"
    assert "finite" in response.failure.message
    assert len(response.frames) == 1


def test_contradicting_settings_stop_the_run(local: LocalEngine) -> None:
    vision = VisionSettings(min_pixels=900 * 784, max_pixels=64 * 784)
    with pytest.raises(SettingsError, match="--min-pixels"):
        list(local.run([_ask("x", _image(0), "?", vision=vision)]))


def test_a_template_that_drops_media_stops_the_run(folder: Path, tmp_path: Path) -> None:
    spoilt = kit.save_engine_checkpoint(tmp_path)
    settings = json.loads((spoilt / "tokenizer_config.json").read_text())
    settings["chat_template"] = "{{ messages[0]['role'] }}"
    (spoilt / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(CheckpointError, match="chat template"):
        list(LocalEngine(spoilt, name="spoilt").run([_ask("x", _image(0), "?")]))


# Planning


def test_neighbours_on_one_image_stay_together(folder: Path) -> None:
    images = [_image(seed) for seed in range(3)]
    asked = [_ask(f"{i}-{j}", image, f"{j}?", new=1) for i, image in enumerate(images) for j in range(3)]
    watched = Faulty(folder, name="watched", batch_size=4)
    assert len(list(watched.run(asked))) == 9
    assert watched.sizes == [3, 3, 3]


def test_a_group_larger_than_a_batch_is_cut(folder: Path) -> None:
    image = _image(0)
    watched = Faulty(folder, name="watched", batch_size=4)
    assert len(list(watched.run([_ask(str(i), image, f"{i}?", new=1) for i in range(6)]))) == 6
    assert watched.sizes == [4, 2]


def test_token_budget_limits_a_batch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Faulty(folder, name="watched")
    monkeypatch.setattr(watched, "_token_budget", 300)
    assert len(list(watched.run([_ask(str(i), _image(i), "?", new=1) for i in range(5)]))) == 5
    assert max(watched.sizes) < 5


def test_each_medium_is_prepared_once_for_its_neighbours(
    local: LocalEngine, requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Media] = []

    def counted(media: Media, *rest: Any) -> Any:
        calls.append(media)
        return original(media, *rest)

    original = prepare.prepare_image
    monkeypatch.setattr(prepare, "prepare_image", counted)
    assert len(list(local.run(requests[:9]))) == 9
    assert len(calls) == 3


def test_large_media_are_prepared_only_two_ahead_and_each_once(
    local: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, read = 0, []

    def asked() -> Iterator[Request]:
        nonlocal taken
        for taken in range(1, 25):
            yield _ask(str(taken), _image(taken // 6), "?")

    def counted(media: Media, *rest: Any) -> Any:
        read.append(media)
        return original(media, *rest)

    original = prepare.prepare_image
    monkeypatch.setattr(prepare, "prepare_image", counted)
    monkeypatch.setattr(prepare, "AHEAD_BYTES", 1)
    for done, item in enumerate(local._preparer.ahead(asked(), 16), 1):
        assert isinstance(item, prepare.Prepared)
        assert done == 1 or taken <= max(done + 1, 5)
    assert (taken, len(read)) == (24, 5)


def test_requests_are_taken_only_a_little_ahead(folder: Path) -> None:
    taken: list[int] = []

    def endless() -> Iterator[Request]:
        for i in range(10_000):
            taken.append(i)
            yield _ask(str(i), "Hi", new=1)

    run = LocalEngine(folder, name="tiny", batch_size=2).run(endless())
    assert next(run).id == "0"
    run.close()
    assert len(taken) < 12


# Where and how it runs


def test_auto_is_float32_on_a_cpu_and_bfloat16_on_cuda() -> None:
    assert resolve_dtype("auto", torch.device("cpu")) is torch.float32
    assert resolve_dtype("auto", torch.device("cuda")) is torch.bfloat16
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"dtype": "int8"}, "--dtype int8"),
        ({"device": "abacus"}, "--device abacus"),
        ({"device": "cuda:99"}, "--device cuda:99"),
        ({"batch_size": 0}, "--batch-size"),
    ],
)
def test_impossible_settings_name_their_flag(folder: Path, setting: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        LocalEngine(folder, name="tiny", **setting)


def test_bfloat16_runs_and_hands_on_half_the_pixel_bytes(folder: Path, requests: list[Request]) -> None:
    half = LocalEngine(folder, name="half", dtype="bfloat16")
    (prepared,) = half._preparer.ahead(requests[:1], 1)
    assert isinstance(prepared, prepare.Prepared)
    assert prepared.input.visuals[0].pixels.dtype is torch.bfloat16
    assert all(response.failure is None for response in half.run(requests[:3]))
    assert half.info().fingerprint != LocalEngine(folder, name="full").info().fingerprint


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_in_float32_gives_the_answers_of_the_cpu(folder: Path, requests: list[Request]) -> None:
    cuda = LocalEngine(folder, name="tiny", device="cuda", dtype="float32")
    cpu = LocalEngine(folder, name="tiny", device="cpu", dtype="float32")
    assert _texts(cuda.run(requests)) == _texts(cpu.run(requests))
    assert cuda.info().peak_memory_bytes > 0


def test_peak_memory_is_in_bytes() -> None:
    assert engine_module.peak_memory(torch.device("cpu")) > 50_000_000
