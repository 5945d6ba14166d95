"""CC-OCR: its four tracks by hand, its means over subsets, and its rows as the hub has them."""

from __future__ import annotations

import base64
import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from vleval.results.statistics.aggregate import scores
from vleval.tasks.base import Answer, DataError, Sample
from vleval.tasks.data import rows
from vleval.tasks.data.predictions import read_predictions
from vleval.tasks.data.sources import open_data
from vleval.tasks.documents.cc_ocr import COLUMNS, JUDGES, PARSED, TASK, TRACKS
from vleval.tasks.worlds.documents.ocr_rows import cc_ocr_rows


class Judged(NamedTuple):
    """What the aggregation asks of a record."""

    id: str
    cluster: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    evidence: None = None


@pytest.fixture(scope="module")
def bundled() -> list[Sample]:
    return open_data(TASK, "bundled").samples


def true_answer(sample: Sample) -> str:
    """What is right, in the form that models give it."""
    truth = sample.target["truth"]
    match truth["kind"]:
        case "fields":
            return f"```json\n{json.dumps(truth['answer'], indent=2)}\n```"
        case "table":
            return f"```html\n{truth['answer']}\n```"
        case "formula":
            return f"```latex\n{truth['answer']}\n```"
        case "molecular":
            return f"<smiles>{truth['answer']}</smiles>"
        case "doc":
            return f"\\documentclass{{article}}\n\\begin{{document}}\n{truth['answer']}\n\\end{{document}}"
    return str(truth["answer"]).upper() if "words" in truth["kind"] else str(truth["answer"])


def headlines(samples: list[Sample], answers: list[str]) -> dict[str, float]:
    """The scores of a run with these answers."""
    pairs = zip(samples, answers, strict=True)
    found = TASK.score_all([Answer(sample, text, ()) for sample, text in pairs], "absolute")
    records = [
        Judged(s.id, s.cluster, s.tags, score.metrics) for s, score in zip(samples, found, strict=True)
    ]
    return scores(records, TASK.metrics, TASK.metrics)


def test_bundled_rows_have_every_track_and_kind(bundled: list[Sample]) -> None:
    assert {sample.tags["track"] for sample in bundled} == set(TRACKS)
    assert {sample.tags["kind"] for sample in bundled} == set(JUDGES)
    assert all(sample.media[0].read().startswith(b"\x89PNG") for sample in bundled)


def test_true_answers_score_100(bundled: list[Sample]) -> None:
    found = headlines(bundled, [true_answer(sample) for sample in bundled])
    assert found == dict.fromkeys((metric.name for metric in TASK.metrics), 1.0)


def test_the_score_is_the_mean_of_tracks_of_subsets_of_pictures(bundled: list[Sample]) -> None:
    # Every third picture of one of two subsets of fields is wrong: 1/4 · 1/2 · 1/3 of the score.
    chosen = [s for s in bundled if s.tags["subset"] == "CORD"]
    answers = [true_answer(s) if s is not chosen[0] else "{}" for s in bundled]
    found = headlines(bundled, answers)
    assert len(chosen) == 3
    assert found["score"] == pytest.approx(1 - 1 / 4 / 2 / 3)
    assert found["kie"] == found["kie_f1"] == pytest.approx(1 - 1 / 2 / 3)
    assert [found[track] for track in TRACKS[:3]] == [1.0, 1.0, 1.0]


def test_unread_and_failed_answers_count_as_zero_in_their_track(bundled: list[Sample]) -> None:
    for sample in bundled:
        empty = TASK.score(sample, "", (), "absolute")
        assert empty.metrics == TASK.worst(sample, "failed", "timeout").metrics
        assert set(empty.metrics.values()) == {0.0}
        assert {"score", sample.tags["track"]} <= set(empty.metrics)
    reasons = {(s.tags["kind"], TASK.score(s, "[oops", (), "absolute").reason) for s in bundled}
    assert {found for found in reasons if found[1]} == {("fields", "no JSON"), ("table", "no table")}


@pytest.mark.parametrize(
    ("track", "subset", "kind"),
    [
        ("multi_scene_ocr", "TotalText", "plain words"),
        ("multi_scene_ocr", "zh_scene", "characters"),
        ("multi_lan_ocr", "French", "words"),
        ("multi_lan_ocr", "Arabic", "characters"),
        ("multi_lan_ocr", "Japanese", "characters"),
    ],
)
def test_subsets_are_cut_as_the_script_cuts_them(track: str, subset: str, kind: str) -> None:
    (sample,) = TASK.rows(row(category=track, split=subset), "0")
    assert sample.target["truth"]["kind"] == kind


@pytest.mark.parametrize(
    ("kind", "said", "truth", "expected"),
    [
        ("plain words", "Cafe, OPEN! x", "cafe open ### late", 2 * 2 / (3 + 3)),
        ("plain words", "été", "t", 1.0),
        ("words", "Été", "été", 1.0),
        ("words", "a a b", "a b b", 2 * 2 / 6),
        ("characters", "今 天", "今天好", 2 * 2 / 5),
        ("words", "!", "***", 0.0),
        ("doc", "\\usepackage[utf8]{inputenc}\n\\noindent a b\nc", "abd", 1 - 1 / 3),
        ("doc", "```latex\nab\n```", "ab", 1 - 5 / 7),  # the word latex stays
        ("formula", "```latex\nx ^ 2\t```", "x^3", 1 - 1 / 3),
        ("molecular", "<smiles>C C O</smiles>", "CCN", 1 - 1 / 3),
        ("fields", {"a": "12"}, {"a": "12", "b": "34"}, 1 - 3 / 6),  # b and 34 of a, 12, b, 34
        ("fields", {"a": "13"}, {"a": "12"}, 1 - 1 / 3),
        ("fields", {"a": "ＡＢ，c"}, {"a": "AB, c"}, 1.0),
        ("fields", {"z": "x" * 50}, {"a": "12"}, 0.0),
        ("fields", ["12"], {"a": "12"}, 1 - 1 / 3),
    ],
)
def test_kinds_by_hand(kind: str, said: Any, truth: Any, expected: float) -> None:
    assert JUDGES[kind](said, truth) == pytest.approx(expected)


def test_spans_are_lost_as_in_the_script_and_kept_beside() -> None:
    table = '<table><tr><td colspan="{}">{}</td></tr><tr><td>a</td><td>b</td></tr></table>'
    answer = table.format(2, "Title")
    (sample,) = TASK.rows(row(category="doc_parsing", **{"l2-category": "table"}, answer=answer), "0")
    for said, lost, kept in (
        (answer, 1.0, 1.0),
        # Without its spaces, the cell is a tag of its own name, and what it says does not count.
        (table.format(2, "Crowd"), 1.0, 1 - 1 / 5),
        (table.format(1, "Title"), 1 - 1 / 5, 1 - 1 / 5),
    ):
        metrics = TASK.score(sample, said, (), "absolute").metrics
        assert metrics["doc_parsing"] == pytest.approx(lost)
        assert metrics["tables_with_spans"] == pytest.approx(kept)


def row(**more: Any) -> dict[str, Any]:
    image = {"image": b"", "image_name": "a.jpg", "question": "Read."}
    return image | {"category": "multi_lan_ocr", "l2-category": "x", "split": "French", "answer": "a"} | more


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (row(category="poems"), "category must be one of multi_scene_ocr"),
        (row(category="doc_parsing"), f"l2-category of doc_parsing must be one of {', '.join(PARSED)}"),
        (row(category="kie", answer="no JSON"), "answer of a kie question must be an object"),
        (row(category="kie", answer="{}"), "answer of a kie question must be an object"),
        (row(answer=None), "answer must be a text"),
        (row(question=" "), "question must be a sentence"),
    ],
)
def test_rows_that_cannot_be_read_say_why(broken: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(TASK.rows(broken, "0"))


def test_the_configuration_names_the_track_where_the_category_does_not() -> None:
    (sample,) = TASK.rows(row(category="Arabic text", config="multi_lan_ocr"), "0")
    assert sample.tags["track"] == "multi_lan_ocr"


def test_a_folder_with_the_four_configurations_is_read_whole(tmp_path: Path, bundled: list[Sample]) -> None:
    table = list(cc_ocr_rows("test", 2025))
    for track in TRACKS:
        (tmp_path / track).mkdir()
        lines = [json.dumps(found) for found in table if found["category"] == track]
        (tmp_path / track / "test.jsonl").write_text("\n".join(lines) + "\n")
    samples = open_data(TASK, str(tmp_path)).samples
    assert {s.id.partition("@")[0] for s in samples} == {s.id.partition("@")[0] for s in bundled}
    (tmp_path / "kie" / "test.jsonl").unlink()
    (tmp_path / "kie").rmdir()
    with pytest.raises(DataError, match="lacks kie"):
        open_data(TASK, str(tmp_path))


def write_tsv(path: Path, table: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(table)


def test_one_tsv_and_a_copy_of_the_hub_repository_are_read(tmp_path: Path, bundled: list[Sample]) -> None:
    table = list(cc_ocr_rows("test", 2025))
    write_tsv(tmp_path / "CCOCR.tsv", table)
    assert [s.target for s in open_data(TASK, str(tmp_path / "CCOCR.tsv")).samples] == [
        s.target for s in bundled
    ]
    clone = tmp_path / "CC-OCR"
    for subset in {(found["category"], found["l2-category"], found["split"]) for found in table}:
        kept = [r for r in table if (r["category"], r["l2-category"], r["split"]) == subset]
        write_tsv(clone / subset[0] / subset[1] / f"{subset[2]}_3.tsv", kept)
    samples = open_data(TASK, str(clone)).samples
    assert {s.id.partition("@")[0] for s in samples} == {s.id.partition("@")[0] for s in bundled}
    shutil.rmtree(clone / "doc_parsing")
    with pytest.raises(DataError, match="lacks the files of doc_parsing"):
        open_data(TASK, str(clone))


def test_an_image_in_base64_is_decoded_and_a_damaged_one_costs_its_sample() -> None:
    text = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(300)).decode()
    assert rows.media(text, "image").read().startswith(b"\x89PNG")
    assert rows.media_name(text) is None
    assert rows.media(text[:-3], "image").read() == b""
    with pytest.raises(ValueError, match="is a file name"):
        rows.media("iVBORw0KGgo.png", "image")


def test_a_file_of_predictions_is_scored_by_its_columns(tmp_path: Path, bundled: list[Sample]) -> None:
    table = [
        {**{name: found[name] for name in COLUMNS}, "prediction": true_answer(sample)}
        for found, sample in zip(cc_ocr_rows("test", 2025), bundled, strict=True)
    ]
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(table))
    file = read_predictions(path, TASK, fields=[f"target.columns={','.join(COLUMNS)}"])
    assert [item.sample.tags for item in file.items] == [sample.tags for sample in bundled]
    found = headlines([item.sample for item in file.items], [item.response.text for item in file.items])
    assert found["score"] == 1.0
