"""`vleval parse`: what vleval reads out of a model's answer, item by item, without a model."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from vleval import options

if TYPE_CHECKING:
    from vleval.console import Console
    from vleval.grounding.frame import Convention, Sizes

Kind = Literal["box", "point", "span", "html"]
Size = tuple[int, int]

_PLACE: dict[Kind, str] = {"box": "box", "point": "point", "span": "span", "html": "box"}

EXAMPLES = """Examples:

vleval parse answer.txt --input-size 252x168 --original-size 640x427

echo 'from 00:12 to 00:31.5' | vleval parse --kind span

vleval parse answer.txt --kind point --coordinates relative-1000 --original-size 640x427
"""


def parse(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The answer as text; - or nothing reads stdin.")
    ] = "-",
    kind: Annotated[Kind, typer.Option("--kind", help="What the answer was asked for.")] = "box",
    input_size: Annotated[
        str | None,
        typer.Option("--input-size", metavar="WxH", help="Pixels the model saw, after resizing."),
    ] = None,
    original_size: Annotated[
        str | None,
        typer.Option("--original-size", metavar="WxH", help="Pixels of the image: places are mapped to it."),
    ] = None,
    coordinates: options.Convention = None,
    letterbox: Annotated[
        bool, typer.Option("--letterbox", help="The input kept its aspect, centred between bars.")
    ] = False,
    expected: Annotated[
        int | None,
        typer.Option("--expected", metavar="N", min=1, help="Items asked for; more are noted."),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option("--duration", metavar="S", help="Seconds of the video: spans beyond it are noted."),
    ] = None,
) -> None:
    """Read boxes, points, time spans or HTML out of an answer; prints one JSON document.

    It holds the items as written and, where the sizes are known, in original pixels, and a ledger of all
    that was not in order. Text is read, never run.
    """
    from vleval.console import Console

    geometry = _geometry(
        _size(original_size, "--original-size"),
        _size(input_size, "--input-size"),
        coordinates or "absolute",
        letterbox=letterbox,
    )
    console = Console()
    if kind == "span" and (input_size or original_size or coordinates or letterbox):
        console.warn("spans are in seconds: sizes and coordinates change nothing")
    data = _read(file, console)
    text = data.decode("utf-8", errors="replace")
    invalid = text.encode() != data
    if invalid:
        console.warn("the answer is not valid UTF-8; what is not was replaced")
    facts = {"schema": "vleval/parse@1", "kind": kind, "characters": len(text), "invalid_utf8": invalid}
    console.document({**facts, **_parsed(text, kind, geometry, expected, duration)})


class _Geometry(NamedTuple):
    """What is known about where the numbers lie."""

    convention: Convention
    extent: tuple[float, float] | None
    """Largest (x, y), where known."""
    sizes: Sizes | None
    """None where places cannot be mapped."""


def _geometry(
    original: Size | None, seen: Size | None, convention: Convention, *, letterbox: bool
) -> _Geometry:
    from vleval.errors import UserError
    from vleval.grounding.frame import Sizes, extent

    if letterbox and not (original and seen):
        raise UserError("--letterbox needs both --input-size and --original-size")
    # Absolute numbers mean nothing without the input, shares of a side need no input at all.
    needed = seen if convention == "absolute" else original if convention == "original" else original or seen
    if needed is None:
        return _Geometry(convention, None, None)
    sizes = Sizes(original or needed, seen or needed)
    if letterbox:
        sizes = Sizes.letterboxed(sizes.original_size, sizes.input_size)
    return _Geometry(convention, extent(sizes, convention), sizes if original else None)


def _size(text: str | None, flag: str) -> Size | None:
    from vleval.errors import UserError

    if text is None:
        return None
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) == 2 and all(re.fullmatch("[1-9][0-9]{0,5}", side) for side in sides):
        return int(sides[0]), int(sides[1])
    raise UserError(f"{flag}: {text!r} is not WIDTHxHEIGHT in pixels, as in 640x427")


def _read(file: str, console: Console) -> bytes:
    from vleval.errors import UserError

    if file == "-":
        if sys.stdin.isatty():
            console.note("reading the answer from the terminal: paste it, then press Ctrl-D")
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}") from None


def _parsed(
    text: str, kind: Kind, geometry: _Geometry, expected: int | None, duration: float | None
) -> dict[str, Any]:
    """Items, each with its place in original pixels (null where not known) or seconds, and the ledger."""
    from dataclasses import asdict

    from vleval.grounding import parse as reading
    from vleval.grounding.frame import to_original
    from vleval.grounding.ledger import Parsed, to_json

    limits, sizes = geometry.extent, geometry.sizes
    answer: Parsed[Any]
    if kind == "span":
        answer = reading.parse_spans(text, expected=expected, duration=duration)
    elif kind == "point":
        answer = reading.parse_points(text, expected=expected, extent=limits)
    elif kind == "html":
        answer = reading.parse_html(text, extent=limits)
    else:
        answer = reading.parse_boxes(text, expected=expected, extent=limits)
    written = [list(item.values) for item in answer.items]
    places: list[Any] = [None] * len(written)
    if kind == "span":
        places = written
    elif sizes is not None and written:
        places = to_original(written, sizes, geometry.convention).tolist()
    items = []
    found: tuple[Any, ...] = answer.items
    for item, values, place in zip(found, written, places, strict=True):
        facts = asdict(item)
        del facts["values"]
        if facts.get("score", 0.0) is None:  # few answers state one
            del facts["score"]
        items.append({_PLACE[kind]: place, "as_written": values, **facts})
    return {
        "coordinates": None if kind == "span" else geometry.convention,
        "mapped": kind != "span" and sizes is not None,
        "items": items,
        "ledger": to_json(answer.ledger),
        "strict": answer.strict,
    }
