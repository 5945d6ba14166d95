"""`vleval locate` as a user meets it: real clips through the real reader."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pointing_kit import EXAMPLES, Witness, use, vleval
from test_cli_commands import HEAVY, loaded_by
from vleval.grounding.frame import Frame
from vleval.grounding.spans import temporal_iou
from vleval.tasks.prompts import MOMENT
from vleval.tasks.worlds.video.clips import make_clip
from vleval.tasks.worlds.write import BUNDLED_SEED, EXAMPLE_CLIP

CLIP = make_clip("example", BUNDLED_SEED, EXAMPLE_CLIP)


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with the example clip, and a folder of two with a torn one between them."""
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "VLEVAL_MODEL", "VLEVAL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    data = (EXAMPLES / "clip.mp4").read_bytes()
    (tmp_path / "clip.mp4").write_bytes(data)
    folder = tmp_path / "many"
    folder.mkdir()
    for name, content in {"c10.mp4": data, "c9.mp4": data[:900], "c1.mp4": data}.items():
        (folder / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def witness(clips: Path, monkeypatch: pytest.MonkeyPatch) -> Witness:
    return use(monkeypatch, lambda path, frame: "The event happens in 3.0 - 5.5 seconds.")


def test_spans_with_what_was_sampled(witness: Witness) -> None:
    result = vleval(
        "locate", "clip.mp4", "a green square is visible.", "--model", ".", "--fps", "4", "--json"
    )
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["schema"] == "vleval/locate@1"
    assert document["vision"]["fps"] == 4
    assert document["question"]["prompt"] == MOMENT.fill("a green square is visible")
    assert witness.requests[0].messages[0].content[1] == document["question"]["prompt"]
    (entry,) = document["videos"]
    (item,) = entry["items"]
    assert item["span"] == [3.0, 5.5]
    shown = [max(i for i, time in enumerate(entry["timestamps"]) if time <= end) for end in item["span"]]
    assert item["frames"] == shown
    assert entry["duration"] == pytest.approx(CLIP.duration)
    assert entry["timestamps"][0] == 0.0
    assert len(entry["timestamps"]) == 44
    assert entry["second_per_grid"] == pytest.approx(0.5)
    assert entry["time_source"] == "qwen"
    timed = vleval("locate", "clip.mp4", "x", "--model", ".", "--video-timing", "pts", "--json")
    assert json.loads(timed.stdout)["videos"][0]["time_source"] == "pts"


def test_a_table_for_people(witness: Witness) -> None:
    result = vleval("locate", "clip.mp4", "a green square is visible", "--model", ".", "--max-frames", "8")
    assert result.exit_code == 0
    (row,) = [line.split() for line in result.stdout.splitlines() if line.startswith("clip.mp4")]
    assert row == ["clip.mp4", "3.0", "5.5"]
    assert witness.requests[0].vision.max_frames == 8


def test_several_spans_and_one_beyond_the_end(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, lambda path, frame: "from 1.0 to 2.0 seconds and from 9.0 to 99.0 seconds")
    result = vleval("locate", "clip.mp4", "x", "--model", ".")
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("clip.mp4")]
    assert [row[1:3] for row in rows] == [["1.0", "2.0"], ["9.0", "99.0"]]
    assert [" ".join(row[3:]) for row in rows] == ["", "out of frame"], "the fault stands with its span"


def test_a_torn_clip_costs_itself(witness: Witness) -> None:
    result = vleval("locate", "many", "x", "--model", ".", "--json", "--save", "strips")
    assert result.exit_code == 12, result.output
    document = json.loads(result.stdout)
    assert [Path(entry["path"]).name for entry in document["videos"]] == ["c1.mp4", "c9.mp4", "c10.mp4"]
    assert [len(entry["items"]) for entry in document["videos"]] == [1, 0, 1]
    assert "many/c9.mp4" in result.stderr
    assert sorted(path.name for path in Path("strips").iterdir()) == ["c1.png", "c10.png"]


def test_nothing_found_is_an_answer(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, lambda path, frame: "It does not happen in this video, there is no such event.")
    result = vleval("locate", "clip.mp4", "x", "--model", ".", "--save", "strip.png")
    assert result.exit_code == 0
    assert "nothing found (refusal)" in " ".join(result.stdout.split())
    assert Path("strip.png").is_file()


def test_the_strip_shows_the_frames_that_were_sampled(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Green is seen in the frames of its span alone, and the frames stand at the times the model was told."""
    from vleval.grounding import film

    calls = []

    def watched(frames: list[Image.Image], timestamps: list[float], *rest: object) -> Image.Image:
        calls.append((frames, timestamps))
        return original(frames, timestamps, *rest)

    original = film.film_strip
    monkeypatch.setattr(film, "film_strip", watched)
    result = vleval("locate", "clip.mp4", "x", "--model", ".", "--save", "strip.png", "--json")
    assert result.exit_code == 0, result.output
    sampled = json.loads(result.stdout)["videos"][0]["timestamps"]
    ((frames, timestamps),) = calls
    assert set(timestamps) <= set(sampled)
    assert (timestamps[0], timestamps[-1]) == (sampled[0], sampled[-1])
    assert 8 <= len(frames) == len(timestamps) <= len(sampled)
    green = CLIP.events[0]
    assert "green" in green.text
    for frame, time in zip(frames, timestamps, strict=True):
        pixels = np.asarray(frame).astype(int)
        is_green = (pixels[..., 1] > 120) & (pixels[..., 0] < 90) & (pixels[..., 2] < 90)
        assert is_green.any() == (green.start <= time < green.end), time
    with Image.open("strip.png") as image:
        assert image.width >= 600
    assert vleval("locate", "clip.mp4", "x", "--model", ".", "--save", "strip.svg").exit_code == 0
    assert Path("strip.svg").read_text().lstrip().startswith("<")


FAULTS = [
    (["clip.mp4"], "the last word must say what to look for, but clip.mp4 is a file"),
    (["the door opens"], "no video is named before 'the door opens'"),
    (["gone.mp4", "x"], "there is no file or folder gone.mp4"),
    (["clip.mp4", "x", "--fps", "1,2"], "--fps: one value for a direct question"),
    (["clip.mp4", "x", "--fps", "0"], "--fps: '0' is not a number of frames per second above 0"),
    (["clip.mp4", "x", "--min-frames", "9", "--max-frames", "8"], "--min-frames 9 is more than"),
    (["clip.mp4", "x", "--save", "clip.mp4/x.png"], "--save clip.mp4/x.png"),
    (["clip.mp4", "x", "--coordinates", "absolute"], "No such option: --coordinates"),
]


@pytest.mark.parametrize(("words", "sentence"), FAULTS, ids=[" ".join(fault[0]) for fault in FAULTS])
def test_slips_are_one_sentence(witness: Witness, words: list[str], sentence: str) -> None:
    result = vleval("locate", *words, "--model", ".")
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""
    assert witness.runs == 0


def test_the_example_is_found_by_the_bundled_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "VLEVAL_MODEL"):
        monkeypatch.delenv(name, raising=False)
    for event in CLIP.events:
        result = vleval("locate", EXAMPLES / "clip.mp4", event.text, "--json", "--device", "cpu")
        assert result.exit_code == 0, result.output
        (entry,) = json.loads(result.stdout)["videos"]
        assert float(temporal_iou(entry["items"][0]["span"], (event.start, event.end))) >= 0.5
    assert "generated scenes" in result.stderr


def test_how_a_video_was_sampled_is_warned_of_once(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in runs: at 8 frames per second, neighbours get one temporal id."""

    def say(path: Path, frame: Frame) -> str:
        return "1.0 - 2.0 seconds"

    use(monkeypatch, say)
    (clips / "many" / "c9.mp4").unlink()
    result = vleval("locate", "many", "x", "--model", ".", "--fps", "8")
    assert result.stderr.count("share a temporal position id") == 1


def test_help_is_light_and_shows_how() -> None:
    assert loaded_by(["locate", "--help"], (*HEAVY, "numpy", "av", "PIL", "vleval.running.config")) == []
    text = vleval("locate", "--help").stdout
    assert 'vleval locate clip.mp4 "the person opens the door"' in text
    for flag in ("--fps", "--max-frames", "--video-timing", "--save", "--json"):
        assert flag in text
