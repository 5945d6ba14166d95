"""The one door to attention kernels: the backend is chosen once, every backend has the same signature.

Vision attention runs over packed sequences cut into segments (windows, or frames); the decoder's runs over a
batch with a mask. Backends for segments:
- `flash`: flash-attn's varlen kernel, where that package is installed and tensors are half precision on CUDA;
- `varlen`: `torch.nn.attention.varlen` on CUDA, half precision;
- `sdpa`: everywhere. Neighbouring segments of equal length are one batched call: a view, no gather, no mask.

Legend: N packed tokens, A heads, D head size, B batch, L queries, S keys.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Backend = Literal["flash", "varlen", "sdpa"]


@dataclass(frozen=True, slots=True)
class Segments:
    """A cut of N packed tokens into independent sequences."""

    runs: tuple[tuple[int, int], ...]
    """(length, count) of neighbouring segments of equal length."""
    cu_seqlens: Tensor
    """[segments + 1] int32 running ends, as varlen kernels want them."""
    longest: int

    @classmethod
    def of(cls, lengths: list[int], device: torch.device) -> Segments:
        """From the segments' lengths in tokens, in order."""
        runs = tuple((length, len(list(same))) for length, same in groupby(lengths))
        ends = torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32)
        return cls(runs, ends.to(device), max(lengths))


def segment_attention(
    q: Tensor, k: Tensor, v: Tensor, segments: Segments, backend: Backend | None = None
) -> Tensor:
    """Bidirectional attention inside each segment.

    Args:
        q, k, v: [N, A, D].
        segments: cover exactly N tokens.
        backend: None takes the best one that runs on these tensors.

    Returns:
        [N, A, D].
    """
    return _KERNELS[backend or best_backend(q.device.type, q.dtype)](q, k, v, segments)


def masked_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Grouped-query attention of the decoder.

    Args:
        q: [B, A, L, D].
        k, v: [B, A_kv, S, D] with A a multiple of A_kv.
        mask: bool, broadcastable to [B, 1, L, S], True where a query may look; None lets it look everywhere.

    Returns:
        [B, A, L, D].
    """
    group = q.shape[1] // k.shape[1]
    if group > 1 and q.shape[2] == 1:
        # Decoding: the heads that share keys become the queries of one head, so that no key is copied.
        packed = q.unflatten(1, (-1, group)).flatten(2, 3)
        return F.scaled_dot_product_attention(packed, k, v, attn_mask=mask).reshape(q.shape)
    if group > 1 and mask is not None and q.is_cuda:
        # CUDA's fused kernels take a mask or grouped heads, not both: they would fall back to the full score
        # matrix.
        k, v = (x.repeat_interleave(group, dim=1) for x in (k, v))
        group = 1
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=group > 1)


@cache
def best_backend(device: str, dtype: torch.dtype) -> Backend:
    """The fastest backend for segments on this kind of device and dtype."""
    return available_backends(device, dtype)[0]


@cache
def available_backends(device: str, dtype: torch.dtype) -> tuple[Backend, ...]:
    """Every backend that runs on this kind of device and dtype, fastest first."""
    half_on_cuda = device == "cuda" and dtype in (torch.float16, torch.bfloat16)
    found: list[Backend] = []
    if half_on_cuda and importlib.util.find_spec("flash_attn") is not None:
        found.append("flash")
    if half_on_cuda and importlib.util.find_spec("torch.nn.attention.varlen") is not None:
        found.append("varlen")
    return (*found, "sdpa")


def _sdpa(q: Tensor, k: Tensor, v: Tensor, segments: Segments) -> Tensor:
    pieces, start = [], 0
    for length, count in segments.runs:
        stop = start + length * count
        # [length * count, A, D] -> [count, A, length, D]
        heads_first = [x[start:stop].unflatten(0, (count, length)).transpose(1, 2) for x in (q, k, v)]
        pieces.append(F.scaled_dot_product_attention(*heads_first).transpose(1, 2).flatten(0, 1))
        start = stop
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


def _varlen(q: Tensor, k: Tensor, v: Tensor, segments: Segments) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    ends, longest = segments.cu_seqlens, segments.longest
    out = varlen_attn(q, k, v, ends, ends, longest, longest)
    assert isinstance(out, Tensor)  # a pair only when the log-sum-exp is asked for
    return out


def _flash(q: Tensor, k: Tensor, v: Tensor, segments: Segments) -> Tensor:
    flash: Any = importlib.import_module("flash_attn")
    ends, longest = segments.cu_seqlens, segments.longest
    out: Tensor = flash.flash_attn_varlen_func(q, k, v, ends, ends, longest, longest)
    return out


_KERNELS: dict[Backend, Callable[[Tensor, Tensor, Tensor, Segments], Tensor]] = {
    "flash": _flash,
    "varlen": _varlen,
    "sdpa": _sdpa,
}
