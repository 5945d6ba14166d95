"""The form of Every Eval Ever, held against its fields.

The tables below are our own notes of which fields there are, of which type, and which are required ("?" marks
the others), from evaleval/every_eval_ever: `eval.schema.json` and `instance_level_eval.schema.json` 0.2.2 and
`eval_types.py` at commit 09496fc (schema 0.3.0), read in November 2026. What no table has is an error.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from board_kit import BUNDLED, HOSTILE, HUB, MODEL, toy_run, variant
from vleval.results.exports.every_eval import Evaluation, aggregate, as_text, write_folder
from vleval.results.exports.hub import Scores
from vleval.results.storage.store import read_run, read_samples
from vleval.stored.boards import setting_text
from vleval.tasks.grounding.refcoco import METRICS

NUMBER = (int, float)
WORDS = {str: str}
DETAILS = {"additional_details?": WORDS}
FILE_PATH = re.compile(
    r"data/[^/]+/[^/]+/[^/]+/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}_samples\.jsonl"
)
SOURCE_HF = {
    "dataset_name": str,
    "source_type": {"hf_dataset"},
    "hf_repo": str,
    "hf_split?": str,
    "samples_number?": int,
    **DETAILS,
}
SOURCE_OTHER = {"dataset_name": str, "source_type": {"other"}, **DETAILS}
RESULT = {
    "evaluation_result_id?": str,
    "evaluation_name": str,
    "source_data": None,  # one of the two above
    "evaluation_timestamp?": str,
    "metric_config": {
        "metric_id?": str,
        "metric_name?": str,
        "metric_unit?": str,
        "lower_is_better": bool,
        "score_type?": {"continuous"},
        "min_score?": NUMBER,
        "max_score?": NUMBER,
    },
    "score_details": {
        "score": NUMBER,
        "details?": WORDS,
        "uncertainty?": {
            "standard_error?": {"value": NUMBER, "method?": str},
            "confidence_interval?": {
                "lower": NUMBER,
                "upper": NUMBER,
                "confidence_level?": NUMBER,
                "method?": str,
            },
            "num_samples?": int,
        },
    },
    "generation_config?": {
        "generation_args?": {"temperature?": NUMBER, "max_tokens?": int, "prompt_template?": str},
        **DETAILS,
    },
}
AGGREGATE = {
    "schema_version": str,
    "evaluation_id": str,
    "evaluation_timestamp?": str,
    "retrieved_timestamp": str,
    "source_metadata": {
        "source_name?": str,
        "source_type": {"documentation", "evaluation_run"},
        "source_organization_name": str,
        "evaluator_relationship": {"first_party", "third_party", "collaborative", "other"},
    },
    "eval_library": {"name": str, "version": str},
    "model_info": {
        "name": str,
        "id": str,
        "inference_engine?": {"name?": str, "version?": str},
        "additional_details": WORDS,
    },
    "evaluation_results": [RESULT],
    "detailed_evaluation_results?": {
        "format": {"jsonl"},
        "file_path": FILE_PATH,
        "hash_algorithm?": {"sha256"},
        "checksum?": str,
        "total_rows?": int,
    },
}
INSTANCE = {
    "schema_version": str,
    "evaluation_id": str,
    "model_id": str,
    "evaluation_name": str,
    "evaluation_result_id?": str,
    "sample_id": str,
    "sample_hash?": str,
    "interaction_type": {"single_turn"},
    "input": {"raw": str, "reference": [str]},
    "output": {"raw": [str]},
    "messages?": type(None),
    "answer_attribution": [
        {
            "turn_idx": int,
            "source": str,
            "extracted_value": str,
            "extraction_method": str,
            "is_terminal": bool,
        }
    ],
    "evaluation": {"score": NUMBER, "is_correct": bool},
    "token_usage?": {"input_tokens": int, "output_tokens": int, "total_tokens": int},
    "performance?": {"latency_ms?": NUMBER},
    "error?": (str, type(None)),
    "metadata?": WORDS,
}


def faults(value: Any, form: Any, where: str = "") -> list[str]:
    """Where a value is not as its table says."""
    if form is None:
        return []
    if form is WORDS:
        return [] if all(type(each) is str for each in value.values()) else [f"{where}: not all strings"]
    if isinstance(form, dict):
        names = {name.rstrip("?"): (name, each) for name, each in form.items()}
        lacking = [f"{where}/{name} is missing" for name in form if name[-1] != "?" and name not in value]
        unknown = [f"{where}/{name} is unknown" for name in value if name not in names]
        inner = [
            faults(each, names[name][1], f"{where}/{name}") for name, each in value.items() if name in names
        ]
        return lacking + unknown + [fault for found in inner for fault in found]
    if isinstance(form, list):
        return [fault for each in value for fault in faults(each, form[0], f"{where}[]")]
    if isinstance(form, set):
        return [] if value in form else [f"{where}: {value!r} is none of {form}"]
    if isinstance(form, re.Pattern):
        return [] if form.fullmatch(value) else [f"{where}: {value!r} is no path"]
    kinds = form if isinstance(form, tuple) else (form,)
    return [] if type(value) in kinds else [f"{where}: {value!r} is not {kinds}"]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_run(tmp_path_factory.mktemp("runs"))


def evaluation(folder: Path, dataset: str | None = "lmms-lab-encoder/RefCOCO") -> Evaluation:
    run = read_run(folder)
    assert run.summary is not None
    scores = Scores(run, run.summary, METRICS, "my-org/my-model", dataset, setting_text(run))
    return Evaluation(scores, 1795377299.5)


@pytest.fixture
def hub(toy: Path, tmp_path: Path) -> Path:
    return variant(toy, tmp_path / "hub", data=HUB, model=MODEL)


def test_scores_have_the_fields_of_the_schema(hub: Path) -> None:
    record = json.loads(as_text(aggregate(evaluation(hub))))
    assert faults(record, AGGREGATE) == []
    assert record["schema_version"] == "0.3.0"
    assert record["retrieved_timestamp"] == "1795377299"
    assert [each["metric_config"]["metric_name"] for each in record["evaluation_results"]] == [
        metric.title for metric in METRICS
    ]
    for result in record["evaluation_results"]:
        assert faults(result["source_data"], SOURCE_HF) == []
        config, details = result["metric_config"], result["score_details"]
        assert config["min_score"] <= details["score"] <= config["max_score"]
    first = record["evaluation_results"][0]["score_details"]
    assert first["uncertainty"]["confidence_interval"]["confidence_level"] == 0.95
    assert first["uncertainty"]["num_samples"] == 40
    assert record["model_info"]["additional_details"]["deployment_type"] == "self_deployed"
    assert record["model_info"]["additional_details"]["model_availability"] == "unknown"


def test_the_table_finds_what_is_wrong() -> None:
    assert faults({"raw": 1, "more": 2}, {"raw": str, "reference": [str]}, "x") == [
        "x/reference is missing",
        "x/more is unknown",
        "x/raw: 1 is not (<class 'str'>,)",
    ]


def test_bundled_data_are_no_data_set_of_the_hub(toy: Path, tmp_path: Path) -> None:
    bundled = variant(toy, tmp_path / "bundled", data=BUNDLED, bundled_model=True)
    record = aggregate(evaluation(bundled, None))
    for result in record["evaluation_results"]:
        assert faults(result["source_data"], SOURCE_OTHER) == []
        assert result["source_data"]["dataset_name"] == "refcoco (bundled with vleval)"


def test_one_run_has_one_name_whenever_it_is_exported(hub: Path) -> None:
    first = evaluation(hub)
    later = replace(first, now=first.now + 1000)
    assert (first.id, first.uuid) == (later.id, later.uuid)
    assert first.uuid.version == 4


def test_a_folder_holds_scores_and_answers_that_belong_together(hub: Path, tmp_path: Path) -> None:
    lines = (hub / "samples.jsonl").read_bytes().splitlines(keepends=True)
    samples = [*read_samples(hub)]
    samples[1] = replace(samples[1], status="failed", failure="oom", reason="no memory", metrics={})
    samples[2] = replace(samples[2], text=HOSTILE + "\udc80", tags={"kind": "x"}, status="unparsed")
    store = tmp_path / "store"
    path = write_folder(store, evaluation(hub), samples)
    record = json.loads(path.read_text(encoding="ascii"))
    assert faults(record, AGGREGATE) == []
    answers = record["detailed_evaluation_results"]
    file = store / answers["file_path"]
    assert path.name == file.name.replace("_samples.jsonl", ".json")
    assert path.parent == file.parent
    data = file.read_bytes()
    assert answers["checksum"] == hashlib.sha256(data).hexdigest()
    rows = [json.loads(line) for line in data.splitlines()]
    assert len(rows) == len(lines) == answers["total_rows"]
    assert [fault for row in rows for fault in faults(row, INSTANCE)] == []
    assert {row["evaluation_id"] for row in rows} == {record["evaluation_id"]}
    assert {row["model_id"] for row in rows} == {record["model_info"]["id"]}
    ids = {result["evaluation_result_id"] for result in record["evaluation_results"]}
    assert {row["evaluation_result_id"] for row in rows} <= ids
    assert rows[1]["error"] == "oom: no memory"
    assert rows[1]["evaluation"] == {"score": 0.0, "is_correct": False}
    assert rows[2]["output"]["raw"] == [HOSTILE + "\\udc80"]
    assert rows[2]["metadata"]["kind"] == "x"


def test_a_sample_is_hashed_as_the_format_asks(hub: Path, tmp_path: Path) -> None:
    path = write_folder(tmp_path, evaluation(hub), list(read_samples(hub))[:1])
    (row,) = map(json.loads, next(path.parent.glob("*.jsonl")).read_text().splitlines())
    asked = '{"raw":"thing 0","reference":["{\\"bbox_xyxy\\": [40, 30, 160, 120]}"]}'
    assert row["input"] == json.loads(asked)
    assert row["sample_hash"] == hashlib.sha256(asked.encode()).hexdigest()


def test_names_are_portable_folders(toy: Path, tmp_path: Path) -> None:
    evil = variant(toy, tmp_path / "evil", data=HUB | {"split": "../../x"})
    found = evaluation(evil)
    found = replace(found, scores=replace(found.scores, model="../.. /a:b\n"))
    path = write_folder(tmp_path / "store", found, [])
    assert path.is_relative_to(tmp_path / "store" / "data")
    assert path.resolve().is_relative_to((tmp_path / "store" / "data").resolve())
    assert re.fullmatch(r"data/vleval-refcoco/[A-Za-z0-9._+-]+/[A-Za-z0-9._+-]+", found.folder)
