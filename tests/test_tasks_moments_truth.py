"""Known answers on the bundled films: the truth scores exactly 100, a planted error exactly its share."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest

from vleval.grounding.moments import moment_retrieval
from vleval.grounding.parse import render_spans
from vleval.tasks.base import Answer, Sample, Score, Task
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task

SPANS = ("charades-sta", "activitynet-tl", "tvgbench")


def bundled(name: str) -> tuple[Task, list[Sample]]:
    task = get_task(name)
    return task, list(open_data(task, "bundled").samples)


def means(task: Task, samples: Sequence[Sample], texts: Sequence[str]) -> dict[str, float]:
    """Every metric over the samples that it applies to."""
    answers = [Answer(sample, text, ()) for sample, text in zip(samples, texts, strict=True)]
    return mean_of(task, task.score_all(answers, "absolute"))


def mean_of(task: Task, scores: Sequence[Score]) -> dict[str, float]:
    found = {}
    for metric in task.metrics:
        values = [score.metrics[metric.name] for score in scores if metric.name in score.metrics]
        found[metric.name] = math.fsum(values) / len(values)
    return found


@pytest.mark.parametrize("name", SPANS)
def test_true_spans_score_exactly_100(name: str) -> None:
    task, samples = bundled(name)
    texts = [render_spans([sample.target["span"]]) for sample in samples]
    assert set(means(task, samples, texts).values()) == {1.0}


@pytest.mark.parametrize("name", SPANS)
@pytest.mark.parametrize("every", [2, 3])
def test_planted_spans_score_exactly_their_share(name: str, every: int) -> None:
    """Every n-th answer lies behind the true span; the one before it says nothing."""
    task, samples = bundled(name)
    texts, right = [], 0
    for index, sample in enumerate(samples):
        start, end = sample.target["span"]
        if index % every == 0:
            texts.append(render_spans([(end + 1, end + 1 + end - start)]))
        elif index % every == 1 and every == 3:
            texts.append("I cannot tell.")
        else:
            texts.append(render_spans([(start, end)]))
            right += 1
    assert 0 < right < len(samples)
    assert set(means(task, samples, texts).values()) == {right / len(samples)}


def test_half_a_span_meets_the_threshold_and_does_not_exceed_it() -> None:
    """IoU 0.5 exactly: Charades-STA counts it, TVGBench does not, and says so beside."""
    for name, at_half in (("charades-sta", 1.0), ("activitynet-tl", 1.0), ("tvgbench", 0.0)):
        task, samples = bundled(name)
        kept = [sample for sample in samples if all(end % 1 == 0 for end in sample.target["span"])]
        texts = [
            render_spans([(start, (start + end) / 2)]) for start, end in (s.target["span"] for s in kept)
        ]
        found = means(task, kept, texts)
        assert (found["miou"], found["r1@0.3"], found["r1@0.5"], found["r1@0.7"]) == (0.5, 1.0, at_half, 0.0)
        assert found.get("r1@0.5_from", 1.0) == 1.0


def test_spans_that_end_with_their_film_fall_short_by_what_the_note_says() -> None:
    task, samples = bundled("activitynet-tl")
    texts = []
    for sample in samples:
        start, end = sample.target["span"]
        texts.append(render_spans([(start, min(end, sample.target["duration"]))]))
    (note,) = open_data(task, "bundled").notes
    assert f"reach {100 * means(task, samples, texts)['miou']:.2f} mIoU at most" in note


def test_true_windows_score_exactly_100_but_for_those_of_other_lengths_before_them() -> None:
    """Answers keep their windows of other lengths: for mAP of one length they are misses, first or last."""
    task, samples = bundled("qvhighlights")
    for turned in (1, -1):
        answers = {sample.id: sample.target["spans"][::turned] for sample in samples}
        found = means(task, samples, [json.dumps(windows) for windows in answers.values()])
        parts = {name: found.pop(name) for name in ("map_short", "map_middle", "map_long")}
        assert set(found.values()) == {1.0}
        official = moment_retrieval(answers, {sample.id: sample.target["spans"] for sample in samples})
        for name, value in parts.items():
            expected = getattr(official, name.removeprefix("map_")).map
            assert value == pytest.approx(expected, abs=1e-12)
        assert min(parts.values()) < 1
    alone = [sample for sample in samples if " and " not in sample.tags["lengths"]]
    assert {sample.tags["lengths"] for sample in alone} == {"short", "middle", "long"}
    texts = [json.dumps(sample.target["spans"]) for sample in alone]
    assert set(means(task, alone, texts).values()) == {1.0}


def test_windows_of_one_query_in_three_missed() -> None:
    """A third answers with windows behind the film, a third says nothing: the rest is right."""
    task, samples = bundled("qvhighlights")
    texts = [
        (json.dumps([[100, 110]]), "There is no such moment.", json.dumps(sample.target["spans"]))[index % 3]
        for index, sample in enumerate(samples)
    ]
    right = [sample for index, sample in enumerate(samples) if index % 3 == 2]
    found = means(task, samples, texts)
    assert task.applies is not None
    for metric in task.metrics:
        counting = [sample for sample in samples if metric.name in task.applies(sample)]
        share = sum(sample in right for sample in counting) / len(counting)
        assert found[metric.name] == pytest.approx(share, abs=1e-12)
    assert found["map"] == 1 / 3


def test_one_window_of_several_scores_its_share_of_map_and_the_whole_r1() -> None:
    task, samples = bundled("qvhighlights")
    texts = [json.dumps(sample.target["spans"][:1]) for sample in samples]
    found = means(task, samples, texts)
    assert found["r1@0.7"] == 1.0
    assert found["map"] == pytest.approx(
        sum(1 / len(sample.target["spans"]) for sample in samples) / len(samples)
    )


def test_true_ratings_score_exactly_what_the_raters_allow() -> None:
    """The mean rating ranks as each rater does. In three of the twelve queries one rater gave no 4."""
    task, samples = bundled("qvhighlights-highlights")
    texts = [json.dumps([sum(rated) for rated in sample.target["ratings"]]) for sample in samples]
    found = means(task, samples, texts)
    without = sum(max(rated[2] for rated in sample.target["ratings"]) < 4 for sample in samples)
    assert (len(samples), without) == (12, 3)
    assert found["hl_map_very_good"] == pytest.approx(1 - without / 3 / len(samples), abs=1e-12)
    others = {name: value for name, value in found.items() if name != "hl_map_very_good"}
    assert set(others.values()) == {1.0}


def test_ratings_turned_round_or_left_out() -> None:
    task, samples = bundled("qvhighlights-highlights")
    turned = [json.dumps([-sum(rated) for rated in sample.target["ratings"]]) for sample in samples]
    found = means(task, samples, turned)
    assert found["hl_hit1_fair"] == 0.0 and found["hl_map_fair"] < 0.4
    half = [
        json.dumps([sum(rated) for rated in sample.target["ratings"]]) if index % 2 else "no"
        for index, sample in enumerate(samples)
    ]
    assert means(task, samples, half)["hl_map_good"] == 0.5


@pytest.mark.parametrize("name", SPANS)
def test_the_whole_clip_is_a_stronger_answer_where_spans_are_long(name: str) -> None:
    task, samples = bundled(name)
    assert task.baselines is not None
    found = task.baselines(samples)
    assert found["whole clip"]["miou"] <= found["best constant span"]["miou"] < 0.75
    assert (found["whole clip"]["miou"] > 0.5) == (name == "activitynet-tl")
