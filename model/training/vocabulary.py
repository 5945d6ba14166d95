"""A small tokenizer for a checkpoint trained from scratch: few tokens, yet every text survives it.

The bundled model writes boxes and spans, so its JSON fragments, its words and its whole numbers are one token
each; anything else, in any language, falls back to single bytes. One regular expression makes every split, so
there are no merges to learn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from vleval.model.prompt import CHATML_TEMPLATE

PAD_TOKEN = "<|endoftext|>"
END_OF_TURN = "<|im_end|>"
SPECIAL_TOKENS = (
    PAD_TOKEN,
    "<|im_start|>",
    END_OF_TURN,
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)


def build_tokenizer(words: Sequence[str], fragments: Sequence[str], numbers: int) -> Tokenizer:
    """A byte-complete tokenizer: `decode(encode(text)) == text` for every text.

    One token each: every fragment (longest first), every word bare and with one leading space, and the whole
    numbers "0" to str(numbers - 1) without leading zeros. A fragment of letters alone belongs among the
    words. The special tokens come last, in `SPECIAL_TOKENS` order. Raises ValueError for an empty word or
    fragment.
    """
    if "" in words or "" in fragments:
        raise ValueError("words and fragments must not be empty")
    whole = [*fragments, *words, *(f" {word}" for word in words), *map(str, range(numbers))]
    symbols = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *map(_byte_level, whole)]
    vocabulary = {symbol: index for index, symbol in enumerate(dict.fromkeys(symbols))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    split = pre_tokenizers.Split(Regex(_split_pattern(words, fragments, numbers)), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, _BYTE_LEVEL])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS]
    )
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json, which AutoTokenizer loads unchanged."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END_OF_TURN,
        "pad_token": PAD_TOKEN,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHATML_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


_BYTE_LEVEL = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def _byte_level(text: str) -> str:
    """The printable stand-in of `text`, one symbol per UTF-8 byte."""
    return "".join(piece for piece, _ in _BYTE_LEVEL.pre_tokenize_str(text))


def _split_pattern(words: Sequence[str], fragments: Sequence[str], numbers: int) -> str:
    """Fragments first, longest first; then digits, words, single punctuation marks and white space."""
    mixed = [form for word in words if not word.isalpha() for form in (word, f" {word}")]
    listed = sorted({*fragments, *mixed}, key=lambda text: (-len(text), text))
    digits = len(str(max(numbers - 1, 0)))
    rest = rf"\p{{N}}{{1,{digits}}}| ?\p{{L}}+|[^\s\p{{L}}\p{{N}}]|\s+(?!\S)|\s"
    return "|".join([*map(_whole, listed), rest])


def _whole(text: str) -> str:
    """`text` escaped, and kept from matching the first half of a longer word or number."""
    last = text[-1]
    boundary = r"(?!\p{L})" if last.isalpha() else r"(?!\p{N})" if last.isnumeric() else ""
    return re.escape(text) + boundary
