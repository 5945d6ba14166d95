"""Which questions of a split are asked: some by id, in a random order, from an offset on, up to a limit."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice

from vleval.tasks.base import DataError, Sample


def select(
    samples: Iterable[Sample],
    name: str,
    *,
    limit: int | float | None = None,
    offset: int = 0,
    ids: Sequence[str] = (),
    seed: int | None = None,
) -> list[Sample]:
    """The chosen samples of the data called `name`, reading no further than needed.

    With a `seed`, media (clusters) are first put into a random order, each with its questions together.
    `offset` leaves out the first of that order. `limit` is a count, or, as a float, a share of all that there
    are, those before the offset included. Raises DataError.
    """
    if ids:
        samples = _named(samples, name, ids)
    if seed is not None:
        samples = _shuffled(samples, seed)
    if isinstance(limit, float):
        samples = list(samples)
        limit = math.ceil(limit * len(samples) - 1e-9)  # 0.1 * 30 is a little more than 3
    chosen = list(islice(samples, offset, None if limit is None else offset + limit))
    if offset and not chosen:
        raise DataError(f"--offset {offset} leaves no question of {name}.")
    return chosen


def _named(samples: Iterable[Sample], name: str, ids: Sequence[str]) -> list[Sample]:
    """The samples with these ids, in the order of the data."""
    there: list[Sample] = []
    missing = {*ids}
    for sample in samples:
        there.append(sample)
        missing.discard(sample.id)
        if not missing:
            break
    if missing:
        known = {sample.id for sample in there}
        unknown = [id for id in dict.fromkeys(ids) if id in missing]
        near = get_close_matches(unknown[0], known, n=3) or [sample.id for sample in there[:3]]
        raise DataError(
            f"{name} has no question with the id {', '.join(map(repr, unknown))}; "
            f"there are ids such as {', '.join(map(repr, near))}."
        )
    return [sample for sample in there if sample.id in ids]


def _shuffled(samples: Iterable[Sample], seed: int) -> list[Sample]:
    clusters: dict[str, list[Sample]] = {}
    for sample in samples:
        clusters.setdefault(sample.cluster, []).append(sample)
    keys = sorted(clusters)
    random.Random(seed).shuffle(keys)
    return [sample for key in keys for sample in clusters[key]]
