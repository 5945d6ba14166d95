"""From an image to the rows the vision tower reads: resize, cut into patches, normalise.

Work stays in uint8 until the last step: resizing there is the reference's rule (a float resize gives other
values), and it moves a quarter of the memory. Videos use the same three steps (`video.py`).

Letters: H, W pixels; P patch side (14); M merge side (2); N patches; T temporal grids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from vleval.grounding.frame import Frame
from vleval.model.images import load_image, to_rgb
from vleval.model.io import Media, VisionSettings
from vleval.model.limits import resolve, size_clamps, smart_resize
from vleval.model.preprocess_spec import PreprocessSpec

ResizeFilter = Literal["torch", "pil"]


@dataclass(frozen=True, slots=True, eq=False)
class VisualInput:
    """One medium, ready for the vision tower."""

    kind: Literal["image", "video"]
    pixels: Tensor
    """float32. Image [N, 588]: (channel, patch y, patch x) of its one frame; video [N, 1176]: (channel, frame
    of the pair, patch y, patch x). Rows are grouped by temporal grid, then by merged token (2 x 2 patches) in
    raster order."""
    grid_thw: tuple[int, int, int]
    """Patches: (temporal grids, rows, columns)."""
    frame: Frame


def two_frames(pixels: Tensor) -> Tensor:
    """The video form of a still: [N, 588] -> [N, 1176], its one frame standing in both places of the pair."""
    patches = pixels.shape[0]
    return pixels.view(patches, 3, 1, -1).expand(-1, -1, 2, -1).reshape(patches, -1)


def prepare_image(image: Media | Image.Image, settings: VisionSettings, spec: PreprocessSpec) -> VisualInput:
    """Decode, resize, patchify and normalise one still. Raises MediaError and SettingsError."""
    rgb = load_image(image) if isinstance(image, Media) else to_rgb(image)
    return prepare_array(np.array(rgb), settings, spec)


def prepare_array(image: NDArray[np.uint8], settings: VisionSettings, spec: PreprocessSpec) -> VisualInput:
    """As `prepare_image`, from upright RGB pixels: uint8 [H, W, 3]."""
    height, width = image.shape[:2]
    limits = resolve(settings, spec, "image")
    most = limits.max_pixels
    size = smart_resize(height, width, factor=spec.factor, min_pixels=limits.min_pixels, max_pixels=most)
    resized = resize(torch.from_numpy(image), size, settings.resize_filter)
    grid_thw = (1, size[0] // spec.patch_size, size[1] // spec.patch_size)
    frame = Frame(
        original_size=(width, height),
        input_size=(size[1], size[0]),
        grid_thw=grid_thw,
        resize_filter=settings.resize_filter,
        clamps=limits.clamps + size_clamps(height, width, size, factor=spec.factor, limits=limits, most=most),
    )
    pixels = normalise(patchify(resized[None], spec), settings.resize_filter, spec)
    return VisualInput("image", pixels, grid_thw, frame)


def resize(image: Tensor, size: tuple[int, int], resize_filter: ResizeFilter) -> Tensor:
    """Bicubic with antialias on uint8 [H, W, 3] -> uint8 [h, w, 3], `size` = (h, w).

    `torch` equals torchvision bit for bit; `pil` equals Pillow, and so transformers' PIL image processor.
    """
    if tuple(image.shape[:2]) == size:
        return image
    if resize_filter == "pil":
        resized = Image.fromarray(image.numpy()).resize((size[1], size[0]), Image.Resampling.BICUBIC)
        return torch.from_numpy(np.array(resized))
    planes = image.permute(2, 0, 1)[None]
    scaled = interpolate(planes, size=size, mode="bicubic", antialias=True, align_corners=False)
    return scaled[0].permute(1, 2, 0)


def patchify(frames: Tensor, spec: PreprocessSpec) -> Tensor:
    """Cut uint8 frames [F, h, w, 3] of one temporal grid into rows [N, 3 * F * P * P], by merged token."""
    count, height, width, channels = frames.shape
    patch, merge = spec.patch_size, spec.merge_size
    rows, columns = height // spec.factor, width // spec.factor
    blocks = frames.reshape(count, rows, merge, patch, columns, merge, patch, channels)
    # [F, R, m, P, C, m, P, 3] -> [R, C, m, m, 3, F, P, P]
    blocks = blocks.permute(1, 4, 2, 5, 7, 0, 3, 6)
    return blocks.reshape(rows * columns * merge * merge, channels * count * patch * patch)


def normalise(patches: Tensor, resize_filter: ResizeFilter, spec: PreprocessSpec) -> Tensor:
    """uint8 rows [N, 3 * K] -> float32, in the order of operations of the backend `resize_filter` mirrors."""
    values = patches.view(patches.shape[0], 3, -1).to(torch.float32)
    mean = torch.tensor(spec.image_mean)[:, None]
    std = torch.tensor(spec.image_std)[:, None]
    if resize_filter == "pil":
        values.div_(255).sub_(mean).div_(std)
    else:
        values.sub_(mean * 255).div_(std * 255)
    return values.view(patches.shape)
