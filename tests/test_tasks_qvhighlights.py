"""QVHighlights: per-query values against the official figures, lengths, reading, rows and their faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vleval.grounding.highlights import highlight_detection
from vleval.grounding.moments import moment_retrieval
from vleval.model.io import Media
from vleval.tasks.base import Answer, DataError, Sample, Score
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task

MOMENTS, HIGHLIGHTS = get_task("qvhighlights"), get_task("qvhighlights-highlights")

ROW: dict[str, Any] = {
    "qid": 7,
    "query": "A cat wakes up.",
    "duration": 60,
    "vid": "abc_60.0_120.0",
    "relevant_windows": [[0, 10], [20, 50]],
    "relevant_clip_ids": [0, 1, 10],
    "saliency_scores": [[4, 3, 2], [1, 0, 0], [2, 2, 4]],
}


def moment(windows: list[list[float]], qid: int = 7) -> Sample:
    row = {**ROW, "qid": qid, "relevant_windows": windows, "video": Media("video", path=Path("a.mp4"))}
    return next(iter(MOMENTS.rows(row, "0")))


def highlight(**changes: Any) -> Sample:
    return next(iter(HIGHLIGHTS.rows({**ROW, **changes, "video": Media("video", path=Path("a.mp4"))}, "0")))


def mean(scores: list[Score], name: str) -> float | None:
    """As a run's table has it: over the samples that the metric applies to."""
    found = [score.metrics[name] for score in scores if name in score.metrics]
    return sum(found) / len(found) if found else None


def world(seed: int) -> tuple[dict[int, list[list[float]]], dict[int, list[list[float]]]]:
    """Windows on a grid, one to five per query, and two to twelve predictions, some of equal scores."""
    rng = np.random.default_rng(seed)
    truth: dict[int, list[list[float]]] = {}
    made: dict[int, list[list[float]]] = {}
    for query in range(30):
        starts = 2.0 * rng.integers(0, 60, rng.integers(1, 6))
        truth[query] = [[start, start + 2.0 * rng.integers(1, 30)] for start in starts.tolist()]
        made[query] = []
        for _ in range(rng.integers(2, 13)):
            start, end = truth[query][rng.integers(len(truth[query]))]
            shift = 2.0 * rng.integers(-2, 3, 2)
            made[query].append([start + shift[0], end + shift[1] + 1, float(rng.integers(0, 3))])
    return made, truth


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scored", [True, False])
def test_means_over_queries_are_the_official_figures(seed: int, scored: bool) -> None:
    made, truth = world(seed)
    if not scored:
        made = {query: [window[:2] for window in windows] for query, windows in made.items()}
    answers = [
        Answer(moment(truth[query], query), json.dumps(windows), ()) for query, windows in made.items()
    ]
    scores = MOMENTS.score_all(answers, "absolute")
    official = moment_retrieval(made, truth)
    assert official.full is not None
    assert mean(scores, "map") == pytest.approx(official.full.map, abs=1e-12)
    assert mean(scores, "map@0.5") == pytest.approx(official.full.map_at[0.5], abs=1e-12)
    assert mean(scores, "map@0.75") == pytest.approx(official.full.map_at[0.75], abs=1e-12)
    assert mean(scores, "r1@0.5") == pytest.approx(official.full.r1_at[0.5], abs=1e-12)
    assert mean(scores, "r1@0.7") == pytest.approx(official.full.r1_at[0.7], abs=1e-12)
    for length in ("short", "middle", "long"):
        part = getattr(official, length)
        assert mean(scores, f"map_{length}") == pytest.approx(part.map, abs=1e-12)
        assert sum(f"map_{length}" in score.metrics for score in scores) == part.queries


def test_each_query_scores_alone_as_it_does_among_others() -> None:
    made, truth = world(9)
    answers = [
        Answer(moment(truth[query], query), json.dumps(windows), ()) for query, windows in made.items()
    ]
    together = MOMENTS.score_all(answers, "absolute")
    assert [MOMENTS.score(each.sample, each.text, (), "absolute") for each in answers] == together


def test_a_query_counts_in_the_lengths_it_has_and_silence_counts_there_too() -> None:
    short, both = moment([[0, 10]]), moment([[0, 10], [20, 50]])
    whole = {"map", "map@0.5", "map@0.75", "r1@0.5", "r1@0.7"}
    for text, value, status in (("[[0, 10]]", 1.0, "scored"), ("I cannot tell.", 0.0, "unparsed")):
        score = MOMENTS.score(short, text, (), "absolute")
        assert (score.status, dict(score.metrics)) == (status, dict.fromkeys([*whole, "map_short"], value))
        assert set(MOMENTS.score(both, text, (), "absolute").metrics) == whole | {"map_short", "map_middle"}
    at_the_edges = moment([[0, 10], [20, 50], [0, 30.5], [0, 150.0]])
    assert at_the_edges.tags["lengths"] == "short and middle and long"
    assert moment([[0, 200]]).tags["lengths"] == "over 150 s"


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("[[0, 10], [20.5, 30]]", [[0, 10], [20.5, 30]]),
        ("```json\n[[0, 10], [20, 30]]\n```", [[0, 10], [20, 30]]),
        ("From 0:05 to 0:10, and from 1:00 to 1:30.", [[5, 10], [60, 90]]),
        ("[[20, 30, 0.1], [0, 10, 0.9]]", [[20, 30, 0.1], [0, 10, 0.9]]),
    ],
)
def test_windows_are_read_in_the_order_of_the_answer(text: str, windows: list[list[float]]) -> None:
    assert MOMENTS.read(Answer(moment([[0, 10]]), text, ()), "absolute").counts == windows


@pytest.mark.parametrize(
    "text", ["", "[]", "[[]]", "[[1, 2, NaN]]", "[[1, 2, true]]", "[" * 5000, "[[1,2,1e999]]"]
)
def test_what_is_no_window_is_unparsed(text: str) -> None:
    assert MOMENTS.score(moment([[0, 10]]), text, (), "absolute").status == "unparsed"


def test_a_mistaken_first_window_costs_r1_and_not_all_of_map() -> None:
    score = MOMENTS.score(moment([[0, 10]]), "[[30, 40], [0, 10]]", (), "absolute")
    assert (score.metrics["r1@0.5"], score.metrics["map"]) == (0.0, 0.5)


def test_the_whole_clip_stands_beside() -> None:
    assert MOMENTS.baselines is not None
    means = MOMENTS.baselines([moment([[0, 60]]), moment([[0, 10]])])["whole clip"]
    assert (means["map"], means["r1@0.7"], means["map_short"], means["map_long"]) == (0.5, 0.5, 0.0, 1.0)
    assert "map_middle" not in means


@pytest.mark.parametrize("seed", range(4))
def test_highlights_are_the_official_figures(seed: int) -> None:
    rng = np.random.default_rng(seed)
    answers, truth, made = [], {}, {}
    for query in range(25):
        clips = sorted(rng.choice(30, rng.integers(1, 12), replace=False).tolist())
        rated = rng.integers(0, 5, (len(clips), 3)).tolist()
        sample = highlight(qid=query, relevant_clip_ids=clips, saliency_scores=rated)
        made[query] = rng.integers(0, 5, 30 + rng.integers(-4, 5)).tolist()
        truth[query] = sample.target["ratings"]
        answers.append(Answer(sample, json.dumps(made[query]), ()))
    scores = HIGHLIGHTS.score_all(answers, "absolute")
    official = highlight_detection(made, truth)
    for level, name in (("VeryGood", "very_good"), ("Good", "good"), ("Fair", "fair")):
        assert mean(scores, f"hl_map_{name}") == pytest.approx(official[level].map, abs=1e-12)
        assert mean(scores, f"hl_hit1_{name}") == pytest.approx(official[level].hit1, abs=1e-12)


def test_ratings_of_a_row_cover_the_whole_video() -> None:
    sample = highlight()
    ratings = sample.target["ratings"]
    assert (len(ratings), ratings[10], ratings[2]) == (30, [2, 2, 4], [0, 0, 0])
    (message,) = HIGHLIGHTS.messages(sample)
    assert "30 clips of two seconds" in str(message.content[1]) and "'A cat wakes up'" in str(message.content)


@pytest.mark.parametrize(
    ("text", "ratings"),
    [
        ("[0, 3, 4.5]", [0, 3, 4.5]),
        ('```json\n{"ratings": [0, 3, -4]}\n```', [0, 3, -4]),
        ("<think>[1, 2]</think>The ratings are [0, 3].", [0, 3]),
        ("0, 3, 4", [0, 3, 4]),
        ("0 3\n4.\n", [0, 3, 4]),
    ],
)
def test_ratings_are_read(text: str, ratings: list[float]) -> None:
    assert HIGHLIGHTS.read(Answer(highlight(), text, ()), "absolute").counts == ratings


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no list of numbers"),
        ("The cat wakes up at 3 seconds.", "no list of numbers"),
        ("[0, 3] or [1, 2]", "several lists"),
        ("<think>[0, 3", "reasoning without an end"),
        ("7", "no list of numbers"),
        ('[{"bbox_2d": [1, 2, 3, 4], "label": "cat"}]', "no list of numbers"),
        ("[1e99, 2]", "not all are numbers"),
        ("1e5e5 2 " * 20_000, "not all are numbers"),
    ],
)
def test_unread_ratings_say_why(text: str, reason: str) -> None:
    score = HIGHLIGHTS.score(highlight(), text, (), "absolute")
    assert (score.status, score.reason) == ("unparsed", reason)
    assert set(score.metrics.values()) == {0.0} and len(score.metrics) == 6


def release(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_released_files_and_their_folder(tmp_path: Path) -> None:
    release(tmp_path / "highlight_val_release.jsonl", [ROW, {**ROW, "qid": 8}])
    hidden = {key: ROW[key] for key in ("qid", "query", "duration", "vid")}
    release(tmp_path / "highlight_test_release.jsonl", [hidden])
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "abc_60.0_120.0.mp4").write_bytes(b"video")
    data = open_data(MOMENTS, str(tmp_path))
    assert (data.split, [sample.id for sample in data.samples]) == ("val", ["7", "8"])
    assert data.samples[0].media[0].path == videos / "abc_60.0_120.0.mp4"
    assert data.samples[0].target == {"spans": [[0, 10], [20, 50]], "duration": 60.0}
    with pytest.raises(DataError, match=r"without their windows.*highlight_test_with_gt\.jsonl"):
        open_data(MOMENTS, str(tmp_path), split="test")
    release(tmp_path / "highlight_test_with_gt.jsonl", [ROW])
    assert len(open_data(HIGHLIGHTS, str(tmp_path), split="test").samples) == 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"relevant_windows": []}, "row 1: relevant_windows must be a list of"),
        ({"relevant_windows": [[4, 2]]}, "row 1: relevant_windows must be start, end"),
        ({"relevant_windows": "soon"}, "row 1: relevant_windows must be a list of"),
        ({"query": ""}, "row 1: query must be a sentence"),
        ({"duration": None}, "row 1: duration must be"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    path = release(tmp_path / "highlight_val_release.jsonl", [ROW, {**ROW, **change}])
    with pytest.raises(DataError) as caught:
        open_data(MOMENTS, str(path), media_needed=False)
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"saliency_scores": [[4, 3]]}, "saliency_scores must be 3 finite numbers"),
        ({"saliency_scores": [[4, 3, 2]]}, "3 clips with ratings of shape"),
        ({"relevant_clip_ids": [0, 1, 30]}, "clips are numbered 0 to 29, not 0 to 30"),
        ({"relevant_clip_ids": None}, "relevant_clip_ids must be whole numbers"),
    ],
)
def test_ratings_that_do_not_fit_are_named(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    path = release(tmp_path / "highlight_val_release.jsonl", [{**ROW, **change}])
    with pytest.raises(DataError) as caught:
        open_data(HIGHLIGHTS, str(path), media_needed=False)
    assert fault in str(caught.value)
