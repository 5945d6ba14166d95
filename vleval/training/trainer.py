"""Runs a training stage on the generated worlds: processes, prefetching, exports, the record of it all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn
from torch.utils.data import DataLoader, IterableDataset

from vleval.model.checkpoint import save_checkpoint
from vleval.model.qwen import Qwen25VL
from vleval.model.training.conversations import Conversation
from vleval.model.training.finetune import Progress, Recipe, finetune
from vleval.model.training.tiny import SPEC, number_ids, tiny_model
from vleval.model.training.vocabulary import save_tokenizer
from vleval.training.lessons import CLASSES, lesson_batch, lesson_tokenizer

BATCH = 8
"""Media per process and step; small batches take more steps per second of CPU time and learn more in it."""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What the user asked for."""

    output: Path
    """Holds `state.safetensors` (to go on from), `checkpoint/` (hub layout) and `training.json` (how)."""
    recipe: Recipe
    easy_steps: int
    """Steps at the start whose scenes hold one to three objects."""
    workers: int
    """Processes, one core each; every step averages their gradients."""
    save_every: int = 250
    """Steps between two saves of the state and the checkpoint."""


def train(run: TrainingRun, report: Callable[[Progress], None]) -> None:
    """Train the bundled architecture from scratch, or from where `run.output` stopped."""
    run.output.mkdir(parents=True, exist_ok=True)
    if run.workers == 1:
        _work(0, run, report)
        return
    meeting = run.output / "meeting"
    meeting.unlink(missing_ok=True)
    spawn(_join, (run, meeting, report), nprocs=run.workers)


def _join(rank: int, run: TrainingRun, meeting: Path, report: Callable[[Progress], None]) -> None:
    dist.init_process_group(
        "gloo", init_method=f"file://{meeting.absolute()}", rank=rank, world_size=run.workers
    )
    _work(rank, run, report)
    dist.destroy_process_group()


def _work(rank: int, run: TrainingRun, report: Callable[[Progress], None]) -> None:
    torch.set_num_threads(1)
    tokenizer = lesson_tokenizer()
    model = tiny_model(tokenizer, run.recipe.seed)

    def batches(first: int) -> Iterator[list[Conversation]]:
        if rank == 0:
            _record(run, first)
        lessons = _Lessons(run, first, rank)
        return iter(DataLoader(lessons, batch_size=None, num_workers=1, prefetch_factor=6))

    finetune(
        model,
        tokenizer,
        number_ids(tokenizer),
        CLASSES,
        batches,
        run.recipe,
        run.output / "state.safetensors",
        report=report,
        save=lambda step: export(model, run.output / "checkpoint"),
        every=run.save_every,
    )


def export(model: Qwen25VL, folder: Path) -> None:
    """Write a checkpoint folder in hub layout: bfloat16 weights, config, tokenizer, processor files."""
    save_checkpoint(model, folder, dtype=torch.bfloat16)
    save_tokenizer(lesson_tokenizer(), folder)
    SPEC.save(folder)


class _Lessons(IterableDataset[list[Conversation]]):
    """The batches of one process from a step on; made in a process of its own while the model works."""

    def __init__(self, run: TrainingRun, first: int, rank: int) -> None:
        self.run, self.first, self.rank = run, first, rank

    def __iter__(self) -> Iterator[list[Conversation]]:
        torch.set_num_threads(1)
        for step in range(self.first, self.run.recipe.steps):
            index = step * self.run.workers + self.rank
            yield lesson_batch(self.run.recipe.seed, index, BATCH, SPEC, easy=step < self.run.easy_steps)


def _record(run: TrainingRun, first: int) -> None:
    """Append this leg to `training.json`: a run that was stopped and went on with other settings says so."""
    path = run.output / "training.json"
    legs: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    leg = {"from_step": first, "easy_steps": run.easy_steps, "workers": run.workers, "batch": BATCH}
    path.write_text(
        json.dumps([*legs, {**leg, "recipe": asdict(run.recipe)}], indent=2) + "\n", encoding="utf-8"
    )
