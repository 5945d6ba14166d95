"""How fast is our model beside transformers' on the same random weights? Ratios of one run.

    python benchmarks/against_transformers.py [--repeats 5] [--device cuda --dtype bfloat16]

Ways of answering are timed in turn, repeat after repeat, so that a busy machine slows all of them alike;
medians are compared. On the CPU one thread runs and its CPU time counts. transformers encodes the image once
per question; ours does so too one by one, but once per batch. In float32 all ways must give the same tokens.
Prints a table, and one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from vleval.grounding.frame import Frame
from vleval.model.checkpoint import save_checkpoint
from vleval.model.config import ModelConfig, TextConfig, VisionConfig
from vleval.model.generate import ModelInput, Session, generate
from vleval.model.io import GenerationSettings
from vleval.model.preprocess import VisualInput, two_frames
from vleval.model.qwen import Qwen25VL
from vleval.model.session import LocalSession
from vleval.model.transformers_engine import TransformersSession, load_reference

CONFIG = ModelConfig(
    vision=VisionConfig(
        depth=6,
        hidden_size=256,
        intermediate_size=688,
        num_heads=8,
        out_hidden_size=384,
        fullatt_block_indexes=(2, 5),
    ),
    text=TextConfig(4096, 384, 1152, 6, 6, 2, mrope_section=(8, 12, 12)),
    image_token_id=4090,
    video_token_id=4091,
    vision_start_token_id=4092,
    vision_end_token_id=4093,
    bos_token_id=None,
    eos_token_id=None,
)
PAD = 4095
GRID = (1, 24, 40)  # 560 x 336 pixels
VISUAL_TOKENS = 240
QUESTIONS, QUESTION_TOKENS, NEW_TOKENS = 7, (20, 60), 16


def random_model(seed: int = 0) -> Qwen25VL:
    """Weights that keep activations near unit size, norms and biases included."""
    model = Qwen25VL(CONFIG).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise * parameter.shape[-1] ** -0.5 if parameter.ndim > 1 else 1 + 0.1 * noise)
    return model


def questions() -> list[ModelInput]:
    """Several questions of different length about one image."""
    generator = torch.Generator().manual_seed(1)
    size = (GRID[2] * 14, GRID[1] * 14)
    pixels = torch.randn(GRID[1] * GRID[2], 588, generator=generator)
    image = VisualInput("image", pixels, GRID, Frame(size, size, GRID, "torch"))
    head = [
        5,
        6,
        7,
        CONFIG.vision_start_token_id,
        *[CONFIG.image_token_id] * VISUAL_TOKENS,
        CONFIG.vision_end_token_id,
    ]
    shortest, longest = QUESTION_TOKENS
    lengths = torch.linspace(shortest, longest, QUESTIONS).int().tolist()
    tails = [torch.randint(3, 4000, (length,), generator=generator).tolist() for length in lengths]
    settings = GenerationSettings(max_new_tokens=NEW_TOKENS)
    return [ModelInput.of(CONFIG, head + tail, [image], settings=settings) for tail in tails]


Answers = list[tuple[int, ...]]


def in_one_batch(session: Callable[[list[ModelInput]], Session], items: list[ModelInput]) -> Answers:
    """All questions together."""
    return [answer.tokens for answer in generate(session(items), items, eos_ids=())]


def one_by_one(session: Callable[[list[ModelInput]], Session], items: list[ModelInput]) -> Answers:
    """Every question alone, its image encoded again."""
    return [tokens for item in items for tokens in in_one_batch(session, [item])]


def measure(ways: dict[str, Callable[[], Any]], repeats: int, device: str) -> dict[str, float]:
    """Median seconds of each way; they take turns, and each has run before."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start = _now(device)
            way()
            seconds[name].append(_now(device) - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def _now(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def load(dtype: torch.dtype, device: str) -> tuple[Qwen25VL, Any]:
    """The same weights in both implementations."""
    model = random_model()
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(model, Path(folder))
        reference = load_reference(Path(folder), dtype, torch.device(device))
    return model.to(device, dtype), reference


@torch.inference_mode()
def run(repeats: int, device: str, dtype: torch.dtype) -> dict[str, dict[str, float]]:
    """Median seconds of every way, by part."""
    model, reference = load(dtype, device)
    items = questions()
    still = items[0].visuals[0].pixels.to(device, dtype)
    wide, grid = two_frames(still), torch.tensor([GRID], device=device)
    tower: dict[str, Callable[[], Any]] = {
        "transformers": lambda: reference.model.visual(wide, grid_thw=grid),
        "ours": lambda: model.encode([still], [GRID]),
    }
    theirs = partial(TransformersSession, reference, pad_id=PAD)
    ours = partial(LocalSession, model, pad_id=PAD)
    apart = partial(LocalSession, model, pad_id=PAD, share_prefixes=False)
    answers: dict[str, Callable[[], Answers]] = {
        "transformers, one by one": lambda: one_by_one(theirs, items),
        "transformers, one batch": lambda: in_one_batch(theirs, items),
        "ours, one by one": lambda: one_by_one(ours, items),
        "ours, one batch, prefixes apart": lambda: in_one_batch(apart, items),
        "ours, one batch": lambda: in_one_batch(ours, items),
    }
    given = {name: way() for name, way in answers.items()}
    for name, tokens in given.items():
        if dtype == torch.float32 and tokens != given["transformers, one by one"]:
            raise SystemExit(f"{name} gives other tokens than transformers")
    return {
        "vision tower, one image": measure(tower, 3 * repeats, device),
        f"{QUESTIONS} questions on one image, {NEW_TOKENS} tokens each": measure(answers, repeats, device),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    parts = run(options.repeats, options.device, getattr(torch, options.dtype))
    for part, seconds in parts.items():
        print(part)
        baseline = next(iter(seconds.values()))
        for name, median in seconds.items():
            print(f"  {name:34}{1000 * median:10.1f} ms{baseline / median:8.2f} x")
    print(json.dumps({"device": options.device, "dtype": options.dtype, "median_seconds": parts}))


if __name__ == "__main__":
    main()
