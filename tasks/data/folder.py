"""Looks up the files that rows name: every folder is listed once, instead of asking the disk name by name.

A video named without its suffix may be any of two dozen files, and a data set names tens of thousands.
"""

from __future__ import annotations

import os
from pathlib import Path


class MediaFolder:
    """A folder of media and the folders below it, as they were when first looked at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listed: dict[str, frozenset[str]] = {}

    def has(self, name: str) -> bool:
        """Whether there is a file of this name, `train2014/1.jpg`, below the folder."""
        below, _, last = name.rpartition("/")
        listed = self._listed.get(below)
        if listed is None:
            listed = self._listed[below] = self._list(below)
        return last in listed

    def _list(self, below: str) -> frozenset[str]:
        try:
            with os.scandir(self.path / below) as entries:
                return frozenset(entry.name for entry in entries if entry.is_file())
        except (OSError, ValueError):
            return frozenset()
