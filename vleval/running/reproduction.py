"""A run beside the score that the makers published: which score is meant, and whether ours is the same.

A published score has no interval, and most of its setting is unknown, so "the same" needs a band. Ours counts
as reproduced where its 95% interval meets `published +/- (rounding + HARNESS_BAND)`:

- rounding is half a unit of the last printed digit;
- HARNESS_BAND is what the same weights differ by between careful harnesses. lmms-eval's own regression runs
  of Qwen2.5-VL-3B (docs/releases/lmms-eval-0.4.md) lie below the report by 2.9 points on AI2D, 1.1 on
  OCRBench and 0.5 on ChartQA, on the very same splits: 1.5 on average, of prompts, resizing and kernels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from vleval.errors import UserError
from vleval.model.config import PUBLISHED as SHAPES
from vleval.model.config import ModelConfig
from vleval.results.statistics.stats import Estimate
from vleval.results.subset import subset_text
from vleval.running.job import Job, Run
from vleval.tasks.base import Task
from vleval.tasks.published import QWEN25, SIZES, Published, published
from vleval.tasks.technical_report import Covered

HARNESS_BAND = 0.015
"""1.5 points of 100, in the unit of records."""

Verdict = Literal["reproduced", "below the band", "above the band", "no reproduction"]


class Size(NamedTuple):
    """Which released model a checkpoint is held against."""

    name: str
    """A key of a published row's scores: `7B`."""
    known_by: str
    """How it was recognised, in words."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One published number and ours."""

    row: Published
    size: str
    ours: Estimate
    caveats: tuple[str, ...]
    """Why the run is no reproduction, one clause each; () where it is one."""

    @property
    def published(self) -> float:
        """In the unit of records."""
        return self.row.value(self.size)

    @property
    def band(self) -> tuple[float, float]:
        """Scores that count as reproduced."""
        _, _, digits = repr(self.row.scores[self.size]).partition(".")
        half = HARNESS_BAND + 0.5 * 10 ** -len(digits) / self.row.full
        low, high = self.published - half, self.published + half
        return round(max(0.0, low), 6), round(min(1.0, high), 6)

    @property
    def verdict(self) -> Verdict:
        """By the whole interval; a score without one stands for itself."""
        if self.caveats or self.ours.value is None:
            return "no reproduction"
        low, high = self.ours.interval or (self.ours.value, self.ours.value)
        if high < self.band[0]:
            return "below the band"
        return "above the band" if low > self.band[1] else "reproduced"

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dictionary (docs/json.md)."""
        ours = self.ours
        return {
            "metric": self.row.metric,
            "ours": {"value": ours.value, "interval": list(ours.interval) if ours.interval else None},
            "published": {
                "value": self.published,
                "printed": self.row.scores[self.size],
                "source": self.row.source(self.size),
            },
            "band": list(self.band),
            "verdict": self.verdict,
        }


def published_rows(task: Task, split: str | None) -> list[Published]:
    """The scores of Qwen2.5-VL on a split: the one asked for, else the task's default or the first published.

    Raises UserError where there is none, or where the split's answers are kept back.
    """
    rows = [row for row in published(task.name) if row.family == QWEN25]
    splits = list(dict.fromkeys(row.split for row in rows))
    if not rows:
        raise UserError(f"no score of {QWEN25} was published on {task.name}: `vleval run` scores it")
    wanted = split or (task.default_split if task.default_split in splits else splits[0])
    found = [Covered(row, task) for row in rows if row.split == wanted]
    if not found:
        raise UserError(f"--split {wanted}: {task.name} was published on {', '.join(splits)}")
    if found[0].kept_back:
        raise UserError(
            f"{task.name} was published on {wanted}, whose answers are kept back: vleval cannot score it; "
            f"`vleval run` scores {task.default_split}, which nothing was published on"
        )
    if not (scored := [each.row for each in found if each.measured]):
        raise UserError(f"{task.name}: what was published ({found[0].row.metric}) is no metric of vleval's")
    return scored


def model_size(name: str, said: str | None) -> Size:
    """The released size that `--model` is held against: as `--as` says, by the hub id, else by the shape.

    Raises UserError where none can be told, and CheckpointError for a folder without a readable config.json.
    """
    sizes = SIZES[QWEN25]
    if said is not None:
        if said.upper() not in sizes:
            raise UserError(f"--as {said}: published are {', '.join(sizes)}")
        return Size(said.upper(), "--as")
    for size in sizes:
        if name == f"Qwen/{QWEN25}-{size}-Instruct":
            return Size(size, "its hub id")
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        shape = ModelConfig.from_folder(folder)
        for size, released in SHAPES.items():
            if _shape(released) == _shape(shape):
                return Size(size, "the shape in its config.json")
    raise UserError(f"{name} is none of the released sizes: --as {'|'.join(sizes)} says which one is meant")


def _shape(config: ModelConfig) -> tuple[int, ...]:
    text = config.text
    return text.hidden_size, text.intermediate_size, text.num_hidden_layers, text.num_attention_heads


def compare(rows: Sequence[Published], size: Size, job: Job, run: Run) -> list[Compared]:
    """Every published number of the split beside ours. Raises UserError where the size has none."""
    caveats = tuple(_caveats(rows, job, run))
    found = [row for row in rows if size.name in row.scores]
    return [Compared(row, size.name, run.summary.metrics[row.metric], caveats) for row in found]


def check_size(rows: Sequence[Published], size: Size) -> None:
    """Raise UserError, before anything is loaded, where nothing was published for the size."""
    if not any(size.name in row.scores for row in rows):
        told = ", ".join(dict.fromkeys(each for row in rows for each in row.scores))
        raise UserError(
            f"{rows[0].task} {rows[0].split} was not published for the {size.name} (known by "
            f"{size.known_by}); there are {told}"
        )


def _caveats(rows: Sequence[Published], job: Job, run: Run) -> list[str]:
    said = []
    if part := subset_text(job.config.model_dump()):
        said.append(f"only a part of the questions was asked ({part})")
    wanted = next((row.questions for row in rows if row.questions is not None), None)
    if not said and wanted is not None and job.data.samples != wanted:
        said.append(f"the data have {job.data.samples:,} questions, the published split {wanted:,}")
    if not said and wanted is None and job.data.origin == "local":
        said.append("nobody can tell whether a local file is the published split")
    if job.data.notes:
        said.append(job.data.notes[0].rstrip("."))
    if run.summary.n < run.summary.expected:
        said.append(f"only {run.summary.n} of {run.summary.expected} questions were answered")
    return said


def points(value: float, row: Published) -> str:
    """A score in the unit and with the digits that the published number has."""
    digits = 1 if row.full >= 100 else 3
    return f"{value * row.full:.{digits}f}" if math.isfinite(value) else "-"
