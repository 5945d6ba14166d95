"""safetensors files, read straight into memory that is already allocated.

The library's own reader maps the whole file, so that while a shard is copied its pages count beside the
parameters. Reading with `readinto` keeps the peak at the weights themselves, and a look at the header first
gives every damaged file a plain sentence. Format: header length (8 bytes, little-endian), JSON header {name:
{dtype, shape, data_offsets}}, the tensors' bytes.
"""

from __future__ import annotations

import json
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from vleval.model.errors import CheckpointError
from vleval.model.files import refuse_lfs_pointer

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_STAGING_BYTES = 16 << 20


class Stored(NamedTuple):
    """One tensor of a file."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int
    """First byte, counted from the start of the file."""


def read_header(path: Path) -> dict[str, Stored]:
    """The tensors of a safetensors file by name, without their bytes.

    Raises CheckpointError: git-lfs pointer, truncated or damaged file, integer (quantised) weights.
    """
    refuse_lfs_pointer(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        start = 8 + length
        if size < 8 or start > size:
            raise CheckpointError(
                f"{path} is truncated or no safetensors file ({size} bytes): fetch it again."
            )
        content = file.read(length)
    try:
        header = {k: v for k, v in json.loads(content).items() if k != "__metadata__"}
        ends = [int(entry["data_offsets"][1]) for entry in header.values()]
        stored = {name: _stored(path, name, entry, start) for name, entry in header.items()}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise CheckpointError(f"{path} has a damaged safetensors header: fetch the file again.") from None
    if start + max(ends, default=0) != size:
        raise CheckpointError(
            f"{path} is truncated or damaged: {size} bytes instead of {start + max(ends, default=0)}; fetch "
            "it again."
        )
    return stored


def _stored(path: Path, name: str, entry: dict[str, object], start: int) -> Stored:
    if entry["dtype"] not in DTYPES:
        raise CheckpointError(
            f"{path} stores {name} as {entry['dtype']}: vleval runs float32, float16 and bfloat16 weights "
            "only."
        )
    dtype, shape, offsets = DTYPES[str(entry["dtype"])], entry["shape"], entry["data_offsets"]
    if (
        not isinstance(shape, list)
        or not isinstance(offsets, list)
        or not all(isinstance(n, int) for n in shape + offsets)
    ):
        raise ValueError(name)
    if min([*shape, *offsets]) < 0 or offsets[1] - offsets[0] != prod(shape) * dtype.itemsize:
        raise ValueError(name)
    return Stored(dtype, tuple(shape), start + offsets[0])


def read_into(file: BufferedReader, stored: Stored, out: Tensor) -> None:
    """Copy one tensor of an open file into `out`: contiguous, as many numbers, any dtype and device.

    Raises CheckpointError when the file ends early.
    """
    target = out.detach().view(-1)
    file.seek(stored.offset)
    if target.device.type == "cpu" and target.dtype == stored.dtype:
        _fill(file, target)
        return
    for part in target.split(_STAGING_BYTES // stored.dtype.itemsize):
        staged = torch.empty(len(part), dtype=stored.dtype)
        _fill(file, staged)
        part.copy_(staged)


def _fill(file: BufferedReader, flat: Tensor) -> None:
    buffer = memoryview(flat.view(torch.uint8).numpy().data)
    while buffer:
        count = file.readinto(buffer)
        if not count:
            raise CheckpointError(f"{file.name} became shorter while it was read: fetch it again.")
        buffer = buffer[count:]
