"""The look at the first rows: one sentence per column that does not fit, for every source, before a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vleval.tasks.base import DataError, Task
from vleval.tasks.data import hub
from vleval.tasks.data.sources import open_data
from vleval.tasks.data.table import Table
from vleval.tasks.registry import get_task

REFCOCO, CHARADES = get_task("refcoco"), get_task("charades-sta")


def row(number: int, **changes: Any) -> dict[str, Any]:
    image = {"bytes": b"image", "path": "1.jpg"}
    return {
        "question_id": str(number),
        "image": image,
        "answer": ["it"],
        "bbox": [1.0, 2.0, 3.0, 4.0],
        **changes,
    }


def on_hub(monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]], streamed: bool = False) -> None:
    def load(task: Task, split: str, revision: str | None) -> hub.HubData:
        return hub.HubData(task.hub[0], Table(tuple(rows[0]), iter(rows) if streamed else rows, len(rows)))

    monkeypatch.setattr(hub, "load", load)


@pytest.mark.parametrize("streamed", [False, True])
def test_what_was_looked_at_is_not_lost(monkeypatch: pytest.MonkeyPatch, streamed: bool) -> None:
    on_hub(monkeypatch, [row(number) for number in range(50)], streamed)
    data = open_data(REFCOCO, "hub")
    assert [sample.id for sample in data.samples] == [f"{number}#0" for number in range(50)]


def test_every_column_that_changed_gets_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(0)] + [row(number, bbox={"x": 1}, answer=[{"text": "it"}]) for number in range(1, 30)]
    rows[5]["image"] = 3
    on_hub(monkeypatch, rows)
    with pytest.raises(DataError) as caught:
        open_data(REFCOCO, "hub")
    assert str(caught.value) == (
        "lmms-lab-encoder/RefCOCO, row 1: answer must be sentences, not [{'text': 'it'}] (and so in 18 more "
        "of the first 20 rows). lmms-lab-encoder/RefCOCO, row 1: bbox must be 4 finite numbers, not {'x': 1}"
        " (and so in 18 more of the first 20 rows). lmms-lab-encoder/RefCOCO, row 5: the image is neither"
        " encoded bytes nor a file name."
    )


def test_a_limit_does_not_hide_the_other_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row(n, image="1.jpg")) for n in range(19)))
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write("\n" + json.dumps({"question_id": "9", "image": "1.jpg", "answer": "it"}))
    (tmp_path / "1.jpg").write_bytes(b"image")
    with pytest.raises(DataError, match=r"rows.jsonl, row 19: the column 'bbox' is missing\.$"):
        open_data(REFCOCO, str(tmp_path / "rows.jsonl"), limit=1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"timestamp": [5, 1]}, "row 0: timestamp must be start, end with start before end"),
        ({"caption": 7}, "row 0: caption must be a sentence"),
    ],
)
def test_charades_is_looked_at_too(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "1.mp4").write_bytes(b"")
    rows = {"video": "1.mp4", "caption": "sits", "timestamp": [0, 1], **changes}
    (tmp_path / "rows.jsonl").write_text(json.dumps(rows))
    with pytest.raises(DataError, match=sentence):
        open_data(CHARADES, str(tmp_path / "rows.jsonl"))
