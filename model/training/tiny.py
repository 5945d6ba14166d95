"""The bundled checkpoint's architecture: a whole Qwen2.5-VL, small enough to live in a repository.

Every mechanism of the released models is there (windows and full attention, grouped queries, MRoPE, tied
head); only the sizes and the vocabulary are small. The rotary base is small too: with heads of 32 the
released base of a million would turn the width frequencies by less than 0.0002 rad a token, blind on a
picture ten tokens wide.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer

from vleval.model.config import ModelConfig, TextConfig, VisionConfig
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.model.qwen import Qwen25VL
from vleval.model.training.finetune import initialise
from vleval.model.training.vocabulary import END_OF_TURN, PAD_TOKEN, build_tokenizer

NUMBERS = 400
"""Whole numbers with a token of their own: more than any side of a picture of 72 visual tokens."""

TOKENS = (16, 72)
"""Fewest and most visual tokens of a training picture."""

SPEC = PreprocessSpec(
    image_min_pixels=4 * 784,
    image_max_pixels=64 * 784,
    video_min_pixels=4 * 784,
    video_max_pixels=9 * 784,
    total_pixels=512 * 784,
    max_frames=96,
)
"""What the checkpoint's processor files say: limits it was trained within."""


def tiny_tokenizer(words: Sequence[str], fragments: Sequence[str]) -> Tokenizer:
    """A byte-complete tokenizer with one token for each word, fragment and whole number below `NUMBERS`."""
    chat = ["system", "user", "assistant"]
    return build_tokenizer([*words, *chat], [*fragments, "You are a helpful assistant."], NUMBERS)


def tiny_config(tokenizer: Tokenizer) -> ModelConfig:
    """Sizes, and the token ids of this tokenizer."""
    return ModelConfig(
        vision=VisionConfig(
            depth=4,
            hidden_size=96,
            intermediate_size=240,
            num_heads=3,
            out_hidden_size=128,
            fullatt_block_indexes=(1, 3),
        ),
        text=TextConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=128,
            intermediate_size=320,
            num_hidden_layers=6,
            num_attention_heads=4,
            num_key_value_heads=2,
            rope_theta=300.0,
            mrope_section=(4, 4, 8),
            max_position_embeddings=4096,
            tie_word_embeddings=True,
        ),
        image_token_id=_token(tokenizer, "<|image_pad|>"),
        video_token_id=_token(tokenizer, "<|video_pad|>"),
        vision_start_token_id=_token(tokenizer, "<|vision_start|>"),
        vision_end_token_id=_token(tokenizer, "<|vision_end|>"),
        bos_token_id=_token(tokenizer, PAD_TOKEN),
        eos_token_id=_token(tokenizer, END_OF_TURN),
    )


def _token(tokenizer: Tokenizer, text: str) -> int:
    index: int | None = tokenizer.token_to_id(text)
    assert index is not None, f"the tokenizer has no token {text!r}"
    return index


def number_ids(tokenizer: Tokenizer) -> list[int]:
    """Token of each whole number, from "0" on."""
    return [_token(tokenizer, str(number)) for number in range(NUMBERS)]


def tiny_model(tokenizer: Tokenizer, seed: int) -> Qwen25VL:
    """Freshly initialised, float32."""
    torch.manual_seed(seed)
    model = Qwen25VL(tiny_config(tokenizer))
    initialise(model, number_ids(tokenizer), seed)
    return model
