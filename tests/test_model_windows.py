"""The window order of the vision tower, against transformers' own index."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vleval.model.windows import window_order


def _random_grids(count: int) -> list[tuple[int, int, int]]:
    rng = np.random.default_rng(7)
    return [(int(t), 2 * int(h), 2 * int(w)) for t, h, w in rng.integers(1, (5, 20, 20), (count, 3))]


def _windows(order: list[int], lengths: list[int]) -> set[frozenset[int]]:
    ends = np.cumsum([0, *lengths])
    return {frozenset(order[a:b]) for a, b in zip(ends[:-1], ends[1:], strict=True)}


def test_windows_hold_the_same_tokens_as_in_transformers() -> None:
    from transformers.vision_utils import get_vision_window_index

    for grid in _random_grids(300):
        index, ends = get_vision_window_index(torch.tensor([grid]), 2, 112, 14)
        theirs = _windows(index.tolist(), (ends.unique_consecutive().diff() // 4).tolist())
        ours = window_order(grid)
        assert _windows(ours.order.tolist(), ours.window_lengths.tolist()) == theirs, grid


def test_order_is_a_permutation_in_which_frames_stay_together() -> None:
    for grid in _random_grids(50):
        order, windows, frames = window_order(grid)
        tokens = grid[1] * grid[2] // 4
        assert sorted(order.tolist()) == list(range(grid[0] * tokens))
        assert order.reshape(grid[0], tokens).min(axis=1).tolist() == [t * tokens for t in range(grid[0])]
        assert frames.tolist() == [tokens] * grid[0]
        assert windows.sum() == len(order)


def test_equal_windows_are_neighbours_within_a_frame() -> None:
    # 22 x 22 merged tokens: 25 whole windows, 5 + 5 at two edges (4 x 2 and 2 x 4), one 2 x 2 corner.
    lengths = window_order((1, 44, 44)).window_lengths.tolist()
    assert lengths == [16] * 25 + [8] * 10 + [4]


def test_an_image_smaller_than_a_window_is_one_window() -> None:
    assert window_order((1, 4, 6)).window_lengths.tolist() == [6]
    assert window_order((1, 4, 6)).order.tolist() == list(range(6))


@pytest.mark.parametrize(("window", "lengths"), [(4, [16]), (2, [4, 4, 4, 4])])
def test_window_side_is_respected(window: int, lengths: list[int]) -> None:
    assert window_order((1, 8, 8), window).window_lengths.tolist() == lengths
