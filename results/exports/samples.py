"""The answers of a run as a table, parquet or CSV: a row per sample, nested fields as JSON text.

`truth` and `answer` say the fields `target` and `parsed` in words.

Answers are read and written in batches, so that 100,000 of them need little memory.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vleval.grounding.frame import Frame
from vleval.results.escape import formula_safe
from vleval.results.record import RunRecord, SampleRecord
from vleval.results.words import MOST_TEXTS, in_words

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BATCH = 10_000
"""Rows in memory at once, and in a row group of parquet."""

TEXTS = (
    "run",
    "task",
    "split",
    "model",
    "id",
    "cluster",
    "status",
    "failure",
    "reason",
    "question",
    "truth",
    "text",
    "answer",
    "finish_reason",
    "target",
    "parsed",
    "tags",
    "original_size",
    "frames",
    "input_sha256",
    "key",
)
COUNTS = ("visual_tokens", "prompt_tokens", "completion_tokens", "attempt")
SECONDS = (
    "preprocess_seconds",
    "vision_seconds",
    "prefill_seconds",
    "decode_seconds",
    "elapsed_seconds",
)
METRIC = "metric/"
"""Before the names of metrics, which are the task's."""


def write_parquet(path: Path, run: RunRecord, samples: Iterable[SampleRecord], metrics: Sequence[str]) -> int:
    """Write the answers, and return how many: strings, and int64 or float64 for numbers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(metrics)
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for frame in sample_frames(run, samples, metrics):
            writer.write_table(pa.Table.from_pandas(frame, schema=schema, preserve_index=False))
            count += len(frame)
    return count


def write_csv(
    path: Path, run: RunRecord, samples: Iterable[SampleRecord], metrics: Sequence[str], *, raw: bool = False
) -> int:
    """Write the answers, and return how many: texts quoted, numbers not, formulas disarmed unless `raw`."""
    count = 0
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        for frame in sample_frames(run, samples, metrics):
            if not raw:
                for name in TEXTS:
                    frame[name] = frame[name].map(formula_safe, na_action="ignore")
            options: dict[str, Any] = {"quoting": csv.QUOTE_NONNUMERIC, "lineterminator": "\n"}
            frame.to_csv(file, index=False, header=count == 0, **options)
            count += len(frame)
        if count == 0:
            csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerow(_columns(metrics))
    return count


def sample_frames(
    run: RunRecord, samples: Iterable[SampleRecord], metrics: Sequence[str], *, batch: int = BATCH
) -> Iterator[pd.DataFrame]:
    """The answers as data frames of up to `batch` rows, all with the same columns."""
    import pandas as pd

    rows = (_row(run, sample, metrics) for sample in samples)
    columns = _columns(metrics)
    while chunk := list(islice(rows, batch)):
        yield pd.DataFrame(chunk, columns=pd.Index(columns))


def _row(run: RunRecord, sample: SampleRecord, metrics: Sequence[str]) -> list[Any]:
    usage = sample.usage
    return [
        *(run.id, run.task.name, encodable(run.data.split), encodable(run.model.model)),
        *(encodable(sample.id), encodable(sample.cluster), sample.status, sample.failure),
        encodable(sample.reason) if sample.reason else None,
        *(encodable(sample.question), encodable(in_words(sample.target, most=MOST_TEXTS, longest=None))),
        *(
            encodable(sample.text),
            encodable(in_words(sample.parsed, most=MOST_TEXTS, longest=None)),
            sample.finish_reason,
        ),
        *map(_json, (sample.target, sample.parsed, sample.tags, sample.original_size)),
        _frames(sample.frames),
        *(sample.input_sha256, sample.key),
        *(usage.visual_tokens, usage.prompt_tokens, usage.completion_tokens, sample.attempt),
        *(usage.preprocess_seconds, usage.vision_seconds, usage.prefill_seconds, usage.decode_seconds),
        sample.elapsed_seconds,
        *(sample.metrics.get(name) for name in metrics),
    ]


def encodable(text: str) -> str:
    """`text` in which lone surrogates, which no file of UTF-8 holds, are written as their escape."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


@lru_cache(maxsize=1024)
def _frames(frames: tuple[Frame, ...]) -> str:
    """All questions about an image saw the same."""
    return json.dumps([asdict(frame) for frame in frames])


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _columns(metrics: Sequence[str]) -> list[str]:
    return [*TEXTS, *COUNTS, *SECONDS, *(METRIC + name for name in metrics)]


def _schema(metrics: Sequence[str]) -> pa.Schema:
    import pyarrow as pa

    numbers = [*SECONDS, *(METRIC + name for name in metrics)]
    return pa.schema(
        [(name, pa.string()) for name in TEXTS]
        + [(name, pa.int64()) for name in COUNTS]
        + [(name, pa.float64()) for name in numbers]
    )
