"""The receipt of what the model really saw, and the only place that converts coordinates.

Qwen2.5-VL answers in pixels of the *resized* image (grid x 14), so a box means nothing without the frame it
was made in. A `Frame` is written by the preprocessor from the tensors that were fed, travels with the
response, and maps model coordinates to ORIGINAL pixels (after EXIF rotation) and back.
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
    """One medium as one answer saw it."""

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

    @property
    def visual_tokens(self) -> int:
        """Merged tokens of this medium in the prompt."""
        t, h, w = self.grid_thw
        return t * h * w // 4


class Sizes(NamedTuple):
    """The two sizes a mapping needs, where no whole `Frame` is at hand (training, foreign predictions)."""

    original_size: tuple[int, int]
    """(width, height) in original pixels."""
    input_size: tuple[int, int]
    """(width, height) in input pixels."""


def to_original(
    coords: ArrayLike, sizes: Frame | Sizes, convention: Convention = "absolute"
) -> NDArray[np.float64]:
    """Model coordinates -> original pixels.

    `coords` is [N, 2] (x, y) or [N, 4] (x1, y1, x2, y2) in the unit of `convention`; the result has the same
    shape. Nothing is rounded or clipped. Raises ValueError on another shape, on an empty size, or on an
    unknown convention.
    """
    return _rescale(coords, _pixels_per_unit(sizes, convention))


def to_input(
    coords: ArrayLike, sizes: Frame | Sizes, convention: Convention = "absolute"
) -> NDArray[np.float64]:
    """Original pixels -> coordinates as this convention should write them; inverse of `to_original`."""
    x, y = _pixels_per_unit(sizes, convention)
    return _rescale(coords, (1.0 / x, 1.0 / y))


def _pixels_per_unit(sizes: Frame | Sizes, convention: Convention) -> tuple[float, float]:
    """Original pixels that one model unit covers, along x and along y."""
    (width, height), (input_width, input_height) = sizes.original_size, sizes.input_size
    if min(width, height, input_width, input_height) <= 0:
        raise ValueError(f"empty size: original {width}x{height}, input {input_width}x{input_height}")
    match convention:
        case "absolute":
            return width / input_width, height / input_height
        case "relative-1000":
            return width / 1000, height / 1000
        case "relative-1":
            return float(width), float(height)
        case "percent":
            return width / 100, height / 100
        case "original":
            return 1.0, 1.0
    raise ValueError(f"unknown coordinate convention {convention!r}; known: {', '.join(CONVENTIONS)}")


def _rescale(coords: ArrayLike, factors: tuple[float, float]) -> NDArray[np.float64]:
    """The one multiplication of coordinates in this repository: x by the first factor, y by the second."""
    import numpy as np

    points = np.asarray(coords, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] not in (2, 4):
        raise ValueError(f"coordinates must be [N, 2] or [N, 4], not {list(points.shape)}")
    scaled: NDArray[np.float64] = points * np.tile(np.asarray(factors), points.shape[1] // 2)
    return scaled
