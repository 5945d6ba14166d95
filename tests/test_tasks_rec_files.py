"""Local forms of referring expressions: REFER's release, COCO-style JSON and VLM-R1, whole and broken."""

from __future__ import annotations

import json
import pickle
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import pytest

from helpers import fixtures_path
from vleval.tasks.base import DataError
from vleval.tasks.data.plain_pickle import read_pickle
from vleval.tasks.data.sources import DataSet, open_data
from vleval.tasks.registry import get_task

REFCOCO, REFCOCOG = get_task("refcoco"), get_task("refcocog")

IMAGES = [{"id": 1, "file_name": "1.jpg", "width": 640, "height": 480}, {"id": 2, "file_name": "2.jpg"}]
ANNOTATIONS = [
    {"id": 11, "image_id": 1, "bbox": [100.0, 50.0, 200.0, 300.0], "category_id": 17},
    {"id": 12, "image_id": 1, "bbox": [1.5, 2.0, 3.0, 4.0], "category_id": 17},
    {"id": 21, "image_id": 2, "bbox": [5.0, 6.0, 7.0, 8.0], "category_id": 1},
]


def ref(number: int, annotation: int, split: str, *sentences: str) -> dict[str, Any]:
    """An entry of refs(unc).p; `file_name` there is the image's with the annotation's number in it."""
    said = [{"tokens": text.split(), "raw": text.upper(), "sent": text, "sent_id": 9} for text in sentences]
    return {
        "ref_id": number,
        "ann_id": annotation,
        "image_id": annotation // 10,
        "category_id": 1,
        "file_name": f"{annotation // 10}_{annotation}.jpg",
        "sent_ids": [9] * len(said),
        "sentences": said,
        "split": split,
    }


REFS = [
    ref(0, 11, "val", "left cat", "the grey one"),
    ref(1, 12, "testA", "small cat"),
    ref(2, 21, "val", "man"),
    ref(3, 21, "train", "unused"),
]


def release(
    folder: Path, refs: Any = REFS, name: str = "refs(unc).p", protocol: int = 2, **changes: Any
) -> Path:
    """REFER's folder, with images."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(pickle.dumps(refs, protocol=protocol))
    instances = {"images": IMAGES, "annotations": ANNOTATIONS, **changes}
    (folder / "instances.json").write_text(json.dumps(instances))
    return media(folder)


def media(folder: Path) -> Path:
    for number in (1, 2):
        (folder / f"{number}.jpg").write_bytes(b"image %d" % number)
    return folder


def asked(data: DataSet) -> list[tuple[str, str, list[float]]]:
    return [(sample.id, sample.question, sample.target["bbox_xyxy"]) for sample in data.samples]


def refused(path: Path, split: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        open_data(REFCOCO, str(path), split=split)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_refer_s_splits_are_the_literature_s(protocol: int, tmp_path: Path) -> None:
    folder = release(tmp_path / "refer", protocol=protocol)
    data = open_data(REFCOCO, str(folder), split="val")
    assert (data.origin, data.split, data.notes) == ("local", "val", ())
    assert asked(data) == [
        ("0#0", "left cat", [100.0, 50.0, 300.0, 350.0]),
        ("0#1", "the grey one", [100.0, 50.0, 300.0, 350.0]),
        ("2#0", "man", [5.0, 6.0, 12.0, 14.0]),
    ]
    assert data.samples[0].media[0].read() == b"image 1"
    assert asked(open_data(REFCOCO, str(folder))) == [("1#0", "small cat", [1.5, 2.0, 4.5, 6.0])]
    assert open_data(REFCOCO, str(folder / "refs(unc).p"), split="val").fingerprint == data.fingerprint


def test_images_of_refer_lie_where_media_says(tmp_path: Path) -> None:
    folder = release(tmp_path / "refer")
    for number in (1, 2):
        (folder / f"{number}.jpg").unlink()
    (tmp_path / "train2014").mkdir()
    media(tmp_path / "train2014")
    assert "pass their folder with --media" in refused(folder, "val")
    data = open_data(REFCOCO, str(folder), split="val", media_dir=tmp_path / "train2014")
    assert data.samples[-1].media[0].read() == b"image 2"


def test_splits_of_published_scores_come_first_and_google_s_are_named(tmp_path: Path) -> None:
    folder = release(tmp_path / "both")
    release(folder, [ref(7, 11, "val", "google's")], "refs(google).p")
    assert open_data(REFCOCO, str(folder), split="val").samples[0].question == "left cat"
    google = open_data(REFCOCO, str(folder / "refs(google).p"), split="val")
    assert (google.split, google.samples[0].question) == ("val (Google)", "google's")
    umd = release(tmp_path / "g", [ref(7, 11, "test", "umd's")], "refs(umd).p")
    release(umd, [ref(7, 11, "test", "google's")], "refs(google).p")
    assert open_data(REFCOCOG, str(umd)).samples[0].question == "umd's"


def test_strings_of_python_2_are_read(tmp_path: Path) -> None:
    """They have no encoding (SHORT_BINSTRING)."""
    (tmp_path / "two.p").write_bytes(b"\x80\x02]q\x00}q\x01(U\x04sentU\x05caf\xe9 U\x01nK\x07ua.")
    assert read_pickle(tmp_path / "two.p") == [{"sent": "caf\ufffd ", "n": 7}]


class _Evil:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return (exec, (f"open({str(self.trace)!r}, 'w').write('ran')",))


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_no_pickle_runs_code(protocol: int, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    folder = release(tmp_path / "evil", [*REFS, _Evil(trace)], protocol=protocol)
    message = refused(folder, "val")
    assert not trace.exists()
    assert "refs(unc).p is a pickle that names" in message
    assert "exec" in message
    assert "as JSON" in message
    pickle.loads((folder / "refs(unc).p").read_bytes())  # the same file in the hands of pickle itself
    assert trace.read_text() == "ran"


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(OrderedDict()),  # a class, if a harmless one
        pickle.dumps(Counter("ab")),
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x02\x82\x01.",  # an extension code
        b"Pname\n.",  # a persistent id
        b"",
        b"no pickle",
        pickle.dumps(REFS)[:-40],
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # bytes of 2**63
    ],
    ids=["class", "reduce", "global", "inst", "ext", "persid", "empty", "text", "cut", "huge"],
)
def test_other_pickles_get_one_sentence(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "refs(unc).p").write_bytes(data)
    (tmp_path / "instances.json").write_text(json.dumps({"images": IMAGES, "annotations": ANNOTATIONS}))
    assert "refs(unc).p" in refused(tmp_path, "val")


@pytest.mark.parametrize(
    ("refs", "changes", "message"),
    [
        ({"a": 1}, {}, "refs(unc).p must be a list of objects"),
        ([1], {}, "refs(unc).p must be a list of objects"),
        ([ref(0, 99, "val", "x")], {}, "entry 0 (the first is 0): "),
        ([ref(0, 99, "val", "x")], {}, "instances.json has no annotation 99."),
        ([{**REFS[0], "ann_id": [1]}], {}, "instances.json has no annotation list."),
        ([REFS[2], {**REFS[0], "sentences": 5}], {}, "entry 1 (the first is 0): sentences must be a list"),
        ([{**REFS[0], "sentences": [{"x": 1}]}], {}, "sentences must be strings, or objects with sent"),
        (REFS, {"images": IMAGES[:1]}, "entry 2 (the first is 0): "),
        (REFS, {"images": [{"id": 1}, {"id": 2}]}, "image 1 of "),
        (REFS, {"annotations": [{"image_id": 1}]}, "every entry of annotations needs an id"),
        (REFS, {"annotations": 5}, "annotations must be a list of objects"),
        (
            REFS,
            {"annotations": [{**one, "bbox": [1, 2, 3]} for one in ANNOTATIONS]},
            "bbox of annotation 11 must be 4 finite numbers, not [1, 2, 3]",
        ),
        ([ref(0, 11, "dev", "x")], {}, "has no split 'val'; it has: dev"),
    ],
)
def test_faults_of_a_release_name_file_and_entry(
    refs: Any, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    assert message in refused(release(tmp_path / "refer", refs, **changes), "val")


def test_a_release_without_boxes_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "refs(unc).p").write_bytes(pickle.dumps(REFS))
    assert "needs REFER's instances.json beside it" in refused(tmp_path, "val")


def coco(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps({"images": IMAGES, "annotations": ANNOTATIONS, **changes}))
    media(path.parent)
    return path


SAID = [
    {**ANNOTATIONS[0], "captions": ["left cat", "grey"]},
    ANNOTATIONS[1],
    {**ANNOTATIONS[2], "caption": "man"},
]


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ({"refs": REFS}, ["0#0", "0#1", "2#0"]),  # REFER as JSON: its own splits
        ({"refs": [{"ann_id": 11, "sentences": ["a", "b"]}]}, ["11#0", "11#1"]),
        ({"annotations": SAID}, ["11#0", "11#1", "21#0"]),  # an object without a sentence is none
        ({"images": [IMAGES[0], {**IMAGES[1], "caption": "man"}]}, ["21#0"]),  # MDETR
    ],
    ids=["refs with splits", "refs", "captions of annotations", "caption of an image"],
)
def test_coco_json_with_sentences(changes: dict[str, Any], ids: list[str], tmp_path: Path) -> None:
    data = open_data(REFCOCO, str(coco(tmp_path / "finetune_refcoco_val.json", **changes)), split="val")
    assert ([sample.id for sample in data.samples], data.split) == (ids, "val")


def test_the_split_of_one_file_stands_in_its_name(tmp_path: Path) -> None:
    assert open_data(REFCOCO, str(coco(tmp_path / "refcoco_testB.json", annotations=SAID))).split == "testB"
    assert open_data(REFCOCO, str(coco(tmp_path / "mine.json", annotations=SAID))).split == "mine"


def test_coco_json_without_sentences_says_where_they_go(tmp_path: Path) -> None:
    assert "has boxes without sentences: give annotations a caption" in refused(coco(tmp_path / "coco.json"))
    assert "has boxes without sentences" in refused(fixtures_path("coco", "instances_val2014_100.json"))


PROBLEM = "Please provide the bounding box coordinate of the region this sentence describes: man far left."


def vlm_r1(path: Path, *rows: Any) -> Path:
    path.write_text(json.dumps(rows))
    (path.parent / "train2014").mkdir(exist_ok=True)
    media(path.parent / "train2014")
    return path


def vlm_row(**changes: Any) -> dict[str, Any]:
    return {
        "image": "train2014/1.jpg",
        "problem": PROBLEM,
        "solution": [14.67, 133.56, 121.84, 469.68],
        **changes,
    }


def test_vlm_r1_asks_vleval_s_question_about_its_sentence(tmp_path: Path) -> None:
    rows = [vlm_row(), vlm_row(problem="a sentence of my own."), vlm_row(normal_caption="man far left", id=7)]
    data = open_data(REFCOCO, str(vlm_r1(tmp_path / "refcoco_val.json", *rows)))
    assert (data.split, data.origin, data.notes) == ("val", "local", ())
    assert [sample.question for sample in data.samples] == [
        "man far left",
        "a sentence of my own.",
        "man far left",
    ]
    assert [sample.id for sample in data.samples] == ["0#0", "1#0", "7#0"]
    assert data.samples[0].target["bbox_xyxy"] == pytest.approx([14.67, 133.56, 121.84, 469.68])
    assert data.samples[0].media[0].read() == b"image 1"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (5, "row 1 (the first is 0): not an object"),
        (vlm_row(solution=[1, 2, 3]), "row 1 (the first is 0): solution must be 4 finite numbers"),
        (vlm_row(solution=[9, 2, 3, 4]), "solution must be x1, y1, x2, y2 with x1 < x2"),
        (vlm_row(problem=""), "problem must be a sentence"),
        (vlm_row(image="../1.jpg"), "row 1: image '../1.jpg' must be a file name below"),
    ],
)
def test_faults_of_vlm_r1_name_the_row(row: Any, message: str, tmp_path: Path) -> None:
    assert message in refused(vlm_r1(tmp_path / "refcoco_val.json", vlm_row(), row))


def test_a_real_log_s_boxes_and_sentences_come_through(tmp_path: Path) -> None:
    """2,000 rows of RefCOCO val in VLM-R1's own words, under its evaluation's other column names."""
    log = json.loads(fixtures_path("refcoco", "iannxang_7b_baseline_refcoco_val.json").read_text())["results"]
    rows = [
        {"image": one["image"], "problem": one["question"], "solution": one["ground_truth"]} for one in log
    ]
    folder = tmp_path / "train2014"
    folder.mkdir()
    (folder / Path(rows[0]["image"]).name).write_bytes(b"one image is enough to find the folder")
    (tmp_path / "refcoco_val.json").write_text(json.dumps(rows))
    data = open_data(REFCOCO, str(tmp_path / "refcoco_val.json"))
    assert len(data.samples) == 2000
    assert len({sample.cluster for sample in data.samples}) == 1112
    assert not any("bounding box" in sample.question for sample in data.samples)
    for sample, one in zip(data.samples, log, strict=True):
        assert sample.target["bbox_xyxy"] == pytest.approx(one["ground_truth"])
