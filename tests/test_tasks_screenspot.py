"""ScreenSpot: rows of both published layouts to samples, the question, and the judgement of clicks."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from vleval.cli import app
from vleval.grounding.frame import Frame
from vleval.grounding.parse import render_boxes, render_points
from vleval.model.io import Media
from vleval.tasks.base import DataError, Sample, Score
from vleval.tasks.data.sources import open_data
from vleval.tasks.grounding.screenspot import TASK, TASK_V2
from vleval.tasks.registry import TASKS, get_task

SIZE = (320, 200)


def screenshot(size: tuple[int, int] = SIZE, orientation: int | None = None) -> bytes:
    out, exif = io.BytesIO(), Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.new("RGB", size, "white").save(out, "JPEG", exif=exif)
    return out.getvalue()


def row(**changes: Any) -> dict[str, Any]:
    return {
        "file_name": "pc_1.png",
        "image": {"bytes": screenshot(), "path": "pc_1.png"},
        "instruction": "close this window",
        "bbox": [0.25, 0.5, 0.5, 0.75],
        "data_type": "icon",
        "data_source": "windows",
        **changes,
    }


def sample(**changes: Any) -> Sample:
    (found,) = TASK.rows(row(**changes), "3")
    return found


def test_shares_become_pixels_of_the_screenshot() -> None:
    found = sample()
    assert found.target == {"bbox_xyxy": [80.0, 100.0, 160.0, 150.0]}
    assert (found.id, found.question) == ("pc_1.png#3", "close this window")
    assert found.cluster == Media("image", data=screenshot()).digest()
    assert found.original_size == SIZE


BOXES = [
    (
        {"bbox": [80, 100, 80, 50]},
        [80, 100, 160, 150],
        "pixels are corner and size, as in the original files",
    ),
    ({"bbox": [0, 0, 1.0, 1.0]}, [0, 0, 320, 200], "the whole screen as shares"),
    ({"bbox": [0, 0, 321, 201]}, [0, 0, 321, 201], "annotators overshoot by a pixel"),
    ({"bbox": "[0.25, 0.5, 0.5, 0.75]"}, [80, 100, 160, 150], "text, as CSV has it"),
    ({"image_width": 640, "image_height": 400}, [160, 200, 320, 300], "the size that the row states"),
    (
        {"image": {"bytes": screenshot((200, 320), orientation=6), "path": "x"}},
        [80, 100, 160, 150],
        "a turned picture is upright for the model, and so is its size",
    ),
]


@pytest.mark.parametrize(("changes", "box", "why"), BOXES, ids=[case[2] for case in BOXES])
def test_layouts_of_the_truth(changes: dict[str, Any], box: list[float], why: str) -> None:
    assert sample(**changes).target["bbox_xyxy"] == pytest.approx(box)


@pytest.mark.parametrize(
    "changes",
    [
        {"bbox": [80, 100, 260, 150]},  # corners in pixels: as sizes they leave the screenshot
        {"bbox": [0.5, 0.5, 0.25, 0.75]},
        {"bbox": [10, 10, 0, 5]},
        {"bbox": [1, 2, 3]},
        {"instruction": " "},
        {"image": 7},
    ],
)
def test_unusable_row_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="bbox|instruction|image"):
        sample(**changes)


def test_unreadable_screenshot_costs_itself_alone() -> None:
    found = sample(image={"bytes": b"", "path": "gone.png"})
    assert found.original_size is None
    (gone,) = TASK.rows(row(image=Media("image", path=Path("no/such.png")), file_name=None), "8")
    assert gone.cluster == "unreadable 8"


@pytest.mark.parametrize(
    ("source", "platform"),
    [
        ("ios", "mobile"),
        ("Android", "mobile"),
        ("macos", "desktop"),
        ("windows", "desktop"),
        ("gitlab", "web"),
    ],
)
def test_slices(source: str, platform: str) -> None:
    assert sample(data_source=source).tags == {"kind": "icon", "platform": platform}
    assert sample(data_source=None, data_type=None).tags == {}


def test_the_question_comes_after_the_screenshot() -> None:
    (message,) = TASK.messages(sample(instruction='press "{x}"'))
    medium, text = message.content
    assert medium == sample().media[0]
    assert text == (
        'Locate the element to click for the instruction "press "{x}"" in this image and output the point '
        "coordinates in JSON format."
    )


FRAME = Frame(SIZE, (644, 392), (1, 28, 46), "torch")
"""About twice the original size: 2.0125 along x, 1.96 along y."""


def judged(text: str, frames: tuple[Frame, ...] = ()) -> Score:
    return TASK.score(sample(), text, frames, "absolute")


CLICKS = [
    ("[120, 125]", 1.0, [120, 125], "a bare point"),
    ("[80, 150]", 1.0, [80, 150], "the border belongs to the box"),
    ("[79.9, 150]", 0.0, [79.9, 150], "just outside"),
    ("[100, 110, 140, 140]", 1.0, [120, 125], "four numbers are clicked at their centre"),
    ("[140, 140, 100, 110]", 1.0, [120, 125], "in either order"),
    (render_points([((120, 125), "close")]), 1.0, [120, 125], "the documented form"),
    (render_boxes([((0, 0, 10, 10), "close")]), 0.0, [5, 5], "a box beside it"),
    (
        '<tool_call>\n{"name": "computer_use", "arguments": {"action": "left_click", '
        '"coordinate": [120, 125]}}\n</tool_call>',
        1.0,
        [120, 125],
        "Qwen's computer-use call",
    ),
    ("[5, 5] or [120, 125]", 0.0, [5, 5], "the first point counts"),
]


@pytest.mark.parametrize(("text", "hit", "click", "why"), CLICKS, ids=[case[3] for case in CLICKS])
def test_clicks(text: str, hit: float, click: list[float], why: str) -> None:
    score = judged(text)
    assert score.status == "scored"
    assert score.metrics == {"click_acc": hit}
    assert score.parsed["click"] == pytest.approx(click)


def test_clicks_are_mapped_from_the_input() -> None:
    score = judged("[241, 245]", (FRAME,))
    assert score.parsed["click"] == pytest.approx([241 * 320 / 644, 245 * 200 / 392])
    assert (score.metrics["click_acc"], score.parsed["mapped"]) == (1.0, True)
    assert judged("[241, 245]").metrics["click_acc"] == 0.0


def test_further_clicks_are_counted() -> None:
    assert judged("[5, 5] or [120, 125]").parsed["extra"] == 1
    assert judged("[120, 125]").parsed["extra"] == 0


@pytest.mark.parametrize("text", ["", "There is no such element.", "[1, 2, 3]"])
def test_unread_answer_is_zero_and_says_why(text: str) -> None:
    score = judged(text)
    assert (score.status, score.metrics) == ("unparsed", {"click_acc": 0.0})
    assert score.reason
    assert score.parsed["click"] is None


def test_local_copies_of_both_versions(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist([row(), row(bbox=[0.1, 0.1, 0.2, 0.2])]), tmp_path / "test.parquet")
    for task in (TASK, TASK_V2):
        data = open_data(task, str(tmp_path))
        assert [item.id for item in data.samples] == ["pc_1.png#0", "pc_1.png#1"]
        assert len({item.cluster for item in data.samples}) == 1
    pq.write_table(pa.Table.from_pylist([row(), row(bbox=[80, 100, 260, 150])]), tmp_path / "test.parquet")
    with pytest.raises(
        DataError, match="row 1: bbox must be .* but as the latter it ends at 340, 250 in an image"
    ):
        open_data(TASK, str(tmp_path))


def test_names_and_hub_sets() -> None:
    assert get_task("ScreenSpot_V2") is TASK_V2
    assert TASK.hub == ("rootsautomation/ScreenSpot",)
    assert TASK_V2.hub == ("HongxinLi/ScreenSpot_v2",)


def test_without_bundled_data_one_sentence_tells_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "VLEVAL_MODEL", "VLEVAL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(TASKS, "screenspot", replace(TASK, bundled_splits=()))
    result = CliRunner().invoke(app, ["run", "--task", "screenspot"])
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert said == (
        "error: screenspot has no bundled data: name a checkpoint with --model FOLDER or a hub id, "
        "and data with --data hub or --data FILE."
    )
