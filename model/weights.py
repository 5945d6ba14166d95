"""Names and places: which rows of which parameter every stored tensor fills.

On disk query, key and value (and gate and up) are tensors of their own; in memory they are one matrix each,
so that one product does the work of three. `slots` is the single table of both, read by loading and by
saving.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from vleval.model.config import ModelConfig, TextConfig, VisionConfig

LM_HEAD = "lm_head.weight"


class Slot(NamedTuple):
    """Where a stored tensor lives in the model."""

    parameter: str
    row: int
    """First row it fills."""
    shape: tuple[int, ...]
    """As stored; `shape[0]` is the number of rows."""


def slots(config: ModelConfig, *, split_vision_qkv: bool = False) -> dict[str, Slot]:
    """Every tensor of a checkpoint by its hub name, in the order of the model.

    Args:
        config: the sizes.
        split_vision_qkv: the vision tower's q, k and v are stored apart, as a few exporters do.
    """
    table = dict(_vision(config.vision, split_vision_qkv)) | dict(_text(config.text))
    if not config.text.tie_word_embeddings:
        table[LM_HEAD] = Slot(LM_HEAD, 0, (config.text.vocab_size, config.text.hidden_size))
    return table


def hub_name(name: str) -> str:
    """The hub's name of a tensor; since 4.52 some saves say `model.visual.*` and `model.language_model.*`."""
    return re.sub(r"^model\.language_model\.", "model.", re.sub(r"^model\.visual\.", "visual.", name))


def splits_vision_qkv(names: Iterable[str]) -> bool:
    """Whether hub names store the vision tower's q, k and v apart."""
    return "visual.blocks.0.attn.q.weight" in names


def _vision(v: VisionConfig, split_qkv: bool) -> Iterator[tuple[str, Slot]]:
    kernel = (v.hidden_size, v.in_channels, v.temporal_patch_size, v.patch_size, v.patch_size)
    yield "visual.patch_embed.proj.weight", Slot("visual.patch_embed.weight", 0, kernel)
    for i in range(v.depth):
        block = f"visual.blocks.{i}"
        qkv = {f"{block}.attn.qkv": 3 * v.hidden_size}
        if split_qkv:
            qkv = {f"{block}.attn.{part}": v.hidden_size for part in "qkv"}
        gate_up = {f"{block}.mlp.{part}_proj": v.intermediate_size for part in ("gate", "up")}
        yield from _vector(f"{block}.norm1", v.hidden_size)
        yield from _vector(f"{block}.norm2", v.hidden_size)
        yield from _linear(qkv, f"{block}.attn.qkv", v.hidden_size)
        yield from _linear({f"{block}.attn.proj": v.hidden_size}, f"{block}.attn.proj", v.hidden_size)
        yield from _linear(gate_up, f"{block}.mlp.gate_up", v.hidden_size)
        yield from _linear(
            {f"{block}.mlp.down_proj": v.hidden_size}, f"{block}.mlp.down", v.intermediate_size
        )
    merged = v.hidden_size * v.spatial_merge_size**2
    yield from _vector("visual.merger.ln_q", v.hidden_size, "visual.merger.norm")
    yield from _linear({"visual.merger.mlp.0": merged}, "visual.merger.fc1", merged)
    yield from _linear({"visual.merger.mlp.2": v.out_hidden_size}, "visual.merger.fc2", merged)


def _text(t: TextConfig) -> Iterator[tuple[str, Slot]]:
    yield "model.embed_tokens.weight", Slot("text.embed_tokens.weight", 0, (t.vocab_size, t.hidden_size))
    queries, keys = t.num_attention_heads * t.head_dim, t.num_key_value_heads * t.head_dim
    for i in range(t.num_hidden_layers):
        stored, layer = f"model.layers.{i}", f"text.layers.{i}"
        attn = f"{stored}.self_attn"
        qkv = {f"{attn}.q_proj": queries, f"{attn}.k_proj": keys, f"{attn}.v_proj": keys}
        gate_up = {f"{stored}.mlp.{part}_proj": t.intermediate_size for part in ("gate", "up")}
        down = {f"{stored}.mlp.down_proj": t.hidden_size}
        yield from _vector(f"{stored}.input_layernorm", t.hidden_size, f"{layer}.input_norm")
        yield from _linear(qkv, f"{layer}.attn.qkv", t.hidden_size)
        yield from _linear({f"{attn}.o_proj": t.hidden_size}, f"{layer}.attn.o_proj", queries, bias=False)
        yield from _vector(
            f"{stored}.post_attention_layernorm", t.hidden_size, f"{layer}.post_attention_norm"
        )
        yield from _linear(gate_up, f"{layer}.mlp.gate_up", t.hidden_size, bias=False)
        yield from _linear(down, f"{layer}.mlp.down", t.intermediate_size, bias=False)
    yield from _vector("model.norm", t.hidden_size, "text.norm")


def _vector(stored: str, width: int, parameter: str | None = None) -> Iterator[tuple[str, Slot]]:
    yield f"{stored}.weight", Slot(f"{parameter or stored}.weight", 0, (width,))


def _linear(
    stored: Mapping[str, int], parameter: str, width: int, *, bias: bool = True
) -> Iterator[tuple[str, Slot]]:
    """One linear layer, its stored parts ({name: rows}) stacked in order; `width` inputs."""
    row = 0
    for name, rows in stored.items():
        yield f"{name}.weight", Slot(f"{parameter}.weight", row, (rows, width))
        if bias:
            yield f"{name}.bias", Slot(f"{parameter}.bias", row, (rows,))
        row += rows
