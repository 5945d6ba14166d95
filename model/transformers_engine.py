"""The reference: the same requests, pixels, token ids and positions, answered by transformers' Qwen2.5-VL.

All but the model is `BatchEngine`'s. Position ids are always ours, for the prompt and for every step:
transformers' own differ after videos, and those it remembers between calls (`rope_deltas`) belong to another
batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from vleval.model.engine import BatchEngine
from vleval.model.errors import CheckpointError
from vleval.model.generate import ModelInput, Session, pad_left
from vleval.model.preprocess import two_frames

if TYPE_CHECKING:
    from transformers import Qwen2_5_VLForConditionalGeneration


class TransformersSession:
    """A batch of prompts going through transformers' model (implements `generate.Session`)."""

    def __init__(
        self, model: Qwen2_5_VLForConditionalGeneration, inputs: Sequence[ModelInput], pad_id: int
    ) -> None:
        from transformers import DynamicCache

        self.vision_seconds = 0.0  # the tower runs inside transformers' forward: counted as prefill
        self._model, self._inputs, self._pad_id = model, inputs, pad_id
        self._cache = DynamicCache(config=model.config)
        self._next = torch.tensor([item.positions.next for item in inputs], device=model.device)

    def prefill(self) -> Tensor:
        """Read all prompts; see `generate.Session`."""
        return self.read(last_only=True)[:, -1]

    def read(self, *, last_only: bool) -> Tensor:
        """Read all prompts. Returns logits [B, L, V], or [B, 1, V]."""
        rows = [item.input_ids for item in self._inputs]
        positions = [item.positions.ids for item in self._inputs]
        batch = pad_left(rows, positions, self._pad_id, self._model.device)
        self._real = batch.real
        images, image_grids = self._media("image")
        videos, video_grids = self._media("video")
        return self._forward(
            batch.ids,
            batch.positions,
            logits_to_keep=int(last_only),
            pixel_values=images,
            image_grid_thw=image_grids,
            pixel_values_videos=videos,
            video_grid_thw=video_grids,
        )

    def step(self, tokens: Tensor) -> Tensor:
        """Append one token per row; see `generate.Session`."""
        positions = self._next[None, :, None].expand(3, -1, 1)
        self._next = self._next + 1
        self._real = torch.cat((self._real, self._real.new_ones(len(tokens), 1)), dim=1)
        return self._forward(tokens[:, None], positions)[:, -1]

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these; see `generate.Session`."""
        self._cache.batch_select_indices(torch.tensor(rows, device=self._real.device))
        self._real, self._next = self._real[rows], self._next[rows]

    def _forward(self, ids: Tensor, positions: Tensor, **extra: Any) -> Tensor:
        logits: Tensor = self._model(
            input_ids=ids,
            attention_mask=self._real.long(),
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            **extra,
        ).logits
        return logits

    def _media(self, kind: Literal["image", "video"]) -> tuple[Tensor | None, Tensor | None]:
        media = [visual for item in self._inputs for visual in item.visuals if visual.kind == kind]
        if not media:
            return None, None
        wide = [visual.pixels if kind == "video" else two_frames(visual.pixels) for visual in media]
        grids = torch.tensor([visual.grid_thw for visual in media], device=self._model.device)
        return torch.cat(wide).to(self._model.device), grids


class TransformersEngine(BatchEngine):
    """transformers' implementation on one device."""

    kind = "transformers"

    @cached_property
    def model(self) -> Qwen2_5_VLForConditionalGeneration:
        """The weights."""
        return load_reference(self.folder, self.dtype, self.device)

    def load(self) -> None:
        """See `BatchEngine`."""
        _ = self.model

    def session(self, inputs: Sequence[ModelInput]) -> Session:
        """See `BatchEngine`."""
        return TransformersSession(self.model, inputs, self.chat.pad_id)


def load_reference(
    folder: Path, dtype: torch.dtype, device: torch.device
) -> Qwen2_5_VLForConditionalGeneration:
    """transformers' model of a checkpoint folder, safetensors only, without the network. Raises
    CheckpointError."""
    from transformers import Qwen2_5_VLForConditionalGeneration
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: Any = Qwen2_5_VLForConditionalGeneration.from_pretrained(
            folder, dtype=dtype, local_files_only=True, use_safetensors=True, attn_implementation="sdpa"
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"transformers cannot load {folder} ({str(error).splitlines()[0]}).") from None
    loaded: Qwen2_5_VLForConditionalGeneration = model.to(device).eval()
    return loaded
