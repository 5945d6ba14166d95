"""Our model is transformers' function: vision output, logits, greedy tokens on the same weights, in fp32."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import parity_kit as kit
from vleval.model.generate import ModelInput, generate
from vleval.model.parity import Observed, compare, parity_report
from vleval.model.preprocess import VisualInput, two_frames
from vleval.model.session import LocalSession
from vleval.model.transformers_engine import TransformersSession

BAR = 1e-5  # in units of max(1, largest logit)

CASES: dict[str, list[VisualInput]] = {
    "one image": [kit.visual("image", (1, 10, 14), 1)],
    # 5 x 7, 9 x 11 and 1 x 3 merged tokens: partial windows at both edges, one image smaller than a window
    "several images": [
        kit.visual("image", (1, 10, 14), 1),
        kit.visual("image", (1, 18, 22), 2),
        kit.visual("image", (1, 2, 6), 3),
    ],
    "video": [kit.visual("video", (3, 12, 10), 4, second_per_grid=1.5)],
    "image and video": [kit.visual("image", (1, 10, 6), 5), kit.visual("video", (4, 6, 10), 6)],
    "text only": [],
}
MODELS: dict[str, dict[str, Any]] = {"untied": {}, "tied": {"tied": True}, "one key head": {"kv_heads": 1}}


@pytest.mark.parametrize("case", [name for name, visuals in CASES.items() if visuals])
def test_vision_output(case: str) -> None:
    pair, visuals = kit.pair(), CASES[case]
    with torch.inference_mode():
        ours = pair.ours.encode([v.pixels for v in visuals], [v.grid_thw for v in visuals])
        # transformers encodes one medium at a time here: packing must not mix them
        theirs = torch.cat([_reference_vision(pair.reference, v) for v in visuals])
    assert (ours - theirs).abs().max() <= BAR * max(1.0, float(theirs.abs().max()))


def _reference_vision(reference: Any, visual: VisualInput) -> torch.Tensor:
    pixels = visual.pixels if visual.kind == "video" else two_frames(visual.pixels)
    output: torch.Tensor = reference.model.visual(
        pixels, grid_thw=torch.tensor([visual.grid_thw])
    ).pooler_output
    return output


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("case", CASES)
def test_logits(case: str, model: str) -> None:
    assert kit.logit_error(kit.pair(**MODELS[model]), kit.prompt(CASES[case])) <= BAR


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("case", CASES)
def test_64_greedy_tokens(case: str, model: str) -> None:
    pair = kit.pair(**MODELS[model])
    item = kit.decisive_prompt(pair.ours, CASES[case])
    ours = generate(LocalSession(pair.ours, [item], kit.PAD), [item], eos_ids=())[0]
    theirs = generate(TransformersSession(pair.reference, [item], kit.PAD), [item], eos_ids=())[0]
    assert ours.tokens == theirs.tokens
    assert len(ours.tokens) == 64


def test_left_padded_batch_against_single_prompts() -> None:
    pair = kit.pair()
    items = [kit.decisive_prompt(pair.ours, visuals) for visuals in CASES.values()]
    batch = generate(LocalSession(pair.ours, items, kit.PAD), items, eos_ids=())
    reference = generate(TransformersSession(pair.reference, items, kit.PAD), items, eos_ids=())
    for item, ours, theirs in zip(items, batch, reference, strict=True):
        alone = generate(LocalSession(pair.ours, [item], kit.PAD), [item], eos_ids=())[0]
        assert ours.tokens == alone.tokens == theirs.tokens


@torch.inference_mode()
def test_padding_changes_no_logit() -> None:
    pair = kit.pair()
    items = [kit.prompt(visuals) for visuals in CASES.values()]
    batch = LocalSession(pair.ours, items, kit.PAD, share_prefixes=False).read(last_only=True)[:, 0]
    for item, row in zip(items, batch, strict=True):
        alone = kit.reference_logits(pair.reference, item)[-1]
        assert (row - alone).abs().max() <= BAR * max(1.0, float(alone.abs().max()))


def test_video_positions_of_transformers_give_its_logits() -> None:
    """Without our position ids: under the `transformers5` rule both sides must find the same ones."""
    assert own_positions_error(kit.pair()) <= BAR


def own_positions_error(pair: kit.Pair) -> float:
    """Logit error against transformers left to make its own position ids, on an image and a video."""
    visuals = [kit.visual("image", (1, 10, 6), 5), kit.visual("video", (6, 6, 8), 6, second_per_grid=0.75)]
    item = kit.prompt(visuals, rule="transformers5")
    ids = torch.tensor([item.input_ids])
    with torch.inference_mode():
        theirs = pair.reference(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=(ids == kit.IMAGE) + 2 * (ids == kit.VIDEO),
            pixel_values=two_frames(visuals[0].pixels),
            image_grid_thw=torch.tensor([visuals[0].grid_thw]),
            pixel_values_videos=visuals[1].pixels,
            video_grid_thw=torch.tensor([visuals[1].grid_thw]),
            second_per_grid_ts=torch.tensor([0.75]),
        ).logits[0]
    ours = kit.our_logits(pair.ours, item)
    return float((ours - theirs).abs().max() / max(1.0, float(theirs.abs().max())))


@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_greedy_tokens_equal_those_of_transformers_own_generate(penalty: float) -> None:
    pair, image = kit.pair(), CASES["one image"][0]
    item = kit.prompt([image], seed=3, new=48, penalty=penalty)
    ids = torch.tensor([item.input_ids])
    theirs = pair.reference.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        mm_token_type_ids=(ids == kit.IMAGE).long(),
        pixel_values=two_frames(image.pixels),
        image_grid_thw=torch.tensor([image.grid_thw]),
        do_sample=False,
        repetition_penalty=penalty,
        max_new_tokens=48,
        eos_token_id=kit.EOS,
    )[0, ids.shape[1] :].tolist()
    answer = generate(LocalSession(pair.ours, [item], kit.PAD), [item], (kit.EOS,))[0]
    assert [*answer.tokens, *([kit.EOS] if answer.finish_reason == "stop" else [])] == theirs


def test_report_passes_on_a_checkpoint_folder(tmp_path: Path) -> None:
    report = parity_report(kit.save_engine_checkpoint(tmp_path), tokens=8)
    assert report.passed
    assert (report.tokens, report.tokens_equal) == (8, 8)
    assert 0 < report.max_logit_error < 1e-4 < report.largest_logit


def test_report_fails_when_the_two_read_different_configs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong rope base in one of the implementations must not go unnoticed."""
    folder = kit.save_engine_checkpoint(tmp_path)
    from vleval.model import parity

    load = parity.load_reference

    def load_spoilt(path: Path, *args: Any) -> Any:
        config = json.loads((path / "config.json").read_text())
        config["text_config"]["rope_parameters"]["rope_theta"] = 5e5
        (path / "config.json").write_text(json.dumps(config))
        return load(path, *args)

    monkeypatch.setattr(parity, "load_reference", load_spoilt)
    assert not parity_report(folder, tokens=4).passed


def test_comparison_counts_tokens_up_to_the_first_difference() -> None:
    logits = torch.tensor([[0.0, -3.0]])
    report = compare(Observed(logits, (5, 6, 7, 8)), Observed(logits + 2e-5, (5, 6, 9, 8)))
    assert (report.tokens_equal, report.tokens) == (2, 4)
    assert report.largest_logit == pytest.approx(3.0, abs=1e-4)
    assert not report.passed


def test_comparison_of_nan_fails() -> None:
    broken = Observed(torch.tensor([[float("nan")]]), (1,))
    assert not compare(broken, broken).passed


def test_model_input_positions_follow_the_rule() -> None:
    video = kit.visual("video", (20, 4, 4), 1)
    original: ModelInput = kit.prompt([video])
    later = kit.prompt([video], rule="transformers5")
    assert original.positions.next > later.positions.next
