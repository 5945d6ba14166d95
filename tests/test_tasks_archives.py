"""Media in archives of a hub repository: fetched once, unpacked where they lie, never outside."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from vleval.tasks.base import DataError
from vleval.tasks.data import hub as hub_rows
from vleval.tasks.data.archives import fetch_media
from vleval.tasks.data.sources import open_data
from vleval.tasks.data.table import Table
from vleval.tasks.video.charades_sta import TASK

COMMIT = "c0ffee" * 6 + "abcd"


class Hub:
    """A repository on a hub: its files lie in a folder, and every download is counted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.reachable, self.downloads = folder, True, list[str]()

    def write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def snapshot_download(
        self,
        name: str,
        *,
        repo_type: str,
        revision: str | None,
        dry_run: bool = False,
        allow_patterns: list[str] | None = None,
    ) -> Any:
        from huggingface_hub import DryRunFileInfo
        from huggingface_hub.errors import DryRunError

        assert (name, repo_type) == ("org/films", "dataset")
        if not self.reachable:
            raise DryRunError("no network")
        if not dry_run:
            assert revision == COMMIT
            self.downloads += allow_patterns or []
            return str(self.folder)
        return [
            DryRunFileInfo(
                COMMIT, path.stat().st_size, path.relative_to(self.folder).as_posix(), "", False, True
            )
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        ]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    import huggingface_hub
    from huggingface_hub import constants

    (tmp_path / "repository").mkdir()
    hub = Hub(tmp_path / "repository")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "cache"))
    return hub


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return stream.getvalue()


def tarred(mode: str, **files: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{mode}") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def test_archives_are_unpacked_where_they_lie(hub: Hub) -> None:
    whole = tarred("", **{"videos__c": b"c" * 5000, "videos__d": b"d" * 5000})
    hub.write("data/one.zip", zipped(a=b"A", deep__b=b"B"))
    hub.write("two.tar.gz", tarred("gz", e=b"E"))
    hub.write("videos.tar.part.aa", whole[:6000])
    hub.write("videos.tar.part.ab", whole[6000:])
    hub.write("loose/[f].mp4", b"F")
    hub.write("data/test.parquet", b"rows")
    folder = fetch_media("org/films", None)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {name for name in found if not name.startswith(".")} == {
        "data/a",
        "data/deep/b",
        "e",
        "videos/c",
        "videos/d",
        "loose/[f].mp4",
    }
    assert (folder / "videos" / "d").read_bytes() == b"d" * 5000
    assert (folder / "loose" / "[f].mp4").read_bytes() == b"F"
    assert sorted(hub.downloads) == sorted(
        ["data/one.zip", "two.tar.gz", "videos.tar.part.aa", "videos.tar.part.ab", "loose/[[]f].mp4"]
    )


def test_a_second_run_fetches_nothing_and_needs_no_network(hub: Hub) -> None:
    hub.write("one.zip", zipped(a=b"A"))
    first = fetch_media("org/films", None)
    hub.downloads.clear()
    assert fetch_media("org/films", COMMIT) == first
    hub.reachable = False
    assert fetch_media("org/films", None) == fetch_media("org/films", COMMIT) == first
    assert not hub.downloads
    with pytest.raises(DataError, match="were not fetched before, and the hub cannot be asked"):
        fetch_media("org/films", "0123abcd")


def test_what_was_interrupted_is_done_again(hub: Hub) -> None:
    hub.write("a.zip", zipped(a=b"A"))
    hub.write("b.zip", b"half an archive")
    with pytest.raises(DataError, match=r"archive b\.zip cannot be unpacked"):
        fetch_media("org/films", None)
    hub.reachable = False
    with pytest.raises(DataError, match="--media"):
        fetch_media("org/films", None)
    hub.reachable = True
    hub.write("b.zip", zipped(b=b"B"))
    folder = fetch_media("org/films", None)
    assert [(folder / name).read_bytes() for name in "ab"] == [b"A", b"B"]


@pytest.mark.parametrize("archive", ["x.zip", "x.tar"])
def test_no_member_leaves_the_folder(hub: Hub, archive: str, tmp_path: Path) -> None:
    name = "..__..__..__..__out"
    hub.write(archive, zipped(**{name: b"evil"}) if archive == "x.zip" else tarred("", **{name: b"evil"}))
    if archive == "x.tar":
        with pytest.raises(DataError, match="cannot be unpacked"):
            fetch_media("org/films", None)
    else:
        assert (fetch_media("org/films", None) / "out").read_bytes() == b"evil"
    assert [path for path in tmp_path.rglob("out") if "media--org--films" not in str(path)] == []


def test_too_little_room_is_said_before_anything_is_fetched(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    hub.write("one.zip", zipped(a=b"A"))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(9, 9, 1000))
    with pytest.raises(DataError, match=r"org/films need 0\.0 GB .* set HF_HOME"):
        fetch_media("org/films", None)
    assert not hub.downloads


def test_a_repository_without_media_says_so(hub: Hub) -> None:
    hub.write("data/test.parquet", b"rows")
    with pytest.raises(DataError, match="org/films has no media files on the hub: pass the folder"):
        fetch_media("org/films", None)


def test_rows_of_the_hub_find_their_videos(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"video": "3MSZA.mp4", "caption": "person turn a light on.", "timestamp": [24.3, 30.4]}
    found = hub_rows.HubData("org/films", Table(tuple(row), [row], 1))
    monkeypatch.setattr(hub_rows, "load", lambda task, split, revision: found)
    hub.write("Charades_v1_480.zip", zipped(**{"Charades_v1_480__3MSZA.mp4": b"film"}))
    with pytest.raises(DataError, match="--media hub"):
        open_data(TASK, "hub")
    (sample,) = open_data(TASK, "hub", media_dir=Path("hub")).samples
    assert sample.media[0].read() == b"film"


def test_media_of_the_hub_belong_to_data_of_the_hub() -> None:
    with pytest.raises(DataError, match="--media hub fetches the media of --data hub"):
        open_data(TASK, "bundled", media_dir=Path("hub"))
