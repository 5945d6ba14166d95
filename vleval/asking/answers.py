"""How the answers of `vleval ground` and `vleval locate` are shown: a table for people, JSON for scripts."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vleval.asking.pictures import UNLABELLED
from vleval.asking.questions import Answer, Asked
from vleval.console import Console, terminal_safe
from vleval.grounding.frame import to_frames
from vleval.grounding.ledger import to_json, why_nothing

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

SCHEMAS = {"image": "vleval/ground@1", "video": "vleval/locate@1"}

_NUMBERS = {"box": ("x1", "y1", "x2", "y2"), "point": ("x", "y"), "span": ("start", "end")}
_QUOTED = 60
"""Characters of a raw answer that a remark repeats."""


def show(asked: Asked, console: Console) -> None:
    """Print the answers, as the user wants them."""
    if console.json:
        console.document(document(asked))
    else:
        console.result(table(asked))


def document(asked: Asked) -> dict[str, Any]:
    """Everything as JSON: places in original pixels or seconds, beside what the model wrote and saw."""
    question = asked.question
    status = "interrupted" if asked.stopped else "incomplete" if asked.failed else "complete"
    return {
        "schema": SCHEMAS[question.media],
        "status": status,
        "files": asked.files,
        "model": {"model": asked.model.name, "bundled": asked.model.bundled, "engine": asked.engine},
        "question": {"kind": question.place, "words": question.words, "prompt": question.prompt},
        "coordinates": asked.convention,
        "vision": asdict(asked.vision),
        "generation": asdict(asked.generation),
        f"{question.media}s": [_entry(answer, asked) for answer in asked.answers],
    }


def _entry(answer: Answer, asked: Asked) -> dict[str, Any]:
    response, parsed = answer.response, answer.parsed
    entry: dict[str, Any] = {"path": str(answer.path), "items": _items(answer, asked)}
    entry["failure"] = asdict(response.failure) if response.failure is not None else None
    if parsed is not None:
        entry["ledger"], entry["strict"] = to_json(parsed.ledger), parsed.strict
    for frame in response.frames:
        entry |= {
            "original_size": list(frame.original_size),
            "input_size": list(frame.input_size),
            "visual_tokens": frame.visual_tokens,
            "clamps": list(frame.clamps),
        }
        if asked.question.media == "video":
            entry |= {
                "duration": frame.duration,
                "timestamps": list(frame.timestamps),
                "second_per_grid": frame.second_per_grid,
                "time_source": frame.time_source,
            }
    return entry | {
        "text": response.text,
        "finish_reason": response.finish_reason,
        "seconds": round(answer.seconds, 4),
    }


def _items(answer: Answer, asked: Asked) -> list[dict[str, Any]]:
    place = asked.question.place
    if place == "span":
        (frame,) = answer.response.frames or (None,)
        return [
            {"span": list(span), "frames": to_frames(span, frame).tolist() if frame is not None else None}
            for span in answer.places
        ]
    return [
        {place: list(values), "as_written": list(written), "label": label}
        for values, written, label in zip(answer.places, answer.as_written, answer.labels, strict=True)
    ]


def table(asked: Asked) -> Table:
    """One row per place, or one that says why there is none."""
    from rich import box
    from rich.table import Table

    question = asked.question
    found = Table(
        title=_text(question.words, "bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    found.add_column(question.media, overflow="fold")
    for name in _NUMBERS[question.place]:
        found.add_column(name, justify="right", no_wrap=True)
    if question.place != "span":
        found.add_column("label", overflow="fold")
    rows = [row for answer in asked.answers for row in _rows(answer, asked)]
    if remarkable := any(row[-1] for row in rows):
        found.add_column("remarks", overflow="fold")
    for row in rows:
        found.add_row(*(row if remarkable else row[:-1]))
    return found


def _rows(answer: Answer, asked: Asked) -> list[list[Text]]:
    from vleval.grounding.drawing.palette import label_colours

    question = asked.question
    said = [_text(remark) for remark in remarks(answer, asked)]
    name = _text(str(answer.path))
    if not answer.places:
        blanks = [_text("-")] * len(_NUMBERS[question.place]) + [_text("")] * (question.place != "span")
        return [[name, *blanks, *said]]
    labels = [label or UNLABELLED for label in answer.labels]
    # As in the picture; one thing needs no colour.
    colours = label_colours(labels) if question.labelled else {}
    rows = []
    for place, label, remark in zip(answer.places, labels, said, strict=True):
        shown = [_text(label, colours.get(label, ""))] if question.place != "span" else []
        numbers = [_text(f"{value:.1f}") for value in place]
        rows.append([name, *numbers, *shown, remark])
    return rows


def _text(said: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(terminal_safe(said), style=style)


def remarks(answer: Answer, asked: Asked) -> list[str]:
    """What keeps an answer from being plain, row by row: a fault of one place stands with that place."""
    if answer.parsed is None:
        failure = answer.response.failure
        return [f"failed: {failure.kind.replace('_', ' ')}" if failure is not None else "failed"]
    general = []
    if answer.response.finish_reason == "length":
        general.append(f"cut off at --max-new-tokens {asked.generation.max_new_tokens}")
    if not answer.places:
        return ["; ".join([_nothing(answer), *general])]
    starts = {start: row for row, start in enumerate([item.offset for item in answer.parsed.items])}
    rows: list[list[str]] = [[] for _ in answer.places]
    for entry in answer.parsed.problems:
        rows[starts.get(entry.offset, 0)].append(entry.kind.replace("_", " "))
    rows[0] += general
    return ["; ".join(_counted(row)) for row in rows]


def _nothing(answer: Answer) -> str:
    """That there is no place, why, and how the answer begins."""
    assert answer.parsed is not None
    said = " ".join(answer.response.text.split())
    short = said if len(said) <= _QUOTED else said[: _QUOTED - 3] + "..."
    why = why_nothing(answer.parsed.problems)
    return "nothing found" + (f" ({why})" if why != "nothing found" else "") + f': "{short}"'


def _counted(kinds: list[str]) -> list[str]:
    return [kind if count == 1 else f"{count} {kind}" for kind, count in Counter(kinds).items()]
