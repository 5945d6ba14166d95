"""Small models, tokenizers and folders that several tests share.

The oracle is transformers' own Qwen2.5-VL, tiny but with real patch and window sizes, and with norms and
biases randomised: its own initialisation leaves ones and zeros, which hide faults.
"""

from __future__ import annotations

import base64
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Qwen2_5_VLForConditionalGeneration

ROOT = Path(__file__).resolve().parents[1]

# Split pattern of the Qwen2 tokenizer: contractions, words, single digits, punctuation, white space.
_QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_ADDED_SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>"),
    *("<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
_ADDED_PLAIN = (
    *("<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>"),
    *("<|repo_name|>", "<|file_sep|>"),
)
REAL_VOCABULARY = 151_665


def fixtures_path(*parts: str) -> Path:
    """A file of the shared fixtures; skips the test where it is absent."""
    path = ROOT.parent.joinpath("shared", "fixtures", *parts)
    if not path.exists():
        pytest.skip(f"the shared fixtures are absent: {'/'.join(parts)}")
    return path


def tiny_config(
    *, vocabulary: int = 320, tied: bool = False, first_special: int | None = None
) -> dict[str, Any]:
    """A config.json in the nested 5.x layout.

    Vision: 64 wide, 4 heads, 4 blocks of which 1 and 3 see everything. Text: 64 wide, 4 heads, 2 of keys, 3
    layers. The ids of <|vision_start|>, <|vision_end|>, <|vision_pad|>, <|image_pad|>, <|video_pad|> follow
    each other, the first being `first_special` (default: the last five of the vocabulary but one).
    """
    first = vocabulary - 6 if first_special is None else first_special
    return {
        "model_type": "qwen2_5_vl",
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "image_token_id": first + 3,
        "video_token_id": first + 4,
        "vision_start_token_id": first,
        "vision_end_token_id": first + 1,
        "tie_word_embeddings": tied,
        "dtype": "float32",
        "vision_config": {
            "model_type": "qwen2_5_vl_vision",
            "depth": 4,
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_heads": 4,
            "out_hidden_size": 64,
            "fullatt_block_indexes": [1, 3],
            "tokens_per_second": 2,
            "in_channels": 3,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 112,
            "hidden_act": "silu",
        },
        "text_config": {
            "model_type": "qwen2_5_vl_text",
            "vocab_size": vocabulary,
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rms_norm_eps": 1e-6,
            "max_position_embeddings": 4096,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 1,
            "hidden_act": "silu",
            "tie_word_embeddings": tied,
            "rope_parameters": {"rope_theta": 1e6, "rope_type": "default", "mrope_section": [2, 3, 3]},
        },
    }


def tiny_hf_model(seed: int, config: dict[str, Any] | None = None) -> Qwen2_5_VLForConditionalGeneration:
    """transformers' model with every parameter random, in fp32 and evaluation mode."""
    import torch
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    model = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig.from_dict(config or tiny_config())).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_norm = parameter.ndim == 1 and name.endswith("weight")
            # Matrices keep activations near unit size, so that answers differ and float errors stay
            # comparable.
            scale = 0.2 if parameter.ndim == 1 else 1.3 / parameter[0].numel() ** 0.5
            parameter.copy_(noise * scale + (1.0 if is_norm else 0.0))
    model.generation_config.pad_token_id = model.config.text_config.pad_token_id
    return model


def save_tiny_checkpoint(
    folder: Path, *, seed: int = 0, config: dict[str, Any] | None = None, tokenizer: Path | None = None
) -> Qwen2_5_VLForConditionalGeneration:
    """Write a checkpoint as transformers saves it, preprocessor_config.json included; returns the model.

    `tokenizer` is a folder whose tokenizer files are linked beside the weights (see `real_tokenizer`).
    """
    model = tiny_hf_model(seed, config)
    model.save_pretrained(folder)
    preprocessor = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2_5_VLProcessor",
        "min_pixels": 3136,
        "max_pixels": 12845056,
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    if tokenizer is not None:
        for path in tokenizer.iterdir():
            (folder / path.name).symlink_to(path)
    return model


def write_weights(folder: Path, tensors: dict[str, Tensor], shards: int) -> None:
    """Replace the single weight file by `shards` files, with an index where there are several."""
    from safetensors.torch import save_file

    (folder / "model.safetensors").unlink(missing_ok=True)
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return
    names = sorted(tensors)
    weight_map = {
        name: f"model-{i % shards + 1:05d}-of-{shards:05d}.safetensors" for i, name in enumerate(names)
    }
    for file in set(weight_map.values()):
        save_file({k: tensors[k] for k in names if weight_map[k] == file}, folder / file, {"format": "pt"})
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def real_config(*, tied: bool = True) -> dict[str, Any]:
    """`tiny_config` with the real vocabulary and its token ids."""
    config = tiny_config(vocabulary=151_936, tied=tied, first_special=151_652)
    config["text_config"] |= {"bos_token_id": 151_643, "eos_token_id": 151_645, "pad_token_id": 151_643}
    return config


def real_tokenizer(cache_folder: Path) -> Path:
    """Folder with the real Qwen tokenizer.json and tokenizer_config.json, converted once from the fixtures.

    `cache_folder` is pytest's `request.config.cache.mkdir("tokenizer")` or any other; skips where the
    fixtures are absent.
    """
    ranks_file = fixtures_path("tokenizer", "qwen.tiktoken")
    folder = cache_folder / "qwen"
    if not (folder / "tokenizer.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "tokenizer_class": "Qwen2Tokenizer",
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "unk_token": None,
            "bos_token": None,
            "add_prefix_space": False,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 131_072,
        }
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        partial = folder / f"partial-{os.getpid()}"  # test processes may convert at the same time
        _convert_ranks(ranks_file).save(str(partial))
        os.replace(partial, folder / "tokenizer.json")
    return folder


def _convert_ranks(path: Path) -> Any:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    lines = (line.split() for line in path.read_bytes().splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    vocabulary = {_printable(token): rank for token, rank in ranks.items()}
    pairs = (_last_merge(token, ranks) for token in ranks if len(token) > 1)
    merges = [(_printable(left), _printable(right)) for left, right in pairs]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(_QWEN2_SPLIT), behavior="isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in _ADDED_SPECIAL])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in _ADDED_PLAIN])
    assert tokenizer.get_vocab_size() == REAL_VOCABULARY
    return tokenizer


def _last_merge(token: bytes, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    """The two parts of a token, found by replaying byte-pair merges of lower rank."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        joined = [
            (ranks.get(a + b, len(ranks)), i) for i, (a, b) in enumerate(zip(parts, parts[1:], strict=False))
        ]
        rank, i = min(joined)
        assert rank < ranks[token], token
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return parts[0], parts[1]


@cache
def _byte_symbols() -> dict[int, str]:
    """GPT-2's printable stand-in of every byte: itself where it prints, else a character from 256 on."""
    prints = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in prints]
    return {byte: chr(byte) for byte in prints} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


def _printable(token: bytes) -> str:
    return "".join(_byte_symbols()[byte] for byte in token)
