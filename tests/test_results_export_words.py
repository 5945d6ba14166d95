"""Answers in words in files for other programs: truths as they are accepted, readings as they were said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from gate_kit import make_run
from vleval.cli import app

CASES: list[tuple[str, dict[str, Any], dict[str, Any], list[str], Any, str, str]] = [
    ("docvqa", {"answers": ["$5", "5"]}, {"answer": "$5"}, ["$5", "5"], "$5", "$5 or 5", "$5"),
    ("textvqa", {"answers": ["a", "a", "b"]}, {"answer": "b"}, ["a", "b"], "b", "a (2 times) or b", "b"),
    ("ocrbench", {"answers": {"formula": ["x ^ 2"]}}, {"answer": "y"}, ["x ^ 2"], "y", "formula x ^ 2", "y"),
    ("ai2d", {"letter": "B"}, {"letter": None}, ["B"], None, "letter B", ""),
    ("countbench", {"count": 3}, {"count": 4}, ["3"], "4", "count 3", "count 4"),
    (
        "refcoco",
        {"bbox_xyxy": [1, 2, 3, 4]},
        {"boxes": [[1, 2, 3, 5]]},
        ['{"bbox_xyxy": [1, 2, 3, 4]}'],
        [[1, 2, 3, 5]],
        "box 1, 2, 3, 4",
        "box 1, 2, 3, 5",
    ),
]


@pytest.mark.parametrize(
    ("task", "target", "parsed", "references", "read", "truth", "answer"),
    CASES,
    ids=[case[0] for case in CASES],
)
def test_truths_and_readings(
    tmp_path: Path,
    task: str,
    target: dict[str, Any],
    parsed: dict[str, Any],
    references: list[str],
    read: Any,
    truth: str,
    answer: str,
) -> None:
    run = make_run(
        tmp_path / "run",
        [0.5],
        of=task,
        change=lambda record: replace(record, target=target, parsed=parsed, text="raw"),
    )
    for form, output in (("every-eval-ever", "store"), ("parquet", "x.parquet")):
        words = ["export", str(run), "--format", form, "--output", str(tmp_path / output)]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
    (file,) = (tmp_path / "store").rglob("*_samples.jsonl")
    (line,) = file.read_text(encoding="ascii").splitlines()
    exported = json.loads(line)
    assert exported["input"]["reference"] == references
    assert json.loads(exported["answer_attribution"][0]["extracted_value"]) == read
    (row,) = pd.read_parquet(tmp_path / "x.parquet").to_dict("records")
    assert (row["truth"], row["answer"], row["text"]) == (truth, answer, "raw")
    assert json.loads(row["target"]) == target
