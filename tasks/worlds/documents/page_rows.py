"""Rows of generated pages: QwenVL HTML for `docparse`, and OmniDocBench's columns."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vleval.tasks.worlds.documents.pages import HEIGHT, WIDTH, Block, Box, Cell, Page, make_page
from vleval.tasks.worlds.documents.paper import encode
from vleval.tasks.worlds.parquet import IMAGE, STRING, value, write_parquet

PAGES = {"docparse": 8, "omnidocbench": 12}
SPLITS = {"docparse": "test", "omnidocbench": "train"}

_CATEGORIES = {
    "title": "title",
    "text": "text_block",
    "list": "text_block",
    "table": "table",
    "formula": "equation_isolated",
    "chart": "figure",
    "caption": "figure_caption",
    "header": "header",
    "page number": "page_number",
}
"""Kind of a block -> OmniDocBench's name for it."""


def docparse_rows(seed: int) -> Iterator[dict[str, Any]]:
    """One row per page: the picture, and its QwenVL HTML with boxes in its own pixels."""
    for index in range(PAGES["docparse"]):
        page = make_page(SPLITS["docparse"], seed, index)
        body = "\n".join(_element(block) for block in page.blocks)
        yield {
            "image": {"bytes": encode(page.image), "path": f"page_{index:03d}.png"},
            "html": f"<html><body>\n{body}\n</body></html>",
        }


def _element(block: Block) -> str:
    box, text = _bbox(block.box), html.escape(block.text, quote=False)
    match block.kind:
        case "title":
            tag = "h1" if block.box[3] - block.box[1] > 20 else "h2"
            return f"<{tag} {box}>{text}</{tag}>"
        case "list":
            items = "".join(
                f"\n<li {_bbox(at)}>{html.escape(item, quote=False)}</li>" for item, at in block.items
            )
            return f"<ul {box}>{items}\n</ul>"
        case "table":
            return f'<table class="table" {box}>{_rows(block.rows)}</table>'
        case "formula":
            return f'<div class="formula" {box}><img {box}/><div>{text}</div></div>'
        case "chart":
            return f'<div class="chart" {box}><img {box}/><table>{_rows(block.rows)}</table></div>'
        case "caption":
            return f'<div class="image caption" {box}><img {box}/><p>{text}</p></div>'
    return f"<p {box}>{text}</p>"


def _bbox(box: Box) -> str:
    return f'data-bbox="{" ".join(map(str, box))}"'


def _rows(rows: Sequence[Sequence[Cell]]) -> str:
    """The rows of a table in HTML."""
    return "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)


def _cell(cell: Cell) -> str:
    span = f' colspan="{cell.columns}"' if cell.columns > 1 else ""
    return f"<td{span}>{html.escape(cell.text, quote=False)}</td>"


def omnidocbench_rows(seed: int) -> Iterator[dict[str, Any]]:
    """One row per page, as in the benchmark's table: the picture in base64, the annotation as JSON.

    Every third page is called Chinese, whatever is written on it: the tag decides which score it counts in.
    """
    for index in range(PAGES["omnidocbench"]):
        page = make_page(SPLITS["omnidocbench"], seed, index)
        name = f"page_{index:03d}.png"
        language = "simplified_chinese" if index % 3 == 2 else "english"
        yield {
            "index": index,
            "image": base64.b64encode(encode(page.image)).decode("ascii"),
            "question": "",
            "answer": json.dumps(_annotation(page, name, language)),
        }


def _annotation(page: Page, name: str, language: str) -> dict[str, Any]:
    relations = [
        {"relation_type": "truncated", "source_anno_id": place, "target_anno_id": place + 1}
        for place, block in enumerate(page.blocks)
        if block.goes_on
    ]
    attributes = {"data_source": "book", "language": language, "layout": "other_layout", "special_issue": []}
    return {
        "layout_dets": [_layout(place, block) for place, block in enumerate(page.blocks)],
        "page_info": {
            "page_no": 0,
            "height": HEIGHT,
            "width": WIDTH,
            "image_path": name,
            "page_attribute": attributes,
        },
        "extra": {"relation": relations},
    }


def _layout(place: int, block: Block) -> dict[str, Any]:
    x1, y1, x2, y2 = block.box
    found: dict[str, Any] = {
        "category_type": _CATEGORIES[block.kind],
        "poly": [float(edge) for edge in (x1, y1, x2, y1, x2, y2, x1, y2)],
        "ignore": False,
        "order": place + 1,
        "anno_id": place,
    }
    if block.kind == "table":
        found["html"] = f"<table>{_rows(block.rows)}</table>"
    elif block.kind == "formula":
        found["latex"] = f"$${block.text}$$"
    elif block.kind != "chart":
        # A paragraph that goes on ends in the blank between its words: the parts are joined as they are.
        found["text"] = block.text + " " * block.goes_on
    return found


def write_pages(folder: Path, seed: int) -> dict[str, int]:
    """Writes both data sets below `folder`; returns the number of rows of each."""
    import pyarrow as pa

    docparse = {
        "image": (pa.struct({"bytes": pa.binary(), "path": pa.string()}), IMAGE),
        "html": (pa.string(), STRING),
    }
    omnidocbench = {
        "index": (pa.int64(), value("int64")),
        "image": (pa.string(), STRING),
        "question": (pa.string(), STRING),
        "answer": (pa.string(), STRING),
    }
    tables = {
        "docparse": (docparse, list(docparse_rows(seed))),
        "omnidocbench": (omnidocbench, list(omnidocbench_rows(seed))),
    }
    return {
        f"{name}/{SPLITS[name]}": write_parquet(folder / name / f"{SPLITS[name]}.parquet", columns, found)
        for name, (columns, found) in tables.items()
    }
