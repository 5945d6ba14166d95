"""Look-alikes: the other convention is named when it is the true one, and nothing is said otherwise.

Runs are synthetic: places of plausible size and position, written in the true unit with a model's noise, on
pictures resized by the model's own rule.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from helpers import fixtures_path
from vleval.grounding.frame import CONVENTIONS, Convention, Sizes, extent, to_input, to_original
from vleval.grounding.lookalike import Lookalike, lookalikes
from vleval.grounding.parse import parse_boxes, parse_points
from vleval.model.limits import smart_resize

PHOTOS = [(640, 480), (480, 640), (640, 427), (500, 375), (612, 612)]
SCREENS = [(3840, 2160), (2560, 1440), (1920, 1080), (1080, 2400), (3456, 2234)]
ICONS = [(64, 48), (100, 80), (40, 40), (120, 60)]
OWN, TOKENS = (3136, 12_845_056), 784
DATA = {
    "photos": (PHOTOS, OWN),
    "photos at 64 tokens": (PHOTOS, (3136, 64 * TOKENS)),
    "photos at 320 tokens": (PHOTOS, (3136, 320 * TOKENS)),
    "photos at least 1280 tokens": (PHOTOS, (1280 * TOKENS, 12_845_056)),
    "screens": (SCREENS, OWN),
    "screens at 1280 tokens": (SCREENS, (3136, 1280 * TOKENS)),
    "screens at 2048 tokens": (SCREENS, (3136, 2048 * TOKENS)),
    "icons": (ICONS, OWN),
    "all sizes": (PHOTOS + SCREENS, OWN),
}
"""Name -> the originals, and (min_pixels, max_pixels)."""


def pictures(data: str, n: int, generator: np.random.Generator) -> list[Sizes]:
    originals, (least, most) = DATA[data]
    inputs = {
        size: smart_resize(size[1], size[0], min_pixels=least, max_pixels=most)[::-1] for size in originals
    }
    chosen = [originals[i] for i in generator.integers(0, len(originals), n)]
    return [Sizes(size, inputs[size]) for size in chosen]


def places(kind: str, n: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """[n, 4] boxes or [n, 2] points in shares of the picture."""
    if kind == "points":
        return generator.beta(1.0, 1.2, (n, 2))
    centre, half = generator.beta(1.5, 1.5, (n, 2)), np.exp(generator.normal(-2.0, 0.6, (n, 2)))
    return np.concatenate([centre - half, centre + half], axis=1).clip(0, 1)


def written(
    shares: NDArray[np.float64], sizes: Sequence[Sizes], true: Convention, generator: np.random.Generator
) -> NDArray[np.float64]:
    """What a model that answers in `true` writes: half of the answers off by 2%, one in fifty garbled."""
    n, columns = shares.shape
    noisy = shares + generator.normal(0, 0.02, shares.shape) * (generator.random((n, 1)) < 0.5)
    corners = np.tile([extent(size, true) for size in sizes], columns // 2)
    answers = (noisy.clip(-0.005, 1.005) * corners).round({"relative-1": 3, "percent": 1}.get(true, 0))
    garbled = generator.random(n) < 0.02
    answers[garbled] = generator.uniform(0, 2000, (int(garbled.sum()), columns)).round()
    return answers


def suspected(found: Sequence[Lookalike]) -> list[Convention]:
    return [other.convention for other in found if other.suspected]


def alike(sizes: Sequence[Sizes], first: Convention, second: Convention) -> bool:
    """Whether two extents differ too little to be told apart for sure: by less than 1.25 on most pictures.

    On icons, whose pixels are about as many as percents, by less than 2.
    """
    ratios = np.divide([extent(size, first) for size in sizes], [extent(size, second) for size in sizes])
    limit = 2.0 if sizes[0].original_size in ICONS else 1.25
    return bool(np.median(np.maximum(ratios, 1 / ratios).max(axis=1)) < limit)


@pytest.mark.parametrize("kind", ["boxes", "points"])
@pytest.mark.parametrize("data", DATA)
def test_the_true_convention_is_named_and_no_other(data: str, kind: str) -> None:
    """Every (true, declared) pair: named where extents can be told apart, silent where declared is true."""
    generator = np.random.default_rng(11)
    for true in CONVENTIONS:
        for declared in CONVENTIONS:
            sizes = pictures(data, 400, generator)
            answers = written(places(kind, 400, generator), sizes, true, generator)
            named = suspected(lookalikes(answers, sizes, range(400), declared))
            if true == declared:
                assert named == [], f"{true} read as itself"
            elif alike(sizes, true, declared):
                assert named in ([], [true]), f"{true} read as {declared}"
            else:
                assert len(named) == 1, f"{true} read as {declared}: {named}"
                assert named == [true] or alike(sizes, named[0], true), f"{true} read as {declared}: {named}"


@pytest.mark.parametrize("n", [12, 40, 300, 2000])
def test_silent_when_right_at_every_size_of_run(n: int) -> None:
    generator = np.random.default_rng(n)
    for data in DATA:
        for declared in CONVENTIONS:
            sizes = pictures(data, n, generator)
            answers = written(places("boxes", n, generator), sizes, declared, generator)
            assert suspected(lookalikes(answers, sizes, range(n), declared)) == []


def bad_answers(
    how: str, corners: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    n = len(corners)
    both = np.tile(corners, 2)
    match how:
        case "random":
            return generator.uniform(0, 1, (n, 4)) * both
        case "zeros":
            return np.zeros((n, 4))
        case "the whole picture":
            return np.concatenate([np.zeros((n, 2)), corners], axis=1)
        case "one favourite":
            return np.array([120, 80, 900, 860]) + generator.normal(0, 15, (n, 4))
        case "five favourites":
            return generator.uniform(0, 900, (5, 4))[generator.integers(0, 5, n)]
        case "one in ten garbled":
            wild = generator.random((n, 1)) < 0.1
            return np.where(wild, 5000, both) * generator.uniform(0, 1, (n, 4))
        case "overshooting by a tenth":
            return (generator.uniform(0, 1, (n, 4)) + generator.normal(0, 0.05, (n, 4))) * both
        case "an eighth too large":
            return generator.uniform(0, 1.12, (n, 4)) * both
        case "huddled in the corner":
            return generator.beta(1, 7, (n, 4)) * both
    raise AssertionError(how)


@pytest.mark.parametrize(
    "how",
    [
        "random",
        "zeros",
        "the whole picture",
        "one favourite",
        "five favourites",
        "one in ten garbled",
        "overshooting by a tenth",
        "an eighth too large",
        "huddled in the corner",
    ],
)
def test_silent_for_models_that_are_merely_bad(how: str) -> None:
    generator = np.random.default_rng(3)
    for data in DATA:
        for declared in ("absolute", "original"):
            sizes = pictures(data, 2000, generator)
            corners = np.array([extent(size, declared) for size in sizes])
            answers = bad_answers(how, corners, generator).round()
            assert suspected(lookalikes(answers, sizes, range(2000), declared)) == [], f"{data}, {declared}"


def test_silent_for_a_crowd_in_the_corner_of_large_screens() -> None:
    """Few places get to 1000 at all, and fewer beyond: that is no edge at 1000."""
    for seed in range(8):
        generator = np.random.default_rng(seed)
        sizes = pictures("screens at 2048 tokens", 2000, generator)
        corners = np.array([extent(size, "absolute") for size in sizes])
        answers = bad_answers("huddled in the corner", corners, generator).round()
        assert suspected(lookalikes(answers, sizes, range(2000), "absolute")) == []


def test_questions_about_few_pictures_prove_nothing() -> None:
    generator = np.random.default_rng(5)
    sizes = pictures("photos", 400, generator)
    answers = written(places("boxes", 400, generator), sizes, "relative-1000", generator)
    assert suspected(lookalikes(answers, sizes, range(400), "absolute")) == ["relative-1000"]
    assert suspected(lookalikes(answers, sizes, [i // 50 for i in range(400)], "absolute")) == []


def test_the_sentence_tells_shares_and_remedy() -> None:
    sizes = [Sizes((640, 480), (644, 476))] * 100
    generator = np.random.default_rng(2)
    inside = generator.uniform(0, 450, (55, 4)).round()
    outside = np.concatenate([generator.uniform(0, 700, (36, 2)), generator.uniform(800, 1000, (36, 2))], 1)
    beyond = np.full((9, 4), 1500.0) + np.arange(9)[:, None]
    found = lookalikes(np.concatenate([inside, outside.round(), beyond]), sizes, range(100), "absolute")
    other = next(one for one in found if one.convention == "relative-1000")
    assert (round(other.fits, 2), round(other.leaves, 2)) == (0.91, 0.45)
    assert (other.telling, round(other.share, 2)) == (45, 0.80)
    assert not other.suspected and other.sentence() is None, "one box in eleven fits neither"
    found = lookalikes(np.concatenate([inside, outside.round()]), sizes[:91], range(91), "absolute")
    assert [one.sentence() for one in found if one.suspected] == [
        "100% of the boxes would fit 0-1000 and 40% leave the picture the model saw: is this a Qwen2-VL or "
        "Qwen3-VL checkpoint? Pass --coordinates relative-1000."
    ]


def test_the_sentence_where_answers_keep_to_a_corner() -> None:
    generator = np.random.default_rng(2)
    points = generator.uniform(0, 1000, (200, 2)).round()
    found = lookalikes(points, [Sizes((3840, 2160), (3836, 2156))] * 200, range(200), "absolute")
    assert [one.sentence() for one in found if one.suspected] == [
        "100% of the points would fit 0-1000 and hardly any uses the rest of the picture the model saw: is "
        "this a Qwen2-VL or Qwen3-VL checkpoint? Pass --coordinates relative-1000."
    ]


def test_without_sizes_only_shares_of_a_side_can_be_told() -> None:
    generator = np.random.default_rng(4)
    sizes = pictures("photos", 200, generator)
    for true in CONVENTIONS:
        answers = written(places("boxes", 200, generator), sizes, true, generator)
        named = suspected(lookalikes(answers, [None] * 200, range(200), "absolute"))
        assert named == (["relative-1"] if true == "relative-1" else [])


def test_faults_are_named_and_odd_numbers_are_not_one() -> None:
    with pytest.raises(ValueError, match=r"\[N, 4\] boxes or \[N, 2\] points"):
        lookalikes([1, 2, 3, 4], [None], ["a"], "absolute")
    with pytest.raises(ValueError, match="1 items, but 2 sizes and 1 pictures"):
        lookalikes([[1, 2]], [None, None], ["a"], "absolute")
    with pytest.raises(ValueError, match="unknown coordinate convention"):
        lookalikes([[1, 2]], [None], ["a"], "pixels")  # type: ignore[arg-type]
    nothing = np.full((40, 4), np.nan)
    assert suspected(lookalikes(nothing, [Sizes((640, 480), (644, 476))] * 40, range(40), "absolute")) == []
    assert suspected(lookalikes(np.zeros((0, 4)), [], [], "percent")) == []


def real_boxes() -> tuple[NDArray[np.float64], list[Sizes], list[str]]:
    path = fixtures_path("refcoco", "refcoco_val_sized_inferred_0_249.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    boxes = np.array([parse_boxes(row["raw"]).items[0].values for row in rows])
    sizes = [Sizes(tuple(row["size_wh"]), tuple(row["resized_wh"])) for row in rows]
    return boxes, sizes, [row["image"] for row in rows]


def test_silent_on_real_answers_and_not_when_they_are_misread() -> None:
    boxes, sizes, images = real_boxes()
    assert suspected(lookalikes(boxes, sizes, images, "absolute")) == []
    originals = np.concatenate([to_original([box], size) for box, size in zip(boxes, sizes, strict=True)])
    for true in ("relative-1000", "relative-1", "percent"):
        answers = np.concatenate(
            [to_input([box], size, true) for box, size in zip(originals, sizes, strict=True)]
        )
        assert suspected(lookalikes(answers, sizes, images, "absolute")) == [true]
        named = suspected(lookalikes(boxes, sizes, images, true))
        assert named == ["absolute"], f"real pixels read as {true}"


@pytest.mark.parametrize(
    "log",
    [
        "refcoco/iannxang_7b_baseline_refcoco_val.json",
        "refcoco/vlmr1_3b_r1_400_refcoco_val.json",
        "refcoco/vlmr1_3b_r1_300_refcoco_val.json",
        "refcoco/vlmr1_3b_sft_500_refcoco_val.json",
    ],
)
def test_silent_on_real_logs_without_sizes(log: str) -> None:
    rows = json.loads(fixtures_path(*log.split("/")).read_text())["results"]
    boxes = [parse_boxes(row["model_output"]).items[0].values for row in rows]
    assert suspected(lookalikes(boxes, [None] * len(boxes), range(len(boxes)), "absolute")) == []


@pytest.mark.parametrize("size", [(1920, 1080), (2560, 1440)])
def test_silent_on_real_clicks(size: tuple[int, int]) -> None:
    """The log has no sizes: desktop screens of the two commonest ones, where an input is about as large."""
    path = fixtures_path("screenspot", "iannxang_7b_baseline_desktop_click.json")
    rows = json.loads(path.read_text())["results"]
    clicks = [row["extracted_answer"] for row in rows]
    assert any(parse_points(row["model_output"]).items for row in rows)
    height, width = smart_resize(size[1], size[0], min_pixels=OWN[0], max_pixels=OWN[1])
    for sizes in ([None] * len(rows), [Sizes(size, (width, height))] * len(rows)):
        assert suspected(lookalikes(clicks, sizes, [row["image"] for row in rows], "absolute")) == []
