"""`vleval locate`: when in a video does something happen?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from vleval import options

EXAMPLES = """Examples:

vleval locate clip.mp4 "the person opens the door" --model Qwen/Qwen2.5-VL-7B-Instruct

vleval locate clip.mp4 "the person opens the door" --model PATH --fps 4 --save strip.png

vleval locate clips/ "a goal is scored" --model PATH --json
"""


def locate(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar='VIDEOS "WHAT HAPPENS"',
            help="Videos or folders of them, then what happens, in quotes.",
            show_default=False,
        ),
    ],
    model: options.Model = None,
    fps: options.OneFps = None,
    min_frames: options.MinFrames = None,
    max_frames: options.OneMaxFrames = None,
    min_pixels: options.OneMinPixels = None,
    max_pixels: options.OneMaxPixels = None,
    total_pixels: options.TotalPixels = None,
    frame_sampling: options.Sampling = None,
    video_timing: options.Timing = None,
    video_positions: options.Positions = None,
    engine: options.Engine = None,
    dtype: options.Dtype = None,
    device: options.Device = None,
    batch_size: options.BatchSize = None,
    max_new_tokens: options.MaxNewTokens = None,
    save: options.Save = None,
    json: options.Json = None,
    quiet: options.Quiet = None,
    verbose: options.Verbose = None,
) -> None:
    """Find when a sentence is true in a video: spans in seconds.

    A broken video costs itself alone. Nothing found is an answer, and no error.

    Exit codes: 0 every video is answered, 2 usage, 12 some are not, 130 Ctrl-C, 143 SIGTERM.
    """
    raise typer.Exit(_launch(words, save, ctx.params))


def _launch(words: Sequence[str], save: Path | None, passed: Mapping[str, Any]) -> int:
    """Everything cheap is checked before the model is loaded."""
    from vleval.asking.answers import show
    from vleval.asking.media_files import read_words, save_targets
    from vleval.asking.pictures import save_pictures
    from vleval.asking.questions import ask, ending, find_moment, settings
    from vleval.console import Console

    config, vision = settings("locate", passed, "video")
    console = Console(json=config.json_, quiet=config.quiet, verbose=config.verbose)
    read = read_words(words, "video", None)
    targets = save_targets(save, read)
    asked = ask(find_moment(read.sentence), read.files, config, vision, console)
    show(asked, console)
    save_pictures(asked, targets, console)
    return ending(asked, console)
