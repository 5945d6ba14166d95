"""VQA accuracy: an answer is as right as people agree with it.

Source: Antol et al., "VQA" (2015), and the answer processor of TextVQA's own evaluation (Singh et al., 2019),
whose slips are kept: every published score has them. VLMEvalKit reads in a slightly other way (`VLMEVALKIT`),
and some count agreement without leaving anybody out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class Rules(NamedTuple):
    """What implementations of VQA accuracy disagree on."""

    split_words: bool = True
    """Whether commas and question marks go first, and `'s` becomes a word."""
    keep_digit_period: bool = False
    """Whether a period after a digit stays ("3."): upstream's check for it is mistyped, and never holds."""
    periods: int = 32
    """How many periods are removed at most: upstream passes a flag in the place of the count."""
    leave_one_out: bool = True
    """Whether each person in turn is left out, and the mean taken; else all are counted once."""


OFFICIAL = Rules()
VLMEVALKIT = Rules(split_words=False, keep_digit_period=True)

_MARKS = ';/[]"{}()=+\\_-><@`,?!'
_GROUPED = re.compile(r"(?<=[0-9]),+(?=[0-9])")
_PERIOD = re.compile(r"\.(?!\d)")
_LONE_PERIOD = re.compile(r"(?<!\d)\.(?!\d)")
_ARTICLES = {"a", "an", "the"}
_COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {"none": "0"} | {word: str(value) for value, word in enumerate(_COUNTS)}

_CONTRACTED = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd
he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've
needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've
somebody'll somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll
that's there'd there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've
we've weren't what'll what're what's what've when's where'd where's where've who'd who'd've who'll who's
who've why'll why're why's won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've
you'll you're you've
"""
_CONTRACTIONS = {
    word[:index] + word[index + 1 :]: word
    for word in _CONTRACTED.split()
    for index, letter in enumerate(word)
    if letter == "'"
} | {"somebody'd": "somebodyd"}
"""Each of them with one apostrophe forgotten -> with it; and one that upstream has the wrong way round."""


def vqa_accuracy(prediction: str, answers: Sequence[str], rules: Rules = OFFICIAL) -> float:
    """The agreement of people's `answers` (ten, as a rule) with an answer, 0..1.

    Leaving one out, an answer that k of ten people gave scores 0, 0.3, 0.6, 0.9, and 1 from four on; with one
    person there is nobody left to agree with, and every answer scores 0.
    """
    said = normalise(prediction, rules)
    agree = [normalise(answer, rules) == said for answer in answers]
    if not agree:
        return 0.0
    if not rules.leave_one_out:
        return min(1.0, sum(agree) / 3)
    return sum(min(1.0, (sum(agree) - own) / 3) for own in agree) / len(agree)


def normalise(text: str, rules: Rules = OFFICIAL) -> str:
    """An answer as it is compared: lower case, few marks, digits for small numbers, no articles."""
    if rules.split_words:
        text = text.lower().replace(",", "").replace("?", "").replace("'s", " 's").strip()
    text = _without_marks(text.replace("\n", " ").replace("\t", " ").strip(), rules)
    words = [_NUMBERS.get(word, word) for word in text.lower().split()]
    return " ".join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)


def _without_marks(text: str, rules: Rules) -> str:
    """Without punctuation: a mark that touches a space anywhere goes, any other becomes a space."""
    grouped = _GROUPED.search(text) is not None
    out = text
    for mark in _MARKS:
        touches = f"{mark} " in text or f" {mark}" in text
        out = out.replace(mark, "" if touches or grouped else " ")
    return (_LONE_PERIOD if rules.keep_digit_period else _PERIOD).sub("", out, count=rules.periods)
