"""`vleval reproduce`: which published score is meant, the band around it, and what is no reproduction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from helpers import tiny_config
from toy import Answer, ToyEngine, exact, swapped, toy_samples, write_rows
from vleval.cli import app
from vleval.errors import UserError
from vleval.model.config import PUBLISHED as SHAPES
from vleval.results.statistics.stats import Estimate, Interval
from vleval.running.config import RunConfig
from vleval.running.engines import BUNDLED_CHECKPOINT, Loaded, ModelChoice
from vleval.running.reproduction import Compared, model_size
from vleval.tasks import published
from vleval.tasks.data.sources import open_data
from vleval.tasks.grounding.refcoco import TASK

QUESTIONS = 40


def row(scores: Mapping[str, float], **other: object) -> published.Published:
    found = published.Published("refcoco", "val", "acc@0.5", scores, questions=QUESTIONS)
    return found._replace(**other)  # type: ignore[arg-type]


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Answer]:
    """A working folder with 40 questions, which the published split has as well; how the model answers."""
    file = write_rows(tmp_path, toy_samples(QUESTIONS))
    (tmp_path / "model").mkdir()
    chosen: dict[str, Answer] = {"answer": exact}

    def toy(config: RunConfig, choice: ModelChoice) -> Loaded:
        return Loaded(ToyEngine(open_data(TASK, str(file)).samples, chosen["answer"]), 2.0)

    monkeypatch.setattr("vleval.running.engines.open_engine", toy)
    monkeypatch.setattr(published, "PUBLISHED", (row({"3B": 90.1, "7B": 99.2}),))
    monkeypatch.setattr("vleval.running.launch.check_folder", lambda choice: None)
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "VLEVAL_MODEL", "VLEVAL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return chosen


def reproduce(*flags: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["reproduce", "refcoco", "--data", "val.jsonl", *flags])
    assert result.exit_code == code, result.output
    return result


def test_a_score_within_the_band_is_reproduced(answers: dict[str, Answer]) -> None:
    shown = reproduce("--model", "Qwen/Qwen2.5-VL-7B-Instruct").stdout
    assert "RefCOCO · val.jsonl, val: 40 questions" in shown
    assert "toy, 7B by its hub id" in " ".join(shown.split())
    line = next(line for line in shown.splitlines() if line.startswith("acc@0.5"))
    assert line.split()[-5:] == ["99.2", "97.7", "to", "100.0", "reproduced"]
    assert "QwenLM/Qwen3-VL issue 991" in " ".join(shown.split())
    assert "not published, ours" in shown
    assert "published: Qwen2.5-VL Technical Report" in shown


def test_a_score_outside_the_band_is_told_and_has_an_exit_code_of_its_own(answers: dict[str, Answer]) -> None:
    answers["answer"] = swapped
    result = reproduce("--model", "./model", "--as", "3b", "--json", code=10)
    document = json.loads(result.stdout)
    assert document["schema"] == "vleval/reproduction@1"
    assert (document["size"], document["size_known_by"], document["questions"]) == ("3B", "--as", 40)
    (score,) = document["scores"]
    assert score["verdict"] == "below the band"
    assert score["published"]["printed"] == 90.1
    assert score["band"] == pytest.approx([0.901 - 0.0155, 0.901 + 0.0155])
    assert score["ours"]["interval"][1] < score["band"][0]
    assert {each["field"] for each in document["setting"]} >= {"pixels", "prompt", "answer", "decoding"}
    assert document["caveats"] == []
    assert Path(document["folder"]).is_dir()


def test_a_part_of_the_questions_is_no_reproduction(answers: dict[str, Answer]) -> None:
    shown = reproduce("--model", "./model", "--as", "7B", "--limit", "10", code=12).stdout
    assert "no reproduction: only a part of the questions was asked (limit 10)" in " ".join(shown.split())
    assert "100.0" in shown


def test_data_of_another_size_are_no_reproduction(
    answers: dict[str, Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "PUBLISHED", (row({"7B": 99.2}, questions=10834),))
    shown = reproduce("--model", "Qwen/Qwen2.5-VL-7B-Instruct", code=12).stdout
    assert "the data have 40 questions, the published split 10,834" in " ".join(shown.split())


FAULTS = [
    (["--model", "bundled"], "the bundled checkpoint has no published score"),
    ([], "--model is missing"),
    (
        ["--model", "Qwen/Qwen2.5-VL-7B-Instruct", "--data", "bundled"],
        "nothing was published on bundled data",
    ),
    (["--model", "Qwen/Qwen2.5-VL-7B-Instruct", "--split", "dev"], "refcoco was published on val"),
    (["--model", "Qwen/Qwen2.5-VL-32B-Instruct"], "was not published for the 32B (known by its hub id)"),
    (["--model", "./model"], "./model is none of the released sizes: --as 3B|7B|32B|72B says which"),
    (["--model", "./model", "--as", "8B"], "--as 8B: published are 3B, 7B, 32B, 72B"),
]


@pytest.mark.parametrize(("flags", "sentence"), FAULTS, ids=[" ".join(flags) or "-" for flags, _ in FAULTS])
def test_faults_are_one_sentence(answers: dict[str, Answer], flags: list[str], sentence: str) -> None:
    assert sentence in " ".join(reproduce(*flags, code=2).stderr.split())
    assert not Path("runs").exists()


OTHERS = [
    ("pixmo-points", "no score of Qwen2.5-VL was published on pixmo-points"),
    ("docvqa", "published on test, whose answers are kept back: vleval cannot score it"),
    ("tempcompass", "is no metric of vleval's"),
]


@pytest.mark.parametrize(("task", "sentence"), OTHERS)
def test_a_task_that_cannot_be_reproduced_says_why(task: str, sentence: str) -> None:
    words = ["reproduce", task, "--model", "Qwen/Qwen2.5-VL-7B-Instruct"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())


def test_a_size_is_known_by_its_shape(tmp_path: Path) -> None:
    released = tiny_config()
    text = SHAPES["7B"].text
    released["text_config"] |= {
        "hidden_size": text.hidden_size,
        "intermediate_size": text.intermediate_size,
        "num_hidden_layers": text.num_hidden_layers,
        "num_attention_heads": text.num_attention_heads,
        "num_key_value_heads": text.num_key_value_heads,
        "rope_parameters": {"rope_theta": 1e6, "rope_type": "default", "mrope_section": [16, 24, 24]},
    }
    released["vision_config"]["out_hidden_size"] = text.hidden_size
    (tmp_path / "config.json").write_text(json.dumps(released))
    assert model_size(str(tmp_path), None).name == "7B"
    assert model_size(str(tmp_path), "72B").name == "72B"
    with pytest.raises(UserError, match="none of the released sizes"):
        model_size(str(BUNDLED_CHECKPOINT), None)


def estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, Interval(low, high), 0.01, 1000, 500, "t")


VERDICTS = [
    (estimate(0.90, 0.88, 0.92), "reproduced"),
    (estimate(0.87, 0.85, 0.885), "reproduced"),
    (estimate(0.87, 0.85, 0.884), "below the band"),
    (estimate(0.93, 0.915, 0.94), "reproduced"),
    (estimate(0.93, 0.917, 0.94), "above the band"),
]


@pytest.mark.parametrize(("ours", "verdict"), VERDICTS)
def test_an_interval_that_meets_the_band_is_a_reproduction(ours: Estimate, verdict: str) -> None:
    found = Compared(row({"7B": 90.0}), "7B", ours, ())
    assert found.band == pytest.approx((0.8845, 0.9155))
    assert found.verdict == verdict
    assert Compared(row({"7B": 90.0}), "7B", ours, ("a part",)).verdict == "no reproduction"


@pytest.mark.parametrize(
    ("printed", "full", "half"), [(864, 1000.0, 0.0155), (0.308, 1.0, 0.0155), (87.3, 100.0, 0.0155)]
)
def test_half_a_unit_of_the_last_printed_digit_belongs_to_the_band(
    printed: float, full: float, half: float
) -> None:
    found = Compared(row({"7B": printed}, full=full), "7B", estimate(0.5, 0.4, 0.6), ())
    low, high = found.band
    assert (high - low) / 2 == pytest.approx(half)
