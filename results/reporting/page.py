"""A report as one HTML page that needs nothing else: no network, no file beside it.

Words of models and files reach the page in two ways: escaped by the template, or in a JSON block that the
page's script writes with `textContent` alone. A content policy forbids whatever is not part of the page: its
style and script are named by their hashes, so that nothing injected could run.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vleval.results.escape import one_line
from vleval.results.reporting.browser import browser_data
from vleval.results.reporting.contents import contents
from vleval.results.reporting.curves import curves, short_name
from vleval.results.reporting.data import Block, short_names
from vleval.results.reporting.samples import MOST_CHARACTERS
from vleval.results.reporting.svg import curve_svg, legend, levels
from vleval.results.reporting.tables import (
    advice_text,
    metric_table,
    settings_table,
    slice_table,
    subtitle,
    title,
)
from vleval.results.table import estimate_text, heading, number

FOLDER = Path(__file__).parent / "html"


class Thumbnail(NamedTuple):
    """A small picture of one medium: an image, or frames of a video side by side, each for an equal time."""

    src: str
    """A `data:` URI."""


class Thumbnails(NamedTuple):
    """The pictures that a page may show, by (cluster, kind of medium), and why others are missing."""

    found: Mapping[tuple[str, str], Thumbnail]
    notes: Sequence[str]


def report_page(blocks: Sequence[Block], thumbnails: Thumbnails) -> str:
    """The whole page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    style, script = ((FOLDER / name).read_text(encoding="utf-8") for name in ("style.css", "browser.js"))
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: one_line(value) if type(value) is str else value,
    )
    data = browser_data(blocks)
    pictures = [
        found.src if (found := thumbnails.found.get((key, kind))) else None
        for key, kind in _media(blocks, data)
    ]
    page: str = environment.get_template("page.html").render(
        blocks=[
            {**_block(block), "short": name} for block, name in zip(blocks, short_names(blocks), strict=True)
        ],
        contents=contents(blocks),
        policy=_policy(style, script),
        style=style,
        script=script,
        data=island(data),
        pictures=island(pictures),
        limits=_limits(blocks, data, pictures, thumbnails),
    )
    return page


def island(data: Any) -> str:
    """JSON that may stand inside a `<script>` element: nothing in it can end the element or begin another."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(style: str, script: str) -> str:
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; "
        f"script-src 'sha256-{hashes[1]}'; base-uri 'none'; form-action 'none'"
    )


def _media(blocks: Sequence[Block], data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(cluster, kind) of every medium of the browser, in its order."""
    kinds: dict[int, str] = {}
    for task, _, _, _, medium, _ in data["questions"]:
        kinds.setdefault(medium, blocks[task].task.media)
    return ((key, kinds[index]) for index, key in enumerate(data["media"]))


def _block(block: Block) -> dict[str, Any]:
    families = dict.fromkeys(row.family for row in block.slices)
    tables = [metric_table(block)] if len(block.task.metrics) > 1 else []
    tables += [slice_table(block, family) for family in families]
    return {
        "title": title(block),
        "subtitle": subtitle(block),
        "bundled": block.record.data.bundled,
        "incomplete": any(row.run.record.status != "complete" for row in block.rows),
        "advice": advice_text(block) if len(block.rows) > 1 or block.advice is None else "",
        "pick": _pick(block),
        "settings": settings_table(block),
        "tables": tables,
        "curves": [{"svg": curve_svg(curve), "legend": legend(curve)} for curve in curves(block)],
        "heat": _heat(block),
        "findings": [finding.text for finding in block.findings],
    }


def _pick(block: Block) -> list[dict[str, str]]:
    """The settings that the advice is about, with score and cost in short; of the only one, the score."""
    if block.advice is None:
        return []
    metric = block.headline

    def pick(index: int, kind: str) -> dict[str, str]:
        run = block.rows[index].run
        score = estimate_text(run.summary.metrics[metric.name], metric, interval=True)
        named = len(block.rows) > 1
        return {
            "kind": kind if named else f"{heading(metric)} [95% interval]",
            "name": short_name(run) if named else score,
            "score": f"{heading(metric)} {score}" if named else "",
            "cost": f"{number(run.visual_tokens)} visual tokens, {number(run.seconds)} s per question",
        }

    kinds = {block.advice.enough: "cheapest not measurably worse", block.advice.best: "highest score"}
    return [pick(index, kind) for index, kind in kinds.items() if index is not None]


def _heat(block: Block) -> dict[str, Any] | None:
    if block.heat is None:
        return None
    metric, (columns, rows, cells) = block.headline, block.heat
    places = [place for line in cells for place in line]
    scores = [None if place is None else block.rows[place].run.score for place in places]
    shades = iter(zip(places, levels(scores), strict=True))
    shown = []
    for _ in cells:
        line = []
        for _ in columns[1]:
            place, shade = next(shades)
            line.append(None if place is None else _cell(block, place, shade))
        shown.append(line)
    return {"title": metric.title, "columns": columns, "rows": rows, "cells": shown}


def _cell(block: Block, place: int, shade: int | None) -> dict[str, Any]:
    metric, row = block.headline, block.rows[place]
    estimate = row.run.summary.metrics[metric.name]
    return {
        "shade": shade,
        "score": estimate_text(estimate, metric, interval=False),
        "tokens": number(row.run.visual_tokens),
        "front": row.fewest_tokens,
    }


def _limits(
    blocks: Sequence[Block],
    data: Mapping[str, Any],
    pictures: Sequence[str | None],
    thumbnails: Thumbnails,
) -> list[str]:
    """What the browser of samples leaves out, in words."""
    asked = sum(max(row.run.summary.n for row in block.rows) for block in blocks)
    shown, media = len(data["questions"]), len(pictures)
    embedded = sum(picture is not None for picture in pictures)
    said = [f"{shown:,} of {asked:,} questions"]
    if shown < asked:
        said[0] += " are on this page, drawn evenly by id"
    said.append(
        f"pictures of {embedded:,} of {media:,} media" + (", lowest scores first" if embedded < media else "")
    )
    said.append(f"answers up to {MOST_CHARACTERS:,} characters")
    return [f"{'; '.join(said)}.", *thumbnails.notes]
