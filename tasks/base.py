"""The types of a benchmark: what a row becomes (Sample), how it is asked and judged (Task, Score)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vleval.grounding.frame import Convention, Frame
from vleval.model.io import Media, Message

Status = Literal["scored", "unparsed", "failed"]


class DataError(Exception):
    """A data set cannot be used; the message is one plain sentence that names the fault and the fix."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One question about one or more media."""

    id: str
    """Unique within the split; never used as a path."""
    media: tuple[Media, ...]
    question: str
    """The expression or question as the data set has it (the prompt is made from it by `Task.messages`)."""
    target: Mapping[str, Any]
    """The truth, JSON-able: `{"bbox_xyxy": [...]}` in original pixels, `{"span": [s, e]}` in seconds."""
    cluster: str
    """Key of the medium: answers about one image or video are not independent."""
    original_size: tuple[int, int] | None = None
    """(width, height) where the data set states it."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Slices for reports, e.g. `{"kind": "relation"}`."""


@dataclass(frozen=True, slots=True)
class Score:
    """The judgement of one answer; `unparsed` and `failed` are zeros in headlines, and shown beside them."""

    status: Status
    metrics: Mapping[str, float]
    """Every metric of the task, present in every status (zeros where there was nothing to score)."""
    parsed: Mapping[str, Any] = field(default_factory=dict)
    """What was read, mapped to original pixels or seconds, and the ledger of problems. JSON-able."""
    reason: str | None = None
    """Why the answer is unparsed, in a few words."""


@dataclass(frozen=True, slots=True)
class SplitNote:
    """A split of the hub set that is not what its name says."""

    title: str
    """Name to show instead, e.g. `val (UNC + Google)`."""
    warning: str
    """One sentence; travels with the data set into the run's record and table."""
    rows: int
    """Rows of that split on the hub: a local copy is recognised by them."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a task."""

    name: str
    """Column name in files, e.g. `acc@0.5`."""
    title: str
    """Column title in tables, e.g. `Acc@0.5`."""
    percent: bool = True
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Task:
    """One benchmark: data, prompt and scorer. To add a benchmark, add one of these to `registry.TASKS`."""

    name: str
    title: str
    description: str
    version: int
    """Raised whenever prompt, sample ids or scoring change, so that old and new scores are never compared."""
    media: Literal["image", "video"]
    metrics: tuple[Metric, ...]
    """The first is the headline."""
    prompt: str
    """The prompt as a template, shown by `vleval tasks show`."""
    max_new_tokens: int
    columns: tuple[str, ...]
    """Columns a row must have."""
    hub: tuple[str, ...]
    """Candidate data set ids on the hub, newest first."""
    splits: tuple[str, ...]
    default_split: str
    bundled_splits: tuple[str, ...]
    rows: Callable[[Mapping[str, Any], str], Iterable[Sample]]
    """(row, row key) -> the samples of that row."""
    messages: Callable[[Sample], tuple[Message, ...]]
    score: Callable[[Sample, str, tuple[Frame, ...], Convention], Score]
    """(sample, raw answer, frames of the response, convention) -> Score; never raises on any answer text."""
    split_notes: Mapping[str, SplitNote] = field(default_factory=dict)
    """Split of the hub set -> what to say when it is chosen."""
    references: tuple[str, ...] = ()
    """Where the definition comes from."""
    baselines: Callable[[list[Sample]], Mapping[str, Mapping[str, float]]] | None = None
    """Trivial answers (whole clip, best constant) and their metrics on the same samples, for comparison."""
