"""OCRBench v2's fields: the dictionary that an answer holds, and how many of its values are right.

Source: `convert_str_to_dict`, `convert_str_to_multi_dict` and `compute_f1_score` of the benchmark's script.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

from vleval.tasks.data.rows import as_json

_OPENING = re.compile(r"```(?:python|json)?\n", re.IGNORECASE)
_CLOSING = "\n```"
_ASSIGNMENT = re.compile(r"\s*\w+\s*=\s*")
_COMMENT = re.compile("#.*")
_SEPARATOR = re.compile("[:=]")
_VALUE = re.compile(r"[:=]\s*[\"']?([^\n,\"'{}]+)[\"']?")
_WORDS_AT_END = re.compile(r"[\w\s]")


def read_fields(text: str) -> dict[str, str] | None:
    """The fields of an answer, all values as text: JSON, a Python dictionary, else `name: value` pairs.

    None where there are none. Pairs end at a comma, so that `bbox:(1,2,3,4)` has no box: the script's slip.
    """
    fenced = _fenced(text)
    content = fenced[0] if fenced else text.strip()
    data = as_json(content)
    if data is None:
        data = as_literal(content)
        if not isinstance(data, dict):
            data = _pairs(content) if data is None else {}
    if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
        return None
    return {name.strip(): str(value).strip() for name, value in data.items()} or None


def read_nested(text: str) -> dict[Any, Any] | None:
    """The Python dictionary of an answer, with whatever it holds; None where there is none.

    The longest fenced part is taken, up to its last brace, without comments and `name =` before it. JSON's
    true, false and null are no Python: the script reads no dictionary that holds one.
    """
    content = max(_fenced(text), key=len, default=text.strip())
    content = _COMMENT.sub("", content[_ends(_ASSIGNMENT.match(content)) :])
    content = content[: content.rfind("}") + 1] or content
    found = as_literal(content.strip())
    return found or None if isinstance(found, dict) else None


def share_of_fields(said: Mapping[str, str], truths: Mapping[str, Sequence[str]]) -> float:
    """The share of right values among all names that either side has, 0..1.

    Case and spaces do not matter; each name has its accepted values. The script tries all combinations of
    accepted values and takes the best, which is the best of each name.
    """
    names = said.keys() | truths.keys()
    if not names:
        return 0.0
    accepted = {name: {_plain(value) for value in values} for name, values in truths.items()}
    return sum(name in said and _plain(said[name]) in accepted.get(name, ()) for name in names) / len(names)


def _plain(value: str) -> str:
    return value.lower().strip().replace("\n", " ").replace(" ", "")


def _fenced(text: str) -> list[str]:
    """What stands between fences of code, one after another."""
    found, position = [], 0
    while opening := _OPENING.search(text, position):
        end = text.find(_CLOSING, opening.end())
        if end < 0:
            break
        found.append(text[opening.end() : end])
        position = end + len(_CLOSING)
    return found


def _ends(match: re.Match[str] | None) -> int:
    return match.end() if match else 0


def as_literal(text: str) -> Any:
    """The Python literal that a text is; None for any other."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _pairs(text: str) -> dict[str, str]:
    """`name: value` and `name = value` anywhere in a text, each at most once, in linear time."""
    found: dict[str, str] = {}
    position = 0
    for separator in _SEPARATOR.finditer(text):
        if separator.start() < position:
            continue
        name = _name_before(text, position, separator.start())
        value = _VALUE.match(text, separator.start())
        if name is not None and value is not None:
            found[name.strip()] = value[1].strip()
            position = value.end()
    return found


def _name_before(text: str, begin: int, end: int) -> str | None:
    """The words right before `end`, or before a quote there; None where there are none."""
    bare = end
    while bare > begin and text[bare - 1].isspace():
        bare -= 1
    if bare > begin and text[bare - 1] in "\"'" and (name := _words_before(text, begin, bare - 1)):
        return name
    return _words_before(text, begin, end) or None


def _words_before(text: str, begin: int, end: int) -> str:
    start = end
    while start > begin and _WORDS_AT_END.match(text[start - 1]):
        start -= 1
    return text[start:end]
