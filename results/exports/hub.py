"""A run's scores in the two forms of the Hugging Face hub, by the hub's own library.

- `.eval_results/*.yaml` of a model repository: one file per variant, one entry with the headline. Fields as
  in huggingface_hub 2.4.0 (`EvalResultEntry`) and the hub's documentation page eval-results, read in November
  2026, which calls the form work in progress. It knows no metric and no interval: both stand in `notes`.
- `model-index` in a model card's front matter (`EvalResult`, `ModelCard`), older and supported: every metric,
  the interval among the metric's `args`.

Shares are written in percent, as model cards and leaderboards show them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vleval.results.record import RunRecord
from vleval.tasks.base import Metric

DIGITS = 4
"""Decimals of a percentage."""
PIPELINE = {"image": "image-text-to-text", "video": "video-text-to-text"}
"""Medium of a task -> the hub's name for what the model does."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one run, and what things are called outside."""

    run: RunRecord
    summary: Mapping[str, Any]
    metrics: Sequence[Metric]
    """The headline first."""
    model: str
    """`organisation/model`."""
    dataset: str | None
    """Id of the data on the hub, if they are there."""
    setting: str
    """What the model was shown, in words."""


def eval_results_yaml(scores: Scores, task_id: str) -> str:
    """One file for `.eval_results/`: the headline on a benchmark of the hub, which `scores` must name.

    `task_id` is the benchmark's own name for the task, from its eval.yaml.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
    from huggingface_hub.utils import yaml_dump  # type: ignore[attr-defined]

    assert scores.dataset is not None
    run, metric = scores.run, scores.metrics[0]
    estimate = scores.summary["metrics"][metric.name]
    unit = " in percent" if metric.percent else ""
    notes = [
        f"{metric.title}{unit}, {uncertainty(estimate, metric)}",
        f"split {run.data.split}, setting {scores.setting}",
        f"vleval {run.environment.get('vleval', 'of unknown version')}",
    ]
    entry = EvalResultEntry(
        dataset_id=scores.dataset,
        task_id=task_id,
        value=in_unit(estimate["value"], metric),
        dataset_revision=run.data.revision,
        date=run.finished,
        notes="; ".join(notes),
    )
    return str(yaml_dump(eval_result_entries_to_yaml([entry]), sort_keys=False))


def model_card(scores: Scores, title: str, media: str) -> str:
    """A model card that holds nothing but the `model-index`; `title` and `media` are the task's."""
    from huggingface_hub import EvalResult, ModelCard, ModelCardData

    data = scores.run.data
    where = "" if scores.dataset else f" ({'bundled with vleval' if data.bundled else 'local data'})"
    results = [
        EvalResult(
            task_type=PIPELINE[media],
            task_name=title,
            dataset_type=scores.dataset or f"vleval/{data.origin}",
            dataset_name=f"{title} {data.split}{where}",
            dataset_split=data.split,
            dataset_revision=data.revision,
            metric_type=metric.name,
            metric_name=metric.title,
            metric_value=in_unit(scores.summary["metrics"][metric.name]["value"], metric),
            metric_config=scores.setting,
            metric_args=_spread(scores.summary["metrics"][metric.name], metric),
        )
        for metric in scores.metrics
        if scores.summary["metrics"][metric.name]["value"] is not None
    ]
    card = ModelCardData(model_name=scores.model, eval_results=results)
    return str(ModelCard(f"---\n{card.to_yaml()}\n---\n"))


def in_unit(value: float, metric: Metric) -> float:
    """A metric in the unit in which people print it."""
    return round(100 * value, DIGITS) if metric.percent else value


def uncertainty(estimate: Mapping[str, Any], metric: Metric) -> str:
    """`95% interval 91.2 to 93.0 (clustered t (CR1)), n = 5657 in 750 clusters`."""
    shown = f"no interval ({estimate['method']})"
    if estimate["interval"]:
        low, high = (f"{in_unit(end, metric):g}" for end in estimate["interval"])
        shown = f"95% interval {low} to {high} ({estimate['method']})"
    return f"{shown}, n = {estimate['n']} in {estimate['clusters']} clusters"


def _spread(estimate: Mapping[str, Any], metric: Metric) -> dict[str, Any]:
    interval = estimate["interval"]
    return {
        "interval": [in_unit(end, metric) for end in interval] if interval else None,
        "level": 0.95,
        "method": estimate["method"],
        "n": estimate["n"],
        "clusters": estimate["clusters"],
    }
