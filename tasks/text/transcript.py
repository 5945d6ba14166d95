"""How near a long transcription comes: the mean of BLEU, METEOR, the F-measure of its words and likeness.

Source: the script of OCRBench v2 (`cal_per_metrics`), which took it from Fox (Liu et al., 2024): texts with a
Chinese character in either are cut into words by jieba, others at white space; nltk gives BLEU-4 (Papineni et
al., 2002; not smoothed) and METEOR (Lavie and Agarwal, 2007); the F-measure is of the sets of words; likeness
is 1 - edit distance of characters / longer length.

A perfect transcription scores below 1: METEOR is 1 - 0.5 / n³ for n words, and below four words BLEU is 0.
METEOR's last stage counts synonyms as matches, by WordNet's data, which nltk downloads on its own. Nothing is
downloaded in a run, so this METEOR has the stages before it (equal words, equal stems) and no more; WordNet
knows English alone.
"""

from __future__ import annotations

import re
import warnings
from typing import Any, NamedTuple

from vleval.tasks.text.edit_distance import normalised_edit_distance

_CHINESE = re.compile("[一-龥]")


class Likeness(NamedTuple):
    """The four parts of the score, each 0..1."""

    bleu: float
    meteor: float
    f_measure: float
    characters: float

    @property
    def mean(self) -> float:
        """The score."""
        return sum(self) / len(self)


def transcript_likeness(prediction: str, truth: str) -> Likeness:
    """The likeness of one text to the true one."""
    said, true = words(prediction, truth), words(truth, prediction)
    return Likeness(
        _bleu(said, true),
        _meteor(said, true),
        _f_measure(set(said), set(true)),
        1.0 - normalised_edit_distance(prediction, truth),
    )


def words(text: str, beside: str) -> list[str]:
    """The words of a text, as the pair of it and `beside` is cut."""
    if not (_CHINESE.search(text) or _CHINESE.search(beside)):
        return text.split()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own source, in newer Pythons
        import jieba

    jieba.setLogLevel(
        "CRITICAL"
    )  # it tells of its dictionary's cache, and of a folder it cannot write that to
    found: list[str] = jieba.lcut(text)
    return found


def _bleu(said: list[str], true: list[str]) -> float:
    from nltk.translate.bleu_score import sentence_bleu

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nltk warns where four words in a row never agree
        return float(sentence_bleu([true], said))


class _NoSynonyms:
    """Stands in for WordNet."""

    @staticmethod
    def synsets(word: str) -> tuple[()]:
        return ()


def _meteor(said: list[str], true: list[str]) -> float:
    from nltk.translate.meteor_score import single_meteor_score

    no_synonyms: Any = _NoSynonyms()
    return float(single_meteor_score(true, said, wordnet=no_synonyms))


def _f_measure(said: set[str], true: set[str]) -> float:
    both = len(said & true)
    return 2 * both / (len(said) + len(true)) if both else 0.0
