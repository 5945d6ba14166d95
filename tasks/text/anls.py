"""ANLS: how near an answer comes to any accepted one, nothing below half.

Source: Biten et al., "Scene Text Visual Question Answering" (ICCV 2019), equation 1: 1 - NL where NL < 0.5,
else 0, and the best over the accepted answers. The script of the challenge server (rrc.cvc.uab.es), which
lmms-eval and VLMEvalKit follow, differs in two points; `SERVER` names them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from vleval.tasks.text.edit_distance import normalised_edit_distance


class Rules(NamedTuple):
    """What implementations of ANLS disagree on."""

    threshold: float = 0.5
    """Distance from which on an answer is worth nothing."""
    keep_threshold: bool = False
    """Whether a distance of exactly the threshold still counts (as 0.5)."""
    lower_case: bool = True
    """Whether case is ignored."""
    collapse_spaces: bool = True
    """Whether white space around an answer goes, and runs of it become one space."""
    raw_length: bool = False
    """Whether distances are divided by the longer answer as written, with all its white space."""


PAPER = Rules()
SERVER = Rules(keep_threshold=True, raw_length=True)


def anls(prediction: str, references: Sequence[str], rules: Rules = PAPER) -> float:
    """The similarity of one answer, 0..1, the best over `references`; 0 where there are none."""
    if not references:
        return 0.0
    distance = min(_distance(prediction, reference, rules) for reference in references)
    kept = distance < rules.threshold or (rules.keep_threshold and distance == rules.threshold)
    return 1.0 - distance if kept else 0.0


def _distance(prediction: str, reference: str, rules: Rules) -> float:
    length = max(len(prediction), len(reference)) if rules.raw_length else None
    return normalised_edit_distance(_fold(prediction, rules), _fold(reference, rules), length=length)


def _fold(text: str, rules: Rules) -> str:
    text = text.lower() if rules.lower_case else text
    return " ".join(text.split()) if rules.collapse_spaces else text
