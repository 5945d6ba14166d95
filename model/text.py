"""The Qwen2.5 decoder: grouped-query attention with qkv bias, MRoPE, SwiGLU, a static key/value cache.

Legend: B batch, L new tokens, S cached + new tokens, C hidden size, A heads, D head size. Sizes:
`config.TextConfig`.
Source: Qwen2.5-VL technical report, sections 2.1 and 2.1.3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vleval.model.attention import masked_attention
from vleval.model.config import TextConfig
from vleval.model.layers import RMSNorm, SwiGLU, rotate


class KVCache:
    """Keys and values of a batch in tensors of fixed size: nothing is copied when a token is added.

    Args:
        config: sizes of the decoder.
        batch: rows.
        capacity: tokens of the longest prompt plus its answer.
    """

    def __init__(
        self, config: TextConfig, batch: int, capacity: int, *, dtype: torch.dtype, device: torch.device | str
    ) -> None:
        shape = (config.num_hidden_layers, batch, config.num_key_value_heads, capacity, config.head_dim)
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)
        self.length = 0  # tokens held, the same for every row (shorter prompts are padded on the left)

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Write [B, A_kv, L, D] behind what is held; returns everything up to there, [B, A_kv, S, D]."""
        stop = self.length + k.shape[2]
        self.keys[layer, :, :, self.length : stop] = k
        self.values[layer, :, :, self.length : stop] = v
        return self.keys[layer, :, :, :stop], self.values[layer, :, :, :stop]


class TextAttention(nn.Module):
    """Grouped-query attention; q, k and v are one matrix (rows in that order)."""

    def __init__(self, config: TextConfig, index: int) -> None:
        super().__init__()
        self.index = index
        self.heads, self.kv_heads, self.size = (
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
        )
        self.qkv = nn.Linear(config.hidden_size, (self.heads + 2 * self.kv_heads) * self.size)
        self.o_proj = nn.Linear(self.heads * self.size, config.hidden_size, bias=False)

    def project(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, L, C] -> rotated q [B, A, L, D], rotated k and plain v [B, A_kv, L, D]."""
        parts = self.qkv(x).unflatten(-1, (-1, self.size)).transpose(1, 2)
        q, k, v = parts.split((self.heads, self.kv_heads, self.kv_heads), dim=1)
        return rotate(q, cos, sin), rotate(k, cos, sin), v

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None, cache: KVCache | None
    ) -> Tensor:
        """[B, L, C] -> [B, L, C]."""
        q, k, v = self.project(x, cos, sin)
        if cache is not None:
            k, v = cache.extend(self.index, k, v)
        out: Tensor = self.o_proj(masked_attention(q, k, v, mask).transpose(1, 2).flatten(2))
        return out


class TextLayer(nn.Module):
    """Pre-norm attention and SwiGLU (without biases)."""

    def __init__(self, config: TextConfig, index: int) -> None:
        super().__init__()
        self.input_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.attn = TextAttention(config, index)
        self.post_attention_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = SwiGLU(config.hidden_size, config.intermediate_size, bias=False)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None, cache: KVCache | None
    ) -> Tensor:
        """[B, L, C] -> [B, L, C]."""
        x = x + self.attn(self.input_norm(x), cos, sin, mask, cache)
        out: Tensor = x + self.mlp(self.post_attention_norm(x))
        return out


class Decoder(nn.Module):
    """Embeddings, layers and the final norm; the head, which may be tied, is `qwen.Qwen25VL`'s."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(TextLayer(config, i) for i in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self, embeds: Tensor, position_ids: Tensor, *, mask: Tensor | None, cache: KVCache | None = None
    ) -> Tensor:
        """Run the layers.

        Args:
            embeds: [B, L, C].
            position_ids: [3, B, L] time, height and width positions.
            mask: bool, broadcastable to [B, 1, L, S], True where a query may look (see `causal_mask`).
            cache: held keys and values; this call adds L tokens to it.

        Returns:
            [B, L, C], normalised.
        """
        cos, sin = self.rotary(position_ids, embeds.dtype)
        x = embeds
        for layer in self.layers:
            x = layer(x, cos, sin, mask, cache)
        if cache is not None:
            cache.length += embeds.shape[1]
        out: Tensor = self.norm(x)
        return out

    def rotary(self, position_ids: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """MRoPE tables, [B, 1, L, D] each: the first frequencies turn with time, the next with height, the
        last with width.

        Angles are formed in float32 from positions that are never cast; the tables take the activation's
        dtype, as the reference does. The frequencies are made here and not held as a buffer: a cast of the
        module would ruin them.
        """
        half = self.config.head_dim // 2
        steps = torch.arange(half, dtype=torch.float32, device=position_ids.device) / half
        inv_freq = 1.0 / self.config.rope_theta**steps  # this order of operations gives the reference's bits
        angles = position_ids[..., None].float() * inv_freq  # [3, B, L, D/2]
        parts = angles.split(self.config.mrope_section, dim=-1)
        chosen = torch.cat([part[axis] for axis, part in enumerate(parts)], dim=-1)[:, None]
        doubled = torch.cat((chosen, chosen), dim=-1)
        return doubled.cos().to(dtype), doubled.sin().to(dtype)


def causal_mask(real: Tensor, new: int) -> Tensor:
    """Who may look at whom in a left-padded batch.

    Args:
        real: [B, S] bool, False on padding.
        new: L, how many of the S tokens are new.

    Returns:
        [B, 1, L, S] bool. A padding query sees itself, so that no row of the softmax is empty.
    """
    total = real.shape[1]
    keys = torch.arange(total, device=real.device)
    queries = keys[total - new :, None]
    return (((keys <= queries) & real[:, None]) | (keys == queries))[:, None]
