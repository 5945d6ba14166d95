"""What goes into an engine and what comes out; torch-free, so that tasks and results can use the types."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from vleval.grounding.frame import Frame

INPUT_SIZE = "{input_width}x{input_height}"
"""In a system message, the first medium's width and height as the model sees it: known only once resized."""

FailureKind = Literal["input_error", "model_error", "oom", "timeout"]


class Stored(Protocol):
    """Encoded bytes that lie among others in a file: not held, but read whenever they are asked for. Two are
    equal where their bytes are."""

    @property
    def sha256(self) -> str:
        """Of the bytes, in hex."""
        ...

    def read(self) -> bytes:
        """The bytes. Raises OSError where they cannot be read, or are others by now."""
        ...


@dataclass(frozen=True, slots=True)
class Media:
    """One image or video: encoded bytes, a path to a file, or a place among others in a file. Exactly one of
    `data`, `path` and `stored` is set."""

    kind: Literal["image", "video"]
    data: bytes | None = field(default=None, repr=False)
    path: Path | None = None
    start: float | None = None
    """Seconds of a video file at which the part that is meant begins, which is time 0 of the medium: its
    frames are those from `start` to before `end`. None: the beginning."""
    end: float | None = None
    """Seconds of a video file before which that part ends; None: the end."""
    stored: Stored | None = field(default=None, repr=False)

    def read(self) -> bytes:
        """The encoded bytes. Raises OSError when the file cannot be read."""
        if self.data is not None:
            return self.data
        if self.stored is not None:
            return self.stored.read()
        assert self.path is not None
        return self.path.read_bytes()

    def digest(self) -> str:
        """sha256 of the encoded bytes, and of the part that is meant, in hex: the identity of the medium."""
        whole = self.start is None and self.end is None
        if whole and self.stored is not None:
            return self.stored.sha256
        digest = self._hashed()
        if not whole:
            digest.update(f"\n{self.start} to {self.end} seconds".encode())
        return digest.hexdigest()

    def _hashed(self) -> hashlib._Hash:
        if self.kind == "image" or self.path is None:
            return hashlib.sha256(self.read())
        with self.path.open("rb") as file:  # larger than what is good to hold
            return hashlib.file_digest(file, "sha256")


@dataclass(frozen=True, slots=True)
class Message:
    """One chat turn; `content` holds text and media in the order the model reads them."""

    role: Literal["system", "user", "assistant"]
    content: tuple[str | Media, ...]


@dataclass(frozen=True, slots=True)
class VisionSettings:
    """Limits on what the vision tower sees. None means the checkpoint's own limit (its
    preprocessor_config.json)."""

    min_pixels: int | None = None
    """Fewest pixels of an image, or of one video frame, after resizing."""
    max_pixels: int | None = None
    """Most pixels of an image, or of one video frame, after resizing."""
    fps: float | None = None
    """Frames per second to sample from videos (default 2)."""
    min_frames: int | None = None
    max_frames: int | None = None
    total_pixels: int | None = None
    """Budget of pixels over all sampled frames of a video."""
    resize_filter: Literal["torch", "pil"] = "torch"
    sampling: Literal["linspace", "left"] = "linspace"
    """Which frames: qwen-vl-utils' rounded linspace, or transformers' left edges."""
    video_timing: Literal["qwen", "pts"] = "qwen"
    video_positions: Literal["original", "transformers5"] = "original"


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """How answers are decoded: greedily, with these limits."""

    max_new_tokens: int = 128
    repetition_penalty: float = 1.0
    logprobs: bool = False
    """Whether the log-probability of every token is wanted too."""

    def facts(self) -> dict[str, Any]:
        """By name, as fingerprints and names of folders take them: what runs without log-probabilities were
        made under reads as it did before there were any."""
        facts = asdict(self)
        if not self.logprobs:
            del facts["logprobs"]
        return facts


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """How probable each token of an answer was, and where it stands in the text.

    >>> answer = TokenLogprobs(ends=(4, 5, 6), values=(-0.5, -1.0, -3.0))
    >>> answer.mean(4, 6), answer.mean(6, 9)
    (-2.0, None)
    """

    ends: tuple[int, ...]
    """Characters of the text up to and with each token: token i covers [ends[i - 1], ends[i]). One that adds
    no character (the first bytes of a letter) is empty."""
    values: tuple[float, ...]
    """Natural logarithm of each chosen token's share among all, given all before it; after the repetition
    penalty, where there is one. The token that ended the answer is none of them."""

    def mean(self, start: int, end: int) -> float | None:
        """The mean over the tokens that cover a part of text[start:end]; None where none does."""
        first = bisect_right(self.ends, start)
        begins, chosen = self.ends[first - 1] if first else 0, []
        for token in range(first, len(self.ends)):
            if begins >= end:
                break
            if begins < self.ends[token]:
                chosen.append(self.values[token])
            begins = self.ends[token]
        return sum(chosen) / len(chosen) if chosen else None


@dataclass(frozen=True, slots=True)
class Request:
    """One question for an engine, complete in itself."""

    id: str
    messages: tuple[Message, ...]
    """A last message of the assistant's is the beginning of its answer: the model goes on from there."""
    vision: VisionSettings = VisionSettings()
    generation: GenerationSettings = GenerationSettings()

    def media(self) -> tuple[Media, ...]:
        """All media of the conversation, in reading order."""
        return tuple(part for message in self.messages for part in message.content if isinstance(part, Media))


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer cost. Seconds of work shared by a batch are divided evenly among its requests."""

    visual_tokens: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    preprocess_seconds: float = 0.0
    vision_seconds: float = 0.0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no answer; an `input_error` is the medium's fault, e.g. a torn file."""

    kind: FailureKind
    message: str


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, or why there is none."""

    id: str
    text: str = ""
    finish_reason: Literal["stop", "length", "error"] = "stop"
    frames: tuple[Frame, ...] = ()
    """One per medium of the request, in reading order."""
    usage: Usage = Usage()
    failure: Failure | None = None
    tokens: TokenLogprobs | None = None
    """Where the request asks for log-probabilities."""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Who answered: recorded with every run."""

    engine: str
    model: str
    """The name or folder as the user gave it."""
    family: str
    """`qwen2_5_vl`: decides the coordinate convention."""
    dtype: str
    device: str
    parameters: int
    fingerprint: str
    """sha256 over the weight bytes, config, tokenizer and processor files, dtype and model-code version."""
    peak_memory_bytes: int = 0
    """Peak so far: CUDA allocator on a GPU, resident set of the process on a CPU."""
    files: Mapping[str, str] = field(default_factory=dict)
    """sha256 of every file that the fingerprint covers, by name."""


class Engine(Protocol):
    """Requests in, in any order; responses out as they finish, by id. A broken request costs only itself."""

    def run(self, requests: Iterable[Request]) -> Iterator[Response]:
        """Answer every request once; an answer may come before the next request is taken."""
        ...

    def stop(self) -> None:
        """Let the running `run` end with the answers in hand."""
        ...

    def info(self) -> EngineInfo:
        """Who answers; cheap to call, `peak_memory_bytes` as of now."""
        ...
