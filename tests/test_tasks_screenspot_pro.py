"""ScreenSpot-Pro: rows to samples, the official prompt, and the answers that go on from its beginning."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vleval.grounding.frame import Frame
from vleval.model.config import ModelConfig
from vleval.model.io import INPUT_SIZE, Media, Message, Request, VisionSettings
from vleval.model.locations import BUNDLED_CHECKPOINT
from vleval.model.prepare import Prepared, Preparer
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.model.prompt import ChatPrompt
from vleval.tasks.base import DataError, Sample
from vleval.tasks.data.sources import open_data
from vleval.tasks.grounding.computer_use import BEGUN, SYSTEM, whole_call
from vleval.tasks.grounding.screenspot_pro import TASK


def row(**changes: Any) -> dict[str, Any]:
    return {
        "id": "cad_windows_7",
        "image": {"bytes": b"", "path": "cad_windows/a.png"},
        "bbox": [800, 400, 840, 420],
        "img_size": [1600, 900],
        "instruction": "rotate the view",
        "application": "cad",
        "platform": "windows",
        "ui_type": "icon",
        "group": "CAD",
        **changes,
    }


def sample(**changes: Any) -> Sample:
    (found,) = TASK.rows(row(**changes), "3")
    return found


def test_a_row_becomes_a_sample() -> None:
    found = sample()
    assert found.target == {"bbox_xyxy": [800, 400, 840, 420]}
    assert found.original_size == (1600, 900)
    assert found.id == "cad_windows_7#3"
    assert found.tags == {"group": "CAD", "ui_type": "icon", "platform": "windows", "application": "cad"}
    written = sample(bbox="[800, 400, 840, 420]", img_size="[1600, 900]")
    assert (written.target, written.original_size) == (found.target, found.original_size)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"bbox": [0.1, 0.2, 0.3, 0.4]}, "in pixels of the original image, not shares"),
        ({"bbox": [800, 400, 40, 20]}, "x1 < x2"),
        ({"bbox": [800, 400, 1840, 420]}, "outside of its image of 1600 x 900"),
        ({"img_size": None}, "img_size"),
        ({"instruction": ""}, "instruction"),
    ],
)
def test_unusable_row_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        sample(**changes)


def test_file_names_of_the_annotations_are_read_below_media(tmp_path: Path) -> None:
    (tmp_path / "cad_windows").mkdir()
    Image.new("RGB", (1600, 900)).save(tmp_path / "cad_windows" / "a.png")
    entry = {**row(), "img_filename": "cad_windows/a.png"}
    del entry["image"]
    file = tmp_path / "cad_windows.json"
    file.write_text(json.dumps([entry]))
    (found,) = open_data(TASK, str(file), media_dir=tmp_path).samples
    assert found.media[0].path == tmp_path / "cad_windows" / "a.png"
    file.write_text(json.dumps([{"bbox": [1, 2, 3, 4], "img_size": [9, 9], "instruction": "x"}]))
    with pytest.raises(DataError, match="lacks image or img_filename"):
        open_data(TASK, str(file), media_dir=tmp_path)


def test_the_prompt_is_the_official_one_to_the_character() -> None:
    """sha256 of the text of ScreenSpot-Pro's `qwen2_5vl` with our mark for the size, taken once."""
    digest = hashlib.sha256(SYSTEM.encode()).hexdigest()
    assert digest == "3e0cddfa8d5795a527e70841a9313680c3100ecb1d7d3aa09ed5ff9320a428ec"
    system, user, begun = TASK.messages(sample())
    assert (system, begun) == (Message("system", (SYSTEM,)), Message("assistant", (BEGUN,)))
    assert user == Message("user", (*sample().media, "rotate the view"))
    assert SYSTEM.count(INPUT_SIZE) == 1


def test_the_model_is_told_the_size_that_it_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    out = io.BytesIO()
    Image.new("RGB", (300, 200), "white").save(out, "PNG")
    asked: list[Sequence[Message]] = []
    chat = ChatPrompt.from_folder(BUNDLED_CHECKPOINT)
    encode = chat.encode

    def watch(messages: Sequence[Message], *rest: Any, **more: Any) -> Any:
        asked.append(messages)
        return encode(messages, *rest, **more)

    monkeypatch.setattr(chat, "encode", watch)
    config = ModelConfig.from_folder(BUNDLED_CHECKPOINT)
    spec = PreprocessSpec.from_folder(BUNDLED_CHECKPOINT)
    (question,) = TASK.rows(row(image=Media("image", data=out.getvalue())), "0")
    hostile = Message("user", (*question.media, f"what is {INPUT_SIZE}?"))
    messages = (TASK.messages(question)[0], hostile, TASK.messages(question)[2])
    preparer = Preparer(config, chat, spec, torch.float32, 1)
    (ready,) = preparer.ahead([Request("a", messages, VisionSettings(max_pixels=64 * 784))], 1)
    assert isinstance(ready, Prepared)
    ((system, user, begun),) = asked
    (told,) = system.content
    width, height = ready.frames[0].input_size
    assert (width, height) != (300, 200)
    assert f"The screen's resolution is {width}x{height}.\n" in str(told)
    assert (user, begun) == (hostile, Message("assistant", (BEGUN,)))
    assert chat.decode(ready.input.input_ids).endswith(BEGUN)


FRAME = Frame((1600, 900), (2660, 1484), (1, 106, 190), "torch")
ANSWERS = [
    ("1363, 676]}}\n</tool_call>", 1.0, "goes on from the beginning"),
    (" 1363,676]}}", 1.0, "with other spaces, and without an end"),
    ("1330, 660, 1396, 692]}}", 1.0, "four numbers are clicked at their centre"),
    (BEGUN + "1363, 676]}}\n</tool_call>", 1.0, "a whole call, as stored by others"),
    ("[1363, 676]", 1.0, "a bare point"),
    ("820, 410]}}", 0.0, "pixels of the original"),
    ("676, 1363]}}", 0.0, "swapped"),
]


@pytest.mark.parametrize(("text", "hit", "why"), ANSWERS, ids=[case[2] for case in ANSWERS])
def test_clicks(text: str, hit: float, why: str) -> None:
    score = TASK.score(sample(), text, (FRAME,), "absolute")
    assert (score.status, score.metrics) == ("scored", {"click_acc": hit})


@pytest.mark.parametrize("text", ["", "]}}", "1363]}}", "1, 2, 3]}}", "no"])
def test_what_completes_no_call_is_unparsed(text: str) -> None:
    score = TASK.score(sample(), text, (FRAME,), "absolute")
    assert (score.status, score.metrics) == ("unparsed", {"click_acc": 0.0})


@pytest.mark.parametrize("text", ["[12, 34]", "12 items: [3, 4]", "Click (3, 4).", BEGUN + "1, 2]}}", ""])
def test_other_answers_are_left_as_they_are(text: str) -> None:
    assert whole_call(text) == text
