"""The engine: requests in, responses out, batch by batch; a fault is charged to the request that caused it.

`BatchEngine` does all that is not the model itself; `LocalEngine` runs ours,
`transformers_engine.TransformersEngine` the reference. The batch plan follows from the order of the requests
alone, never from timing.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import torch

from vleval.model.checkpoint import file_digests, fingerprint, load_checkpoint
from vleval.model.config import FAMILY, ModelConfig
from vleval.model.errors import SettingsError
from vleval.model.generate import Generation, ModelInput, Session, generate
from vleval.model.io import EngineInfo, Request, Response, TokenLogprobs, Usage
from vleval.model.prepare import Prepared, Preparer, failed, one_line
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.model.prompt import ChatPrompt
from vleval.model.qwen import Qwen25VL
from vleval.model.session import LocalSession
from vleval.model.weights import slots

logger = logging.getLogger(__name__)

BATCH_SIZE = 16
"""Requests answered together unless told otherwise."""
TOKEN_BUDGET = 32768
"""Most prompt tokens in a batch of more than one request, padding counted."""

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class BatchEngine(ABC):
    """Plans batches, prepares media ahead, answers, and splits what fails. Implements `io.Engine`.

    The weights are loaded by the first `run`: who answers is known before, from the files.

    Args:
        folder: a checkpoint folder.
        name: what the user called it; recorded.
        dtype: `auto` (bfloat16 on CUDA, float32 elsewhere), `float32`, `bfloat16` or `float16`.
        device: `auto` (CUDA if there is one, else the CPU) or any name torch knows.
        batch_size: requests answered together; None leaves it to the engine.

    Raises:
        CheckpointError: the folder cannot be used.
        SettingsError: dtype, device or batch size cannot be met.
    """

    kind: str
    """`--engine` value; recorded."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        dtype: str = "auto",
        device: str = "auto",
        batch_size: int | None = None,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise SettingsError(f"--batch-size must be at least 1, not {batch_size}.")
        self.folder, self.name = folder, name
        self.device = resolve_device(device)
        self.dtype = resolve_dtype(dtype, self.device)
        self.batch_size = batch_size or BATCH_SIZE
        self.config = ModelConfig.from_folder(folder)
        if self.config.dtype is not None and f"torch.{self.config.dtype}" != str(self.dtype):
            logger.info("weights saved as %s run as %s on %s", self.config.dtype, self.dtype, self.device)
        self.chat = ChatPrompt.from_folder(folder)
        self._token_budget = TOKEN_BUDGET
        self._stopped = False
        workers = min(4, os.cpu_count() or 1)
        spec = PreprocessSpec.from_folder(folder)
        self._preparer = Preparer(self.config, self.chat, spec, self.dtype, workers)

    @abstractmethod
    def load(self) -> None:
        """Load the weights, unless they are. Raises CheckpointError."""

    @abstractmethod
    def session(self, inputs: Sequence[ModelInput]) -> Session:
        """The model, about to read these prompts."""

    def run(self, requests: Iterable[Request]) -> Iterator[Response]:
        """Answer requests; see `io.Engine`. Neighbours with the same media share a batch where they fit.

        Raises SettingsError or CheckpointError for faults that are no single request's.
        """
        self._stopped = False
        self.load()
        for item in self._plan(self._preparer.ahead(requests, 2 * self.batch_size)):
            if self._stopped:
                return
            if isinstance(item, Response):
                yield item
            else:
                yield from self._answer(item)

    def stop(self) -> None:
        """See `io.Engine`: the batch in hand is finished."""
        self._stopped = True

    def info(self) -> EngineInfo:
        """Who answers. The first call may read every weight file for the fingerprint."""
        name, files = self._identity
        return EngineInfo(
            engine=self.kind,
            model=self.name,
            family=FAMILY,
            dtype=str(self.dtype).removeprefix("torch."),
            device=str(self.device),
            parameters=self._parameters,
            fingerprint=name,
            peak_memory_bytes=peak_memory(self.device),
            files=files,
        )

    @cached_property
    def _identity(self) -> tuple[str, Mapping[str, str]]:
        return fingerprint(self.folder, self.dtype), file_digests(self.folder)

    @cached_property
    def _parameters(self) -> int:
        """Numbers in the model; tied ones count once."""
        return sum(torch.Size(slot.shape).numel() for slot in slots(self.config).values())

    def _plan(self, items: Iterable[Prepared | Response]) -> Iterator[list[Prepared] | Response]:
        """Batches of whole groups of neighbours with the same media, if size and token budget allow."""
        batch: list[Prepared] = []
        group: list[Prepared] = []
        for item in items:
            if isinstance(item, Response):
                yield item
                continue
            if group and not (_same_media(group[-1], item) and self._fits([*group, item])):
                if batch and not self._fits(batch + group):
                    yield batch
                    batch = []
                batch, group = batch + group, []
            group.append(item)
        if batch and not self._fits(batch + group):
            yield batch
            batch = []
        if batch or group:
            yield batch + group

    def _fits(self, batch: Sequence[Prepared]) -> bool:
        return len(batch) <= self.batch_size and _padded_tokens(batch) <= self._token_budget

    def _answer(self, batch: list[Prepared]) -> Iterator[Response]:
        """Answer a batch; what fails as a whole is halved until the fault stands alone."""
        fault: Exception
        try:
            inputs = [item.input for item in batch]
            generations = generate(self.session(inputs), inputs, self.chat.eos_ids)
            responses = [self._response(*pair, batch) for pair in zip(batch, generations, strict=True)]
        except Exception as caught:  # whatever it is, it must cost one request, not the run
            # Without its traceback, which holds the tensors of the batch.
            fault = caught.with_traceback(None)
        else:
            yield from responses
            return
        memory = _is_out_of_memory(fault)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if len(batch) == 1:
            message = "one request alone needs more memory than there is" if memory else one_line(fault)
            yield failed(batch[0].request, "oom" if memory else "model_error", message, batch[0].frames)
            return
        if memory:
            self._token_budget = max(1, _padded_tokens(batch) // 2)
            logger.warning("out of memory with %d requests at once: going on with half of them", len(batch))
        middle = len(batch) // 2
        yield from self._answer(batch[:middle])
        yield from self._answer(batch[middle:])

    def _response(self, item: Prepared, generation: Generation, batch: Sequence[Prepared]) -> Response:
        preparing: dict[int, float] = {}
        for other in batch:
            preparing |= other.seconds
        usage = Usage(
            visual_tokens=item.visual_tokens,
            prompt_tokens=generation.prompt_tokens,
            completion_tokens=len(generation.tokens),
            preprocess_seconds=sum(preparing.values()) / len(batch),
            vision_seconds=generation.vision_seconds,
            prefill_seconds=generation.prefill_seconds,
            decode_seconds=generation.decode_seconds,
        )
        if generation.finish_reason == "error":
            count = len(generation.tokens)
            message = f"the model's logits stopped being finite after {count} tokens: try --dtype float32"
            return failed(item.request, "model_error", message, item.frames, usage)
        text, tokens = self.chat.decode(generation.tokens), None
        if generation.logprobs is not None:
            # float32 has no more digits, and every one is stored.
            values = tuple(round(value, 6) for value in generation.logprobs)
            tokens = TokenLogprobs(self.chat.ends(generation.tokens), values)
        return Response(item.request.id, text, generation.finish_reason, item.frames, usage, tokens=tokens)


class LocalEngine(BatchEngine):
    """Our own model on one device."""

    kind = "local"

    @cached_property
    def model(self) -> Qwen25VL:
        """The weights."""
        return load_checkpoint(self.folder, dtype=self.dtype, device=self.device)

    def load(self) -> None:
        """See `BatchEngine`."""
        _ = self.model

    def session(self, inputs: Sequence[ModelInput]) -> Session:
        """See `BatchEngine`."""
        return LocalSession(self.model, inputs, self.chat.pad_id)


def resolve_device(device: str) -> torch.device:
    """The device meant by `--device`. Raises SettingsError when it is not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError):  # a torch without CUDA asserts that it has it
        raise SettingsError(
            f"--device {device} is not usable here: pass auto or cpu, or see `vleval doctor`."
        ) from None
    return chosen


def resolve_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """The dtype meant by `--dtype` on a device. Raises SettingsError for an unknown name."""
    if dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if dtype not in _DTYPES:
        raise SettingsError(f"--dtype {dtype}: choose auto, {', '.join(_DTYPES)}.")
    return _DTYPES[dtype]


def peak_memory(device: torch.device) -> int:
    """Most bytes in use so far: of the allocator on CUDA, of the whole process elsewhere."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _padded_tokens(batch: Sequence[Prepared]) -> int:
    return len(batch) * max(len(item.input.input_ids) for item in batch)


def _same_media(one: Prepared, other: Prepared) -> bool:
    """Whether two requests hold the very same prepared media."""
    return [id(visual) for visual in one.input.visuals] == [id(visual) for visual in other.input.visuals]


def _is_out_of_memory(fault: Exception) -> bool:
    # The CPU allocator raises a plain RuntimeError.
    return isinstance(fault, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(fault)
