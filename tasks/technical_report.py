"""Every row of the Qwen2.5-VL technical report's tables: what vleval runs for it, or why it does not.

The covered rows are those of `published.PUBLISHED`; only what vleval has no task for is listed here.
"""

from __future__ import annotations

from typing import NamedTuple

from vleval.tasks.base import Task
from vleval.tasks.published import PUBLISHED, QWEN25, Published
from vleval.tasks.registry import TASKS

_GENERAL = "general knowledge, mathematics and dialogue: not pointing, reading or timing"
_TEXT = "text only: no picture is seen"
_AGENT = "an agent in a live or simulated device: many steps, no single answer to score"
_JUDGE = "scored by a language model as judge, whose verdicts cannot be repeated"


class NotCovered(NamedTuple):
    """Rows of one table without a task."""

    table: str
    rows: str
    reason: str


NOT_COVERED = (
    NotCovered("table 3", "MMMU, MMMU-Pro, MathVista, MATH-Vision, MathVerse, MegaBench", _GENERAL),
    NotCovered("table 3", "MMBench (EN, CN, V1.1), MMStar, MME, MuirBench, BLINK, CRPE", _GENERAL),
    NotCovered("table 3", "HallBench, MTVQA, RealWorldQA, MME-RealWorld, MMVet, MM-MT-Bench", _GENERAL),
    NotCovered("table 4", "all rows (MMLU-Pro, MATH, HumanEval, IFEval, ...)", _TEXT),
    NotCovered("table 5", "CharXiv (reasoning, descriptive)", _JUDGE),
    NotCovered("table 5", "SEED-Bench-2-Plus", "choices about charts and maps, much like ai2d"),
    NotCovered("table 5", "VCR", "words restored behind a mask: no reading of what is there"),
    NotCovered("table 6", "PointGrounding", "Qwen's own set, never published; pixmo-points is the open one"),
    NotCovered("table 8", "Video-MMMU, MMVU", _GENERAL),
    NotCovered("table 8", "MMBench-Video", _JUDGE),
    NotCovered("table 8", "EgoSchema", "the answers of its test split are on a server only"),
    NotCovered("table 8", "PerceptionTest", "the answers of its test split are on a server only"),
    NotCovered("table 9", "Android Control, AITZ, AndroidWorld, MobileMiniWob++, OSWorld", _AGENT),
)


class Covered(NamedTuple):
    """A row and the task that runs it."""

    row: Published
    task: Task

    @property
    def kept_back(self) -> bool:
        """Whether the benchmark keeps the truths of the split."""
        row, task = self.row, self.task
        return row.split not in task.splits or (
            task.submission is not None and row.split != task.default_split
        )

    @property
    def measured(self) -> bool:
        """Whether the number is one of the task's metrics."""
        return self.row.metric in [metric.name for metric in self.task.metrics]

    @property
    def note(self) -> str:
        """What keeps vleval from scoring the very row; empty where nothing does."""
        if not self.measured:
            return "no metric of vleval's is this number"
        if self.kept_back:
            return f"the answers of {self.row.split} are kept back; {self.task.default_split} is scored"
        return ""


def covered() -> list[Covered]:
    """The rows that have a task, in the order of the registry."""
    rows = [row for row in PUBLISHED if row.family == QWEN25]
    return [Covered(row, task) for task in TASKS.values() for row in rows if row.task == task.name]
