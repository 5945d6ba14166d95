"""Words of models and files made harmless, a function per form of output that has syntax of its own.

Terminals are served by `vleval.console.terminal_safe`.
"""

from __future__ import annotations

import html
import re

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""C0, DEL, C1, bidirectional controls, separators that end lines, lone surrogates."""
_MARKDOWN = re.compile(r"[\\`*_\[\]|~]|:(?=//)")
"""What can begin emphasis, code, a link or a column within a line."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""OWASP, "CSV Injection", and ASVS 1.2.10; and the full-width forms of the first four."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters outside XML 1.0 (section 2.2): ElementTree writes them all the same."""


def one_line(text: str) -> str:
    """`text` without line ends and control characters, which become spaces."""
    return " ".join(_CONTROL.sub(" ", text).split())


def markdown(text: str) -> str:
    """`text` as plain words within a line of Markdown, a table's cell included: no link, tag or column."""
    return _MARKDOWN.sub(r"\\\g<0>", html.escape(one_line(text), quote=False))


def workflow_message(text: str) -> str:
    """`text` as the message of a GitHub workflow command."""
    safe = "".join(" " if _CONTROL.match(char) and char not in "\r\n" else char for char in text)
    return safe.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """`text` as the value of a property (`title=`) of a GitHub workflow command."""
    return workflow_message(text).replace(":", "%3A").replace(",", "%2C")


def xml(text: str) -> str:
    """`text` without what XML 1.0 cannot hold; quoting is the writer's business."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def formula_safe(text: str) -> str:
    """`text` as a cell of CSV that no spreadsheet runs: an apostrophe goes before what begins a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
