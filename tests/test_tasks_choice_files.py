"""The files in which benchmarks of choices about videos were released, and their broken variants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vleval.tasks.base import DataError, Sample
from vleval.tasks.data.choice_files import MLVU_FILES
from vleval.tasks.data.sources import open_data
from vleval.tasks.registry import get_task

LVBENCH = {
    "key": "Cm73",
    "type": "sport",
    "video_info": {"fps": 30},
    "qa": [
        {"uid": "1", "question": "Which?\n(A) a\n(B) b", "answer": "B", "question_type": ["reasoning"]},
        {"uid": "2", "question": "Who?\n(A) x\n(B) y", "answer": "A", "question_type": ["reasoning"]},
    ],
}
MLVU = {"video": "v.mp4", "duration": 9, "question": "Who?", "candidates": ["me", "you"], "answer": "you"}
ASKED = {"question": "What?\nA. this\nB. that", "answer": "B. that"}
TEMPCOMPASS: dict[str, Any] = {
    "multi-choice": {"10": {"action": [ASKED, ASKED]}},
    "yes_no": {"10": {"speed": [{"question": "Is it?", "answer": "no"}]}},
    "caption_matching": {
        "11": {"order": [{"question": "Which?\nOption 1: a\nOption 2: b", "answer": "Option 1: a"}]}
    },
}
LVB = {
    "video_path": "v.mp4",
    "id": "v_0",
    "question": "Who?",
    "candidates": ["me", "you", "they"],
    "correct_choice": 2,
    "duration_group": 60,
}


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def samples(task: str, data: Path) -> list[Sample]:
    """From `data`, with videos of no content beside it."""
    media = data.parent / "media"
    for name in ("Cm73", "v", "10", "11"):
        write(media / f"{name}.mp4", "")
    return open_data(get_task(task), str(data), media_dir=media).samples


@pytest.mark.parametrize("whole", [True, False])
def test_lvbench(whole: bool, tmp_path: Path) -> None:
    file = write(tmp_path / "lvbench" / "video_info.meta.jsonl", LVBENCH)
    first, second = samples("lvbench", file.parent if whole else file)
    assert (first.id, first.cluster, first.target) == ("1", "Cm73.mp4", {"letter": "B"})
    assert first.tags == {"type": "sport", "kind": "reasoning"}
    assert (second.id, second.question) == ("2", "Who?\nOptions:\n(A) x\n(B) y")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"key": None}, "video 0 .the first is 0. has no key"),
        ({"qa": {"uid": "1"}}, "video 0 .*: qa must be a list of objects"),
        ({"qa": ["which?"]}, "qa must be a list of objects"),
        ({"qa": [{"uid": "1", "question": "Which?", "answer": "B"}]}, "row 0: question lists no choices"),
    ],
)
def test_broken_lvbench(broken: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        samples("lvbench", write(tmp_path / "video_info.meta.jsonl", {**LVBENCH, **broken}))


@pytest.mark.parametrize("place", ["mlvu", "mlvu/json"])
def test_mlvu(place: str, tmp_path: Path) -> None:
    for name in MLVU_FILES:
        write(tmp_path / place / f"{name}.json", [{**MLVU, "question_type": name[2:]}])
    write(tmp_path / place / "8_sub_scene.json", [{"video": "v.mp4", "question": "Tell.", "answer": "..."}])
    found = samples("mlvu", tmp_path / "mlvu")
    assert [sample.tags["kind"] for sample in found] == [name[2:] for name in MLVU_FILES]
    assert {sample.target["letter"] for sample in found} == {"B"}


def test_broken_mlvu(tmp_path: Path) -> None:
    for name in MLVU_FILES[:-1]:
        write(tmp_path / "json" / f"{name}.json", [{**MLVU, "question_type": name}])
    with pytest.raises(DataError, match=r"json lacks 7_topic_reasoning.json: M-Avg is the mean of all seven"):
        samples("mlvu", tmp_path)
    write(tmp_path / "json" / "7_topic_reasoning.json", {"rows": 3})
    with pytest.raises(DataError, match=r"7_topic_reasoning.json must be a list of objects"):
        samples("mlvu", tmp_path)
    write(tmp_path / "json" / "7_topic_reasoning.json", [MLVU])
    with pytest.raises(DataError, match="row 6: task_type must be a sentence"):
        samples("mlvu", tmp_path)


@pytest.mark.parametrize("place", ["tc", "tc/questions"])
def test_tempcompass(place: str, tmp_path: Path) -> None:
    for form, videos in TEMPCOMPASS.items():
        write(tmp_path / place / f"{form}.json", videos)
    write(tmp_path / place / "captioning.json", {})
    found = samples("tempcompass", tmp_path / "tc")
    assert [sample.id for sample in found] == [
        "multi-choice#0",
        "multi-choice#1",
        "yes_no#2",
        "caption_matching#3",
    ]
    assert [sample.target["answer"] for sample in found] == ["B", "B", "no", "1"]
    assert [sample.tags["dim"] for sample in found] == ["action", "action", "speed", "order"]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"10": []}, "multi-choice.json, video '10' must be an object of lists"),
        ({"10": {"action": "?"}}, "multi-choice.json, video '10': action must be a list of objects"),
        ({"10": {"action": [{"question": "What?"}]}}, "row 0: the column 'answer' is missing"),
    ],
)
def test_broken_tempcompass(broken: dict[str, Any], message: str, tmp_path: Path) -> None:
    for form, videos in {**TEMPCOMPASS, "multi-choice": broken}.items():
        write(tmp_path / f"{form}.json", videos)
    with pytest.raises(DataError, match=message):
        samples("tempcompass", tmp_path)


@pytest.mark.parametrize("whole", [True, False])
def test_longvideobench(whole: bool, tmp_path: Path) -> None:
    file = write(tmp_path / "lvb" / "lvb_val.json", [LVB])
    (found,) = samples("longvideobench", file.parent if whole else file)
    assert (found.id, found.target) == ("v_0", {"letter": "C"})
    assert found.question == "Who?\nA. me\nB. you\nC. they"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"candidates": "me"}, "row 0: candidates must be a list of at most five"),
        ({"candidates": ["x"] * 6}, "row 0: candidates must be a list of at most five"),
        ({"correct_choice": 3}, "index of none of 3 options"),
    ],
)
def test_broken_longvideobench(broken: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        samples("longvideobench", write(tmp_path / "lvb_val.json", [{**LVB, **broken}]))


def test_the_hidden_split_of_longvideobench_says_so(tmp_path: Path) -> None:
    hidden = {key: value for key, value in LVB.items() if key != "correct_choice"}
    with pytest.raises(DataError, match="the answers of this split are not published"):
        samples("longvideobench", write(tmp_path / "lvb_test_wo_gt.json", [hidden]))
