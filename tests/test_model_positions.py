"""Position ids: against recorded ids of the real processor, transformers' live code, and arithmetic."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import numpy as np
import pytest
import torch

import helpers
import parity_kit as kit
from vleval.model.positions import mrope_positions, patch_coordinates, temporal_ids, temporal_ids_collide

IMAGE, VIDEO = 151655, 151656
RECORDED = {"transformers5": "transformers_5_23", "original": "original_rule"}


def _recorded_rows() -> list[tuple[str, dict[str, Any], list[Any], list[Any], list[float]]]:
    """(case, row, its image grids, video grids and seconds per grid), dealt out in order of appearance."""
    path = helpers.fixtures_path("processor_golden", "processor_and_positions.json")
    found = []
    for case in json.loads(path.read_text())["cases"]:
        images = iter(case["image_grid_thw"] or [])
        videos = iter(case["video_grid_thw"] or [])
        seconds = iter(case.get("second_per_grid_ts") or [])
        for row in case["rows"]:
            kinds = [kind for kind, _ in groupby(_expand(row["mm_token_type_ids_rle"]))]
            n_images, n_videos = kinds.count(1), kinds.count(2)
            found.append(
                (
                    case["id"],
                    row,
                    [tuple(next(images)) for _ in range(n_images)],
                    [tuple(next(videos)) for _ in range(n_videos)],
                    [next(seconds) for _ in range(n_videos)],
                )
            )
    return found


def _expand(pairs: list[list[int]]) -> list[int]:
    return [value for value, run in pairs for _ in range(run)]


@pytest.mark.parametrize("rule", ["original", "transformers5"])
def test_positions_equal_those_recorded_from_the_real_processor(rule: Any) -> None:
    rows = _recorded_rows()
    assert len(rows) >= 11
    name = RECORDED[rule]
    for case, row, images, videos, seconds in rows:
        real = np.array(_expand(row["attention_mask_rle"]), dtype=bool)
        ids = np.array(_expand(row["input_ids_rle"]))[real]
        ours = mrope_positions(
            ids.tolist(),
            images,
            videos,
            seconds,
            image_token_id=IMAGE,
            video_token_id=VIDEO,
            tokens_per_second=2,
            rule=rule,
        )
        recorded = row[f"position_ids_{name}"]
        if isinstance(recorded, str):  # "same as position_ids_transformers_5_23"
            recorded = row[recorded.removeprefix("same as ")]
        assert np.array_equal(ours.ids, np.array(recorded)[:, real]), case
        # The recorded delta is the largest id + 1 - tokens. Under the original rule decoding starts exactly
        # there; under the other it starts where the last text stopped.
        start = ours.ids[:, -1].max() + 1
        assert ours.next == start, case
        if rule == "original":
            assert ours.next - len(ids) == row["delta_original_rule"], case


@pytest.mark.parametrize(
    "kinds", [["image"], ["video"], ["image", "video"], ["video", "image", "video"], []], ids=str
)
def test_transformers5_rule_equals_get_rope_index(kinds: list[str]) -> None:
    grids = [(1, 10, 14) if kind == "image" else (6, 4 + 2 * n, 8) for n, kind in enumerate(kinds)]
    visuals = [
        kit.visual(kind, grid, seed=n, second_per_grid=0.5 + n)
        for n, (kind, grid) in enumerate(zip(kinds, grids, strict=True))
    ]
    item = kit.prompt(visuals, rule="transformers5")
    ids = torch.tensor([item.input_ids])
    videos = [visual for visual in visuals if visual.kind == "video"]
    images = [visual.grid_thw for visual in visuals if visual.kind == "image"]
    theirs, _ = kit.pair().reference.model.get_rope_index(
        ids,
        mm_token_type_ids=(ids == kit.IMAGE) + 2 * (ids == kit.VIDEO),
        image_grid_thw=torch.tensor(images) if images else None,
        video_grid_thw=torch.tensor([v.grid_thw for v in videos]) if videos else None,
        second_per_grid_ts=torch.tensor([v.frame.second_per_grid for v in videos]) if videos else None,
    )
    assert np.array_equal(item.positions.ids, theirs[:, 0].numpy())


def test_text_after_a_long_video_starts_behind_its_last_moment() -> None:
    # 20 grids of a second each, 2 x 2 merged tokens: the last temporal id is 38.
    ids = [1, *[VIDEO] * 80, 5]
    settings = {"image_token_id": IMAGE, "video_token_id": VIDEO, "tokens_per_second": 2}
    original = mrope_positions(ids, [], [(20, 4, 4)], [1.0], **settings)
    later = mrope_positions(ids, [], [(20, 4, 4)], [1.0], rule="transformers5", **settings)
    assert original.ids[:, -1].tolist() == [1 + 38 + 1] * 3
    assert later.ids[:, -1].tolist() == [1 + 2] * 3
    assert np.array_equal(original.ids[:, :-1], later.ids[:, :-1])


def test_time_is_truncated_after_the_product() -> None:
    # Half a second per grid, two ids per second: one id per grid. Truncating the seconds first would give 0,
    # 0, 2, 2.
    assert temporal_ids(4, 0.5, 2).tolist() == [0, 1, 2, 3]
    assert temporal_ids(4, 0.75, 2).tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize(
    ("second_per_grid", "collide"), [(1.0, False), (0.5, False), (0.4, True), (0.25, True)]
)
def test_collisions_of_temporal_ids_are_noticed(second_per_grid: float, collide: bool) -> None:
    assert temporal_ids_collide(10, second_per_grid, 2) is collide


def test_one_grid_cannot_collide() -> None:
    assert not temporal_ids_collide(1, 0.01, 2)


@pytest.mark.parametrize(
    ("ids", "grids", "message"),
    [
        ([1, IMAGE, 2], [], "more visual placeholders than grids"),
        ([1, IMAGE, 2], [(1, 4, 4)], "fewer placeholders than the 4 tokens"),
        ([1, 2], [(1, 4, 4)], "fewer visual placeholders than grids"),
    ],
)
def test_disagreement_of_ids_and_grids_is_refused(ids: list[int], grids: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mrope_positions(ids, grids, [], [], image_token_id=IMAGE, video_token_id=VIDEO, tokens_per_second=2)


def test_patch_coordinates_follow_blocks_of_two_by_two() -> None:
    first_block = [[0, 0], [0, 1], [1, 0], [1, 1]]
    coordinates = patch_coordinates((2, 4, 6))
    assert coordinates[:4].tolist() == first_block
    assert coordinates[4:8].tolist() == [[row, column + 2] for row, column in first_block]
    assert coordinates[:24].tolist() == coordinates[24:].tolist()
    assert {tuple(pair) for pair in coordinates.tolist()} == {(r, c) for r in range(4) for c in range(6)}
