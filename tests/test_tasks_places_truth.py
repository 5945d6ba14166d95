"""Clicks, points and counts on the bundled data with a known truth: answers in INPUT pixels of pictures that
the real preprocessing resized score exactly 100, planted faults exactly what was planted, and answers in
another unit or order below 50."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from pointing_kit import seen
from vleval.grounding.frame import Frame
from vleval.grounding.masks import to_dense
from vleval.grounding.parse import render_boxes, render_points
from vleval.model.io import Media, VisionSettings
from vleval.model.locations import BUNDLED_CHECKPOINT
from vleval.model.preprocess import prepare_image
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.tasks.base import Answer, Sample, Task
from vleval.tasks.data.sources import open_data
from vleval.tasks.grounding.computer_use import BEGUN
from vleval.tasks.registry import get_task

Write = Callable[[Frame, tuple[float, ...]], list[int]]

CLICKS = ("screenspot", "screenspot-v2", "screenspot-pro")
POINTS = (*CLICKS, "pixmo-points", "pointbench")


@cache
def samples(name: str) -> tuple[Sample, ...]:
    return tuple(open_data(get_task(name), "bundled").samples)


@cache
def frame(media: Media) -> Frame:
    """The frame of a picture that is at least 1.5 times as wide and high for the model, or as narrow."""
    spec = PreprocessSpec.from_folder(BUNDLED_CHECKPOINT)
    small = prepare_image(media, VisionSettings(max_pixels=28 * 28 * 4000), spec).frame.original_size
    area = small[0] * small[1]
    vision = (
        VisionSettings(max_pixels=int(area / 2.6))
        if area > 500_000
        else VisionSettings(min_pixels=int(area * 2.6), max_pixels=area * 4)
    )
    found = prepare_image(media, vision, spec).frame
    ratio = found.input_size[0] / found.original_size[0]
    assert max(ratio, 1 / ratio) >= 1.5 and found.original_size[0] != found.original_size[1]
    return found


def truth(sample: Sample) -> list[tuple[float, float]]:
    """Points that are right, in original pixels."""
    target = sample.target
    if "objects" in target:
        return [tuple(point) for point in target["objects"]["points"]]
    if "area" in target:
        mask = to_dense(target["area"]["mask"])
        inner = np.argwhere(
            mask & np.roll(mask, 4, 0) & np.roll(mask, -4, 0) & np.roll(mask, 4, 1) & np.roll(mask, -4, 1)
        )
        y, x = inner[len(inner) // 2].tolist()
        return [(x, y)] * (target["area"]["count"] or 1)
    x1, y1, x2, y2 = target["bbox_xyxy"]
    return [((x1 + x2) / 2, (y1 + y2) / 2)]


def said(name: str, places: list[list[int]]) -> str:
    if name == "screenspot-pro":
        (place,) = places
        return f"{place[0]}, {place[1]}]}}}}\n</tool_call>"
    return render_points([((x, y), "it") for x, y in places])


def headline(name: str, texts: list[str], *, framed: bool = True) -> float:
    task = get_task(name)
    answers = [
        Answer(sample, text, (frame(sample.media[0]),) if framed else ())
        for sample, text in zip(samples(name), texts, strict=True)
    ]
    scores = task.score_all(answers, "absolute")
    return float(np.mean([score.metrics[task.metrics[0].name] for score in scores]))


def texts(name: str, write: Write) -> list[str]:
    return [
        said(name, [write(frame(sample.media[0]), point) for point in truth(sample)])
        for sample in samples(name)
    ]


@pytest.mark.parametrize("name", POINTS)
def test_input_pixels_score_100(name: str) -> None:
    assert headline(name, texts(name, seen)) == 1.0


@pytest.mark.parametrize("name", POINTS)
def test_swapped_or_unmapped_points_score_below_50(name: str) -> None:
    swapped = texts(name, lambda shown, place: seen(shown, place)[::-1])
    unmapped = texts(name, lambda shown, place: [round(value) for value in place])
    assert headline(name, swapped) < 0.5
    assert headline(name, unmapped) < 0.5


@pytest.mark.parametrize("name", POINTS)
def test_planted_faults_are_the_score(name: str) -> None:
    spoiled = texts(name, seen)
    planted = [index for index in range(0, len(spoiled), 3) if truth(samples(name)[index])]
    for index in planted:
        spoiled[index] = said(name, [[-500, -500]] * len(truth(samples(name)[index])))
    assert headline(name, spoiled) == pytest.approx(1 - len(planted) / len(spoiled), abs=1e-12)


@pytest.mark.parametrize("name", CLICKS)
def test_boxes_click_their_centres(name: str) -> None:
    boxes = [
        render_boxes([(seen(frame(s.media[0]), tuple(s.target["bbox_xyxy"])), "it")]) for s in samples(name)
    ]
    assert headline(name, boxes) == 1.0


def test_a_call_may_be_whole_and_may_have_four_numbers() -> None:
    name = "screenspot-pro"
    whole = [BEGUN + text for text in texts(name, seen)]
    assert headline(name, whole) == 1.0
    framed = [
        "{}, {}, {}, {}]}}}}\n</tool_call>".format(*seen(frame(s.media[0]), tuple(s.target["bbox_xyxy"])))
        for s in samples(name)
    ]
    assert headline(name, framed) == 1.0
    assert headline(name, ["]}}\n</tool_call>"] * len(whole)) == 0.0


def count_score(task: Task, answers: list[str]) -> tuple[float, float]:
    pairs = zip(samples(task.name), answers, strict=True)
    scores = task.score_all([Answer(sample, text, ()) for sample, text in pairs], "absolute")
    return tuple(float(np.mean([s.metrics[name] for s in scores])) for name in ("acc", "close"))  # type: ignore[return-value]


def test_counts_stated_and_detected() -> None:
    stated, detected = get_task("countbench"), get_task("countbench-detect")
    numbers = [sample.target["count"] for sample in samples("countbench")]
    assert sorted(set(numbers)) == list(range(10))
    assert count_score(stated, [f"There are {number}." for number in numbers]) == (1.0, 1.0)
    assert count_score(stated, [f"{number + 1}." for number in numbers]) == (0.0, 1.0)
    assert count_score(stated, [f"1{number}" for number in numbers]) == (0.0, 0.0)
    boxes = [render_boxes([((10 * k, 0, 10 * k + 5, 5), "it") for k in range(number)]) for number in numbers]
    assert count_score(detected, boxes) == (1.0, 1.0)
    assert count_score(detected, [str(number) for number in numbers]) == (1.0, 1.0)
    spoiled = ["7000" if index % 3 == 0 else text for index, text in enumerate(map(str, numbers))]
    assert count_score(stated, spoiled)[0] == pytest.approx(2 / 3)
