"""Whole runs on generated pages: known truths score 100 (distance 0), planted errors exactly their share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from toy import Answer, ToyEngine
from vleval.cli import app
from vleval.grounding.frame import Frame, to_input
from vleval.running.config import RunConfig
from vleval.running.engines import Loaded, ModelChoice
from vleval.tasks.base import Sample
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task


def as_html(index: int, sample: Sample, frame: Frame) -> str:
    """The page in input pixels, as exactly as numbers can be written."""

    def swap(match: re.Match[str]) -> str:
        (box,) = to_input([[float(word) for word in match[1].split()]], frame, "absolute").tolist()
        return f'data-bbox="{" ".join(f"{edge:.6f}" for edge in box)}"'

    return re.sub('data-bbox="([^"]*)"', swap, sample.target["html"])


def as_markdown(index: int, sample: Sample, frame: Frame) -> str:
    """The page's blocks in their order; the two parts of a broken paragraph as two."""
    blocks = sample.target["page"]["layout_dets"]
    return "\n\n".join(
        f"\\[{block['latex'].strip('$')}\\]"
        if "latex" in block
        else block.get("html") or block.get("text") or ""
        for block in blocks
    )


TRUTHS: dict[str, Callable[[int, Sample, Frame], str]] = {"docparse": as_html, "omnidocbench": as_markdown}


def scores(task: str, answer: Answer, monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, float]:
    """The metrics of `vleval run` on bundled data with an engine that answers like this."""
    monkeypatch.chdir(folder)
    for name in ("CI", "VLEVAL_MODEL", "VLEVAL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    engine = ToyEngine(open_data(get_task(task), "bundled").samples, answer)

    def toy(config: RunConfig, choice: ModelChoice) -> Loaded:
        return Loaded(engine, 2.0)

    monkeypatch.setattr("vleval.running.engines.open_engine", toy)
    result = CliRunner().invoke(app, ["run", "--task", task, "--data", "bundled", "--json"])
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)["tasks"]
    (setting,) = found["runs"]
    return {name: metric["value"] for name, metric in setting["summary"]["metrics"].items()}


def best(task: str) -> dict[str, float]:
    return {metric.name: float(metric.higher_is_better) for metric in get_task(task).metrics}


@pytest.mark.parametrize("task", TRUTHS)
def test_known_truths_score_100(task: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert scores(task, TRUTHS[task], monkeypatch, tmp_path) == best(task)


@pytest.mark.parametrize("task", TRUTHS)
def test_planted_errors_cost_exactly_their_share(
    task: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def one_in_four_silent(index: int, sample: Sample, frame: Frame) -> str:
        return TRUTHS[task](index, sample, frame) if index % 4 else ""

    definition = get_task(task)
    assert definition.applies is not None
    samples = open_data(definition, "bundled").samples
    expected = {}
    for metric in definition.metrics:
        counted = [index for index, sample in enumerate(samples) if metric.name in definition.applies(sample)]
        right = sum(index % 4 > 0 for index in counted) / len(counted)
        expected[metric.name] = right if metric.higher_is_better else 1 - right
    for metric in definition.metrics:
        if metric.parts:
            expected[metric.name] = sum(expected[part] for part in metric.parts) / len(metric.parts)
    assert scores(task, one_in_four_silent, monkeypatch, tmp_path) == pytest.approx(expected, abs=1e-9)
