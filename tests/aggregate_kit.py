"""Answers reduced to what an aggregate needs, and random worlds of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import Generator

from vleval.grounding.precision import image_evidence


@dataclass(frozen=True)
class One:
    """An answer."""

    id: str
    cluster: str
    metrics: Mapping[str, float | None]
    tags: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, Any] | None = None


def answers(*rows: tuple[str, str, float]) -> list[One]:
    """(kind, cluster, score) of each answer, in the metric `acc` under the tag `kind`."""
    return [
        One(f"q{index}", cluster, {"acc": score}, {"kind": kind})
        for index, (kind, cluster, score) in enumerate(rows)
    ]


def world(rng: Generator, *, kinds: int, clusters: int, count: int, nested: bool) -> list[One]:
    """Clusters that lean to one side, in unequal kinds; `nested`: each cluster is of one kind."""
    lean = rng.normal(0, 1, clusters)
    made = []
    for index in range(count):
        # Every kind has two clusters or more.
        place = index if index < clusters else int(rng.integers(clusters))
        kind = place % kinds if nested else int(rng.integers(kinds) if index >= 2 * kinds else index % kinds)
        score = 0.5 + 0.1 * kind + 0.2 * lean[place] + float(rng.normal(0, 0.3))
        made.append(One(f"q{index}", f"c{place}", {"acc": score}, {"kind": f"k{kind}"}))
    return made


def picture(index: int, found: int, subset: str = "a", *, true: int = 3) -> One:
    """A picture with `true` objects of which some are found, and one false find."""
    boxes = [[20.0 * place, 0.0, 20.0 * place + 10, 10.0] for place in range(max(true, found) + 1)]
    said = [*boxes[:found], [0.0, 500.0, 10.0, 510.0]]
    evidence = image_evidence(boxes[:true], ["x"] * true, said, ["x"] * len(said), setting="odinw")
    return One(f"{subset}/{index}", f"{subset}/{index}", {}, {"dataset": subset}, evidence)


def column(made: list[One], name: str = "acc") -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([one.metrics[name] for one in made], np.float64)
