"""The receipt of what the model really saw, and the only place that converts coordinates.

Qwen2.5-VL answers in pixels of the *resized* image (grid x 14), so a box means nothing without the frame it
was made in. A `Frame` is written by the preprocessor from the tensors that were fed, travels with the
response, and maps model coordinates to ORIGINAL pixels (after EXIF rotation) and back, and seconds to the
frames that were sampled and back.

The mapping is affine along each axis: original = (model - start) * scale. `start` is 0 unless the picture was
laid on a larger canvas with bars around it (letter-boxed: `content`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:  # numpy costs a tenth of a second, and every light command imports this module for `Frame`
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

Convention = Literal["absolute", "relative-1000", "relative-1", "percent", "original"]
"""Unit of model boxes: input pixels (Qwen2.5-VL), 0..1000 (Qwen2-VL, Qwen3-VL), 0..1, 0..100, original."""

CONVENTIONS: tuple[Convention, ...] = get_args(Convention)

CONVENTION_OF_FAMILY: Mapping[str, Convention] = {
    "qwen2_vl": "relative-1000",
    "qwen2_5_vl": "absolute",
    "qwen3_vl": "relative-1000",
}
"""Model family (`model_type` of config.json) to the unit it was trained to answer in."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One medium as one answer saw it.

    >>> seen = Frame((640, 427), (252, 168), grid_thw=(1, 12, 18), resize_filter="torch")
    >>> seen.visual_tokens
    54
    """

    original_size: tuple[int, int]
    """(width, height) of the medium in pixels, after EXIF or container rotation."""
    input_size: tuple[int, int]
    """(width, height) the vision tower saw: (grid_w * 14, grid_h * 14)."""
    grid_thw: tuple[int, int, int]
    """Patches: (temporal grids, rows, columns), before the 2 x 2 merge."""
    resize_filter: str
    """`torch` (uint8 bicubic with antialias, equal to torchvision) or `pil`."""
    clamps: tuple[str, ...] = ()
    """Limits that bit, e.g. `max_pixels`, `max_frames`, `total_pixels`."""
    timestamps: tuple[float, ...] = ()
    """Seconds of the frames really sampled (videos; padding frames not repeated)."""
    second_per_grid: float | None = None
    """Seconds one temporal grid covers, as used for the temporal position ids (videos)."""
    time_source: str | None = None
    """How `second_per_grid` was made (videos): `qwen` (nominal sampled rate) or `pts` (timestamps)."""
    duration: float | None = None
    """Seconds of the whole medium (videos)."""
    content: tuple[float, float, float, float] | None = None
    """(left, top, right, bottom) of the picture inside a letter-boxed input, in input pixels; None: it fills
    the input, as Qwen2.5-VL's own preprocessing makes it do."""

    @property
    def visual_tokens(self) -> int:
        """Merged tokens of this medium in the prompt."""
        t, h, w = self.grid_thw
        return t * h * w // 4


class Sizes(NamedTuple):
    """What a mapping needs where no whole `Frame` is at hand (training, predictions made elsewhere).

    >>> Sizes(original_size=(640, 427), input_size=(252, 168)).content is None
    True
    """

    original_size: tuple[int, int]
    """(width, height) in original pixels."""
    input_size: tuple[int, int]
    """(width, height) in input pixels."""
    content: tuple[float, float, float, float] | None = None
    """As in `Frame`."""

    @classmethod
    def letterboxed(cls, original_size: tuple[int, int], input_size: tuple[int, int]) -> Sizes:
        """A picture resized with its aspect kept and centred between bars: the usual detector preprocessing.

        Bars need not be whole pixels. A pipeline that rounds them, or puts both on one side, states its own
        `content`. Raises ValueError on an empty size.

        >>> Sizes.letterboxed((640, 480), (640, 640)).content
        (0.0, 80.0, 640.0, 560.0)
        """
        _check_sizes(original_size, input_size)
        (width, height), (input_width, input_height) = original_size, input_size
        if width * input_height >= height * input_width:
            bar = (input_height - height * input_width / width) / 2
            return cls(original_size, input_size, (0.0, bar, float(input_width), input_height - bar))
        bar = (input_width - width * input_height / height) / 2
        return cls(original_size, input_size, (bar, 0.0, input_width - bar, float(input_height)))


class _Axes(NamedTuple):
    """The mapping along x and y: original = (model - start) * scale."""

    start: tuple[float, float]
    """Model coordinates of the original's (0, 0)."""
    scale: tuple[float, float]
    """Original pixels that one model unit covers."""


def to_original(
    coords: ArrayLike, sizes: Frame | Sizes, convention: Convention = "absolute"
) -> NDArray[np.float64]:
    """Model coordinates -> original pixels.

    `coords` is [N, 2] (x, y: points, the corners of a polygon) or [N, 4] (x1, y1, x2, y2) in the unit of
    `convention`; the result has the same shape, in float64. Nothing is rounded or clipped. Raises ValueError
    on another shape, on an empty size or content, or on an unknown convention.

    >>> seen = Sizes(original_size=(640, 427), input_size=(252, 168))
    >>> to_original([[63, 42, 126, 168]], seen).tolist()
    [[160.0, 106.75, 320.0, 427.0]]
    >>> to_original([[500, 1000]], seen, "relative-1000").tolist()
    [[320.0, 427.0]]
    """
    axes = _axes(sizes, convention)
    points, start, scale = _tiled(coords, axes)
    mapped: NDArray[np.float64] = (points - start) * scale
    return mapped


def to_input(
    coords: ArrayLike, sizes: Frame | Sizes, convention: Convention = "absolute"
) -> NDArray[np.float64]:
    """Original pixels -> coordinates as this convention should write them; inverse of `to_original`.

    Shapes and errors as there.

    >>> seen = Sizes(original_size=(640, 427), input_size=(252, 168))
    >>> to_input([[160, 106.75, 320, 427]], seen).round(9).tolist()
    [[63.0, 42.0, 126.0, 168.0]]
    """
    axes = _axes(sizes, convention)
    points, start, scale = _tiled(coords, axes)
    mapped: NDArray[np.float64] = points * (1.0 / scale) + start
    return mapped


def extent(sizes: Frame | Sizes, convention: Convention = "absolute") -> tuple[float, float]:
    """The largest (x, y) that can be written in this convention: the far corner of the input, in its unit.

    Bars of a letter-boxed input belong to it. Raises ValueError on an empty size or an unknown convention.

    >>> extent(Sizes((640, 427), (252, 168)), "absolute")
    (252.0, 168.0)
    >>> extent(Sizes((640, 427), (252, 168)), "relative-1000")
    (1000.0, 1000.0)
    """
    _check_sizes(sizes.original_size, sizes.input_size)
    if convention in ("absolute", "original"):
        x, y = sizes.input_size if convention == "absolute" else sizes.original_size
        return float(x), float(y)
    side = _side(convention)
    return side, side


def to_frames(seconds: ArrayLike, frame: Frame) -> NDArray[np.int64]:
    """Seconds -> indices of the sampled frames on show at those times, in the shape of `seconds`.

    A frame is on show from its own timestamp (included) to the next frame's (excluded); the first also stands
    for everything before it and the last for everything after. Raises ValueError where the frame has no
    timestamps (an image) and where a time is not a number.

    >>> clip = Frame((64, 64), (56, 56), (2, 4, 4), "torch", timestamps=(0.0, 0.5, 1.0, 1.5))
    >>> to_frames([-1.0, 0.0, 0.49, 0.5, 99.0], clip).tolist()
    [0, 0, 0, 1, 3]
    """
    import numpy as np

    times, shown = np.asarray(seconds, dtype=np.float64), _timestamps(frame)
    if np.isnan(times).any():
        raise ValueError("no frame is on show at a time that is not a number")
    return np.clip(np.searchsorted(shown, times, side="right") - 1, 0, len(shown) - 1).astype(np.int64)


def to_seconds(indices: ArrayLike, frame: Frame) -> NDArray[np.float64]:
    """Indices of sampled frames -> the seconds at which they begin to show, in the shape of `indices`.

    `to_frames(to_seconds(i, frame), frame)` is `i` while timestamps differ. Indices count from 0 and are
    whole numbers. Raises ValueError on one that no sampled frame has, and where the frame has no timestamps.

    >>> clip = Frame((64, 64), (56, 56), (2, 4, 4), "torch", timestamps=(0.0, 0.5, 1.0, 1.5))
    >>> to_seconds([0, 3], clip).tolist()
    [0.0, 1.5]
    """
    import numpy as np

    which, shown = np.asarray(indices), _timestamps(frame)
    if which.size and not np.issubdtype(which.dtype, np.integer):
        raise ValueError(f"indices of frames are whole numbers, not {which.dtype}")
    if which.size and (which.min() < 0 or which.max() >= len(shown)):
        raise ValueError(f"{len(shown)} frames were sampled: indices run from 0 to {len(shown) - 1}")
    seconds: NDArray[np.float64] = shown[which.astype(np.int64)]
    return seconds


def _axes(sizes: Frame | Sizes, convention: Convention) -> _Axes:
    """How the unit of `convention` maps to original pixels."""
    if convention == "original":
        _check_sizes(sizes.original_size, sizes.input_size)
        return _Axes((0.0, 0.0), (1.0, 1.0))
    unit = extent(sizes, convention)
    (width, height), (input_width, input_height) = sizes.original_size, sizes.input_size
    if sizes.content is None:
        return _Axes((0.0, 0.0), (width / unit[0], height / unit[1]))
    left, top, right, bottom = sizes.content
    if not (0 <= left < right <= input_width and 0 <= top < bottom <= input_height):
        raise ValueError(f"content {sizes.content} is no part of the input {input_width}x{input_height}")
    # Units per input pixel: a letter-boxed model counts 0..1000 over the whole canvas it sees.
    per_x, per_y = unit[0] / input_width, unit[1] / input_height
    return _Axes(
        (left * per_x, top * per_y), (width / ((right - left) * per_x), height / ((bottom - top) * per_y))
    )


def _side(convention: Convention) -> float:
    """Units along each side of the input, for the conventions in which all inputs are alike."""
    match convention:
        case "relative-1000":
            return 1000.0
        case "percent":
            return 100.0
        case "relative-1":
            return 1.0
    raise ValueError(f"unknown coordinate convention {convention!r}; known: {', '.join(CONVENTIONS)}")


def _check_sizes(original_size: tuple[int, int], input_size: tuple[int, int]) -> None:
    (width, height), (input_width, input_height) = original_size, input_size
    if min(width, height, input_width, input_height) <= 0:
        raise ValueError(f"empty size: original {width}x{height}, input {input_width}x{input_height}")


def _tiled(
    coords: ArrayLike, axes: _Axes
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The coordinates as an array, and start and scale for each of its columns."""
    import numpy as np

    points = np.asarray(coords, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] not in (2, 4):
        raise ValueError(f"coordinates must be [N, 2] or [N, 4], not {list(points.shape)}")
    pairs = points.shape[1] // 2
    return points, np.asarray(axes.start * pairs), np.asarray(axes.scale * pairs)


def _timestamps(frame: Frame) -> NDArray[np.float64]:
    import numpy as np

    if not frame.timestamps:
        raise ValueError("an image has no timestamps: only frames of a video map to seconds")
    return np.asarray(frame.timestamps, dtype=np.float64)
