"""How long the readers of model text take, per answer, and on the longest and nastiest text that is read.

python benchmarks/parse_speed.py [LOG.json ...]

The first table is of answers as they come; a LOG is a file `{"results": [{"model_output": "..."}, ...]}` as
VLM-R1 writes them, and adds a row. The second table is of 64 KiB (all that is read of an answer) of one
repeated piece, worst first, with the time of 8 KiB beside it: 8 times as long is linear, 64 quadratic.
CPU time of one thread, best of five runs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vleval.grounding.ledger import TEXT_LIMIT, ParsedElement
from vleval.grounding.parse import (
    Parsed,
    parse_boxes,
    parse_html,
    parse_points,
    parse_spans,
    render_boxes,
    render_html,
    render_points,
    render_spans,
)

Parse = Callable[[str], Parsed[Any]]
READERS: dict[str, Parse] = {
    "boxes": parse_boxes,
    "points": parse_points,
    "spans": parse_spans,
    "html": parse_html,
}
BOX = (12.0, 40.0, 96.0, 310.0)
THOUGHT = "<think>The person in the orange vest stands on the left side, beside two others.</think>\n"
ANSWERS: list[tuple[str, str, str]] = [
    ("boxes", "one box", render_boxes([(BOX, "man standing far left in orange")])),
    ("boxes", "reasoning, one box", f'{THOUGHT}<answer>{{"bbox_2d": [12, 40, 96, 310]}}</answer>'),
    ("boxes", "broken JSON", f'{THOUGHT}<answer>["{{"bbox_2d": [12, 40, 96, 310], "label": "x"}}]</answer>'),
    ("boxes", "100 boxes", render_boxes([(BOX, f"line {i}") for i in range(100)])),
    ("boxes", "no box", "There is no such object in the image."),
    ("points", "one point", render_points([((12, 40), "the button")])),
    ("points", "a tool call", '<tool_call>\n{"arguments": {"coordinate": [935, 406]}}\n</tool_call>'),
    ("spans", "one sentence", render_spans([(2.0, 4.5)])),
    ("spans", "20 sentences", render_spans([(i, i + 1.5) for i in range(20)])),
    ("html", "50 blocks", render_html([ParsedElement("p", None, BOX, "A line of text. " * 8, 0)] * 50)),
]
PIECES = ["[", '{"a":[', "[1,2,3,4],", '{"bbox_2d":[1,2,3,4],', "(1,2),", "<think>", "1.0 - 2.0, "]
PIECES += ['{"x":1,"y":2},', '{"start":1,"end":2},', '<p data-bbox="1 2 3 4">', "</p><b>", "9", " "]


def seconds(parse: Parse, texts: Sequence[str]) -> float:
    """CPU seconds to read all texts once."""
    spent = []
    for _ in range(5):
        began = time.process_time()
        for text in texts:
            parse(text)
        spent.append(time.process_time() - began)
    return min(spent)


def per_answer(logs: Sequence[Path]) -> None:
    """The first table."""
    print(f"{'reader':8}{'answer':44}{'characters':>12}{'us each':>10}{'50,000 in':>12}")
    rows = [(kind, name, [text] * 500) for kind, name, text in ANSWERS]
    for log in logs:
        results = json.loads(log.read_text(encoding="utf-8"))["results"]
        rows.append(("boxes", log.stem, [row["model_output"] for row in results]))
    for kind, name, texts in rows:
        each = seconds(READERS[kind], texts) / len(texts)
        size = sum(map(len, texts)) / len(texts)
        print(f"{kind:8}{name:44}{size:12.0f}{each * 1e6:10.1f}{each * 50_000:10.1f} s")


def worst() -> None:
    """The second table."""
    rows = []
    for kind, parse in READERS.items():
        for piece in PIECES:
            text = (piece * (TEXT_LIMIT // len(piece) + 1))[:TEXT_LIMIT]
            rows.append((seconds(parse, [text]), seconds(parse, [text[: TEXT_LIMIT // 8]]), kind, piece))
    print(f"\n{'reader':8}{'64 KiB of':30}{'ms':>10}{'8 KiB: ms':>12}{'ratio':>8}")
    for long, short, kind, piece in sorted(rows, reverse=True)[:12]:
        print(f"{kind:8}{piece!r:30}{long * 1e3:10.1f}{short * 1e3:12.1f}{long / short:8.1f}")


if __name__ == "__main__":
    per_answer([Path(name) for name in sys.argv[1:]])
    worst()
