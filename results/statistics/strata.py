"""Groups of samples that count alike, nested: the mean over tracks of the mean over the subsets of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeAlias

Stratum: TypeAlias = tuple[str, ...]
"""The values of the tags that make a group, the outermost first; () where all samples are one group."""


def stratum(tags: Mapping[str, str], names: Iterable[str]) -> Stratum:
    """The group of a sample; samples without a tag are a group of their own."""
    return tuple(tags.get(name, "") for name in names)


def nested_mean(values: Mapping[Stratum, float]) -> float:
    """The mean over the outermost values of the means below them; `values` must not be empty."""
    below = list(_branches(values).values())
    if len(below) == 1 and () in values:
        return values[()]
    return math.fsum(nested_mean(each) for each in below) / len(below)


def nested_shares(strata: Iterable[Stratum]) -> dict[Stratum, float]:
    """What share of the nested mean each group has; they add up to 1."""
    branches = _branches(dict.fromkeys(strata, 0.0))
    found: dict[Stratum, float] = {}
    for head, below in branches.items():
        inner = {(): 1.0} if () in below else nested_shares(below)
        found |= {(*head, *key): share / len(branches) for key, share in inner.items()}
    return found


def _branches(values: Mapping[Stratum, float]) -> dict[Stratum, dict[Stratum, float]]:
    """The groups by their outermost value, which is taken off them."""
    found: dict[Stratum, dict[Stratum, float]] = {}
    for key, value in values.items():
        found.setdefault(key[:1], {})[key[1:]] = value
    return found
