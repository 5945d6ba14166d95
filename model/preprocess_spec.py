"""What a checkpoint's processor files say about pixels and frames, in every layout they are found in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vleval.model.errors import CheckpointError
from vleval.model.files import read_json, write_json


@dataclass(frozen=True, slots=True)
class PreprocessSpec:
    """What a checkpoint's processor files say; where they are silent, Qwen2.5-VL's defaults."""

    patch_size: int = 14
    temporal_patch_size: int = 2
    merge_size: int = 2
    image_mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    image_std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)
    image_min_pixels: int = 4 * 784
    image_max_pixels: int = 16384 * 784
    video_min_pixels: int = 128 * 784
    """Fewest pixels of one video frame."""
    video_max_pixels: int = 768 * 784
    """Most pixels of one video frame."""
    total_pixels: int = 24576 * 784
    """Pixels of a whole video: frame pairs x pixels of a frame (the technical report's setting)."""
    fps: float = 2.0
    min_frames: int = 4
    max_frames: int = 768

    @property
    def factor(self) -> int:
        """Side of one merged token in pixels; input sizes are multiples of it."""
        return self.patch_size * self.merge_size

    @classmethod
    def from_folder(cls, path: Path) -> PreprocessSpec:
        """Read a checkpoint's processor files: hub layout, or 5.x's nested `processor_config.json`.

        A file that is absent leaves the defaults. Raises CheckpointError naming the file that cannot be used.
        """
        joint, joint_file = _read_if_there(path / "processor_config.json")
        image, image_file = _section(joint, "image_processor", joint_file) or _read_if_there(
            path / "preprocessor_config.json"
        )
        video, video_file = _section(joint, "video_processor", joint_file) or _read_if_there(
            path / "video_preprocessor_config.json"
        )
        values = _shared_values(image, image_file)
        values |= _pixel_limits(image, image_file, "image")
        values |= _pixel_limits(video, video_file, "video")
        for key in ("total_pixels", "min_frames", "max_frames"):
            if video.get(key) is not None:
                values[key] = _positive_int(video, key, video_file)
        if video.get("fps") is not None:
            values["fps"] = _positive_float(video["fps"], "fps", video_file)
        return cls(**values)

    def save(self, folder: Path) -> None:
        """Write `preprocessor_config.json` and `video_preprocessor_config.json`, the layout of the hub."""
        shared = {
            "processor_class": "Qwen2_5_VLProcessor",
            "patch_size": self.patch_size,
            "temporal_patch_size": self.temporal_patch_size,
            "merge_size": self.merge_size,
            "image_mean": list(self.image_mean),
            "image_std": list(self.image_std),
        }
        image = {
            **shared,
            "image_processor_type": "Qwen2VLImageProcessor",
            "min_pixels": self.image_min_pixels,
            "max_pixels": self.image_max_pixels,
        }
        video = {
            **shared,
            "video_processor_type": "Qwen2VLVideoProcessor",
            "size": {"shortest_edge": self.video_min_pixels, "longest_edge": self.video_max_pixels},
            "total_pixels": self.total_pixels,
            "fps": self.fps,
            "min_frames": self.min_frames,
            "max_frames": self.max_frames,
        }
        for name, content in (("preprocessor_config.json", image), ("video_preprocessor_config.json", video)):
            write_json(folder / name, content)


def _read_if_there(path: Path) -> tuple[dict[str, Any], Path]:
    return (read_json(path) if path.is_file() else {}), path


def _section(joint: dict[str, Any], key: str, path: Path) -> tuple[dict[str, Any], Path] | None:
    section = joint.get(key)
    if section is None:
        return None
    if not isinstance(section, dict):
        raise CheckpointError(f"{path}: `{key}` must be an object.")
    return section, path


def _positive_int(content: dict[str, Any], key: str, path: Path) -> int:
    value = content[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise CheckpointError(f"{path}: `{key}` must be a positive whole number, not {value!r}.")
    return value


def _positive_float(value: object, key: str, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise CheckpointError(f"{path}: `{key}` must be a positive number, not {value!r}.")
    return float(value)


def _shared_values(image: dict[str, Any], path: Path) -> dict[str, Any]:
    values: dict[str, Any] = {
        key: _positive_int(image, key, path)
        for key in ("patch_size", "temporal_patch_size", "merge_size")
        if image.get(key) is not None
    }
    for key in ("image_mean", "image_std"):
        numbers = image.get(key)
        if numbers is None:
            continue
        if not isinstance(numbers, list) or len(numbers) != 3:
            raise CheckpointError(f"{path}: `{key}` must be a list of three numbers, not {numbers!r}.")
        values[key] = tuple(_positive_float(number, key, path) for number in numbers)
    return values


def _pixel_limits(content: dict[str, Any], path: Path, kind: str) -> dict[str, int]:
    """`min_pixels`, `max_pixels` (hub) win over the edges in `size` (5.x), as in transformers."""
    size = content.get("size")
    limits = dict(size) if isinstance(size, dict) else {}
    found: dict[str, int] = {}
    for end, newer in (("min_pixels", "shortest_edge"), ("max_pixels", "longest_edge")):
        for source, key in ((content, end), (limits, newer), (limits, end)):
            if source.get(key) is not None:
                found[f"{kind}_{end}"] = _positive_int(source, key, path)
                break
    return found
