"""Files of predictions: every layout and format, what rows may lack, and the sentence for every fault."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vleval.grounding.frame import Frame
from vleval.tasks.base import DataError
from vleval.tasks.data.predictions import Prediction, Predictions, read_predictions
from vleval.tasks.registry import get_task

REFCOCO, CHARADES = get_task("refcoco"), get_task("charades-sta")

ROW = {
    "id": "a7",
    "image": "street.jpg",
    "expression": "the tram",
    "response": '[{"bbox_2d": [10, 20, 110, 220]}]',
    "target": {"bbox_xyxy": [10, 20, 110, 220]},
    "original_size": [640, 480],
    "input_size": [644, 476],
}


def jsonl(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def as_json(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"accuracy": 1.0, "model": "x", "results": rows}), encoding="utf-8")
    return path


def as_csv(path: Path, *rows: dict[str, Any]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            text = {
                name: value if isinstance(value, str) else json.dumps(value) for name, value in row.items()
            }
            writer.writerow(text)
    return path


def as_parquet(path: Path, *rows: dict[str, Any]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def read(tmp_path: Path, *rows: dict[str, Any], fields: tuple[str, ...] = (), **how: Any) -> Predictions:
    return read_predictions(jsonl(tmp_path / "p.jsonl", *rows), REFCOCO, fields=fields, **how)


def only(tmp_path: Path, *fields: str, **row: Any) -> Prediction:
    (item,) = read(tmp_path, row, fields=fields).items
    return item


@pytest.mark.parametrize(
    ("suffix", "write"), [("jsonl", jsonl), ("json", as_json), ("csv", as_csv), ("parquet", as_parquet)]
)
def test_a_row_is_the_same_in_every_format(suffix: str, write: Callable[..., Path], tmp_path: Path) -> None:
    path = write(tmp_path / f"p.{suffix}", ROW, {**ROW, "id": "b", "image": "park.jpg"})
    (sample, response), other = read_predictions(path, REFCOCO).items
    assert (sample.id, sample.cluster, sample.question) == ("a7", "street.jpg", "the tram")
    assert sample.target == {"bbox_xyxy": [10.0, 20.0, 110.0, 220.0]}
    assert sample.original_size == (640, 480)
    assert sample.media == ()
    assert response.text == ROW["response"]
    assert response.frames == (Frame((640, 480), (644, 476), (1, 34, 46), "unknown"),)
    assert other.sample.id == "b"


LAYOUTS: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    ((), {"model_output": "[1, 2, 3, 4]", "ground_truth": [1, 2, 3, 4]}, "names of VLM-R1's logs"),
    ((), {"prediction": "[1, 2, 3, 4]", "solution": [1, 2, 3, 4]}, "further names"),
    ((), {"raw": "[1, 2, 3, 4]", "bbox_xyxy": [1, 2, 3, 4]}, "the truth under its own key"),
    ((), {"raw": "[1, 2, 3, 4]", "bbox_xywh": [1, 2, 2, 2]}, "the truth as corner and size"),
    ((), {"output": "[1, 2, 3, 4]", "target": [1, 2, 3, 4]}, "a bare target"),
    ((), {"output": "[1, 2, 3, 4]", "target": '{"bbox_xywh": [1, 2, 2, 2]}'}, "JSON inside a cell"),
    ((), {"output": [1, 2, 3, 4], "target": [1, 2, 3, 4]}, "a response that is no text is read as its JSON"),
    (
        ("response=body.choices.0.message.content", "target.bbox_xyxy=truth.box"),
        {
            "body": {"choices": [{"message": {"content": "[1, 2, 3, 4]"}}]},
            "truth": '{"box": [1, 2, 3, 4]}',
        },
        "dotted paths through objects, lists and JSON text",
    ),
    (
        ("response=said", "target.bbox_xyxy=x1,y1,x2,y2"),
        {"said": "[1, 2, 3, 4]", "x1": "1", "y1": 2, "x2": 3, "y2": "4"},
        "a list from columns",
    ),
    (
        ("response=model.text", "target.bbox_xywh=gt"),
        {"model.text": "[1, 2, 3, 4]", "gt": [1, 2, 2, 2], "response": "no"},
        "a column with a dot in its name, and --field before the field's own name",
    ),
]


@pytest.mark.parametrize(("fields", "row", "why"), LAYOUTS, ids=[layout[2] for layout in LAYOUTS])
def test_layouts(fields: tuple[str, ...], row: dict[str, Any], why: str, tmp_path: Path) -> None:
    sample, response = only(tmp_path, *fields, **row)
    assert response.text == "[1, 2, 3, 4]"
    assert sample.target == {"bbox_xyxy": [1.0, 2.0, 3.0, 4.0]}


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        ((), {"original_size": "640x480", "input_size": "[644, 476]"}),
        (("original_size=w,h", "input_size=meta.size"), {"w": 640, "h": "480", "meta": {"size": [644, 476]}}),
    ],
)
def test_sizes(fields: tuple[str, ...], row: dict[str, Any], tmp_path: Path) -> None:
    bare = {"response": "", "bbox_xyxy": [1, 2, 3, 4]}
    (frame,) = only(tmp_path, *fields, **bare, **row).response.frames
    assert (frame.original_size, frame.input_size) == ((640, 480), (644, 476))


def test_letterboxed_input_has_its_bars_in_the_frame(tmp_path: Path) -> None:
    row = {**ROW, "input_size": [644, 644]}
    found = read(tmp_path, row, {**row, "input_size": None}, letterbox=True)
    (frame,) = found.items[0].response.frames
    assert frame.content == pytest.approx((0.0, 80.5, 644.0, 563.5))
    # shares of the input cannot be mapped by the original size alone
    assert found.items[1].response.frames == ()
    assert found.items[1].sample.original_size is None


def test_what_a_row_may_lack(tmp_path: Path) -> None:
    bare = {"response": "[1, 2, 3, 4]", "target": [1, 2, 3, 4]}
    blank = {**bare, "id": None, "image": "", "original_size": None, "input_size": "", "prompt": None}
    found = read(tmp_path, bare, blank, {**ROW, "id": 0}, {**ROW, "id": "a7"}, {**ROW, "id": "a7"})
    assert [item.sample.id for item in found.items] == ["0", "1", "0@2", "a7", "a7@4"]
    assert (found.repeated, found.unclustered) == (2, 2)
    assert len({item.sample.cluster for item in found.items}) == 3
    assert [item.response.frames == () for item in found.items] == [True, True, False, False, False]
    assert found.items[0].sample.question == ""


def test_no_response_is_failed_and_an_empty_one_is_not(tmp_path: Path) -> None:
    rows = [{**ROW, "response": said} for said in ("", None, float("nan"))]
    without = {name: value for name, value in ROW.items() if name != "response"}
    found = read(tmp_path, *rows, without)
    failures = [item.response.failure for item in found.items]
    assert failures[0] is None
    assert [failure and failure.kind for failure in failures[1:]] == ["input_error"] * 3
    assert failures[3] is not None
    assert failures[3].message == "row 3 has no response"


def test_images_inside_the_file_are_clusters_by_name_or_by_content(tmp_path: Path) -> None:
    images = [
        {"bytes": b"a", "path": "one.jpg"},
        {"bytes": b"a", "path": None},
        {"bytes": b"a", "path": None},
        {"bytes": b"b", "path": None},
    ]
    path = as_parquet(tmp_path / "p.parquet", *({**ROW, "image": image} for image in images))
    found = read_predictions(path, REFCOCO)
    clusters = [item.sample.cluster for item in found.items]
    assert clusters[0] == "one.jpg"
    assert clusters[1] == clusters[2] != clusters[3]
    assert found.unclustered == 0


def test_video_tasks_take_spans_and_durations(tmp_path: Path) -> None:
    rows = [
        {"video": "a.mp4", "caption": "sits", "output": "2 - 4", "target": {"span": [2, 5], "duration": 30}},
        {"video": "a.mp4", "caption": "runs", "output": "2 - 4", "target": [2, 5], "duration": "31.5"},
        {
            "video": "b.mp4",
            "output": "2 - 4",
            "span": "[2, 5]",
            "original_size": [1, 1],
            "input_size": [1, 1],
        },
    ]
    read_all = [read_predictions(jsonl(tmp_path / "p.jsonl", row), CHARADES).items[0] for row in rows]
    targets = [item.sample.target for item in read_all]
    assert targets == [
        {"span": [2.0, 5.0], "duration": 30.0},
        {"span": [2.0, 5.0], "duration": 31.5},
        {"span": [2.0, 5.0]},
    ]
    assert read_all[2].response.frames == ()
    samples = [item.sample for item in read_all]
    assert CHARADES.baselines is not None
    assert CHARADES.baselines(samples)["whole clip"]["miou"] == pytest.approx((3 / 30 + 3 / 31.5) / 2)


def test_limit_takes_the_first_rows(tmp_path: Path) -> None:
    found = read(tmp_path, ROW, {**ROW, "id": "b"}, {"garbage": 1}, limit=2)
    assert [item.sample.id for item in found.items] == ["a7", "b"]


def test_line_separators_inside_a_response_end_no_row(tmp_path: Path) -> None:
    said = "a\u2028b\x85c\u2029d\x0be"
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({**ROW, "response": said}, ensure_ascii=False), encoding="utf-8")
    assert read_predictions(path, REFCOCO).items[0].response.text == said
    path = as_csv(tmp_path / "p.csv", {**ROW, "response": said + '\n"quoted", and more'})
    assert read_predictions(path, REFCOCO).items[0].response.text == said + '\n"quoted", and more'


NO_TARGET = {"response": "x", "target": {"span": [1, 2]}}
FAULTS: list[tuple[str, bytes, tuple[str, ...], str]] = [
    ("p.jsonl", b"", (), "p.jsonl has no rows"),
    ("p.json", b"[]", (), "has no rows"),
    ("p.csv", b"id,response,target\n", (), "has no rows"),
    ("p.json", b'{"accuracy": 3}', (), "must hold one list of objects"),
    ("p.json", b"[1, 2]", (), "must hold one list of objects"),
    ("p.json", b"[" * 100_000, (), "is not JSON"),
    ("p.jsonl", b'{"response": "x"', (), "line 1, is not JSON"),
    ("p.jsonl", b"[" * 100_000, (), "line 1, is not JSON"),
    ("p.csv", b"response,target\na,b,c\n", (), "row 0 has more cells than the header"),
    ("p.txt", b"x", (), "is none of .parquet, .jsonl, .json, .csv"),
    (
        "p.jsonl",
        b'{"a": 1, "target": [1,2,3,4]}',
        (),
        "no column response or model_output, .*--field response=",
    ),
    ("p.jsonl", b'{"response": "x", "b": 1}', (), "no column target or bbox_xyxy, .*it has: response, b"),
    ("p.jsonl", json.dumps(NO_TARGET).encode(), (), "row 0 .*no bbox_xyxy or bbox_xywh, which refcoco needs"),
    ("p.jsonl", b'{"response": "x", "gt": [1, 2]}', (), "row 0 .*: gt must be 4 finite numbers"),
    ("p.jsonl", b'{"response": "x", "gt": [5, 5, 2, 2]}', (), "gt must be x1, y1, x2, y2 with x1 < x2"),
    ("p.jsonl", b'{"response": "x", "gt": [1, 2, 3, NaN]}', (), "gt must be 4 finite numbers"),
    (
        "p.jsonl",
        b'{"response": "x", "gt": [1, 2, 3, 1' + b"0" * 400 + b"]}",
        (),
        "gt must be 4 finite numbers",
    ),
    ("p.jsonl", b'{"response": "x", "gt": null}', (), "gt must be 4 finite numbers, not None"),
    (
        "p.jsonl",
        b'{"response": "x", "gt": [1, 2, 3, 4], "original_size": "wide"}',
        (),
        "original_size must be 2 finite numbers, not 'wide'",
    ),
    (
        "p.jsonl",
        b'{"response": "x", "gt": [1, 2, 3, 4], "image_size": [0, 5]}',
        (),
        "image_size must be a width and a height in whole pixels",
    ),
    ("p.jsonl", b'{"response": null, "gt": [1, 2, 3, 4]}', (), "no row has a response in response"),
    ("p.jsonl", b'{"r": "x", "gt": [1, 2, 3, 4]}', ("response=s",), "no column s for --field response=s; it"),
    ("p.jsonl", b'{"r": "x", "gt": [1, 2, 3, 4]}', ("response=r.text",), "no row has a response in r.text"),
    ("p.jsonl", b"{}", ("respnse=r",), "no field 'respnse'; did you mean response?"),
    ("p.jsonl", b"{}", ("target.span=r",), "refcoco has no field 'target.span'"),
    ("p.jsonl", b"{}", ("response",), "write response=COLUMN"),
    ("p.jsonl", b"{}", ("response=a,,b",), "write response=COLUMN"),
    ("p.jsonl", b"{}", ("response=a", "response=b"), "--field response is given twice"),
]


@pytest.mark.parametrize(("name", "content", "fields", "message"), FAULTS)
def test_faults_get_one_sentence(
    name: str, content: bytes, fields: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_predictions(tmp_path / name, REFCOCO, fields=fields)
    assert "\n" not in str(caught.value)


def test_a_fault_is_named_by_its_row(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"p.jsonl, row 2 \(the first is 0\): target must be 4 finite numbers"
    ):
        read(tmp_path, ROW, ROW, {**ROW, "target": "over there"})
    with pytest.raises(DataError, match="there is no such file"):
        read_predictions(tmp_path / "absent.jsonl", REFCOCO)
    with pytest.raises(DataError, match="there is no such file"):
        read_predictions(tmp_path, REFCOCO)
    with pytest.raises(DataError, match="--limit must be at least 1"):
        read(tmp_path, ROW, limit=0)
