"""Scores over groups and parts: hand-worked numbers, statsmodels, the jackknife, and every sign pattern."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from aggregate_kit import One, answers, column, world
from vleval.results.statistics.aggregate import comparisons, estimates, scores
from vleval.results.statistics.overall import macro_mean
from vleval.results.statistics.stats import estimate_mean, t_quantile
from vleval.tasks.base import Metric

PLAIN = Metric("acc", "Acc", percent=False)
MACRO = Metric("acc", "Acc", percent=False, strata=("kind",))


def estimate(made: list[One], metric: Metric, *others: Metric):  # type: ignore[no-untyped-def]
    return estimates(made, [metric], [metric, *others])[metric.name]


def test_groups_count_alike_whatever_their_size() -> None:
    made = answers(("a", "1", 1), ("a", "2", 0), ("a", "3", 1), ("a", "4", 1), ("b", "5", 0), ("b", "6", 0))
    assert estimate(made, PLAIN).value == pytest.approx(3 / 6)
    assert estimate(made, MACRO).value == pytest.approx((3 / 4 + 0) / 2)
    assert scores(made, [MACRO], [MACRO]) == {"acc": 0.375}


def test_strata_nest_in_their_order() -> None:
    """(mean of x: (1 + 0.5) / 2, mean of y: 0) / 2."""
    tags = [("x", "p"), ("x", "q"), ("x", "q"), ("y", "p"), ("y", "p")]
    made = [
        One(f"{index}", f"{index}", {"acc": score}, {"track": track, "subset": subset})
        for index, ((track, subset), score) in enumerate(zip(tags, [1.0, 1.0, 0.0, 0.0, 0.0], strict=True))
    ]
    nested = replace(PLAIN, strata=("track", "subset"))
    assert estimate(made, nested).value == pytest.approx(0.375)
    assert estimate(made, replace(PLAIN, strata=("subset", "track"))).value == pytest.approx(
        ((1 + 0) / 2 + 0.5) / 2
    )


def test_nested_groups_have_the_error_of_their_shares() -> None:
    """Two subsets of x weigh a quarter each, the one of y a half."""
    rng = np.random.default_rng(9)
    places = [("x", "p", 12), ("x", "q", 30), ("y", "p", 20)]
    made = [
        One(f"{place}", f"{place}", {"acc": float(rng.normal())}, {"track": place[0], "subset": place[1]})
        for track, subset, count in places
        for place in [(track, subset, index) for index in range(count)]
    ]
    each = [
        estimate_mean(
            column([one for one in made if one.tags == {"track": track, "subset": subset}]), range(n)
        )
        for track, subset, n in places
    ]
    shares = (0.25, 0.25, 0.5)
    found = estimate(made, replace(PLAIN, strata=("track", "subset")))
    errors = [share * (one.standard_error or 0) for share, one in zip(shares, each, strict=True)]
    assert found.value == pytest.approx(
        sum(share * (one.value or 0) for share, one in zip(shares, each, strict=True))
    )
    assert found.standard_error == pytest.approx(math.hypot(*errors), abs=1e-12)


def test_one_group_is_the_plain_mean_with_all_its_methods() -> None:
    made = answers(*(("a", f"{index}", float(index % 5 > 0)) for index in range(50)))
    assert estimate(made, MACRO) == estimate(made, PLAIN)
    assert estimate(made, MACRO).method == "Wilson"


def test_what_does_not_apply_is_not_counted() -> None:
    made = answers(*(("a", f"{index}", 1.0) for index in range(10)))
    made += [replace(one, id=f"x{one.id}", metrics={"other": 0.0}) for one in made]
    found = estimate(made, PLAIN)
    assert (found.value, found.n, found.clusters) == (1.0, 10, 10)
    nothing = estimate(made, Metric("absent", "Absent"))
    assert (nothing.value, nothing.n, nothing.method) == (None, 0, "no samples")
    assert scores(made, [Metric("absent", "Absent")], []) == {}


def test_separate_groups_have_the_error_of_independent_means() -> None:
    """sqrt(sum (se_g / G)^2), each se_g with its own number of clusters (stratified sampling)."""
    made = world(np.random.default_rng(1), kinds=4, clusters=60, count=300, nested=True)
    groups = [[one for one in made if one.tags["kind"] == f"k{kind}"] for kind in range(4)]
    each = [estimate_mean(column(group), [one.cluster for one in group]) for group in groups]
    expected = macro_mean(each)
    found = estimate(made, MACRO)
    assert found.value == pytest.approx(expected.value, abs=1e-12)
    assert found.standard_error == pytest.approx(expected.standard_error, abs=1e-12)
    assert expected.value is not None and expected.standard_error is not None
    half = t_quantile(by_hand(groups)) * expected.standard_error
    assert found.interval == pytest.approx((expected.value - half, expected.value + half))
    assert (found.n, found.clusters, found.method) == (300, 60, "clustered t (CR1), mean of 4 groups")


def by_hand(groups: list[list[One]]) -> float:
    """Degrees of freedom of Welch and Satterthwaite, with clusters as large as they are."""
    each = []
    for group in groups:
        sizes = np.array(list(Counter(one.cluster for one in group).values())) / len(group)
        each.append((float((sizes**2).sum()), float((sizes**4).sum()), len(sizes)))
    return sum(v for v, _, _ in each) ** 2 / sum(q * count / (count - 1) for _, q, count in each)


def test_degrees_of_freedom_are_those_of_welch() -> None:
    """Groups of 40, 10 and 4 clusters of one sample: v_g = 1 / C_g."""
    sizes = (40, 10, 4)
    made = answers(*((f"k{size}", f"{size}-{i}", float(i % 3)) for size in sizes for i in range(size)))
    expected = sum(1 / size for size in sizes) ** 2 / sum(1 / size**2 / (size - 1) for size in sizes)
    found = estimate(made, MACRO)
    half = t_quantile(expected) * found.standard_error
    assert found.interval == pytest.approx((found.value - half, found.value + half))
    assert expected == pytest.approx(6.4036, abs=1e-4)


def test_clusters_across_groups_equal_statsmodels() -> None:
    """A regression on the groups, errors clustered, and the contrast that averages the coefficients.

    statsmodels' CR0 is without the correction for few clusters; every image here has every kind, so that
    ours is C / (C - 1) for all.
    """
    rng = np.random.default_rng(2)
    lean = rng.normal(0, 1, 30)
    made = [
        One(f"{image}-{kind}-{turn}", f"c{image}", {"acc": lean[image] + rng.normal()}, {"kind": str(kind)})
        for image in range(30)
        for kind in range(3)
        for turn in range(1 + kind)
    ]
    kinds = np.array([int(one.tags["kind"]) for one in made])
    groups = np.array([int(one.cluster[1:]) for one in made])
    fit = sm.OLS(column(made), np.eye(3)[kinds]).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    contrast = np.full(3, 1 / 3)
    cr0 = float(contrast @ fit.cov_params() @ contrast)
    found = estimate(made, MACRO)
    assert found.value == pytest.approx(float(contrast @ fit.params), abs=1e-12)
    assert found.standard_error == pytest.approx(math.sqrt(cr0 * 30 / 29), abs=1e-12)


@pytest.mark.parametrize("nested", [True, False])
def test_near_the_jackknife_over_clusters(nested: bool) -> None:
    """Every cluster left out once, within its group where clusters are of one group."""
    made = world(np.random.default_rng(5), kinds=3, clusters=90, count=900, nested=nested)
    keys = sorted({one.cluster for one in made})
    without = np.array(
        [scores([one for one in made if one.cluster != key], [MACRO], [MACRO])["acc"] for key in keys]
    )
    variance = (len(keys) - 1) / len(keys) * ((without - without.mean()) ** 2).sum()
    found = estimate(made, MACRO)
    assert found.standard_error == pytest.approx(math.sqrt(variance), rel=0.05)


PARTS = [Metric("all", "All", percent=False, parts=("acc", "edit")), PLAIN, Metric("edit", "Edit")]


def two_parts(seed: int, count: int = 40) -> list[One]:
    """Both parts of every image lean to the same side, so that their errors add up."""
    rng = np.random.default_rng(seed)
    lean = rng.normal(0, 1, count)
    return [
        One(f"{i}", f"c{i}", {"acc": lean[i] + rng.normal(), "edit": lean[i] + rng.normal(), "all": 0.0})
        for i in range(count)
    ]


def test_parts_count_alike_and_keep_their_covariance() -> None:
    made = two_parts(3)
    both = (column(made) + column(made, "edit")) / 2
    found, expected = estimate(made, *PARTS), estimate_mean(both, [one.cluster for one in made])
    assert found.value == pytest.approx(expected.value, abs=1e-12)
    assert found.standard_error == pytest.approx(expected.standard_error, abs=1e-12)
    assert found.interval == pytest.approx(expected.interval, abs=1e-12)
    assert (found.n, found.clusters, found.method) == (40, 40, "clustered t (CR1), mean of 2 metrics")


def test_parts_of_different_samples_are_independent() -> None:
    """40 samples have one part, 25 others the other: se^2 = (se_1^2 + se_2^2) / 4."""
    first = [replace(one, metrics={"acc": one.metrics["acc"]}) for one in two_parts(4)]
    second = [
        replace(one, id=f"x{one.id}", cluster=f"x{one.cluster}", metrics={"edit": one.metrics["edit"]})
        for one in two_parts(5, 25)
    ]
    made = first + second
    found = estimate(made, *PARTS)
    errors = [
        estimate_mean(column(first), range(40)).standard_error,
        estimate_mean(column(second, "edit"), range(25)).standard_error,
    ]
    assert found.value == pytest.approx((column(first).mean() + column(second, "edit").mean()) / 2)
    assert found.standard_error == pytest.approx(math.hypot(*errors) / 2, abs=1e-12)  # type: ignore[arg-type]
    assert found.n == 65
    assert estimate(first, *PARTS) == estimate(first, PLAIN), "a part that no sample has is left out"


def test_the_parts_that_are_left_share_all_of_the_weight() -> None:
    made, absent = two_parts(6), Metric("gone", "Gone")
    three = replace(PARTS[0], parts=("acc", "gone", "edit"))
    found, expected = estimate(made, three, *PARTS[1:], absent), estimate(made, *PARTS)
    assert found.value == pytest.approx(expected.value)
    assert found.standard_error == pytest.approx(expected.standard_error)


def test_parts_may_have_strata_of_their_own() -> None:
    made = answers(("a", "1", 1), ("a", "2", 1), ("a", "3", 1), ("b", "4", 0))
    made = [replace(one, metrics={**one.metrics, "edit": 0.5}) for one in made]
    assert estimate(made, PARTS[0], MACRO, PARTS[2]).value == pytest.approx((0.5 + 0.5) / 2)


def test_no_variance_is_no_certainty() -> None:
    """Kinds of 4 and 2: shares of clusters 1/8 and 1/4, which weigh as 1 / (4/64 + 2/16) = 5.33 would."""
    made = answers(*(("a" if index < 4 else "b", f"{index}", 1.0) for index in range(6)))
    found = estimate(made, MACRO)
    assert (found.value, found.standard_error, found.method) == (1.0, 0.0, "Wilson over clusters")
    z = 1.959963985
    assert found.interval == pytest.approx((1 / (1 + z * z / 5), 1.0))
    half = [replace(one, metrics={"acc": 0.5}) for one in made]
    assert estimate(half, MACRO).method == "no variance between clusters"


def test_groups_of_one_cluster_are_named() -> None:
    made = world(np.random.default_rng(1), kinds=3, clusters=30, count=90, nested=True)
    made.append(One("alone", "alone", {"acc": 0.0}, {"kind": "rare"}))
    made += [One(f"two-{index}", f"two-{index}", {"acc": index}, {"kind": "pair"}) for index in (0.0, 1.0)]
    assert "mean of 5 groups, 1 of one cluster and so without variance" in estimate(made, MACRO).method


def test_samples_without_a_tag_are_a_group_of_their_own() -> None:
    made = [*answers(("a", "1", 1), ("a", "2", 1), ("b", "3", 1)), One("none", "4", {"acc": 0.0})]
    assert estimate(made, MACRO).value == pytest.approx(2 / 3)


def test_shares_stay_within_0_and_1() -> None:
    made = answers(("a", "1", 1), ("a", "2", 1), ("b", "3", 1), ("b", "4", 0.2))
    low, high = estimate(made, replace(MACRO, percent=True)).interval
    assert (low, high) == (pytest.approx(0.0), 1.0)


def paired(base: list[One], cand: list[One], metric: Metric, *others: Metric):  # type: ignore[no-untyped-def]
    return comparisons(base, cand, [metric], [metric, *others])[metric.name]


def test_a_difference_has_the_error_of_the_differences() -> None:
    rng = np.random.default_rng(7)
    base = world(rng, kinds=3, clusters=60, count=240, nested=False)
    cand = [replace(one, metrics={"acc": one.metrics["acc"] + 0.05 + rng.normal(0, 0.1)}) for one in base]  # type: ignore[operator]
    differences = [
        replace(one, metrics={"acc": after - before})
        for one, before, after in zip(base, column(base), column(cand), strict=True)
    ]
    expected, found = estimate(differences, MACRO), paired(base, cand, MACRO)
    assert found.difference == pytest.approx(expected.value)
    assert found.standard_error == pytest.approx(expected.standard_error)
    assert found.interval == pytest.approx(expected.interval)
    assert found.method == "paired clustered t (CR1), mean of 3 groups"
    moved = column(cand) - column(base)
    assert found.discordance == ((moved > 0).sum(), (moved < 0).sum(), 240)
    worse = paired(base, cand, replace(MACRO, higher_is_better=False))
    assert worse.difference == pytest.approx(-found.difference)
    assert worse.interval == pytest.approx(tuple(-end for end in reversed(found.interval)))
    assert worse.p_drop == pytest.approx(1 - found.p_drop)


def test_few_clusters_flip_signs_of_weighted_sums() -> None:
    """8 clusters over two kinds of unequal size: all 256 patterns of sum w_i d_i by hand."""
    rows = [("a", "1"), ("a", "2"), ("a", "3"), ("a", "4"), ("a", "5"), ("a", "6"), ("b", "7"), ("b", "8")]
    before = [0.9, 0.4, 0.7, 0.1, 0.6, 0.8, 0.7, 0.3]
    after = [0.8, 0.45, 0.75, 0.05, 0.5, 0.9, 0.6, 0.2]
    base = answers(*((kind, key, score) for (kind, key), score in zip(rows, before, strict=True)))
    cand = answers(*((kind, key, score) for (kind, key), score in zip(rows, after, strict=True)))
    weights = np.array([1 / 12] * 6 + [1 / 4] * 2)
    moved = weights * (np.array(after) - np.array(before))
    patterns = np.array([np.dot(signs, moved) for signs in itertools.product([1, -1], repeat=8)])
    found = paired(base, cand, MACRO)
    assert found.difference == pytest.approx(moved.sum())
    assert found.p_drop == pytest.approx(np.mean(patterns <= moved.sum() + 1e-12)) == 0.125
    assert found.method == "sign flips, exact, mean of 2 groups"


def test_an_interval_has_the_level_that_is_asked_for() -> None:
    """Half widths are quantiles of t times one error, whatever weighs the samples."""
    made = world(np.random.default_rng(3), kinds=3, clusters=60, count=240, nested=False)
    rng = np.random.default_rng(4)
    after = [
        replace(one, metrics={"acc": score + rng.normal(0.1)})
        for one, score in zip(made, column(made), strict=True)
    ]
    for metric in (PLAIN, MACRO):
        one = [estimates(made, [metric], [metric], level=level)["acc"].interval for level in (0.8, 0.95)]
        two = [comparisons(made, after, [metric], [metric], level=level)["acc"] for level in (0.8, 0.95)]
        for narrow, wide in (one, [each.interval for each in two]):
            assert wide.low < narrow.low < narrow.high < wide.high
            assert (narrow.high - narrow.low) / (wide.high - wide.low) == pytest.approx(
                1.2958 / 2.0010, rel=0.01
            )
        assert [each.level for each in two] == [0.8, 0.95]


def test_equal_scores_are_identical() -> None:
    made = world(np.random.default_rng(3), kinds=3, clusters=30, count=90, nested=True)
    found = paired(made, made, MACRO)
    assert (found.difference, found.interval, found.p_value) == (0.0, (0.0, 0.0), 1.0)
    assert (found.standard_error, found.method) == (0.0, "identical scores")


def test_a_pair_counts_where_both_have_a_score() -> None:
    made = answers(*(("a", f"{index}", float(index % 2)) for index in range(40)))
    lacking = [replace(one, metrics={}) if index < 4 else one for index, one in enumerate(made)]
    assert paired(made, lacking, PLAIN).n == 36
    assert paired(made, [replace(one, metrics={}) for one in made], PLAIN).method == "no pairs"


def test_a_figure_cannot_be_a_part() -> None:
    parts = [Metric("all", "All", parts=("ap",)), Metric("ap", "AP", figure="AP")]
    with pytest.raises(ValueError, match="ap is computed from all samples at once"):
        estimate([], *parts)
