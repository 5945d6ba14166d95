"""What is said in a video, from the .srt file beside it.

Video-MME's files were made by a machine: every line is wrapped in <font> tags, and a sentence that scrolls
comes twice or thrice. Tags go, and a line that repeats the one before it.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from pathlib import Path

FOLDERS = ("subtitle", "subtitles")
NONE = "No subtitles available"
"""Said of a video that has none, as in lmms-eval."""

_TAG = re.compile(r"<[^<>]*>")
_TIMES = " --> "


def subtitle_folders(video: Path) -> list[Path]:
    """Folders near a video in which some .srt file lies: its own, and `subtitle` there or one above."""
    return [folder for folder in _near(video.parent) if _holds_some(folder)]


def subtitle_file(video: Path) -> Path | None:
    """The .srt file of a video; None without one."""
    files = (folder / f"{video.stem}.srt" for folder in _near(video.parent))
    return next((file for file in files if file.is_file()), None)


@lru_cache(maxsize=64)
def subtitles(file: Path) -> str:
    """The text of an .srt file, a line each, without numbers, times and tags; `NONE` where it has none."""
    try:
        text = _decoded(file.read_bytes())
    except OSError:
        return NONE
    said: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        plain = " ".join(_TAG.sub("", line).split())
        counts = number + 1 < len(lines) and _TIMES in lines[number + 1] and plain.isdecimal()
        if plain and _TIMES not in line and not counts and said[-1:] != [plain]:
            said.append(plain)
    return "\n".join(said) or NONE


def _decoded(data: bytes) -> str:
    """A text by its byte order mark, else in UTF-8, else as Windows writes western languages."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


@lru_cache(maxsize=64)
def _holds_some(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("*.srt"))


def _near(folder: Path) -> list[Path]:
    """The folder itself, then those of subtitles in it and beside it."""
    return [folder, *(above / name for above in (folder, folder.parent) for name in FOLDERS)]
