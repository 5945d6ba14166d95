"""Log-probabilities of the chosen tokens: equal to transformers', in padded batches too, and at their place
in the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import parity_kit as kit
from test_model_generate import IMAGES, Scripted
from vleval.model.engine import BatchEngine, LocalEngine
from vleval.model.generate import Generation, ModelInput, generate
from vleval.model.io import GenerationSettings, Message, Request, TokenLogprobs
from vleval.model.prompt import ChatPrompt
from vleval.model.session import LocalSession
from vleval.model.transformers_engine import TransformersEngine, TransformersSession

NEW = 12


def prompts(*, penalty: float = 1.0, logprobs: bool = True) -> list[ModelInput]:
    """Of three lengths, so that two rows of the batch are padded on the left."""
    settings = GenerationSettings(NEW, penalty, logprobs=logprobs)
    items = [kit.prompt(IMAGES, seed=1), kit.prompt([], seed=2, words=9), kit.prompt(IMAGES[:1], seed=3)]
    return [replace(item, settings=settings) for item in items]


def answers(items: Sequence[ModelInput], engine: str = "local") -> list[Generation]:
    pair = kit.pair()
    session = (
        LocalSession(pair.ours, items, kit.PAD)
        if engine == "local"
        else TransformersSession(pair.reference, items, kit.PAD)
    )
    return generate(session, items, ())


def forced(item: ModelInput, tokens: Sequence[int]) -> list[float]:
    """What transformers' model gives each token, read in one piece and without padding."""
    whole = ModelInput.of(kit.pair().ours.config, [*item.input_ids, *tokens], item.visuals)
    logits = kit.reference_logits(kit.pair().reference, whole)[len(item.input_ids) - 1 : -1]
    found = torch.log_softmax(logits.double(), dim=-1)[range(len(tokens)), list(tokens)]
    return [float(value) for value in found]


@pytest.mark.parametrize("engine", ["local", "transformers"])
def test_they_are_transformers_own_in_a_padded_batch(engine: str) -> None:
    items = prompts()
    assert len({len(item.input_ids) for item in items}) == 3
    for item, answer in zip(items, answers(items, engine), strict=True):
        assert answer.logprobs is not None and len(answer.logprobs) == len(answer.tokens) == NEW
        assert answer.logprobs == pytest.approx(forced(item, answer.tokens), abs=1e-4)
        assert min(answer.logprobs) < -0.1  # not all certain, or the test says nothing


@pytest.mark.parametrize("penalty", [1.0, 1.4])
def test_they_are_transition_scores(penalty: float) -> None:
    """transformers' own generate and its own sum: with a penalty, of the scores after it."""
    (item,) = [prompts(penalty=penalty)[1]]
    (answer,) = answers([item])
    reference = kit.pair().reference
    said = reference.generate(
        torch.tensor([item.input_ids]),
        max_new_tokens=NEW,
        min_new_tokens=NEW,
        do_sample=False,
        eos_token_id=None,
        repetition_penalty=penalty,
        output_scores=True,
        return_dict_in_generate=True,
    )
    scores = reference.compute_transition_scores(said.sequences, said.scores, normalize_logits=True)
    assert answer.tokens == tuple(said.sequences[0, -NEW:].tolist())
    assert answer.logprobs == pytest.approx(scores[0].tolist(), abs=1e-4)


def test_without_asking_there_are_none_and_the_answers_are_the_same() -> None:
    asked, plain = answers(prompts()), answers(prompts(logprobs=False))
    assert [answer.logprobs for answer in plain] == [None] * 3
    assert [answer.tokens for answer in plain] == [answer.tokens for answer in asked]


def test_rows_of_a_batch_may_differ_in_asking() -> None:
    items = prompts()
    items[0] = prompts(logprobs=False)[0]
    assert [answer.logprobs is None for answer in answers(items)] == [True, False, False]


def test_the_token_that_ends_an_answer_is_none_of_them() -> None:
    items = [kit.prompt([], new=6) for _ in range(3)]
    items = [replace(item, settings=replace(item.settings, logprobs=True)) for item in items]
    found = generate(Scripted([[5, 9], [5, 6, -1], [4, 5, 6, 7, 7, 7]]), items, (9,))
    share = -float(torch.tensor([1.0, *[0.0] * 19]).softmax(0)[0].log())
    assert [len(answer.logprobs or ()) for answer in found] == [1, 2, 6]
    assert found[0].logprobs == pytest.approx((-share,), abs=1e-6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.save_engine_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.mark.parametrize("kind", [LocalEngine, TransformersEngine])
def test_engines_hand_them_on_with_their_places(folder: Path, kind: type[BatchEngine]) -> None:
    engine = kind(folder, name="tiny", dtype="float32", device="cpu")
    words = ["say something", "and now something that is a good deal longer"]
    requests = [
        Request(text, (Message("user", (text,)),), generation=GenerationSettings(10, logprobs=True))
        for text in words
    ]
    plain = replace(requests[0], id="plain", generation=GenerationSettings(10))
    found = {response.id: response for response in engine.run([*requests, plain])}
    assert found["plain"].tokens is None
    assert found["plain"].text == found[words[0]].text
    for text in words:
        tokens = found[text].tokens
        assert tokens is not None
        assert len(tokens.ends) == len(tokens.values) == found[text].usage.completion_tokens > 0
        assert list(tokens.ends) == sorted(tokens.ends)
        assert tokens.ends[-1] == len(found[text].text)


def test_places_are_right_where_letters_have_several_tokens(folder: Path) -> None:
    chat = ChatPrompt.from_folder(folder)
    text = "aé 😀[12, 3]�"
    ids = chat._encode_piece(text, None)
    ends = chat.ends(ids)
    assert chat.decode(ids) == text
    assert (ends[0], ends[-1]) == (1, len(text))
    pieces = [text[start:end] for start, end in zip((0, *ends), ends, strict=False)]
    assert "".join(pieces) == text
    assert {"a", "é", "😀", "1", "2", "3"} <= set(pieces)  # a byte tokenizer: a letter is its last byte's


def test_a_mean_covers_the_tokens_that_a_stretch_touches() -> None:
    tokens = TokenLogprobs(ends=(2, 3, 3, 5, 8), values=(-1.0, -2.0, -64.0, -4.0, -8.0))
    assert tokens.mean(0, 8) == pytest.approx(-15 / 4)  # the empty token is none
    assert tokens.mean(2, 3) == -2.0
    assert tokens.mean(4, 6) == -6.0  # half a token counts whole
    assert (tokens.mean(8, 9), tokens.mean(3, 3)) == (None, None)
    assert TokenLogprobs((), ()).mean(0, 4) is None
