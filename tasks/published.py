"""Scores of Qwen2.5-VL and Qwen2-VL as their makers published them, to stand beside runs on the same split.

Sources, as the numbers' `source` names them:
- the "Qwen2.5-VL Technical Report", arXiv 2502.13923, tables 5 to 8 (3B, 7B, 72B);
- the README of QwenLM/Qwen2.5-VL for GUI rows, for the 32B, which came later, and for what it shows of
  Qwen2-VL 72B;
- the "Qwen2-VL" report, arXiv 2409.12191, for its grounding table, and the README of QwenLM/Qwen2-VL for the
  rest. Its OCRBench figures are other ones than the report's; those that we could read stand here.

None was published with an interval, and few with the prompt. Tasks are called as vleval calls them, splits as
the published protocols do: a hub split that mixes protocols has another name in vleval
(`SplitNote.title`), so it never meets these numbers. A number that nobody has read in its source is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

REPORT = "Qwen2.5-VL Technical Report (arXiv 2502.13923), tables 5-8"
README = "README of QwenLM/Qwen2.5-VL"
REPORT_2 = "Qwen2-VL report (arXiv 2409.12191), grounding table"
README_2 = "README of QwenLM/Qwen2-VL"

QWEN25, QWEN2 = "Qwen2.5-VL", "Qwen2-VL"
SIZES: Mapping[str, Sequence[str]] = {QWEN25: ("3B", "7B", "32B", "72B"), QWEN2: ("2B", "7B", "72B")}
"""Of each generation."""


class Published(NamedTuple):
    """One metric of one split, of one generation."""

    task: str
    split: str
    metric: str
    scores: Mapping[str, float]
    """Size (one of SIZES) -> the number as printed."""
    full: float = 100.0
    """The printed number that stands for 1.0 in vleval: 100 for percent, 1000 for OCRBench's points."""
    questions: int | None = None
    """Questions of the split, where the literature agrees: a local copy is recognised by them."""
    family: str = QWEN25

    def value(self, size: str) -> float:
        """The score in the unit of vleval's records."""
        return round(self.scores[size] / self.full, 6)

    def source(self, size: str) -> str:
        """Where the number stands."""
        if self.family == QWEN2 and self.task.startswith("refcoco"):
            return REPORT_2
        if self.family == QWEN2 and self.task not in ("ocrbench-v2", "cc-ocr"):
            return README_2
        from_readme = self.family == QWEN2 or size == "32B" or self.task.startswith("screenspot")
        return README if from_readme else REPORT

    def model(self, size: str) -> str:
        """The hub id of the checkpoint."""
        return f"Qwen/{self.family}-{size}-Instruct"

    def __str__(self) -> str:
        shown = ", ".join(f"{size} {score:g}" for size, score in self.scores.items())
        return f"{self.metric} {self.split}: {shown}"


def _row(*scores: float | None, family: str = QWEN25) -> dict[str, float]:
    values = zip(SIZES[family], scores, strict=True)
    return {size: value for size, value in values if value is not None}


def _qwen2(like: Published, *scores: float | None) -> Published:
    """The row of the generation before, on the same questions."""
    return like._replace(scores=_row(*scores, family=QWEN2), family=QWEN2)


_OF_2_5: Sequence[Published] = (
    Published("refcoco", "val", "acc@0.5", _row(89.1, 90.0, None, 92.7), questions=10834),
    Published("refcoco", "testA", "acc@0.5", _row(91.7, 92.5, None, 94.6), questions=5657),
    Published("refcoco", "testB", "acc@0.5", _row(84.0, 85.4, None, 89.7), questions=5095),
    Published("refcoco+", "val", "acc@0.5", _row(82.4, 84.2, None, 88.9), questions=10758),
    Published("refcoco+", "testA", "acc@0.5", _row(88.0, 89.1, None, 92.2), questions=5726),
    Published("refcoco+", "testB", "acc@0.5", _row(74.1, 76.9, None, 83.7), questions=4889),
    Published("refcocog", "val", "acc@0.5", _row(85.2, 87.2, None, 89.9), questions=4896),
    Published("refcocog", "test", "acc@0.5", _row(85.7, 87.2, None, 90.3), questions=9602),
    Published("odinw13", "test", "map", _row(37.5, 37.3, None, 43.1)),
    Published("countbench-detect", "test", "acc", _row(None, None, None, 93.6)),
    Published("screenspot", "test", "click_acc", _row(55.5, 84.7, 88.5, 87.1), questions=1272),
    Published("screenspot-pro", "train", "click_acc", _row(23.9, 29.0, 39.4, 43.6), questions=1581),
    Published("docvqa", "test", "anls", _row(93.9, 95.7, 94.8, 96.4), questions=5188),
    Published("infovqa", "test", "anls", _row(77.1, 82.6, 83.4, 87.3), questions=3288),
    Published("chartqa", "test", "relaxed_acc", _row(84.0, 87.3, None, 89.5), questions=2500),
    Published("textvqa", "validation", "vqa_acc", _row(79.3, 84.9, None, 83.5), questions=5000),
    Published("ai2d", "test", "acc", _row(81.6, 83.9, None, 88.7), questions=3088),
    Published("ocrbench", "test", "acc", _row(797, 864, None, 885), full=1000.0, questions=1000),
    Published("ocrbench-v2", "test", "score_en_as_asked", _row(54.3, 56.3, 57.2, 61.5)),
    Published("ocrbench-v2", "test", "score_zh", _row(52.1, 57.2, 59.1, 63.7)),
    Published("cc-ocr", "test", "score", _row(74.5, 77.8, 77.1, 79.8)),
    Published("omnidocbench", "train", "edit_distance_en", _row(0.409, 0.308, None, 0.226), full=1.0),
    Published("omnidocbench", "train", "edit_distance_zh", _row(0.543, 0.398, None, 0.324), full=1.0),
    Published("videomme", "test", "acc", _row(61.5, 65.1, 70.5, 73.3), questions=2700),
    Published("videomme-subtitles", "test", "acc", _row(67.6, 71.6, 77.9, 79.1), questions=2700),
    Published("mvbench", "train", "acc", _row(67.0, 69.6, None, 70.4), questions=4000),
    Published("tempcompass", "test", "avg_of_four_forms", _row(64.4, 71.7, None, 74.8)),
    Published("lvbench", "train", "acc", _row(43.3, 45.3, 49.0, 47.3), questions=1549),
    Published("mlvu", "test", "m_avg", _row(68.2, 70.2, None, 74.6), questions=2174),
    Published("longvideobench", "validation", "acc", _row(54.2, 56.0, None, 60.7), questions=1337),
    Published("charades-sta", "test", "miou", _row(38.8, 43.6, 54.2, 50.9), questions=3720),
)

_OF_2: Mapping[tuple[str, str, str], Sequence[float | None]] = {
    ("refcoco", "val", "acc@0.5"): (87.6, 91.7, 93.2),
    ("refcoco", "testA", "acc@0.5"): (90.6, 93.6, 95.3),
    ("refcoco", "testB", "acc@0.5"): (82.3, 87.3, 90.7),
    ("refcoco+", "val", "acc@0.5"): (79.0, 85.8, 90.1),
    ("refcoco+", "testA", "acc@0.5"): (84.9, 90.5, 93.8),
    ("refcoco+", "testB", "acc@0.5"): (71.0, 79.5, 85.6),
    ("refcocog", "val", "acc@0.5"): (81.2, 87.3, 89.9),
    ("refcocog", "test", "acc@0.5"): (80.3, 87.8, 90.4),
    ("docvqa", "test", "anls"): (90.1, 94.5, 96.5),
    ("infovqa", "test", "anls"): (65.5, 76.5, 84.5),
    ("chartqa", "test", "relaxed_acc"): (73.5, 83.0, 88.3),
    ("textvqa", "validation", "vqa_acc"): (79.7, 84.3, 85.5),
    ("ocrbench", "test", "acc"): (794, 845, 855),
    ("ocrbench-v2", "test", "score_en_as_asked"): (None, None, 47.8),
    ("ocrbench-v2", "test", "score_zh"): (None, None, 46.1),
    ("cc-ocr", "test", "score"): (None, None, 68.7),
    ("mvbench", "train", "acc"): (63.2, 67.0, 73.6),
    ("videomme", "test", "acc"): (55.6, 63.3, 71.2),
    ("videomme-subtitles", "test", "acc"): (60.4, 69.0, 77.8),
}
"""The beginning of a row above -> scores of 2B, 7B and 72B in the same unit."""

PUBLISHED: Sequence[Published] = (
    *_OF_2_5,
    *(_qwen2(row, *_OF_2[row[:3]]) for row in _OF_2_5 if row[:3] in _OF_2),
)


def published(task: str, split: str | None = None) -> list[Published]:
    """What was published on a task, or on one of its splits, the newer generation first."""
    return [row for row in PUBLISHED if row.task == task and split in (None, row.split)]
