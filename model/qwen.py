"""The full Qwen2.5-VL: vision tower and decoder joined, tied or untied head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vleval.model.config import ModelConfig
from vleval.model.text import Decoder, KVCache
from vleval.model.vision import VisionTower
from vleval.model.windows import GridTHW


class Qwen25VL(nn.Module):
    """Pixels and token ids in, logits out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.visual = VisionTower(config.vision)
        self.text = Decoder(config.text)
        tied = config.text.tie_word_embeddings
        self.lm_head = (
            None if tied else nn.Linear(config.text.hidden_size, config.text.vocab_size, bias=False)
        )

    def encode(self, pixels: Sequence[Tensor], grids: Sequence[GridTHW]) -> Tensor:
        """Visual tokens [n, C] of images and videos, one tensor per medium (see `VisionTower.forward`)."""
        out: Tensor = self.visual(pixels, grids)
        return out

    def embed(self, input_ids: Tensor, features: Tensor | None = None) -> Tensor:
        """Token embeddings with visual tokens in the places of their placeholders.

        Args:
            input_ids: [B, L].
            features: [n, C] visual tokens in the order in which their placeholders stand, row after row.

        Returns:
            [B, L, C].

        Raises:
            ValueError: the number of placeholders differs from n.
        """
        embeds: Tensor = self.text.embed_tokens(input_ids)
        is_visual = (input_ids == self.config.image_token_id) | (input_ids == self.config.video_token_id)
        places, tokens = int(is_visual.sum()), 0 if features is None else len(features)
        if places != tokens:
            raise ValueError(
                f"the prompt has {places} visual placeholders, the vision tower made {tokens} tokens"
            )
        if features is None:
            return embeds
        return embeds.masked_scatter(is_visual[..., None], features.to(embeds.dtype))

    def forward(
        self,
        embeds: Tensor,
        position_ids: Tensor,
        *,
        mask: Tensor | None,
        cache: KVCache | None = None,
        last_only: bool = False,
    ) -> Tensor:
        """Logits [B, L, vocabulary], or [B, 1, vocabulary] of the last position (see `Decoder.forward`)."""
        hidden = self.text(embeds, position_ids, mask=mask, cache=cache)
        return self.head(hidden[:, -1:] if last_only else hidden)

    def head(self, hidden: Tensor) -> Tensor:
        """[..., C] -> [..., vocabulary]."""
        weight = self.text.embed_tokens.weight if self.lm_head is None else self.lm_head.weight
        return F.linear(hidden, weight)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.text.embed_tokens.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """What the weights are."""
        return self.text.embed_tokens.weight.dtype
