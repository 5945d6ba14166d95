"""JSON files of a checkpoint folder, read and written with plain faults. Torch-free."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vleval.model.errors import CheckpointError

_LFS_START = b"version https://git-lfs"


def refuse_lfs_pointer(path: Path) -> None:
    """Raise CheckpointError when the file is git-lfs' short text that stands for a file not fetched yet."""
    with path.open("rb") as file:
        if file.read(len(_LFS_START)) == _LFS_START:
            raise CheckpointError(
                f"{path} is a git-lfs pointer, not the file itself: run `git lfs pull` in that folder."
            )


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file that exists. Raises CheckpointError when it holds anything else."""
    refuse_lfs_pointer(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON ({error}): fetch it again.") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds no JSON object: fetch it again.")
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write the file whole or not at all."""
    temporary = path.with_name(f"{path.name}.partial")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, path)
