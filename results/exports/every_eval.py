"""A run in the form of Every Eval Ever, the one exchange format with intervals and with answers.

Fields as in the repository evaleval/every_eval_ever, read in November 2026: `eval.schema.json` and
`instance_level_eval.schema.json` of version 0.2.2, and the types generated from the later schema 0.3.0
(`eval_types.py` at commit 09496fc), which adds two required details of the model and the form of
`file_path`. What is written satisfies both.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vleval.results.exports.hub import Scores
from vleval.results.exports.samples import encodable
from vleval.results.record import RunRecord, SampleRecord
from vleval.results.statistics.stats import LEVEL
from vleval.results.words import plain_texts
from vleval.tasks.base import Metric

SCHEMA_VERSION = "0.3.0"
NAME = "vleval"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of one run, and what names them in the format."""

    scores: Scores
    now: float
    """Seconds since 1970, when the record is made."""

    @property
    def run(self) -> RunRecord:
        """The run itself."""
        return self.scores.run

    @property
    def name(self) -> str:
        """Of the benchmark: `vleval.refcoco.testA`."""
        return f"{NAME}.{self.run.task.name}.{_slug(self.run.data.split)}"

    @property
    def id(self) -> str:
        """The same for the same run, whenever it is exported."""
        return f"{self.name}/{self.scores.model.replace('/', '_')}/{self.run.id}/{self.run.started}"

    @property
    def uuid(self) -> uuid.UUID:
        """Name of the files, of version 4 as the format asks, made of the id."""
        return uuid.UUID(bytes=hashlib.sha256(self.id.encode()).digest()[:16], version=4)

    @property
    def folder(self) -> str:
        """Where the files lie in a data store."""
        organisation, _, model = self.scores.model.partition("/")
        return f"data/{NAME}-{_slug(self.run.task.name)}/{_slug(organisation)}/{_slug(model)}"


def aggregate(evaluation: Evaluation, answers: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The record of a run's scores; `answers` describes the file of its answers."""
    run = evaluation.run
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": evaluation.id,
        "evaluation_timestamp": run.finished or run.started,
        "retrieved_timestamp": str(int(evaluation.now)),
        "source_metadata": {
            "source_name": NAME,
            "source_type": "evaluation_run",
            "source_organization_name": "unknown",
            "evaluator_relationship": "other",
        },
        "eval_library": {"name": NAME, "version": run.environment.get("vleval", "unknown")},
        "model_info": _model(evaluation),
        "evaluation_results": [_result(evaluation, metric) for metric in _known(evaluation)],
    }
    return record | ({"detailed_evaluation_results": dict(answers)} if answers else {})


def write_folder(folder: Path, evaluation: Evaluation, samples: Iterable[SampleRecord]) -> Path:
    """Write scores and answers as a data store lays them out, below `folder`; return the scores' file."""
    place = folder / evaluation.folder
    place.mkdir(parents=True, exist_ok=True)
    name = f"{evaluation.uuid}_samples.jsonl"
    digest, rows = hashlib.sha256(), 0
    with (place / name).open("wb") as file:
        for sample in samples:
            if (metric := _own_metric(evaluation, sample)) is None:
                continue
            line = json.dumps(_answer(evaluation, sample, metric), allow_nan=False).encode("ascii") + b"\n"
            file.write(line)
            digest.update(line)
            rows += 1
    answers = {
        "format": "jsonl",
        "file_path": f"{evaluation.folder}/{name}",
        "hash_algorithm": "sha256",
        "checksum": digest.hexdigest(),
        "total_rows": rows,
    }
    path = place / f"{evaluation.uuid}.json"
    path.write_text(as_text(aggregate(evaluation, answers)), encoding="ascii")
    return path


def as_text(record: Mapping[str, Any]) -> str:
    """A record as its file holds it."""
    return json.dumps(record, indent=2, allow_nan=False) + "\n"


def _model(evaluation: Evaluation) -> dict[str, Any]:
    run, model = evaluation.run, evaluation.run.model
    libraries = {"local": NAME, "transformers": "transformers"}
    engine = libraries.get(model.engine, model.engine)
    return {
        "name": evaluation.scores.model.partition("/")[2],
        "id": evaluation.scores.model,
        "inference_engine": {"name": engine, "version": run.environment.get(engine, "unknown")},
        "additional_details": {
            "deployment_type": "self_deployed",
            "model_availability": "open_weights" if run.bundled_model else "unknown",
            "fingerprint": model.fingerprint,
            "dtype": model.dtype,
            "parameters": str(model.parameters),
        },
    }


def _result(evaluation: Evaluation, metric: Metric) -> dict[str, Any]:
    run, estimate = evaluation.run, evaluation.scores.summary["metrics"][metric.name]
    config: dict[str, Any] = {
        "metric_id": f"{NAME}.{metric.name}",
        "metric_name": metric.title,
        "metric_unit": "proportion" if metric.percent else "points",
        "lower_is_better": not metric.higher_is_better,
    }
    if metric.percent:
        config |= {"score_type": "continuous", "min_score": 0.0, "max_score": 1.0}
    counts = ("n", "scored", "unparsed", "failed")
    return {
        "evaluation_result_id": _result_id(evaluation, metric),
        "evaluation_name": evaluation.name,
        "source_data": _source(evaluation),
        "evaluation_timestamp": run.finished or run.started,
        "metric_config": config,
        "score_details": {
            "score": estimate["value"],
            "details": {name: str(evaluation.scores.summary[name]) for name in counts},
            "uncertainty": _uncertainty(estimate),
        },
        "generation_config": {
            "generation_args": {
                "temperature": 0.0,
                "max_tokens": run.generation.max_new_tokens,
                "prompt_template": run.task.prompt,
            },
            "additional_details": {
                "setting": evaluation.scores.setting,
                "coordinates": run.coordinates,
                "repetition_penalty": str(run.generation.repetition_penalty),
                **{name: str(value) for name, value in asdict(run.vision).items() if value is not None},
            },
        },
    }


def _uncertainty(estimate: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"num_samples": estimate["n"]}
    if estimate["standard_error"] is not None:
        found["standard_error"] = {
            "value": estimate["standard_error"],
            "method": "bootstrap" if "bootstrap" in estimate["method"] else "analytic, clustered",
        }
    if estimate["interval"]:
        low, high = estimate["interval"]
        found["confidence_interval"] = {
            "lower": low,
            "upper": high,
            "confidence_level": LEVEL,
            "method": estimate["method"],
        }
    return found


def _source(evaluation: Evaluation) -> dict[str, Any]:
    data, task = evaluation.run.data, evaluation.run.task
    details = {
        "fingerprint": data.fingerprint,
        "origin": data.origin,
        "task_version": str(task.version),
        "revision": data.revision or "newest",
    }
    if evaluation.scores.dataset is not None:
        return {
            "dataset_name": task.name,
            "source_type": "hf_dataset",
            "hf_repo": evaluation.scores.dataset,
            "hf_split": data.split,
            "samples_number": data.samples,
            "additional_details": details,
        }
    kind = "bundled with vleval" if data.bundled else "local data"
    return {
        "dataset_name": f"{task.name} ({kind})",
        "source_type": "other",
        "additional_details": details | {"split": data.split, "samples_number": str(data.samples)},
    }


def _known(evaluation: Evaluation) -> list[Metric]:
    """The metrics that the run has a value of: the format needs one."""
    found = evaluation.scores.summary["metrics"]
    return [metric for metric in evaluation.scores.metrics if found[metric.name]["value"] is not None]


def _own_metric(evaluation: Evaluation, sample: SampleRecord) -> Metric | None:
    """The first metric that an answer has a score in; None: it counts in scores of the whole alone."""
    found = next((metric for metric in _known(evaluation) if metric.name in sample.metrics), None)
    return evaluation.scores.metrics[0] if found is None and sample.status != "scored" else found


def _answer(evaluation: Evaluation, sample: SampleRecord, metric: Metric) -> dict[str, Any]:
    """One answer under one metric."""
    usage = sample.usage
    asked = {"raw": encodable(sample.question), "reference": _references(sample.target)}
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    score = sample.metrics.get(metric.name, metric.worst)
    seconds = usage.preprocess_seconds + usage.vision_seconds + usage.prefill_seconds + usage.decode_seconds
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": evaluation.id,
        "model_id": evaluation.scores.model,
        "evaluation_name": evaluation.name,
        "evaluation_result_id": _result_id(evaluation, metric),
        "sample_id": sample.id,
        "sample_hash": hashlib.sha256(canonical.encode()).hexdigest(),
        "interaction_type": "single_turn",
        "input": asked,
        "output": {"raw": [encodable(sample.text)]},
        "messages": None,
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": json.dumps(_read(sample)),
                "extraction_method": "vleval parser",
                "is_terminal": True,
            }
        ],
        "evaluation": {
            "score": score,
            "is_correct": score >= 1.0 if metric.higher_is_better else score <= 0.0,
        },
        "token_usage": {
            "input_tokens": usage.prompt_tokens,
            "output_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        },
        "performance": {"latency_ms": 1000 * seconds},
        "error": f"{sample.failure}: {sample.reason}" if sample.status == "failed" else None,
        "metadata": {"status": sample.status, "cluster": sample.cluster, **dict(sample.tags)},
    }


def _references(target: Mapping[str, Any]) -> list[str]:
    """The accepted answers, or the truth as JSON where it is a place."""
    texts = plain_texts(target)
    return [encodable(text) for text in texts] if texts else [json.dumps(dict(target))]


def _read(sample: SampleRecord) -> Any:
    """What was read: the first kind of place that the answer holds, or its words."""
    for kind in ("boxes", "points", "spans"):
        if kind in sample.parsed:
            return sample.parsed[kind]
    texts = [encodable(text) for text in plain_texts(sample.parsed)]
    return texts[0] if len(texts) == 1 else texts or None


def _result_id(evaluation: Evaluation, metric: Metric) -> str:
    return f"{evaluation.name}:{metric.name}"


def _slug(text: str) -> str:
    """A portable name of a folder."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", text).strip("-.") or "unknown"
