"""Settings: bad input is one sentence that names its flag; flags win over the file, and it over defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vleval.errors import UserError
from vleval.running.config import RunConfig, pixels, pixels_text
from vleval.running.plan import load_plan


def load(**passed: Any) -> RunConfig:
    return load_file(None, task="refcoco", **passed)


def load_file(file: Path | None, **passed: Any) -> RunConfig:
    (part,) = load_plan(passed, file).parts
    return part.config


@pytest.mark.parametrize(
    ("text", "count"), [("1003520", 1003520), ("1280t", 1003520), (" 16t ", 12544), (784, 784), ("1t", 784)]
)
def test_pixels(text: str | int, count: int) -> None:
    assert pixels(text) == count


def test_pixels_are_shown_as_tokens_where_whole() -> None:
    assert [pixels_text(1003520), pixels_text(1000000)] == ["1280t", "1000000"]


BAD = [
    ({}, "--task is missing"),
    ({"max_pixels": "16q"}, "--max-pixels: '16q' is neither pixels (1003520) nor visual tokens (1280t)"),
    ({"max_pixels": "16t,"}, "--max-pixels: '16t,' has an empty entry"),
    ({"max_pixels": ""}, "--max-pixels: '' has an empty entry"),
    ({"max_pixels": "16t,12544"}, "--max-pixels: '16t,12544' lists a value twice"),
    ({"max_pixels": "-5"}, "--max-pixels: '-5' is neither"),
    ({"max_pixels": "١٢٣٤"}, "--max-pixels: '١٢٣٤' is neither"),
    ({"max_pixels": "500"}, "--max-pixels: '500' is less than one visual token"),
    ({"min_pixels": "0"}, "--min-pixels: '0' is less than one visual token"),
    ({"total_pixels": "x"}, "--total-pixels: 'x' is neither"),
    ({"min_pixels": "64t", "max_pixels": "100t,16t"}, "--min-pixels 64t is more than --max-pixels 16t"),
    ({"fps": "0"}, "--fps: '0' is not a number of frames per second above 0"),
    ({"fps": "1,nan"}, "--fps: 'nan' is not"),
    ({"fps": "1,,2"}, "--fps: '1,,2' has an empty entry"),
    ({"max_frames": "4.5"}, "--max-frames: '4.5' is not a whole number"),
    ({"min_frames": 9, "max_frames": "8"}, "--min-frames 9 is more than --max-frames 8"),
    ({"limit": "0"}, "--limit: '0' questions are none"),
    ({"limit": "-1"}, "--limit: '-1' is neither a count (200) nor a share (0.1)"),
    ({"limit": "1.5"}, "--limit: '1.5' is no share of the questions: it must be above 0 and at most 1.0"),
    ({"limit": "0.0"}, "--limit: '0.0' is no share of the questions"),
    ({"offset": -1}, "--offset: must be greater than or equal to 0 (not -1)"),
    ({"sample_id": 1.5}, "--sample-id: 1.5 is neither an id nor a list of ids"),
    ({"batch_size": -1}, "--batch-size: must be greater"),
    ({"engine": "vllm"}, "--engine: must be 'local' or 'transformers' (not 'vllm')"),
    ({"repetition_penalty": 0}, "--repetition-penalty: must be greater than 0"),
    ({"max_errors": "many"}, "--max-errors: 'many' is neither a count (20) nor a share (5%)"),
    ({"max_errors": "120%"}, "--max-errors: '120%'"),
    ({"quiet": True, "verbose": True}, "--quiet and --verbose contradict"),
]


@pytest.mark.parametrize(("passed", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_bad_input_names_the_flag(passed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        load_file(None, **{"task": "refcoco", **passed} if passed else {})
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.code == 2


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "team.toml"
    file.write_text(
        'task = "refcoco"\nmax-pixels = ["16t", 28224]\nfps = [1, 2.5]\nmax_frames = 8\n'
        "limit = 5\njson = true\n",
        encoding="utf-8",
    )
    config = load_file(file, limit=7)
    assert config.limit == 7
    assert config.max_pixels == (12544, 28224)
    assert config.fps == (1.0, 2.5)
    assert config.max_frames == (8,)
    assert config.json_ is True
    assert config.engine == "local"


FILES = [
    ("max-pixel = 5", "unknown key 'max-pixel'; did you mean 'max-pixels'?"),
    ("zebra = 5", "unknown key 'zebra'"),
    ("[run]\nlimit = 5", "unknown key 'run'"),
    ("limit = ", "is not valid TOML"),
    ('limit = "five"', "--limit in "),
    ("limit = true", "--limit in "),
    ("max-pixels = [[1]]", "--max-pixels in "),
    ("quiet = 3", "--quiet in "),
    ("\udcff", "is not UTF-8"),
]


@pytest.mark.parametrize(("text", "sentence"), FILES, ids=[sentence for _, sentence in FILES])
def test_a_bad_file_names_the_file_and_the_key(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "team.toml"
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(UserError) as caught:
        load_file(file, task="refcoco")
    assert sentence in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--config: cannot read .*none.toml"):
        load_file(tmp_path / "none.toml")


def test_the_grid_is_every_combination_for_videos_and_pixels_alone_for_images() -> None:
    config = load(max_pixels="16t,36t", fps="1,2,4", total_pixels="600t", video_timing="pts")
    videos = config.settings("video")
    assert [dict(setting.label) for setting in videos][:2] == [
        {"max-pixels": "16t", "fps": "1"},
        {"max-pixels": "16t", "fps": "2"},
    ]
    assert len(videos) == 6
    assert {setting.vision.video_timing for setting in videos} == {"pts"}
    images = config.settings("image")
    assert [dict(setting.label) for setting in images] == [{"max-pixels": "16t"}, {"max-pixels": "36t"}]
    assert {setting.vision.fps for setting in images} == {None}
    assert config.idle_flags("image") == ["--fps", "--total-pixels", "--video-timing"]
    assert config.idle_flags("video") == []


def test_one_value_varies_nothing() -> None:
    (setting,) = load(max_pixels="16t").settings("image")
    assert (dict(setting.label), setting.vision.max_pixels) == ({}, 12544)
