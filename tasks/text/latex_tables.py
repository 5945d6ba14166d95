"""LaTeX tables as HTML, so that they are compared like any other.

OmniDocBench runs the program latexmlc for this. What is read here is what tables of models are made of: `&`,
`\\\\`, `\\multicolumn`, `\\multirow`; rules, colours and sizes go, all else stays as it is written.
"""

from __future__ import annotations

import html
import re
from itertools import accumulate

_BODY = re.compile(r"\\begin\{tabular[*x]?\}")
_END = re.compile(r"\\end\{tabular[*x]?\}")
_RULES = re.compile(
    r"\\(?:hline|toprule|midrule|bottomrule|centering|cline\{[^{}]*\}|cmidrule(?:\([^()]*\))?\{[^{}]*\})"
)
_MULTI = re.compile(r"\s*\\multi(column|row)\s*\{(\d{1,3})\}\s*\{[^{}]*\}\s*\{")
_BETWEEN = re.compile(r"(?<!\\)&")
_BOLD = re.compile(r"\\text(?:bf|it)\{([^{}]*)\}")


def latex_to_html(table: str) -> str:
    """`<table>` of the first tabular of a LaTeX table; an empty one where there is none. Never raises."""
    begin = _BODY.search(table)
    if begin is None:
        return "<table></table>"
    end = _END.search(table, begin.end())
    body = _after_columns(table[begin.end() : end.start() if end else len(table)])
    body = _BOLD.sub(r"\1", _RULES.sub("", body))
    rows = [row for row in body.split("\\\\") if row.strip()]
    return f"<table>{''.join(map(_row, rows))}</table>"


def _after_columns(body: str) -> str:
    """The rows: the body without the arguments before them (width, position, columns)."""
    for _ in range(3):
        body = body.lstrip()
        if body[:1] not in ("{", "["):
            break
        depths = accumulate((letter in "{[") - (letter in "}]") for letter in body)
        end = next((index for index, depth in enumerate(depths) if depth == 0), None)
        body = body if end is None else body[end + 1 :]
    return body


def _row(row: str) -> str:
    cells = map(_cell, _BETWEEN.split(row))
    return f"<tr>{''.join(cells)}</tr>"


def _cell(cell: str) -> str:
    spans = {}
    for _ in range(2):  # a cell may span columns and rows
        match = _MULTI.match(cell)
        if match is None:
            break
        spans["colspan" if match[1] == "column" else "rowspan"] = match[2]
        cell = cell[match.end() :].rstrip().removesuffix("}")
    attributes = "".join(f' {name}="{count}"' for name, count in spans.items())
    return f"<td{attributes}>{html.escape(cell.strip(), quote=False)}</td>"
