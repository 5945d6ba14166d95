"""Training: packed rows compute what separate prompts would, a stopped run goes on as if it had not stopped,
and it learns.

Run: pytest tests/test_training.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vleval.grounding.parse import parse_boxes, parse_spans, render_boxes, render_spans
from vleval.model.errors import CheckpointError
from vleval.model.io import Media, Message
from vleval.model.positions import mrope_positions
from vleval.model.prompt import ChatPrompt
from vleval.model.qwen import Qwen25VL
from vleval.model.text import causal_mask
from vleval.model.training.conversations import Conversation
from vleval.model.training.finetune import Guidance, Recipe
from vleval.model.training.losses import Helpers, Losses, LossWeights
from vleval.model.training.packing import Packer
from vleval.model.training.tiny import SPEC, number_ids, tiny_model
from vleval.tasks.worlds.grounding.scenes import make_scene
from vleval.training.lessons import (
    BOX_FRAGMENTS,
    CLASSES,
    PROMPT_FRAGMENTS,
    SPAN_FRAGMENTS,
    clip_lesson,
    lesson_batch,
    lesson_tokenizer,
    scene_lesson,
)
from vleval.training.trainer import TrainingRun, export, train


@pytest.fixture(scope="module")
def model() -> Qwen25VL:
    """A tiny model whose norms and biases are not at their defaults."""
    model = tiny_model(lesson_tokenizer(), seed=3)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


@pytest.mark.parametrize(
    "lesson", [scene_lesson(5, 0, 30, SPEC), clip_lesson(5, 1, SPEC)], ids=["scene", "clip"]
)
def test_packed_turns_equal_separate_prompts(model: Qwen25VL, lesson: Conversation, tmp_path: Path) -> None:
    """The same logits as the inference path: chat template, tokenizer of the saved folder, one prompt a
    question."""
    export(model, tmp_path)
    chat = ChatPrompt.from_folder(tmp_path)
    tokenizer = lesson_tokenizer()
    batch = Packer(tokenizer, model.config).batch([lesson])
    with torch.no_grad():
        features = model.encode(batch.pixels, batch.grids)
        packed = model(model.embed(batch.input_ids, features), batch.position_ids, mask=batch.mask)[
            0, batch.places
        ]
    medium, video = Media(lesson.visual.kind, data=b""), lesson.visual.kind == "video"
    grids, separate = [lesson.visual.grid_thw], []
    for turn in lesson.turns:
        prompt = chat.encode([Message("user", (medium, turn.question))], grids).input_ids
        answer = [token for piece in turn.answer for token in tokenizer.encode(piece.text).ids]
        ids = [*prompt, *answer]
        positions = mrope_positions(
            ids,
            [] if video else grids,
            grids if video else [],
            [lesson.visual.frame.second_per_grid or 0.0] if video else [],
            image_token_id=model.config.image_token_id,
            video_token_id=model.config.video_token_id,
            tokens_per_second=model.config.vision.tokens_per_second,
        )
        with torch.no_grad():
            logits = model(
                model.embed(torch.tensor([ids]), features),
                torch.from_numpy(positions.ids)[:, None],
                mask=causal_mask(torch.ones(1, len(ids), dtype=torch.bool), len(ids)),
            )
        separate.append(logits[0, len(prompt) - 1 :])
    torch.testing.assert_close(packed, torch.cat(separate), atol=2e-5, rtol=0)


def test_scene_answers_are_the_boxes_in_input_pixels() -> None:
    """The taught answer reads back as the object's box, scaled to what the vision tower sees."""
    lesson, scene = scene_lesson(5, 7, 40, SPEC), make_scene("train", 5, 7)
    (width, height), (wide, high) = lesson.visual.frame.original_size, lesson.visual.frame.input_size
    for expression, turn in zip(scene.expressions, lesson.turns, strict=True):
        assert expression.text in turn.question
        (box,) = parse_boxes("".join(piece.text for piece in turn.answer)).items
        scale = [wide / width, high / height, wide / width, high / height]
        np.testing.assert_allclose(
            box.values, np.multiply(scene.objects[expression.target].bbox_xyxy, scale), atol=0.5
        )


def test_the_lessons_are_in_the_benchmarks_words() -> None:
    """Answers are what `grounding.render` writes; parts of prompts that never change are one token each."""
    tokenizer = lesson_tokenizer()
    boxes, spans = scene_lesson(5, 7, 40, SPEC).turns[0].answer, clip_lesson(5, 1, SPEC).turns[0].answer
    numbers = [int(piece.text) for piece in boxes if piece.text.isdigit()]
    label = boxes[-3].text + boxes[-2].text
    assert "".join(piece.text for piece in boxes) == render_boxes([(numbers, label)])
    (span,) = parse_spans("".join(piece.text for piece in spans)).items
    assert "".join(piece.text for piece in spans) == render_spans([span.values])
    for fragment in (*BOX_FRAGMENTS, *SPAN_FRAGMENTS, *PROMPT_FRAGMENTS):
        assert len(tokenizer.encode(fragment).ids) == 1, fragment


def test_evidence_lies_where_the_object_is() -> None:
    """The visual tokens a piece looks at are covered by the object that is meant, and only those of its
    frames in clips."""
    lesson = clip_lesson(5, 3, SPEC)
    per_frame = lesson.visual.frame.visual_tokens // lesson.visual.grid_thw[0]
    seconds = lesson.visual.frame.second_per_grid
    assert seconds is not None
    for turn in lesson.turns:
        start, end = (piece for piece in turn.answer if piece.text.isdigit())
        assert start.look is not None and end.look is not None
        assert abs(start.look[0] // per_frame * seconds - float(start.text)) <= seconds + 1
        assert abs(end.look[-1] // per_frame * seconds - float(end.text)) <= seconds + 1
        assert (start.look // per_frame).max() <= (end.look // per_frame).min()


def test_learns_one_batch() -> None:
    """Forty steps on one batch bring every part of the loss down."""
    torch.manual_seed(0)
    tokenizer, fresh = lesson_tokenizer(), tiny_model(lesson_tokenizer(), seed=0)
    helpers = Helpers(fresh.config.text.hidden_size, CLASSES)
    losses = Losses(fresh, helpers, torch.tensor(number_ids(tokenizer)), 2, Recipe(steps=1).guidance)
    batch = Packer(tokenizer, fresh.config).batch(lesson_batch(1, 0, 2, SPEC, easy=True))
    optimizer = torch.optim.AdamW([*fresh.parameters(), *helpers.parameters()], lr=2e-3)
    history = []
    for _ in range(40):
        loss, parts = losses(batch, LossWeights(1.0, 0.5, 1.0, 0.5))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        history.append(parts)
    for name in ("words", "numbers", "seeing", "measuring", "looking"):
        assert history[-1][name] < 0.6 * history[0][name], name


def test_the_rate_warms_up_with_the_tower_and_again_with_the_decoder() -> None:
    recipe = Recipe(steps=1000, learning_rate=1.0, warmup=10, constant=0.6, vision_steps=300)
    assert [recipe.rate(step) for step in (0, 9, 299, 300, 309, 600)] == [0.1, 1, 1, 0.1, 1, 1]
    assert recipe.rate(800) == pytest.approx(0.51)
    assert recipe.rate(1000) == pytest.approx(0.02)
    assert (recipe.weights(299).answers, recipe.weights(300).answers) == (0.0, 1.0)


def test_guided_heads_are_told_apart(model: Qwen25VL) -> None:
    """The looking loss of a head equals minus the log of its attention to the evidence, computed the long
    way."""
    tokenizer = lesson_tokenizer()
    batch = Packer(tokenizer, model.config).batch([scene_lesson(5, 0, 20, SPEC)])
    losses = Losses(
        model, Helpers(128, CLASSES), torch.tensor(number_ids(tokenizer)), 2, (Guidance(layer=1, heads=(2,)),)
    )
    with torch.no_grad():
        _, parts = losses(batch, LossWeights(1.0, 0, 0, 1.0))
        x = model.embed(batch.input_ids, model.encode(batch.pixels, batch.grids))
        cos, sin = model.text.rotary(batch.position_ids, x.dtype)
        x = model.text.layers[0](x, cos, sin, batch.mask, None)
        layer = model.text.layers[1]
        q, k, _ = layer.attn.project(layer.input_norm(x), cos, sin)  # type: ignore[union-attr,operator]
        scores = (q[0, 2] @ k[0, 1].T / 32**0.5).masked_fill(~batch.mask[0, 0], -torch.inf).softmax(-1)
        known = batch.look_keys[0].any(-1)
        seen = (scores[batch.look_queries[0]] * batch.look_keys[0]).sum(-1)[known]
    assert parts["looking"] == pytest.approx(float(-seen.log().mean()), rel=1e-4)


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six steps at once equal three, a stop and three more; both leave a checkpoint and say how they were
    made."""
    recipe, path = Recipe(steps=6, warmup=2, seed=9), tmp_path / "parts"

    def run(folder: Path) -> None:
        train(
            TrainingRun(folder, recipe, easy_steps=6, workers=1, save_every=3), report=lambda progress: None
        )

    def failing(seed: int, index: int, *args: object, **options: object) -> list[Conversation]:
        if index >= 4:
            raise OSError("the disk is gone")
        return lesson_batch(seed, index, *args, **options)  # type: ignore[arg-type]

    run(tmp_path / "whole")
    with monkeypatch.context() as patched, pytest.raises(OSError, match="the disk is gone"):
        patched.setattr("vleval.training.trainer.lesson_batch", failing)
        run(path)
    run(path)
    whole, parts = (load_file(tmp_path / name / "state.safetensors") for name in ("whole", "parts"))
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, atol=1e-6, rtol=1e-5, msg=name)
    legs = json.loads((tmp_path / "parts" / "training.json").read_text())
    assert [leg["from_step"] for leg in legs] == [0, 3]
    assert (tmp_path / "parts" / "checkpoint" / "model.safetensors").is_file()


def test_a_foreign_state_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state.safetensors").write_bytes(b"not a state")
    with pytest.raises(CheckpointError, match="remove it or choose another --output"):
        train(TrainingRun(tmp_path, Recipe(steps=1), easy_steps=0, workers=1), report=lambda progress: None)


def test_two_workers_step_as_one_on_the_joint_batch(tmp_path: Path) -> None:
    """After one step the first moment is a tenth of the mean of both workers' gradients."""
    recipe = Recipe(steps=1, vision_steps=1, seed=4, clip=1e9)  # a clipped sum would look like a clipped mean
    train(TrainingRun(tmp_path, recipe, easy_steps=1, workers=2), report=print)
    moments = load_file(tmp_path / "state.safetensors")

    tokenizer, model = lesson_tokenizer(), tiny_model(lesson_tokenizer(), seed=4)
    helpers = Helpers(model.config.text.hidden_size, CLASSES)
    losses = Losses(model, helpers, torch.tensor(number_ids(tokenizer)), recipe.measured_at, recipe.guidance)
    packer = Packer(tokenizer, model.config)
    for index in (0, 1):
        loss, _ = losses(packer.batch(lesson_batch(4, index, 8, SPEC, easy=True)), recipe.weights(0))
        (loss / 2).backward()  # type: ignore[no-untyped-call]
    gradient = model.visual.patch_embed.weight.grad
    assert gradient is not None
    torch.testing.assert_close(
        moments["exp_avg.visual.patch_embed.weight"], 0.1 * gradient, atol=1e-7, rtol=1e-3
    )
