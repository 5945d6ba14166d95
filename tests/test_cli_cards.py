"""The card of every task: complete, countable, and true to the data it describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from helpers import ROOT
from vleval.cards.card import COLUMNS, NOT_TRAINED, card, card_lines
from vleval.cards.page import benchmarks_page
from vleval.cards.truths import marks, save_truths
from vleval.cli import app
from vleval.model.io import Media
from vleval.tasks.base import Sample
from vleval.tasks.data.sources import BUNDLED
from vleval.tasks.published import PUBLISHED, Published, published
from vleval.tasks.registry import GROUPS, TASKS


def show(*words: str) -> str:
    result = CliRunner().invoke(app, ["tasks", "show", *words], env={"COLUMNS": "300"})
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", TASKS)
def test_a_card_says_what_decides_and_limits_its_numbers(name: str) -> None:
    task = TASKS[name]
    text = " ".join(show(name).split())

    def told(sentence: str) -> bool:
        return bool(sentence.strip()) and " ".join(sentence.split()) in text

    assert told(task.prompt)
    assert told(task.description)
    assert [metric.name for metric in task.metrics if not told(metric.formula)] == []
    for kind in (task.traps, task.comparability, task.references):
        assert kind
        assert [sentence for sentence in kind if not told(sentence)] == []
    assert any(line.startswith("prompt: ") for line in task.references)
    assert any(line.startswith("metric: ") for line in task.references)
    assert told(COLUMNS) == bool(task.hub)
    document: dict[str, Any] = json.loads(show(name, "--json"))
    assert document["columns_as_of"] == (COLUMNS if task.hub else None)
    assert document["published"] == json.loads(
        json.dumps([{**row._asdict(), "scores": dict(row.scores)} for row in published(name)])
    )


@pytest.mark.parametrize(
    "row", PUBLISHED, ids=lambda row: f"{row.family}-{row.task}-{row.split}-{row.metric}"
)
def test_a_published_score_is_of_a_task_and_a_split_that_there_is(row: Published) -> None:
    task = TASKS[row.task]
    assert row.split in task.splits
    judged = row.task == "tempcompass"  # its average has captions that a language model judges
    assert (row.metric in [metric.name for metric in task.metrics]) != judged


def test_the_page_of_all_benchmarks_is_current() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert page == benchmarks_page(), "make docs writes it anew"
    assert CliRunner().invoke(app, ["tasks", "docs"]).stdout == page
    assert page.count("\n## ") == len(GROUPS) + len(TASKS)


def test_the_bundled_data_are_counted() -> None:
    import pyarrow.parquet as pq

    (test, _) = card(TASKS["refcoco"])["bundled"]
    table = pq.read_table(BUNDLED / "refcoco" / "test.parquet").to_pylist()
    assert test["split"] == "test"
    assert test["questions"] == sum(len(row["answer"]) for row in table)
    assert test["clusters"] == len({row["image"]["bytes"] for row in table})


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: str(task.name))
def test_a_card_says_where_the_bundled_checkpoint_is_not_trained_for_it(task: Any) -> None:
    lines = [text for _, text in card_lines(task)]
    assert (NOT_TRAINED in lines) == (bool(task.bundled_splits) and not task.taught)


def test_a_video_is_shown_as_a_strip_with_its_true_span(tmp_path: Path) -> None:
    from PIL import Image

    document = json.loads(show("charades-sta", "--sample", "1", "--save", str(tmp_path), "--json"))
    assert document["samples"][0]["asked"][0].startswith("user: <video> Please find")
    (path,) = document["pictures"]
    assert Image.open(path).width == 1200


def test_an_id_is_never_a_path(tmp_path: Path) -> None:
    from PIL import Image

    picture = tmp_path / "p.png"
    Image.new("RGB", (40, 30)).save(picture)
    ids = ("../../etc/x", "", ".", "a b", "a/" * 90)
    samples = [Sample(id, (Media("image", path=picture),), "q", {}, "c") for id in ids]
    paths = save_truths(samples, tmp_path / "out")
    assert [path.parent for path in paths] == [tmp_path / "out"] * len(ids)
    assert [path.name for path in paths[:4]] == [
        "1-etc-x.png",
        "2-question.png",
        "3-question.png",
        "4-a-b.png",
    ]


def test_places_of_a_truth_are_found_in_its_parts() -> None:
    target = {"objects": {"points": [[1, 2], [3, 4]], "masks": []}}
    assert [mark.values for mark in marks(target)] == [(1.0, 2.0), (3.0, 4.0)]
    assert [mark.kind for mark in marks({"bbox_xyxy": [0, 0, 2, 2]})] == ["box"]
    assert marks({"answers": ["x"]}) == []
