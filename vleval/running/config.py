"""All that the runs of one task can be told: one set of checks, every error names the flag."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from vleval.errors import UserError
from vleval.model.io import VisionSettings
from vleval.options import (
    Coordinates,
    DetScore,
    DType,
    EngineName,
    FrameSampling,
    ResizeFilter,
    VideoPositions,
    VideoTiming,
)

PIXELS_PER_TOKEN = 28 * 28
"""One visual token covers 2 x 2 patches of 14 x 14 pixels."""


def pixels(value: Any) -> int:
    """`1003520`, `"1003520"` or `"1280t"` (visual tokens) in pixels. Raises ValueError."""
    text = str(value).strip()
    tokens = text.endswith("t")
    digits = text[:-1] if tokens else text
    if isinstance(value, bool) or not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{text!r} is neither pixels (1003520) nor visual tokens (1280t)")
    count = int(digits) * (PIXELS_PER_TOKEN if tokens else 1)
    if count < PIXELS_PER_TOKEN:
        raise ValueError(f"{text!r} is less than one visual token ({PIXELS_PER_TOKEN} pixels, 1t)")
    return count


def pixels_text(count: int) -> str:
    """Pixels as people write them: `1280t` where they are whole tokens."""
    return f"{count // PIXELS_PER_TOKEN}t" if count % PIXELS_PER_TOKEN == 0 else str(count)


def vision_text(name: str, value: float | str | None) -> str:
    """A field of VisionSettings as people write its value: `1280t`, `2`, `pts`, `default`."""
    if value is None:
        return "default"
    if isinstance(value, str):
        return value
    return pixels_text(int(value)) if name.endswith("_pixels") else f"{value:g}"


def _rate(value: Any) -> float:
    try:
        rate = float(value)
    except (TypeError, ValueError):
        rate = math.nan
    if not (math.isfinite(rate) and rate > 0) or isinstance(value, bool):
        raise ValueError(f"{str(value).strip()!r} is not a number of frames per second above 0")
    return rate


def _frames(value: Any) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise ValueError(f"{text!r} is not a whole number of frames from 1 on")
    return int(text)


def _each(parse: Any) -> Any:
    """A validator for a comma list, a TOML list or one value; says which entry is wrong."""

    def entries(value: Any) -> tuple[Any, ...]:
        parts = value.split(",") if isinstance(value, str) else value
        parts = list(parts) if isinstance(parts, (list, tuple)) else [parts]
        if any(isinstance(part, str) and not part.strip() for part in parts) or not parts:
            raise ValueError(f"{value!r} has an empty entry")
        found = tuple(parse(part) for part in parts)
        if len(set(found)) < len(found):
            raise ValueError(f"{value!r} lists a value twice")
        return found

    return BeforeValidator(entries)


PixelList = Annotated[tuple[int, ...], _each(pixels)]
RateList = Annotated[tuple[float, ...], _each(_rate)]
FrameList = Annotated[tuple[int, ...], _each(_frames)]
Pixels = Annotated[int, BeforeValidator(pixels)]
Positive = Annotated[int, Field(ge=1, strict=True)]
Offset = Annotated[int, Field(ge=0, strict=True)]


def _limit(value: Any) -> int | float:
    """A count, or a share with a decimal point. Raises ValueError."""
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"\d+|\d*\.\d+|\d+\.", text, re.ASCII):
        raise ValueError(f"{text!r} is neither a count (200) nor a share (0.1)")
    if text.isdigit():
        if int(text) < 1:
            raise ValueError(f"{text!r} questions are none")
        return int(text)
    if not 0 < float(text) <= 1:
        raise ValueError(f"{text!r} is no share of the questions: it must be above 0 and at most 1.0")
    return float(text)


def _ids(value: Any) -> tuple[str, ...]:
    ids = [value] if isinstance(value, (str, int)) else value
    if not isinstance(ids, (list, tuple)) or not all(isinstance(id, (str, int)) for id in ids):
        raise ValueError(f"{value!r} is neither an id nor a list of ids")
    return tuple(dict.fromkeys(str(id) for id in ids))


Limit = Annotated[int | float, BeforeValidator(_limit)]
Ids = Annotated[tuple[str, ...], BeforeValidator(_ids)]


class ErrorLimit(NamedTuple):
    """How many samples may fail: a share of all, but at least a count."""

    share: float
    least: int

    def allowed(self, samples: int) -> int:
        """Failures that a run of `samples` questions may have."""
        return max(self.least, math.floor(self.share * samples))


DEFAULT_ERROR_LIMIT = ErrorLimit(share=0.2, least=20)


def _error_limit(value: Any) -> ErrorLimit:
    if isinstance(value, ErrorLimit):
        return value
    text = str(value).strip()
    digits = text.removesuffix("%")
    percent = digits != text
    if (
        isinstance(value, bool)
        or not (digits.isascii() and digits.isdigit())
        or (percent and int(digits) > 100)
    ):
        raise ValueError(f"{text!r} is neither a count (20) nor a share (5%)")
    return ErrorLimit(int(digits) / 100, 0) if percent else ErrorLimit(0.0, int(digits))


def _run_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise ValueError(f"{value!r} is not a folder's name of letters, digits, `.`, `_` and `-`")
    return value


class Setting(NamedTuple):
    """One cell of the grid."""

    label: Mapping[str, str]
    """The flags that vary over the grid, as people write them: `{"max-pixels": "16t"}`."""
    vision: VisionSettings


class RunConfig(BaseModel):
    """Settings of `vleval run` for one task. Field names are the flags with underscores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    model: str | None = None
    data: str = "auto"
    media: Path | None = None
    split: str | None = None
    revision: str | None = None
    limit: Limit | None = None
    offset: Offset = 0
    sample_id: Ids = ()
    shuffle_seed: int | None = None
    prompt: str | None = None
    min_pixels: PixelList = ()
    max_pixels: PixelList = ()
    fps: RateList = ()
    min_frames: Positive | None = None
    max_frames: FrameList = ()
    total_pixels: Pixels | None = None
    resize_filter: ResizeFilter = "torch"
    frame_sampling: FrameSampling = "linspace"
    video_timing: VideoTiming = "qwen"
    video_positions: VideoPositions = "original"
    coordinates: Coordinates | None = None
    engine: EngineName = "local"
    dtype: DType = "auto"
    device: str = "auto"
    batch_size: Positive | None = None
    max_new_tokens: Positive | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] = 1.0
    det_score: DetScore = "order"
    max_errors: Annotated[ErrorLimit, BeforeValidator(_error_limit)] = DEFAULT_ERROR_LIMIT
    output: Path = Path("runs")
    name: Annotated[str, AfterValidator(_run_name)] | None = None
    fresh: bool = False
    rehash: bool = False
    json_: Annotated[bool, Field(alias="json")] = False
    quiet: bool = False
    verbose: bool = False

    @model_validator(mode="after")
    def _ranges(self) -> RunConfig:
        if self.min_pixels and self.max_pixels and max(self.min_pixels) > min(self.max_pixels):
            low, high = pixels_text(max(self.min_pixels)), pixels_text(min(self.max_pixels))
            raise ValueError(f"--min-pixels {low} is more than --max-pixels {high}")
        if self.min_frames and self.max_frames and self.min_frames > min(self.max_frames):
            raise ValueError(
                f"--min-frames {self.min_frames} is more than --max-frames {min(self.max_frames)}"
            )
        if self.quiet and self.verbose:
            raise ValueError("--quiet and --verbose contradict each other")
        return self

    def settings(self, media: Literal["image", "video"]) -> list[Setting]:
        """The grid: every combination of the listed values, the last flag varying fastest.

        Flags about videos do not multiply the runs of an image task.
        """
        names = (
            ("min_pixels", "max_pixels")
            if media == "image"
            else ("min_pixels", "max_pixels", "fps", "max_frames")
        )
        axes: dict[str, tuple[Any, ...]] = {name: getattr(self, name) or (None,) for name in names}
        fixed: dict[str, Any] = {"resize_filter": self.resize_filter}
        if media == "video":
            fixed |= {
                "min_frames": self.min_frames,
                "total_pixels": self.total_pixels,
                "sampling": self.frame_sampling,
                "video_timing": self.video_timing,
                "video_positions": self.video_positions,
            }
        settings = []
        for values in itertools.product(*axes.values()):
            chosen = dict(zip(axes, values, strict=True))
            label = {_flag(name): vision_text(name, chosen[name]) for name in axes if len(axes[name]) > 1}
            settings.append(Setting(label, VisionSettings(**chosen, **fixed)))
        return settings

    def idle_flags(self, media: Literal["image", "video"]) -> list[str]:
        """Flags that were given and mean nothing for this kind of media."""
        given = self.model_fields_set if media == "image" else set()
        return [
            f"--{_flag(name)}" for name in type(self).model_fields if name in VIDEO_ONLY and name in given
        ]


VIDEO_ONLY = frozenset(
    {"fps", "min_frames", "max_frames", "total_pixels", "frame_sampling", "video_timing", "video_positions"}
)


def _flag(name: str) -> str:
    return name.replace("_", "-")


def axes_text(settings: Sequence[Setting]) -> str:
    """The values that vary over some settings: `(max-pixels 16t, 36t; fps 1, 2)`; empty where none does."""
    axes = {flag: dict.fromkeys(setting.label[flag] for setting in settings) for flag in settings[0].label}
    shown = "; ".join(f"{flag} {', '.join(values)}" for flag, values in axes.items())
    return f"({shown})" if shown else ""


def make_config(values: Mapping[str, Any], places: Mapping[str, str] | None = None) -> RunConfig:
    """Settings that passed every check. `places` says of keys that stand in a file where that is.

    Raises UserError with one sentence that names the flag.
    """
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise UserError(_sentence(error, places or {})) from None


def _sentence(error: ValidationError, places: Mapping[str, str]) -> str:
    """The first fault of a ValidationError in one sentence."""
    first = error.errors(include_url=False)[0]
    text = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be", 1)
    if not first["loc"]:
        return text
    name = str(first["loc"][0])
    flag = "--" + name.replace("_", "-")
    if first["type"] == "missing":
        return f"{flag} is missing; `vleval tasks` lists the tasks"
    given = f" (not {first['input']!r})" if not first["msg"].startswith("Value error") else ""
    where = f" in {places[name]}" if name in places else ""
    return f"{flag}{where}: {text}{given}"
