"""Time and peak memory of loading a 3B-shaped checkpoint with ours and with transformers, then of one answer.

Writes random bfloat16 weights in several shards to a temporary folder (7.5 GB), and loads them in a process
per implementation. The files are read once before each, so that both find them in the page cache.

python benchmarks/load_full_size.py [--size tiny|3B] [--folder EMPTY_FOLDER]
"""

from __future__ import annotations

import io
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import typer

SHARD_BYTES = 2e9
IMAGE_SIDE = 448  # pixels: 256 visual tokens
NEW_TOKENS = 8


class Size(StrEnum):
    """Which shape; tiny shows that the benchmark runs, its figures mean little."""

    TINY = "tiny"
    FULL = "3B"


class Measured(NamedTuple):
    """One implementation. Memory is resident bytes of its process."""

    load_seconds: float
    load_peak: int
    """Most bytes while loading, above what the process held before."""
    answer_seconds: float
    answer_peak: int
    """Most bytes until the answer stood, above what the process held before loading."""
    tokens: int


def main(size: Size = Size.FULL, folder: Path | None = None) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        checkpoint = Path(name)
        began = time.perf_counter()
        weights = in_own_process(write_checkpoint, checkpoint, size)
        shards = len(list(checkpoint.glob("*.safetensors")))
        seconds = time.perf_counter() - began
        print(f"{size}: {weights / 1e9:.3f} GB of weights in {shards} files, written in {seconds:.1f} s")
        print(f"{'':14}{'load s':>8}{'GB/s':>7}{'peak GB':>9}{'x weights':>11}{'answer s':>10}{'peak GB':>9}")
        for kind in ("local", "transformers"):
            read_all(checkpoint)
            m = in_own_process(measure, checkpoint, kind)
            row = f"{m.load_seconds:8.2f}{weights / 1e9 / m.load_seconds:7.2f}{m.load_peak / 1e9:9.3f}"
            row += f"{m.load_peak / weights:11.3f}{m.answer_seconds:10.2f}{m.answer_peak / 1e9:9.3f}"
            print(f"{kind:14}{row}   ({m.tokens} tokens)")


def write_checkpoint(folder: Path, size: Size) -> int:
    """Write config, tokenizer and random weights; returns the bytes of the weights."""
    import torch

    from vleval.model.checkpoint import save_checkpoint
    from vleval.model.config import PUBLISHED, ModelConfig, TextConfig, VisionConfig
    from vleval.model.qwen import Qwen25VL
    from vleval.model.training.vocabulary import build_tokenizer, save_tokenizer

    tokenizer = build_tokenizer([], [], 10)
    save_tokenizer(tokenizer, folder)
    tiny = ModelConfig(
        vision=VisionConfig(4, 64, 96, 4, 512, fullatt_block_indexes=(1, 3)),
        text=TextConfig(151936, 512, 2048, 4, 8, 2, mrope_section=(8, 12, 12), tie_word_embeddings=True),
    )
    ids: dict[str, Any] = {
        f"{name}_token_id": tokenizer.token_to_id(f"<|{token}|>")
        for name, token in {
            "image": "image_pad",
            "video": "video_pad",
            "vision_start": "vision_start",
            "vision_end": "vision_end",
            "eos": "im_end",
            "bos": "endoftext",
        }.items()
    }
    config = replace(PUBLISHED["3B"] if size is Size.FULL else tiny, **ids)
    with torch.device("meta"):
        model = Qwen25VL(config).bfloat16()
    model = model.to_empty(device="cpu")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.02)
    save_checkpoint(model, folder, max_shard_bytes=SHARD_BYTES if size is Size.FULL else 5e7)
    return sum(p.numel() * p.element_size() for p in model.parameters())


def measure(folder: Path, kind: str) -> Measured:
    """Load and answer one question about one image."""
    from PIL import Image
    from transformers import Qwen2_5_VLForConditionalGeneration  # noqa: F401  (imported before the clock starts)

    from vleval.model.engine import LocalEngine
    from vleval.model.io import GenerationSettings, Media, Message, Request
    from vleval.model.prompt import ChatPrompt
    from vleval.model.transformers_engine import TransformersEngine

    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((IMAGE_SIDE, IMAGE_SIDE)).convert("RGB").save(buffer, "PNG")
    content = (Media("image", data=buffer.getvalue()), "What is it?")
    request = Request("0", (Message("user", content),), generation=GenerationSettings(NEW_TOKENS))
    ChatPrompt.from_folder(folder)  # what both need and neither is measured by
    before = peak_bytes()
    began = time.perf_counter()
    engine_class = LocalEngine if kind == "local" else TransformersEngine
    engine = engine_class(folder, name="benchmark", dtype="bfloat16", device="cpu")
    loaded, load_peak = time.perf_counter(), peak_bytes() - before
    response = next(iter(engine.run([request])))
    if response.failure is not None:
        raise RuntimeError(response.failure.message)
    seconds = time.perf_counter() - loaded
    tokens = response.usage.completion_tokens
    return Measured(loaded - began, load_peak, seconds, peak_bytes() - before, tokens)


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def read_all(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass


Result = TypeVar("Result")


def in_own_process(function: Callable[..., Result], *arguments: object) -> Result:
    """The peak of a process never falls, and a new process inherits it: this one must stay small."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


if __name__ == "__main__":
    typer.run(main)
