"""Sheets for OCRBench v2 and CC-OCR: the hub sets' columns, stable bytes, truths that are in the picture."""

from __future__ import annotations

import ast
import base64
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from vleval.tasks.data.readers import read_file
from vleval.tasks.data.sources import BUNDLED
from vleval.tasks.worlds.documents.ocr_rows import SHEETS, cc_ocr_rows, ocrbench_v2_rows, write_ocr
from vleval.tasks.worlds.documents.sheets import PER_STEP, SIDE, STEP, make_sheet
from vleval.tasks.worlds.write import BUNDLED_SEED

COLUMNS = {
    "ocrbench-v2": "id dataset_name question type answers image eval bbox bbox_list content",
    "cc-ocr": "index image question answer category l2-category split image_name",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_the_bundled_files_are_what_the_generator_writes(name: str, tmp_path: Path) -> None:
    write_ocr(tmp_path, BUNDLED_SEED)
    written = tmp_path / name / "test.parquet"
    assert written.read_bytes() == (BUNDLED / name / "test.parquet").read_bytes()
    assert read_file(written).columns == tuple(COLUMNS[name].split())


def test_pictures_are_those_of_the_sheets() -> None:
    as_bytes = {row["image"]["bytes"] for row in ocrbench_v2_rows("test", 3)}
    as_text = {row["image"] for row in cc_ocr_rows("test", 3)}
    assert {base64.b64decode(text) for text in as_text} == as_bytes
    assert len(as_bytes) == SHEETS
    assert all(Image.open(io.BytesIO(data)).size == (SIDE, SIDE) for data in as_bytes)


@pytest.mark.parametrize("index", range(4))
def test_signs_stand_where_the_truth_says(index: int) -> None:
    sheet = make_sheet("test", 11, index)
    assert SIDE / STEP * PER_STEP == 1000
    for sign in sheet.signs:
        x1, y1, x2, y2 = (round(edge * SIDE / 1000) for edge in sign.thousandths)
        assert 0 <= x1 < x2 <= SIDE
        frame = [
            sheet.image.getpixel(point) for point in ((x1, y1), (x2 - 1, y1), (x1, y2 - 1), (x2 - 1, y2 - 1))
        ]
        assert set(frame) == {(20, 20, 30)}
        assert sheet.image.getpixel((x1 - 1, y1)) == (255, 255, 255)
    # Plates never touch: every text has one place.
    edges = [edge for sign in sheet.signs for edge in (sign.box[0], sign.box[2])]
    assert edges == sorted(set(edges))


def test_truths_are_on_the_sheet() -> None:
    for index in range(SHEETS):
        sheet = make_sheet("test", BUNDLED_SEED, index)
        picture = f"sheet_{index:03d}.png"
        for row in ocrbench_v2_rows("test", BUNDLED_SEED):
            if row["image"]["path"] == picture and row["type"] in ("text recognition en", "cognition VQA cn"):
                assert row["answers"][0] in sheet.text
        for row in cc_ocr_rows("test", BUNDLED_SEED):
            if row["image_name"] == picture and row["split"] == "COLD_CELL":
                assert set(json.loads(row["answer"]).values()) == set(sheet.form.values())


def test_fields_of_chinese_questions_are_python_as_on_the_hub() -> None:
    (row,) = (r for r in ocrbench_v2_rows("test", 1) if r["type"] == "key information extraction cn")
    with pytest.raises(ValueError, match="Expecting property name"):
        json.loads(row["answers"][0])
    assert set(ast.literal_eval(row["answers"][0])) == {"姓名", "编号"}
