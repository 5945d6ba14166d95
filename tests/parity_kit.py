"""A tiny random Qwen2.5-VL twice, ours and transformers', on the same weights, and inputs to feed both."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import helpers
from vleval.grounding.frame import Frame
from vleval.model.checkpoint import load_checkpoint
from vleval.model.config import ModelConfig
from vleval.model.generate import ModelInput, generate
from vleval.model.io import GenerationSettings
from vleval.model.preprocess import VisualInput
from vleval.model.qwen import Qwen25VL
from vleval.model.session import LocalSession
from vleval.model.training.vocabulary import build_tokenizer, save_tokenizer
from vleval.model.transformers_engine import TransformersSession, load_reference

_CONFIG = helpers.tiny_config()
IMAGE, VIDEO = _CONFIG["image_token_id"], _CONFIG["video_token_id"]
START, END = _CONFIG["vision_start_token_id"], _CONFIG["vision_end_token_id"]
EOS, PAD = 2, 1
PIECES = {"image": IMAGE, "video": VIDEO}


@dataclass(frozen=True)
class Pair:
    ours: Qwen25VL
    reference: Any


def config(*, tied: bool = False, kv_heads: int = 2) -> dict[str, Any]:
    """Real patch and window sizes, full-attention blocks inside the depth, grouped queries."""
    tiny = helpers.tiny_config(tied=tied)
    tiny["text_config"]["num_key_value_heads"] = kv_heads
    return tiny


@cache
def pair(*, tied: bool = False, kv_heads: int = 2, seed: int = 0) -> Pair:
    """Both implementations in float32, loaded from one folder that transformers saved."""
    with tempfile.TemporaryDirectory() as folder:
        helpers.tiny_hf_model(seed, config(tied=tied, kv_heads=kv_heads)).save_pretrained(folder)
        ours = load_checkpoint(Path(folder), dtype=torch.float32, device="cpu")
        reference = load_reference(Path(folder), torch.float32, torch.device("cpu"))
    return Pair(ours, reference)


def visual(kind: str, grid: tuple[int, int, int], seed: int, *, second_per_grid: float = 1.0) -> VisualInput:
    """Random pixels of a given grid, as the preprocessor would hand them on."""
    patches = grid[0] * grid[1] * grid[2]
    width = 588 if kind == "image" else 1176
    pixels = torch.randn(patches, width, generator=torch.Generator().manual_seed(seed))
    size = (grid[2] * 14, grid[1] * 14)
    frame = Frame(size, size, grid, "torch", second_per_grid=second_per_grid if kind == "video" else None)
    return VisualInput("image" if kind == "image" else "video", pixels, grid, frame)


def prompt(
    visuals: Sequence[VisualInput],
    *,
    seed: int = 0,
    words: int = 6,
    new: int = 64,
    penalty: float = 1.0,
    rule: Any = "original",
) -> ModelInput:
    """Random words, every visual between its marks, random words."""
    generator = torch.Generator().manual_seed(1000 + seed)
    ids = _words(generator, 4)
    for item in visuals:
        ids += [START, *[PIECES[item.kind]] * item.frame.visual_tokens, END]
    ids += _words(generator, words)
    return ModelInput.of(
        ModelConfig.from_dict(_CONFIG),
        ids,
        visuals,
        rule=rule,
        settings=GenerationSettings(max_new_tokens=new, repetition_penalty=penalty),
    )


def _words(generator: torch.Generator, count: int) -> list[int]:
    return torch.randint(3, 280, (count,), generator=generator).tolist()


@torch.inference_mode()
def our_logits(model: Qwen25VL, item: ModelInput) -> Tensor:
    """[L, V] for one prompt."""
    return LocalSession(model, [item], PAD).read(last_only=False)[0]


@torch.inference_mode()
def reference_logits(reference: Any, item: ModelInput) -> Tensor:
    """[L, V] for one prompt."""
    return TransformersSession(reference, [item], PAD).read(last_only=False)[0]


def logit_error(pair: Pair, item: ModelInput) -> float:
    """Largest difference of any logit, in units of max(1, largest logit): 1e-5 is the bar."""
    ours, theirs = our_logits(pair.ours, item), reference_logits(pair.reference, item)
    return float((ours - theirs).abs().max() / max(1.0, float(theirs.abs().max())))


def save_engine_checkpoint(folder: Path, *, seed: int = 0, max_positions: int = 4096) -> Path:
    """A whole checkpoint folder, with a byte tokenizer, that needs nothing from outside."""
    tokenizer = build_tokenizer((), (), 10)
    eos, start = (tokenizer.token_to_id(token) for token in ("<|im_end|>", "<|vision_start|>"))
    tiny = helpers.tiny_config(vocabulary=tokenizer.get_vocab_size(), first_special=start)
    tiny["text_config"] |= {"eos_token_id": eos, "max_position_embeddings": max_positions}
    helpers.save_tiny_checkpoint(folder, seed=seed, config=tiny)
    save_tokenizer(tokenizer, folder)
    return folder


def decisive_prompt(model: Qwen25VL, visuals: Sequence[VisualInput], *, new: int = 64) -> ModelInput:
    """The first random prompt whose greedy answer tells something: many different tokens, no near tie."""
    for seed in range(30):
        item = prompt(visuals, seed=seed, new=new)
        watched = _Margins(LocalSession(model, [item], PAD))
        tokens = generate(watched, [item], eos_ids=())[0].tokens
        if len(set(tokens)) >= 16 and min(watched.margins) >= 1e-3:
            return item
    raise AssertionError("no seed of 30 gives 16 different tokens with margins of 1e-3")


class _Margins:
    """A session that notes how far the best token was ahead of the second."""

    def __init__(self, session: LocalSession) -> None:
        self.session, self.margins, self.vision_seconds = session, list[float](), 0.0

    def prefill(self) -> Tensor:
        return self._note(self.session.prefill())

    def step(self, tokens: Tensor) -> Tensor:
        return self._note(self.session.step(tokens))

    def keep(self, rows: Sequence[int]) -> None:
        self.session.keep(rows)

    def _note(self, logits: Tensor) -> Tensor:
        best = logits.topk(2).values
        self.margins.append(float((best[:, 0] - best[:, 1]).min()))
        return logits
