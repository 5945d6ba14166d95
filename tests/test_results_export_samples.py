"""Answers as parquet and CSV, read back by pandas: every field, harmless cells, little memory at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from board_kit import HOSTILE, toy_run
from vleval.results.exports import samples as export_samples
from vleval.results.exports.samples import (
    COUNTS,
    METRIC,
    SECONDS,
    TEXTS,
    sample_frames,
    write_csv,
    write_parquet,
)
from vleval.results.record import RunRecord, SampleRecord
from vleval.results.storage.store import read_run, read_samples
from vleval.tasks.grounding.refcoco import METRICS

NAMES = [metric.name for metric in METRICS]
COLUMNS = [*TEXTS, *COUNTS, *SECONDS, *(METRIC + name for name in NAMES)]
FORMS = ["parquet", "csv"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def run(folder: Path) -> RunRecord:
    return read_run(folder)


@pytest.fixture
def samples(folder: Path) -> list[SampleRecord]:
    found = list(read_samples(folder))
    failed = replace(found[1], status="failed", failure="oom", reason="no memory", frames=(), text="")
    evil = replace(found[2], id=HOSTILE, text="=1+1\r\n\udc80 \u202eünï", question="@x")
    return [found[0], failed, evil, *found[3:]]


def back(
    form: str, path: Path, run: RunRecord, samples: Sequence[SampleRecord], **options: Any
) -> pd.DataFrame:
    if form == "parquet":
        assert write_parquet(path, run, samples, NAMES) == len(samples)
        return pd.read_parquet(path)
    assert write_csv(path, run, samples, NAMES, **options) == len(samples)
    return pd.read_csv(path, lineterminator="\n")


@pytest.mark.parametrize("form", FORMS)
def test_every_answer_is_a_row_and_every_field_a_column(
    form: str, tmp_path: Path, run: RunRecord, samples: list[SampleRecord]
) -> None:
    frame = back(form, tmp_path / "x", run, samples)
    assert list(frame.columns) == COLUMNS
    assert len(frame) == 40
    first, sample = frame.iloc[0], samples[0]
    assert first["run"] == run.id
    assert json.loads(first["target"]) == dict(sample.target)
    assert json.loads(first["parsed"]) == json.loads(json.dumps(sample.parsed))
    assert json.loads(first["frames"])[0]["input_size"] == list(sample.frames[0].input_size)
    assert json.loads(first["original_size"]) == [640, 448]
    assert first["visual_tokens"] == sample.usage.visual_tokens
    assert frame["metric/mean_iou"].tolist() == [each.metrics["mean_iou"] for each in samples]
    assert frame["attempt"].dtype == "int64"
    assert [frame.loc[1, name] for name in ("status", "failure", "reason")] == ["failed", "oom", "no memory"]
    assert pd.isna(frame.loc[0, "failure"])


def test_parquet_has_one_schema_whatever_the_answers(
    tmp_path: Path, run: RunRecord, samples: list[SampleRecord]
) -> None:
    schemas = []
    for number, some in enumerate(([], samples[:1], samples)):
        path = tmp_path / f"{number}.parquet"
        write_parquet(path, run, some, NAMES)
        schemas.append(pq.read_schema(path).remove_metadata())
    assert schemas[0] == schemas[1] == schemas[2]
    types = {name: schemas[0].field(name).type for name in ("text", "attempt", "metric/acc@0.5")}
    assert types == {"text": pa.string(), "attempt": pa.int64(), "metric/acc@0.5": pa.float64()}


def test_parquet_keeps_words_as_they_are_and_writes_what_utf8_cannot_hold_as_escapes(
    tmp_path: Path, run: RunRecord, samples: list[SampleRecord]
) -> None:
    frame = back("parquet", tmp_path / "x", run, samples)
    assert frame.loc[2, "id"] == HOSTILE
    assert frame.loc[2, "text"] == "=1+1\r\n\\udc80 \u202eünï"


@pytest.mark.parametrize("raw", [False, True])
def test_csv_disarms_formulas_and_keeps_carriage_returns(
    tmp_path: Path, run: RunRecord, samples: list[SampleRecord], raw: bool
) -> None:
    frame = back("csv", tmp_path / "x", run, samples, raw=raw)
    mark = "" if raw else "'"
    assert frame.loc[2, "text"] == mark + "=1+1\r\n\\udc80 \u202eünï"
    assert frame.loc[2, "question"] == mark + "@x"
    assert frame.loc[2, "id"] == mark + HOSTILE
    assert frame.loc[0, "question"] == samples[0].question


def test_numbers_stand_in_csv_without_quotes(
    tmp_path: Path, run: RunRecord, samples: list[SampleRecord]
) -> None:
    write_csv(tmp_path / "x", run, samples[:1], NAMES)
    head, row = (tmp_path / "x").read_text(encoding="utf-8").splitlines()
    assert head.startswith('"run","task"')
    assert row.endswith(",1.0,1.0,1.0," + repr(samples[0].metrics["mean_iou"]) + ",1.0")


def test_no_answers_are_a_table_with_columns(tmp_path: Path, run: RunRecord) -> None:
    assert list(back("csv", tmp_path / "x", run, []).columns) == COLUMNS


def test_answers_are_taken_in_batches(
    tmp_path: Path, run: RunRecord, samples: list[SampleRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 0

    def counted() -> Iterator[SampleRecord]:
        nonlocal taken
        for sample in samples:
            taken += 1
            yield sample

    frames = sample_frames(run, counted(), NAMES, batch=16)
    assert len(next(frames)) == 16
    assert taken == 16
    assert [len(frame) for frame in frames] == [16, 8]
    assert export_samples.BATCH == 10_000
