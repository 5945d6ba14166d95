"""Greedy decoding: stopping, penalties, sharing and batching never change an answer (fp32)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import parity_kit as kit
from vleval.model import session
from vleval.model.generate import Generation, ModelInput, _RepetitionPenalty, generate, pad_left
from vleval.model.io import GenerationSettings
from vleval.model.session import LocalSession, common_prefixes

IMAGES = [kit.visual("image", (1, 6, 6), 1), kit.visual("image", (1, 10, 8), 2)]


def _limited(item: ModelInput, new: int) -> ModelInput:
    return replace(item, settings=GenerationSettings(max_new_tokens=new))


def _answers(items: Sequence[ModelInput], *, eos: Sequence[int] = (), share: bool = True) -> list[Generation]:
    model = kit.pair().ours
    return generate(LocalSession(model, items, kit.PAD, share_prefixes=share), items, eos)


class Scripted:
    """A session that says given tokens, whatever it is asked; -1 stands for logits that are not finite."""

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        self.rows, self.at, self.vision_seconds = [list(row) for row in rows], 0, 0.0
        self.widths: list[int] = []

    def prefill(self) -> Tensor:
        return self._logits()

    def step(self, tokens: Tensor) -> Tensor:
        self.at += 1
        return self._logits()

    def keep(self, rows: Sequence[int]) -> None:
        self.rows = [self.rows[row] for row in rows]

    def _logits(self) -> Tensor:
        self.widths.append(len(self.rows))
        logits = torch.zeros(len(self.rows), 20)
        for row, script in enumerate(self.rows):
            token = script[min(self.at, len(script) - 1)]
            logits[row, token] = float("nan") if token < 0 else 1.0
        return logits


def _say(
    rows: Sequence[Sequence[int]], *, eos: Sequence[int] = (9,), new: int = 6
) -> tuple[list[Generation], Scripted]:
    scripted = Scripted(rows)
    items = [kit.prompt([], new=new) for _ in rows]
    return generate(scripted, items, eos), scripted


def test_each_row_stops_by_itself() -> None:
    answers, _ = _say([[5, 9], [5, 6, 7], [5, 6, 7, 8, 7, 6, 5, 4], [9]])
    assert [answer.tokens for answer in answers] == [(5,), (5, 6, 7, 7, 7, 7), (5, 6, 7, 8, 7, 6), ()]
    assert [answer.finish_reason for answer in answers] == ["stop", "length", "length", "stop"]


def test_every_stop_token_stops() -> None:
    answers, _ = _say([[5, 8], [5, 9]], eos=(8, 9))
    assert [answer.finish_reason for answer in answers] == ["stop", "stop"]


def test_logits_that_are_not_finite_cost_their_row_alone() -> None:
    answers, _ = _say([[5, -1], [5, 6, 9]])
    assert [(answer.tokens, answer.finish_reason) for answer in answers] == [
        ((5,), "error"),
        ((5, 6), "stop"),
    ]


def test_finished_rows_are_dropped_once_they_are_half() -> None:
    _, scripted = _say([[5, 9], [5, 9], [5, 5, 9], [5]])
    assert scripted.widths == [4, 4, 2, 1, 1, 1]


def test_limits_are_per_request() -> None:
    items = [_limited(kit.prompt(IMAGES[:1], seed=seed), new) for seed, new in ((0, 1), (1, 5), (2, 30))]
    answers = _answers(items)
    assert [len(answer.tokens) for answer in answers] == [1, 5, 30]
    for item, answer in zip(items, answers, strict=True):
        assert answer.tokens == _answers([item])[0].tokens


def test_a_real_stop_token_ends_the_answer_before_it() -> None:
    item = kit.decisive_prompt(kit.pair().ours, IMAGES)
    tokens = _answers([item])[0].tokens
    cut = tokens[20]
    answer = _answers([item], eos=(cut,))[0]
    assert answer.tokens == tokens[: tokens.index(cut)]
    assert answer.finish_reason == "stop"


def test_times_and_counts_are_shared_out() -> None:
    items = [kit.prompt(IMAGES, seed=seed, new=4) for seed in range(2)]
    answers = _answers(items)
    assert [answer.prompt_tokens for answer in answers] == [len(item.input_ids) for item in items]
    assert min(answers[0].vision_seconds, answers[0].prefill_seconds, answers[0].decode_seconds) > 0
    assert answers[0].vision_seconds == answers[1].vision_seconds


# Prefix sharing


def _questions() -> list[ModelInput]:
    """Two images, three questions each, and one without an image; every answer free of near ties."""
    items = [kit.decisive_prompt(kit.pair().ours, [image]) for image in IMAGES]
    questions = []
    for item, image in zip(items, IMAGES, strict=True):
        first = list(item.input_ids)
        for tail in ([], [40, 41], [42]):
            questions.append(
                ModelInput.of(kit.pair().ours.config, [*first, *tail], [image], settings=item.settings)
            )
    return [*questions, kit.decisive_prompt(kit.pair().ours, [])]


def test_sharing_prefixes_changes_no_token() -> None:
    items = _questions()
    assert common_prefixes(items) is not None
    shared = [answer.tokens for answer in _answers(items)]
    assert shared == [answer.tokens for answer in _answers(items, share=False)]
    assert shared == [_answers([item])[0].tokens for item in items]


@torch.inference_mode()
def test_sharing_prefixes_keeps_the_logits() -> None:
    model, items = kit.pair().ours, _questions()
    shared = LocalSession(model, items, kit.PAD).prefill()
    apart = LocalSession(model, items, kit.PAD, share_prefixes=False).prefill()
    torch.testing.assert_close(shared, apart, rtol=0, atol=1e-5 * float(apart.abs().max()))


def test_order_in_the_batch_changes_no_token() -> None:
    items = _questions()
    forward = [answer.tokens for answer in _answers(items)]
    assert [answer.tokens for answer in _answers(items[::-1])][::-1] == forward


def test_shared_media_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, encoded = kit.pair().ours, []
    encode = model.encode
    monkeypatch.setattr(model, "encode", lambda pixels, grids: encoded.append(grids) or encode(pixels, grids))
    _answers([kit.prompt([IMAGES[0]], seed=seed, new=2) for seed in range(3)] + [kit.prompt(IMAGES, new=2)])
    assert encoded == [[image.grid_thw for image in IMAGES]]


def test_a_prefix_ends_at_the_first_difference_and_before_the_last_token() -> None:
    image, config = IMAGES[0], kit.pair().ours.config
    ids = list(kit.prompt([image]).input_ids)
    items = [ModelInput.of(config, row, [image]) for row in (ids, ids, [*ids, 7], [*ids[:-2], 8, 8])]
    prefixes = common_prefixes(items)
    assert prefixes is not None
    assert prefixes.of_row == [0, 0, 0, 0]
    assert prefixes.lengths == [len(ids) - 2]
    twins = common_prefixes(items[:2])
    assert twins is not None
    assert twins.lengths == [len(ids) - 1]


def test_other_media_or_other_positions_share_nothing() -> None:
    first = kit.prompt([IMAGES[0]])
    same_pixels = kit.prompt([kit.visual("image", (1, 6, 6), 1)])
    assert common_prefixes([first, same_pixels]) is None
    video = kit.visual("video", (20, 4, 4), 3)
    rules = [kit.prompt([video], rule=rule, words=20) for rule in ("original", "transformers5")]
    prefixes = common_prefixes(rules)
    assert prefixes is not None
    assert prefixes.lengths == [4 + 1 + 80]  # everything up to the end of the video, where the rules part


def test_little_in_common_is_not_shared() -> None:
    texts = [kit.prompt([], seed=seed, words=40) for seed in range(3)]
    assert common_prefixes(texts) is None
    assert session.SHARED_PART == 0.25


# Repetition penalty


@pytest.mark.parametrize("penalty", [0.8, 1.05, 1.5])
def test_penalty_equals_transformers_processor(penalty: float) -> None:
    from transformers import RepetitionPenaltyLogitsProcessor

    generator = torch.Generator().manual_seed(0)
    item = kit.prompt(IMAGES, penalty=penalty)
    logits = torch.randn(1, 320, generator=generator)
    answer = torch.tensor([[7, 7, 300]])
    ours = _RepetitionPenalty.of([item], logits)
    assert ours is not None
    for token in answer[0]:
        ours.add(token[None])
    ids = torch.cat((torch.tensor([item.input_ids]), answer), dim=1)
    expected = RepetitionPenaltyLogitsProcessor(penalty)(ids, logits.clone())
    assert torch.equal(ours.apply(logits), expected)


def test_penalties_are_per_row_and_blind_to_padding() -> None:
    items = [kit.prompt([], seed=1, penalty=1.3, words=3, new=20), kit.prompt(IMAGES, seed=2, new=20)]
    together = [answer.tokens for answer in _answers(items)]
    assert together == [_answers([item])[0].tokens for item in items]
    plain = replace(items[0], settings=GenerationSettings(max_new_tokens=20))
    assert _answers([plain])[0].tokens != together[0]


def test_penalty_of_one_costs_nothing() -> None:
    assert _RepetitionPenalty.of([kit.prompt([])], torch.zeros(1, 320)) is None


def test_padding_is_on_the_left() -> None:
    items = [kit.prompt([], words=1), kit.prompt([], words=3)]
    batch = pad_left(
        [i.input_ids for i in items], [i.positions.ids for i in items], kit.PAD, torch.device("cpu")
    )
    assert batch.ids[0, :2].tolist() == [kit.PAD] * 2
    assert batch.real.sum(dim=1).tolist() == [5, 7]
    assert batch.positions[:, 0].tolist() == [[0, 0, 0, 1, 2, 3, 4]] * 3
