"""The parity check must notice when the model is wrong: each test spoils one thing and expects a failure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import parity_kit as kit
from test_model_parity import BAR, CASES, own_positions_error
from vleval.model import positions, vision
from vleval.model.windows import GridTHW, WindowOrder, window_order

CLEARLY = 10 * BAR


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[kit.Pair]:
    """A sound pair, whose plans made under a mutation are forgotten afterwards."""
    sound = kit.pair()
    monkeypatch.setattr(sound.ours.visual, "_plans", OrderedDict())
    assert kit.logit_error(sound, kit.prompt(CASES["several images"])) <= BAR
    sound.ours.visual._plans.clear()
    yield sound


def test_windows_in_raster_order_are_noticed(pair: kit.Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def raster(grid: GridTHW, window: int = 4, merge: int = 2) -> WindowOrder:
        sound = window_order(grid, window, merge)
        return sound._replace(order=np.sort(sound.order))

    monkeypatch.setattr(vision, "window_order", raster)
    assert kit.logit_error(pair, kit.prompt(CASES["one image"])) > CLEARLY


def test_windows_everywhere_are_noticed(pair: kit.Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(pair.ours.visual.config, fullatt_block_indexes=(1,))
    monkeypatch.setattr(pair.ours.visual, "config", config)
    assert kit.logit_error(pair, kit.prompt(CASES["one image"])) > CLEARLY


@pytest.mark.parametrize("section", [(3, 2, 3), (2, 4, 2), (3, 3, 2)])
def test_a_shifted_mrope_section_is_noticed(
    pair: kit.Pair, monkeypatch: pytest.MonkeyPatch, section: tuple[int, int, int]
) -> None:
    config = replace(pair.ours.text.config, mrope_section=section)
    monkeypatch.setattr(pair.ours.text, "config", config)
    assert kit.logit_error(pair, kit.prompt(CASES["video"])) > CLEARLY


def test_truncation_before_the_product_is_noticed(pair: kit.Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def truncated(grids: int, second_per_grid: float, tokens_per_second: float) -> NDArray[np.int64]:
        return (np.arange(grids) * int(second_per_grid) * tokens_per_second).astype(np.int64)

    assert own_positions_error(pair) <= BAR
    monkeypatch.setattr(positions, "temporal_ids", truncated)
    assert own_positions_error(pair) > CLEARLY


@pytest.mark.parametrize("tower", ["visual.blocks", "text.layers"])
def test_a_dropped_qkv_bias_is_noticed(pair: kit.Pair, monkeypatch: pytest.MonkeyPatch, tower: str) -> None:
    qkv = pair.ours.get_submodule(f"{tower}.1.attn.qkv")
    monkeypatch.setitem(qkv._parameters, "bias", None)
    assert kit.logit_error(pair, kit.prompt(CASES["one image"])) > CLEARLY
