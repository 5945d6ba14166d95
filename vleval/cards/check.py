"""`vleval tasks check`: data, prompt, reading and score of a task, tried on a few rows without a model."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from vleval.cards.card import asked
from vleval.model.io import Media
from vleval.tasks.base import Answer, DataError, Sample, Task
from vleval.tasks.data.sources import DataSet, open_data
from vleval.tasks.user import place_of
from vleval.tasks.wording import gaps, reworded

TEXTS = (
    "[12, 34, 56, 78]",
    '[{"bbox_2d": [1, 2, 3, 4], "label": "x"}]',
    "The event happens in 1.0 - 2.0 seconds.",
    "(A)",
    "no such thing",
    "",
    "[nan, 1e999, -3",
)
"""What models say: places, times, words, nothing, nonsense."""
_SHOWN = 100


class Step(NamedTuple):
    """One part of a task, tried."""

    name: str
    saw: tuple[str, ...]
    """What there was to see, a line each."""
    fault: str | None = None
    """Why it cannot be used; later parts are not tried then."""


def check_task(
    task: Task, data: str, split: str | None, media: Path | None, limit: int, answer: str | None
) -> list[Step]:
    """Try the parts of a task one after the other, up to the first that has a fault."""
    steps: list[Step] = []
    found: list[DataSet] = []
    tries: tuple[tuple[str, Callable[[], Iterator[str]]], ...] = (
        ("data", lambda: _data(task, data, split, media, limit, found)),
        ("prompt", lambda: _prompt(task, found[0].samples)),
        ("parse", lambda: _parse(task, found[0].samples)),
        ("score", lambda: _score(task, found[0].samples, answer)),
    )
    for name, attempt in tries:
        saw: list[str] = []
        try:
            # Line by line, so that what was seen before a fault is shown.
            for line in attempt():
                saw.append(line)
        except DataError as error:
            steps.append(Step(name, tuple(saw), str(error)))
            break
        except Exception as error:
            where = place_of(error) or f"{task.name}"
            said = " ".join(str(error).split()) or "no message"
            steps.append(Step(name, tuple(saw), f"{where}: {type(error).__name__}: {said}"))
            break
        steps.append(Step(name, tuple(saw)))
    return steps


def chosen_data(task: Task, asked: str | None) -> str:
    """What is looked at: as asked, else the bundled data, else the rows beside a user's file.

    Raises DataError where there are none.
    """
    if asked not in (None, "auto"):
        return asked
    if task.bundled_splits:
        return "bundled"
    if task.file is not None:
        for suffix in (".jsonl", ".json", ".csv", ".parquet"):
            beside = Path(task.file.path).with_suffix(suffix)
            if beside.is_file():
                return str(beside)
    raise DataError(f"There are no data beside {task.name} to check it on: pass some with --data FILE.")


def _data(
    task: Task, data: str, split: str | None, media: Path | None, limit: int, found: list[DataSet]
) -> Iterator[str]:
    opened = open_data(task, data, split=split, media_dir=media, limit=limit)
    found.append(opened)
    clusters = len({sample.cluster for sample in opened.samples})
    yield (
        f"{opened.name}, split {opened.split}: the first {len(opened.samples)} questions, about {clusters} "
        f"{task.media}s"
    )
    first = opened.samples[0]
    target = json.dumps(dict(first.target))  # a truth that is no JSON cannot be stored
    yield f"first question {first.id!r}: {_short(first.question)}; truth {_short(target)}"
    for sample in opened.samples:
        if task.target.key not in sample.target:
            raise DataError(f"question {sample.id!r} has no {task.target.key!r} in its target.")
        if not sample.media:
            raise DataError(f"question {sample.id!r} has no {task.media}.")
        for medium in sample.media:
            _look_at(medium, sample)
    yield f"every {task.media} can be read"


def _look_at(medium: Media, sample: Sample) -> None:
    from vleval.model.errors import MediaError

    try:
        if medium.kind == "image":
            from vleval.model.images import load_image

            load_image(medium)
        else:
            from vleval.model.video_reader import packet_timeline

            packet_timeline(medium)
    except MediaError as error:
        raise DataError(f"question {sample.id!r}: {error}") from None


def _prompt(task: Task, samples: Sequence[Sample]) -> Iterator[str]:
    lines = list(asked(task.messages(samples[0])))
    yield from map(_short, lines)
    for sample in samples:
        sent = [part for turn in task.messages(sample) for part in turn.content if isinstance(part, Media)]
        if sent != list(sample.media):
            raise DataError(f"messages() of question {sample.id!r} do not hold its media, each once.")
    named = gaps(task.prompt)
    try:
        again = reworded(task, task.prompt)
        alike = all(again.messages(sample) == task.messages(sample) for sample in samples)
    except DataError:
        alike = False
    if alike:
        with_gaps = f", with {', '.join(f'{{{name}}}' for name in named)}" if named else ""
        yield f"--prompt may replace it{with_gaps}"
    elif _in_parts(task, samples[0]):
        yield "it goes over several messages: --prompt cannot replace it"
    else:
        raise DataError("messages() and the field `prompt` do not ask alike.")


def _in_parts(task: Task, sample: Sample) -> bool:
    """Whether every text that is sent is a part of the template, filled with the question."""
    sent = [part for turn in task.messages(sample) for part in turn.content if isinstance(part, str)]
    filled = task.prompt
    for gap in (f"{{{name}}}" for name in gaps(task.prompt)):
        if not any(gap in part for part in sent):  # else the engine fills it in
            filled = filled.replace(gap, sample.question)
    return len(sent) > 1 and all(part in filled for part in sent)


def _parse(task: Task, samples: Sequence[Sample]) -> Iterator[str]:
    for text in TEXTS:
        reading = task.read(Answer(samples[0], text, ()), "absolute")
        blind = task.read(Answer(replace(samples[0], target={}), text, ()), "absolute")
        if reading.counts != blind.counts:
            raise DataError(f"read() looks at the truth: without it, {text!r} reads otherwise.")
        if reading.counts is None and not reading.reason:
            raise DataError(f"read() finds nothing in {text!r} and gives no reason.")
        json.dumps(dict(reading.parsed))
        said = f"nothing ({reading.reason})" if reading.counts is None else _short(repr(reading.counts))
        yield f"{text!r} reads as {said}"


def _score(task: Task, samples: Sequence[Sample], answer: str | None) -> Iterator[str]:
    answers = [Answer(sample, text, ()) for sample in samples for text in TEXTS]
    together = task.score_all(answers, "absolute")
    for one, score in zip(answers, together, strict=True):
        applies = task.applies(one.sample) if task.applies else None
        names = [
            metric.name
            for metric in task.metrics
            if not metric.parts and not metric.figure and (applies is None or metric.name in applies)
        ]
        if not set(names) <= set(score.metrics):
            raise DataError(
                f"judge() gives {', '.join(score.metrics)}, but the metrics are {', '.join(names)}."
            )
        bad = [name for name, value in score.metrics.items() if not math.isfinite(value)]
        if bad:
            raise DataError(f"judge() gives {bad[0]} no number for {one.text!r}.")
        if score != task.score(one.sample, one.text, one.frames, "absolute"):
            raise DataError(f"judge() scores {one.text!r} otherwise among others than alone.")
    counts = [score.status for score in together]
    yield f"{len(together)} answers: {counts.count('scored')} scored, {counts.count('unparsed')} unparsed"
    if answer is not None:
        score = task.score(samples[0], answer, (), "original")
        values = ", ".join(f"{name} {value:g}" for name, value in score.metrics.items())
        yield f"--answer to the first question: {score.status}, {values}"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else f"{flat[: _SHOWN - 3]}..."
