"""Scores in the hub's two forms, read back by huggingface_hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard, parse_eval_result_entries
from huggingface_hub.repocard_data import model_index_to_eval_results

from board_kit import BUNDLED, HUB, MODEL, toy_run, variant
from vleval.results.exports.hub import Scores, eval_results_yaml, model_card
from vleval.results.record import RunRecord
from vleval.results.storage.store import read_run
from vleval.tasks.grounding.refcoco import METRICS

ESTIMATE = {
    "value": 0.9163,
    "interval": [0.90512, 0.92748],
    "standard_error": 0.0057,
    "n": 5657,
    "clusters": 750,
    "method": "clustered t (CR1)",
}
UNKNOWN = ESTIMATE | {"interval": None, "method": "fewer than two clusters"}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def run(toy: Path, tmp_path: Path) -> RunRecord:
    return read_run(variant(toy, tmp_path / "hub", data=HUB | {"revision": "abc123"}, model=MODEL))


def scores(run: RunRecord, dataset: str | None = "lmms-lab-encoder/RefCOCO", **changes: Any) -> Scores:
    metrics = {metric.name: ESTIMATE for metric in METRICS} | changes
    return Scores(run, {"metrics": metrics}, METRICS, "my-org/my-model", dataset, "max-pixels 1280t")


def yaml(text: str) -> Any:
    import yaml as library

    return library.safe_load(text)


def test_eval_results_are_read_back_by_the_hub(run: RunRecord) -> None:
    (entry,) = parse_eval_result_entries(yaml(eval_results_yaml(scores(run), "refcoco_testA")))
    assert (entry.dataset_id, entry.task_id) == ("lmms-lab-encoder/RefCOCO", "refcoco_testA")
    assert entry.value == 91.63
    assert (entry.dataset_revision, entry.date) == ("abc123", run.finished)
    assert entry.notes is not None
    said = "Acc@0.5 in percent, 95% interval 90.512 to 92.748 (clustered t (CR1)), n = 5657 in 750 clusters"
    assert entry.notes.startswith(said)
    assert "split testA, setting max-pixels 1280t" in entry.notes
    assert (entry.source_url, entry.verify_token) == (None, None)


def test_where_there_is_no_interval_the_notes_say_why(run: RunRecord) -> None:
    text = eval_results_yaml(scores(run, **{"acc@0.5": UNKNOWN}), "testA")
    assert "no interval (fewer than two clusters)" in yaml(text)[0]["notes"]


def test_a_model_card_is_read_back_with_every_metric(run: RunRecord) -> None:
    card = ModelCard(model_card(scores(run), "RefCOCO", "image"))
    name, results = model_index_to_eval_results(card.data.to_dict()["model-index"])
    assert name == "my-org/my-model"
    assert card.data.eval_results == results
    assert [each.metric_type for each in results] == [metric.name for metric in METRICS]
    first = results[0]
    assert (first.task_type, first.dataset_type) == ("image-text-to-text", "lmms-lab-encoder/RefCOCO")
    assert (first.dataset_name, first.dataset_split) == ("RefCOCO testA", "testA")
    assert (first.metric_name, first.metric_value) == ("Acc@0.5", 91.63)
    assert first.metric_config == "max-pixels 1280t"
    assert first.metric_args == {
        "interval": [90.512, 92.748],
        "level": 0.95,
        "method": "clustered t (CR1)",
        "n": 5657,
        "clusters": 750,
    }


def test_bundled_data_never_go_by_the_name_of_the_benchmark(toy: Path, tmp_path: Path) -> None:
    run = read_run(variant(toy, tmp_path / "bundled", data=BUNDLED))
    card = ModelCard(model_card(scores(run, dataset=None), "RefCOCO", "image"))
    (first, *_) = card.data.eval_results or []
    assert (first.dataset_type, first.dataset_name) == (
        "vleval/bundled",
        "RefCOCO testA (bundled with vleval)",
    )


def test_words_are_no_yaml(run: RunRecord, toy: Path, tmp_path: Path) -> None:
    evil = read_run(variant(toy, tmp_path / "evil", data=HUB | {"split": "x: [1\n- !!python/object:x"}))
    assert parse_eval_result_entries(yaml(eval_results_yaml(scores(evil), "a: b")))[0].task_id == "a: b"
    card = ModelCard(model_card(scores(evil), "RefCOCO", "video"))
    assert (card.data.eval_results or [])[0].dataset_split == "x: [1\n- !!python/object:x"
