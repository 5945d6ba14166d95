"""Several tasks in one command: what runs when, what is kept, and that the whole goes on as a whole."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from run_kit import SAMPLES, job, result
from toy import Answer, ToyEngine, exact, swapped, toy_clips
from vleval.console import Console
from vleval.errors import ExitCode, UserError
from vleval.grounding.frame import Frame
from vleval.model.io import Failure
from vleval.results.storage.store import SAMPLES_FILE, read_run, read_samples, stored_ids
from vleval.running.engines import Loaded
from vleval.running.job import Job, Outcome
from vleval.running.report import show_outcome
from vleval.running.resume import Mismatch
from vleval.running.runner import run_grid
from vleval.tasks.base import Sample
from vleval.tasks.video import charades_sta

CLIPS = toy_clips()
FLAGS = {"max_pixels": "16t,36t,64t", "fps": "1,2,4"}


def both(root: Path, **flags: object) -> list[Job]:
    flags = {**FLAGS, **flags}
    boxes = job(root, alone=False, **flags)
    return [boxes, job(root, CLIPS, charades_sta.TASK, alone=False, **flags)]


def oracle(answer: Answer = exact) -> ToyEngine:
    return ToyEngine([*SAMPLES, *CLIPS], answer)


def run_both(jobs: list[Job], engine: ToyEngine, console: Console | None = None) -> Outcome:
    return run_grid(jobs, Loaded(engine, 2.0), console or Console(quiet=True))


def in_second_task(at: int, said: str | Failure | BaseException) -> Answer:
    """The truth, but for one question about videos at 4 frames per second and 16 tokens."""

    def answer(index: int, sample: Sample, frame: Frame) -> str | Failure | BaseException:
        here = sample.id == CLIPS[at].id and frame.second_per_grid == 0.5 and frame.input_size[0] < 140
        return said if here else exact(index, sample, frame)

    return answer


def folders(root: Path) -> list[str]:
    """Of the runs, as paths from the root."""
    return sorted(str(path.parent.relative_to(root)) for path in root.rglob("run.json"))


def test_one_task_after_the_other_each_with_the_settings_that_apply(tmp_path: Path) -> None:
    engine = oracle()
    outcome = run_both(both(tmp_path), engine)
    assert outcome.stopped is None
    tasks = [run.record.task.name for run in outcome.runs]
    assert tasks == ["refcoco"] * 3 + ["charades-sta"] * 9
    assert [dict(run.setting.label) for run in outcome.runs[:4]] == [
        {"max-pixels": "16t"},
        {"max-pixels": "36t"},
        {"max-pixels": "64t"},
        {"max-pixels": "16t", "fps": "1"},
    ]
    kinds = [request.media()[0].kind for request in engine.requests]
    assert kinds == ["image"] * 3 * len(SAMPLES) + ["video"] * 9 * len(CLIPS)
    headlines = [run.summary.metrics[run.record.task.headline].value for run in outcome.runs]
    assert headlines == [1.0] * 12
    assert {read_run(run.folder).grid for run in outcome.runs} == {outcome.runs[0].record.grid}


def test_a_grid_that_stops_in_its_second_task_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    run_both(both(tmp_path / "straight"), oracle())
    outcome = run_both(both(tmp_path / "resumed"), oracle(in_second_task(4, KeyboardInterrupt())))
    assert [run.summary.n for run in outcome.runs] == [40, 40, 40, 12, 12, 7], "12 to 6 of the last one"
    engine = oracle()
    outcome = run_both(both(tmp_path / "resumed"), engine)
    assert outcome.stopped is None
    assert len(engine.requests) == 5 + 6 * 12
    assert folders(tmp_path / "resumed") == folders(tmp_path / "straight")
    for name in folders(tmp_path / "straight"):
        assert result(tmp_path / "resumed" / name) == result(tmp_path / "straight" / name)
    engine = oracle()
    assert len(run_both(both(tmp_path / "resumed"), engine).runs) == 12
    assert engine.requests == []


def test_a_signal_in_the_second_task_says_what_is_left(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    truth = in_second_task(4, "stop")

    def signalled(index: int, sample: Sample, frame: Frame) -> str | Failure | BaseException:
        said = truth(index, sample, frame)
        if said != "stop":
            return said
        os.kill(os.getpid(), signal.SIGINT)
        return exact(index, sample, frame)

    jobs = both(tmp_path)
    outcome = run_both(jobs, oracle(signalled))
    assert [run.summary.n for run in outcome.runs[3:]] == [12, 12, 8], "the answer in hand is finished"
    assert show_outcome(jobs, outcome, Console()) == ExitCode.INTERRUPTED
    said = capfd.readouterr()
    assert "8 of 12 answers are kept in" in said.err
    assert "6 more runs not begun (charades-sta 6); the same command again goes on" in said.err
    assert "fps 4: INCOMPLETE, 8 of 12 questions answered" in said.out
    assert "max-pixels 16t fps 4: the difference is over 8 questions" in said.out


def test_too_many_failures_in_one_run_stop_the_grid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(index: int, sample: Sample, frame: Frame) -> Failure:
        return Failure("model_error", "logits are not finite")

    jobs = both(tmp_path, max_errors=3)
    outcome = run_both(jobs, oracle(broken))
    assert [run.summary.n for run in outcome.runs] == [4]
    console = Console(json=True)
    assert show_outcome(jobs, outcome, console) == ExitCode.ERROR_BUDGET == 13
    said = capsys.readouterr()
    assert "11 more runs not begun (refcoco 2, charades-sta 9)" in said.err
    document = json.loads(said.out)
    assert (document["status"], document["planned_runs"]) == ("failed", 12)
    boxes, spans = document["tasks"]
    assert (boxes["planned_runs"], len(boxes["runs"])) == (3, 1)
    assert (spans["task"]["name"], spans["data"]["samples"], spans["runs"]) == ("charades-sta", 12, [])
    assert outcome.runs[0].record.status == "failed"


def test_every_task_is_checked_before_any_is_asked(tmp_path: Path) -> None:
    run_both(both(tmp_path), oracle())
    stored = next(tmp_path.glob("*/charades-sta*"))
    record = json.loads((stored / "run.json").read_text())
    record["task"]["prompt"] = "another one"
    (stored / "run.json").write_text(json.dumps(record))
    engine = oracle()
    with pytest.raises(Mismatch, match="prompt"):
        run_both(both(tmp_path, max_pixels="9t,16t,36t,64t"), engine)
    assert engine.requests == []


def test_what_one_task_alone_has_stored_is_part_of_the_grid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = job(tmp_path, max_pixels="16t,36t")
    first = run_both([alone], oracle())
    engine = oracle()
    outcome = run_both(both(tmp_path), engine, Console())
    assert len(engine.requests) == 40 + 9 * 12
    assert {run.record.grid for run in outcome.runs} == {run.record.grid for run in first.runs}
    said = capsys.readouterr().err
    assert (
        "12 runs: refcoco (max-pixels 16t, 36t, 64t); charades-sta (max-pixels 16t, 36t, 64t; fps 1, 2, 4); "
        "80 of 228 answers are stored"
    ) in said
    assert "3/12 refcoco max-pixels 64t: 4/40 (10%)" in said
    assert "12/12 charades-sta max-pixels 64t fps 4: 12/12 (100%)" in said


def test_a_name_is_one_folder_per_task_and_setting(tmp_path: Path) -> None:
    outcome = run_both(both(tmp_path, name="nightly", max_pixels="16t", fps="1,2"), oracle())
    names = ["nightly-charades-sta-1fps", "nightly-charades-sta-2fps", "nightly-refcoco"]
    assert folders(tmp_path) == [f"nightly/{name}" for name in names]
    assert {run.record.grid for run in outcome.runs} == {"nightly"}


def test_fresh_sets_every_run_aside(tmp_path: Path) -> None:
    run_both(both(tmp_path, max_pixels="16t", fps="1"), oracle())
    engine = oracle()
    run_both(both(tmp_path, max_pixels="16t", fps="1", fresh=True), engine)
    assert len(engine.requests) == 52
    assert sum(name.endswith(".old1") for name in folders(tmp_path)) == 2


def test_the_difference_is_that_of_the_same_questions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong at 36 tokens in 12 of 40 questions."""

    def worse(index: int, sample: Sample, frame: Frame) -> str:
        return (swapped if 16 < frame.visual_tokens <= 36 and index < 12 else exact)(index, sample, frame)

    jobs = [job(tmp_path, max_pixels="16t,36t,64t")]
    outcome = run_both(jobs, oracle(worse))
    assert show_outcome(jobs, outcome, Console(json=True)) == ExitCode.OK
    first, second, third = json.loads(capsys.readouterr().out)["tasks"][0]["runs"]
    assert first["difference"] is None
    found = second["difference"]
    lost = found["losses"]
    assert 0 < lost <= 12
    assert (found["difference"], found["gains"], found["n"], found["clusters"]) == (-lost / 40, 0, 40, 20)
    low, high = found["interval"]
    assert low < -lost / 40 < high
    assert (third["difference"]["difference"], third["difference"]["interval"]) == (0.0, [0.0, 0.0])
    show_outcome(jobs, outcome, Console())
    row = next(line for line in capsys.readouterr().out.splitlines() if f"{-100 * lost / 40:+.1f} [" in line)
    assert row.startswith("36t")


def test_only_whole_lines_are_stored_answers(tmp_path: Path) -> None:
    (run,) = run_both([job(tmp_path)], oracle()).runs
    file = run.folder / SAMPLES_FILE
    assert stored_ids(run.folder) == {sample.id for sample in read_samples(run.folder)}
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0][:-40] + b"\n", *lines[1:-1], lines[-1][:50]]))
    assert len(stored_ids(run.folder)) == 38
    assert stored_ids(tmp_path / "nowhere") == set()


def test_an_unsure_convention_stops_before_the_first_task(tmp_path: Path) -> None:
    engine = oracle()
    engine.family = "other"
    with pytest.raises(UserError, match="--coordinates"):
        run_both(both(tmp_path), engine)
    assert folders(tmp_path) == []
