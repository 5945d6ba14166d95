"""OCRBench v2 as a task: its thirty types, its means over abilities, and places in two units."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ocr_kit import HALF, true_answer
from vleval.grounding.frame import Frame
from vleval.results.statistics.aggregate import scores
from vleval.tasks.base import Answer, DataError, Sample, Score
from vleval.tasks.data.predictions import read_predictions
from vleval.tasks.data.sources import open_data
from vleval.tasks.documents.ocr_rules.kinds import KINDS, kind_of
from vleval.tasks.documents.ocr_rules.limits import LONGEST
from vleval.tasks.documents.ocr_rules.truths import COLUMNS, read_columns, read_truth
from vleval.tasks.documents.ocrbench_v2 import TASK
from vleval.tasks.text.transcript import transcript_likeness
from vleval.tasks.worlds.documents.ocr_rows import ocrbench_v2_rows


@pytest.fixture(scope="module")
def bundled() -> list[Sample]:
    return open_data(TASK, "bundled").samples


def ceiling(sample: Sample) -> float:
    """What the truth itself scores: below 1 for transcripts."""
    truth = sample.target["truth"]
    text = truth["answers"][0] if truth["rule"] == "transcript" else ""
    return transcript_likeness(text, text).mean if text else 1.0


class Judged(NamedTuple):
    """What the aggregation asks of a record."""

    id: str
    cluster: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    evidence: None = None


def headlines(found: list[Score], samples: list[Sample]) -> dict[str, float]:
    """The scores of a run over these answers."""
    pairs = zip(samples, found, strict=True)
    records = [Judged(sample.id, sample.cluster, sample.tags, score.metrics) for sample, score in pairs]
    return scores(records, TASK.metrics, TASK.metrics)


def test_bundled_rows_have_all_thirty_types(bundled: list[Sample]) -> None:
    assert {sample.tags["type"] for sample in bundled} == set(KINDS)
    assert len(KINDS) == 30
    abilities = {
        name: {kind.ability for kind in KINDS.values() if kind.language == name} for name in ("en", "zh")
    }
    assert [len(found) for found in abilities.values()] == [8, 5]


def test_true_answers_score_all_there_is(bundled: list[Sample]) -> None:
    found = TASK.score_all([Answer(s, true_answer(s, HALF), (HALF,)) for s in bundled], "absolute")
    for sample, score in zip(bundled, found, strict=True):
        name = "score_en" if sample.tags["language"] == "en" else "score_zh"
        assert score.status == "scored", sample.tags
        assert score.metrics[name] == ceiling(sample), sample.tags
        assert score.metrics["score"] == score.metrics[name]
    transcripts = {s.tags["type"] for s in bundled if ceiling(s) < 1}
    assert transcripts == {
        "fine-grained text recognition en",
        "full-page OCR en",
        "full-page OCR cn",
        "handwritten answer extraction cn",
        "text translation cn",
    }


def test_the_score_is_the_mean_over_abilities_of_each_language(bundled: list[Sample]) -> None:
    # Wrong in one ability: it costs an eighth, however few questions that ability has.
    found = TASK.score_all(
        [
            Answer(s, "~" if s.tags["type"] == "text spotting en" else true_answer(s, HALF), (HALF,))
            for s in bundled
        ],
        "absolute",
    )
    whole: dict[tuple[str, str], list[float]] = {
        (sample.tags["language"], sample.tags["ability"]): [] for sample in bundled
    }
    for sample, score in zip(bundled, found, strict=True):
        whole[sample.tags["language"], sample.tags["ability"]].append(score.metrics["score"])
    means = {key: sum(values) / len(values) for key, values in whole.items()}
    assert means["en", "text spotting"] == 0.0
    expected = {
        f"score_{language}": sum(v for (name, _), v in means.items() if name == language) / groups
        for language, groups in (("en", 8), ("zh", 5))
    }
    got = headlines(found, bundled)
    assert {name: got[name] for name in expected} == pytest.approx(expected)
    assert got["score"] == pytest.approx(sum(expected.values()) / 2)


def test_a_planted_share_of_errors_costs_exactly_that_share(bundled: list[Sample]) -> None:
    words = [s for s in bundled if s.tags["ability"] == "knowledge reasoning" and s.tags["language"] == "en"]
    answers = [Answer(s, "~" if n == 1 else true_answer(s, HALF), (HALF,)) for n, s in enumerate(words)]
    found = TASK.score_all(answers, "absolute")
    assert headlines(found, words)["score_en"] == (len(words) - 1) / len(words)


def test_nothing_said_and_failures_count_as_zero_in_their_language(bundled: list[Sample]) -> None:
    for sample in bundled:
        empty = TASK.score(sample, " \n", (HALF,), "absolute")
        failed = TASK.worst(sample, "failed", "out of memory")
        assert (empty.status, empty.reason) == ("unparsed", "empty answer")
        assert empty.metrics == failed.metrics
        assert set(empty.metrics.values()) == {0.0}
        languages = {"en": {"score", "score_en", "score_en_as_asked"}, "zh": {"score", "score_zh"}}
        assert set(empty.metrics) == languages[sample.tags["language"]]


def test_places_are_read_in_the_declared_unit_and_as_asked(bundled: list[Sample]) -> None:
    for kind in ("text grounding en", "VQA with position en", "text spotting en"):
        (sample,) = (s for s in bundled if s.tags["type"] == kind)
        in_pixels, asked = true_answer(sample, HALF), true_answer(sample, HALF, as_asked=True)
        words = 0.5 if kind == "VQA with position en" else 0.0
        for text, convention, declared, official in (
            (in_pixels, "absolute", 1.0, words),
            (asked, "absolute", words, 1.0),
            (asked, "relative-1000", 1.0, 1.0),
        ):
            metrics = TASK.score(sample, text, (HALF,), convention).metrics  # type: ignore[arg-type]
            assert metrics["score_en"] == pytest.approx(declared, abs=0.02), (kind, convention)
            assert metrics["score_en_as_asked"] == pytest.approx(official, abs=0.02), (kind, convention)


def test_a_bar_around_the_picture_is_taken_off(bundled: list[Sample]) -> None:
    (sample,) = (s for s in bundled if s.tags["type"] == "text grounding en")
    seen = Frame((560, 560), (560, 280), (1, 20, 40), "torch", content=(140.0, 0.0, 420.0, 280.0))
    text = true_answer(sample, seen)
    assert TASK.score(sample, text, (seen,), "absolute").metrics["score_en"] == 1.0


def test_answers_without_sizes_are_taken_as_they_stand(bundled: list[Sample]) -> None:
    (sample,) = (s for s in bundled if s.tags["type"] == "text grounding en")
    bare = replace(sample, original_size=None)
    score = TASK.score(bare, true_answer(sample, HALF, as_asked=True), (), "absolute")
    assert score.metrics["score_en"] == score.metrics["score_en_as_asked"] == 1.0
    assert score.parsed["placed"] is False


def test_what_a_rule_does_not_find_is_named(bundled: list[Sample]) -> None:
    reasons = {
        (s.tags["type"], TASK.score(s, "I cannot read this.", (HALF,), "absolute").reason) for s in bundled
    }
    assert {name: reason for name, reason in reasons if reason} == {
        "text grounding en": "no box",
        "VQA with position en": "no fields",
        "text spotting en": "no places with text",
        "key information extraction en": "no fields",
        "key information mapping en": "no fields",
        "chart parsing en": "no dictionary",
        "table parsing en": "no table",
        "key information extraction cn": "no fields",
        "table parsing cn": "no table",
    }


def test_an_endless_answer_is_cut() -> None:
    sample = next(iter(TASK.rows(row("cognition VQA en", ["late"]), "0")))
    score = TASK.score(sample, "x" * LONGEST + "late", (), "absolute")
    assert score.metrics["score_en"] == 0.0
    assert len(score.parsed["answer"]) == LONGEST


def row(kind: str, answers: list[str], **more: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("bbox", "bbox_list", "content"))
    return (
        {"id": 7, "question": "Which?", "type": kind, "answers": answers, "image": b"", "eval": "None"}
        | empty
        | more
    )


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (row("poetry en", ["a"]), "type must be one of OCRBench v2's 30"),
        (row("math QA en", ["a"], eval="by feeling"), "eval must be 'multiple choice'"),
        (row("text counting en", ["3"]), "eval of a text counting question"),
        (row("math QA en", []), "answers must be a list of texts"),
        (row("text grounding en", ["1", "2", "3"]), "answers must be 4 finite numbers"),
        (row("VQA with position en", ["a"]), "bbox must be 4 finite numbers"),
        (row("text spotting en", [], bbox_list=[[0, 0, 1, 1]], content=[]), "1 places and content 0 texts"),
        (row("key information extraction en", ["no object"]), "answers must hold one object"),
        (row("math QA en", ["a"], question=""), "question must be a sentence"),
    ],
)
def test_rows_that_cannot_be_read_say_why(broken: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(TASK.rows(broken, "0"))


def test_a_translation_without_a_truth_is_left_out_as_in_the_script() -> None:
    found = row("text translation cn", [""])
    assert list(TASK.rows(found, "0")) == []
    answer = Sample("1", (), "", {"truth": read_truth(found, "the row")}, "row 0")  # of a file of answers
    assert TASK.score(answer, "Hello", (), "absolute").metrics == {}
    assert TASK.score(answer, "", (), "absolute").metrics == {}


def test_the_official_file_of_predictions_is_scored_by_its_columns(
    tmp_path: Path, bundled: list[Sample]
) -> None:
    table = [
        {
            **{name: found[name] for name in COLUMNS},
            "bbox": found["bbox_list"] or found["bbox"],
            "id": found["id"],
            "predict": true_answer(sample, HALF, as_asked=True),
        }
        for found, sample in zip(ocrbench_v2_rows("test", 2025), bundled, strict=True)
    ]
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(table))
    file = read_predictions(path, TASK, fields=[f"target.columns={','.join(COLUMNS)}"])
    found = TASK.score_all([Answer(i.sample, i.response.text, ()) for i in file.items], "absolute")
    assert [item.sample.target for item in file.items] == [sample.target for sample in bundled]
    assert [item.sample.tags for item in file.items] == [sample.tags for sample in bundled]
    assert all(s.metrics["score"] == pytest.approx(ceiling(t)) for s, t in zip(found, bundled, strict=True))


def test_a_missing_column_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(
        json.dumps({"id": 1, "question": "Which?", "type": "math QA en", "image": "a.png"}) + "\n"
    )
    with pytest.raises(DataError, match="lacks answers, eval, bbox, content"):
        open_data(TASK, str(path))


def test_kinds_are_counted_as_the_script_counts_them() -> None:
    assert kind_of("fine-grained text recognition en").ability == kind_of("full-page OCR en").ability
    assert kind_of("text counting en").ability == kind_of("math QA en").ability
    assert kind_of("text translation cn").ability == kind_of("reasoning VQA cn").ability


def test_the_official_file_is_read_with_its_pictures_below_a_folder(
    tmp_path: Path, bundled: list[Sample]
) -> None:
    table = []
    for found in ocrbench_v2_rows("test", 2025):
        picture = found.pop("image")
        (tmp_path / "EN_part").mkdir(exist_ok=True)
        (tmp_path / "EN_part" / picture["path"]).write_bytes(picture["bytes"])
        found["bbox"] = found.pop("bbox_list") or found["bbox"]
        given = {name: value for name, value in found.items() if value not in (None, "None")}
        table.append({**given, "image_path": f"EN_part/{picture['path']}"})
    path = tmp_path / "OCRBench_v2.json"
    path.write_text(json.dumps(table))
    samples = open_data(TASK, str(path), media_dir=tmp_path).samples
    assert [(s.id, s.target, s.tags, s.cluster) for s in samples] == [
        (s.id, s.target, s.tags, s.cluster) for s in bundled
    ]


def test_the_columns_of_the_hub_make_the_same_truth() -> None:
    for found in ocrbench_v2_rows("test", 2025):
        values = [found[name] for name in (*COLUMNS, "bbox_list")]
        assert read_columns(values, "target.columns") == read_truth(found, "the row")
    with pytest.raises(ValueError, match="must be the columns type, question"):
        read_columns(["math QA en", "Which?"], "target.columns")
