"""Whole runs against an engine that knows the truth: what it is told is what the table says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from run_kit import SAMPLES, answer_all, job, score
from toy import ToyEngine, exact, only_run, swapped
from vleval.console import Console
from vleval.errors import ExitCode, Terminated, UserError
from vleval.grounding.frame import Frame
from vleval.model.errors import SettingsError
from vleval.model.io import Failure, Media, Message
from vleval.results.record import SampleRecord
from vleval.results.storage.store import read_run, read_samples
from vleval.running.job import UNTAUGHT_TOKENS
from vleval.running.judge import _file_digest, input_digest
from vleval.running.report import show_outcome
from vleval.running.runner import _neighbours
from vleval.tasks.base import Sample, Task
from vleval.tasks.documents import docparse
from vleval.tasks.grounding.refcoco import TASK


@pytest.mark.parametrize("cap", ["16t", "64t", "300t"])
def test_an_oracle_scores_100_at_every_resolution(tmp_path: Path, cap: str) -> None:
    outcome = answer_all(job(tmp_path, max_pixels=cap))
    assert score(outcome) == 1.0
    assert (score(outcome, "mean_iou") or 0) > 0.85


def test_swapping_width_and_height_is_seen(tmp_path: Path) -> None:
    assert score(answer_all(job(tmp_path), swapped)) < 0.5


def test_a_wrong_convention_is_seen_and_the_flag_mends_it(tmp_path: Path) -> None:
    """An engine that answers in 0..1000 scores as such only when told so."""

    def relative(index: int, sample: Sample, frame: Frame) -> str:
        w, h = frame.original_size
        x1, y1, x2, y2 = sample.target["bbox_xyxy"]
        return str([round(x1 * 1000 / w), round(y1 * 1000 / h), round(x2 * 1000 / w), round(y2 * 1000 / h)])

    assert score(answer_all(job(tmp_path / "as-is", max_pixels="64t"), relative)) < 0.2
    assert (
        score(answer_all(job(tmp_path / "told", max_pixels="64t", coordinates="relative-1000"), relative))
        == 1.0
    )
    qwen3 = ToyEngine(SAMPLES, relative, family="qwen3_vl")
    assert score(answer_all(job(tmp_path / "family"), engine=qwen3)) == 1.0


def test_an_unknown_family_must_be_told_its_convention(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--coordinates"):
        answer_all(job(tmp_path), engine=ToyEngine(SAMPLES, family="other"))


def test_wrong_unparsed_and_failed_are_three_different_things(tmp_path: Path) -> None:
    def mixed(index: int, sample: Sample, frame: Frame) -> str | Failure:
        if index % 4 == 0:
            return "I cannot see it."
        if index % 4 == 1:
            return Failure("input_error", "the image is torn")
        return exact(index, sample, frame) if index % 4 == 2 else swapped(index, sample, frame)

    outcome = answer_all(job(tmp_path), mixed)
    (run,) = outcome.runs
    assert (run.summary.unparsed, run.summary.failed, run.summary.scored) == (10, 10, 20)
    assert run.summary.failures == {"input_error": 10}
    assert run.summary.metrics["acc@0.5"].value == pytest.approx(run.summary.answered["acc@0.5"] / 2)
    assert run.record.status == "complete"
    records: dict[str, SampleRecord] = {record.id: record for record in read_samples(run.folder)}
    assert len(records) == len(SAMPLES)
    failed = records["toy-1"]
    assert (failed.status, failed.failure, failed.reason) == ("failed", "input_error", "the image is torn")
    assert set(failed.metrics) == {metric.name for metric in TASK.metrics}
    assert records["toy-0"].text == "I cannot see it."


def test_the_bundled_checkpoint_does_not_ramble_over_what_it_never_learnt(tmp_path: Path) -> None:
    """A page may take 8,192 tokens, which an untrained checkpoint fills: minutes for eight questions."""

    def longest(task: Task, *, bundled: bool, **flags: object) -> int:
        work = job(tmp_path, SAMPLES, task, **flags)
        return work._replace(bundled_model=bundled).generation.max_new_tokens

    assert longest(docparse.TASK, bundled=True) == UNTAUGHT_TOKENS < longest(docparse.TASK, bundled=False)
    assert longest(docparse.TASK, bundled=True, max_new_tokens=1000) == 1000
    assert longest(TASK, bundled=True) == TASK.max_new_tokens


def test_the_record_carries_what_a_rescore_needs(tmp_path: Path) -> None:
    outcome = answer_all(job(tmp_path, max_pixels="16t", repetition_penalty=1.05, max_new_tokens=33))
    (run,) = outcome.runs
    record = read_run(run.folder)
    assert record == run.record
    assert record.vision.max_pixels == 16 * 784
    assert (record.generation.max_new_tokens, record.generation.repetition_penalty) == (33, 1.05)
    assert record.coordinates == "absolute"
    for sample in read_samples(run.folder):
        assert sample.frames[0].visual_tokens == sample.usage.visual_tokens <= 16
        again = TASK.score(
            SAMPLES[int(sample.id.split("-")[1])], sample.text, sample.frames, record.coordinates
        )
        assert again.metrics == sample.metrics
    by_id = {sample.id: sample.input_sha256 for sample in read_samples(run.folder)}
    assert len(set(by_id.values())) == len(SAMPLES), "equal images, different questions: different inputs"


def test_a_grid_runs_every_combination_on_one_engine(tmp_path: Path) -> None:
    engine = ToyEngine(SAMPLES)
    outcome = answer_all(job(tmp_path, min_pixels="4t,9t", max_pixels="16t,64t", fps="1,2"), engine=engine)
    assert [dict(run.setting.label) for run in outcome.runs] == [
        {"min-pixels": low, "max-pixels": high} for low in ("4t", "9t") for high in ("16t", "64t")
    ]
    assert len(list(tmp_path.iterdir())) == 4
    assert len({run.record.grid for run in outcome.runs}) == 1
    assert len(engine.requests) == 4 * len(SAMPLES)
    tokens = [run.summary.visual_tokens or 0 for run in outcome.runs]
    assert tokens[1] > 1.5 * tokens[0]


@pytest.mark.parametrize(
    ("signal", "code"), [(KeyboardInterrupt(), ExitCode.INTERRUPTED), (Terminated(), ExitCode.TERMINATED)]
)
def test_a_signal_keeps_what_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], signal: BaseException, code: ExitCode
) -> None:
    def until_15(index: int, sample: Sample, frame: Frame) -> str | BaseException:
        return signal if index == 24 else exact(index, sample, frame)

    work = job(tmp_path, max_pixels="16t,36t")
    outcome = answer_all(work, until_15)
    (run,) = outcome.runs
    assert run.record.status == read_run(run.folder).status == "interrupted"
    assert run.summary.n == len(list(read_samples(run.folder))) == 15
    assert show_outcome([work], outcome, Console(quiet=True)) == code
    said = capsys.readouterr()
    assert "15 of 40 answers" in said.err
    assert "1 more run not begun" in said.err
    assert "INCOMPLETE, 15 of 40" in said.out


def test_too_many_failures_stop_the_run(tmp_path: Path) -> None:
    def broken(index: int, sample: Sample, frame: Frame) -> Failure:
        return Failure("model_error", "logits are not finite")

    outcome = answer_all(job(tmp_path), broken)
    (run,) = outcome.runs
    assert run.summary.failed == 21, "the default allows 20 of 40"
    assert isinstance(outcome.stopped, UserError)
    assert outcome.stopped.code == ExitCode.ERROR_BUDGET
    assert run.record.status == "failed"
    assert "logits are not finite" in (run.record.error or "")
    assert answer_all(job(tmp_path / "all", max_errors="100%"), broken).stopped is None
    assert answer_all(job(tmp_path / "none", max_errors=0), broken).runs[0].summary.failed == 1


def test_an_engine_that_leaves_questions_out_is_not_complete(tmp_path: Path) -> None:
    class Forgetful(ToyEngine):
        def run(self, requests):  # type: ignore[no-untyped-def]
            yield from super().run(list(requests)[:-3])

    outcome = answer_all(job(tmp_path), engine=Forgetful(SAMPLES))
    assert isinstance(outcome.stopped, UserError)
    assert outcome.stopped.code == ExitCode.INCOMPLETE
    assert "37 of 40" in str(outcome.stopped)


def test_an_error_that_concerns_the_run_is_raised_and_noted(tmp_path: Path) -> None:
    def contradiction(index: int, sample: Sample, frame: Frame) -> SettingsError:
        return SettingsError("--min-pixels is above --max-pixels.")

    with pytest.raises(SettingsError):
        answer_all(job(tmp_path), contradiction)
    record = read_run(only_run(tmp_path))
    assert record.status == "failed"
    assert "--min-pixels" in (record.error or "")


def test_json_is_one_document_with_every_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = job(tmp_path, max_pixels="16t,36t")
    outcome = answer_all(work)
    console = Console(json=True, quiet=True)
    assert show_outcome([work], outcome, console) == ExitCode.OK
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "vleval/runs@2"
    assert (document["status"], document["planned_runs"]) == ("complete", 2)
    (task,) = document["tasks"]
    assert (task["task"]["name"], task["data"]["samples"], task["planned_runs"]) == ("refcoco", 40, 2)
    first, second = task["runs"]
    assert (first["setting"], second["setting"]) == ({"max-pixels": "16t"}, {"max-pixels": "36t"})
    assert first["summary"]["metrics"]["acc@0.5"]["value"] == 1.0
    assert first["difference"] is None
    assert (second["difference"]["difference"], second["difference"]["n"]) == (0.0, 40)
    assert (Path(second["folder"]) / "samples.jsonl").is_file()


def test_questions_about_one_video_are_put_one_after_the_other() -> None:
    samples = [Sample(str(number), (), "?", {}, cluster) for number, cluster in enumerate("abcabac")]
    assert "".join(sample.cluster for sample in _neighbours(samples)) == "aaabbcc"
    assert [sample.id for sample in _neighbours(samples)] == ["0", "3", "5", "1", "4", "2", "6"]


def test_a_film_is_hashed_once_for_all_its_questions_and_again_when_it_changes(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"first")
    asked = [Message("user", (Media("video", path=film), f"{number}?")) for number in range(3)]
    before = _file_digest.cache_info().misses
    first = [input_digest([message]) for message in asked]
    assert len(set(first)) == 3 and _file_digest.cache_info().misses == before + 1
    film.write_bytes(b"another")
    assert input_digest(asked[:1]) != first[0]
    film.unlink()
    assert input_digest(asked[:1]) is None
