"""Cuts model text into the few tokens that can carry an answer, without asking for valid JSON.

Model text is nearly JSON: cut off by the token limit, with Python quotes, commas too many, a bracket too few,
an object opened inside a string. So nothing here builds a tree. One pass finds keys, the values behind them,
flat lists, corner pairs and special tags; the readers (`boxes.py`, `spans.py`, ...) keep the little
state they need. Every pattern is bounded or possessive, and every search starts where the last one ended, so
the time is linear in the text.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

TokenKind = Literal[
    "key",
    "string",
    "scalar",
    "list",
    "pairs",
    "open",
    "close",
    "tag",
    "points",
    "fence",
    "think",
    "unclosed_think",
]

NUMBER = r"[-+]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?"

_TAGS = "/?answer|box_start|box_end|object_ref_start|object_ref_end|/?ref|/?det"
_PAIR = r"\(\s{0,4}[-+]?[0-9.]{1,32}\s{0,4},\s{0,4}[-+]?[0-9.]{1,32}\s{0,4}\)"
_TOKEN = re.compile(
    rf"""
      (?P<think></?think>)
    | (?P<tag><\|?\s?(?:{_TAGS})\s?\|?>)
    | (?P<points><points?\s[^<>]*+(?:>|\Z))
    | (?P<fence>```)
    | (?P<key>"[^"\\\n]{{1,64}}"\s{{0,8}}:|'[^'\\\n]{{1,64}}'\s{{0,8}}:)
    | (?P<pairs>{_PAIR}(?:\s{{0,4}},\s{{0,4}}{_PAIR})*+)
    | \[(?P<list>\s*+{NUMBER}\s*+(?:,\s*+{NUMBER}\s*+)*+(?:,\s*+)?)\]
    | (?P<open>\[(?=\s{{0,64}}(?:[\[{{"'0-9.+\-]|NaN|Inf|\Z))|\{{(?=\s{{0,64}}(?:["'}}]|\Z)))
    | (?P<close>[\]}}])
    """,
    re.VERBOSE,
)
_FLAT = re.compile(r"\[([^\[\]{}]*+)\]")
_ENTRY = re.compile(rf"""\s*+["']?\s*+(?:{NUMBER}|[0-9:.]++|[-+]?(?:NaN|nan|inf|Infinity))\s*+s?["']?\s*+""")
_WHOLE = re.compile(r"\s*+[\[(]([^\[\](){}]*+)[\])]\s*+")
_STRING = re.compile(r"""\s{0,64}(?:"((?:[^"\\]|\\.)*+)"|'((?:[^'\\]|\\.)*+)')""", re.DOTALL)
_QUOTE = re.compile(r"""\s{0,64}["'][^\n]*+""")
_SCALAR = re.compile(r"\s{0,64}([-+0-9][-+0-9.:eE]*+)")
_NUMBER = re.compile(NUMBER)


class Token(NamedTuple):
    """One find. `text` is the key's name, the string's value, the list's content, or the source itself."""

    kind: TokenKind
    start: int
    end: int
    text: str


def tokens(text: str) -> Iterator[Token]:
    """Tokens in reading order. `think` covers reasoning up to its end; from 0, all before was reasoning."""
    position, last_end = 0, text.rfind("</think>")
    while match := _TOKEN.search(text, position):
        kind, start, end = match.lastgroup, match.start(), match.end()
        if kind == "think":
            token = reasoning(text, start, end, last_end)
            yield token
            position = token.end
        elif kind == "key":
            yield Token("key", start, end, text[start + 1 : text.rindex(match[0][0], start, end)])
            value = _value(text, end)
            if value is not None:
                yield value
            position = value.end if value else end
        elif kind == "list":
            yield Token("list", start, end, match["list"])
            position = end
        elif kind == "open":
            token = _opening(text, start)
            yield token
            position = token.end
        else:
            yield Token(kind, start, end, match[0])  # type: ignore[arg-type]
            position = end


def reasoning(text: str, start: int, end: int, last_end: int) -> Token:
    """The reasoning that the think tag at [start, end) opens, or closes without having opened.

    `last_end` is where the last `</think>` of the text stands: looking for one again and again takes no end.
    """
    if text[start:end] == "</think>":
        return Token("think", 0, end, "")
    if end <= last_end:
        return Token("think", start, text.index("</think>", end) + len("</think>"), "")
    answer = text.find("<answer>", end)
    return Token("unclosed_think", start, answer if answer >= 0 else len(text), "")


def entries(content: str) -> list[str]:
    """The members of a flat list's content, without blanks, quotes and a trailing comma."""
    parts = [part.strip().strip("\"'").strip() for part in content.split(",")]
    return parts[:-1] if parts and not parts[-1] else parts


def list_in_string(value: str) -> str | None:
    """The content of a flat list that is the whole of a string value: `"[1, 2, 3, 4]"`, `"(1, 2)"`."""
    whole = _WHOLE.fullmatch(value)
    return whole[1] if whole else None


def number(text: str) -> float | None:
    """The number a text spells: finite, infinite or NaN as written; None where it is no number."""
    if _NUMBER.fullmatch(text):
        # Hundreds of digits are a model running away; float() would take its time over them.
        return float(text) if len(text) <= 64 else math.inf
    return {"nan": math.nan, "inf": math.inf, "infinity": math.inf}.get(text.lstrip("+-").lower())


def without_entities(text: str) -> str:
    """A text with its HTML entities replaced; as it is where one of them is a runaway number."""
    try:
        return html.unescape(text)
    except ValueError:
        return text


def _opening(text: str, start: int) -> Token:
    flat = _FLAT.match(text, start) if text[start] == "[" else None
    if flat is None:
        return Token("open", start, start + 1, text[start])
    members = flat[1].split(",")
    if not members[-1].strip():
        members.pop()
    if members and all(_ENTRY.fullmatch(member) for member in members):
        return Token("list", start, flat.end(), flat[1])
    return Token("open", start, start + 1, flat[0])


def _value(text: str, start: int) -> Token | None:
    """The string or number behind a key; None before a bracket or brace, whose content follows as tokens."""
    if string := _STRING.match(text, start):
        group = 1 if string[1] is not None else 2
        return Token("string", string.start(group) - 1, string.end(), _unescape(string[group]))
    if unclosed := _QUOTE.match(text, start):
        # Cut off, or its closing quote was forgotten: it ends with the line.
        return Token("string", unclosed.start(), unclosed.end(), unclosed[0].strip()[1:])
    if scalar := _SCALAR.match(text, start):
        return Token("scalar", scalar.start(1), scalar.end(), scalar[1])
    return None


def _unescape(body: str) -> str:
    if "\\" not in body:
        return body
    try:
        plain = str(json.loads(f'"{body}"', strict=False))
    except ValueError:
        return body
    # An escaped half of a surrogate pair is legal JSON, and cannot be written as UTF-8 later.
    return plain.encode("utf-8", "replace").decode("utf-8")
