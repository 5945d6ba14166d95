"""Sheets as rows of OCRBench v2 and CC-OCR, in the hub sets' columns: every type of the one, every track and
kind of answer of the other.

The font that comes with Pillow has no Chinese characters: Chinese questions are about pictures in Latin
letters, and where a truth holds Chinese words (a translation, names of fields) they are not in the picture.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vleval.tasks.worlds.documents.paper import encode
from vleval.tasks.worlds.documents.sheets import CAPTION, Sheet, make_sheet
from vleval.tasks.worlds.parquet import IMAGE, STRING, sequence, value, write_parquet

if TYPE_CHECKING:
    from vleval.tasks.worlds.parquet import Columns

Row = dict[str, Any]

SHEETS = 3

_THOUSANDTHS = (
    "The coordinates should be whole numbers from 0 to 1000, relative to the width and height of the image."
)
_TITLES_IN_CHINESE = {
    "Harvest Fair": "丰收博览会",
    "Winter Sale": "冬季大促销",
    "Music Night": "音乐之夜",
    "Book Market": "图书市场",
}


def ocrbench_v2_rows(split: str, seed: int) -> Iterator[Row]:
    """All questions of all sheets, each with its picture."""
    number = 0
    for index in range(SHEETS):
        sheet = make_sheet(split, seed, index)
        image = {"bytes": encode(sheet.image), "path": f"sheet_{index:03d}.png"}
        for name, question, answers, more in _questions(sheet, index):
            number += 1
            row = {"eval": "None", "bbox": None, "bbox_list": None, "content": None, **more}
            yield {
                "id": number,
                "dataset_name": f"world_{split}",
                "question": question,
                "type": name,
                "answers": answers,
                "image": image,
                **row,
            }


Asked = tuple[str, str, list[str], Row]
"""Type, question, answers and the other columns."""


def _questions(sheet: Sheet, index: int) -> list[Asked]:
    return [_english, _parsing, _chinese][index](sheet)


def _english(sheet: Sheet) -> list[Asked]:
    """Words, places and fields."""
    sign, *others = sheet.signs
    options = "\n".join(f"{letter}. {one.word}" for letter, one in zip("ABC", sheet.signs, strict=True))
    left = f"Which of these signs is the leftmost? Answer with the letter.\n{options}"
    form = json.dumps({name: [text] for name, text in sheet.form.items()})
    region, where = sign.thousandths, "Where is the region of the text"
    return [
        ("text recognition en", f"What is written in the region {region}?", [sign.word], {}),
        (
            "text recognition en",
            f"What is written in the region {region}? Mind the case.",
            [sign.word],
            {"eval": "case sensitive"},
        ),
        (
            "fine-grained text recognition en",
            f"Recognize the text of the line that begins with 'Name'. {_THOUSANDTHS}",
            [f"Name: {sheet.form['Name']}"],
            {},
        ),
        ("full-page OCR en", "Read all the text in the image, line by line.", [sheet.text], {}),
        ("text grounding en", f"{where} '{sign.word}'? {_THOUSANDTHS}", list(map(str, region)), {}),
        (
            "VQA with position en",
            "Which word stands on the rightmost sign? Output the answer with 'answer' and 'bbox'. "
            + _THOUSANDTHS,
            [others[-1].word],
            {"bbox": others[-1].thousandths},
        ),
        (
            "text spotting en",
            f"Spot the words on all signs, as [(x1, y1, x2, y2, text), ...]. {_THOUSANDTHS}",
            [],
            {
                "bbox_list": [_polygon(one.thousandths) for one in sheet.signs],
                "content": [one.word for one in sheet.signs],
            },
        ),
        (
            "key information extraction en",
            f"Find the values of {list(sheet.form)} and answer with a JSON object.",
            [form],
            {},
        ),
        ("key information mapping en", "Match the names in the form with their values, in JSON.", [form], {}),
        ("science QA en", left, ["A"], {"eval": "multiple choice"}),
        ("APP agent en", f"Which sign leads to the {sign.word.lower()}?", [sign.word], {}),
        ("ASCII art classification en", left, ["A"], {"eval": "multiple choice"}),
    ]


def _parsing(sheet: Sheet) -> list[Asked]:
    """Tables, charts, documents, sums, counts."""
    letters = sum(sign.word.lower().count("e") for sign in sheet.signs)
    words = len(sheet.text.split())
    total = sum(sheet.bars.values())
    return [
        ("document parsing en", "Convert the document to Markdown.", [_markdown(sheet)], {}),
        (
            "chart parsing en",
            "Convert the chart to a Python dictionary.",
            [json.dumps({"title": sheet.title, "values": sheet.bars})],
            {},
        ),
        ("table parsing en", "Represent the table in HTML.", [_html(sheet)], {}),
        ("table parsing en", "Represent the table in Markdown.", [_pipes(sheet)], {}),
        ("formula recognition en", "Write the formula in LaTeX.", [sheet.formula], {}),
        ("math QA en", "What is the sum of the values of all bars?", [str(total)], {}),
        (
            "text counting en",
            "How many times does the letter 'e' stand on the signs, in either case?",
            [str(letters)],
            {"eval": "exact match"},
        ),
        ("text counting en", "How many words are in the image?", [str(words)], {"eval": "regression"}),
        ("document classification en", "What is this sheet for?", [sheet.title], {}),
        ("cognition VQA en", "What is the number of the form?", [sheet.form["Number"]], {}),
        (
            "diagram QA en",
            "Which day has the longest bar?",
            [max(sheet.bars, key=lambda day: sheet.bars[day])],
            {},
        ),
        (
            "reasoning VQA en",
            "Write out name, date and number of the form in one sentence.",
            [", ".join(f"{name.lower()} {text}" for name, text in sheet.form.items())],
            {},
        ),
    ]


def _chinese(sheet: Sheet) -> list[Asked]:
    """The nine Chinese types."""
    form = {"姓名": sheet.form["Name"], "编号": sheet.form["Number"]}
    return [
        ("full-page OCR cn", "识别图中所有文字。", [sheet.text], {}),
        ("key information extraction cn", f"提取{list(form)}的值，以JSON输出。", [str(form)], {}),
        ("handwritten answer extraction cn", "提取勾选的选项。", [sheet.letters], {}),
        ("handwritten answer extraction cn", "提取简答题的答案：名称与日期。", [sheet.form["Date"]], {}),
        ("document parsing cn", "将文档转换为Markdown格式。", [_markdown(sheet)], {}),
        ("table parsing cn", "将表格转换为HTML格式。", [_html(sheet)], {}),
        ("formula recognition cn", "将公式转换为LaTeX。", [rf"\text{{{sheet.formula}}}"], {}),
        ("cognition VQA cn", "表格中的编号是多少？", [sheet.form["Number"]], {}),
        ("reasoning VQA cn", "三个条形的总和是多少？", [str(sum(sheet.bars.values()))], {}),
        ("text translation cn", "将标题翻译成中文。", [_TITLES_IN_CHINESE[sheet.title]], {}),
    ]


_READ = "Output only the text of the image."
_FILL = "Fill in this JSON with what the image says, and output it alone: "
_SIGNS_ONLY = "Output only the words on the signs."


def cc_ocr_rows(split: str, seed: int) -> Iterator[Row]:
    """All questions of all sheets, each with its picture in base64."""
    number = 0
    for index in range(SHEETS):
        sheet = make_sheet(split, seed, index)
        image = base64.b64encode(encode(sheet.image)).decode("ascii")
        for category, kind, subset, question, answer in _tracks(sheet):
            yield {
                "index": number,
                "image": image,
                "question": question,
                "answer": answer,
                "category": category,
                "l2-category": kind,
                "split": subset,
                "image_name": f"sheet_{index:03d}.png",
            }
            number += 1


def _tracks(sheet: Sheet) -> list[tuple[str, str, str, str, str]]:
    """(category, l2-category, split, question, answer) of the questions about one sheet."""
    signs = " ".join(sign.word for sign in sheet.signs)
    head, *goods = sheet.table
    receipt = {
        "company": sheet.title,
        "date": sheet.form["Date"],
        "items": [dict(zip(head, cells, strict=True)) for cells in goods],
    }
    blank = {"company": "", "date": "", "items": [dict.fromkeys(head, "")]}
    form = {name.lower(): text for name, text in sheet.form.items()}
    empty_form = json.dumps(dict.fromkeys(form, ""))
    return [
        ("multi_scene_ocr", "document_text", "FUNSD", _READ, sheet.text),
        ("multi_scene_ocr", "scene_text", "TotalText", _SIGNS_ONLY, signs),
        ("multi_scene_ocr", "scene_text", "zh_scene", _SIGNS_ONLY, signs),
        ("multi_lan_ocr", "multi_lan_ocr", "German", _READ, sheet.text),
        ("multi_lan_ocr", "multi_lan_ocr", "Korean", _SIGNS_ONLY, signs),
        ("doc_parsing", "doc", "doc_scan_eng", "Write the form in LaTeX.", _latex(sheet)),
        ("doc_parsing", "table", "table_scan_eng", "Write the table in HTML, spans and all.", _spans(sheet)),
        ("doc_parsing", "formula", "formula_handwriting", "Write the formula in LaTeX.", sheet.formula),
        ("doc_parsing", "molecular", "molecular_handwriting", "Write the ticked letters.", sheet.letters),
        ("kie", "constrained_category", "CORD", _FILL + json.dumps(blank), json.dumps(receipt)),
        ("kie", "open_category", "COLD_CELL", _FILL + empty_form, json.dumps(form)),
    ]


def _latex(sheet: Sheet) -> str:
    form = " \\\\\n".join(f"{name}: {text}" for name, text in sheet.form.items())
    return f"\\section*{{{sheet.title}}}\n{form}"


def _spans(sheet: Sheet) -> str:
    """The table below a title that spans it: the benchmark's script does not see that it does."""
    title = f'<tr><td colspan="{len(sheet.table[0])}">{CAPTION}</td></tr>'
    return _html(sheet).replace("<table>", f"<table>{title}", 1)


def _polygon(box: list[int]) -> list[int]:
    x1, y1, x2, y2 = box
    return [x1, y1, x2, y1, x2, y2, x1, y2]


def _markdown(sheet: Sheet) -> str:
    """Without blank lines: the benchmark's metric holds them against every answer."""
    form = [f"{name}: {text}" for name, text in sheet.form.items()]
    return "\n".join([f"# {sheet.title}", *form, "## Goods", _pipes(sheet), "## Visitors", sheet.formula])


def _pipes(sheet: Sheet) -> str:
    head, *rows = (f"| {' | '.join(row)} |" for row in sheet.table)
    return "\n".join([head, "|" + "---|" * len(sheet.table[0]), *rows])


def _html(sheet: Sheet) -> str:
    rows = ("".join(f"<td>{cell}</td>" for cell in row) for row in sheet.table)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def write_ocr(folder: Path, seed: int) -> dict[str, int]:
    """Writes the data sets of this file below `folder`; returns the number of rows of each."""
    import pyarrow as pa

    numbers = pa.list_(pa.int32())
    columns: Columns = {
        "id": (pa.int32(), value("int32")),
        "dataset_name": (pa.string(), STRING),
        "question": (pa.string(), STRING),
        "type": (pa.string(), STRING),
        "answers": (pa.list_(pa.string()), sequence("string")),
        "image": (pa.struct({"bytes": pa.binary(), "path": pa.string()}), IMAGE),
        "eval": (pa.string(), STRING),
        "bbox": (numbers, sequence("int32")),
        "bbox_list": (pa.list_(numbers), {"feature": sequence("int32"), "_type": "Sequence"}),
        "content": (pa.list_(pa.string()), sequence("string")),
    }
    names = ("image", "question", "answer", "category", "l2-category", "split", "image_name")
    texts: Columns = {name: (pa.string(), STRING) for name in names}
    wanted = {
        "ocrbench-v2": (columns, list(ocrbench_v2_rows("test", seed))),
        "cc-ocr": ({"index": (pa.int64(), value("int64")), **texts}, list(cc_ocr_rows("test", seed))),
    }
    return {
        f"{name}/test": write_parquet(folder / name / "test.parquet", kinds, rows)
        for name, (kinds, rows) in wanted.items()
    }
