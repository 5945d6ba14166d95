"""Conversations to tensors: all questions about one medium share its visual prefix in a single row.

A row is [prefix | turn 1 | turn 2 | ...]. A turn sees the prefix and itself, and its positions start where
the prefix ends, so the row computes exactly what separate prompts would, for a fraction of the cost.

Legend: B rows, L tokens, M answer tokens in the batch, n visual tokens of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from vleval.model.config import ModelConfig
from vleval.model.positions import mrope_positions
from vleval.model.preprocess import VisualInput
from vleval.model.training.conversations import Conversation, Turn
from vleval.model.windows import GridTHW

SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
TURN_END = "<|im_end|>\n<|im_start|>assistant\n"
ANSWER_END = "<|im_end|>"


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What one training step needs."""

    pixels: list[Tensor]
    grids: list[GridTHW]
    input_ids: Tensor
    """[B, L]; padding is masked."""
    position_ids: Tensor
    """[3, B, L]."""
    mask: Tensor
    """[B, 1, L, L] bool, True where a query may look."""
    places: Tensor
    """[M] flat index (row * L + column) of the token before each answer token: where it is predicted."""
    targets: Tensor
    """[M] the answer tokens."""
    look_queries: Tensor
    """[B, Q] columns whose evidence is known, padded with 0."""
    look_keys: Tensor
    """[B, Q, L] bool, the visual tokens that hold it; all False on padding."""
    visual_places: Tensor
    """[n] flat index of every visual token."""
    owner: Tensor
    """[n] index into `classes` of the object covering it, -1 for the ground."""
    classes: Tensor
    """[objects, attributes]."""
    numbers: Tensor
    """[objects, 4] box corners, -1 where unknown."""
    whereabouts: Tensor
    """[n, 3] of each visual token: x and y of its centre in input pixels (-1 in videos), whole seconds (-1 in
    stills)."""


class Packer:
    """Turns lists of conversations into batches for one model and tokenizer."""

    def __init__(self, tokenizer: Tokenizer, config: ModelConfig) -> None:
        self.tokenizer = tokenizer
        self.config = config

    def ids(self, text: str) -> list[int]:
        """Token ids of a text, special tokens included."""
        return list(self.tokenizer.encode(text).ids)

    def batch(self, conversations: Sequence[Conversation]) -> Batch:
        """Pack one conversation a row."""
        rows = [_Row(self, conversation) for conversation in conversations]
        length = max(len(row.ids) for row in rows)
        queries = max(len(row.looks) for row in rows)
        count = len(rows)
        ids = np.zeros((count, length), dtype=np.int64)
        positions = np.zeros((3, count, length), dtype=np.int64)
        turn_of = np.full((count, length), -1, dtype=np.int64)
        look_queries = np.zeros((count, queries), dtype=np.int64)
        look_keys = np.zeros((count, queries, length), dtype=bool)
        for b, row in enumerate(rows):
            size = len(row.ids)
            ids[b, :size], positions[:, b, :size], turn_of[b, :size] = row.ids, row.positions, row.turn_of
            for q, (column, cells) in enumerate(row.looks):
                look_queries[b, q] = column
                look_keys[b, q, row.visual_start + cells] = True
        starts = np.cumsum([0] + [len(c.content.classes) for c in conversations[:-1]])
        contents = [c.content for c in conversations]
        return Batch(
            pixels=[c.visual.pixels for c in conversations],
            grids=[c.visual.grid_thw for c in conversations],
            input_ids=torch.from_numpy(ids),
            position_ids=torch.from_numpy(positions),
            mask=_mask(torch.from_numpy(turn_of)),
            places=torch.tensor([b * length + place for b, row in enumerate(rows) for place in row.places]),
            targets=torch.tensor([row.ids[place + 1] for row in rows for place in row.places]),
            look_queries=torch.from_numpy(look_queries),
            look_keys=torch.from_numpy(look_keys),
            visual_places=torch.from_numpy(
                np.concatenate(
                    [b * length + row.visual_start + np.arange(row.tokens) for b, row in enumerate(rows)]
                )
            ),
            owner=torch.from_numpy(
                np.concatenate(
                    [np.where(c.owner < 0, -1, c.owner + s) for s, c in zip(starts, contents, strict=True)]
                )
            ),
            classes=torch.from_numpy(np.concatenate([c.classes for c in contents])),
            numbers=torch.from_numpy(
                np.concatenate(
                    [
                        c.numbers if c.numbers is not None else np.full((len(c.classes), 4), -1)
                        for c in contents
                    ]
                )
            ),
            whereabouts=torch.from_numpy(np.concatenate([_whereabouts(c.visual) for c in conversations])),
        )


class _Row:
    """One conversation as token ids, with the places where answers are predicted."""

    def __init__(self, packer: Packer, conversation: Conversation) -> None:
        visual, config = conversation.visual, packer.config
        video = visual.kind == "video"
        self.tokens = visual.frame.visual_tokens
        head = packer.ids(SYSTEM) + [config.vision_start_token_id]
        placeholder = config.video_token_id if video else config.image_token_id
        prefix = head + [placeholder] * self.tokens + [config.vision_end_token_id]
        found = mrope_positions(
            prefix,
            [] if video else [visual.grid_thw],
            [visual.grid_thw] if video else [],
            [visual.frame.second_per_grid or 0.0] if video else [],
            image_token_id=config.image_token_id,
            video_token_id=config.video_token_id,
            tokens_per_second=config.vision.tokens_per_second,
        )
        self.visual_start = len(head)
        self.ids, self.turn_of = list(prefix), [0] * len(prefix)
        self.places: list[int] = []
        self.looks: list[tuple[int, np.ndarray]] = []
        columns = [found.ids]
        for number, turn in enumerate(conversation.turns, 1):
            before = len(self.ids)
            self._add(packer, turn)
            added = len(self.ids) - before
            self.turn_of += [number] * added
            columns.append(np.broadcast_to(found.next + np.arange(added), (3, added)))
        self.positions = np.concatenate(columns, axis=1)

    def _add(self, packer: Packer, turn: Turn) -> None:
        self.ids += packer.ids(turn.question + TURN_END)
        for piece in turn.answer:
            for token in packer.ids(piece.text):
                if piece.look is not None:
                    self.looks.append((len(self.ids) - 1, piece.look))
                self.places.append(len(self.ids) - 1)
                self.ids.append(token)
        self.places.append(len(self.ids) - 1)
        self.ids += packer.ids(ANSWER_END)


def _mask(turn_of: Tensor) -> Tensor:
    """[B, L] turn of each token (0 prefix, -1 padding) -> [B, 1, L, L]."""
    keys, queries = turn_of[:, None, :], turn_of[:, :, None]
    columns = torch.arange(turn_of.shape[1])
    causal = columns <= columns[:, None]
    itself = columns == columns[:, None]  # padding sees itself, so that no row of the softmax is empty
    return ((causal & ((keys == 0) | (keys == queries)) & (queries >= 0)) | itself)[:, None]


def _whereabouts(visual: VisualInput) -> np.ndarray:
    t, h, w = visual.grid_thw[0], visual.grid_thw[1] // 2, visual.grid_thw[2] // 2
    times, rows, cols = np.unravel_index(np.arange(t * h * w), (t, h, w))
    unknown = np.full(t * h * w, -1)
    if visual.kind == "image":
        return np.stack((cols * 28 + 14, rows * 28 + 14, unknown), axis=1)
    seconds = np.floor(times * (visual.frame.second_per_grid or 0.0)).astype(np.int64)
    return np.stack((unknown, unknown, seconds), axis=1)
