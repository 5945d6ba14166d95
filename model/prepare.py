"""From requests to model inputs, ahead of the model: threads decode, resize and patchify while it answers.

Image and video work releases Python's lock. Tokenizing stays on the caller's thread: the tokenizers library
is not safe to share between threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from time import perf_counter
from weakref import WeakValueDictionary

import torch

from vleval.grounding.frame import Frame
from vleval.model.config import ModelConfig
from vleval.model.errors import CheckpointError, MediaError, SettingsError
from vleval.model.generate import ModelInput
from vleval.model.io import (
    INPUT_SIZE,
    Failure,
    FailureKind,
    Media,
    Message,
    Request,
    Response,
    Usage,
    VisionSettings,
)
from vleval.model.preprocess import VisualInput, prepare_image
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.model.prompt import ChatPrompt
from vleval.model.video import prepare_video

AHEAD_BYTES = 4 * 2**30
"""Pixels that may lie ready for the model: a film at 768 frames has half a GiB in half precision."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A request the model can read."""

    request: Request
    input: ModelInput
    seconds: dict[int, float]
    """What each medium took to prepare, by the identity of its `VisualInput`: requests may share one."""

    @property
    def frames(self) -> tuple[Frame, ...]:
        """One per medium, in reading order."""
        return tuple(visual.frame for visual in self.input.visuals)

    @property
    def visual_tokens(self) -> int:
        """Of all media."""
        return sum(frame.visual_tokens for frame in self.frames)


Timed = tuple[VisualInput, float]


class Preparer:
    """Reads media and prompts as one checkpoint wants them.

    Args:
        config, chat, spec: of the checkpoint.
        dtype: of the pixels handed on; the tower's own, so that half precision moves half the bytes.
        workers: threads.
    """

    def __init__(
        self, config: ModelConfig, chat: ChatPrompt, spec: PreprocessSpec, dtype: torch.dtype, workers: int
    ) -> None:
        self._config, self._chat, self._spec, self._dtype, self._workers = config, chat, spec, dtype, workers
        # A medium stays shared for as long as a waiting request holds it, and no longer: videos are large.
        self._shared: WeakValueDictionary[tuple[Media, VisionSettings], Future[Timed]] = WeakValueDictionary()

    def ahead(self, requests: Iterable[Request], count: int) -> Iterator[Prepared | Response]:
        """Prepared requests in order; a failed one comes as its Response.

        Up to `count` are in the making, and no more than `AHEAD_BYTES` hold of the largest so far.
        """
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="vleval-prepare")
        waiting: deque[tuple[Request, list[Future[Timed]]]] = deque()
        source, largest = iter(requests), 0
        most = min(count, max(self._workers, 2))  # until one is there, nobody knows how large they are
        try:
            while True:
                for request in islice(source, max(most - len(waiting), 0)):
                    media = [self._submit(medium, request.vision, pool) for medium in request.media()]
                    waiting.append((request, media))
                if not waiting:
                    return
                done = self._finish(*waiting.popleft())
                if isinstance(done, Prepared):
                    largest = max(largest, sum(visual.pixels.nbytes for visual in done.input.visuals))
                    # Two at least: the second keeps a medium that it shares with the first.
                    most = min(count, max(AHEAD_BYTES // max(largest, 1), 2))
                yield done
                del done
        finally:
            pool.shutdown(cancel_futures=True)

    def _submit(self, media: Media, settings: VisionSettings, pool: ThreadPoolExecutor) -> Future[Timed]:
        future = self._shared.get((media, settings))
        if future is None:
            future = self._shared[media, settings] = pool.submit(self._read, media, settings)
        return future

    def _read(self, media: Media, settings: VisionSettings) -> Timed:
        start = perf_counter()
        read = prepare_image if media.kind == "image" else prepare_video
        visual = read(media, settings, self._spec)
        visual = replace(visual, pixels=visual.pixels.to(self._dtype))
        return visual, perf_counter() - start

    def _finish(self, request: Request, futures: list[Future[Timed]]) -> Prepared | Response:
        frames: tuple[Frame, ...] = ()
        try:
            timed = [future.result() for future in futures]
            frames = tuple(visual.frame for visual, _ in timed)
            return self._prepare(request, timed)
        except (SettingsError, CheckpointError):
            raise  # not this request's fault: every other would meet it too
        except MediaError as fault:
            return failed(request, "input_error", str(fault), frames)
        except Exception as fault:  # a broken request costs only itself
            return failed(request, "model_error", f"preparing it failed ({one_line(fault)})", frames)

    def _prepare(self, request: Request, timed: list[Timed]) -> Prepared:
        visuals = [visual for visual, _ in timed]
        messages = _sized(request.messages, [visual.frame for visual in visuals])
        prompt = self._chat.encode(messages, [visual.grid_thw for visual in visuals], go_on=True)
        longest = self._config.text.max_position_embeddings
        if len(prompt.input_ids) > longest:
            kinds = {visual.kind for visual in visuals}
            flags = "--max-pixels, --max-frames or --fps" if "video" in kinds else "--max-pixels"
            raise MediaError(
                f"The prompt has {len(prompt.input_ids)} tokens and the model takes {longest}: lower "
                f"{flags if kinds else 'the length of the question'}."
            )
        model_input = ModelInput.of(
            self._config,
            prompt.input_ids,
            visuals,
            rule=request.vision.video_positions,
            settings=request.generation,
        )
        return Prepared(request, model_input, {id(visual): seconds for visual, seconds in timed})


def _sized(messages: tuple[Message, ...], frames: list[Frame]) -> tuple[Message, ...]:
    """The messages with `INPUT_SIZE` filled in; what data sets say never stands in a system message."""
    if not frames or messages[0].role != "system":
        return messages
    size = "{}x{}".format(*frames[0].input_size)
    content = (
        part.replace(INPUT_SIZE, size) if isinstance(part, str) else part for part in messages[0].content
    )
    return (replace(messages[0], content=tuple(content)), *messages[1:])


def failed(
    request: Request,
    kind: FailureKind,
    message: str,
    frames: tuple[Frame, ...] = (),
    usage: Usage | None = None,
) -> Response:
    """The response of a request that has no answer."""
    return Response(
        request.id,
        finish_reason="error",
        frames=frames,
        usage=usage or Usage(),
        failure=Failure(kind, message),
    )


def one_line(fault: BaseException) -> str:
    """An exception in one line."""
    text = str(fault).strip().splitlines()
    return f"{type(fault).__name__}: {text[0]}" if text else type(fault).__name__
