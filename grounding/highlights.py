"""Highlight detection as QVHighlights scores it: how salient each clip of a video is for a query.

Several people rated each clip from 0 to 4; a clip is a highlight where a rating reaches 2 (Fair), 3 (Good) or
4 (VeryGood). Shares from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vleval.grounding.objects import Id

LEVELS: Mapping[str, int] = {"Fair": 2, "Good": 3, "VeryGood": 4}
"""Least rating of a highlight."""

CLIP_SECONDS = 2.0
"""Length of a rated clip."""


class HighlightFigures(NamedTuple):
    """Figures at one level, over the queries that were answered with any number."""

    map: float
    """Mean over queries and raters of the average precision (HL-mAP)."""
    hit1: float
    """Share of queries whose highest clip is a highlight for any rater (HL-Hit1)."""
    answered: int
    queries: int


class QueryHighlights(NamedTuple):
    """Figures of Q queries at one level, each alone."""

    precision: NDArray[np.float64]
    """[Q] mean over raters of the average precision."""
    hit: NDArray[np.bool_]
    """[Q] whether the highest clip is a highlight for any rater."""


def ratings(duration: float, clips: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """Ratings of all clips of a video, [C, W]: C = whole clips in `duration` seconds, W raters.

    `clips` [K] are the numbers of the rated clips, `scores` [K, W] their ratings; all others are 0. Raises
    ValueError where they do not fit.

    >>> ratings(7.0, [1], [[4, 3, 2]]).tolist()
    [[0.0, 0.0, 0.0], [4.0, 3.0, 2.0], [0.0, 0.0, 0.0]]
    """
    rated, numbers = np.asarray(scores, dtype=np.float64), np.asarray(clips, dtype=np.intp)
    count = int(duration / CLIP_SECONDS)
    if rated.ndim != 2 or numbers.shape != rated.shape[:1]:
        raise ValueError(f"{numbers.size} clips with ratings of shape {list(rated.shape)}")
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < count:
        raise ValueError(f"clips are numbered 0 to {count - 1}, not {numbers.min()} to {numbers.max()}")
    table = np.zeros((count, rated.shape[1]))
    table[numbers] = rated
    return table


def highlight_detection(
    predicted: Mapping[Id, ArrayLike], truth: Mapping[Id, ArrayLike]
) -> dict[str, HighlightFigures]:
    """HL-mAP and HL-Hit1 at each of `LEVELS`; {} where no query was answered.

    `predicted`: query to [N], how salient each clip is, on any scale; `truth`: query to [C, W] (`ratings`),
    with the same number of raters W throughout. Further predictions are cut, missing ones count as 0. A query
    and rater without a highlight has the average precision 0, with nothing but highlights 1, else the mean of
    the interpolated precision over the steps at which recall rises (clips of equal salience are one step).
    Means are over queries with predictions. Raises ValueError on a shape or number that does not fit and on
    queries that the truth lacks.
    Source: QVHighlights (Lei et al., NeurIPS 2021) and its evaluation program.

    >>> figures = highlight_detection({"q": [0.1, 0.9, 0.5]}, {"q": [[0], [2], [4]]})
    >>> figures["Fair"].map, figures["Good"].map, figures["Good"].hit1
    (1.0, 0.5, 0.0)
    """
    rated = {query: np.asarray(rows, dtype=np.float64) for query, rows in truth.items()}
    made = {query: np.asarray(row, dtype=np.float64) for query, row in predicted.items()}
    _check(made, rated)
    answered = [query for query, row in made.items() if row.size]
    if not answered:
        return {}
    each = _each([made[query] for query in answered], [rated[query] for query in answered])
    return {
        name: HighlightFigures(
            map=float(figures.precision.mean()),
            hit1=float(figures.hit.mean()),
            answered=len(answered),
            queries=len(rated),
        )
        for name, figures in each.items()
    }


def each_query(predicted: Sequence[ArrayLike], truth: Sequence[ArrayLike]) -> dict[str, QueryHighlights]:
    """What `highlight_detection` takes the mean of, at each of `LEVELS`: Q queries, each answered.

    Raises ValueError as it does, also on a query without a prediction.
    """
    rated: dict[Id, NDArray[np.float64]] = {
        query: np.asarray(rows, dtype=np.float64) for query, rows in enumerate(truth)
    }
    made: dict[Id, NDArray[np.float64]] = {
        query: np.asarray(row, dtype=np.float64) for query, row in enumerate(predicted)
    }
    _check(made, rated)
    if len(made) != len(rated) or not all(row.size for row in made.values()):
        raise ValueError("every query needs predictions and ratings")
    return _each(list(made.values()), list(rated.values()))


def _each(
    made: Sequence[NDArray[np.float64]], rated: Sequence[NDArray[np.float64]]
) -> dict[str, QueryHighlights]:
    lengths = np.array([len(rows) for rows in rated])
    table = np.zeros((len(made), lengths.max(), rated[0].shape[1]))
    salience = np.full(table.shape[:2], -np.inf)
    top = np.array([row.argmax() for row in made])
    for place, length in enumerate(lengths):
        table[place, :length] = rated[place]
        salience[place, :length] = 0.0
        row = made[place][:length]
        salience[place, : len(row)] = row
    inside = top < lengths
    hits = table[np.arange(len(made)), np.where(inside, top, 0)].max(axis=-1) * inside
    return {
        name: QueryHighlights(_average_precision(salience, table >= least).mean(axis=1), hits >= least)
        for name, least in LEVELS.items()
    }


def _check(made: Mapping[Id, NDArray[np.float64]], rated: Mapping[Id, NDArray[np.float64]]) -> None:
    for query, row in made.items():
        if query not in rated:
            raise ValueError(f"the query {query!r} has predictions but no truth")
        if row.ndim != 1 or not np.isfinite(row).all():
            raise ValueError(f"predictions of {query!r} must be a list of finite numbers")
    for query, rows in rated.items():
        if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
            raise ValueError(f"ratings of {query!r} must be [clips, raters], not {list(rows.shape)}")
    if len({rows.shape[1] for rows in rated.values()}) > 1:
        raise ValueError("every query must have the same number of raters")


def _average_precision(salience: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[Q, W] from salience [Q, C] (-inf beyond a query's length) and highlights [Q, C, W]."""
    order = np.argsort(-salience, axis=1, kind="stable")
    ranked = np.take_along_axis(salience, order, axis=1)
    found = np.cumsum(np.take_along_axis(positive, order[..., None], axis=1), axis=1)
    # Clips of one salience cannot be told apart: only the last of them is a point of the curve.
    point = (ranked != np.append(ranked[:, 1:], np.full((len(ranked), 1), -np.inf), axis=1))[..., None]
    precision = np.where(point, found / np.arange(1, salience.shape[1] + 1)[:, None], 0.0)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    known = np.maximum.accumulate(np.where(point, found, 0), axis=1)
    steps = np.diff(known, axis=1, prepend=0) > 0
    mean: NDArray[np.float64] = (precision * steps).sum(axis=1) / np.maximum(steps.sum(axis=1), 1)
    return mean
