"""The end-to-end stage: all weights, all losses, AdamW, one checkpoint that goes on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from vleval.model.errors import CheckpointError
from vleval.model.qwen import Qwen25VL
from vleval.model.training.conversations import Conversation
from vleval.model.training.losses import Guidance, Helpers, Losses, LossWeights
from vleval.model.training.packing import Packer


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the outcome, beside the conversations."""

    steps: int
    learning_rate: float = 2e-3
    warmup: int = 100
    constant: float = 0.6
    """Share of the steps after which the rate falls linearly to 2%."""
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 0
    vision_steps: int = 0
    """Steps at the start in which only the vision tower learns, from what is known of the pictures: a step
    without the decoder costs a quarter, and questions teach nothing before shapes can be told apart."""
    helped: float = 0.8
    """Share of the steps over which the helping losses fall from full weight to a fifth."""
    measured_at: int = 2
    """Decoder layer at whose input visual tokens know their object's corners."""
    guidance: tuple[Guidance, ...] = (Guidance(3, (0, 2)), Guidance(4, (0, 1, 2, 3)))

    def rate(self, step: int) -> float:
        """Learning rate of a step; it warms up twice, the second time with the decoder."""
        since = step - self.vision_steps if step >= self.vision_steps else step
        start = self.constant * self.steps
        done = max(0.0, (step - start) / max(1.0, self.steps - start))
        return self.learning_rate * min(1.0, (since + 1) / self.warmup, 1 - 0.98 * min(1.0, done))

    def weights(self, step: int) -> LossWeights:
        """Weights of the losses at a step."""
        if step < self.vision_steps:
            return LossWeights(answers=0.0, seeing=1.0, measuring=0.0, looking=0.0)
        fade = 1 - 0.8 * min(1.0, step / (self.helped * self.steps))
        return LossWeights(answers=1.0, seeing=fade, measuring=fade, looking=0.5 * fade)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a caller may want to print."""

    step: int
    seconds: float
    parts: dict[str, float]
    """Running means of the losses."""


def initialise(model: Qwen25VL, number_ids: Sequence[int], seed: int) -> None:
    """Fresh weights. Numbers start as points on circles of many periods, so that near numbers are near from
    the start."""
    torch.manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
            if name.endswith(("o_proj.weight", "down.weight", "proj.weight")) and "merger" not in name:
                parameter.data.mul_((2 * model.config.text.num_hidden_layers) ** -0.5)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    width = model.config.text.hidden_size
    periods = torch.logspace(0.7, 3.0, width // 2)
    angles = 2 * torch.pi * torch.arange(len(number_ids))[:, None] / periods
    model.text.embed_tokens.weight.data[list(number_ids)] = (
        torch.cat((angles.cos(), angles.sin()), 1) * (1 / width) ** 0.5
    )


def finetune(
    model: Qwen25VL,
    tokenizer: Tokenizer,
    number_ids: Sequence[int],
    classes: Sequence[int],
    batches: Callable[[int], Iterator[list[Conversation]]],
    recipe: Recipe,
    state: Path,
    *,
    report: Callable[[Progress], None],
    save: Callable[[int], None],
    every: int = 250,
) -> None:
    """Train in place.

    Args:
        number_ids: token of each whole number, from "0" on.
        classes: how many classes each attribute of `Content.classes` has.
        batches: from a step, the batches from that step on; the same step must always give the same batch.
        state: file of the optimiser's state; an existing one is continued.
        report: called every 25 steps.
        save: called with the step every `every` steps and at the end, after the state was written.
    """
    helpers = Helpers(model.config.text.hidden_size, classes)
    losses = Losses(model, helpers, torch.tensor(number_ids), recipe.measured_at, recipe.guidance)
    named = {**dict(model.named_parameters()), **{f"helpers.{n}": p for n, p in helpers.named_parameters()}}
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in named.values() if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in named.values() if p.ndim == 1], "weight_decay": 0.0},
        ],
        betas=(0.9, 0.98),
        eps=1e-9,
    )
    first = _restore(state, named, optimizer)
    packer, began, sums, count = Packer(tokenizer, model.config), time.perf_counter(), dict[str, float](), 0
    leader = not dist.is_initialized() or dist.get_rank() == 0
    model.train()
    for step, conversations in enumerate(batches(first), first):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate(step)
        loss, parts = losses(packer.batch(conversations), recipe.weights(step))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if dist.is_initialized():
            _average_gradients(list(named.values()))
        nn.utils.clip_grad_norm_(named.values(), recipe.clip)
        optimizer.step()
        count += 1
        sums = {name: sums.get(name, 0.0) + value for name, value in parts.items()}
        if leader and (step + 1) % 25 == 0:
            report(Progress(step + 1, time.perf_counter() - began, {k: v / count for k, v in sums.items()}))
            sums, count = {}, 0
        last = step + 1 == recipe.steps
        if leader and (last or (step + 1) % every == 0):
            _store(state, named, optimizer, step + 1)
            save(step + 1)
        if last:
            return


def _average_gradients(parameters: list[nn.Parameter]) -> None:
    """One all-reduce over everything: several processes then step as one on the joint batch."""
    flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for parameter, gradient in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
        parameter.grad = gradient.view_as(parameter)


def _store(state: Path, named: dict[str, nn.Parameter], optimizer: torch.optim.AdamW, step: int) -> None:
    tensors: dict[str, Tensor] = {}
    for name, parameter in named.items():
        tensors[f"weight.{name}"] = parameter.detach().contiguous()
        for key, value in optimizer.state[parameter].items():  # empty before the first gradient
            tensors[f"{key}.{name}"] = value.contiguous()
    part = state.with_suffix(".part")
    save_file(tensors, part, metadata={"step": str(step)})
    part.replace(state)


def _restore(state: Path, named: dict[str, nn.Parameter], optimizer: torch.optim.AdamW) -> int:
    """The step to go on from; 0 without a state. Raises CheckpointError for a state of something else."""
    if not state.exists():
        return 0
    try:
        with safe_open(state, "pt") as file:
            step = int((file.metadata() or {})["step"])
        tensors = load_file(state)
        for name, parameter in named.items():
            parameter.data.copy_(tensors[f"weight.{name}"])
            moments = {key: tensors.get(f"{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
            optimizer.state[parameter] = {key: value for key, value in moments.items() if value is not None}
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise CheckpointError(
            f"{state} is not a training state of this model ({error}): remove it or choose another --output."
        ) from None
    return step
