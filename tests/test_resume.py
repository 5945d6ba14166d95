"""Resume is the same command again: what goes on, what is shown, what is asked again, what is refused."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from faulty_disk import FailingDisk
from run_kit import SAMPLES, answer_all, job, result
from toy import ToyEngine, exact, only_run, swapped, toy_samples
from vleval.console import Console
from vleval.errors import ExitCode, UserError, explain
from vleval.grounding.frame import Frame
from vleval.model.io import EngineInfo, Failure, Media
from vleval.results.storage import disk
from vleval.results.storage.lines import decode
from vleval.results.storage.store import SAMPLES_FILE, StoreError, read_run, read_samples
from vleval.running.job import Job
from vleval.running.report import show_outcome
from vleval.running.resume import Mismatch
from vleval.tasks.base import Sample
from vleval.tasks.grounding.refcoco import TASK


def stopping_after(count: int, asked: int = len(SAMPLES)) -> Callable[..., str | BaseException]:
    """Answers until Ctrl-C comes where it hurts; the toy engine asks from the last question on."""

    def answer(index: int, sample: Sample, frame: Frame) -> str | BaseException:
        return KeyboardInterrupt() if index == asked - count - 1 else exact(index, sample, frame)

    return answer


def events(folder: Path) -> list[str]:
    return [decode(line)["event"] for line in (folder / "events.jsonl").read_bytes().splitlines()]


def half_done(root: Path, **flags: object) -> Path:
    answer_all(job(root, **flags), stopping_after(15))
    folder = only_run(root)
    assert len(list(read_samples(folder))) == 15
    return folder


def test_an_interrupted_run_goes_on_and_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    answer_all(job(tmp_path / "straight"))
    folder = half_done(tmp_path / "resumed")
    engine = ToyEngine(SAMPLES)
    answer_all(job(tmp_path / "resumed"), engine=engine)
    assert len(engine.requests) == 25, "what is answered is not asked again"
    assert result(folder) == result(only_run(tmp_path / "straight"))
    assert events(folder) == ["started", "interrupted", "resumed", "complete"]
    record = read_run(folder)
    stored = [sample.elapsed_seconds for sample in read_samples(folder)]
    assert record.seconds is not None
    assert record.seconds >= max(stored)


def test_a_complete_run_is_shown_at_once_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = job(tmp_path)
    first = answer_all(work)
    folder = only_run(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.lock"}
    engine = ToyEngine(SAMPLES)
    again = answer_all(work, engine=engine, console=Console())
    assert engine.requests == []
    assert "all 40 answers are stored since" in capsys.readouterr().err
    assert again.runs[0].summary == first.runs[0].summary
    assert again.runs[0].record == first.runs[0].record
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.lock"} == before


def test_fresh_sets_the_earlier_run_aside(tmp_path: Path) -> None:
    answer_all(job(tmp_path), swapped)
    folder = only_run(tmp_path)
    engine = ToyEngine(SAMPLES)
    answer_all(job(tmp_path, fresh=True), engine=engine)
    assert len(engine.requests) == 40
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, f"{folder.name}.old1"]
    old, new = (next(read_samples(tmp_path / name)) for name in (f"{folder.name}.old1", folder.name))
    assert old.text != new.text


def test_a_longer_limit_extends_and_a_shorter_one_reads(tmp_path: Path) -> None:
    straight = answer_all(job(tmp_path / "straight", toy_samples(30)))
    answer_all(job(tmp_path / "runs", toy_samples(10)))
    folder = only_run(tmp_path / "runs")
    engine = ToyEngine(toy_samples(30))
    answer_all(job(tmp_path / "runs", toy_samples(30)), engine=engine)
    assert len(engine.requests) == 20
    assert result(folder) == result(straight.runs[0].folder)
    before = (folder / "run.json").read_bytes()
    (run,) = answer_all(job(tmp_path / "runs", toy_samples(12)), engine=engine).runs
    assert (run.summary.n, run.summary.expected, run.record.data.samples) == (12, 12, 12)
    assert len(engine.requests) == 20
    assert (folder / "run.json").read_bytes() == before, "it stays the record of the longer run"


def test_a_shorter_limit_asks_what_the_longer_run_has_not_answered(tmp_path: Path) -> None:
    folder = half_done(tmp_path)
    engine = ToyEngine(SAMPLES)
    (run,) = answer_all(job(tmp_path, toy_samples(30)), engine=engine).runs
    assert len(engine.requests) == 25
    assert (run.summary.n, run.record.status) == (30, "complete")
    assert read_run(folder).status == "interrupted"
    answer_all(job(tmp_path), engine=engine)
    assert len(engine.requests) == 25
    assert read_run(folder).status == "complete"


def test_a_grid_goes_on_as_a_whole_and_may_grow(tmp_path: Path) -> None:
    def until(index: int, sample: Sample, frame: Frame) -> str | BaseException:
        second = frame.visual_tokens > 16
        return KeyboardInterrupt() if second and index == 20 else exact(index, sample, frame)

    outcome = answer_all(job(tmp_path, max_pixels="16t,36t,64t"), until)
    assert [run.summary.n for run in outcome.runs] == [40, 19]
    engine = ToyEngine(SAMPLES)
    outcome = answer_all(job(tmp_path, max_pixels="16t,36t,64t,100t"), engine=engine)
    assert [run.summary.n for run in outcome.runs] == [40, 40, 40, 40]
    assert len(engine.requests) == 21 + 40 + 40
    assert len({run.record.grid for run in outcome.runs}) == 1
    legible = [run.folder.name.split("-")[2] for run in outcome.runs]
    assert legible == ["max16t", "max36t", "max64t", "max100t"]


def test_commands_that_ask_for_something_else_have_folders_of_their_own(tmp_path: Path) -> None:
    other = [
        {},
        {"max_pixels": "16t"},
        {"repetition_penalty": 1.05},
        {"shuffle_seed": 1},
        {"offset": 4},
        {"sample_id": ["a"]},
        {"dtype": "float32"},
    ]
    same = [{"limit": 40}, {"max_errors": 3}, {"verbose": True, "quiet": False}, {"batch_size": 2}]
    for flags in (*other, *same):
        answer_all(job(tmp_path, **flags))
    assert len(list(tmp_path.iterdir())) == len(other)


def test_failures_for_lack_of_memory_or_time_are_asked_again_others_are_not(tmp_path: Path) -> None:
    kinds = ("oom", "timeout", "model_error", "input_error")

    def failing(index: int, sample: Sample, frame: Frame) -> str | Failure:
        return Failure(kinds[index], "x") if index < 4 else exact(index, sample, frame)

    answer_all(job(tmp_path), failing)
    folder = only_run(tmp_path)
    engine = ToyEngine(SAMPLES)
    (run,) = answer_all(job(tmp_path), engine=engine).runs
    assert sorted(request.id for request in engine.requests) == ["toy-0", "toy-1"]
    assert run.summary.failures == {"model_error": 1, "input_error": 1}
    assert {s.id: s.attempt for s in read_samples(folder) if s.attempt > 1} == {"toy-0": 2, "toy-1": 2}
    assert len((folder / SAMPLES_FILE).read_bytes().splitlines()) == 42, "earlier attempts stay on file"


def test_a_medium_that_has_come_back_is_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    samples = [replace(sample, media=(Media("image", path=file),), cluster="c") for sample in toy_samples(2)]

    def missing(index: int, sample: Sample, frame: Frame) -> Failure:
        return Failure("input_error", "no such file")

    answer_all(job(tmp_path / "runs", samples), missing)
    file.write_bytes(b"here")
    engine = ToyEngine(samples)
    answer_all(job(tmp_path / "runs", samples), engine=engine)
    assert len(engine.requests) == 2
    file.unlink()
    answer_all(job(tmp_path / "runs", samples), engine=engine)
    assert len(engine.requests) == 2, "an answer stays one when its medium is gone"


def test_the_error_budget_counts_what_failed_before(tmp_path: Path) -> None:
    def broken(index: int, sample: Sample, frame: Frame) -> Failure:
        return Failure("model_error", "logits are not finite")

    answer_all(job(tmp_path, max_errors=3), broken)
    engine = ToyEngine(SAMPLES)
    outcome = answer_all(job(tmp_path, max_errors=3), engine=engine)
    assert isinstance(outcome.stopped, UserError)
    assert outcome.stopped.code == ExitCode.ERROR_BUDGET
    assert "4 of 4 samples have failed" in str(outcome.stopped)
    assert engine.requests == []
    assert answer_all(job(tmp_path, max_errors=4), engine=engine).stopped is None
    assert len(engine.requests) == 36


def changed_target(samples: list[Sample]) -> list[Sample]:
    return [replace(samples[0], target={"bbox_xyxy": [0, 0, 9, 9]}), *samples[1:]]


def changed_pixel(samples: list[Sample]) -> list[Sample]:
    """Of the last image, which the engine has answered; the toy world's clusters do not tell."""
    return [*samples[:-2], *(replace(s, media=(Media("image", data=b"edited"),)) for s in samples[-2:])]


def same(work: Job) -> Job:
    return work


class Tuned(ToyEngine):
    """The checkpoint under the same path has been overwritten."""

    def info(self) -> EngineInfo:
        files = {"config.json": "a" * 64, "model.safetensors": "b" * 64}
        return replace(super().info(), fingerprint="e" * 64, files=files)


class Before(ToyEngine):
    def info(self) -> EngineInfo:
        return replace(super().info(), files={"config.json": "a" * 64, "model.safetensors": "c" * 64})


def told(**settings: object) -> Callable[[Job], Job]:
    return lambda work: work._replace(config=work.config.model_copy(update=settings))


def as_task(**fields: object) -> Callable[[Job], Job]:
    return lambda work: work._replace(task=replace(TASK, **fields))  # type: ignore[arg-type]


REFUSED = [
    ("weights", same, Tuned, "model.safetensors (cccccccccccc stored, bbbbbbbbbbbb now)"),
    ("pixels", told(max_pixels=(28224,)), Before, "max_pixels (none stored, 28224 now)"),
    ("decoding", told(max_new_tokens=9), Before, "max_new_tokens (128 stored, 9 now)"),
    ("prompt", as_task(prompt="Where is {expression}?"), Before, "prompt ("),
    ("task version", as_task(version=99), Before, "task version (1 stored, 99 now)"),
    ("coordinates", told(coordinates="percent"), Before, "coordinates (absolute stored, percent now)"),
    (
        "revision",
        lambda work: work._replace(data=replace(work.data, revision="v2")),
        Before,
        "revision (none stored, v2 now)",
    ),
    (
        "data",
        lambda work: job(work.config.output, changed_target(SAMPLES), name="ours"),
        Before,
        "questions and truths (",
    ),
    (
        "media",
        lambda work: work._replace(samples=changed_pixel(SAMPLES)),
        Before,
        "media, prompt or truth of 2 questions, e.g. 'toy-38'",
    ),
]


@pytest.mark.parametrize(
    ("change", "engine", "field"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_would_be_another_run_is_refused_with_the_fields(
    tmp_path: Path, change: Callable[[Job], Job], engine: type[ToyEngine], field: str
) -> None:
    """One field each. The name is given, so that the folder is the same for every command."""
    work = job(tmp_path, name="ours")
    answer_all(work, engine=Before(SAMPLES, stopping_after(15)))
    before = (tmp_path / "ours" / SAMPLES_FILE).read_bytes()
    other = engine(SAMPLES)
    with pytest.raises(Mismatch) as refused:
        answer_all(change(work), engine=other)
    assert field in str(refused.value)
    assert "--fresh" in str(refused.value)
    assert str(refused.value).count(" stored, ") <= 1, "nothing else differs"
    assert explain(refused.value).code == ExitCode.INCOMPLETE == 12
    assert other.requests == []
    assert (tmp_path / "ours" / SAMPLES_FILE).read_bytes() == before
    assert answer_all(work, engine=Before(SAMPLES)).stopped is None


def test_another_decoder_is_refused_another_library_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    versions = {"pillow": "11", "av": "14", "torch": "2.12"}
    monkeypatch.setattr("vleval.running.logbook.environment", lambda: dict(versions))
    half_done(tmp_path)
    versions["pillow"] = "12"
    with pytest.raises(Mismatch, match=r"pillow \(11 stored, 12 now\)"):
        answer_all(job(tmp_path))
    versions |= {"pillow": "11", "torch": "2.13"}
    assert answer_all(job(tmp_path)).stopped is None
    assert "torch (2.12 stored, 2.13 now)" in capsys.readouterr().err


def test_a_run_without_answers_stands_in_nobodys_way(tmp_path: Path) -> None:
    answer_all(job(tmp_path, name="ours"), stopping_after(0))
    outcome = answer_all(job(tmp_path, name="ours", max_new_tokens=9))
    assert read_run(tmp_path / "ours").generation.max_new_tokens == 9
    assert outcome.stopped is None


def test_every_setting_is_checked_before_any_is_asked(tmp_path: Path) -> None:
    answer_all(job(tmp_path, name="ours", max_pixels="16t,36t"))
    engine = ToyEngine(SAMPLES)
    with pytest.raises(Mismatch):
        answer_all(job(tmp_path, name="ours", max_pixels="9t,36t", max_new_tokens=9), engine=engine)
    assert engine.requests == []


def test_a_run_that_another_process_writes_to_is_refused(tmp_path: Path) -> None:
    folder = half_done(tmp_path)

    def meanwhile(index: int, sample: Sample, frame: Frame) -> str:
        with pytest.raises(StoreError, match="is being written to by process"):
            answer_all(job(tmp_path))
        return exact(index, sample, frame)

    assert answer_all(job(tmp_path), meanwhile).stopped is None
    assert len((folder / SAMPLES_FILE).read_bytes().splitlines()) == 40


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_answer_in_hand_be_finished(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], number: int
) -> None:
    def signalled(index: int, sample: Sample, frame: Frame) -> str:
        if index == 25:
            os.kill(os.getpid(), number)
        return exact(index, sample, frame)

    before = signal.getsignal(number)
    work = job(tmp_path, max_pixels="16t,36t")
    outcome = answer_all(work, signalled, console=Console())
    assert signal.getsignal(number) is before
    (run,) = outcome.runs
    assert (run.summary.n, run.record.status) == (15, "interrupted"), "40 to 26, and 25 itself"
    code = show_outcome([work], outcome, Console())
    assert code == 128 + number
    said = capfd.readouterr().err
    assert "finishing the answers in hand; once more stops at once" in said
    assert "15 of 40 answers are kept" in said
    assert "the same command again goes on" in said
    outcome = answer_all(work)
    assert [run.summary.n for run in outcome.runs] == [40, 40]


def test_a_full_disk_keeps_every_answer_before_it_and_the_run_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_all(job(tmp_path / "straight"))
    failing = FailingDisk(60, errno.ENOSPC, short=True)
    monkeypatch.setattr(disk, "DISK", failing)
    with pytest.raises(StoreError, match="No space left on device.*the same command again") as full:
        answer_all(job(tmp_path / "runs"))
    assert explain(full.value).code == ExitCode.STORAGE == 14
    folder = only_run(tmp_path / "runs")
    stored = [sample.id for sample in read_samples(folder)]
    assert 10 < len(stored) < 40
    with pytest.raises(StoreError):
        answer_all(job(tmp_path / "runs"))
    monkeypatch.setattr(disk, "DISK", disk.Disk())
    engine = ToyEngine(SAMPLES)
    answer_all(job(tmp_path / "runs"), engine=engine)
    assert len(engine.requests) == 40 - len(stored)
    assert result(folder) == result(only_run(tmp_path / "straight"))


def test_names_that_would_lead_elsewhere_are_refused() -> None:
    for name in ("../x", "a/b", "", ".hidden", "x" * 65, "a b"):
        with pytest.raises(UserError, match="--name"):
            job(Path("runs"), name=name)


def test_the_record_names_all_three_fingerprints(tmp_path: Path) -> None:
    answer_all(job(tmp_path))
    folder = only_run(tmp_path)
    record = json.loads((folder / "run.json").read_bytes())
    assert record["model"]["fingerprint"] == "f" * 64
    assert len(record["fingerprint"]) == 64
    keys = {sample.key for sample in read_samples(folder)}
    assert len(keys) == 40
    assert None not in keys
