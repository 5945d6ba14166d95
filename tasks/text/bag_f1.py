"""F1 of the words (or characters) of a text, in any order: how many are right, missing and too many.

Source: CC-OCR's script (`ocr_evaluator.py`, Yang et al. 2024): tokens are compared as multisets. Its 1e-9 in
every divisor is left out, so that a perfect answer scores 1.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

_SPACES = re.compile(r"\s+")
_NOT_PLAIN = re.compile("[^a-z0-9]+")


class Tokens(NamedTuple):
    """How a text is cut."""

    characters: bool = False
    """Whether tokens are characters, else words between spaces."""
    plain: bool = False
    """Whether words are stripped of all but ASCII letters and digits."""


def bag_f1(prediction: str, truth: str, tokens: Tokens) -> float:
    """2 · right / (said + true), 0..1; case does not matter, nor do `###` and `***`; 0 without tokens."""
    said, true = tokenise(prediction, tokens), tokenise(truth, tokens)
    right = (said & true).total()
    return 2 * right / (said.total() + true.total()) if right else 0.0


def tokenise(text: str, tokens: Tokens) -> Counter[str]:
    """The tokens of a text, and how often each occurs."""
    text = _SPACES.sub(
        " ", text.strip().replace("\t", " ").replace("\n", " ").replace("###", "").replace("***", "")
    )
    if tokens.characters:
        return Counter("".join(text.split(" ")).lower())
    words = (word.lower() for word in text.split(" "))
    cut = (_NOT_PLAIN.sub("", word) for word in words) if tokens.plain else words
    return Counter(word for word in cut if word)
