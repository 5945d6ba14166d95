"""A committed baseline: small, without texts or paths, sorted, and equal to the run it was made from."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gate_kit import hasty as hasty
from gate_kit import make_run, right_or_wrong, run_record
from vleval.results.comparing.compare import compare_sources
from vleval.results.comparing.pairing import Source
from vleval.results.gating import baseline as baseline_module
from vleval.results.gating.baseline import (
    MANIFEST,
    PACKED,
    SCORES,
    BaselineError,
    read_baseline,
    write_baseline,
)
from vleval.results.record import SampleRecord
from vleval.stored.selection import metrics_of, one_per_task, read_sources

pytestmark = pytest.mark.usefixtures("hasty")

NOW = "2025-02-19T00:00:00+00:00"


def set_baseline(folder: Path, *runs: Path, reason: str = "first", now: str = NOW) -> Mapping[str, Source]:
    new = one_per_task([source for run in runs for source in read_sources(run)], "runs")
    old = read_baseline(folder) if (folder / MANIFEST).exists() else None
    metrics = {task: metrics_of(task) for task in new}
    write_baseline(folder, new, metrics, reason=reason, now=now, old=old)
    return new


def thirds(record: SampleRecord) -> SampleRecord:
    """Scores that no number of decimals holds."""
    return replace(record, metrics={name: value / 3 for name, value in record.metrics.items()})


def test_a_run_equals_its_own_baseline(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", right_or_wrong(), change=thirds)
    new = set_baseline(tmp_path / "main", run)
    base = read_baseline(tmp_path / "main").sources["refcoco"]
    comparison = compare_sources(base, new["refcoco"], metrics_of("refcoco"))
    assert not comparison.refusals
    assert not comparison.warnings
    assert comparison.metrics[0].paired.method == "identical scores"
    assert comparison.latency is not None, "seconds are kept"
    assert comparison.pairs is not None
    assert len(set(comparison.pairs.clusters)) == 150


def test_the_file_holds_scores_and_no_words(tmp_path: Path) -> None:
    model = replace(run_record().model, model="/checkpoints/somebody/checkpoints/step-100")
    run = make_run(tmp_path / "run", [1.0, 1 / 3], model=model)
    set_baseline(tmp_path / "main", run)
    assert sorted(path.name for path in (tmp_path / "main").iterdir()) == [MANIFEST, SCORES]
    first, second = (tmp_path / "main" / SCORES).read_text().splitlines()
    assert json.loads(second) == {
        "task": "refcoco",
        "id": "q00001",
        "in": json.loads(second)["in"],
        "t": json.loads(second)["t"],
        "c": "image-0",
        "s": {metric.name: 0.333333 for metric in metrics_of("refcoco")},
        "seconds": 0.25,
    }
    assert len(json.loads(first)["in"]) == len(json.loads(first)["t"]) == 16
    everything = (tmp_path / "main" / MANIFEST).read_text() + first + second
    for word in ("answer 0", "thing 0", "/checkpoints/somebody", str(tmp_path)):
        assert word not in everything
    assert "step-100" in everything


def test_statuses_other_than_scored_are_kept(tmp_path: Path) -> None:
    def failed(record: SampleRecord) -> SampleRecord:
        return replace(record, status="failed", failure="oom", input_sha256=None)

    set_baseline(tmp_path / "main", make_run(tmp_path / "run", [0.0], change=failed))
    (answer,) = read_baseline(tmp_path / "main").sources["refcoco"].read().values()
    assert (answer.status, answer.input) == ("failed", None)


def test_other_tasks_stay_and_what_is_replaced_is_remembered(tmp_path: Path) -> None:
    main = tmp_path / "main"
    boxes, spans = make_run(tmp_path / "a", [1.0, 0.0]), make_run(tmp_path / "b", [0.5], of="charades-sta")
    set_baseline(main, boxes, spans)
    lines = (main / SCORES).read_text().splitlines()
    assert [json.loads(line)["task"] for line in lines] == ["charades-sta", "refcoco", "refcoco"]
    set_baseline(main, make_run(tmp_path / "c", [1.0, 1.0]), reason="better", now="2025-03-01T00:00:00+00:00")
    baseline = read_baseline(main)
    assert baseline.tasks["charades-sta"]["reason"] == "first"
    assert baseline.tasks["refcoco"]["metrics"]["acc@0.5"]["value"] == 1.0
    (old,) = baseline.history
    assert (old["task"], old["set"], old["replaced"]) == ("refcoco", NOW, "2025-03-01T00:00:00+00:00")
    assert old["metrics"]["acc@0.5"]["value"] == 0.5
    assert (main / SCORES).read_text().splitlines()[0] == lines[0]


def test_equal_runs_make_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline_module, "PACK_ABOVE", 5)
    run = make_run(tmp_path / "run", right_or_wrong())
    for name in ("x", "y"):
        set_baseline(tmp_path / name, run)
    for name in (MANIFEST, PACKED):
        assert (tmp_path / "x" / name).read_bytes() == (tmp_path / "y" / name).read_bytes()


def test_large_ones_are_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, main = make_run(tmp_path / "run", right_or_wrong()), tmp_path / "main"
    monkeypatch.setattr(baseline_module, "PACK_ABOVE", 299)
    set_baseline(main, run)
    assert sorted(path.name for path in main.iterdir()) == [MANIFEST, PACKED]
    assert len(gzip.decompress((main / PACKED).read_bytes()).splitlines()) == 300
    assert len(read_baseline(main).sources["refcoco"].read()) == 300
    monkeypatch.setattr(baseline_module, "PACK_ABOVE", 300)
    set_baseline(main, run)
    assert sorted(path.name for path in main.iterdir()) == [MANIFEST, SCORES]


def test_line_ends_of_git_on_windows_do_no_harm(tmp_path: Path) -> None:
    set_baseline(tmp_path, make_run(tmp_path / "run", [1.0, 0.0]))
    scores = tmp_path / SCORES
    scores.write_bytes(scores.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_baseline(tmp_path).sources["refcoco"].read()) == 2


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        (
            SCORES,
            lambda data: data.replace(b"0.0", b"1.0"),
            "is not the file that baseline.json was written with",
        ),
        (SCORES, lambda data: data[:-20], "is not the file that baseline.json was written with"),
        (SCORES, None, "cannot read"),
        (MANIFEST, lambda data: b"<<<<<<< HEAD\n" + data, "is no baseline of vleval; take it from git again"),
        (MANIFEST, lambda data: b"[]", "schema None"),
        (MANIFEST, lambda data: data.replace(b"baseline@1", b"baseline@9"), "update vleval"),
        (MANIFEST, lambda data: data.replace(b'"v": 2', b'"v": 99'), "update vleval"),
        (MANIFEST, lambda data: data.replace(b'"record"', b'"recrod"'), "is no baseline of vleval"),
    ],
)
def test_damage_is_one_sentence(tmp_path: Path, name: str, spoil: object, words: str) -> None:
    set_baseline(tmp_path, make_run(tmp_path / "run", [1.0, 0.0]))
    path = tmp_path / name
    if spoil is None:
        path.unlink()
    else:
        path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(BaselineError) as error:
        read_baseline(tmp_path).sources["refcoco"].read()
    assert words in str(error.value)
    assert "\n" not in str(error.value)
