"""`vleval ground`: point at what a sentence means in an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from vleval import options

EXAMPLES = """Examples:

vleval ground photo.jpg "the red car on the left" --model Qwen/Qwen2.5-VL-7B-Instruct

vleval ground photo.jpg "the red car" --model PATH --save found.png --json

vleval ground photos/ "the dog" --point --model PATH --save drawn/

vleval ground photo.jpg --all "car, person" --model PATH --save found.svg
"""


def ground(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar='IMAGES "WHAT TO FIND"',
            help="Images or folders of them, then what to look for, in quotes.",
            show_default=False,
        ),
    ],
    point: Annotated[bool, typer.Option("--point", help="Ask for points in place of boxes.")] = False,
    all_: Annotated[
        str | None,
        typer.Option(
            "--all", metavar='"A, B"', help="Find everything of these kinds; every word is an image."
        ),
    ] = None,
    model: options.Model = None,
    min_pixels: options.OneMinPixels = None,
    max_pixels: options.OneMaxPixels = None,
    coordinates: options.Convention = None,
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
    """Point at what a sentence means: boxes in pixels of your image.

    A broken image costs itself alone. Nothing found is an answer, and no error.

    Exit codes: 0 every image is answered, 2 usage, 12 some are not, 130 Ctrl-C, 143 SIGTERM.
    """
    raise typer.Exit(_launch(words, point, all_, save, ctx.params))


def _launch(
    words: Sequence[str], point: bool, names: str | None, save: Path | None, passed: Mapping[str, Any]
) -> int:
    """Everything cheap is checked before the model is loaded."""
    from vleval.asking.answers import show
    from vleval.asking.media_files import read_words, save_targets
    from vleval.asking.pictures import save_pictures
    from vleval.asking.questions import ask, ending, find_all, find_boxes, find_points, settings
    from vleval.console import Console
    from vleval.errors import UserError

    if point and names is not None:
        raise UserError("--point and --all contradict each other: --all asks for boxes")
    config, vision = settings("ground", passed, "image")
    console = Console(json=config.json_, quiet=config.quiet, verbose=config.verbose)
    wanted = find_all(names) if names is not None else None
    read = read_words(words, "image", wanted.words if wanted else None)
    question = wanted or (find_points if point else find_boxes)(read.sentence)
    targets = save_targets(save, read)
    asked = ask(question, read.files, config, vision, console)
    show(asked, console)
    save_pictures(asked, targets, console)
    return ending(asked, console)
