"""Average precision of a run: pycocotools' figure, its bootstrap by hand, and subsets that count alike."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from aggregate_kit import One, picture
from vleval.grounding.precision import figures, image_evidence
from vleval.results.statistics import figures as module
from vleval.results.statistics.aggregate import comparisons, estimates, scores
from vleval.results.statistics.bootstrap import cluster_weights
from vleval.results.statistics.figures import in_order
from vleval.tasks.base import Metric

DRAWS = 150

ALL = Metric("map", "mAP", figure="mAP")
MACRO = replace(ALL, strata=("dataset",))
HALF = Metric("map50", "mAP50", figure="mAP_50", strata=("dataset",))

PICTURES = [picture(index, index % 4) for index in range(40)]
FEW = [picture(index, index % 2, "b", true=2) for index in range(5)]


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAWS", DRAWS)


def estimate(made: list[One], metric: Metric):  # type: ignore[no-untyped-def]
    return estimates(made, [metric], [metric])[metric.name]


def test_the_figure_and_its_interval_by_hand() -> None:
    evidence = [one.evidence for one in PICTURES]
    draws = [
        figures(evidence, weights=weights)["mAP"]  # type: ignore[arg-type]
        for weights in cluster_weights([one.cluster for one in PICTURES], draws=DRAWS)
    ]
    found = estimate(PICTURES, ALL)
    assert found.value == figures(evidence)["mAP"]  # type: ignore[arg-type]
    error = float(np.std(np.array(draws), ddof=1))
    assert found.standard_error == pytest.approx(error)
    half = 2.022690920 * error  # t with 39 degrees of freedom
    assert found.interval == pytest.approx((found.value - half, found.value + half))
    assert (found.n, found.clusters, found.method) == (40, 40, "cluster bootstrap, 150 draws")


def test_no_order_of_the_answers_changes_a_figure() -> None:
    """Among equal scores the pictures' ids decide, 9 before 10."""
    mixed = PICTURES[:]
    random.Random(1).shuffle(mixed)
    assert estimate(mixed, ALL) == estimate(PICTURES, ALL)
    assert [PICTURES[index].id for index in in_order(PICTURES)][9:11] == ["a/9", "a/10"]


def test_subsets_count_alike_and_never_vanish() -> None:
    made = PICTURES + FEW
    parts = [scores(each, [ALL], [ALL])["map"] for each in (PICTURES, FEW)]
    found = estimate(made, MACRO)
    assert found.value == pytest.approx(sum(parts) / 2)
    assert found.method == "cluster bootstrap, 150 draws, mean of 2 groups"
    strata = [one.tags["dataset"] for one in made]
    for weights in cluster_weights([one.cluster for one in made], draws=50, strata=strata):
        assert (weights[:40].sum(), weights[40:].sum()) == (40, 5)
    # Two subsets drawn by themselves: their variances add up.
    errors = [estimate(each, ALL).standard_error for each in (PICTURES, FEW)]
    assert found.standard_error == pytest.approx(float(np.hypot(*errors)) / 2, rel=0.15)


def test_a_subset_without_an_object_is_left_out_and_named() -> None:
    empty = [
        replace(
            one,
            id=f"c{one.id}",
            tags={"dataset": "c"},
            evidence=image_evidence([], [], [], [], setting="odinw"),
        )
        for one in FEW
    ]
    found = estimate(PICTURES + FEW + empty, MACRO)
    assert found.value == estimate(PICTURES + FEW, MACRO).value
    assert found.method.endswith("mean of 2 groups; without an object and left out: c")
    assert found.interval is not None
    nothing = estimate(empty, MACRO)
    assert (nothing.value, nothing.method) == (None, "undefined on these samples")


def test_resamples_without_an_object_of_a_subset_are_left_out() -> None:
    """One picture of five has one: it is in no draw of five in 0.8^5, a third of them."""
    rare = [picture(index, 0, "b", true=int(index == 0)) for index in range(5)]
    found = estimate(PICTURES + rare, MACRO)
    kept = int(found.method.split()[2])
    assert 75 < kept < 125


def test_several_figures_and_single_scores_of_one_task() -> None:
    metrics = [MACRO, HALF, Metric("f1", "F1")]
    made = [replace(one, metrics={"f1": 0.5}) for one in PICTURES + FEW]
    found = estimates(made, metrics, metrics)
    assert list(found) == ["map", "map50", "f1"]
    assert found["map50"] == estimate(made, HALF)
    assert found["f1"].value == 0.5
    assert scores(made, metrics, metrics) == {name: each.value for name, each in found.items()}


def test_one_figure_everywhere_has_no_interval() -> None:
    none = estimate([picture(index, 0) for index in range(30)], ALL)
    assert (none.value, none.interval, none.method) == (0.0, None, "no variance between resamples")


def test_two_runs_see_the_same_resamples() -> None:
    better = [picture(index, min(3, index % 4 + 1)) for index in range(40)] + FEW
    found = comparisons(PICTURES + FEW, better, [MACRO], [MACRO])["map"]
    expected = scores(better, [MACRO], [MACRO])["map"] - scores(PICTURES + FEW, [MACRO], [MACRO])["map"]
    assert found.difference == pytest.approx(expected)
    assert found.interval is not None
    assert found.interval.low > 0
    assert found.p_value == pytest.approx(2 / (DRAWS + 1))
    pairs = [one.evidence for one in PICTURES + FEW], [one.evidence for one in better]
    small = np.array([one.tags["dataset"] == "b" for one in better])
    draws = [
        np.mean(
            [
                (figures(pairs[1], weights=weights * kept)["mAP"] or 0.0)  # type: ignore[arg-type]
                - (figures(pairs[0], weights=weights * kept)["mAP"] or 0.0)  # type: ignore[arg-type]
                for kept in (small, ~small)
            ]
        )
        for weights in cluster_weights(
            [one.cluster for one in better], draws=DRAWS, strata=[(one.tags["dataset"],) for one in better]
        )
    ]
    assert found.standard_error == pytest.approx(np.std(draws, ddof=1))
    alone = [estimate(each, MACRO).standard_error for each in (PICTURES + FEW, better)]
    assert found.standard_error < float(np.hypot(*alone))
    lower = replace(MACRO, higher_is_better=False)
    assert comparisons(PICTURES, PICTURES, [lower], [lower])["map"].interval == (0.0, 0.0)


def test_pictures_of_one_cluster_are_drawn_together() -> None:
    """Forty pictures in twenty pairs: two runs differ by the pairs that are drawn."""
    pairs = [replace(one, cluster=f"pair-{index // 2}") for index, one in enumerate(PICTURES)]
    better = [
        replace(picture(index, min(3, index % 4 + 1)), cluster=one.cluster) for index, one in enumerate(pairs)
    ]
    found = comparisons(pairs, better, [ALL], [ALL])["map"]
    assert (found.n, found.clusters) == (40, 20)
    draws = cluster_weights([one.cluster for one in pairs], draws=DRAWS)
    both = [
        (figures([one.evidence for one in made], weights=weights)["mAP"] or 0.0)  # type: ignore[arg-type]
        for weights in draws
        for made in (better, pairs)
    ]
    expected = np.array(both[::2]) - np.array(both[1::2])
    assert found.standard_error == pytest.approx(np.std(expected, ddof=1))


def test_a_picture_without_evidence_in_one_run_counts_in_neither() -> None:
    lacking = [replace(one, evidence=None) if index < 4 else one for index, one in enumerate(PICTURES)]
    for base, cand in ((PICTURES, lacking), (lacking, PICTURES)):
        found = comparisons(base, cand, [ALL], [ALL])["map"]
        assert (found.n, found.difference, found.interval) == (36, 0.0, (0.0, 0.0))
