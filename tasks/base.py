"""The types of a benchmark: what a row becomes (Sample), how it is asked and judged (Task, Score)."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from vleval.grounding.frame import Convention, Frame
from vleval.model.io import Media, Message, TokenLogprobs

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from vleval.tasks.data.table import Table

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
    """The truth, JSON-able: `{"bbox_xyxy": [...]}` in original pixels, `{"span": [s, e]}` in seconds. Without
    `Target.key`, its truth is kept back (`Task.submission`): no metric applies to it."""
    cluster: str
    """Key of the medium: answers about one image or video are not independent."""
    original_size: tuple[int, int] | None = None
    """(width, height) where the data set states it."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Slices for reports, e.g. `{"kind": "relation"}`."""


@dataclass(frozen=True, slots=True)
class Score:
    """The judgement of one answer; `unparsed` and `failed` count as worst, and are shown beside headlines."""

    status: Status
    """`scored`: something was read, even where the truth is kept back and no metric applies."""
    metrics: Mapping[str, float]
    """Every metric that applies to the sample, computed on it alone, in every status (`Metric.worst` where
    there was nothing to score)."""
    parsed: Mapping[str, Any] = field(default_factory=dict)
    """What was read, mapped to original pixels or seconds, and the ledger of problems. JSON-able."""
    reason: str | None = None
    """Why the answer is unparsed, in a few words."""
    evidence: Mapping[str, Any] | None = None
    """What metrics over the whole data set need of this sample (`Task.evidence`)."""


class Answer(NamedTuple):
    """What a model said to one question, and what it saw."""

    sample: Sample
    text: str
    frames: tuple[Frame, ...]
    """One per medium; () where nothing is known of the input."""
    tokens: TokenLogprobs | None = None
    """How probable each token was, where the run asks for it (`--det-score logprob`)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says, before it is compared with the truth."""

    counts: Any | None
    """The one thing that counts, in the unit of the truth; None: nothing could be read."""
    parsed: Mapping[str, Any]
    """As in `Score`."""
    reason: str | None = None
    """As in `Score`; beside something that counts, the answer is unparsed for the headline, and judged for
    the metrics with a wider rule."""


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
class Target:
    """The truth of one sample: its key in `Sample.target`, and how files of predictions may write it."""

    form: str
    """In words for the user: `[x1, y1, x2, y2] in pixels of the original image`."""
    readers: Mapping[str, Callable[[Any, str], Any]]
    """Name -> (value of a file's row, name to use in errors) -> the value of `key`; ValueError in words for
    the user. The first name is the key itself, the others are further ways to write the same."""
    tags: Callable[[Any], Mapping[str, str]] | None = None
    """The value of `key` -> `Sample.tags` of answers made elsewhere, for metrics with `strata`."""

    @property
    def key(self) -> str:
        """The key of the truth in `Sample.target`."""
        return next(iter(self.readers))


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a task: of each sample alone, and of a run.

    The number of a run is the mean over the samples that the metric applies to, unless `strata`, `parts` or
    `figure` say otherwise (`results.statistics.aggregate`).
    """

    name: str
    """Column name in files, e.g. `acc@0.5`."""
    title: str
    """Column title in tables, e.g. `Acc@0.5`."""
    percent: bool = True
    higher_is_better: bool = True
    formula: str = ""
    """In words and symbols, for the card: `share of answers with IoU >= 0.5`."""
    worst: float = 0.0
    """What a failed or unreadable answer scores: 0 for a share of right answers, 1 for an edit distance."""
    strata: tuple[str, ...] = ()
    """Tags whose values count alike: ("kind",) is the mean of the means of each kind of question, and
    ("track", "subset") the mean over tracks of the mean over their subsets. () weighs samples alike."""
    parts: tuple[str, ...] = ()
    """Metrics of the task that this one is the mean of, each over the samples that it applies to."""
    figure: str | None = None
    """A figure of average precision (`AP`, `AP50`, `AP75`), which only a whole set of samples has: it is
    computed from their `Task.evidence`, in each stratum alone where there are `strata`."""


@dataclass(frozen=True, slots=True)
class Submission:
    """The file in which a benchmark's server takes the answers to questions whose truths it keeps."""

    form: str
    """Its name, for `vleval export --format`."""
    server: str
    """Who takes it."""
    id: str
    """Key of a question's id, a whole number, in each entry of the file, a JSON list."""
    answer: str
    """Key of the answer, a string."""


@dataclass(frozen=True, slots=True)
class Results:
    """A form in which files of predictions hold a row for each thing found, and none for each answer."""

    name: str
    """For people."""
    columns: frozenset[str]
    """By which it is known."""
    convention: Convention
    """Unit of its numbers."""
    answers: Callable[[Iterable[Mapping[str, Any]], Sequence[Sample]], Iterable[Mapping[str, Any]]]
    """(rows, questions) -> rows with `id` and `response`, one per question; ValueError in words for the
    user."""


@dataclass(frozen=True, slots=True)
class TaskFile:
    """The file that a user's own task was loaded from."""

    path: str
    sha256: str
    """Of the file's bytes: an edited task is another task."""


@dataclass(frozen=True, slots=True)
class Task:
    """One benchmark: data, prompt and scorer. To add a benchmark, add one of these to `registry.GROUPS`."""

    name: str
    title: str
    description: str
    version: int
    """Raised whenever prompt, sample ids or scoring change, so that old and new scores are never compared."""
    media: Literal["image", "video"]
    target: Target
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
    read: Callable[[Answer, Convention], Reading]
    """Never raises on any answer text, and never looks at the truth."""
    judge: Callable[[Sequence[Any], Sequence[Any]], Mapping[str, NDArray[Any]]]
    """(what counts of N answers, their N truths) -> metric -> N values; what is NaN or not in `applies` is
    left out."""
    split_notes: Mapping[str, SplitNote] = field(default_factory=dict)
    """Split of the hub set -> what to say when it is chosen."""
    references: tuple[str, ...] = ()
    """Where the definition comes from."""
    baselines: Callable[[list[Sample]], Mapping[str, Mapping[str, float]]] | None = None
    """Trivial answers (whole clip, best constant) and their metrics on the same samples, for comparison."""
    checks: Mapping[str, Callable[[Any, str], Any]] = field(default_factory=dict)
    """Column -> reader of its values (value, column); the first rows of any source go through it. ValueError
    in words for the user."""
    local: Callable[[Path, str | None, str], tuple[Table, str] | None] | None = None
    """Further forms of local data: (file or folder, split asked for, default split) -> the rows in the hub's
    columns, and the split; None where the path has none of these forms. Raises DataError."""
    taught: bool = False
    """Whether the bundled checkpoint was trained on questions of this kind."""
    hub_config: str | None = None
    """The configuration of the hub set that is meant, where it has several."""
    hub_configs: tuple[str, ...] = ()
    """Configurations that together are the data, read one after the other: every row has its own under
    `config`, which is a column of files that hold several."""
    bundled_name: str | None = None
    """The task whose bundled data are this one's too; None: its own."""
    media_columns: tuple[str, ...] = ()
    """Columns that may hold the medium, the first that a table has; () means one named after `media`."""
    media_files: Callable[[Mapping[str, Any]], Sequence[str]] | None = None
    """Row -> names under which its file may lie below the media folder, the likeliest first; None: the
    column holds the name. Asked only where the column holds text."""
    traps: tuple[str, ...] = ()
    """What goes wrong with this benchmark, one sentence each; for its card."""
    comparability: tuple[str, ...] = ()
    """How far the numbers of other harnesses and papers can be set beside ours, one sentence each."""
    file: TaskFile | None = None
    """None for the tasks that come with vleval."""
    notes: Callable[[Sequence[Sample]], Sequence[str]] | None = None
    """What is odd about the truths of these samples, one sentence each, to stand beside every score."""
    submission: Submission | None = None
    """How answers to splits without truths are handed in; None: such splits cannot be run."""
    answer_columns: tuple[str, ...] = ()
    """Where the benchmark's own files of predictions keep the answer (`vleval score`)."""
    results: Results | None = None
    """What those files look like where they have no row per answer."""
    applies: Callable[[Sample], Collection[str]] | None = None
    """The names of the metrics that a sample counts in, whatever is answered; None: all, always. Metrics with
    `parts` need not be named: they count where a part does."""
    evidence: Callable[[Any | None, Any], Mapping[str, Any]] | None = None
    """(what counts of an answer or None, its truth) -> what metrics with a `figure` need of it, JSON-able
    (`grounding.precision`)."""

    logprobs: bool = False
    """Whether `read` ranks what it finds by `Answer.tokens` (`--det-score logprob`)."""

    def score(self, sample: Sample, text: str, frames: tuple[Frame, ...], convention: Convention) -> Score:
        """Read and judge one answer."""
        return self.score_all([Answer(sample, text, frames)], convention)[0]

    def score_all(self, answers: Sequence[Answer], convention: Convention) -> list[Score]:
        """Read every answer, and judge all of them at once; each scores as it does alone."""
        readings = [self.read(answer, convention) for answer in answers]
        found = [
            index
            for index, reading in enumerate(readings)
            if reading.counts is not None and self.has_truth(answers[index].sample)
        ]
        truths = [answers[index].sample.target[self.target.key] for index in found]
        columns = self.judge([readings[index].counts for index in found], truths) if found else {}
        values = zip(*(column.tolist() for column in columns.values()), strict=True)
        rows = {index: dict(zip(columns, row, strict=True)) for index, row in zip(found, values, strict=True)}
        return [
            self._scored(answer.sample, reading, rows[index])
            if index in rows
            else Score("scored", {}, reading.parsed)
            if reading.counts is not None and reading.reason is None
            else self.worst(answer.sample, "unparsed", reading.reason, reading.parsed)
            for index, (answer, reading) in enumerate(zip(answers, readings, strict=True))
        ]

    def has_truth(self, sample: Sample) -> bool:
        """Whether there is anything to judge an answer by."""
        return self.target.key in sample.target

    def worst(
        self, sample: Sample, status: Status, reason: str | None, parsed: Mapping[str, Any] | None = None
    ) -> Score:
        """The score of an answer of which nothing counts."""
        values = {metric.name: metric.worst for metric in self.metrics}
        return Score(
            status, self._counting(sample, values), parsed or {}, reason, self._evidence(None, sample)
        )

    def _scored(self, sample: Sample, reading: Reading, values: Mapping[str, float]) -> Score:
        metrics = self._counting(sample, values)
        status: Status = "unparsed" if reading.reason else "scored"
        evidence = self._evidence(reading.counts, sample)
        return Score(status, metrics, reading.parsed, reading.reason, evidence)

    def _counting(self, sample: Sample, values: Mapping[str, float]) -> dict[str, float]:
        """The metrics that the sample counts in; those made of parts are the mean of the parts among them."""
        if not self.has_truth(sample):
            return {}
        applies = self.applies(sample) if self.applies else values.keys()
        found = {
            name: float(value) for name, value in values.items() if name in applies and not math.isnan(value)
        }
        for metric in self.metrics:
            if metric.parts:
                parts = [found[name] for name in metric.parts if name in found]
                found.pop(metric.name, None)
                if parts:
                    found[metric.name] = sum(parts) / len(parts)
        return {metric.name: found[metric.name] for metric in self.metrics if metric.name in found}

    def _evidence(self, counts: Any | None, sample: Sample) -> Mapping[str, Any] | None:
        if self.evidence is None or not self.has_truth(sample):
            return None
        return self.evidence(counts, sample.target[self.target.key])
