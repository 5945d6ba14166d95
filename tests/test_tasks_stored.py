"""Media in the cells of tables are read when asked for, and are the same media as if they were held."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vleval.model.io import Media
from vleval.running.judge import input_digest
from vleval.tasks.base import DataError, Sample
from vleval.tasks.data import parquet as parquet_rows
from vleval.tasks.data.readers import read_file
from vleval.tasks.data.sources import open_data
from vleval.tasks.data.table import chained
from vleval.tasks.pictures import upright_size
from vleval.tasks.registry import get_task

DOCVQA, CHARADES = get_task("docvqa"), get_task("charades-sta")

FINGERPRINT = "8d3133f439499de9880cd2374b67d74039bd3a86b385cf3ea7f69c7405f2c756"
INPUT = "27076cb05e01bc39bc767846030432b474d156819c45d7c1403b1e954ffd9ff4"
"""Of the first question. Both were noted when all media were held."""


def page(number: int, size: int = 5000) -> bytes:
    return b"\xff\xd8\xff" + random.Random(number).randbytes(size)


def rows(count: int = 6, size: int = 5000) -> list[dict[str, Any]]:
    """Two questions on each page."""
    return [
        {
            "questionId": str(number),
            "question": f"What is {number}?",
            "answers": [str(number), "it"],
            "image": {"bytes": page(number // 2, size), "path": f"{number // 2}.jpg"},
        }
        for number in range(count)
    ]


def as_parquet(folder: Path, found: list[dict[str, Any]]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "val.parquet"
    pq.write_table(pa.Table.from_pylist(found), path, row_group_size=4)
    return path


def in_base64(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "image": base64.b64encode(row["image"]["bytes"]).decode()} for row in found]


def as_jsonl(folder: Path, found: list[dict[str, Any]]) -> Path:
    path = folder / "val.jsonl"
    lines = [json.dumps(row) for row in in_base64(found)]
    path.write_text("\ufeff" + "\n\n".join(lines) + "\r\n", encoding="utf-8")
    return path


def as_tsv(folder: Path, found: list[dict[str, Any]]) -> Path:
    path = folder / "val.tsv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, [*found[0], "note"], delimiter="\t")
        writer.writeheader()
        for row in in_base64(found):
            writer.writerow({**row, "answers": json.dumps(row["answers"]), "note": "two\nlines, é\u2028"})
    return path


def as_saved(folder: Path, found: list[dict[str, Any]]) -> Path:
    from datasets import Dataset, Features, Image, List, Value

    features = Features(
        questionId=Value("string"), question=Value("string"), answers=List(Value("string")), image=Image()
    )
    Dataset.from_list(found, features=features).save_to_disk(str(folder / "val"))
    return folder / "val"


WRITERS = pytest.mark.parametrize("write", [as_parquet, as_jsonl, as_tsv, as_saved])


@pytest.mark.parametrize(("line", "message"), [(b"{", "is not JSON"), (b"\xff", "cannot be read: 'utf-8'")])
def test_a_bad_line_is_named(line: bytes, message: str, tmp_path: Path) -> None:
    path = as_jsonl(tmp_path, rows())
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(DataError, match=f"val.jsonl, line 12, {message}"):
        open_data(DOCVQA, str(path))


@WRITERS
def test_media_are_the_same_and_not_held(write: Callable[..., Path], tmp_path: Path) -> None:
    path = str(write(tmp_path, rows()))
    data = open_data(DOCVQA, path)
    assert data.fingerprint == FINGERPRINT
    assert input_digest(DOCVQA.messages(data.samples[0])) == INPUT
    media = [sample.media[0] for sample in data.samples]
    assert all(medium.data is None and medium.path is None for medium in media)
    assert media[0] is media[1] != media[2]
    for number in (5, 0, 3, 2, 4, 1):
        assert media[number].read() == page(number // 2)
    assert data == open_data(DOCVQA, path)


def test_cells_of_parquet_are_read_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_rows, "BATCH_BYTES", 12_000)
    data = open_data(DOCVQA, str(as_parquet(tmp_path, rows(42))))
    order = [*range(42), *reversed(range(42)), *random.Random(0).sample(range(42), 42)]
    assert all(data.samples[number].media[0].read() == page(number // 2) for number in order)


def test_opening_holds_a_few_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_rows, "BATCH_BYTES", 1_000_000)
    path = as_parquet(tmp_path, rows(60, 200_000))  # 12 MB
    tracemalloc.start()
    try:
        data = open_data(DOCVQA, str(path))
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(data.samples) == 60
    # The first rows are looked at together, 4 MB of them, before anything else.
    assert held < 2_000_000 < peak < 8_000_000


def test_a_limit_reads_no_further(tmp_path: Path) -> None:
    path = as_tsv(tmp_path, rows(60, 300))
    path.write_bytes(path.read_bytes() + b"one cell\n")
    assert len(open_data(DOCVQA, str(path), limit=8).samples) == 8
    assert [each.id for each in open_data(DOCVQA, str(path), ids=["7"]).samples] == ["7"]
    with pytest.raises(DataError, match=r"val.tsv, row 60 has 1 cells, and the header 5 names"):
        open_data(DOCVQA, str(path))
    path.write_bytes(path.read_bytes().removesuffix(b"one cell\n") + b"\xff\n")
    with pytest.raises(DataError, match=r"val.tsv, line 122, cannot be read as TSV: 'utf-8' codec"):
        open_data(DOCVQA, str(path))


@pytest.mark.parametrize("write", [as_parquet, as_jsonl, as_tsv])
def test_a_file_that_changes_costs_its_samples(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write(tmp_path, rows(60))
    samples = open_data(DOCVQA, str(path)).samples
    write(tmp_path, [{**row, "image": {"bytes": page(99), "path": "99.jpg"}} for row in rows(60)])
    with pytest.raises(OSError, match=r"row 2 of the data (has changed since|cannot be read again)"):
        samples[2].media[0].read()
    path.unlink()
    write(tmp_path, rows(1))
    with pytest.raises(OSError, match=r"row 40 of the data cannot be read again"):
        samples[40].media[0].read()


def test_tables_in_a_row_find_their_cells(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    whole = chained([read_file(as_jsonl(tmp_path, rows())), read_file(as_tsv(tmp_path / "a", rows(4)))])
    assert (whole.total, len(list(whole.rows))) == (None, 10)
    assert whole.cell is not None
    assert [whole.cell(index, "questionId") for index in (5, 6, 9, 0)] == ["5", "0", "3", "0"]
    assert chained([whole, read_file(as_json(tmp_path))]).cell is None


def as_json(folder: Path) -> Path:
    (folder / "x.json").write_text('[{"a": 1}]')
    return folder / "x.json"


def test_folders_of_media_are_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "videos").mkdir()
    for name in ("v1.mp4", "videos/v2.webm"):
        (tmp_path / name).write_bytes(b"")
    lines = [
        json.dumps({"video": f"v{number}", "caption": "sits", "timestamp": [0, 1], "duration": 2})
        for number in range(300)
    ]
    (tmp_path / "test.jsonl").write_text("\n".join(lines))
    listed: list[str] = []
    scan = os.scandir

    def counted(path: Any) -> Any:
        listed.append(str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", counted)
    samples: list[Sample] = open_data(CHARADES, str(tmp_path / "test.jsonl")).samples
    names = [sample.media[0].path for sample in samples[:3]]
    assert names == [tmp_path / "v0.mp4", tmp_path / "v1.mp4", tmp_path / "videos" / "v2.webm"]
    assert len(listed) == len(set(listed)) < 10


def test_the_size_of_a_png_is_known_without_decoding_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngImageFile

    def png(orientation: int | None) -> Media:
        image, stored, exif = Image.new("RGB", (20, 10)), io.BytesIO(), Image.Exif()
        exif[0x0112] = orientation
        image.save(stored, "PNG", **({"exif": exif} if orientation else {}))
        return Media("image", data=stored.getvalue())

    assert upright_size(png(6)) == (10, 20)
    monkeypatch.setattr(PngImageFile, "load", None)
    assert upright_size(png(None)) == (20, 10)
