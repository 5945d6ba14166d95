"""QVHighlights' moment retrieval: hand-worked cases, and a slow reading of its rules on random worlds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vleval.grounding.moments import LENGTHS, THRESHOLDS, MomentFigures, moment_retrieval

Windows = list[list[float]]


def overlap(a: list[float], b: list[float]) -> float:
    common = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    hull = max(a[1], b[1]) - min(a[0], b[0])
    return common / hull if common > 0 else 0.0


def slow_precision(made: Windows, true: Windows, threshold: float) -> float:
    """Average precision of one query: rank, match one to one, interpolate."""
    ranked = sorted(made[:10], key=lambda window: -window[2] if len(window) == 3 else 0.0)
    taken: set[int] = set()
    curve = []
    for rank, window in enumerate(ranked, start=1):
        overlaps = [overlap(window, other) for other in true]
        for place in sorted(range(len(true)), key=lambda place: (overlaps[place], place), reverse=True):
            if overlaps[place] >= threshold and place not in taken:
                taken.add(place)
                break
        curve.append((len(taken) / len(true), len(taken) / rank))
    total = before = 0.0
    for recall in sorted({recall for recall, _ in curve}):
        total += (recall - before) * max(precision for other, precision in curve if other >= recall)
        before = recall
    return total


def slow_figures(predicted: dict[int, Windows], truth: dict[int, Windows]) -> dict[str, Any] | None:
    queries = [query for query in truth if predicted.get(query)]
    if not queries:
        return None
    map_at, r1_at = {}, {}
    for threshold in THRESHOLDS:
        precisions = [slow_precision(predicted[query], truth[query], threshold) for query in queries]
        map_at[threshold] = sum(precisions) / len(queries)
        firsts = [max(overlap(predicted[query][0], other) for other in truth[query]) for query in queries]
        r1_at[threshold] = sum(first >= threshold for first in firsts) / len(queries)
    mean = sum(map_at.values()) / len(map_at)
    return {"map": mean, "map_at": map_at, "r1_at": r1_at, "counts": (len(queries), len(truth))}


def slow_part(truth: dict[int, Windows], above: float, most: float) -> dict[int, Windows]:
    kept = {
        query: [window for window in windows if above < window[1] - window[0] <= most]
        for query, windows in truth.items()
    }
    return {query: windows for query, windows in kept.items() if windows}


def random_world(seed: int) -> tuple[dict[int, Windows], dict[int, Windows]]:
    """Windows on a grid of two seconds (ties, exact thresholds), some reversed or empty, some queries unsaid,
    more than ten predictions, scores that are equal, falling, or absent."""
    rng = np.random.default_rng(seed)
    truth: dict[int, Windows] = {}
    predicted: dict[int, Windows] = {}
    for query in range(40):
        starts = 2.0 * rng.integers(0, 70, rng.integers(1, 6))
        truth[query] = [[start, start + 2.0 * rng.integers(1, 40)] for start in starts.tolist()]
        made = []
        for _ in range(rng.integers(0, 15)):
            base = truth[query][rng.integers(len(truth[query]))] if rng.random() < 0.7 else [0.0, 150.0]
            window = [base[0] + 2.0 * rng.integers(-3, 4), base[1] + 2.0 * rng.integers(-3, 4)]
            made.append(window if query % 3 == 0 else [*window, float(rng.integers(0, 4))])
        if query % 7:
            predicted[query] = made
    return predicted, truth


def check(figures: MomentFigures | None, expected: dict[str, Any] | None) -> None:
    if figures is None or expected is None:
        assert figures is expected
        return
    assert figures.map == pytest.approx(expected["map"], abs=1e-12)
    assert figures.map_at == pytest.approx(expected["map_at"], abs=1e-12)
    assert figures.r1_at == pytest.approx(expected["r1_at"], abs=1e-12)
    assert (figures.answered, figures.queries) == expected["counts"]


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_slow_reading(seed: int) -> None:
    predicted, truth = random_world(seed)
    score = moment_retrieval(predicted, truth)
    check(score.full, slow_figures(predicted, truth))
    for name, bounds in LENGTHS.items():
        check(getattr(score, name), slow_figures(predicted, slow_part(truth, *bounds)))


def test_thresholds_are_the_published_ones() -> None:
    assert list(THRESHOLDS) == [round(0.5 + 0.05 * step, 2) for step in range(10)]


@pytest.mark.parametrize(
    ("made", "true", "at_half", "why"),
    [
        ([[0, 10]], [[0, 10]], 1.0, "found"),
        ([[0, 5]], [[0, 10]], 1.0, "reaching the threshold counts"),
        ([[0, 4.9]], [[0, 10]], 0.0, "falling short does not"),
        ([[0, 10]], [[0, 10], [50, 60]], 0.5, "one of two"),
        ([[20, 30], [0, 10]], [[0, 10]], 0.5, "after one miss"),
        ([[0, 10], [20, 30]], [[0, 10]], 1.0, "a miss after the last hit costs nothing"),
        ([[0, 10], [0, 10]], [[0, 10], [50, 60]], 0.5, "a true window is found once"),
        ([[20, 30, 0.1], [0, 10, 0.9]], [[0, 10]], 1.0, "the surer one is ranked first"),
        ([[20, 30, 0.5], [0, 10, 0.5]], [[0, 10]], 0.5, "equal scores as named"),
        # 1/2 at recall 1/2 is lifted to 2/3 by what follows.
        ([[80, 90], [0, 10], [50, 60]], [[0, 10], [50, 60]], 2 / 3, "interpolated"),
        ([*[[80, 90]] * 9, [0, 10]], [[0, 10]], 0.1, "the tenth counts"),
        ([*[[80, 90]] * 10, [0, 10]], [[0, 10]], 0.0, "the eleventh does not"),
        ([*[[80, 90, 0.1]] * 10, [0, 10, 0.9]], [[0, 10]], 0.0, "the first ten are taken before ranking"),
        ([[10, 0]], [[0, 10]], 0.0, "a reversed window is empty"),
        # The first takes the window it overlaps more, [0, 10]; the second is left with the other.
        ([[0, 12], [8, 20]], [[0, 10], [6, 20]], 1.0, "best overlap first"),
        # The second would rather have [0, 10] too, which is taken, and falls back on its second best.
        ([[0, 10], [1, 11]], [[0, 10], [4, 14]], 1.0, "the second best, when the best is taken"),
        ([[2, 12], [0, 10]], [[0, 10], [4, 14]], 1.0, "of equal overlaps, the later true window"),
        ([[2, 12], [0, 10]], [[4, 14], [0, 10]], 0.5, "the same, the true windows turned round"),
    ],
)
def test_average_precision_at_a_half(made: Windows, true: Windows, at_half: float, why: str) -> None:
    full = moment_retrieval({"q": made}, {"q": true}).full
    assert full is not None and full.map_at[0.5] == pytest.approx(at_half), why


def test_r1_takes_the_window_named_first_and_its_best_match() -> None:
    full = moment_retrieval({"q": [[52, 60, 0.1], [0, 10, 0.9]]}, {"q": [[0, 10], [50, 60]]}).full
    assert full is not None
    assert [at for at, share in full.r1_at.items() if share] == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8]


def test_lengths_filter_the_truth_and_not_the_predictions() -> None:
    truth = {"a": [[0, 10], [20, 50]], "b": [[0, 150]], "c": [[0, 200]]}
    predicted = {"a": [[20, 50], [0, 10]], "b": [[0, 150]], "c": [[0, 200]]}
    score = moment_retrieval(predicted, truth)
    parts = [score.short, score.middle, score.long, score.full]
    assert [part and part.queries for part in parts] == [1, 1, 1, 3]  # (0, 10], (10, 30], (30, 150]; all
    assert [part and part.map for part in parts] == [0.5, 1.0, 1.0, 1.0]
    assert score.short is not None and score.short.r1_at[0.5] == 0.0


def test_queries_without_predictions_are_counted_and_left_out() -> None:
    truth = {"a": [[0, 10]], "b": [[0, 40]], "c": [[0, 10]]}
    score = moment_retrieval({"a": [[0, 10]], "b": []}, truth)
    assert score.full is not None and score.long is None
    assert (score.full.map, score.full.answered, score.full.queries) == (1.0, 1, 3)
    silent = moment_retrieval({"a": [[0, 10]], "b": [[0, 0]], "c": [[0, 0]]}, truth).full
    assert silent is not None
    assert (silent.map, silent.r1_at[0.5]) == pytest.approx((1 / 3, 1 / 3))
    assert moment_retrieval({}, truth).full is None


@pytest.mark.parametrize(
    ("predicted", "truth", "message"),
    [
        ({"x": [[0, 1]]}, {"q": [[0, 1]]}, "'x' has predictions but no truth"),
        ({}, {"q": []}, "no true window"),
        ({"q": [[0, 1, 2, 3]]}, {"q": [[0, 1]]}, "2 numbers"),
        ({"q": [0, 1]}, {"q": [[0, 1]]}, "list of"),
        ({"q": [[0, float("nan")]]}, {"q": [[0, 1]]}, "finite"),
        ({"q": [[0, 1]]}, {"q": [[0, 1, 0.5]]}, "2 numbers"),
    ],
)
def test_what_is_no_window_is_refused(predicted: Any, truth: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        moment_retrieval(predicted, truth)
