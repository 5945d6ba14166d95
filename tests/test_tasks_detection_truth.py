"""Detection on the bundled data with a known truth: answers in INPUT pixels score exactly 100, planted faults
what an independent evaluation of the same boxes says, and answers in another unit or order below 50."""

from __future__ import annotations

import pytest

import detection_kit as kit
from vleval.results.record import SampleRecord
from vleval.tasks.registry import get_task

TASKS = ("odinw13", "coco")
FIGURES = {
    "odinw13": {"map": "mAP", "map_50": "mAP_50", "map_75": "mAP_75"},
    "coco": {
        **{"ap": "AP", "ap50": "AP50", "ap75": "AP75", "aps": "APs", "apm": "APm", "apl": "APl"},
        "ar100": "AR100",
    },
}


@pytest.mark.parametrize("name", TASKS)
def test_input_pixels_score_100(name: str) -> None:
    task, asked = get_task(name), kit.samples(name)
    found = kit.records(task, asked, [kit.text(kit.perfect(sample)) for sample in asked])
    shown = kit.values(task, found)
    assert {shown.pop(metric) for metric in ("f1@0.5", *FIGURES[name])} == {1.0}
    assert shown == {"boxes": pytest.approx(sum(len(kit.perfect(sample)) for sample in asked) / len(asked))}
    assert all(record.status == "scored" and record.parsed["strict"] for record in found)
    assert {value for record in found for key, value in record.metrics.items() if key != "boxes"} == {1.0}


@pytest.mark.parametrize("name", TASKS)
def test_swapped_unmapped_and_per_mille_boxes_score_below_50(name: str) -> None:
    """No variant is tried: what is said in another unit or order is wrong."""
    task, asked = get_task(name), kit.samples(name)
    headline = task.metrics[0].name
    swapped, unmapped, per_mille = [], [], []
    for sample in asked:
        width, height = kit.frame(sample.media[0]).input_size
        right = kit.perfect(sample)
        swapped.append(kit.text([{**item, "bbox_2d": _swapped(item["bbox_2d"])} for item in right]))
        unmapped.append(kit.text(kit.perfect(sample, mapped=False)))
        per_mille.append(
            kit.text(
                [
                    {
                        **item,
                        "bbox_2d": [1000 * v / (width, height)[i % 2] for i, v in enumerate(item["bbox_2d"])],
                    }
                    for item in right
                ]
            )
        )
    for texts in (swapped, unmapped, per_mille):
        assert kit.values(task, kit.records(task, asked, texts))[headline] < 0.5


def _swapped(box: list[float]) -> list[float]:
    x1, y1, x2, y2 = box
    return [y1, x1, y2, x2]


def _scaled(box: list[float], x: float, y: float) -> list[float]:
    return [value * (x, y)[i % 2] for i, value in enumerate(box)]


@pytest.mark.parametrize("name", TASKS)
def test_planted_faults_are_what_an_independent_evaluation_says(name: str) -> None:
    """Every third object missed, a box too many in every picture, one picture of seven unreadable."""
    task, asked = get_task(name), kit.samples(name)
    texts, count = [], 0
    for index, sample in enumerate(asked):
        items = []
        for item in kit.perfect(sample):
            count += 1
            if count % 3:
                items.append(item)
        extra = {"bbox_2d": [3, 3, 33, 33], "label": sample.target["instances"]["classes"][0].upper()}
        texts.append("I see things." if index % 7 == 6 else kit.text([extra, *items]))
    found = kit.records(task, asked, texts)
    expected = kit.oracle(name, [_readable(record) for record in found], asked)
    assert {record.status for record in found} == {"scored", "unparsed"}
    shown = kit.values(task, found)
    for metric, figure in FIGURES[name].items():
        wanted = expected[figure]
        assert wanted is not None and 0.0 < wanted < 0.9
        assert shown[metric] == pytest.approx(wanted, abs=1e-12), metric


def _readable(record: SampleRecord) -> SampleRecord:
    """The oracle reads boxes only: an answer without any has none."""
    assert record.status == "scored" or record.parsed["boxes"] == []
    return record


def test_each_subset_counts_alike() -> None:
    """All of the two kites' pictures missed costs a third, twelve signs' pictures another third."""
    task, asked = get_task("odinw13"), kit.samples("odinw13")
    for missed in ("Kites", "Signs"):
        texts = [
            kit.text([] if sample.tags["dataset"] == missed else kit.perfect(sample)) for sample in asked
        ]
        assert kit.values(task, kit.records(task, asked, texts))["map"] == pytest.approx(2 / 3, abs=1e-12)


def test_what_is_found_in_an_empty_picture_lowers_the_figure_of_the_set() -> None:
    """The picture has no AP of its own; its boxes come before others of their label, and count."""
    task, asked = get_task("coco"), kit.samples("coco")
    empty = next(i for i, sample in enumerate(asked) if not sample.target["instances"]["boxes"])
    texts = [kit.text(kit.perfect(sample)) for sample in asked]
    texts[empty] = kit.text([{"bbox_2d": [5, 5, 50, 50], "label": "kite"}] * 3)
    found = kit.records(task, asked, texts)
    assert set(found[empty].metrics) == {"f1@0.5", "boxes"}
    assert found[empty].metrics["f1@0.5"] == 0.0
    expected = kit.oracle("coco", found, asked)["AP"]
    assert expected is not None and expected < 0.99
    assert kit.values(task, found)["ap"] == pytest.approx(expected, abs=1e-12)


def test_a_find_in_a_crowd_is_neither_right_nor_wrong() -> None:
    task, asked = get_task("coco"), kit.samples("coco")
    texts = []
    for sample in asked:
        truth, seen = sample.target["instances"], kit.frame(sample.media[0])
        items = kit.perfect(sample)
        for box, label, crowd in zip(truth["boxes"], truth["labels"], truth["crowd"], strict=True):
            if crowd:
                scale = [seen.input_size[i % 2] / seen.original_size[i % 2] for i in range(4)]
                inside = [box[0] + 2, box[1] + 2, box[0] + 30, box[1] + 30]
                items.insert(
                    0, {"bbox_2d": [v * s for v, s in zip(inside, scale, strict=True)], "label": label}
                )
        texts.append(kit.text(items))
    found = kit.records(task, asked, texts)
    assert sum(any(sample.target["instances"]["crowd"]) for sample in asked) == 3
    assert kit.values(task, found)["ap"] == pytest.approx(1.0, abs=1e-12)
    assert kit.values(task, found)["f1@0.5"] == 1.0


@pytest.mark.parametrize("name", TASKS)
def test_answers_that_say_nothing_score_0(name: str) -> None:
    """pycocotools' own reader of results fails where nothing at all was found."""
    task, asked = get_task(name), kit.samples(name)
    for said in ("[]", "no idea", ""):
        found = kit.records(task, asked, [said] * len(asked))
        assert kit.values(task, found)[task.metrics[0].name] == 0.0
        empty = [record for record in found if not record.target["instances"]["boxes"]]
        silent = 1.0 if said == "[]" else 0.0  # an empty list is an answer, and here the right one
        assert empty and all(record.metrics["f1@0.5"] == silent for record in empty)
