"""QVHighlights' highlight detection: hand-worked cases, and a slow reading of its rules on random worlds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vleval.grounding.highlights import LEVELS, highlight_detection, ratings


def slow_precision(positive: list[bool], salience: list[float]) -> float:
    """One query and rater: the curve point by point, from the lowest cut of salience to the highest."""
    if all(positive) or not any(positive):
        return float(all(positive))
    salience = (salience + [0.0] * len(positive))[: len(positive)]
    curve = []
    for cut in sorted(set(salience)):
        kept = [good for good, value in zip(positive, salience, strict=True) if value >= cut]
        curve.append((sum(kept) / sum(positive), sum(kept) / len(kept)))
    best, taken = 0.0, []
    for place, (recall, precision) in enumerate(curve):
        best = max(best, precision)
        after = curve[place + 1][0] if place + 1 < len(curve) else 0.0
        if recall != after:
            taken.append(best)
    return sum(taken) / len(taken)


def slow(predicted: dict[int, list[float]], truth: dict[int, np.ndarray], least: int) -> tuple[float, float]:
    precisions, hits = [], []
    for query, salience in predicted.items():
        if not salience:
            continue
        rated = truth[query]
        precisions += [slow_precision((rated[:, who] >= least).tolist(), salience) for who in range(3)]
        top = salience.index(max(salience))
        hits.append(top < len(rated) and bool((rated[top] >= least).any()))
    return sum(precisions) / len(precisions), sum(hits) / len(hits)


@pytest.mark.parametrize("seed", range(8))
def test_equals_the_slow_reading(seed: int) -> None:
    """Videos of several lengths, predictions too long and too short, negative and equal saliences."""
    rng = np.random.default_rng(seed)
    truth, predicted = {}, {}
    for query in range(30):
        clips = int(rng.integers(1, 30))
        truth[query] = rng.integers(0, 5, (clips, 3)) * (rng.random((clips, 1)) < 0.6)
        spread = rng.choice([0, 3, 1000])
        predicted[query] = (
            (rng.integers(-spread, spread + 1, clips + rng.integers(-5, 6)) / 7).tolist()
            if (clips > 5)
            else [0.5] * (query % 2)
        )
    figures = highlight_detection(predicted, truth)
    assert list(figures) == ["Fair", "Good", "VeryGood"]
    for name, least in LEVELS.items():
        assert figures[name][:2] == pytest.approx(slow(predicted, truth, least), abs=1e-12)
        answered = sum(bool(row) for row in predicted.values())
        assert figures[name][2:] == (answered, 30)


@pytest.mark.parametrize(
    ("salience", "rated", "map_", "why"),
    [
        ([3, 2, 1], [4, 0, 0], 1.0, "highlight first"),
        ([1, 2, 3], [4, 0, 0], 1 / 3, "highlight last"),
        ([3, 2, 1, 0], [0, 4, 0, 4], 1 / 2, "precision 1/2 at both steps"),
        ([3, 2, 1, 0], [4, 0, 0, 4], (1 + 2 / 4) / 2, "mean over the steps of recall"),
        ([3, 2, 1, 0], [0, 0, 4, 4], 2 / 4, "1/3 at the first step is lifted to 2/4"),
        ([1, 1, 1, 1], [4, 0, 0, 4], 2 / 4, "clips of equal salience are one step"),
        ([1, 2, 3], [0, 0, 0], 0.0, "no highlight at all"),
        ([1, 2, 3], [4, 4, 4], 1.0, "nothing but highlights"),
        ([1, 2, 3, 9, 9], [0, 0, 4], 1.0, "what is said beyond the video is cut"),
        ([5], [0, 0, 4], 2 / 6, "what is not said is 0, all alike"),
    ],
)
def test_hand_worked_precision(salience: list[float], rated: list[int], map_: float, why: str) -> None:
    figures = highlight_detection({"q": salience}, {"q": np.array(rated)[:, None]})
    assert figures["Fair"].map == pytest.approx(map_), why


def test_the_top_clip_needs_one_rater() -> None:
    rated = np.array([[0, 2, 0], [0, 0, 4], [3, 3, 3]])
    hits = {name: row.hit1 for name, row in highlight_detection({"q": [9, 1, 1]}, {"q": rated}).items()}
    assert hits == {"Fair": 1.0, "Good": 0.0, "VeryGood": 0.0}
    beyond = highlight_detection({"q": [0, 0, 0, 1]}, {"q": rated})
    assert beyond["Fair"].hit1 == 0.0  # the top clip lies beyond the video


def test_raters_and_queries_are_averaged() -> None:
    rated = np.array([[4, 0, 0], [0, 4, 0]])  # AP 1, 1/2 and 0
    figures = highlight_detection({"a": [2, 1], "b": []}, {"a": rated, "b": rated, "c": rated})
    assert figures["Good"] == (pytest.approx(0.5), 1.0, 1, 3)
    assert highlight_detection({"b": []}, {"b": rated}) == {}


def test_ratings_outside_the_rated_clips_are_zero() -> None:
    table = ratings(9.9, [3, 1], [[4, 4, 4], [1, 2, 3]])  # the last 1.9 seconds are no clip
    assert table.tolist() == [[0, 0, 0], [1, 2, 3], [0, 0, 0], [4, 4, 4]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ratings(4.0, [2], [[1, 1, 1]]), "numbered 0 to 1"),
        (lambda: ratings(4.0, [-1], [[1, 1, 1]]), "numbered 0 to 1"),
        (lambda: ratings(4.0, [0, 1], [[1, 1, 1]]), "2 clips with ratings"),
        (lambda: highlight_detection({"x": [1.0]}, {"q": [[1]]}), "no truth"),
        (lambda: highlight_detection({"q": [np.nan]}, {"q": [[1]]}), "finite"),
        (lambda: highlight_detection({"q": [1.0]}, {"q": [1]}), "clips, raters"),
        (lambda: highlight_detection({"q": [1.0]}, {"q": np.zeros((0, 3))}), "clips, raters"),
        (lambda: highlight_detection({"q": [1.0]}, {"q": [[1]], "r": [[1, 2]]}), "same number of raters"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
