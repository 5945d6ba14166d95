"""Moment retrieval as QVHighlights scores it: several windows of a video for one query, several true ones.

Two kinds of figure: mAP, over all windows and ten overlaps, and R1@t, of the window named first. Both for all
true windows and for those of one length alone. Shares from 0 to 1; only a table rounds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vleval.grounding.arrays import coordinates
from vleval.grounding.objects import Id
from vleval.grounding.rates import accuracy_at
from vleval.grounding.spans import temporal_iou

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""Temporal IoU that a window must reach."""

LENGTHS: Mapping[str, tuple[float, float]] = {"short": (0, 10), "middle": (10, 30), "long": (30, 150)}
"""Seconds of a true window: more than the first number, at most the second."""

MOST_WINDOWS = 10
"""Predicted windows of a query that count, in the order in which they were named."""


@dataclass(frozen=True, slots=True)
class MomentFigures:
    """Figures over the queries that were answered with any window."""

    map: float
    """Mean of `map_at`."""
    map_at: Mapping[float, float]
    """Threshold to mean average precision."""
    r1_at: Mapping[float, float]
    """Threshold to the share of queries whose first window reaches it."""
    answered: int
    queries: int
    """With a true window of this length, answered or not."""


@dataclass(frozen=True, slots=True)
class MomentScore:
    """Moment retrieval over a whole set; None where no answered query has a true window of that length."""

    full: MomentFigures | None
    short: MomentFigures | None
    middle: MomentFigures | None
    long: MomentFigures | None


class QueryFigures(NamedTuple):
    """Figures of Q queries, each alone."""

    precision: NDArray[np.float64]
    """[Q, T] average precision at each of `THRESHOLDS`."""
    first: NDArray[np.float64]
    """[Q] temporal IoU of the window named first with the true window that it overlaps most."""


def moment_retrieval(predicted: Mapping[Id, ArrayLike], truth: Mapping[Id, ArrayLike]) -> MomentScore:
    """QVHighlights' mAP and R1 of predicted windows.

    `predicted`: query to [P, 2] (start, end) or [P, 3] (start, end, score) in seconds, in the order in which
    they were named; `truth`: query to its [G, 2] windows, G >= 1. The first `MOST_WINDOWS` count; they are
    ranked by score (equal scores, or none, as named) and each takes, at each threshold, the free true window
    that it overlaps most. Average precision is interpolated as in VOC 2011. R1 compares the window named
    first, whatever its score, with the true window that it overlaps most. For one length (`LENGTHS`) true
    windows of other lengths are removed, and queries that have no other; predicted windows stay.

    All means are over the queries with at least one predicted window: that is the benchmark's rule, and
    `answered` beside `queries` shows it. To count silence as a miss, as the benchmark asks of submissions,
    predict the empty window [0, 0]. Raises ValueError on another shape, on a number that is not finite, on a
    query without a true window and on a prediction for a query that the truth lacks.
    Source: QVHighlights (Lei et al., NeurIPS 2021) and its evaluation program.

    >>> score = moment_retrieval({"q1": [[0, 10], [50, 60]]}, {"q1": [[0, 12], [50, 60]]})
    >>> score.full.r1_at[0.7], round(score.full.map_at[0.5], 6), round(score.full.map_at[0.9], 6)
    (1.0, 1.0, 0.25)
    """
    windows = {query: _windows(rows, query, (2,)) for query, rows in truth.items()}
    made = {query: _windows(rows, query, (2, 3)) for query, rows in predicted.items()}
    for query in made:
        if query not in windows:
            raise ValueError(f"the query {query!r} has predictions but no truth")
    for query, rows in windows.items():
        if not len(rows):
            raise ValueError(f"the query {query!r} has no true window")
    parts = {}
    for length in LENGTHS:
        kept = {query: of_length(rows, length) for query, rows in windows.items()}
        parts[length] = _figures(made, {query: rows for query, rows in kept.items() if len(rows)})
    return MomentScore(full=_figures(made, windows), **parts)


def each_query(predicted: Sequence[ArrayLike], truth: Sequence[ArrayLike]) -> QueryFigures:
    """What `moment_retrieval` takes the mean of: Q queries, each with a predicted and a true window.

    Raises ValueError as it does, also on a query without either.

    >>> each = each_query([[[0, 10]], [[0, 5]]], [[[0, 10], [50, 60]], [[0, 10]]])
    >>> each.precision[:, 0].tolist(), each.first.tolist()
    ([0.5, 1.0], [1.0, 0.5])
    """
    made = [_windows(rows, query, (2, 3)) for query, rows in enumerate(predicted)]
    true = [_windows(rows, query, (2,)) for query, rows in enumerate(truth)]
    if len(made) != len(true) or not all(map(len, (*made, *true))):
        raise ValueError("every query needs a predicted and a true window")
    return _each(made, true)


def of_length(windows: ArrayLike, length: str) -> NDArray[np.float64]:
    """The windows [G, 2] of one of `LENGTHS`; none may be left."""
    array, (above, most) = np.asarray(windows, dtype=np.float64).reshape(-1, 2), LENGTHS[length]
    seconds = array[:, 1] - array[:, 0]
    return array[(seconds > above) & (seconds <= most)]


def _windows(rows: ArrayLike, query: Id, sizes: Sequence[int]) -> NDArray[np.float64]:
    array = np.asarray(rows, dtype=np.float64)
    size = array.shape[-1] if array.shape[-1:] and array.shape[-1] in sizes else sizes[0]
    array = coordinates(array, size, f"windows of {query!r}")
    if array.ndim != 2 or not np.isfinite(array).all():
        raise ValueError(f"windows of {query!r} must be a list of (start, end) with finite numbers")
    return array


def _figures(
    made: Mapping[Id, NDArray[np.float64]], windows: Mapping[Id, NDArray[np.float64]]
) -> MomentFigures | None:
    answered = [query for query in windows if query in made and len(made[query])]
    if not answered:
        return None
    each = _each([made[query] for query in answered], [windows[query] for query in answered])
    precision = each.precision.mean(axis=0)
    return MomentFigures(
        map=float(precision.mean()),
        map_at=dict(zip(THRESHOLDS, precision.tolist(), strict=True)),
        r1_at=dict(zip(THRESHOLDS, accuracy_at(each.first, THRESHOLDS).tolist(), strict=True)),
        answered=len(answered),
        queries=len(windows),
    )


def _each(made: Sequence[NDArray[np.float64]], true: Sequence[NDArray[np.float64]]) -> QueryFigures:
    named = [rows[:MOST_WINDOWS] for rows in made]
    ranked = [rows[np.argsort(-rows[:, 2], kind="stable")] if rows.shape[1] == 3 else rows for rows in named]
    overlaps = temporal_iou(_padded(ranked)[:, :, None], _padded(true)[:, None])
    precision = _average_precision(_hits(overlaps), np.array([len(rows) for rows in true]))
    first = temporal_iou(np.stack([rows[0, :2] for rows in named])[:, None], _padded(true)).max(axis=1)
    return QueryFigures(precision, first)


def _padded(rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Windows of all queries as [Q, most, 2]; the missing ones are NaN and overlap nothing."""
    padded = np.full((len(rows), max(len(row) for row in rows), 2), np.nan)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row[:, :2]
    return padded


def _hits(overlaps: NDArray[np.float64]) -> NDArray[np.bool_]:
    """[Q, P, G] overlaps in order of rank -> [Q, T, P]: whether a window finds a free true one.

    Loops over ranks and candidates, of which there are few, and never over queries.
    """
    queries, ranks, candidates = overlaps.shape
    thresholds = np.array(THRESHOLDS)
    every = np.arange(queries)
    # An ascending order reversed, as in the evaluation program: of equal overlaps, the later window is first.
    order = np.argsort(overlaps, axis=-1, kind="stable")[..., ::-1]
    free = np.ones((queries, len(thresholds), candidates), dtype=np.bool_)
    hits = np.zeros((queries, len(thresholds), ranks), dtype=np.bool_)
    for rank in range(ranks):
        for candidate in range(candidates):
            column = order[:, rank, candidate]
            reached = overlaps[every, rank, column][:, None] >= thresholds
            taken = reached & free[every, :, column] & ~hits[:, :, rank]
            free[every, :, column] &= ~taken
            hits[:, :, rank] |= taken
    return hits


def _average_precision(hits: NDArray[np.bool_], true: NDArray[np.intp]) -> NDArray[np.float64]:
    """Interpolated average precision [Q, T] of `hits` [Q, T, P], given each query's number of true windows.

    Missing windows stand last and hit nothing, and misses after the last hit cost nothing.
    """
    found = np.cumsum(hits, axis=-1)
    ranks = np.arange(1, hits.shape[-1] + 1)
    precision = np.maximum.accumulate((found / ranks)[..., ::-1], axis=-1)[..., ::-1]
    steps = np.diff(found / true[:, None, None], axis=-1, prepend=0.0)
    total: NDArray[np.float64] = (precision * steps).sum(axis=-1)
    return total
