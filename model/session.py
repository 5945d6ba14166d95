"""Our model in the middle of one batch: media and shared prefixes read once, one static key/value cache.

Questions about one image begin alike up to the end of the image and beyond: that prefix goes through the
decoder once, its keys and values are handed to every question, and the questions are read and answered as a
batch. A batch is laid out as

    padding | prefix | padding | rest of the prompt | answer

where all rows have equal width, so that every row holds the same number of cached tokens.

Legend: B rows, G distinct prefixes, P width of prefixes, S width of the rest, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vleval.model.generate import ModelInput, PaddedBatch, pad_left
from vleval.model.preprocess import VisualInput
from vleval.model.qwen import Qwen25VL
from vleval.model.text import KVCache, causal_mask

SHARED_PART = 0.25
"""Prefixes are shared when that saves at least this part of a batch's prompt tokens: it costs one more pass
over the weights."""


class Prefixes(NamedTuple):
    """Which rows begin alike."""

    owners: list[int]
    """[G] a row that begins with each prefix."""
    lengths: list[int]
    """[G] tokens of each prefix; shorter than every prompt that begins with it."""
    of_row: list[int]
    """[B] the prefix each row begins with."""


class LocalSession:
    """A batch of prompts going through `Qwen25VL` (implements `generate.Session`)."""

    def __init__(
        self, model: Qwen25VL, inputs: Sequence[ModelInput], pad_id: int, *, share_prefixes: bool = True
    ) -> None:
        self.vision_seconds = 0.0
        self._model, self._inputs, self._pad_id = model, inputs, pad_id
        self._prefixes = common_prefixes(inputs) if share_prefixes else None
        self._new_tokens = max(item.settings.max_new_tokens for item in inputs)
        self._next = torch.tensor([item.positions.next for item in inputs], device=model.device)

    def prefill(self) -> Tensor:
        """Read all prompts; see `generate.Session`."""
        return self.read(last_only=True)[:, -1]

    def read(self, *, last_only: bool) -> Tensor:
        """Read all prompts. Returns logits [B, S, V] of the tokens after shared prefixes, or [B, 1, V]."""
        features = self._encode()
        prefixes = self._prefixes
        if prefixes is None:
            starts, width = [0] * len(self._inputs), 0
        else:
            starts, width = [prefixes.lengths[group] for group in prefixes.of_row], max(prefixes.lengths)
        rest, embeds = self._segment(
            self._inputs, starts, [len(item.input_ids) for item in self._inputs], features
        )
        total = width + rest.ids.shape[1]
        self._cache = self._new_cache(len(self._inputs), total + self._new_tokens)
        self._real = torch.ones(
            len(self._inputs), total + self._new_tokens, dtype=torch.bool, device=self._model.device
        )
        self._real[:, width:total] = rest.real
        if prefixes is not None:
            self._read_prefixes(prefixes, width, features)
        self._padded = not bool(self._real.all())
        mask = causal_mask(self._real[:, :total], rest.ids.shape[1])
        logits: Tensor = self._model(
            embeds, rest.positions, mask=mask, cache=self._cache, last_only=last_only
        )
        return logits

    def step(self, tokens: Tensor) -> Tensor:
        """Append one token per row; see `generate.Session`."""
        positions = self._next[None, :, None].expand(3, -1, 1)
        self._next = self._next + 1
        mask = self._real[:, None, None, : self._cache.length + 1] if self._padded else None
        embeds = self._model.text.embed_tokens(tokens[:, None])
        logits: Tensor = self._model(embeds, positions, mask=mask, cache=self._cache)[:, 0]
        return logits

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these; see `generate.Session`."""
        self._cache.keys, self._cache.values = self._cache.keys[:, rows], self._cache.values[:, rows]
        self._real, self._next = self._real[rows], self._next[rows]

    def _encode(self) -> dict[int, Tensor]:
        """Visual tokens of every distinct medium of the batch, by its identity."""
        start = perf_counter()
        media = {id(visual): visual for item in self._inputs for visual in item.visuals}
        if not media:
            return {}
        pixels = [visual.pixels.to(self._model.device, non_blocking=True) for visual in media.values()]
        tokens = self._model.encode(pixels, [visual.grid_thw for visual in media.values()])
        if tokens.is_cuda:
            torch.cuda.synchronize(tokens.device)
        self.vision_seconds = perf_counter() - start
        lengths = [visual.frame.visual_tokens for visual in media.values()]
        return dict(zip(media, tokens.split(lengths), strict=True))

    def _read_prefixes(self, prefixes: Prefixes, width: int, features: dict[int, Tensor]) -> None:
        """Fill the first `width` columns of the cache: each prefix is read once and copied to its rows."""
        owners = [self._inputs[row] for row in prefixes.owners]
        batch, embeds = self._segment(owners, [0] * len(owners), prefixes.lengths, features)
        cache = self._new_cache(len(owners), width)
        self._model.text(embeds, batch.positions, mask=causal_mask(batch.real, width), cache=cache)
        rows = torch.tensor(prefixes.of_row, device=embeds.device)
        self._cache.keys[:, :, :, :width] = cache.keys[:, rows]
        self._cache.values[:, :, :, :width] = cache.values[:, rows]
        self._cache.length = width
        self._real[:, :width] = batch.real[rows]

    def _segment(
        self,
        items: Sequence[ModelInput],
        starts: Sequence[int],
        stops: Sequence[int],
        features: dict[int, Tensor],
    ) -> tuple[PaddedBatch, Tensor]:
        """Tokens start..stop of each prompt, left-padded, and their embeddings."""
        cuts = list(zip(items, starts, stops, strict=True))
        batch = pad_left(
            [item.input_ids[start:stop] for item, start, stop in cuts],
            [item.positions.ids[:, start:stop] for item, start, stop in cuts],
            self._pad_id,
            self._model.device,
        )
        config = self._model.config
        found: list[Tensor] = []
        for item, start, stop in cuts:
            if item.visuals:
                is_visual = np.isin(item.input_ids, (config.image_token_id, config.video_token_id))
                before, after = int(is_visual[:start].sum()), int(is_visual[:stop].sum())
                found.append(torch.cat([features[id(visual)] for visual in item.visuals])[before:after])
        return batch, self._model.embed(batch.ids, torch.cat(found) if found else None)

    def _new_cache(self, rows: int, capacity: int) -> KVCache:
        model = self._model
        return KVCache(model.config.text, rows, capacity, dtype=model.dtype, device=model.device)


def common_prefixes(inputs: Sequence[ModelInput]) -> Prefixes | None:
    """The longest common beginning of all rows with the very same media; None where it would save too little.

    Tokens and position ids must agree. The last token of a prompt is never part of a prefix: it gives the
    first logits.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, item in enumerate(inputs):
        groups.setdefault(_identity(item.visuals), []).append(row)
    owners, lengths, of_row, saved = [], [], [0] * len(inputs), 0
    for group, rows in enumerate(groups.values()):
        first = inputs[rows[0]]
        length = min(len(inputs[row].input_ids) for row in rows) - 1
        for row in rows[1:]:
            length = _agreement(first, inputs[row], length)
        owners.append(rows[0])
        lengths.append(length)
        saved += (len(rows) - 1) * length
        for row in rows:
            of_row[row] = group
    if saved < SHARED_PART * sum(len(item.input_ids) for item in inputs) or max(lengths) == 0:
        return None
    return Prefixes(owners, lengths, of_row)


def _identity(visuals: Sequence[VisualInput]) -> tuple[int, ...]:
    return tuple(id(visual) for visual in visuals)


def _agreement(one: ModelInput, other: ModelInput, limit: int) -> int:
    """Tokens from the start, at most `limit`, in which two prompts agree."""
    same = np.asarray(one.input_ids[:limit]) == np.asarray(other.input_ids[:limit])
    same &= (one.positions.ids[:, :limit] == other.positions.ids[:, :limit]).all(axis=0)
    return limit if bool(same.all()) else int(np.argmin(same))
