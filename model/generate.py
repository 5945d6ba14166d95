"""Greedy decoding of a batch, for any model behind a `Session`: tokens, repetition penalty, stopping.

Our model (`session.py`) and transformers' (`transformers_engine.py`) both run through this one loop, so that
their answers can differ by their logits alone.

Legend: B live rows, V vocabulary, L prompt tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vleval.model.config import ModelConfig
from vleval.model.io import GenerationSettings
from vleval.model.positions import PositionRule, Positions, mrope_positions
from vleval.model.preprocess import VisualInput


@dataclass(frozen=True, slots=True, eq=False)
class ModelInput:
    """One request as the model reads it."""

    input_ids: Sequence[int]
    """[L], visual placeholders expanded."""
    positions: Positions
    visuals: tuple[VisualInput, ...] = ()
    """In reading order. Rows that hold the very same object share its encoding."""
    settings: GenerationSettings = GenerationSettings()

    @classmethod
    def of(
        cls,
        config: ModelConfig,
        input_ids: Sequence[int],
        visuals: Sequence[VisualInput] = (),
        *,
        rule: PositionRule = "original",
        settings: GenerationSettings = GenerationSettings(),  # noqa: B008 - frozen
    ) -> ModelInput:
        """With the position ids that follow from the visuals. Raises ValueError where the two disagree."""
        videos = [visual for visual in visuals if visual.kind == "video"]
        positions = mrope_positions(
            input_ids,
            [visual.grid_thw for visual in visuals if visual.kind == "image"],
            [visual.grid_thw for visual in videos],
            [visual.frame.second_per_grid or 0.0 for visual in videos],
            image_token_id=config.image_token_id,
            video_token_id=config.video_token_id,
            tokens_per_second=config.vision.tokens_per_second,
            rule=rule,
            merge=config.vision.spatial_merge_size,
        )
        return cls(input_ids, positions, tuple(visuals), settings)


@dataclass(frozen=True, slots=True)
class Generation:
    """One answer. Seconds are the row's even share of its batch."""

    tokens: tuple[int, ...]
    """Without the stop token."""
    finish_reason: Literal["stop", "length", "error"]
    """`error`: the logits were not finite, the tokens before that stand."""
    prompt_tokens: int
    vision_seconds: float
    prefill_seconds: float
    decode_seconds: float
    logprobs: tuple[float, ...] | None = None
    """Of each token, where the settings ask for them (`io.TokenLogprobs.values`)."""


class Session(Protocol):
    """A model in the middle of one batch."""

    vision_seconds: float
    """Spent encoding images and videos; known after `prefill`."""

    def prefill(self) -> Tensor:
        """Read all prompts. Returns the logits of each row's first new token, [B, V]."""
        ...

    def step(self, tokens: Tensor) -> Tensor:
        """Append one token [B] to every live row. Returns the logits of the next, [B, V]."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all live rows but these."""
        ...


@torch.inference_mode()
def generate(session: Session, inputs: Sequence[ModelInput], eos_ids: Sequence[int]) -> list[Generation]:
    """Answer all prompts of a batch, each with its own limit, penalty and stop.

    Finished rows stay until they are at least half of the batch, then they are dropped: in this way all
    copies of the key/value cache together cost less than one, and a step never works for twice the rows that
    need it.
    """
    start = perf_counter()
    logits = session.prefill()
    penalty = _RepetitionPenalty.of(inputs, logits)
    answers = [_Answer(item, eos_ids) for item in inputs]
    wanted = any(item.settings.logprobs for item in inputs)
    live = list(range(len(inputs)))
    prefilled: float | None = None
    while True:
        scores = logits if penalty is None else penalty.apply(logits)
        tokens = scores.argmax(dim=-1)
        # One transfer for the tokens and the check.
        chosen, finite = torch.stack((tokens, torch.isfinite(logits).all(dim=-1))).tolist()
        shares = _logprobs(scores, tokens).tolist() if wanted else [0.0] * len(live)
        prefilled = prefilled or perf_counter()
        for row, index in enumerate(live):
            if answers[index].reason is None:
                answers[index].accept(chosen[row], bool(finite[row]), shares[row])
        unfinished = [row for row, index in enumerate(live) if answers[index].reason is None]
        if not unfinished:
            break
        if 2 * len(unfinished) <= len(live):
            live = [live[row] for row in unfinished]
            tokens = tokens[unfinished]
            session.keep(unfinished)
            if penalty is not None:
                penalty.keep(unfinished)
        if penalty is not None:
            penalty.add(tokens)
        logits = session.step(tokens)
    share = 1 / len(inputs)
    return [
        Generation(
            tokens=tuple(answer.tokens),
            finish_reason=answer.reason or "length",
            prompt_tokens=len(item.input_ids),
            vision_seconds=session.vision_seconds * share,
            prefill_seconds=(prefilled - start - session.vision_seconds) * share,
            decode_seconds=(perf_counter() - prefilled) * share,
            logprobs=tuple(answer.logprobs) if item.settings.logprobs else None,
        )
        for item, answer in zip(inputs, answers, strict=True)
    ]


class _Answer:
    """What one row has said so far."""

    def __init__(self, item: ModelInput, eos_ids: Sequence[int]) -> None:
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        self.reason: Literal["stop", "length", "error"] | None = None
        """Why it ended; None while it goes on."""
        self._limit, self._eos_ids = item.settings.max_new_tokens, eos_ids

    def accept(self, token: int, finite: bool, logprob: float) -> None:
        """Append a token, or end before it."""
        if not finite:
            self.reason = "error"
        elif token in self._eos_ids:
            self.reason = "stop"
        else:
            self.tokens.append(token)
            self.logprobs.append(logprob)
            self.reason = "length" if len(self.tokens) >= self._limit else None


def _logprobs(scores: Tensor, tokens: Tensor) -> Tensor:
    """Log-probability [B] of one token [B] per row, from its scores [B, V]: in float32, whatever they are."""
    wide = scores.float()
    return wide.gather(-1, tokens[:, None])[:, 0] - wide.logsumexp(dim=-1)


class _RepetitionPenalty:
    """Scores of tokens already in prompt or answer: divided by the penalty if positive, else multiplied.

    As transformers applies it: once per token however often it occurred, to all ids of the prompt (visual
    placeholders too) and also under greedy choice. Padding does not count, so that an answer is the same in
    any batch.
    Source: Keskar et al. 2019, CTRL, section 4.1.
    """

    def __init__(self, factors: Tensor, seen: Tensor) -> None:
        self.factors = factors  # [B, 1]
        self.seen = seen  # [B, V] bool

    @classmethod
    def of(cls, inputs: Sequence[ModelInput], logits: Tensor) -> _RepetitionPenalty | None:
        """None when no row asks for one."""
        factors = [item.settings.repetition_penalty for item in inputs]
        if all(factor == 1.0 for factor in factors):
            return None
        seen = torch.zeros_like(logits, dtype=torch.bool)
        for row, item in enumerate(inputs):
            seen[row, torch.tensor(item.input_ids, device=logits.device)] = True
        return cls(torch.tensor(factors, device=logits.device)[:, None], seen)

    def apply(self, logits: Tensor) -> Tensor:
        """[B, V] -> [B, V] float32."""
        scores = logits.float()
        lowered = torch.where(scores < 0, scores * self.factors, scores / self.factors)
        return torch.where(self.seen, lowered, scores)

    def add(self, tokens: Tensor) -> None:
        """Mark one token [B] per row."""
        self.seen[torch.arange(len(tokens), device=tokens.device), tokens] = True

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these."""
        self.factors, self.seen = self.factors[rows], self.seen[rows]


class PaddedBatch(NamedTuple):
    """Prompts of different lengths side by side, each ending in the last column."""

    ids: Tensor
    """[B, L]."""
    positions: Tensor
    """[3, B, L]; 0 on padding."""
    real: Tensor
    """[B, L] bool, False on padding."""


def pad_left(
    ids: Sequence[Sequence[int]], positions: Sequence[NDArray[np.int64]], pad_id: int, device: torch.device
) -> PaddedBatch:
    """Lay rows of token ids, and their [3, L] positions, into one batch."""
    longest = max(len(row) for row in ids)
    out = np.full((len(ids), longest), pad_id, dtype=np.int64)
    where = np.zeros((3, len(ids), longest), dtype=np.int64)
    real = np.zeros((len(ids), longest), dtype=bool)
    for row, (tokens, places) in enumerate(zip(ids, positions, strict=True)):
        start = longest - len(tokens)
        out[row, start:], where[:, row, start:], real[row, start:] = tokens, places, True
    return PaddedBatch(*(torch.from_numpy(array).to(device) for array in (out, where, real)))
