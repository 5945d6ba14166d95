"""The words of `vleval ground` and `vleval locate`: which files to look at, what to ask, where pictures go.

Everything here is decided before a model is loaded, so that a slip costs no time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from vleval.errors import UserError

Kind = Literal["image", "video"]

SUFFIXES: Mapping[Kind, frozenset[str]] = {
    "image": frozenset(
        (".jpg", ".jpeg", ".jfif", ".mpo", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".ppm")
        + (".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".avif", ".ico", ".tga")
    ),
    "video": frozenset(
        (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".flv")
        + (".ogv", ".wmv", ".asf", ".3gp")
    ),
}
"""What a folder is searched for; a file named outright may be called anything."""

PICTURES = (".png", ".svg")


class Words(NamedTuple):
    """The positional words of a command, sorted."""

    files: tuple[Path, ...]
    """Each once, in the order given; those of a folder in natural order."""
    sentence: str
    many: bool
    """Whether several files or a folder were named: pictures then go to a folder."""


def read_words(words: Sequence[str], kind: Kind, asks: str | None) -> Words:
    """Files and folders, and at the end the sentence, unless `asks` (what a flag asks for) stands in for it.

    Raises UserError where a word is missing, or is no file.
    """
    named, sentence = (words, asks) if asks is not None else _sentence(words, kind)
    if not sentence.strip():
        raise UserError(f"the question about the {kind} is empty; say what to look for in quotes")
    if not named:
        raise UserError(f"no {kind} is named; give files or a folder, and then what to look for")
    files: dict[Path, Path] = {}
    for word in named:
        for path in _expand(Path(word), kind):
            files.setdefault(path.resolve(), path)
    many = len(files) > 1 or any(Path(word).is_dir() for word in named)
    return Words(tuple(files.values()), " ".join(sentence.split()), many)


def _sentence(words: Sequence[str], kind: Kind) -> tuple[Sequence[str], str]:
    """The last word is the sentence; a file in its place means that it was forgotten."""
    *named, last = words
    is_file = _exists(Path(last))
    if is_file or (Path(last).suffix.lower() in SUFFIXES[kind] and " " not in last):
        what = "is a file or folder" if is_file else f"looks like the name of a missing {kind}"
        raise UserError(
            f'the last word must say what to look for, but {last} {what}; add it in quotes: {last} "the ..."'
        )
    if not named:
        raise UserError(f"no {kind} is named before {last!r}; give files or a folder first")
    return named, last


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a long sentence, or a zero byte, is no file name
        return False


def _expand(path: Path, kind: Kind) -> list[Path]:
    if path.is_dir():
        found = [
            entry
            for entry in path.iterdir()
            if entry.suffix.lower() in SUFFIXES[kind] and not entry.name.startswith(".") and entry.is_file()
        ]
        if not found:
            raise UserError(f"{path} holds no {kind} file (folders inside it are not searched)")
        return sorted(found, key=natural_key)
    if not _exists(path):
        raise UserError(f"there is no file or folder {path}; several words of a question need quotes")
    return [path]


def natural_key(path: Path) -> tuple[tuple[int, str], ...]:
    """Sorts `frame2` before `frame10`, whatever the case."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return tuple((int(part), "") if i % 2 else (0, part) for i, part in enumerate(parts))


def save_targets(save: Path | None, words: Words) -> dict[Path, Path]:
    """Where the picture of each file goes; {} without `--save`. Makes the folder.

    A name that ends in .png or .svg is the picture of the only file; anything else is a folder, which gets a
    PNG for each. Raises UserError, also before a picture would overwrite a file that is looked at.
    """
    if save is None:
        return {}
    suffix = save.suffix.lower()
    if suffix in SUFFIXES["image"] - set(PICTURES) and not save.is_dir():
        raise UserError(f"--save {save}: pictures are written as .png or .svg, or into a folder")
    single = suffix in PICTURES and not save.is_dir()
    if single and words.many:
        raise UserError(f"--save {save} is one picture, but several files or a folder are asked about")
    targets = {words.files[0]: save} if single else _in_folder(save, words.files)
    sources = {path.resolve() for path in words.files}
    for target in targets.values():
        if target.resolve() in sources:
            raise UserError(f"--save would overwrite {target}, which is asked about; choose another place")
    try:
        (save.parent if single else save).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--save {save}: {error.strerror}") from None
    return targets


def _in_folder(folder: Path, files: Sequence[Path]) -> dict[Path, Path]:
    """`<folder>/<stem>.png`, numbered where two files have the same stem."""
    targets: dict[Path, Path] = {}
    taken: set[str] = set()
    for path in files:
        name, number = path.stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{path.stem}-{number}"
        taken.add(name.casefold())
        targets[path] = folder / f"{name}.png"
    return targets
