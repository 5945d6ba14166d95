"""What OmniDocBench compares: blocks of text, formulas and tables without what may be written either way.

Source: the benchmark's `data_preprocess.py` (v1.0, and VLMEvalKit's copy).
"""

from __future__ import annotations

import html
import logging
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

from vleval.tasks.text.markdown_page import formulas

if TYPE_CHECKING:
    from lxml.html import HtmlElement

LONGEST_FORMULA = 2000
"""Characters of an inline formula that is read as LaTeX; a longer one stays as it is written."""

_ESCAPED = re.compile(r"\\([\\_&%^])")
_NOT_WORDS = re.compile(r"[^\w一-鿿]")
_BREAKS = ("\\t", "\\n", "\t", "\n", "/t", "/n")
_ARGUMENTS = re.compile(r"\\(?:tag|hspace|begin|end)\{[^}\n]{0,500}\}|\\arraycolsep[^}\n]{0,500}\}")
_STYLES = (
    *("mathbf", "mathrm", "mathnormal", "mathit", "mathbb", "mathcal", "mathscr", "mathfrak", "mathsf"),
    *("mathtt", "textbf", "text", "boldmath", "boldsymbol", "operatorname", "bm", "symbfit", "mathbfcal"),
    *("symbf", "scriptscriptstyle", "notag", "setlength", "coloneqq", "space", "thickspace", "thinspace"),
    *("medspace", "nobreakspace", "negmedspace", "quad", "qquad", "enspace", "substackw"),
)
"""Commands that do not count, removed in this order wherever they stand."""

_UNWRAPPED = ("thead", "tbody", "tfoot", "sup", "sub", "span", "div", "p")


def plain_text(block: str) -> str:
    """Letters, digits and underscores of a block; inline formulas as Unicode.

    Upstream also deletes "/t", "/n" and the two characters of a written-out "\\n", and so does this.
    """
    pieces, position = [], 0
    for formula in formulas(block, across_lines=False):
        content = _ESCAPED.sub("", formula.content)
        words = _as_unicode(content) if any(mark in content for mark in "\\^_") else None
        if words is not None:
            pieces += [block[position : formula.start], words]
            position = formula.end
    text = "".join([*pieces, block[position:]])
    for mark in _BREAKS:
        text = text.replace(mark, "")
    return _NOT_WORDS.sub("", text)


def _as_unicode(formula: str) -> str | None:
    """A formula in plain characters; None where it cannot be read as LaTeX."""
    if len(formula) > LONGEST_FORMULA:
        return None
    try:
        words: str = _converter().latex_to_text(formula + " " if formula.endswith("\\") else formula)
    # Not one kind of fault: what reads an argument raises whatever it raises, on a model's LaTeX.
    except Exception:
        return None
    return words.strip()


@cache
def _converter() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text

    logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it reports each slip of a model's LaTeX
    return LatexNodes2Text()


def plain_formula(latex: str) -> str:
    """A formula without delimiters, white space, numbers of its own and styles, in lower case.

    Version 1.0 leaves the `$$` of the truth, and line breaks in it, so that no answer is without fault; later
    versions strip the first, and both are stripped here.
    """
    text = latex.strip().strip("$").strip()
    start, end = text.find("\\["), text.rfind("\\]")
    text = "".join((text[start + 2 : end] if 0 <= start < end - 2 else text).split())
    text = _ARGUMENTS.sub("", text).strip(".")
    for name in _STYLES:
        text = text.replace(f"\\{name}", "")
    return text.lower()


def plain_table(markup: str) -> str:
    """The first table of some HTML on a page of its own: `th` is `td`, groups of rows and small tags go.

    Of attributes, spans are left; upstream leaves all but style, size, alignment and class. Text is NFKC,
    without line breaks, with single blanks. "" where there is no table.
    """
    from vleval.tasks.text.teds import first_table

    table = first_table(markup)
    if table is None:
        return ""
    from lxml import etree

    etree.strip_elements(table, "colgroup", with_tail=False)
    etree.strip_tags(table, *_UNWRAPPED)
    # The page around the table is part of the lengths that upstream divides by.
    return f'<html><body><table border="1" >{_inside(table)}</table></body></html>'


def _inside(element: HtmlElement) -> str:
    pieces = [_words(element.text)]
    for child in element:
        tag = "td" if child.tag == "th" else str(child.tag)
        spans = "".join(
            f' {name}="{count}"' for name in ("colspan", "rowspan") if (count := child.get(name)) is not None
        )
        whole = f"<{tag}/>" if tag == "br" else f"<{tag}{spans}>{_inside(child)}</{tag}>"
        pieces += [whole, _words(child.tail)]
    return "".join(pieces)


def _words(text: str | None) -> str:
    words = unicodedata.normalize("NFKC", (text or "").replace("\n", ""))
    return html.escape(re.sub(r"\s+", " ", words), quote=False)
