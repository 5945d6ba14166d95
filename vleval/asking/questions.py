"""Direct questions: files and a sentence in, places out, in original pixels or in seconds.

`vleval ground` and `vleval locate` share this: one engine run over all files, so that batches fill and a file
is read once, and an answer for every file, for a broken one costs itself alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vleval.asking.media_files import Kind
from vleval.console import Console
from vleval.errors import ExitCode, Terminated, UserError, explain
from vleval.grounding.frame import Convention, extent, to_original
from vleval.grounding.ledger import Parsed, ParsedBox, ParsedPoint, ParsedSpan
from vleval.grounding.parse import parse_boxes, parse_points, parse_spans
from vleval.model.io import GenerationSettings, Media, Message, Request, Response, VisionSettings
from vleval.running.config import RunConfig, make_config
from vleval.running.engines import ModelChoice
from vleval.running.notices import video_notices
from vleval.tasks.prompts import DETECT, LOCATE, MOMENT, POINT, caption

Place = Literal["box", "point", "span"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about every file."""

    media: Kind
    place: Place
    """What an answer consists of."""
    words: str
    """The user's own."""
    prompt: str
    """What the model reads after the medium."""
    max_new_tokens: int
    """Unless the user says."""
    labelled: bool = False
    """Whether the answer must name what it points at."""
    taught: bool = False
    """Whether the bundled checkpoint was trained on questions of this kind."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says about one file."""

    path: Path
    response: Response
    parsed: Parsed[ParsedBox] | Parsed[ParsedPoint] | Parsed[ParsedSpan] | None
    """None where there is no answer, see `response.failure`."""
    places: tuple[tuple[float, ...], ...] = ()
    """The items, in original pixels or seconds, corners as written."""

    @property
    def as_written(self) -> list[tuple[float, ...]]:
        """The items in the model's own unit."""
        return [item.values for item in self.parsed.items] if self.parsed else []

    @property
    def labels(self) -> list[str | None]:
        """Of the items, as the model wrote them."""
        return [getattr(item, "label", None) for item in self.parsed.items] if self.parsed else []

    @property
    def seconds(self) -> float:
        """What the answer took; work shared by a batch is divided evenly."""
        usage = self.response.usage
        return usage.preprocess_seconds + usage.vision_seconds + usage.prefill_seconds + usage.decode_seconds


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with all its answers."""

    question: Question
    files: int
    answers: tuple[Answer, ...]
    """In the order of the files; fewer where the command was stopped."""
    model: ModelChoice
    engine: str
    convention: Convention
    vision: VisionSettings
    generation: GenerationSettings
    stopped: BaseException | None = None
    """Ctrl-C or SIGTERM."""

    @property
    def failed(self) -> int:
        """Files without an answer, through a fault of their own or of the model."""
        return sum(answer.parsed is None for answer in self.answers)


def find_boxes(expression: str) -> Question:
    """Boxes of what an expression means."""
    return Question("image", "box", expression, LOCATE.fill(expression), 512, taught=True)


def find_points(expression: str) -> Question:
    """Points on what an expression means."""
    return Question("image", "point", expression, POINT.fill(expression), 512)


def find_all(names: str) -> Question:
    """Labelled boxes of everything of some categories, given with commas. Raises UserError without any."""
    categories = [name for name in (" ".join(part.split()) for part in names.split(",")) if name]
    if not categories:
        raise UserError(f'--all {names!r} names nothing to look for; write --all "car, person"')
    listed = ", ".join(categories)
    return Question("image", "box", listed, DETECT.fill(listed), 2048, labelled=True)


def find_moment(sentence: str) -> Question:
    """Stretches of time in which a sentence is true."""
    return Question("video", "span", sentence, MOMENT.fill(caption(sentence)), 128, taught=True)


def settings(command: str, passed: Mapping[str, Any], media: Kind) -> tuple[RunConfig, VisionSettings]:
    """Those flags of `vleval run` that the command takes too, by the same checks. Raises UserError."""
    known = {field.alias or name for name, field in RunConfig.model_fields.items()}
    given = {name: value for name, value in passed.items() if name in known and value is not None}
    config = make_config({"task": command, **given})
    grid = config.settings(media)
    if len(grid) > 1:
        flags = ", ".join(f"--{flag}" for flag in grid[0].label)
        raise UserError(f"{flags}: one value for a direct question; `vleval run` compares several")
    return config, grid[0].vision


def ask(
    question: Question, files: Sequence[Path], config: RunConfig, vision: VisionSettings, console: Console
) -> Asked:
    """Put the question to every file; Ctrl-C and SIGTERM keep what is answered.

    Raises ModelError and UserError.
    """
    from vleval.running.engines import check_folder, choose_model, convention, open_engine

    model = choose_model(config.model, "auto", os.environ)
    check_folder(model)
    _announce(model, question, console)
    loaded = open_engine(config, model)
    unit = convention(loaded.family, config.coordinates)
    generation = GenerationSettings(
        config.max_new_tokens or question.max_new_tokens, config.repetition_penalty
    )
    requests = {
        str(path): Request(
            str(path),
            (Message("user", (Media(question.media, path=path), question.prompt)),),
            vision,
            generation,
        )
        for path in files
    }
    answers: dict[str, Answer] = {}
    stopped: BaseException | None = None
    bar = console if len(files) > 1 else Console(quiet=True)
    noticed: set[str] = set()
    found = 0
    try:
        with bar.progress(config.task, len(files)) as progress:
            for response in loaded.engine.run(requests.values()):
                answers[response.id] = _answer(Path(response.id), response, question, unit)
                _tell(answers[response.id], loaded.tokens_per_second, noticed, console)
                found += len(answers[response.id].places)
                progress.advance(f"{found} found")
    except (KeyboardInterrupt, Terminated) as error:
        stopped = error
    return Asked(
        question,
        len(files),
        tuple(answers[name] for name in requests if name in answers),
        model,
        config.engine,
        unit,
        vision,
        generation,
        stopped,
    )


def _announce(model: ModelChoice, question: Question, console: Console) -> None:
    """Say who answers, where nobody named it or where it cannot be trusted."""
    if model.bundled:
        console.note(
            "model: the bundled checkpoint, which knows generated scenes of coloured shapes only; "
            "name another with --model"
        )
        if not question.taught:
            console.warn(
                "the bundled checkpoint was taught one box or one span per question: for --point and --all "
                "name another with --model"
            )
    elif model.origin == "VLEVAL_MODEL":
        console.note(f"model: {model.name} (from VLEVAL_MODEL)")


def _answer(path: Path, response: Response, question: Question, unit: Convention) -> Answer:
    if response.failure is not None:
        return Answer(path, response, None)
    frame = response.frames[0]
    if question.place == "span":
        spans = parse_spans(response.text, duration=frame.duration)
        return Answer(path, response, spans, tuple(item.values for item in spans.items))
    read = parse_boxes if question.place == "box" else parse_points
    found: Parsed[ParsedBox] | Parsed[ParsedPoint] = read(
        response.text, extent=extent(frame, unit), labelled=question.labelled
    )
    values = [item.values for item in found.items]
    places = to_original(values, frame, unit).tolist() if values else []
    return Answer(path, response, found, tuple(tuple(place) for place in places))


def _tell(answer: Answer, tokens_per_second: float, noticed: set[str], console: Console) -> None:
    """What cannot wait for the table: faults, the raw answer where asked for, and how a video was sampled."""
    console.detail(f"{answer.path}: {answer.response.text}")
    if answer.response.failure is not None:
        message = answer.response.failure.message
        console.warn(message if str(answer.path) in message else f"{answer.path}: {message}")
    for frame in answer.response.frames:
        for kind, notice in video_notices(frame, tokens_per_second):
            if kind not in noticed:
                noticed.add(kind)
                console.warn(notice)


def ending(asked: Asked, console: Console) -> ExitCode:
    """How the command ends, and the last word on why: 12 where a file has no answer."""
    if asked.stopped is not None:
        fault = explain(asked.stopped)
        console.error(f"{fault.message}; {len(asked.answers)} of {asked.files} files are answered")
        return fault.code
    if asked.failed:
        which = f"{asked.failed} of {asked.files} {asked.question.media}s" if asked.files > 1 else "it"
        console.error(f"no answer about {which}")
        return ExitCode.INCOMPLETE
    return ExitCode.OK
