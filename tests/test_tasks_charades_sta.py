"""Charades-STA: rows to samples, the judgement of answers, and the two answers that never look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers import fixtures_path
from vleval.grounding.parse import render_spans
from vleval.model.io import Media
from vleval.tasks.base import Sample
from vleval.tasks.video.charades_sta import TASK, baselines

ROW = {
    "video": Media("video", path=Path("AO8RW.mp4")),
    "caption": "a person sits down.",
    "timestamp": "[2.0, 6.0]",
}


def sample() -> Sample:
    return next(iter(TASK.rows(ROW, "3")))


def test_a_row_becomes_one_sample() -> None:
    found = sample()
    assert (found.id, found.cluster, found.target) == ("AO8RW.mp4#3", "AO8RW.mp4", {"span": [2.0, 6.0]})


def test_prompt_asks_for_seconds_and_leaks_no_example() -> None:
    (message,) = TASK.messages(sample())
    assert isinstance(message.content[0], Media)
    prompt = str(message.content[1])
    assert "'a person sits down'" in prompt
    assert "seconds" in prompt
    assert not any(character.isdigit() for character in prompt)


@pytest.mark.parametrize(
    ("text", "miou", "at_50"),
    [
        (render_spans([(2.0, 6.0)]), 1.0, 1.0),
        ("The event happens in 4.0 - 8.0 seconds.", 1 / 3, 0.0),
        ("The event happens in 6.0 - 2.0 seconds.", 1.0, 1.0),
        ("from 00:02 to 00:04", 0.5, 1.0),
        ("8.0 - 9.0, or rather 2.0 - 6.0", 0.0, 0.0),
    ],
)
def test_judgement(text: str, miou: float, at_50: float) -> None:
    score = TASK.score(sample(), text, (), "absolute")
    assert score.status == "scored"
    assert score.metrics["miou"] == pytest.approx(miou)
    assert score.metrics["r1@0.5"] == at_50


def test_unread_answer_is_zero_and_says_why() -> None:
    score = TASK.score(sample(), "I cannot tell.", (), "absolute")
    assert (score.status, score.reason) == ("unparsed", "refusal")
    assert score.metrics == {"miou": 0.0, "r1@0.3": 0.0, "r1@0.5": 0.0, "r1@0.7": 0.0}


@pytest.mark.parametrize("timestamp", [[2.0], "soon", [6.0, 2.0], None])
def test_unusable_timestamp_is_refused(timestamp: object) -> None:
    with pytest.raises(ValueError, match="timestamp"):
        list(TASK.rows({**ROW, "timestamp": timestamp}, "0"))


def test_baselines_on_spans_with_known_answers() -> None:
    """All spans are the second quarter of a clip: the whole clip overlaps 0.25, the best constant fully."""
    rows = [{**ROW, "timestamp": [5.0, 10.0], "duration": 20.0}] * 3
    found = baselines([next(iter(TASK.rows(row, str(index)))) for index, row in enumerate(rows)])
    assert found["whole clip"]["miou"] == pytest.approx(0.25)
    assert found["best constant span"]["miou"] == pytest.approx(1.0)
    assert found["best constant span"]["r1@0.7"] == 1.0


def test_baselines_take_the_duration_from_the_file_or_leave_it(tmp_path: Path) -> None:
    import av
    import numpy as np

    path = tmp_path / "two_seconds.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        for index in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), index * 10, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    row = {**ROW, "video": Media("video", path=path), "timestamp": [0.0, 1.0]}
    (good,) = TASK.rows(row, "0")
    assert baselines([good, sample()])["whole clip"]["miou"] == pytest.approx(0.5, abs=0.01)
    assert baselines([sample()]) == {}


def test_real_annotations_give_their_published_numbers_of_queries_and_a_strong_constant() -> None:
    videos = json.loads(fixtures_path("temporal", "charades_test_first_300_videos.json").read_text())
    samples = [
        next(
            iter(
                TASK.rows(
                    {"video": Media("video", path=Path(f"{name}.mp4")), "caption": sentence} | rest, str(k)
                )
            )
        )
        for name, video in videos.items()
        for k, (sentence, span) in enumerate(zip(video["sentences"], video["timestamps"], strict=True))
        for rest in [{"timestamp": span, "duration": video["duration"]}]
    ]
    assert (len(samples), len({found.cluster for found in samples})) == (800, 300)
    assert sum(found.target["span"][1] > found.target["duration"] for found in samples) == 124
    assert len({found.id for found in samples}) == 800
    found = baselines(samples)
    assert 0.2 < found["whole clip"]["miou"] < found["best constant span"]["miou"] < 0.45


def test_tvgbench_answers_read_as_spans() -> None:
    from vleval.grounding.parse import parse_spans

    for row in json.loads(fixtures_path("temporal", "tvgbench_charades.json").read_text()):
        (span,) = parse_spans(row["answer"]).items
        assert list(span.values) == [float(value) for value in row["answer"].split("-")]
