"""The vision tower: patches -> 32 blocks of window or full attention -> merger of 2 x 2 patches.

- Patch embedding is a matmul; still images come as one frame (588 numbers a patch) and meet the kernel summed
  over time.
- No positional table: 2D-RoPE on rows and columns. Frames of a video never attend to each other here.
- Window blocks attend inside 112 x 112 pixels, the listed full blocks inside a whole frame.
- All images and videos of a batch run as one packed sequence.

Legend: N patches, n = N / 4 merged tokens, C hidden size, A heads, D head size. Sizes: `config.VisionConfig`.
Source: Qwen2.5-VL technical report, section 2.1.1.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vleval.model.attention import Segments, segment_attention
from vleval.model.config import VisionConfig
from vleval.model.layers import RMSNorm, SwiGLU, rotate
from vleval.model.positions import patch_coordinates
from vleval.model.windows import GridTHW, window_order

ROPE_THETA = 10000.0


class VisionPlan(NamedTuple):
    """Everything about a packed batch that depends on its grids alone."""

    order: Tensor
    """[n] merged token at each place of the window order."""
    inverse: Tensor
    """[n] place of each merged token in the window order."""
    cos: Tensor
    """[N, 1, D] in window order, float32."""
    sin: Tensor
    windows: Segments
    frames: Segments


class PatchEmbed(nn.Module):
    """The Conv3d of the paper as a matmul: its kernel covers exactly one patch."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.temporal = config.temporal_patch_size
        self.channels = config.in_channels
        self.weight = nn.Parameter(torch.empty(config.hidden_size, config.patch_dim))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, pixels: Sequence[Tensor]) -> Tensor:
        """One [N_i, 1176] (two frames) or [N_i, 588] (still) tensor per medium -> [N, C]."""
        dtype, wide = self.weight.dtype, self.weight.shape[1]
        # Both frames of a still are the same picture, so its kernel is the sum over time.
        still = self.weight.unflatten(1, (self.channels, self.temporal, -1)).sum(2).flatten(1)
        return torch.cat(
            [F.linear(x.to(dtype), self.weight if x.shape[1] == wide else still) for x in pixels]
        )


class VisionAttention(nn.Module):
    """Multi-head attention with 2D-RoPE inside the given segments."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.heads = config.num_heads
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor, plan: VisionPlan, segments: Segments) -> Tensor:
        """[N, C] -> [N, C]."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(1)  # [N, A, D] each
        # Rotation in float32, as the reference does, whatever the activations are.
        q, k = (rotate(part.float(), plan.cos, plan.sin).to(v.dtype) for part in (q, k))
        out: Tensor = self.proj(segment_attention(q, k, v, segments).flatten(1))
        return out


class VisionBlock(nn.Module):
    """Pre-norm attention and SwiGLU (with biases)."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.norm1 = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.attn = VisionAttention(config)
        self.norm2 = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = SwiGLU(config.hidden_size, config.intermediate_size, bias=True)

    def forward(self, x: Tensor, plan: VisionPlan, segments: Segments) -> Tensor:
        """[N, C] -> [N, C]."""
        x = x + self.attn(self.norm1(x), plan, segments)
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class Merger(nn.Module):
    """Four patches become one token of the decoder's width: norm, concatenate, two-layer MLP (exact GELU)."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.width = config.hidden_size * config.spatial_merge_size**2
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.fc1 = nn.Linear(self.width, self.width)
        self.fc2 = nn.Linear(self.width, config.out_hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C] -> [n, out_hidden_size]."""
        out: Tensor = self.fc2(F.gelu(self.fc1(self.norm(x).view(-1, self.width))))
        return out


class VisionTower(nn.Module):
    """Pixels to visual tokens."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.config = config
        self.patch_embed = PatchEmbed(config)
        self.blocks = nn.ModuleList(VisionBlock(config) for _ in range(config.depth))
        self.merger = Merger(config)
        self._plans: OrderedDict[tuple[tuple[GridTHW, ...], torch.device], VisionPlan] = OrderedDict()

    def forward(self, pixels: Sequence[Tensor], grids: Sequence[GridTHW]) -> Tensor:
        """Encode images and videos in one packed pass.

        Args:
            pixels: one normalised tensor per medium, [N_i, 588] (still) or [N_i, 1176] (video), rows in block
                order.
            grids: (T, H, W) in patches, one per medium; T * H * W = N_i.

        Returns:
            [n, out_hidden_size] visual tokens in raster order, medium after medium.
        """
        plan = self.plan(tuple(grids), self.patch_embed.weight.device)
        per_token = self.config.spatial_merge_size**2
        x = self.patch_embed(pixels)
        x = x.unflatten(0, (-1, per_token))[plan.order].flatten(0, 1)
        for index, block in enumerate(self.blocks):
            full = index in self.config.fullatt_block_indexes
            x = block(x, plan, plan.frames if full else plan.windows)
        out: Tensor = self.merger(x)[plan.inverse]
        return out

    def plan(self, grids: tuple[GridTHW, ...], device: torch.device) -> VisionPlan:
        """Order, rotary tables and segments of a packed batch; the latest 64 are kept."""
        key = (grids, device)
        if key not in self._plans:
            self._plans[key] = self._make_plan(grids, device)
            if len(self._plans) > 64:
                self._plans.popitem(last=False)
        self._plans.move_to_end(key)
        return self._plans[key]

    def _make_plan(self, grids: tuple[GridTHW, ...], device: torch.device) -> VisionPlan:
        merge, per_token = self.config.spatial_merge_size, self.config.spatial_merge_size**2
        orders = [window_order(grid, self.config.window_tokens, merge) for grid in grids]
        starts = np.cumsum([0] + [len(o.order) for o in orders[:-1]])
        order = np.concatenate([start + o.order for start, o in zip(starts, orders, strict=True)])
        inverse = np.empty_like(order)
        inverse[order] = np.arange(len(order))
        coordinates = np.concatenate([patch_coordinates(grid, merge) for grid in grids])  # [N, 2]
        coordinates = coordinates.reshape(-1, per_token, 2)[order].reshape(-1, 2)
        quarter = self.config.head_dim // 4
        inv_freq = 1.0 / ROPE_THETA ** (torch.arange(quarter, dtype=torch.float32) / quarter)
        # rows then columns, then the same again for the second half of the head: [N, 2, D/4] -> [N, 1, D]
        angles = (
            (torch.from_numpy(coordinates).float()[:, :, None] * inv_freq).flatten(1).repeat(1, 2)[:, None]
        )
        windows = [int(n) * per_token for o in orders for n in o.window_lengths]
        frames = [int(n) * per_token for o in orders for n in o.frame_lengths]
        return VisionPlan(
            order=torch.from_numpy(order).to(device),
            inverse=torch.from_numpy(inverse).to(device),
            cos=angles.cos().to(device),
            sin=angles.sin().to(device),
            windows=Segments.of(windows, device),
            frames=Segments.of(frames, device),
        )
