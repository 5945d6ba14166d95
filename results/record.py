"""What a run leaves on disk: a `RunRecord` (run.json) and a `SampleRecord` per answer (samples.jsonl).

Records hold the raw text, the frames and the ledger of the parser, so that scores and reports can be made
again without a model when a parser has been mended.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar

from vleval.grounding.frame import Convention, Frame
from vleval.model.io import (
    EngineInfo,
    FailureKind,
    GenerationSettings,
    TokenLogprobs,
    Usage,
    VisionSettings,
)
from vleval.results.schema import VERSION, upgraded
from vleval.results.schema import RecordError as RecordError
from vleval.tasks.base import Metric, Status

RunStatus = Literal["running", "complete", "interrupted", "failed"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """One question, what the model said, and the judgement."""

    id: str
    cluster: str
    status: Status
    failure: FailureKind | None
    """Kind of failure when `status` is `failed`."""
    reason: str | None
    """Why the answer is unparsed or failed, in a few words."""
    metrics: Mapping[str, float]
    """Every metric that applies to the question, of this answer alone."""
    parsed: Mapping[str, Any]
    """What was read, in original pixels or seconds, and the ledger of problems."""
    text: str
    """The raw answer."""
    finish_reason: Literal["stop", "length", "error"]
    question: str
    target: Mapping[str, Any]
    tags: Mapping[str, str]
    original_size: tuple[int, int] | None
    frames: tuple[Frame, ...]
    """What the model saw: one per medium."""
    usage: Usage
    input_sha256: str | None
    """Identity of the question: media bytes, roles and prompt text. None when a medium cannot be read."""
    key: str | None = None
    """Identity of the answer (`fingerprint.sample_fingerprint`); None where no run of ours asked for it."""
    attempt: int = 1
    """How often the question has been asked; failures for lack of memory or time are asked again."""
    elapsed_seconds: float = 0.0
    """Wall time of the run, over all its sessions, when this answer came."""
    evidence: Mapping[str, Any] | None = None
    """What metrics over the whole data set need of this answer (`Task.evidence`)."""
    tokens: TokenLogprobs | None = None
    """How probable each token was, where the run asked for it."""

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `json.dumps(..., allow_nan=False)` accepts."""
        return {"v": VERSION, **_finite(asdict(self))}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> SampleRecord:
        """The record of one line. Raises RecordError when it is too old, too new or lacks a field."""
        try:
            raw = upgraded(raw, "sample")
            data = dict(raw)
            data["frames"] = tuple(frame_from_json(frame) for frame in raw["frames"])
            data["usage"] = _known(Usage, raw["usage"])
            data["original_size"] = tuple(raw["original_size"]) if raw["original_size"] else None
            if tokens := raw.get("tokens"):
                data["tokens"] = TokenLogprobs(tuple(tokens["ends"]), tuple(tokens["values"]))
            return _known(cls, data)
        except (KeyError, TypeError) as error:
            raise RecordError(f"a sample record lacks or garbles a field: {error}") from None


@dataclass(frozen=True, slots=True)
class OwnTask:
    """A user's task as its file had it: all that shows a run, without running the file again."""

    path: str
    sha256: str
    """Of the file's bytes."""
    title: str
    media: Literal["image", "video"]
    metrics: tuple[Metric, ...]
    """The headline first."""

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> OwnTask:
        """As it was recorded."""
        return _known(cls, {**raw, "metrics": tuple(metric_from_json(metric) for metric in raw["metrics"])})


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """Which benchmark, in which version."""

    name: str
    version: int
    headline: str
    prompt: str = ""
    """The template that questions are put into."""
    own: OwnTask | None = None
    """None for the tasks that come with vleval."""


@dataclass(frozen=True, slots=True)
class DataFacts:
    """Which data, exactly."""

    name: str
    origin: str
    split: str
    fingerprint: str
    samples: int
    """Questions in the run: what a complete run answers."""
    bundled: bool
    """True for data that ship with vleval: such scores never mix with those of the real benchmark."""
    revision: str | None = None
    """What was asked of the hub."""
    notes: tuple[str, ...] = ()
    """Warnings that belong beside every score on these data."""
    truths: bool = True
    """False for a split published without them: its answers are kept, and nothing is scored."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One setting of one command: who answered what under which settings, and how far it came."""

    id: str
    grid: str
    """Shared by the runs of one command; those of one task differ in what the model sees alone."""
    status: RunStatus
    started: str
    """UTC, ISO 8601: the first session; events.jsonl has them all."""
    task: TaskFacts
    data: DataFacts
    model: EngineInfo
    bundled_model: bool
    vision: VisionSettings
    generation: GenerationSettings
    coordinates: Convention
    config: Mapping[str, Any]
    """Every setting of the command; `passed` names those that the user gave."""
    passed: tuple[str, ...]
    environment: Mapping[str, str]
    """Versions of vleval, Python and the libraries that decide outputs."""
    fingerprint: str | None = None
    """Of all that decides the answers (`fingerprint.predict_fingerprint`)."""
    finished: str | None = None
    seconds: float | None = None
    """Wall time of the answers over all sessions, without loading model and data."""
    summary: Mapping[str, Any] | None = None
    """Derived from the samples; kept here to be read at a glance."""
    error: str | None = None
    """Why the run stopped early."""
    warnings: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `json.dumps(..., allow_nan=False)` accepts."""
        return {"v": VERSION, **_finite(asdict(self))}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> RunRecord:
        """The record of a run.json. Raises RecordError when it is too old, too new or lacks a field."""
        try:
            raw = upgraded(raw, "run")
            data = dict(raw)
            own = raw["task"].get("own")
            data["task"] = _known(TaskFacts, {**raw["task"], "own": OwnTask.from_json(own) if own else None})
            data["data"] = _known(DataFacts, raw["data"] | {"notes": tuple(raw["data"]["notes"])})
            data["model"] = _known(EngineInfo, raw["model"])
            data["vision"] = _known(VisionSettings, raw["vision"])
            data["generation"] = _known(GenerationSettings, raw["generation"])
            data["passed"], data["warnings"] = tuple(raw["passed"]), tuple(raw["warnings"])
            return _known(cls, data)
        except (KeyError, TypeError) as error:
            raise RecordError(f"a run record lacks or garbles a field: {error}") from None


def metric_from_json(raw: Mapping[str, Any]) -> Metric:
    """A Metric as it was recorded."""
    lists = {name: tuple(raw.get(name, ())) for name in ("strata", "parts")}
    return _known(Metric, {**raw, **lists})


def frame_from_json(raw: Mapping[str, Any]) -> Frame:
    """A Frame as it was recorded."""
    names = ["original_size", "input_size", "grid_thw", "clamps", "timestamps"]
    if raw.get("content") is not None:
        names.append("content")
    return _known(Frame, {**raw, **{name: tuple(raw[name]) for name in names}})


def _metric(raw: Mapping[str, Any]) -> Metric:
    several = {name: tuple(raw.get(name, ())) for name in ("strata", "parts")}
    return _known(Metric, {**raw, **several})


def _known(cls: type[T], raw: Mapping[str, Any]) -> T:
    """Build `cls` from the fields it knows: a newer vleval of the same version may have added some."""
    names = {f.name for f in fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: value for name, value in raw.items() if name in names})


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity; text of a model can make a parser produce both."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
