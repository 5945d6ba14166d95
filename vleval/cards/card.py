"""The card of a benchmark: everything that decides its numbers, and what they can be compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from vleval.model.io import Message
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.running.config import pixels_text
from vleval.tasks.base import Sample, Task
from vleval.tasks.data.sources import open_data
from vleval.tasks.published import published

COLUMNS = "columns as of 2026-11 from benchmark cards, not checked against the live hub"
"""Of every built-in task that has a hub set, while it is so."""
_BY = "(t: visual tokens of 28 x 28 pixels), unless the checkpoint's own files say otherwise"
NOT_TRAINED = "the bundled checkpoint is not trained for this: its scores show that the command works"


def facts(task: Task) -> dict[str, Any]:
    """Everything about a task that is data, JSON-able; its first metric is the headline."""
    return {
        "name": task.name,
        "title": task.title,
        "description": task.description,
        "version": task.version,
        "media": task.media,
        "target": {"keys": list(task.target.readers), "form": task.target.form},
        "metrics": [asdict(metric) for metric in task.metrics],
        "prompt": task.prompt,
        "max_new_tokens": task.max_new_tokens,
        "columns": list(task.columns),
        "splits": list(task.splits),
        "default_split": task.default_split,
        "bundled_splits": list(task.bundled_splits),
        "split_notes": {split: note.warning for split, note in task.split_notes.items()},
        "hub": list(task.hub),
        "references": list(task.references),
        "traps": list(task.traps),
        "comparability": list(task.comparability),
        "columns_as_of": COLUMNS if _from_cards(task) else None,
        "file": asdict(task.file) if task.file is not None else None,
        "published": [{**row._asdict(), "scores": dict(row.scores)} for row in published(task.name)],
    }


def card(task: Task) -> dict[str, Any]:
    """`facts`, and what is counted in the bundled data."""
    return {
        **facts(task),
        "defaults": _defaults(task),
        "bundled": [
            {"split": split, "questions": questions, "clusters": clusters}
            for split, questions, clusters in _bundled(task)
        ],
    }


def card_lines(task: Task) -> list[tuple[str, str]]:
    """The card as (label, text); an empty label goes on with the one above."""
    figures = published(task.name)
    sources = dict.fromkeys((row.family, row.source(size)) for row in figures for size in row.scores)
    return [
        ("task", f"{task.name} (version {task.version}): {task.title}"),
        ("", task.description),
        *([("file", task.file.path)] if task.file is not None else []),
        ("media", task.media),
        ("prompt", task.prompt),
        ("answer", f"at most {task.max_new_tokens} tokens"),
        ("input", _defaults(task)),
        ("target", f"{' or '.join(task.target.readers)}; {task.target.key} is {task.target.form}"),
        *_labelled("metrics", [_metric(task, number) for number in range(len(task.metrics))]),
        (
            "columns",
            ", ".join((*task.columns, *([" or ".join(task.media_columns)] if task.media_columns else []))),
        ),
        *([("", COLUMNS)] if _from_cards(task) else []),
        ("splits", f"{', '.join(task.splits)}; default {task.default_split}"),
        *(("", note.warning) for note in task.split_notes.values()),
        *_labelled("bundled", _bundled_lines(task)),
        ("hub", ", ".join(task.hub) or "none"),
        *_labelled("reference", task.references),
        *_labelled("traps", task.traps),
        *_labelled("compares", task.comparability),
        *_labelled("published", [f"{row.family} {row}" for row in figures]),
        *(("", f"({family}: {source})") for family, source in sources),
    ]


def asked(messages: tuple[Message, ...]) -> Iterator[str]:
    """Messages as text, a line per turn; media stand as `<image>` and `<video>`."""
    for turn in messages:
        parts = [part if isinstance(part, str) else f"<{part.kind}>" for part in turn.content]
        yield f"{turn.role}: {' '.join(parts)}"


def sample_facts(task: Task, sample: Sample) -> dict[str, Any]:
    """One question as it is put, JSON-able."""
    return {
        "id": sample.id,
        "cluster": sample.cluster,
        "asked": list(asked(task.messages(sample))),
        "target": dict(sample.target),
        "tags": dict(sample.tags),
    }


def _labelled(label: str, lines: list[str] | tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return ((label if number == 0 else "", line) for number, line in enumerate(lines))


def _from_cards(task: Task) -> bool:
    return bool(task.hub) and task.file is None


def _metric(task: Task, number: int) -> str:
    metric = task.metrics[number]
    said = [metric.formula] if metric.formula else []
    said += [] if metric.higher_is_better else ["lower is better"]
    head = " (headline)" if number == 0 and len(task.metrics) > 1 else ""
    return f"{metric.title} ({metric.name}){head}{': ' if said else ''}{'; '.join(said)}"


def _bundled(task: Task) -> Iterator[tuple[str, int, int]]:
    """(split, questions, clusters) of the data that come with vleval."""
    for split in task.bundled_splits:
        samples = open_data(task, "bundled", split=split).samples
        yield split, len(samples), len({sample.cluster for sample in samples})


def _bundled_lines(task: Task) -> list[str]:
    lines = [
        f"{split}: {questions:,} questions about {clusters:,} {task.media}s"
        for split, questions, clusters in _bundled(task)
    ]
    if lines and not task.taught:
        lines.append(NOT_TRAINED)
    return lines or ["none"]


def _defaults(task: Task) -> str:
    """What the model sees unless a flag says otherwise, by the processor that the makers published."""
    spec = PreprocessSpec()
    if task.media == "image":
        low, high = pixels_text(spec.image_min_pixels), pixels_text(spec.image_max_pixels)
        return f"{low} to {high} per image {_BY}"
    low, high = pixels_text(spec.video_min_pixels), pixels_text(spec.video_max_pixels)
    return (
        f"{spec.fps:g} frames per second, {spec.min_frames} to {spec.max_frames} frames of {low} to {high}, "
        f"at most {pixels_text(spec.total_pixels)} over all pairs of frames {_BY}"
    )
