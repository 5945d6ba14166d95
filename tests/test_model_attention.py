"""Every attention backend that runs here gives the plain softmax."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vleval.model.attention import (
    Segments,
    available_backends,
    best_backend,
    masked_attention,
    segment_attention,
)
from vleval.model.text import causal_mask

LENGTHS = [64, 64, 48, 16, 16, 16, 4, 64]
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def _plain(q: Tensor, k: Tensor, v: Tensor, allowed: Tensor | None = None) -> Tensor:
    """softmax(q k / sqrt(D)) v over the last two axes, in float64."""
    scores = q.double() @ k.double().transpose(-1, -2) / q.shape[-1] ** 0.5
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    return scores.softmax(dim=-1) @ v.double()


def _segments_in_turn(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    pieces = zip(*(x.transpose(0, 1).split(LENGTHS, dim=1) for x in (q, k, v)), strict=True)
    return torch.cat([_plain(*piece) for piece in pieces], dim=1).transpose(0, 1)


def _packed(dtype: torch.dtype, device: str) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(sum(LENGTHS), 4, 16, generator=generator).to(device, dtype) for _ in range(3)]


@pytest.mark.parametrize("backend", available_backends("cpu", torch.float32))
def test_segments_on_the_cpu(backend: str) -> None:
    q, k, v = _packed(torch.float32, "cpu")
    segments = Segments.of(LENGTHS, torch.device("cpu"))
    out = segment_attention(q, k, v, segments, backend)  # type: ignore[arg-type]
    torch.testing.assert_close(out.double(), _segments_in_turn(q, k, v), rtol=0, atol=2e-6)


@CUDA
def test_every_backend_on_cuda_agrees() -> None:
    q, k, v = _packed(torch.bfloat16, "cuda")
    segments = Segments.of(LENGTHS, torch.device("cuda"))
    expected = _segments_in_turn(q, k, v)
    backends = available_backends("cuda", torch.bfloat16)
    assert "varlen" in backends
    for backend in backends:
        out = segment_attention(q, k, v, segments, backend)
        torch.testing.assert_close(out.double(), expected, rtol=0, atol=2e-2, msg=backend)


def test_equal_neighbours_are_one_run_and_ends_add_up() -> None:
    segments = Segments.of(LENGTHS, torch.device("cpu"))
    assert segments.runs == ((64, 2), (48, 1), (16, 3), (4, 1), (64, 1))
    assert segments.cu_seqlens.tolist() == [0, 64, 128, 176, 192, 208, 224, 228, 292]
    assert segments.cu_seqlens.dtype == torch.int32
    assert segments.longest == 64


def test_half_precision_kernels_are_not_offered_elsewhere() -> None:
    assert available_backends("cpu", torch.bfloat16) == ("sdpa",)
    assert available_backends("cuda", torch.float32) == ("sdpa",)
    assert best_backend("cpu", torch.float32) == "sdpa"


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CUDA)])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("new", [1, 5, 9])
def test_grouped_heads_under_a_mask(kv_heads: int, new: int, device: str) -> None:
    generator = torch.Generator().manual_seed(1)
    q = torch.randn(3, 4, new, 16, generator=generator).to(device)
    k, v = (torch.randn(3, kv_heads, 9, 16, generator=generator).to(device) for _ in range(2))
    real = torch.ones(3, 9, dtype=torch.bool, device=device)
    real[1, :3] = False
    mask = causal_mask(real, new)
    repeated = [x.repeat_interleave(4 // kv_heads, dim=1) for x in (k, v)]
    out = masked_attention(q, k, v, mask)
    torch.testing.assert_close(out.double(), _plain(q, *repeated, mask), rtol=0, atol=2e-6)


def test_a_decoding_step_without_a_mask_sees_everything() -> None:
    generator = torch.Generator().manual_seed(2)
    q = torch.randn(2, 4, 1, 16, generator=generator)
    k, v = (torch.randn(2, 2, 7, 16, generator=generator) for _ in range(2))
    repeated = [x.repeat_interleave(2, dim=1) for x in (k, v)]
    torch.testing.assert_close(
        masked_attention(q, k, v, None).double(), _plain(q, *repeated), rtol=0, atol=2e-6
    )


def test_causal_mask_hides_the_future_and_the_padding() -> None:
    real = torch.tensor([[False, True, True, True]])
    expected = [
        [True, False, False, False],  # padding sees itself
        [False, True, False, False],
        [False, True, True, False],
        [False, True, True, True],
    ]
    assert causal_mask(real, 4)[0, 0].tolist() == expected
    assert causal_mask(real, 2)[0, 0].tolist() == expected[2:]
