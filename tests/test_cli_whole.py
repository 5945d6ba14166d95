"""Whole runs with real models: folders of transformers, the real tokenizer, real photos, the bundled one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from helpers import fixtures_path, real_config, real_tokenizer, save_tiny_checkpoint
from vleval.cli import app
from vleval.results.record import SampleRecord
from vleval.results.storage.store import read_run, read_samples
from vleval.running.engines import BUNDLED_CHECKPOINT

PHOTOS = ("ocr_example1.jpg", "ocr_example2.jpg", "ocr_example3.jpg")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Random weights in the folder that transformers saves, with the real vocabulary."""
    folder = tmp_path_factory.mktemp("checkpoint")
    tokenizer = real_tokenizer(request.config.cache.mkdir("tokenizer"))
    save_tiny_checkpoint(folder, config=real_config(), tokenizer=tokenizer)
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parquet with RefCOCO's columns: three photos, a torn one, two sentences each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {
            "question_id": str(number),
            "image": {"bytes": fixtures_path("photos", "ocr", name).read_bytes(), "path": name},
            "answer": ["the sign", "the largest word"],
            "bbox": [20.0, 30.0, 100.0, 80.0],
        }
        for number, name in enumerate(PHOTOS)
    ]
    torn = {"bytes": fixtures_path("photos", "ocr", PHOTOS[0]).read_bytes()[:3000], "path": "torn.jpg"}
    rows.append({**rows[0], "question_id": "torn", "image": torn})
    file = tmp_path_factory.mktemp("data") / "photos.parquet"
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


def run(checkpoint: Path, data: Path, output: Path, engine: str) -> list[SampleRecord]:
    flags = ["--model", checkpoint, "--data", data, "--output", output, "--engine", engine]
    extra = [
        "--max-pixels",
        "16t,64t",
        "--max-new-tokens",
        "8",
        "--dtype",
        "float32",
        "--device",
        "cpu",
        "--json",
    ]
    result = CliRunner().invoke(app, ["run", "--task", "refcoco", *map(str, flags), *extra])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["status"] == "complete"
    records = []
    for entry in document["tasks"][0]["runs"]:
        summary = entry["summary"]
        assert (summary["n"], summary["expected"], summary["clusters"]) == (8, 8, 4)
        assert summary["failures"] == {"input_error": 2}
        assert summary["scored"] + summary["unparsed"] == 6
        assert summary["metrics"]["acc@0.5"]["value"] == 0.0
        assert read_run(Path(entry["folder"])).model.engine == engine
        records += sorted(read_samples(Path(entry["folder"])), key=lambda record: record.id)
    return records


def test_random_weights_get_a_true_zero_and_both_engines_say_the_same(
    checkpoint: Path, photos: Path, tmp_path: Path
) -> None:
    ours = run(checkpoint, photos, tmp_path / "local", "local")
    theirs = run(checkpoint, photos, tmp_path / "transformers", "transformers")
    assert [record.text for record in ours] == [record.text for record in theirs]
    assert [record.frames for record in ours] == [record.frames for record in theirs]
    assert len({record.text for record in ours if record.status != "failed"}) > 1
    answered = [record for record in ours if record.status != "failed"]
    assert all(0 < record.usage.visual_tokens <= 64 for record in answered)


def test_the_bundled_checkpoint_runs_on_bundled_data_and_says_so(tmp_path: Path) -> None:
    if not (BUNDLED_CHECKPOINT / "config.json").is_file():
        pytest.skip("no bundled checkpoint in this tree")
    flags = [
        "--task",
        "refcoco",
        "--data",
        "bundled",
        "--max-pixels",
        "16t,36t,64t",
        "--limit",
        "12",
        "--max-new-tokens",
        "4",
    ]
    result = CliRunner().invoke(app, ["run", *flags, "--output", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "bundled refcoco" in result.stdout
    assert "bundled checkpoint" in " ".join(result.stdout.split())
    records = [read_run(folder) for folder in sorted(tmp_path.iterdir())]
    assert all(record.data.bundled and record.bundled_model for record in records)
    tokens = [record.summary["visual_tokens"] for record in records if record.summary]
    assert tokens[1] >= 1.5 * tokens[0]
    assert tokens[2] >= 1.5 * tokens[1]
