"""What a training step minimises: the answers, and, early on, help that goes with the heads that carry it.

- answers: cross-entropy; a whole number is taught with neighbours sharing the target, because 57 is nearly
  right for 58;
- seeing: attributes of the object under each visual token, at the merger's output;
- measuring: box corners of that object at a lower decoder layer, written in the number embeddings answers are
  made of;
- looking: some heads of two decoder layers attend to the visual tokens that hold the evidence of the next
  answer token.

Legend: n visual tokens, C decoder width, M answer tokens. Shapes of the batch: `packing.Batch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vleval.model.qwen import Qwen25VL
from vleval.model.text import TextLayer
from vleval.model.training.packing import Batch

TOKEN_SIDE = 28.0  # pixels

BLUR = 1.0
"""Scale in pixels of the Laplace distribution around a number that is the target."""


@dataclass(frozen=True, slots=True)
class LossWeights:
    """What counts how much."""

    answers: float
    """0 leaves the decoder alone: only the vision tower learns."""
    seeing: float
    measuring: float
    looking: float


@dataclass(frozen=True, slots=True)
class Guidance:
    """Which heads of a decoder layer are shown where to look."""

    layer: int
    heads: tuple[int, ...]


class Helpers(nn.Module):
    """Heads that exist only while training."""

    def __init__(self, width: int, classes: Sequence[int]) -> None:
        super().__init__()
        self.attributes = nn.ModuleList(nn.Linear(width, count) for count in (2, *classes))
        self.extents = nn.Linear(width, 4)
        self.measures = nn.Linear(width, 7 * width)  # four corners, the token's own centre and time


class Trace:
    """One pass through the decoder that keeps what goes into every layer, for the losses that look inside."""

    def __init__(self, model: Qwen25VL, batch: Batch, features: Tensor) -> None:
        embeds = model.embed(batch.input_ids, features)
        self.cos, self.sin = model.text.rotary(batch.position_ids, embeds.dtype)
        self.inputs: list[Tensor] = []
        x = embeds
        for layer in model.text.layers:
            self.inputs.append(x)
            x = layer(x, self.cos, self.sin, batch.mask, None)
        self.last = model.text.norm(x)


class Losses:
    """Computes the parts of the loss for one model."""

    def __init__(
        self,
        model: Qwen25VL,
        helpers: Helpers,
        number_ids: Tensor,
        measured_at: int,
        guidance: Sequence[Guidance],
    ) -> None:
        self.model, self.helpers = model, helpers
        self.number_ids = number_ids  # [numbers] token of each whole number
        self.measured_at, self.guidance = measured_at, guidance
        steps = torch.arange(len(number_ids), dtype=torch.float32)
        self.soft = F.softmax(-(steps[:, None] - steps).abs() / BLUR, dim=-1)  # [target number, number]
        self.number_of = torch.full((model.config.text.vocab_size,), -1)
        self.number_of[number_ids] = torch.arange(len(number_ids))

    def __call__(self, batch: Batch, weights: LossWeights) -> tuple[Tensor, dict[str, float]]:
        """The weighted sum and its parts by name; `px` is the mean error of numbers."""
        features = self.model.encode(batch.pixels, batch.grids)
        seeing = self.seeing(batch, features)
        total, parts = weights.seeing * seeing, {"seeing": seeing.item()}
        if weights.answers == 0:
            return total, parts
        trace = Trace(self.model, batch, features)
        for weight, (loss, found) in (
            (weights.answers, self.answers(trace, batch)),
            (weights.measuring, self.measuring(trace, batch)),
            (weights.looking, self.looking(trace, batch)),
        ):
            total = total + weight * loss
            parts |= found
        return total, parts

    def answers(self, trace: Trace, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """Mean cross-entropy of words plus that of numbers, so that syntax never drowns the numbers."""
        logits = self.model.head(trace.last.flatten(0, 1)[batch.places]).float()
        number = self.number_of[batch.targets]
        is_number = number >= 0
        words = F.cross_entropy(logits[~is_number], batch.targets[~is_number])
        log_p = F.log_softmax(logits[is_number], dim=-1)[:, self.number_ids]
        numbers = -(self.soft[number[is_number]] * log_p).sum(-1).mean()
        error = (log_p.argmax(-1) - number[is_number]).abs().float().mean()
        return words + numbers, {"words": words.item(), "numbers": numbers.item(), "px": error.item()}

    def seeing(self, batch: Batch, features: Tensor) -> Tensor:
        """For every visual token: object or ground, the object's classes, and how far its edges lie away."""
        found = batch.owner >= 0
        objectness, *attributes = self.helpers.attributes
        loss = F.cross_entropy(objectness(features).float(), found.long())
        owned, of_object = batch.classes[batch.owner[found]], features[found]
        for column, head in enumerate(attributes):
            loss = loss + F.cross_entropy(head(of_object).float(), owned[:, column])
        corners = batch.numbers[batch.owner[found]]
        known = corners[:, 0] >= 0
        if bool(known.any()):
            offsets = (corners - batch.whereabouts[found][:, [0, 1, 0, 1]])[known] / TOKEN_SIDE
            loss = loss + F.l1_loss(self.helpers.extents(of_object[known]), offsets)
        return loss

    def measuring(self, trace: Trace, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """Corners of the object under a visual token, and the token's own centre or second, as numbers."""
        hidden = trace.inputs[self.measured_at].flatten(0, 1)[batch.visual_places]
        corners = batch.numbers[batch.owner.clamp(min=0)].masked_fill((batch.owner < 0)[:, None], -1)
        wanted = torch.cat((corners, batch.whereabouts), dim=1)  # [n, 7]
        known = wanted >= 0
        guesses = self.helpers.measures(F.rms_norm(hidden, hidden.shape[-1:])).unflatten(-1, (7, -1))[known]
        logits = guesses @ self.model.text.embed_tokens.weight[self.number_ids].T
        log_p = F.log_softmax(logits.float(), dim=-1)
        loss = -(self.soft[wanted[known].clamp(max=len(self.soft) - 1)] * log_p).sum(-1).mean()
        return loss, {"measuring": loss.item()}

    def looking(self, trace: Trace, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """Minus the log of the attention that guided heads give to the visual tokens holding the evidence."""
        known = batch.look_keys.any(-1)  # [B, Q]
        losses = [self._guided(trace, batch, guide)[known].mean() for guide in self.guidance]
        loss = torch.stack(losses).mean()
        return loss, {"looking": loss.item()}

    def _guided(self, trace: Trace, batch: Batch, guide: Guidance) -> Tensor:
        """[B, Q, heads]."""
        layer = self.model.text.layers[guide.layer]
        assert isinstance(layer, TextLayer)
        q, k, _ = layer.attn.project(layer.input_norm(trace.inputs[guide.layer]), trace.cos, trace.sin)
        group = layer.attn.heads // layer.attn.kv_heads
        q, k = q[:, list(guide.heads)], k[:, [head // group for head in guide.heads]]
        rows = batch.look_queries[:, None, :, None]
        q = q.gather(2, rows.expand(-1, q.shape[1], -1, q.shape[-1]))  # [B, heads, Q, D]
        mask = batch.mask.gather(2, rows.expand(-1, 1, -1, batch.mask.shape[-1]))
        scores = (q @ k.transpose(-1, -2) / layer.attn.size**0.5).float().masked_fill(~mask, -1e9)
        attended = torch.logsumexp(scores.masked_fill(~batch.look_keys[:, None], -1e9), dim=-1)
        return (torch.logsumexp(scores, dim=-1) - attended).movedim(1, -1)
