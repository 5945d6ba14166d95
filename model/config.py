"""Sizes of a Qwen2.5-VL: three layouts of config.json, fall-backs for missing keys, and the published sizes.

Layouts (all read by `ModelConfig.from_dict`):
- flat (hub originals): text keys at the top level, `vision_config` nested, `rope_scaling` holds
  `mrope_section`;
- half-nested (4.52 to 4.57 saves): text keys at the top level AND in `text_config`; the nested ones win;
- nested (5.x saves): `text_config.rope_parameters` instead of `rope_theta` and `rope_scaling`.

Fall-backs are those of the released checkpoints, not transformers' class defaults, which describe no real
model (vision hidden size 3584, tokens_per_second 4, text eps 1e-5). The 32B config on the hub relies on this.
Every token id and vocabulary size comes from the config.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vleval.model.errors import CheckpointError
from vleval.model.files import read_json

FAMILY = "qwen2_5_vl"


@dataclass(frozen=True, slots=True)
class VisionConfig:
    """The vision tower. Defaults: the released 3B and 7B models' (and, MLP apart, those of 32B and 72B)."""

    depth: int = 32
    hidden_size: int = 1280
    intermediate_size: int = 3420
    num_heads: int = 16
    out_hidden_size: int = 3584  # width of the decoder
    in_channels: int = 3
    patch_size: int = 14  # pixels
    temporal_patch_size: int = 2  # frames
    spatial_merge_size: int = 2  # patches per side of a merged token
    window_size: int = 112  # pixels
    fullatt_block_indexes: tuple[int, ...] = (7, 15, 23, 31)
    tokens_per_second: float = 2.0  # temporal position ids per second of video
    rms_norm_eps: float = 1e-6

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_heads

    @property
    def patch_dim(self) -> int:
        """Numbers in one two-frame patch: channels x frames x side x side (1176 in every released model)."""
        return self.in_channels * self.temporal_patch_size * self.patch_size**2

    @property
    def window_tokens(self) -> int:
        """Merged tokens per side of an attention window (4 in every released model)."""
        return self.window_size // self.spatial_merge_size // self.patch_size


@dataclass(frozen=True, slots=True)
class TextConfig:
    """The Qwen2.5 decoder. Defaults: the released 7B model."""

    vocab_size: int = 152064
    hidden_size: int = 3584
    intermediate_size: int = 18944
    num_hidden_layers: int = 28
    num_attention_heads: int = 28
    num_key_value_heads: int = 4
    rms_norm_eps: float = 1e-6
    rope_theta: float = 1_000_000.0
    mrope_section: tuple[int, int, int] = (16, 24, 24)  # rotary frequencies for time, height, width
    max_position_embeddings: int = 128000
    tie_word_embeddings: bool = False

    @property
    def head_dim(self) -> int:
        """Width of one attention head (128 in every released model)."""
        return self.hidden_size // self.num_attention_heads


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A whole checkpoint's architecture."""

    vision: VisionConfig
    text: TextConfig
    image_token_id: int = 151655
    video_token_id: int = 151656
    vision_start_token_id: int = 151652
    vision_end_token_id: int = 151653
    bos_token_id: int | None = 151643
    eos_token_id: int | None = 151645
    dtype: str | None = None
    """Name of the dtype the weights were saved in, e.g. `bfloat16`."""

    @classmethod
    def from_folder(cls, folder: Path) -> ModelConfig:
        """Read `config.json` of a checkpoint folder.

        Raises CheckpointError when it is missing, is not JSON, asks to run code, or describes another model.
        """
        path = folder / "config.json"
        if not path.is_file():
            held = folder.is_dir() and any(folder.iterdir())
            fault = "has no config.json" if held else "is empty or no folder"
            raise CheckpointError(f"{folder} {fault}: pass the folder of a Qwen2.5-VL checkpoint.")
        raw = read_json(path)
        if "auto_map" in raw:
            raise CheckpointError(
                f"{path} asks to run code from the checkpoint (auto_map), which vleval never does: remove it."
            )
        return cls.from_dict(raw)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> ModelConfig:
        """Build from the content of a config.json in any of the three layouts. Raises CheckpointError."""
        family = raw.get("model_type")
        if family != FAMILY:
            raise CheckpointError(
                f"config.json says model_type {family!r}; vleval's own engine runs {FAMILY!r} only."
            )
        text = dict(raw)
        text.update({k: v for k, v in (raw.get("text_config") or {}).items() if v is not None})
        try:
            config = cls(
                vision=_vision(raw.get("vision_config") or {}, text),
                text=_text(raw, text),
                dtype=raw.get("dtype")
                or raw.get("torch_dtype")
                or text.get("dtype")
                or text.get("torch_dtype"),
                **{k: int(raw[k]) for k in _TOKEN_IDS if isinstance(raw.get(k), int)},
                **{k: _first(text.get(k), cls.__dataclass_fields__[k].default) for k in _BOUNDARY_IDS},
            )
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"config.json has a key of the wrong type: {error}.") from None
        _check(config)
        return config

    def to_dict(self) -> dict[str, Any]:
        """The 5.x (nested) layout, as `config.json` holds it."""
        v, t = self.vision, self.text
        shared = {"model_type": FAMILY, "architectures": ["Qwen2_5_VLForConditionalGeneration"]}
        ids = {k: getattr(self, k) for k in (*_TOKEN_IDS, *_BOUNDARY_IDS)}
        vision = {k: getattr(v, k) for k in _VISION_KEYS} | {
            "model_type": f"{FAMILY}_vision",
            "hidden_act": "silu",
        }
        vision["fullatt_block_indexes"] = list(v.fullatt_block_indexes)
        # transformers types this key as an integer and refuses 2.0.
        vision["tokens_per_second"] = _whole(v.tokens_per_second)
        text = {k: getattr(t, k) for k in _TEXT_KEYS} | {"model_type": f"{FAMILY}_text", "hidden_act": "silu"}
        text["rope_parameters"] = {
            "rope_type": "default",
            "rope_theta": t.rope_theta,
            "mrope_section": list(t.mrope_section),
        }
        text |= {k: getattr(self, k) for k in _BOUNDARY_IDS} | {"use_sliding_window": False}
        return {
            **shared,
            **ids,
            "dtype": self.dtype or "float32",
            "tie_word_embeddings": t.tie_word_embeddings,
            "text_config": text | {"tie_word_embeddings": t.tie_word_embeddings},
            "vision_config": vision,
        }


_TOKEN_IDS = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
_BOUNDARY_IDS = ("bos_token_id", "eos_token_id")
_VISION_KEYS = (
    "depth",
    "hidden_size",
    "intermediate_size",
    "num_heads",
    "out_hidden_size",
    "in_channels",
    "patch_size",
    "temporal_patch_size",
    "spatial_merge_size",
    "window_size",
)
_TEXT_KEYS = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "rms_norm_eps",
    "max_position_embeddings",
)


def _vision(raw: Mapping[str, Any], text: Mapping[str, Any]) -> VisionConfig:
    known: dict[str, Any] = {k: int(raw[k]) for k in _VISION_KEYS if raw.get(k) is not None}
    if "in_channels" not in known and raw.get("in_chans") is not None:
        known["in_channels"] = int(raw["in_chans"])
    # The merger's output is the decoder's width, whatever a sparse vision_config leaves out.
    known.setdefault("out_hidden_size", int(text.get("hidden_size", TextConfig().hidden_size)))
    if raw.get("fullatt_block_indexes") is not None:
        known["fullatt_block_indexes"] = tuple(int(i) for i in raw["fullatt_block_indexes"])
    if raw.get("tokens_per_second") is not None:
        known["tokens_per_second"] = float(raw["tokens_per_second"])
    return VisionConfig(**known)


def _text(raw: Mapping[str, Any], text: Mapping[str, Any]) -> TextConfig:
    known: dict[str, Any] = {
        k: float(text[k]) if k == "rms_norm_eps" else int(text[k])
        for k in _TEXT_KEYS
        if text.get(k) is not None
    }
    rope = text.get("rope_parameters") or text.get("rope_scaling") or {}
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind not in ("default", "mrope"):
        raise CheckpointError(
            f"config.json asks for rope type {kind!r}, which vleval's own engine does not run: remove it "
            "(the Qwen team advises raising max_position_embeddings instead), or use --engine transformers."
        )
    known["rope_theta"] = float(_first(rope.get("rope_theta"), text.get("rope_theta"), 1_000_000.0))
    if rope.get("mrope_section"):
        known["mrope_section"] = tuple(int(n) for n in rope["mrope_section"])
    nested = raw.get("text_config") or {}
    known["tie_word_embeddings"] = bool(
        _first(raw.get("tie_word_embeddings"), nested.get("tie_word_embeddings"), False)
    )
    return TextConfig(**known)


def _check(config: ModelConfig) -> None:
    v, t = config.vision, config.text
    rules = {
        f"mrope_section {list(t.mrope_section)} must hold three counts that sum to half the head size "
        f"{t.head_dim}": len(t.mrope_section) == 3 and 2 * sum(t.mrope_section) == t.head_dim,
        "hidden_size must be a multiple of num_attention_heads": t.hidden_size % t.num_attention_heads == 0,
        "num_attention_heads must be a multiple of num_key_value_heads": t.num_attention_heads
        % t.num_key_value_heads
        == 0,
        "vision hidden_size must be a multiple of 4 x num_heads": v.hidden_size % (4 * v.num_heads) == 0,
        f"vision out_hidden_size {v.out_hidden_size} must equal the decoder's hidden_size {t.hidden_size}": (
            v.out_hidden_size == t.hidden_size
        ),
        "window_size must hold whole merged tokens": v.window_size % (v.patch_size * v.spatial_merge_size)
        == 0,
        "temporal_patch_size must be 2": v.temporal_patch_size == 2,
        "spatial_merge_size must be 2": v.spatial_merge_size == 2,
    }
    for sentence, holds in rules.items():
        if not holds:
            raise CheckpointError(f"config.json is inconsistent: {sentence}.")


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _whole(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _published(text: TextConfig, intermediate_size: int) -> ModelConfig:
    vision = VisionConfig(intermediate_size=intermediate_size, out_hidden_size=text.hidden_size)
    return ModelConfig(vision=vision, text=text, dtype="bfloat16")


#                     vocab   hidden  mlp    layers heads kv              tied
PUBLISHED: Mapping[str, ModelConfig] = {
    "3B": _published(TextConfig(151936, 2048, 11008, 36, 16, 2, tie_word_embeddings=True), 3420),
    "7B": _published(TextConfig(152064, 3584, 18944, 28, 28, 4), 3420),
    "32B": _published(TextConfig(152064, 5120, 27648, 64, 40, 8), 3456),
    "72B": _published(TextConfig(152064, 8192, 29568, 80, 64, 8), 3456),
}
"""The released sizes, as numbers."""
