"""`--det-score`: what it asks of the engine, where it is stored, and that such runs never mix with others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import detection_kit as kit
import run_kit
from pointing_kit import vleval
from toy import ToyEngine, only_run
from vleval.errors import UserError
from vleval.grounding.frame import Frame
from vleval.model.io import EngineInfo, GenerationSettings, Media, Request, Response, TokenLogprobs
from vleval.results.record import SampleRecord
from vleval.results.storage.fingerprint import predict_fields
from vleval.results.storage.store import read_run, read_samples
from vleval.running.job import Job
from vleval.running.plan import load_plan
from vleval.running.resume import Mismatch, run_name
from vleval.tasks.base import Sample
from vleval.tasks.registry import get_task

ODINW = get_task("odinw13")
WHOLE = (0, 0, 640, 448)  # of the toy engine's frame
TRUTH = {
    **{"classes": ["cat"], "boxes": [list(WHOLE)], "labels": ["cat"], "crowd": [False], "areas": [1.0]},
    "dataset": "one",
}
ASKED = [
    Sample(
        f"p{number}",
        (Media("image", f"picture {number}".encode()),),
        "cat",
        {"instances": TRUTH},
        f"p{number}",
        (640, 448),
        {"dataset": "one"},
    )
    for number in range(3)
]


def said(index: int, sample: Sample, frame: Frame) -> str:
    """A wrong box, then the right one."""
    width, height = frame.input_size
    return kit.text(
        [
            {"bbox_2d": [1, 1, 2, 2], "label": "cat"},
            {"bbox_2d": [0, 0, width, height], "label": "cat"},
        ]
    )


class Sure(ToyEngine):
    """Surer of everything it says later; tells it when asked."""

    def run(self, requests: Iterable[Request]) -> Iterator[Response]:
        asked = list(requests)
        wanted = {request.id: request.generation.logprobs for request in asked}
        for response in super().run(asked):
            count = len(response.text)
            values = tuple(-1.0 / (1 + place) for place in range(count))
            tokens = TokenLogprobs(tuple(range(1, count + 1)), values)
            yield replace(response, tokens=tokens) if wanted[response.id] else response


def work(root: Path, **flags: object) -> Job:
    return run_kit.job(root, ASKED, ODINW, **flags)


def test_boxes_rank_by_log_probability_and_the_tokens_are_stored(tmp_path: Path) -> None:
    for score, figure in (("order", 0.5), ("logprob", 1.0)):
        job = work(tmp_path / score, det_score=score)
        outcome = run_kit.answer_all(job, engine=Sure(ASKED, said))
        assert run_kit.score(outcome, "map") == pytest.approx(figure, abs=1e-12)
        folder = only_run(tmp_path / score)
        record = next(iter(read_samples(folder)))
        assert (record.tokens is not None) == (score == "logprob")
        assert read_run(folder).generation.logprobs == (score == "logprob")
        if record.tokens is not None:
            assert len(record.tokens.ends) == len(record.text)
            assert SampleRecord.from_json(record.to_json()) == record


def test_such_runs_never_mix(tmp_path: Path) -> None:
    run_kit.answer_all(work(tmp_path, name="one"), engine=Sure(ASKED, said))
    with pytest.raises(Mismatch, match=r"logprobs \(none stored, True now\)"):
        run_kit.answer_all(work(tmp_path, name="one", det_score="logprob"), engine=Sure(ASKED, said))
    info = EngineInfo("toy", "toy", "qwen2_5_vl", "float32", "cpu", 0, "f" * 64)
    names = [
        run_name(job, job.settings[0], info)
        for job in (work(tmp_path), work(tmp_path, det_score="order"), work(tmp_path, det_score="logprob"))
    ]
    assert names[0] == names[1] != names[2]


def test_they_compare_only_where_that_is_meant(tmp_path: Path) -> None:
    folders = []
    for score in ("order", "logprob"):
        run_kit.answer_all(work(tmp_path / score, det_score=score), engine=Sure(ASKED, said))
        folders.append(only_run(tmp_path / score))
    refused = vleval("compare", *folders)
    assert refused.exit_code == 12
    said_why = " ".join(refused.stderr.split())
    assert "(det-score order -> logprob): --vary det-score says that this is meant" in said_why
    assert vleval("compare", *folders, "--vary", "det-score").exit_code in (0, 11)


def test_runs_without_it_are_called_and_fingerprinted_as_ever(tmp_path: Path) -> None:
    """What an earlier vleval stored without the field is the same run."""
    assert GenerationSettings(64).facts() == {"max_new_tokens": 64, "repetition_penalty": 1.0}
    assert GenerationSettings(64, logprobs=True).facts()["logprobs"] is True
    run_kit.answer_all(work(tmp_path), engine=Sure(ASKED, said))
    assert "logprobs" not in predict_fields(read_run(only_run(tmp_path)))


def test_tasks_that_rank_nothing_ask_for_nothing_and_say_so(tmp_path: Path) -> None:
    assert not run_kit.job(tmp_path, det_score="logprob").generation.logprobs
    passed = {"det_score": "logprob", "data": "bundled"}
    assert load_plan({**passed, "task": "refcoco"}, None).warnings == (
        "refcoco ranks no boxes: --det-score changes nothing",
    )
    assert load_plan({**passed, "task": "refcoco,coco"}, None).warnings == ()
    with pytest.raises(UserError, match=r"--det-score: must be 'order' or 'logprob'"):
        load_plan({"task": "coco", "det_score": "sure"}, None)
