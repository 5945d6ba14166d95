"""The flags that commands share, each declared once. A flag left out is None: a TOML file can fill it in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

EngineName = Literal["local", "transformers"]
ResizeFilter = Literal["torch", "pil"]
FrameSampling = Literal["linspace", "left"]
VideoTiming = Literal["qwen", "pts"]
VideoPositions = Literal["original", "transformers5"]
Coordinates = Literal["absolute", "relative-1000", "relative-1", "percent", "original"]
DetScore = Literal["order", "logprob"]
DType = Literal["auto", "float32", "bfloat16", "float16"]

_WHAT = "What to run"
_SEES = "What the model sees"
_SPEED = "How the model runs"
_OUT = "Output"


def _option(panel: str, *names: str, metavar: str | None = None, help: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        *names, metavar=metavar, help=help, rich_help_panel=panel, show_default=False
    )
    return option


Task = Annotated[
    str | None, _option(_WHAT, "--task", metavar="NAME|FILE.py", help="Benchmark; `vleval tasks` lists them.")
]
Tasks = Annotated[
    str | None,
    _option(
        _WHAT,
        "--task",
        metavar="NAME|GROUP|FILE.py,...",
        help="Tasks or groups of tasks; `vleval tasks` lists them.",
    ),
]
Model = Annotated[
    str | None,
    _option(
        _WHAT,
        "--model",
        metavar="FOLDER|HUB-ID[@REV]",
        help="Checkpoint. Default: VLEVAL_MODEL, else the bundled checkpoint (`bundled`).",
    ),
]
Data = Annotated[
    str | None,
    _option(
        _WHAT,
        "--data",
        metavar="auto|bundled|hub|PATH",
        help="Default auto: bundled data with the bundled checkpoint, the hub data set otherwise.",
    ),
]
Media = Annotated[
    Path | None,
    _option(
        _WHAT,
        "--media",
        metavar="DIR",
        help="Where images and videos named by --data lie; hub fetches those of --data hub.",
    ),
]
Split = Annotated[
    str | None,
    _option(_WHAT, "--split", metavar="NAME", help="Default: the task's; `vleval tasks show` lists them."),
]
Revision = Annotated[
    str | None, _option(_WHAT, "--revision", metavar="REV", help="Revision of the hub data set.")
]
Limit = Annotated[
    str | None,
    _option(_WHAT, "--limit", metavar="N|SHARE", help="N questions per task, or a share of them (0.1)."),
]
Offset = Annotated[int | None, _option(_WHAT, "--offset", metavar="N", help="Leave out the first N.")]
SampleId = Annotated[
    list[str] | None,
    _option(_WHAT, "--sample-id", metavar="ID", help="Only this question; once per question."),
]
ShuffleSeed = Annotated[
    int | None,
    _option(
        _WHAT, "--shuffle-seed", metavar="N", help="Random order, image by image; --limit is then a draw."
    ),
]
Prompt = Annotated[
    str | None,
    _option(
        _WHAT,
        "--prompt",
        metavar="TEXT",
        help="Ask in other words, with the task's gap: 'Where is {expression}?'",
    ),
]

_FEWEST = "Fewest pixels of an image or frame; 16t = 16 tokens."
_MOST = "Most pixels; 1280t = 1280 visual tokens of 28 x 28."
_RATE = "Frames per second taken from videos."
_LONGEST = "Most frames of a video."
# A list makes a grid of runs; a direct question takes one value.
MinPixels = Annotated[str | None, _option(_SEES, "--min-pixels", metavar="N|Nt,...", help=_FEWEST)]
OneMinPixels = Annotated[str | None, _option(_SEES, "--min-pixels", metavar="N|Nt", help=_FEWEST)]
MaxPixels = Annotated[str | None, _option(_SEES, "--max-pixels", metavar="N|Nt,...", help=_MOST)]
OneMaxPixels = Annotated[str | None, _option(_SEES, "--max-pixels", metavar="N|Nt", help=_MOST)]
Fps = Annotated[str | None, _option(_SEES, "--fps", metavar="F,...", help=_RATE)]
OneFps = Annotated[str | None, _option(_SEES, "--fps", metavar="F", help=_RATE)]
MinFrames = Annotated[
    int | None, _option(_SEES, "--min-frames", metavar="N", help="Fewest frames of a video.")
]
MaxFrames = Annotated[str | None, _option(_SEES, "--max-frames", metavar="N,...", help=_LONGEST)]
OneMaxFrames = Annotated[str | None, _option(_SEES, "--max-frames", metavar="N", help=_LONGEST)]
TotalPixels = Annotated[
    str | None, _option(_SEES, "--total-pixels", metavar="N|Nt", help="Budget over all frames of a video.")
]
Filter = Annotated[
    ResizeFilter | None, _option(_SEES, "--resize-filter", help="torch equals torchvision (default); pil.")
]
Sampling = Annotated[
    FrameSampling | None,
    _option(_SEES, "--frame-sampling", help="qwen-vl-utils' linspace (default) or transformers' left edges."),
]
Timing = Annotated[
    VideoTiming | None,
    _option(
        _SEES, "--video-timing", help="Seconds per grid: nominal rate (qwen, default) or timestamps (pts)."
    ),
]
Positions = Annotated[
    VideoPositions | None,
    _option(_SEES, "--video-positions", help="Rule after videos; transformers5 for models tuned under it."),
]
Convention = Annotated[
    Coordinates | None,
    _option(_SEES, "--coordinates", help="Unit of the model's coordinates. Default: by model family."),
]

Engine = Annotated[
    EngineName | None,
    _option(_SPEED, "--engine", help="Our model (local, default) or transformers' as reference."),
]
Dtype = Annotated[
    DType | None, _option(_SPEED, "--dtype", help="Default auto: bfloat16 on CUDA, float32 elsewhere.")
]
Device = Annotated[
    str | None, _option(_SPEED, "--device", metavar="auto|cpu|cuda|cuda:N", help="Default auto.")
]
BatchSize = Annotated[
    int | None,
    _option(_SPEED, "--batch-size", metavar="N", help="Answers decoded together. Default: chosen."),
]
MaxNewTokens = Annotated[
    int | None,
    _option(_SPEED, "--max-new-tokens", metavar="N", help="Longest answer. Default: by task or question."),
]
RepetitionPenalty = Annotated[
    float | None, _option(_SPEED, "--repetition-penalty", metavar="X", help="Default 1.0, i.e. none.")
]
DetectionScore = Annotated[
    DetScore | None,
    _option(
        _SPEED,
        "--det-score",
        help="Boxes for average precision rank as they were said (order, default) or by logprob.",
    ),
]
MaxErrors = Annotated[
    str | None,
    _option(
        _SPEED,
        "--max-errors",
        metavar="N|P%",
        help="Stop when more samples than that have failed. Default: 20%, at least 20.",
    ),
]

Output = Annotated[
    Path | None,
    _option(_OUT, "--output", metavar="DIR", help="Where the folder of each run goes. Default runs."),
]
Name = Annotated[
    str | None,
    _option(_OUT, "--name", metavar="NAME", help="Name of the run's folder. Default: from what is asked."),
]
Fresh = Annotated[
    bool | None,
    _option(_OUT, "--fresh", help="Set an earlier run of this command aside and ask everything again."),
]
Rehash = Annotated[
    bool | None,
    _option(_OUT, "--rehash", help="Read the checkpoint's files again, even if they look unchanged."),
]
Config = Annotated[
    Path | None,
    _option(_OUT, "--config", metavar="FILE", help="TOML file with any of these; flags given here win."),
]
Json = Annotated[
    bool | None,
    _option(_OUT, "--json", help="Print one JSON document on stdout (docs/json.md) instead of tables."),
]
Quiet = Annotated[
    bool | None, _option(_OUT, "--quiet", help="No talk, no progress; results, warnings and errors.")
]
Vary = Annotated[
    str | None,
    _option(
        "What is compared",
        "--vary",
        metavar="NAME,...",
        help="Settings that are meant to differ: max-pixels, fps, engine, pillow, ...",
    ),
]
Flips = Annotated[
    int,
    typer.Option(
        "--flips", metavar="N", min=0, help="List N samples each way, the worst first.", rich_help_panel=_OUT
    ),
]
Verbose = Annotated[bool | None, _option(_OUT, "--verbose", help="Show every answer as it comes.")]
Save = Annotated[
    Path | None,
    _option(
        _OUT, "--save", metavar="FILE|DIR", help="Draw the answer: x.png or x.svg, or a folder for many."
    ),
]
