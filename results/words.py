"""What a truth says, and what was read of an answer, for people: places to draw, and words to read.

Every task keeps its truths and readings in a form of its own (`Sample.target`, `Score.parsed`). This is the
one place that turns any of them into something to look at; a key that it does not know is shown as it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

MOST_TEXTS = 12
"""Of one kind, e.g. accepted answers."""
DEEPEST = 4
"""Levels of objects inside each other that are looked into."""

_ONE = {"bbox_xyxy": "boxes", "span": "spans", "point": "points"}
"""Key of a single place -> its kind: of several answers to it the first counts."""
_SEVERAL = {"boxes": "boxes", "points": "points", "spans": "spans"}
_NUMBERS = {"boxes": 4, "points": 2, "spans": 2}
_UNSAID = frozenset(
    {
        *(
            "ledger",
            "as_written",
            "mapped",
            "extra",
            "strict",
            "click",
            "scores",
            "unknown_labels",
            "dataset",
            "category_ids",
        ),
        *("masks", "areas", "crowd", "classes", "duration", "labels"),
    }
)
"""How a place was read, and what only a metric needs of it."""
_NAMES = {"boxes": ("box", "boxes"), "points": ("point", "points"), "spans": ("span", "spans")}


class Words(NamedTuple):
    """Texts of one kind: the accepted answers, the letter of a choice, a page of HTML."""

    name: str
    """As the task calls it: `answers`."""
    texts: tuple[str, ...]


class Said(NamedTuple):
    """A truth, or what was read of an answer."""

    kind: str
    """`boxes`, `points` or `spans`; empty where there is no place."""
    places: tuple[tuple[float, ...], ...]
    """In original pixels (x1, y1, x2, y2 or x, y) or seconds (start, end)."""
    labels: tuple[str, ...]
    """One per place, or none."""
    one: bool
    """Whether a single place is meant."""
    words: tuple[Words, ...]


def said(data: Mapping[str, Any]) -> Said:
    """What a target or a reading says."""
    flat = dict(_flat(data, DEEPEST))
    keys = {**_ONE, **_SEVERAL}
    key = next((key for key in keys if isinstance(flat.get(key), list | tuple)), None)
    kind = keys[key] if key is not None else ""
    places = _places([flat[key]] if key in _ONE else flat[key], kind) if key is not None else ()
    found = flat.get("labels")
    if not kind and isinstance(flat.get("html"), str):
        kind, places, found = "boxes", *_blocks(flat["html"])
    labels = tuple(map(str, found)) if isinstance(found, list | tuple) and len(found) == len(places) else ()
    words = [
        Words(name, texts)
        for name, value in flat.items()
        if name not in keys and name not in _UNSAID and (texts := _texts(value))
    ]
    return Said(kind, places, labels, key in _ONE, tuple(words))


def plain_texts(data: Mapping[str, Any]) -> list[str]:
    """The texts of a target or a reading as they are, each once; none where it says a place."""
    flat = dict(_flat(data, DEEPEST))
    placed = any(key in flat for key in (*_ONE, *_SEVERAL))
    values = [] if placed else [value for name, value in flat.items() if name not in _UNSAID]
    found = [item for value in values for item in (value if isinstance(value, list | tuple) else [value])]
    return list(dict.fromkeys(_text(item) for item in found if item is not None))


def in_words(data: Mapping[str, Any], *, most: int = 4, longest: int | None = 300) -> str:
    """What a target or a reading says, in one line: `box 10, 20, 110, 220`, `$1,250 or 1,250`, `letter C`.

    Places and texts beyond `most` of a kind are counted, texts cut at `longest` characters. Empty where it
    says nothing.
    """
    found = said(data)
    parts = [_in_words(words, most, longest) for words in found.words]
    if found.kind and not any(words.name == "html" for words in found.words):
        parts.insert(0, _places_in_words(found, most))
    return "; ".join(part for part in parts if part)


def _in_words(words: Words, most: int, longest: int | None) -> str:
    texts = [" ".join(text.split()) for text in words.texts]
    texts = [text if longest is None or len(text) <= longest else f"{text[:longest]}…" for text in texts]
    shown = " or ".join(texts[:most]) + (f" or {len(texts) - most} more" if len(texts) > most else "")
    return shown if words.name in ("answers", "answer") else f"{words.name} {shown}"


def _places_in_words(found: Said, most: int) -> str:
    unit = " s" if found.kind == "spans" else ""
    joint = " to " if found.kind == "spans" else ", "
    shown = [joint.join(f"{number:.6g}" for number in place) + unit for place in found.places[:most]]
    if found.labels:
        shown = [f"{label} ({place})" for label, place in zip(found.labels, shown, strict=False)]
    more = f"; and {len(found.places) - most} more" if len(found.places) > most else ""
    singular, plural = _NAMES[found.kind]
    if len(shown) == 1:
        return f"{singular} {shown[0]}"
    return f"{len(found.places)} {plural}: {'; '.join(shown)}{more}" if shown else f"no {singular}"


def _flat(data: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
    """The values of an object, those of objects in it in their places."""
    for name, value in data.items():
        if name == "mask":
            yield name, "an area of the picture"
        elif isinstance(value, Mapping) and depth > 1 and name not in _UNSAID:
            yield from _flat(value, depth - 1)
        else:
            yield str(name), value


def _places(values: Any, kind: str) -> tuple[tuple[float, ...], ...]:
    """Those of the values that are places: numbers of a hostile answer may be missing or endless."""
    return tuple(
        tuple(float(number) for number in value)
        for value in values
        if isinstance(value, list | tuple)
        and len(value) >= _NUMBERS[kind]
        and all(isinstance(number, int | float) and math.isfinite(number) for number in value)
    )


def _blocks(html: str) -> tuple[tuple[tuple[float, ...], ...], list[str]]:
    """The boxes in a page of QwenVL HTML, and their tags."""
    from vleval.grounding.parse import parse_html

    items = parse_html(html).items
    return _places([item.values for item in items], "boxes"), [item.tag for item in items]


def _texts(value: Any) -> tuple[str, ...]:
    if value is None or value == [] or value == ():
        return ()
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        # Ten people's answers: the same one is shown once, with how often it was given.
        counts: dict[str, int] = {}
        for item in value:
            counts[item] = counts.get(item, 0) + 1
        shown = [item if count == 1 else f"{item} ({count} times)" for item, count in counts.items()]
        more = [f"and {len(shown) - MOST_TEXTS} more"] if len(shown) > MOST_TEXTS else []
        return (*shown[:MOST_TEXTS], *more)
    if isinstance(value, list | tuple) and all(isinstance(item, Mapping) for item in value):
        more = [f"and {len(value) - MOST_TEXTS} more"] if len(value) > MOST_TEXTS else []
        return (*map(_text, value[:MOST_TEXTS]), *more)
    return (_text(value),)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        plain = {name: item for name, item in value.items() if isinstance(item, str | int | float)}
        return ", ".join(f"{name} {_text(item)}" for name, item in plain.items()) or json.dumps(value)
    if isinstance(value, Sequence) and all(isinstance(item, int | float) for item in value):
        return ", ".join(f"{item:.6g}" for item in value)
    return json.dumps(value)
