"""Media that a data set keeps beside its rows on the hub, mostly in archives: `--media hub` fetches and
unpacks them once, before a run begins.

Everything goes through the hub's own cache, so an interrupted download goes on, and a second run needs no
network. Archives are unpacked where they lie in the repository: `videos/a.zip` into `videos/`, which is what
the benchmarks' own loaders expect. An archive may be split: `videos.tar.part.aa`, `videos.tar.part.ab`.
"""

from __future__ import annotations

import io
import re
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from vleval.tasks.base import DataError

if TYPE_CHECKING:
    from huggingface_hub import DryRunFileInfo

MEDIA_ON_HUB = "hub"
"""The value of --media that asks for them."""

_ZIP = re.compile(r"\.zip$", re.I)
_TAR = re.compile(r"\.(tar|tar\.gz|tgz)(?P<part>[._-]?part[._-]?\w{1,4}|\.\d{2,3}|\.[a-z]{2})?$", re.I)
_LOOSE = re.compile(r"\.(mp4|mkv|webm|avi|mov|srt|jpe?g|png|webp)$", re.I)

_COMPLETE = ".complete"

SPARE = 1 << 30
"""Bytes of the disk that unpacking leaves free."""


def fetch_media(name: str, revision: str | None) -> Path:
    """The folder with a data set's media from the hub, downloaded and unpacked unless that was done before.

    Raises DataError: before anything is downloaded where the repository has no media files, or the disk too
    little room for the archives and what is in them; without a network unless the folder is complete.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError

    root = Path(constants.HF_HOME) / "vleval" / f"media--{name.replace('/', '--')}"
    try:
        files = _listed(name, revision)
        if not files:
            return _fetched_before(name, revision, root)
        target = root / files[0].commit_hash
        if not (target / _COMPLETE).exists():
            _check_room(name, files, target)
            _unpack(_download(name, files), [file.filename for file in files], target)
            (target / _COMPLETE).touch()
    except (OSError, HfHubHTTPError) as error:
        reason = str(error).strip().split("\n")[0]
        raise DataError(f"The media of {name} cannot be fetched from the hub ({reason}).") from error
    return target


def _listed(name: str, revision: str | None) -> list[DryRunFileInfo]:
    """A repository's media files; [] where the hub cannot be asked. Raises DataError where it has none."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import DryRunError

    try:
        files = snapshot_download(name, repo_type="dataset", revision=revision, dry_run=True)
    except DryRunError:  # the hub, or this repository of it, cannot be asked
        return []
    wanted = [
        file
        for file in files
        if not isinstance(file, str) and (_archive(file.filename) or _LOOSE.search(file.filename))
    ]
    if not wanted:
        raise DataError(f"{name} has no media files on the hub: pass the folder of the media with --media.")
    return wanted


def _fetched_before(name: str, revision: str | None, root: Path) -> Path:
    """The folder of the revision, or the newest there is. Raises DataError where none is complete."""
    done = [path.parent for path in root.glob(f"{revision or '*'}/{_COMPLETE}")]
    if not done:
        raise DataError(
            f"The media of {name} were not fetched before, and the hub cannot be asked for them now (no "
            "network, or a gated data set without a token): pass their folder with --media."
        )
    return max(done, key=lambda folder: (folder / _COMPLETE).stat().st_mtime)


def _download(name: str, files: Sequence[DryRunFileInfo]) -> Path:
    """The hub's own copy of the files; what is there already is not fetched again."""
    from huggingface_hub import snapshot_download

    snapshot = snapshot_download(
        name,
        repo_type="dataset",
        revision=files[0].commit_hash,
        allow_patterns=[re.sub(r"([*?[])", r"[\1]", file.filename) for file in files],
    )
    return Path(str(snapshot))


def _archive(name: str) -> bool:
    return bool(_ZIP.search(name) or _TAR.search(name))


def _check_room(name: str, files: Sequence[DryRunFileInfo], target: Path) -> None:
    """What is unpacked is about as large as its archive: media are compressed already."""
    done = {path.name for path in target.glob(".done-*")}
    needed = 0
    for file in files:
        size = file.file_size or 0
        needed += size * file.will_download
        needed += size * (_archive(file.filename) and _mark(file.filename) not in done)
    place = next(folder for folder in (target, *target.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if needed + SPARE > free:
        raise DataError(
            f"The media of {name} need {needed / 1e9:.1f} GB on the disk of {place}, and {free / 1e9:.1f} GB "
            "are free: make room, set HF_HOME to another disk, or pass a folder that has them with --media."
        )


def _unpack(snapshot: Path, names: Sequence[str], target: Path) -> None:
    """Every archive into its own place below `target`; loose files are linked there."""
    from rich.console import Console
    from rich.progress import track

    target.mkdir(parents=True, exist_ok=True)
    whole = _joined(name for name in names if _archive(name))
    for name in names:
        link = target / name
        if not _archive(name) and not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to((snapshot / name).resolve())
    waiting = {name: parts for name, parts in whole.items() if not (target / _mark(name)).exists()}
    shown = track(waiting.items(), "unpacking", console=Console(stderr=True), disable=not waiting)
    for name, parts in shown:
        folder = target / PurePosixPath(name).parent
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _unpack_one([snapshot / part for part in parts], folder)
        except (zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError) as error:
            raise DataError(f"The archive {name} cannot be unpacked ({error}).") from error
        (target / _mark(name)).touch()


def _mark(name: str) -> str:
    """The empty file that says an archive is unpacked; all parts of one share it."""
    return ".done-" + _stem(name).replace("/", "--")


def _stem(name: str) -> str:
    """The name of an archive without that of its part."""
    found = _TAR.search(name)
    return name[: found.start("part")] if found and found["part"] else name


def _joined(names: Iterator[str]) -> Mapping[str, list[str]]:
    """Archive -> its parts, in order."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(_stem(name), []).append(name)
    return found


def _unpack_one(parts: Sequence[Path], folder: Path) -> None:
    """One archive, whose members cannot leave `folder`: zipfile strips such names, tarfile refuses them."""
    if _ZIP.search(parts[0].name):
        with zipfile.ZipFile(parts[0]) as archive:
            archive.extractall(folder)
        return
    with io.BufferedReader(_Chain(parts), 1 << 20) as stream, tarfile.open(fileobj=stream, mode="r|*") as tar:
        tar.extractall(folder, filter="data")


class _Chain(io.RawIOBase):
    """Files one after the other, as one stream."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._waiting = list(paths)
        self._file: IO[bytes] | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """The next bytes; 0 at the end of the last file."""
        while True:
            if self._file is None:
                if not self._waiting:
                    return 0
                self._file = self._waiting.pop(0).open("rb")
            if read := self._file.readinto(buffer):  # type: ignore[attr-defined]
                return int(read)
            self._file.close()
            self._file = None
