"""`vleval run`: one model, one or many tasks, one or many settings, one comparison per task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from vleval import options

EXAMPLES = """Examples:

vleval run --task refcoco --max-pixels 16t,36t,64t

vleval run --task refcoco --model Qwen/Qwen2.5-VL-7B-Instruct --max-pixels 1280t --limit 500

vleval run --task refcoco --model ./my-checkpoint --data my.parquet --media photos/ --json

vleval run --task refcoco,charades-sta --model ./my-checkpoint --max-pixels 128t,256t --fps 1,2,4

vleval run --task grounding,docvqa --model ./my-checkpoint --limit 0.1 --name nightly

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
    offset: options.Offset = None,
    sample_id: options.SampleId = None,
    shuffle_seed: options.ShuffleSeed = None,
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
    det_score: options.DetectionScore = None,
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

    A group (`vleval tasks` lists them) stands for all tasks in it. Of several tasks, one whose data cannot be
    had is left out, and said to be.

    Exit codes: 0 complete, 2 usage, 12 incomplete, a task left out, or stored answers were made otherwise, 13
    too many failures, 14 storage, 130 Ctrl-C, 143 SIGTERM.
    """
    given = {name: value for name, value in ctx.params.items() if value not in (None, [], ())}
    raise typer.Exit(_run({name: value for name, value in given.items() if name != "config"}, config))


def _run(passed: Mapping[str, Any], file: Path | None) -> int:
    from vleval.console import Console
    from vleval.running.launch import launch
    from vleval.running.plan import load_plan
    from vleval.running.report import show_outcome

    plan = load_plan(passed, file)
    shared = plan.parts[0].config  # what is asked of it here is the same in all of them
    console = Console(json=shared.json_, quiet=shared.quiet, verbose=shared.verbose)
    launched = launch(plan, tuple(passed), console)
    return show_outcome(launched.jobs, launched.outcome, console, launched.left_out)
