"""What tests of images and videos share: recorded cases, formula pictures, the way from rows to pixels."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from helpers import ROOT
from vleval.model.preprocess_spec import PreprocessSpec


def recorded(name: str, key: str | None = None) -> list[dict[str, Any]]:
    """Cases of a JSON fixture; empty where it is absent, and pytest then skips the parametrised test."""
    path = ROOT.parent / "shared" / "fixtures" / name
    if not path.exists():
        return []
    content = json.loads(path.read_text())
    cases: list[dict[str, Any]] = content if key is None else content[key]
    return cases


def sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def formula_video(formula: str, frames: int, height: int, width: int) -> NDArray[np.uint8]:
    """The recorded processors' inputs: `mod` has hard edges, `tri` is smooth."""
    t, y, x, c = np.ogrid[:frames, :height, :width, :3]
    if formula == "mod":
        return ((7 * x + 13 * y + 29 * c + 17 * t) % 256).astype(np.uint8)
    return np.abs((3 * x + 5 * y + 40 * c + 17 * t) % 510 - 255).astype(np.uint8)


def formula_image(formula: str, height: int, width: int) -> NDArray[np.uint8]:
    return formula_video(formula, 1, height, width)[0]


def unpatchify(pixels: torch.Tensor, grid: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Undo rows and normalisation, by another route: [N, 588] or [N, 1176] -> uint8 [frames, h, w, 3]."""
    grids, rows, columns = grid
    pair = pixels.shape[1] // 588
    blocks = pixels.numpy().astype(np.float64).reshape(grids, rows // 2, columns // 2, 2, 2, 3, pair, 14, 14)
    frames = blocks.transpose(0, 6, 1, 3, 7, 2, 4, 8, 5).reshape(grids * pair, rows * 14, columns * 14, 3)
    spec = PreprocessSpec()
    levels = (frames * np.array(spec.image_std) + np.array(spec.image_mean)) * 255
    return np.rint(levels).astype(np.uint8)
