"""One answer: what is read, what ranks, what a picture counts in; and rows that are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import detection_kit as kit
from vleval.grounding.parse import parse_boxes
from vleval.model.io import TokenLogprobs
from vleval.tasks.base import Answer, DataError, Sample, Score
from vleval.tasks.data.predictions import read_predictions
from vleval.tasks.data.sources import open_data
from vleval.tasks.grounding.detection import LEAST_SURE
from vleval.tasks.registry import get_task

COCO, ODINW = get_task("coco"), get_task("odinw13")
TRUTH = {
    "classes": ["cat", "Stop Sign"],
    "boxes": [[0, 0, 40, 40], [50, 50, 90, 90]],
    "labels": ["cat", "cat"],
    "crowd": [False, False],
    "areas": [1024.0, 1600.0],
}
HITS = [{"bbox_2d": box, "label": "cat"} for box in TRUTH["boxes"]]
MISSES = [{"bbox_2d": [60, 4 * k, 95, 4 * k + 20], "label": "cat"} for k in range(3)]


def sample(**truth: Any) -> Sample:
    target = {"instances": {**TRUTH, **truth}}
    return Sample("a", (), "cat, Stop Sign", target, "a", (100, 100))


def score(text: str, asked: Sample | None = None, tokens: TokenLogprobs | None = None) -> Score:
    frames = (kit.enlarged((100, 100)),)
    return COCO.score_all([Answer(asked or sample(), text, frames, tokens)], "absolute")[0]


def test_the_question_names_every_category() -> None:
    (message,) = COCO.messages(kit.samples("coco")[0])
    said = message.content[1]
    assert isinstance(said, str)
    assert said.startswith(
        "Locate every instance that belongs to the following categories: 'person, bicycle, "
    )
    assert said.endswith("hair drier, toothbrush'. Report bbox coordinates in JSON format.")
    (message,) = ODINW.messages(kit.samples("odinw13")[0])
    assert "'Stop Sign, Traffic Light'" in str(message.content[1])


def test_without_scores_the_order_decides_and_f1_stays() -> None:
    first, last = score(kit.text(HITS + MISSES)), score(kit.text(MISSES + HITS))
    assert first.metrics["ap"] == pytest.approx(1.0) and last.metrics["ap"] == pytest.approx(0.4)
    assert first.metrics["f1@0.5"] == last.metrics["f1@0.5"] == pytest.approx(4 / 7)
    assert first.metrics["boxes"] == 5.0


def test_stated_scores_rank_where_every_box_has_one() -> None:
    sure = [{**item, "score": 0.5 + 0.1 * k} for k, item in enumerate(MISSES + HITS)]
    assert score(kit.text(sure)).metrics["ap"] == pytest.approx(1.0)
    assert score(kit.text(sure)).parsed["scores"] == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
    del sure[0]["score"]
    some = score(kit.text(sure))
    assert some.metrics["ap"] == pytest.approx(0.4) and "scores" not in some.parsed


def test_a_score_belongs_to_its_own_box() -> None:
    said = (
        '[{"score": 0.25, "bbox_2d": [1, 2, 3, 4]}, {"bbox_2d": [5, 6, 7, 8], "label": "x", "score": "NaN"},'
    )
    found = parse_boxes(said + '{"bbox_2d": [1, 1, 2, 2], "score": -3}, [9, 9, 10, 10]]').items
    assert [item.score for item in found] == [0.25, None, -3.0, None]


def one_token_per_character(text: str, sure: list[dict[str, Any]]) -> TokenLogprobs:
    """Every character -9, but those of the numbers of some boxes: from -0.25 down, the last of them -8."""
    values = [-9.0] * len(text)
    for rank, item in enumerate(sure):
        written = json.dumps(item["bbox_2d"])[1:-1]
        start = text.index(written)
        values[start : start + len(written)] = [-0.25 * (rank + 1)] * (len(written) - 1) + [-8.0]
    return TokenLogprobs(tuple(range(1, len(text) + 1)), tuple(values))


def test_log_probabilities_rank_by_the_mean_over_the_four_numbers() -> None:
    text = kit.text(MISSES + HITS)
    found = score(text, tokens=one_token_per_character(text, HITS))
    hits = [(-0.25 * 11 - 8) / 12, (-0.5 * 13 - 8) / 14]  # of `0, 0, 40, 40` and `50, 50, 90, 90`
    assert found.parsed["scores"] == pytest.approx([-9.0, -9.0, -9.0, *hits])  # no bracket, no label
    assert found.metrics["ap"] == pytest.approx(1.0)
    stated = kit.text([{**item, "score": 0.9} for item in MISSES] + [{**item, "score": 0.1} for item in HITS])
    assert score(stated, tokens=one_token_per_character(stated, HITS)).metrics["ap"] == pytest.approx(1.0)


def test_a_box_without_tokens_is_the_least_sure() -> None:
    found = score(kit.text(HITS), tokens=TokenLogprobs((3,), (-0.5,)))
    assert found.parsed["scores"] == [LEAST_SURE, LEAST_SURE]


def test_labels_count_in_any_case_and_others_are_dropped() -> None:
    said = [
        *({**item, "label": " CAT "} for item in HITS),
        {"bbox_2d": [1, 1, 9, 9], "label": "dog"},
        {"bbox_2d": [1, 1, 9, 9]},
    ]
    found = score(kit.text(said))
    assert found.parsed["labels"] == ["cat", "cat"]
    assert found.parsed["unknown_labels"] == 2
    assert (found.metrics["ap"], found.metrics["f1@0.5"], found.metrics["boxes"]) == (pytest.approx(1), 1, 2)
    wrong = score(kit.text([{**item, "label": "stop sign"} for item in HITS]))
    assert (wrong.metrics["ap"], wrong.metrics["f1@0.5"], wrong.parsed["labels"][0]) == (0, 0, "Stop Sign")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("[]", "scored"),
        ("There are none of these in the picture.", "scored"),
        ('[{"bbox_2d": [1, 2, 3, 4], "label": "dog"}]', "scored"),
        ("I can see a cat on a mat", "unparsed"),
        ('[{"bbox_2d": [1, 2, 3], "label": "cat"}]', "unparsed"),
    ],
)
def test_nothing_found_is_an_answer_and_nothing_read_is_none(said: str, status: str) -> None:
    found = score(said)
    assert found.status == status
    assert set(found.metrics.values()) == {0.0}
    empty = score(said, sample(boxes=[], labels=[], crowd=[], areas=[]))
    assert empty.metrics == {"f1@0.5": float(status == "scored"), "boxes": 0.0}


def test_a_cut_answer_keeps_its_whole_boxes() -> None:
    text = kit.text(HITS)
    found = score(text[: text.index("[50") + 6])
    assert (found.status, found.parsed["labels"], found.metrics["f1@0.5"]) == ("scored", ["cat"], 2 / 3)


def test_reading_looks_at_the_categories_alone() -> None:
    bare = Sample("a", (), "cat", {"instances": {"classes": ["cat"]}}, "a", (100, 100))
    reading = COCO.read(Answer(bare, kit.text(HITS), (kit.enlarged((100, 100), 2),)), "absolute")
    assert reading.counts.boxes == [[0, 0, 20, 20], [25, 25, 45, 45]]


def test_a_picture_counts_where_it_has_an_object() -> None:
    both = {"aps", "apm"}  # 32 x 32 pixels are small and medium, as pycocotools has it
    always = {"f1@0.5", "boxes"}
    of_set = {"ap", "ap50", "ap75", "ar100"}
    assert COCO.applies is not None
    assert set(COCO.applies(sample())) == always | of_set | both
    assert set(COCO.applies(sample(areas=[9216.5, 9216.0]))) == always | of_set | {"apm", "apl"}
    assert set(COCO.applies(sample(crowd=[True, True]))) == always
    for asked in (sample(), sample(areas=[9216.5, 9216.0]), sample(crowd=[True, True])):
        assert set(score(kit.text(HITS), asked).metrics) == set(COCO.applies(asked))


OBJECTS: dict[str, list[Any]] = {
    "bbox": [[1, 2, 11, 22], [0, 0, 5, 5]],
    "category": [15, 0],
    "area": [150.5, 20.0],
}
ROW = {
    "image_id": 4,
    "image": b"png",
    "width": 50,
    "height": 40,
    "objects": OBJECTS,
}


def test_a_row_of_the_hub_names_categories_by_number() -> None:
    names = tuple(OBJECTS)
    entries = [dict(zip(names, entry, strict=True)) for entry in zip(*OBJECTS.values(), strict=True)]
    arrays = {name: np.array(values) for name, values in OBJECTS.items()}
    for objects in (OBJECTS, entries, arrays):
        (read,) = COCO.rows({**ROW, "objects": objects}, "0")
        truth = read.target["instances"]
        assert (truth["labels"], truth["areas"]) == (["cat", "person"], [150.5, 20.0])
        assert truth["boxes"] == [[1, 2, 11, 22], [0, 0, 5, 5]] and truth["crowd"] == [False, False]
    (empty,) = COCO.rows({**ROW, "objects": {"bbox": [], "category": [], "area": []}}, "0")
    assert empty.target["instances"]["boxes"] == []


FLAT = {
    "image": b"png",
    "categories": ["boat", "car"],
    "bboxes": [[1, 2, 3, 4]],
    "labels": ["Boat"],
    "dataset_name": "Sea",
}


@pytest.mark.parametrize(
    ("task", "change", "said"),
    [
        (ODINW, {"categories": []}, "row 0: categories is empty: there is nothing to look for"),
        (ODINW, {"categories": "boat"}, "row 0: categories must be a list"),
        (ODINW, {"bboxes": [[1, 2, 3]]}, "row 0: bboxes must be 4 finite numbers"),
        (ODINW, {"bboxes": [[9, 2, 3, 4]]}, "row 0: bboxes must be x1, y1, x2, y2 with x1 <= x2"),
        (
            ODINW,
            {"labels": ["plane"]},
            "row 0: labels has the label 'plane', which is not among",
        ),
        (ODINW, {"labels": []}, "row 0: labels has 0 labels for 1 boxes"),
        (ODINW, {"dataset_name": ""}, "row 0: dataset_name must be a sentence"),
        (ODINW, {"bboxes": None, "labels": 7}, "row 0: labels must be a list"),
        (COCO, {"objects": {"bbox": []}}, "row 0: objects lacks category; it has: bbox"),
        (COCO, {"objects": [1]}, "row 0: objects must be lists under bbox and category"),
        (COCO, {"objects": {"bbox": [[1, 2, 3, 4]], "category": [80]}}, "objects has the label '80'"),
        (COCO, {"width": 0}, "row 0: width, height must be a width and a height in whole pixels"),
    ],
)
def test_rows_that_do_not_fit_are_told(task: Any, change: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(b"png")
    row = {**(ROW if task is COCO else FLAT), "image": "p.png", **change}
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(DataError) as error:
        open_data(task, str(path))
    assert said in str(error.value)


def test_predictions_of_a_file_are_scored_in_their_subset(tmp_path: Path) -> None:
    truth = {"classes": ["cat"], "boxes": [[0, 0, 40, 40]], "labels": ["cat"]}
    row = {"response": kit.text([HITS[0]]), "original_size": [100, 100], "input_size": [100, 100]}
    lines = [
        {**row, "target": {"instances": {**truth, "dataset": "one"}}},
        {**row, "target": {"instances": {**truth, "dataset": "two"}}, "response": "[]"},
        {**row, "target": {"instances": {**truth, "dataset": "one"}}},
    ]
    path = tmp_path / "said.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    items = read_predictions(path, ODINW).items
    found = kit.records(
        ODINW,
        [item.sample for item in items],
        [i.response.text for i in items],
        lambda s: (kit.enlarged((100, 100)),),
    )
    assert kit.values(ODINW, found)["map"] == pytest.approx(0.5)
    lines[0]["target"] = {"instances": truth}
    path.write_text(json.dumps(lines[0]))
    with pytest.raises(DataError, match=r"row 0 .*target.*dataset must be a sentence"):
        read_predictions(path, ODINW)
