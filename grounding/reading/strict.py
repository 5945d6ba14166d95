"""The strict readings: what a reader that repairs nothing gets, and whether a stretch of text is valid JSON.

Strict is a promise about form: the answer, out of its dress, is what the prompts ask for. Each
function here gives the values such a reader finds, or None; the lenient readers call an answer strict where
both found the same. Nothing raises: model text nests deeper than the interpreter's stack and writes numbers
longer than it converts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

_ANSWER = re.compile(r"\s*+<answer>|</answer>\s*+\Z")
_LANGUAGE = re.compile(r"[a-zA-Z]{0,16}\s")
_SPAN_LINE = re.compile(r"[^0-9<>\n]*+([0-9]+(?:\.[0-9]+)?) - ([0-9]+(?:\.[0-9]+)?) seconds[^0-9<>\n]*+")
_SPAN_KEYS = (("start", "end"), ("start_time", "end_time"))


class Document(NamedTuple):
    """The JSON value of an answer that is JSON, and where it stands."""

    value: Any
    start: int
    end: int


class Dress(NamedTuple):
    """What an answer wears, as (start, end) in its text."""

    fences: Sequence[tuple[int, int]]
    """The marks outside strings and reasoning."""
    thoughts: Sequence[tuple[int, int]]


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def is_json(text: str) -> bool:
    """Whether a text is one valid JSON value (NaN and Infinity are none)."""
    return _load(text) is not None


def body_of(text: str, dress: Dress) -> tuple[int, int] | None:
    """(start, end) of what a strict reader reads: the whole text, or what its dress holds; None where it has
    more than one body, or words before its reasoning.

    Dress is, from the outside in, one stretch of reasoning at the start, one pair of `<answer>` tags around
    all the rest, and one code fence.
    """
    start, end = 0, len(text)
    if dress.thoughts:
        (begin, start), *more = dress.thoughts
        if more or text[:begin].strip():
            return None
    opened = _ANSWER.match(text, start)
    closed = _ANSWER.search(text, opened.end()) if opened else None
    if opened and closed:
        start, end = opened.end(), closed.start()
    if not dress.fences:
        return start, end
    if len(dress.fences) != 2:
        return None
    language = _LANGUAGE.match(text, dress.fences[0][1])
    return (language.end() if language else dress.fences[0][1]), dress.fences[1][0]


def document(text: str, dress: Dress) -> Document | None:
    """The JSON value of the body of an answer; None where that is no list or object."""
    body = body_of(text, dress)
    if body is None:
        return None
    content = text[body[0] : body[1]].strip()
    if content[:1] + content[-1:] not in ("[]", "{}"):
        return None
    loaded = _load(content)
    return None if loaded is None else Document(loaded[0], *body)


def keyed_items(value: Any, key: str, label_keys: tuple[str, ...]) -> list[tuple[Any, str | None]] | None:
    """(numbers, label) of one item or a list of items, each an object with `key` or a bare list of numbers;
    None for anything else."""
    members = [value] if isinstance(value, dict) or _numbers(value) else value
    found = [_item(member, key, label_keys) for member in members]
    return None if any(item is None for item in found) else [item for item in found if item is not None]


def json_spans(value: Any, seconds: Callable[[str], float | None]) -> list[Any] | None:
    """(start, end) of one object or pair, or of a list of them; None for anything else."""
    members = [value] if isinstance(value, dict) or _numbers(value) else value
    found = [_span(member, seconds) for member in members]
    return None if any(span is None for span in found) else found


def sentence_spans(text: str) -> list[tuple[float, float]] | None:
    """`A - B seconds` of lines that hold one statement and no other number; None for anything else."""
    lines = [_SPAN_LINE.fullmatch(line) for line in text.strip().split("\n")]
    return [(float(line[1]), float(line[2])) for line in lines if line] if all(lines) else None


def _load(text: str) -> tuple[Any] | None:
    try:
        return (_DECODER.decode(text),)
    except (ValueError, RecursionError):
        return None


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(number) in (int, float) for number in value)


def _item(member: Any, key: str, label_keys: tuple[str, ...]) -> tuple[Any, str | None] | None:
    if isinstance(member, dict) and _numbers(member.get(key)):
        return tuple(member[key]), _label(member, label_keys)
    return (tuple(member), None) if _numbers(member) else None


def _label(item: dict[str, Any], label_keys: tuple[str, ...]) -> str | None:
    # The first that is there, as in the lenient reading.
    return next((item[key] for key in item if key in label_keys and isinstance(item[key], str)), None)


def _span(member: Any, seconds: Callable[[str], float | None]) -> tuple[Any, ...] | None:
    if isinstance(member, dict):
        ends = next(([member[a], member[b]] for a, b in _SPAN_KEYS if a in member and b in member), None)
    else:
        ends = member if isinstance(member, list) else None
    if ends is None or len(ends) != 2:
        return None
    times = [seconds(end) if isinstance(end, str) else end for end in ends]
    return tuple(times) if _numbers(times) else None
