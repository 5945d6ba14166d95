"""`vleval ground` as a user meets it. Truth stands in original pixels; the engine answers in input pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pointing_kit import EXAMPLES, Witness, seen, use, vleval, write_image
from test_cli_commands import HEAVY, loaded_by
from vleval.grounding.boxes import iou
from vleval.grounding.frame import Frame
from vleval.tasks.prompts import DETECT, LOCATE, POINT
from vleval.tasks.worlds.grounding.scenes import make_scene
from vleval.tasks.worlds.write import BUNDLED_SEED, EXAMPLE_SCENE

SIZES = {"wide.png": (900, 400), "tall.png": (300, 820), "turned.jpg": (760, 420)}
TRUTH = {
    "wide.png": (610.0, 40.0, 790.0, 160.0),
    "tall.png": (30.0, 510.0, 210.0, 700.0),
    "turned.jpg": (500.0, 60.0, 700.0, 240.0),
}


def truthful(path: Path, frame: Frame) -> str:
    """The true box, as a perfect model writes it."""
    return json.dumps([{"bbox_2d": seen(frame, TRUTH[path.name]), "label": "a thing"}])


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pictures that are far from square and shrink by more than 1.5, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "VLEVAL_MODEL", "VLEVAL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    for name, size in SIZES.items():
        write_image(tmp_path / name, size, 6 if name == "turned.jpg" else None)
    return tmp_path


@pytest.fixture
def witness(photos: Path, monkeypatch: pytest.MonkeyPatch) -> Witness:
    return use(monkeypatch, truthful)


def test_boxes_come_back_in_original_pixels(witness: Witness) -> None:
    """An EXIF turn included, whichever side is the longer one; all files in one run of the engine."""
    result = vleval("ground", *SIZES, "the thing", "--model", ".", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["schema"] == "vleval/ground@1"
    assert document["status"] == "complete"
    assert document["question"] == {"kind": "box", "words": "the thing", "prompt": LOCATE.fill("the thing")}
    assert [entry["path"] for entry in document["images"]] == list(SIZES)
    for entry in document["images"]:
        name = entry["path"]
        assert entry["original_size"] == list(SIZES[name])
        assert entry["original_size"][0] >= 1.5 * entry["input_size"][0]
        (item,) = entry["items"]
        assert float(iou(item["box"], TRUTH[name])) > 0.9
        assert item["as_written"] == json.loads(entry["text"])[0]["bbox_2d"]
        assert item["label"] == "a thing"
        assert (entry["seconds"], entry["finish_reason"], entry["strict"]) == (0.25, "stop", True)
    assert witness.runs == 1


def test_a_mix_up_of_sides_would_show(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same truth written with width and height swapped, or not scaled at all, misses."""

    def swapped(path: Path, frame: Frame) -> str:
        x1, y1, x2, y2 = seen(frame, TRUTH[path.name])
        return json.dumps([{"bbox_2d": [y1, x1, y2, x2]}])

    for say in (swapped, lambda path, frame: json.dumps([{"bbox_2d": TRUTH[path.name]}])):
        use(monkeypatch, say)
        document = json.loads(vleval("ground", *SIZES, "x", "--model", ".", "--json").stdout)
        for entry in document["images"]:
            assert float(iou(entry["items"][0]["box"], TRUTH[entry["path"]])) < 0.5


def test_a_table_for_people(witness: Witness) -> None:
    result = vleval("ground", "wide.png", "the thing", "--model", ".")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].strip() == "the thing"
    (row,) = [line.split() for line in lines if line.startswith("wide.png")]
    assert [float(value) for value in row[1:5]] == pytest.approx(TRUTH["wide.png"], abs=4)
    assert row[5:] == ["a", "thing"]
    assert max(map(len, lines)) <= 80
    assert result.stderr == ""


def test_points(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def centre(path: Path, frame: Frame) -> str:
        x1, y1, x2, y2 = TRUTH[path.name]
        place = seen(frame, ((x1 + x2) / 2, (y1 + y2) / 2))
        return json.dumps([{"point_2d": place, "label": "a thing"}])

    witness = use(monkeypatch, centre)
    document = json.loads(vleval("ground", *SIZES, "it", "--point", "--model", ".", "--json").stdout)
    assert document["question"] == {"kind": "point", "words": "it", "prompt": POINT.fill("it")}
    for entry in document["images"]:
        x1, y1, x2, y2 = TRUTH[entry["path"]]
        assert entry["items"][0]["point"] == pytest.approx(((x1 + x2) / 2, (y1 + y2) / 2), abs=3)
    assert witness.requests[0].messages[0].content[1] == POINT.fill("it")


def test_open_detection_shows_labels_and_their_absence(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def three(path: Path, frame: Frame) -> str:
        return (
            '[{"bbox_2d": [1, 2, 30, 40], "label": "car"}, {"bbox_2d": [50, 60, 70, 80], "label": "person"}, \
            {"bbox_2d": [90, 20, 99, 40]}]'
        )

    witness = use(monkeypatch, three)
    words = ("ground", "wide.png", "tall.png", "--all", " car ,person,", "--model", ".")
    result = vleval(*words)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("(no label)") == 2
    rows = result.stdout.splitlines()
    assert [line for line in rows if "(no label)" in line] == [line for line in rows if "unlabelled" in line]
    assert witness.requests[0].messages[0].content[1] == DETECT.fill("car, person")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = vleval(*words).stdout
    before = {coloured.split(name)[-2].rsplit("\x1b", 1)[1] for name in ("car", "person", "(no label)")}
    assert len(before) == 3, "a colour for each label, as in the picture"
    document = json.loads(vleval(*words, "--json").stdout)
    assert [item["label"] for item in document["images"][0]["items"]] == ["car", "person", None]
    assert "unlabelled" in [entry[0] for entry in document["images"][0]["ledger"]]


def test_a_folder_in_natural_order_with_a_broken_file(
    witness: Witness, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken one costs itself: the others are answered, and the exit code says incomplete."""
    folder = photos / "album"
    folder.mkdir()
    for number in (10, 2, 1):
        (folder / f"shot{number}.png").write_bytes((photos / "wide.png").read_bytes())
        monkeypatch.setitem(TRUTH, f"shot{number}.png", TRUTH["wide.png"])
    (folder / "shot2.png").write_bytes((photos / "wide.png").read_bytes()[:200])
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_text("no image")
    result = vleval("ground", "album", "the thing", "--model", ".", "--json")
    assert result.exit_code == 12, result.output
    document = json.loads(result.stdout)
    assert document["status"] == "incomplete"
    names = [Path(entry["path"]).name for entry in document["images"]]
    assert names == ["shot1.png", "shot2.png", "shot10.png"]
    assert [len(entry["items"]) for entry in document["images"]] == [1, 0, 1]
    assert document["images"][1]["failure"]["kind"] == "input_error"
    assert "album/shot2.png" in result.stderr
    assert "no answer about 1 of 3 images" in result.stderr
    assert "ground: 3/3 (100%), 2 found" in result.stderr
    table = vleval("ground", "album", "the thing", "--model", ".", "--save", "drawn")
    assert "failed: input error" in table.stdout
    assert sorted(path.name for path in Path("drawn").iterdir()) == ["shot1.png", "shot10.png"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("There is no such thing in the image.", 'nothing found (refusal): "There is no such thing'),
        ("hm", 'nothing found: "hm"'),
        ('{"bbox_2d": [1, 2, 3]}', "nothing found (wrong arity)"),
        ("\x1b]0;owned\x07[/x] none", 'nothing found (refusal): "\\x1b]0;owned\\x07[/x] none"'),
    ],
)
def test_nothing_found_is_an_answer(
    photos: Path, monkeypatch: pytest.MonkeyPatch, said: str, shown: str
) -> None:
    use(monkeypatch, lambda path, frame: said)
    monkeypatch.setenv("COLUMNS", "160")
    result = vleval("ground", "wide.png", "the thing", "--model", ".", "--verbose")
    assert result.exit_code == 0
    assert shown in result.stdout
    assert "\x1b" not in result.output
    assert "wide.png: " in result.stderr


def test_drawn_as_png_and_svg(witness: Witness) -> None:
    """In the size and turn of the picture as it is shown; only the marks differ from it."""
    assert vleval("ground", "turned.jpg", "x", "--model", ".", "--save", "new/out.png").exit_code == 0
    with Image.open("new/out.png") as drawn:
        assert drawn.size == SIZES["turned.jpg"]
        pixels = np.asarray(drawn.convert("RGB")).astype(int)
    marked = (abs(pixels - 120).max(axis=2) > 60).any(axis=1).nonzero()[0]
    x1, y1, x2, y2 = TRUTH["turned.jpg"]
    assert abs(pixels[round((y1 + y2) / 2), round(x1) - 6 : round(x1) + 7] - 120).max() > 60
    assert marked.max() < y2 + 40
    result = vleval("ground", "turned.jpg", "x", "--model", ".", "--save", "out.SVG")
    assert "drawn in out.SVG" in result.stderr
    assert Path("out.SVG").read_text().lstrip().startswith("<")


def test_equal_names_do_not_collide(witness: Witness, photos: Path) -> None:
    (photos / "b").mkdir()
    (photos / "b" / "wide.png").write_bytes((photos / "wide.png").read_bytes())
    result = vleval("ground", "wide.png", "b/wide.png", "./wide.png", "x", "--model", ".", "--save", "out")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in Path("out").iterdir()) == ["wide-2.png", "wide.png"]
    assert len(witness.requests) == 2


FAULTS = [
    (["wide.png"], "the last word must say what to look for, but wide.png is a file"),
    (["wide.png", "tall.png"], "but tall.png is a file"),
    (["wide.png", "gone.jpg"], "but gone.jpg looks like the name of a missing image"),
    (["the red car"], "no image is named before 'the red car'"),
    (["wide.png", " "], "is empty"),
    (["gone.png", "the car"], "there is no file or folder gone.png"),
    (["wide.png", "the", "car"], "there is no file or folder the"),
    (["empty", "the car"], "empty holds no image file"),
    (["wide.png", "--all", " , "], "--all ' , ' names nothing"),
    (["wide.png", "car", "--all", "car"], "there is no file or folder car"),
    (["wide.png", "--point", "--all", "car"], "--point and --all contradict each other"),
    (["wide.png", "x", "--max-pixels", "16t,64t"], "--max-pixels: one value"),
    (["wide.png", "x", "--max-pixels", "16q"], "--max-pixels: '16q'"),
    (["wide.png", "x", "--min-pixels", "64t", "--max-pixels", "16t"], "--min-pixels 64t is more than"),
    (["wide.png", "x", "--save", "wide.png"], "--save would overwrite wide.png"),
    (["wide.png", "x", "--save", "."], "--save would overwrite wide.png"),
    (["wide.png", "x", "--save", "out.jpg"], "written as .png or .svg"),
    (["wide.png", "tall.png", "x", "--save", "out.png"], "is one picture"),
    (["wide.png", "x", "--save", "tall.png/out.png"], "--save tall.png/out.png"),
    (["wide.png", "x", "--quiet", "--verbose"], "contradict each other"),
    (["wide.png", "x", "--coordinates", "inches"], "--coordinates"),
    (["wide.png", "x", "--model", "/no/such/folder"], "--model /no/such/folder"),
    ([], "Missing argument"),
]


@pytest.mark.parametrize(("words", "sentence"), FAULTS, ids=[" ".join(fault[0]) for fault in FAULTS])
def test_slips_are_one_sentence(witness: Witness, photos: Path, words: list[str], sentence: str) -> None:
    (photos / "empty").mkdir()
    model = [] if "--model" in words else ["--model", "."]
    result = vleval("ground", *words, *model)
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert witness.runs == 0


def test_ctrl_c_keeps_what_is_answered(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(path: Path, frame: Frame) -> str | BaseException:
        return KeyboardInterrupt() if path.name == "wide.png" else truthful(path, frame)

    use(monkeypatch, stop)
    result = vleval("ground", *SIZES, "x", "--model", ".")
    assert result.exit_code == 130
    assert "interrupted; 2 of 3 files are answered" in result.stderr
    assert "tall.png" in result.stdout
    assert "turned.jpg" in result.stdout


def test_a_forgotten_model_in_ci_is_an_error(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = vleval("ground", "wide.png", "x")
    assert result.exit_code == 2
    assert "--model is missing and CI is set" in result.stderr
    assert "bundled checkpoint" in vleval("ground", "wide.png", "x", "--model", "bundled").stderr


def test_the_example_is_the_generators_own_and_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled checkpoint on every sentence about the example scene: IoU above 0.5 with the truth."""
    for name in ("CI", "VLEVAL_MODEL"):
        monkeypatch.delenv(name, raising=False)
    scene = make_scene("example", BUNDLED_SEED, EXAMPLE_SCENE)
    with Image.open(EXAMPLES / "scene.png") as image:
        assert np.array_equal(np.asarray(image), scene.image)
    expressions = scene.expressions[:3]
    assert "below" in expressions[0].text
    for expression in expressions:
        result = vleval("ground", EXAMPLES / "scene.png", expression.text, "--json", "--device", "cpu")
        assert result.exit_code == 0, result.output
        (entry,) = json.loads(result.stdout)["images"]
        truth = scene.objects[expression.target].bbox_xyxy
        assert float(iou(entry["items"][0]["box"], truth)) >= 0.5
        assert entry["input_size"] == [252, 168]
    assert "generated scenes" in result.stderr
    assert "--model" in result.stderr
    assert "warning" not in result.stderr
    asked = vleval("ground", EXAMPLES / "scene.png", "the red circle", "--point")
    assert "warning: the bundled checkpoint was taught one box" in asked.stderr


def test_help_is_light_and_shows_how() -> None:
    assert loaded_by(["ground", "--help"], (*HEAVY, "numpy", "av", "PIL", "vleval.running.config")) == []
    text = vleval("ground", "--help").stdout
    assert 'vleval ground photo.jpg "the red car' in text
    for flag in ("--point", "--all", "--save", "--max-pixels", "--coordinates", "--json"):
        assert flag in text
