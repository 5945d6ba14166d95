"""What a new user mistypes or misunderstands: one plain sentence with the remedy, and exit code 2."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vleval.cli import app

MISTAKES = [
    ("run --task grouding", "There is no task 'grouding'; did you mean grounding?"),
    ("run --task documents,vidoe", "There is no task 'vidoe'; did you mean video?"),
    ("run --task all", "There is no task 'all'; `vleval tasks` lists tasks and groups."),
    ("tasks show documnets", "did you mean documents?"),
    ("tasks check video", "video is a group of tasks; this takes one task: charades-sta, qvhighlights, "),
    ("score --task documents said.jsonl", "documents is a group of tasks; this takes one task: docvqa, "),
    ("reproduce documents --model bundled", "documents is a group of tasks; this takes one task: docvqa, "),
    ("run --task refcoco --limit 1.5", "'1.5' is no share of the questions"),
    ("run --task video --limit 0", "--limit: '0' questions are none"),
    ("run --task video --fps 0", "'0' is not a number of frames per second above 0"),
    ("run --task video --max-frames 1 --min-frames 4", "--min-frames 4 is more than --max-frames 1"),
    ("run --task refcoco --max-pixels 10", "'10' is less than one visual token (784 pixels, 1t)"),
    ("run --task documents --sample-id x", "give each its own in a --config file"),
    ("run --task ocrbench --sample-id x", "bundled ocrbench has no question with the id 'x'; there are ids"),
    ("run --task mvbench --split val", "bundled mvbench has no split 'val'; it has: train."),
    ("run --task videomme --media nowhere", "--media nowhere is not a folder."),
    ("report nowhere", "there is no run folder nowhere"),
]


@pytest.mark.parametrize(("words", "sentence"), MISTAKES, ids=lambda text: text[:40])
def test_a_mistake_costs_one_sentence(
    words: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)  # there a missing --model is the first mistake
    (tmp_path / "said.jsonl").write_text('{"id": 1, "response": "x"}\n')
    result = CliRunner().invoke(app, words.split())
    assert result.exit_code == 2, result.output
    said = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(said) == 1
    assert sentence in said[0]
    assert len(said[0]) < 400
    assert "Traceback" not in result.output


def test_a_flag_that_changes_nothing_is_said_once_for_all_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = "run --task docvqa,ai2d --fps 2 --det-score logprob --limit 1 --max-new-tokens 1 --model bundled"
    said = CliRunner().invoke(app, words.split()).stderr
    assert said.count("changes nothing") == 2
    assert "warning: docvqa, ai2d have no videos: --fps changes nothing" in said
    assert "warning: docvqa, ai2d rank no boxes: --det-score changes nothing" in said


def test_help_fills_its_lines() -> None:
    """Paragraphs break where the terminal ends: no line but a paragraph's last is short."""
    shown = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "80"}).stdout
    said = shown[: shown.index("╭")]
    for paragraph in re.split(r"\n\s*\n", said.strip()):
        lines = [line.strip() for line in paragraph.splitlines()]
        nexts = [line.split()[0] for line in lines[1:]]
        assert all(len(line) + len(word) > 76 for line, word in zip(lines, nexts, strict=False)), paragraph
