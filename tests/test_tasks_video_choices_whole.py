"""Whole runs on generated stories: known truths score 100, planted errors exactly their share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from toy import ToyEngine
from vleval.cli import app
from vleval.running.config import RunConfig
from vleval.running.engines import Loaded, ModelChoice
from vleval.tasks.base import Sample
from vleval.tasks.choices import split
from vleval.tasks.data.sources import BUNDLED, open_data
from vleval.tasks.registry import get_task
from vleval.tasks.worlds.video.clips import render
from vleval.tasks.worlds.video.quizzes import SETS, STORIES, clip_name, write_quizzes
from vleval.tasks.worlds.video.stories import ask, make_story
from vleval.tasks.worlds.write import BUNDLED_SEED

NAMES = ["videomme-subtitles", *SETS]
WRONG = {"yes": "no", "no": "yes", "1": "2", "2": "1"}
FORMS = ("{}", "({})", "{}.", "The best answer is {}.")


def samples_of(task: str) -> list[Sample]:
    return open_data(get_task(task), "bundled").samples


def truth(sample: Sample) -> str:
    """The letter (or yes, no, or the number of a caption) of the truth."""
    return str(next(iter(sample.target.values())))


def mistaken(sample: Sample) -> str:
    """A choice of the same question that is not the true one."""
    right = truth(sample)
    return WRONG.get(right) or ("B" if right == "A" else "A")


def values(
    task: str, answers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The summary of `vleval run` with these answers, by question."""
    engine = ToyEngine(samples_of(task), lambda index, sample, frame: answers[sample.id])

    def toy(config: RunConfig, choice: ModelChoice) -> Loaded:
        return Loaded(engine, 2.0)

    monkeypatch.chdir(tmp_path)
    for name in ("CI", "VLEVAL_MODEL", "VLEVAL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("vleval.running.engines.open_engine", toy)
    result = CliRunner().invoke(app, ["run", "--task", task, "--data", "bundled", "--json"])
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)["tasks"]
    summary: dict[str, Any] = found["runs"][0]["summary"]
    metrics = {name: estimate["value"] for name, estimate in summary["metrics"].items()}
    return {**metrics, "unparsed": summary["unparsed"]}


@pytest.mark.parametrize("task", NAMES)
def test_known_truths_score_100(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = task in ("tempcompass", "lvbench")  # two scripts that do not know a sentence
    answers = {
        sample.id: (FORMS[0] if plain else FORMS[index % len(FORMS)]).format(truth(sample))
        for index, sample in enumerate(samples_of(task))
    }
    found = values(task, answers, tmp_path, monkeypatch)
    assert found == {**{metric.name: 1.0 for metric in get_task(task).metrics}, "unparsed": 0}


@pytest.mark.parametrize("task", ["videomme", "videomme-subtitles", "lvbench", "longvideobench"])
def test_planted_errors_cost_their_share(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fourth answer is wrong; every fifth states two choices, of which the script takes the first."""
    samples = samples_of(task)
    answers = {sample.id: truth(sample) for sample in samples}
    wrong = {sample.id for sample in samples[::4]}
    both = {sample.id for sample in samples[1::5]} - wrong
    answers |= {sample.id: mistaken(sample) for sample in samples if sample.id in wrong}
    answers |= {
        sample.id: f"{truth(sample)} or {mistaken(sample)}" for sample in samples if sample.id in both
    }
    found = values(task, answers, tmp_path, monkeypatch)
    assert found == {
        "acc": pytest.approx(1 - (len(wrong) + len(both)) / len(samples), abs=1e-12),
        "acc_official": pytest.approx(1 - len(wrong) / len(samples), abs=1e-12),
        "unparsed": len(both),
    }


def test_kinds_weigh_alike_in_mvbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One kind of five all wrong, with two of 23 questions."""
    samples = samples_of("mvbench")
    answers = {
        sample.id: (mistaken if sample.tags["kind"] == "character_order" else truth)(sample)
        for sample in samples
    }
    assert sum(sample.tags["kind"] == "character_order" for sample in samples) == 2
    found = values("mvbench", answers, tmp_path, monkeypatch)
    assert found == {"acc": pytest.approx(4 / 5, abs=1e-12), "unparsed": 0}


def test_kinds_weigh_alike_in_mlvu_and_questions_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = samples_of("mlvu")
    needles = {sample.id for sample in samples if sample.tags["kind"] == "needle"}
    answers = {sample.id: "" if sample.id in needles else truth(sample) for sample in samples}
    assert (len(needles), len(samples)) == (2, 17)
    found = values("mlvu", answers, tmp_path, monkeypatch)
    assert found == {
        "m_avg": pytest.approx(3 / 4, abs=1e-12),
        "acc": pytest.approx(15 / 17, abs=1e-12),
        "unparsed": 2,
    }


def test_forms_weigh_alike_in_tempcompass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of six yes-or-no answers are wrong, and one of nine choices cannot be read."""
    samples = samples_of("tempcompass")
    yes_no = [sample.id for sample in samples if sample.tags["kind"] == "yes_no"]
    lost = next(sample.id for sample in samples if sample.tags["kind"] == "multi_choice")
    answers = {
        sample.id: mistaken(sample) if sample.id in yes_no[::2] else truth(sample) for sample in samples
    } | {lost: "it moves"}
    assert len(yes_no) == 6
    found = values("tempcompass", answers, tmp_path, monkeypatch)
    assert found == {
        "acc_rules": pytest.approx((8 / 9 + 1 / 2 + 1) / 3, abs=1e-12),
        "multi_choice": pytest.approx(8 / 9, abs=1e-12),
        "yes_no": 0.5,
        "caption_matching": 1.0,
        "unparsed": 1,
    }


@pytest.mark.parametrize("task", ["videomme", "mvbench", "lvbench", "mlvu", "longvideobench"])
def test_answers_made_elsewhere(task: str, tmp_path: Path) -> None:
    rows = [
        {"prediction": "B", "answer": "B"},
        {"prediction": "The answer is (C).", "answer": "C"},
        {"prediction": "dog", "prompt": "Which?\nA. cat\nB. dog", "answer": "B"},
        {"prediction": "dog", "answer": "B"},
    ]
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = CliRunner().invoke(app, ["score", str(file), "--task", task, "--json"])
    assert result.exit_code == 0, result.output
    (scored,) = json.loads(result.stdout)["files"]
    headline = get_task(task).metrics[0].name
    assert scored["summary"]["metrics"][headline]["value"] == 0.75
    assert scored["summary"]["unparsed"] == 1


def test_the_card_states_what_the_files_hold() -> None:
    card = (BUNDLED / "README.md").read_text(encoding="utf-8")
    for name, (split_name, _) in SETS.items():
        count = len(samples_of(name))
        assert f"| `{name}/{split_name}.parquet` | {STORIES} | {count} | {count} |" in card
        assert sum(path.stat().st_size for path in (BUNDLED / name).rglob("*.*")) < 200_000


def test_bundled_files_are_what_the_generators_make(tmp_path: Path) -> None:
    write_quizzes(tmp_path, BUNDLED_SEED)
    for path in sorted(tmp_path.rglob("*.*")):
        if path.suffix != ".mp4":  # other builds of the encoder write other bytes for the same frames
            assert path.read_bytes() == (BUNDLED / path.relative_to(tmp_path)).read_bytes(), path
    assert {path.name for path in tmp_path.rglob("*.mp4")} == {f"{clip_name(n)}.mp4" for n in range(STORIES)}


@pytest.mark.parametrize("name", SETS)
def test_stories_hold_what_is_asked(name: str) -> None:
    """Read off the drawn pictures: when shapes come, where they are, and which way the moving one goes."""
    for number in range(STORIES):
        story = make_story(name, BUNDLED_SEED, number)
        centres: list[list[tuple[float, float]]] = []
        for index, thing in enumerate(story.clip.objects):
            start, end = story.shown(index)
            places = []
            for t in (start, end - 1 / story.clip.fps):
                drawn = (abs(render(story.clip, t).astype(int) - thing.fill).sum(-1) == 0).nonzero()
                places.append((float(drawn[1].mean()), float(drawn[0].mean())))
            centres.append(places)
        looks = [actor.look for actor in story.actors]
        for index, (actor, (before, after)) in enumerate(zip(story.actors, centres, strict=True)):
            height, width = story.clip.ground.shape[:2]
            corner = (
                "bottom" if before[1] > height / 2 else "top",
                "right" if before[0] > width / 2 else "left",
            )
            assert " ".join(corner) == actor.corner
            dx, dy = after[0] - before[0], after[1] - before[1]
            way = ("right" if dx > 0 else "left") if abs(dx) > abs(dy) else ("down" if dy > 0 else "up")
            assert (actor.way or "") == (way if max(abs(dx), abs(dy)) > 5 else "")
            assert ask(story, "colour", 1, index).choices[ask(story, "colour", 1, index).true] in actor.look
        for kind, expected in (("first", looks[0]), ("last", looks[-1]), ("after", looks[1])):
            question = ask(story, kind, 1, number)
            assert question.choices[question.true] == expected
            assert len(set(question.choices)) == 4


def test_generated_questions_hold_the_traps_of_their_sets() -> None:
    longest = [len(split(sample.question).choices) for sample in samples_of("longvideobench")]
    assert set(longest) == {2, 3, 4, 5}, "padding"
    parts = [sample for sample in samples_of("mvbench") if sample.media[0].start is not None]
    assert len(parts) == STORIES, "parts of a video"
    task = get_task("videomme-subtitles")
    sent = [str(task.messages(sample)[0].content[-1]) for sample in samples_of("videomme-subtitles")]
    assert any("No subtitles available" in text for text in sent), "a video without"
    said = [sample for sample in samples_of("videomme-subtitles") if "speaker" in sample.question]
    for sample in said:
        answer = split(sample.question).choices["ABCD".index(truth(sample))].rstrip(".")
        assert f"is {answer}\n" in str(task.messages(sample)[0].content[-1]), "only the subtitles tell"
    assert {truth(sample) for sample in samples_of("tempcompass")} >= {"yes", "no", "1", "2", "A", "B"}
