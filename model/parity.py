"""Is our model the same function as transformers' on this checkpoint? The self-test behind `vleval doctor`.

Both models read one synthetic image and a question in float32 on the CPU, one after the other, so that only
one of them is in memory. Compared are all logits of the prompt and the greedy answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from vleval.model.checkpoint import load_checkpoint
from vleval.model.config import ModelConfig
from vleval.model.generate import ModelInput, Session, generate
from vleval.model.io import GenerationSettings, Media, Message, VisionSettings
from vleval.model.preprocess import prepare_array
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.model.prompt import ChatPrompt
from vleval.model.session import LocalSession
from vleval.model.transformers_engine import TransformersSession, load_reference

TOLERANCE = 1e-5
"""Largest allowed difference of two logits, in units of max(1, largest logit)."""

# Not a multiple of a window in either direction: 12 x 17 merged tokens at most, with partial windows at two
# edges.
_HEIGHT, _WIDTH = 336, 476
_QUESTION = "Describe what you see."


@dataclass(frozen=True, slots=True)
class ParityReport:
    """Ours against transformers on one checkpoint."""

    max_logit_error: float
    """Largest absolute difference of any logit of the prompt."""
    largest_logit: float
    """Largest absolute logit of transformers' model."""
    tokens_equal: int
    """Greedy tokens that agree, counted up to the first that does not."""
    tokens: int
    """Greedy tokens compared."""

    @property
    def passed(self) -> bool:
        """Every logit within tolerance and every token equal."""
        within = self.max_logit_error <= TOLERANCE * max(1.0, self.largest_logit)
        return within and self.tokens_equal == self.tokens


def parity_report(folder: Path, *, tokens: int = 16) -> ParityReport:
    """Compare both implementations on a checkpoint folder. Raises CheckpointError when either cannot load it.

    Memory: the float32 weights once. Time: seconds for a small model, minutes for 7B.
    """
    config, chat = ModelConfig.from_folder(folder), ChatPrompt.from_folder(folder)
    item = _question(config, chat, PreprocessSpec.from_folder(folder), tokens)
    # One after the other: each model is gone when its function returns.
    ours = _observe_ours(folder, item, chat.pad_id)
    theirs = _observe_reference(folder, item, chat.pad_id)
    return compare(ours, theirs)


class Observed(NamedTuple):
    """What one implementation makes of a prompt."""

    logits: Tensor
    """[L, V]."""
    tokens: tuple[int, ...]
    """Greedy, not stopped by an end token."""


class Readable(Session, Protocol):
    """A session that also gives the logits of the whole prompt."""

    def read(self, *, last_only: bool) -> Tensor:
        """[B, L, V], or [B, 1, V]."""
        ...


@torch.inference_mode()
def observe(session: Callable[[], Readable], item: ModelInput) -> Observed:
    """Logits and greedy tokens of one prompt; `session` opens a fresh session on it."""
    logits = session().read(last_only=False)[0]
    return Observed(logits, generate(session(), [item], eos_ids=())[0].tokens)


def _observe_ours(folder: Path, item: ModelInput, pad_id: int) -> Observed:
    model = load_checkpoint(folder, dtype=torch.float32, device="cpu")
    return observe(lambda: LocalSession(model, [item], pad_id), item)


def _observe_reference(folder: Path, item: ModelInput, pad_id: int) -> Observed:
    model = load_reference(folder, torch.float32, torch.device("cpu"))
    return observe(lambda: TransformersSession(model, [item], pad_id), item)


def compare(ours: Observed, theirs: Observed) -> ParityReport:
    """Set two observations side by side."""
    equal = 0
    for one, other in zip(ours.tokens, theirs.tokens, strict=False):
        if one != other:
            break
        equal += 1
    return ParityReport(
        max_logit_error=float((ours.logits - theirs.logits).abs().max()),
        largest_logit=float(theirs.logits.abs().max()),
        tokens_equal=equal,
        tokens=max(len(ours.tokens), len(theirs.tokens)),
    )


def _question(config: ModelConfig, chat: ChatPrompt, spec: PreprocessSpec, tokens: int) -> ModelInput:
    rows, columns, channels = np.ogrid[:_HEIGHT, :_WIDTH, :3]
    waves = np.sin(rows / (17 + 5 * channels)) + np.cos(columns / (23 - 6 * channels))
    image = ((waves + 2) * 63.75).astype(np.uint8)
    visual = prepare_array(image, VisionSettings(), spec)
    messages = [Message("user", (Media("image", data=b""), _QUESTION))]
    ids = chat.encode(messages, [visual.grid_thw]).input_ids
    return ModelInput.of(config, ids, [visual], settings=GenerationSettings(max_new_tokens=tokens))
