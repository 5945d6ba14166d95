"""`vleval tasks new`: a task of the user's own, its test, and three rows of data to begin with.

The files are those of `vleval.tasks.templates` under another name, so what is written is what is tested.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from vleval.errors import UserError

TEMPLATES: Mapping[str, str] = {"refcoco": "boxes", "charades-sta": "spans", "docvqa": "answers"}
"""`--like` -> the template: a place in an image, a time in a video, words."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SIZE = (320, 240)


def write_task(name: str, like: str, folder: Path) -> list[Path]:
    """Write `<name>.py`, `test_<name>.py`, `<name>.jsonl` and `<name>_media/`; returns the first three.

    Raises UserError where a name is no module's, is taken, or a file is there already.
    """
    from vleval.tasks.registry import TASKS

    stem = name.removesuffix(".py").replace("-", "_")
    title = stem.replace("_", " ").capitalize()
    if not _NAME.fullmatch(stem):
        raise UserError(f"{name!r} cannot name a task: use up to 40 of a-z, 0-9 and '_', a letter first")
    if (task := stem.replace("_", "-")) in TASKS:
        raise UserError(f"{task} is a built-in task; choose another name")
    kind = TEMPLATES.get(like.strip().lower().replace("_", "-"))
    if kind is None:
        raise UserError(f"--like {like}: there are templates like {', '.join(TEMPLATES)}")
    if not folder.is_dir():
        raise UserError(f"--output {folder} is not a folder")
    code, test, data = (folder / each for each in (f"{stem}.py", f"test_{stem}.py", f"{stem}.jsonl"))
    media = folder / f"{stem}_media"
    if taken := [path for path in (code, test, data, media) if path.exists()]:
        raise UserError(f"{taken[0]} exists, and nothing is written over")
    for path, template in ((code, kind), (test, f"{kind}_test")):
        text = files("vleval.tasks.templates").joinpath(f"{template}.py").read_text(encoding="utf-8")
        text = text.replace("my_task", stem).replace("my-task", task).replace("My task", title)
        path.write_text(text, encoding="utf-8")
    media.mkdir()
    rows = _ROWS[kind](media)
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return [code, test, data]


def _boxes(media: Path) -> Iterator[dict[str, Any]]:
    from PIL import Image, ImageDraw

    boxes = {"red": (40, 60, 160, 120), "blue": (180, 30, 100, 90), "green": (20, 140, 90, 70)}
    for number, (colour, (x, y, width, height)) in enumerate(boxes.items()):
        picture = Image.new("RGB", _SIZE, "white")
        ImageDraw.Draw(picture).rectangle((x, y, x + width - 1, y + height - 1), colour)
        picture.save(media / f"{number}.png")
        yield {
            "image": f"{media.name}/{number}.png",
            "question": f"the {colour} box",
            "bbox": [x, y, width, height],
        }


def _answers(media: Path) -> Iterator[dict[str, Any]]:
    from PIL import Image, ImageDraw, ImageFont

    for number, words in enumerate(("ROOM 12", "EXIT", "TOTAL 4.50")):
        picture = Image.new("RGB", _SIZE, "white")
        font = ImageFont.load_default(size=40)
        ImageDraw.Draw(picture).text((40, 90), words, "black", font=font)
        picture.save(media / f"{number}.png")
        yield {
            "image": f"{media.name}/{number}.png",
            "question": "What is written here?",
            "answers": [words],
        }


def _spans(media: Path) -> Iterator[dict[str, Any]]:
    """The first bundled clip with its events."""
    from vleval.tasks.data.sources import open_data
    from vleval.tasks.video.charades_sta import TASK

    samples = open_data(TASK, "bundled").samples
    (video,) = samples[0].media
    assert video.path is not None
    shutil.copyfile(video.path, media / "0.mp4")
    for sample in samples:
        if sample.media[0] == video:
            yield {
                "video": f"{media.name}/0.mp4",
                "question": sample.question,
                "span": sample.target["span"],
            }


_ROWS = {"boxes": _boxes, "spans": _spans, "answers": _answers}
