"""Sizes: the published table, the fall-backs for missing keys, and what is refused.

Run: pytest tests/test_model_config.py
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from vleval.model.config import PUBLISHED, ModelConfig
from vleval.model.errors import CheckpointError
from vleval.model.qwen import Qwen25VL

PARAMETERS = {
    "3B": 3_754_622_976,
    "7B": 8_292_166_656,
    "32B": 33_452_718_336,
    "72B": 73_410_777_344,
}
"""Counted on the released checkpoints; a tied head counts once."""


@pytest.mark.parametrize("size", PARAMETERS)
def test_published_sizes_have_the_published_parameters(size: str) -> None:
    with torch.device("meta"):
        model = Qwen25VL(PUBLISHED[size])
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[size]


@pytest.mark.parametrize("size", PUBLISHED)
def test_a_config_survives_its_own_file(size: str) -> None:
    assert ModelConfig.from_dict(PUBLISHED[size].to_dict()) == PUBLISHED[size]


def test_missing_keys_mean_the_released_models() -> None:
    """The hub's 32B config leaves out depth, heads, patch, window and full-attention blocks: windows stay."""
    sparse = {
        "model_type": "qwen2_5_vl",
        "hidden_size": 5120,
        "num_attention_heads": 40,
        "num_key_value_heads": 8,
        "vision_config": {"intermediate_size": 3456, "out_hidden_size": 5120},
    }
    config = ModelConfig.from_dict(sparse)
    vision = config.vision
    assert (vision.depth, vision.num_heads, vision.hidden_size, vision.window_size) == (32, 16, 1280, 112)
    assert vision.fullatt_block_indexes == (7, 15, 23, 31)
    assert (vision.tokens_per_second, config.text.rms_norm_eps) == (2.0, 1e-6)
    assert config.text.mrope_section == (16, 24, 24)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model_type": "qwen2_vl"}, "model_type 'qwen2_vl'"),
        ({"rope_scaling": {"type": "yarn", "mrope_section": [16, 24, 24]}}, "rope type 'yarn'"),
        ({"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 23]}}, "must hold three counts"),
        ({"num_key_value_heads": 3}, "multiple of num_key_value_heads"),
        ({"vocab_size": "many"}, "wrong type"),
        ({"vision_config": {"out_hidden_size": 2048}}, "must equal the decoder's hidden_size"),
    ],
)
def test_what_cannot_run_is_one_sentence(change: dict[str, Any], sentence: str) -> None:
    flat: dict[str, Any] = {"model_type": "qwen2_5_vl", "hidden_size": 3584, "num_attention_heads": 28}
    with pytest.raises(CheckpointError, match=sentence):
        ModelConfig.from_dict(flat | change)
