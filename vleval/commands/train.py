"""`vleval train`: the stages that made the bundled checkpoint, on generated worlds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vleval.model.training.finetune import Progress

app = typer.Typer(no_args_is_help=True, help="Train the bundled architecture on generated worlds.")

EXAMPLES = """Examples:

vleval train finetune --output training --workers 2

vleval run --task refcoco --model training/checkpoint --data bundled --split val
"""


@app.command(epilog=EXAMPLES)
def finetune(
    output: Annotated[
        Path, typer.Option(help="Folder for state, checkpoint and record; an earlier run in it goes on.")
    ],
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps in all.")] = 7700,
    vision_steps: Annotated[
        int, typer.Option(min=0, help="First steps, in which the vision tower learns alone.")
    ] = 3000,
    easy_steps: Annotated[
        int, typer.Option(min=0, help="First steps, in which scenes hold one to three objects.")
    ] = 3300,
    seed: Annotated[int, typer.Option(help="Decides weights and scenes.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes, one core each.")] = 2,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress lines.")] = False,
) -> None:
    """End-to-end fine-tuning of all weights: scenes (RefCOCO's questions) and clips (Charades-STA's)."""
    from vleval.model.training.finetune import Recipe
    from vleval.training.trainer import TrainingRun, train

    run = TrainingRun(output, Recipe(steps=steps, vision_steps=vision_steps, seed=seed), easy_steps, workers)
    train(run, _Talk(steps, quiet))
    typer.echo(str(output / "checkpoint"))


class _Talk:
    """Prints progress; an object, because it travels to the training process."""

    def __init__(self, steps: int, quiet: bool) -> None:
        self.steps, self.quiet = steps, quiet
        self.first: tuple[int, float] | None = None

    def __call__(self, progress: Progress) -> None:
        from vleval.console import Console

        self.first = self.first or (progress.step, progress.seconds)
        done = progress.step - self.first[0]
        pace = (progress.seconds - self.first[1]) / done if done else progress.seconds / progress.step
        losses = ", ".join(f"{name} {value:.3f}" for name, value in progress.parts.items())
        left = pace * (self.steps - progress.step) / 60
        Console(quiet=self.quiet).note(f"step {progress.step}/{self.steps}, {losses}, {left:.0f} min left")
