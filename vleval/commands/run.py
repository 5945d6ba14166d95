"""`vleval run`: one model, one or many tasks, one or many settings, one comparison per task."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vleval import options

if TYPE_CHECKING:
    from vleval.console import Console
    from vleval.engines import ModelChoice
    from vleval.job import Job
    from vleval.plan import Part

EXAMPLES = """Examples:

vleval run --task refcoco --max-pixels 16t,36t,64t

vleval run --task refcoco --model Qwen/Qwen2.5-VL-7B-Instruct --max-pixels 1280t --limit 500

vleval run --task refcoco --model ./my-checkpoint --data my.parquet --media photos/ --json

vleval run --task refcoco,charades-sta --model ./my-checkpoint --max-pixels 128t,256t --fps 1,2,4

vleval run --task refcoco --prompt "Where is {expression}? Answer with its bbox in JSON."

vleval run --task ./my_task.py --data my_task.jsonl

vleval run --config team.toml --limit 100
"""


def run(
    ctx: typer.Context,
    task: options.Tasks = None,
    model: options.Model = None,
    data: options.Data = None,
    media: options.Media = None,
    split: options.Split = None,
    revision: options.Revision = None,
    limit: options.Limit = None,
    seed: options.Seed = None,
    prompt: options.Prompt = None,
    min_pixels: options.MinPixels = None,
    max_pixels: options.MaxPixels = None,
    fps: options.Fps = None,
    min_frames: options.MinFrames = None,
    max_frames: options.MaxFrames = None,
    total_pixels: options.TotalPixels = None,
    resize_filter: options.Filter = None,
    frame_sampling: options.Sampling = None,
    video_timing: options.Timing = None,
    video_positions: options.Positions = None,
    coordinates: options.Convention = None,
    engine: options.Engine = None,
    dtype: options.Dtype = None,
    device: options.Device = None,
    batch_size: options.BatchSize = None,
    max_new_tokens: options.MaxNewTokens = None,
    repetition_penalty: options.RepetitionPenalty = None,
    max_errors: options.MaxErrors = None,
    output: options.Output = None,
    name: options.Name = None,
    fresh: options.Fresh = None,
    rehash: options.Rehash = None,
    config: options.Config = None,
    json: options.Json = None,
    quiet: options.Quiet = None,
    verbose: options.Verbose = None,
) -> None:
    """Run a model on one or several tasks and compare settings.

    Every combination of the listed settings that applies to a task is a run. Every answer is stored as it
    comes. The same command again goes on where it stopped, whatever stopped it; once complete, it shows the
    stored results.

    Exit codes: 0 complete, 2 usage, 12 incomplete, or stored answers were made otherwise, 13 too many
    failures, 14 storage, 130 Ctrl-C, 143 SIGTERM.
    """
    passed = {name: value for name, value in ctx.params.items() if value is not None and name != "config"}
    raise typer.Exit(_launch(passed, config))


def _launch(passed: Mapping[str, Any], file: Path | None) -> int:
    """Everything cheap is checked before the model is loaded."""
    from vleval.console import Console
    from vleval.engines import check_folder, choose_model, open_engine
    from vleval.plan import load_plan
    from vleval.report import show_outcome
    from vleval.results.storage.store import prepare_root
    from vleval.runner import run_grid

    plan = load_plan(passed, file)
    config = plan.parts[0].config  # what is asked of it here is the same in all of them
    console = Console(json=config.json_, quiet=config.quiet, verbose=config.verbose)
    choice = [choose_model(config.model, part.config.data, os.environ) for part in plan.parts][0]
    for warning in plan.warnings:
        console.warn(warning)
    check_folder(choice)
    prepare_root(config.output)
    jobs = [_job(part, choice, tuple(passed), alone=len(plan.parts) == 1) for part in plan.parts]
    _announce(jobs, choice, console)
    loaded = open_engine(config, choice)
    outcome = run_grid(jobs, loaded, console)
    return show_outcome(jobs, outcome, console)


def _job(part: Part, choice: ModelChoice, passed: tuple[str, ...], *, alone: bool) -> Job:
    from vleval.engines import BUNDLED
    from vleval.job import Job
    from vleval.results.record import DataFacts
    from vleval.tasks.data.sources import open_data

    task, config = part
    where = config.data if config.data != "auto" else BUNDLED if choice.bundled else "hub"
    data = open_data(
        task,
        where,
        split=config.split,
        revision=config.revision,
        media_dir=config.media,
        limit=config.limit,
        seed=config.seed,
    )
    if config.prompt is not None:
        task.messages(data.samples[0])  # a task that cannot be asked in other words says so here
    facts = DataFacts(
        name=data.name,
        origin=data.origin,
        split=data.split,
        fingerprint=data.fingerprint,
        samples=len(data.samples),
        bundled=data.origin == BUNDLED,
        revision=data.revision,
        notes=data.notes,
    )
    return Job(task, facts, data.samples, choice.bundled, config, passed, alone)


def _announce(jobs: Sequence[Job], choice: ModelChoice, console: Console) -> None:
    """Say what is about to be measured, and on whose behalf where nobody asked for it."""
    from vleval.cards import NOT_TRAINED

    if choice.bundled and choice.origin == "default":
        console.note("model: the bundled checkpoint, because neither --model nor VLEVAL_MODEL names another")
    elif choice.origin == "VLEVAL_MODEL":
        console.note(f"model: {choice.name} (from VLEVAL_MODEL)")
    else:
        console.note(f"model: {choice.name}")
    for job in jobs:
        data = job.data
        console.note(f"data: {data.name}, split {data.split}, {data.samples} questions ({data.origin})")
        if choice.bundled and not job.task.taught:
            console.note(f"{job.task.name}: {NOT_TRAINED}")
        for warning in data.notes:
            console.warn(warning)
