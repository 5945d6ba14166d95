"""Questions as pictures: places where they are, words beside the picture or below the frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vleval.cards.truths import marks, save_truths
from vleval.model.io import Media
from vleval.tasks.base import Sample
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task

BLUE = (0, 114, 178)
HOSTILE = "\x1b[2J\u202egnp.exe\x00 " + "a" * 3000 + "\ud800"


def saved(
    tmp_path: Path, target: dict[str, Any], *, question: str = "How much?", size: Any = (90, 60)
) -> Image.Image:
    """The picture of one question about a plain white image."""
    file = tmp_path / "plain.png"
    Image.new("RGB", size, "white").save(file)
    (path,) = save_truths(
        [Sample("q", (Media("image", path=file),), question, target, "c")], tmp_path / "out"
    )
    return Image.open(path).convert("RGB")


def blue(picture: Image.Image, box: tuple[int, int, int, int]) -> bool:
    """Whether anything in a part of the picture has the truth's colour."""
    part = picture.crop(box)
    return BLUE in {part.getpixel((x, y)) for x in range(part.width) for y in range(part.height)}


def test_words_stand_to_the_right_of_the_picture(tmp_path: Path) -> None:
    picture = saved(tmp_path, {"answers": ["$1,250", "1,250"]})
    assert picture.width > 90
    assert not blue(picture, (0, 0, 90, picture.height))
    assert blue(picture, (90, 0, picture.width, picture.height))


def test_a_kept_back_truth_is_said_to_be(tmp_path: Path) -> None:
    assert blue(saved(tmp_path, {}), (90, 0, 300, 80))


def test_places_alone_leave_the_picture_as_it_is(tmp_path: Path) -> None:
    picture = saved(
        tmp_path, {"instances": {"boxes": [[10, 10, 50, 40]], "labels": ["cat"], "classes": ["cat"]}}
    )
    assert picture.size == (90, 60)


def test_boxes_of_a_detection_have_their_labels() -> None:
    target = {"instances": {"boxes": [[1, 2, 3, 4], [5, 6, 7, 8]], "labels": ["cat", "dog"], "classes": []}}
    assert [(mark.kind, mark.label) for mark in marks(target)] == [("box", "cat"), ("box", "dog")]
    assert marks({"spans": [[1, 2]]}) == []


@pytest.mark.parametrize("size", [(1, 1), (4000, 30), (30, 4000)])
def test_any_picture_and_any_words_are_drawn(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = saved(tmp_path, {"answers": [HOSTILE] * 3}, question=f"{HOSTILE}\n" * 200, size=size)
    assert picture.width < size[0] + 1200
    assert picture.height <= max(size[1], 3600)


def test_words_about_a_video_stand_below_its_frames(tmp_path: Path) -> None:
    (sample,) = open_data(get_task("mvbench"), "bundled", limit=1).samples
    (path,) = save_truths([sample], tmp_path)
    picture = Image.open(path).convert("RGB")
    assert picture.width == 1200
    assert blue(picture, (0, picture.height - 90, 300, picture.height))
