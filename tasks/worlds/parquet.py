"""Rows as parquet files that `datasets` reads like those of the hub: the same rows give the same bytes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa

    Columns: TypeAlias = dict[str, tuple[pa.DataType, Any]]
    """Name -> the type in the file, and the feature as `datasets` spells it."""

STRING = {"dtype": "string", "_type": "Value"}
IMAGE = {"_type": "Image"}


def value(dtype: str) -> dict[str, Any]:
    """The feature of one number."""
    return {"dtype": dtype, "_type": "Value"}


def sequence(dtype: str) -> dict[str, Any]:
    """A list feature in the spelling that both old and new versions of `datasets` read."""
    return {"feature": value(dtype), "_type": "Sequence"}


def write_parquet(path: Path, columns: Columns, rows: list[dict[str, Any]]) -> int:
    """Writes one file; returns the number of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    features = {name: feature for name, (_, feature) in columns.items()}
    schema = pa.schema(
        [(name, kind) for name, (kind, _) in columns.items()],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink, compression="zstd")
    write_bytes(path, sink.getvalue().to_pybytes())
    return len(rows)


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces `path` at once, so that a stopped run never leaves half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(data)
    os.replace(partial, path)
