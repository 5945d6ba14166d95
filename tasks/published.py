"""Scores of Qwen2.5-VL as its makers published them: reference rows beside runs on the same split.

Sources, as the numbers' `source` names them:
- report: "Qwen2.5-VL Technical Report", arXiv 2502.13923, tables 5 to 8 (3B, 7B, 72B);
- readme: the README tables of the repository QwenLM/Qwen2.5-VL, for GUI rows and the 32B, which came later.

None was published with an interval, and few with the prompt. Tasks are called as vleval calls or will call
them, splits as the published protocols do: a hub split that mixes protocols has another name in vleval
(`SplitNote.title`), and so never meets these numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

REPORT = "Qwen2.5-VL Technical Report (arXiv 2502.13923), tables 5-8"
README = "README of QwenLM/Qwen2.5-VL"

MODELS: Mapping[str, str] = {
    "3B": "Qwen/Qwen2.5-VL-3B-Instruct",
    "7B": "Qwen/Qwen2.5-VL-7B-Instruct",
    "32B": "Qwen/Qwen2.5-VL-32B-Instruct",
    "72B": "Qwen/Qwen2.5-VL-72B-Instruct",
}
"""Size -> hub id of the checkpoint."""


class Published(NamedTuple):
    """One metric of one split."""

    task: str
    split: str
    metric: str
    scores: Mapping[str, float]
    """Size (a key of MODELS) -> the number as printed."""
    full: float = 100.0
    """The printed number that stands for 1.0 in vleval: 100 for percent, 1000 for OCRBench's points."""
    questions: int | None = None
    """Questions of the split, where the literature agrees: a local copy is recognised by them."""

    def value(self, size: str) -> float:
        """The score in the unit of vleval's records."""
        return round(self.scores[size] / self.full, 6)

    def source(self, size: str) -> str:
        """Where the number stands."""
        return README if size == "32B" or self.task.startswith("screenspot") else REPORT

    def __str__(self) -> str:
        shown = ", ".join(f"{size} {score:g}" for size, score in self.scores.items())
        return f"{self.metric} {self.split}: {shown}"


def _row(
    three: float | None, seven: float | None, thirty_two: float | None, big: float | None
) -> dict[str, float]:
    values = zip(MODELS, (three, seven, thirty_two, big), strict=True)
    return {size: value for size, value in values if value is not None}


PUBLISHED: Sequence[Published] = (
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
    Published("screenspot-pro", "test", "click_acc", _row(23.9, 29.0, 39.4, 43.6), questions=1581),
    Published("docvqa", "test", "anls", _row(93.9, 95.7, 94.8, 96.4), questions=5188),
    Published("infovqa", "test", "anls", _row(77.1, 82.6, 83.4, 87.3), questions=3288),
    Published("chartqa", "test", "relaxed_acc", _row(84.0, 87.3, None, 89.5), questions=2500),
    Published("textvqa", "validation", "vqa_acc", _row(79.3, 84.9, None, 83.5), questions=5000),
    Published("ai2d", "test", "acc", _row(81.6, 83.9, None, 88.7), questions=3088),
    Published("ocrbench", "test", "acc", _row(797, 864, None, 885), full=1000.0, questions=1000),
    Published("ocrbench-v2", "en", "score", _row(54.3, 56.3, 57.2, 61.5)),
    Published("ocrbench-v2", "zh", "score", _row(52.1, 57.2, 59.1, 63.7)),
    Published("cc-ocr", "test", "score", _row(74.5, 77.8, 77.1, 79.8)),
    Published("omnidocbench", "en", "edit_distance", _row(0.409, 0.308, None, 0.226), full=1.0),
    Published("omnidocbench", "zh", "edit_distance", _row(0.543, 0.398, None, 0.324), full=1.0),
    Published("charxiv", "reasoning", "acc", _row(31.3, 42.5, None, 49.7)),
    Published("charxiv", "descriptive", "acc", _row(58.6, 73.9, None, 87.4)),
    Published("video-mme", "without subtitles", "acc", _row(61.5, 65.1, 70.5, 73.3)),
    Published("video-mme", "with subtitles", "acc", _row(67.6, 71.6, 77.9, 79.1)),
    Published("mvbench", "test", "acc", _row(67.0, 69.6, None, 70.4)),
    Published("tempcompass", "test", "acc", _row(64.4, 71.7, None, 74.8)),
    Published("lvbench", "test", "acc", _row(43.3, 45.3, 49.0, 47.3)),
    Published("mlvu", "dev", "m_avg", _row(68.2, 70.2, None, 74.6)),
    Published("longvideobench", "val", "acc", _row(54.2, 56.0, None, 60.7)),
    Published("egoschema", "test", "acc", _row(64.8, 65.0, None, 76.2)),
    Published("perception-test", "test", "acc", _row(66.9, 70.5, None, 73.2)),
    Published("charades-sta", "test", "miou", _row(38.8, 43.6, 54.2, 50.9), questions=3720),
)


def published(task: str, split: str | None = None) -> list[Published]:
    """What was published on a task, or on one of its splits."""
    return [row for row in PUBLISHED if row.task == task and split in (None, row.split)]
