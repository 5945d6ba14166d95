"""Real runs of the bundled checkpoint, compared and gated: from pixels to an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vleval.cli import app

LIMIT = 40


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two settings of one grid, by tokens; at 4 tokens a scene is a blur."""
    output = tmp_path_factory.mktemp("runs")
    done = vleval(
        *("run", "--model", "bundled", "--task", "refcoco", "--limit", str(LIMIT), "--max-pixels", "4t,64t"),
        *("--dtype", "float32", "--device", "cpu", "--output", str(output), "--json", "--quiet"),
    )
    assert done.exit_code == 0, done.output
    return {
        each["setting"]["max-pixels"]: Path(each["folder"])
        for each in json.loads(done.stdout)["tasks"][0]["runs"]
    }


def vleval(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_two_settings_of_a_grid_compare(runs: dict[str, Path]) -> None:
    done = vleval("compare", str(runs["4t"]), str(runs["64t"]), "--json", "--vary", "max-pixels")
    assert done.exit_code == 0, done.output
    (entry,) = json.loads(done.stdout)["candidates"]
    (comparison,) = entry["comparisons"]
    assert comparison["pairs"]["paired"] == LIMIT
    head = comparison["metrics"][0]
    assert head["difference"] > 0.3, "64 tokens see what 4 cannot"
    assert head["p_value"] < 0.05
    assert {"field": "max-pixels", "baseline": "3136", "candidate": "50176"} in comparison["changes"]


def test_from_a_baseline_to_a_verdict(runs: dict[str, Path], tmp_path: Path) -> None:
    base = str(tmp_path / "baselines" / "main")
    assert vleval("baseline", "set", str(runs["64t"]), "--output", base, "--reason", "first").exit_code == 0
    policy = tmp_path / "vleval.toml"
    policy.write_text('baseline = "baselines/main"\n[tasks.refcoco]\nmax_drop = 0.05\nmin_n = 20\n')

    def gate(name: str, *flags: str) -> Result:
        return vleval("gate", str(runs[name]), "--policy", str(policy), *flags)

    assert gate("64t").exit_code == 12, "bundled runs say nothing about another checkpoint"
    same = gate("64t", "--allow-bundled", "--json")
    assert same.exit_code == 0, same.output
    document = json.loads(same.stdout)
    assert document["outcome"] == "PASS"
    assert document["comparisons"][0]["metrics"][0]["method"] == "identical scores"
    assert gate("4t", "--allow-bundled").exit_code == 12, "other pixels, and nobody said so"
    blurred = gate("4t", "--allow-bundled", "--vary", "max-pixels")
    assert blurred.exit_code == 10, blurred.output
    assert "a drop beyond the margin is established" in " ".join(blurred.stdout.split())
