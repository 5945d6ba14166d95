"""Questions about documents: hub rows to samples, the prompts, the scores, and rows that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vleval.model.io import Media
from vleval.tasks.base import DataError, Sample, Score, Task
from vleval.tasks.data.sources import open_data
from vleval.tasks.published import published
from vleval.tasks.registry import get_task

IMAGE = {"bytes": b"picture", "path": "page.png"}
TEN = ["dakota"] * 3 + ["nikon", "", "canon", "d", "e", "f", "g"]

ROWS: dict[str, dict[str, Any]] = {
    "docvqa": {
        "questionId": "49153",
        "question": "What is the total?",
        "question_types": ["form", "layout"],
        "image": IMAGE,
        "docId": 14465,
        "ucsf_document_id": "pybv0228",
        "ucsf_document_page_no": "81",
        "answers": ["$1,250", "1,250"],
        "data_split": "val",
    },
    "infovqa": {
        "questionId": "98313",
        "question": "Which platform?",
        "answers": ["pinterest"],
        "answer_type": ["single span"],
        "image": IMAGE,
        "image_url": "https://example.com/x.jpg",
        "operation/reasoning": [],
        "ocr": "",
        "data_split": "val",
    },
    "chartqa": {"type": "human_test", "question": "How many?", "answer": "14", "image": IMAGE},
    "textvqa": {
        "image_id": "003a8ae2ef43b901",
        "question_id": 34602,
        "question": "what is the brand of this camera?",
        "question_tokens": ["what"],
        "image": IMAGE,
        "image_width": 1024,
        "image_height": 664,
        "answers": TEN,
        "image_classes": ["Camera"],
        "set_name": "val",
        "ocr_tokens": ["DAKOTA"],
    },
    "ocrbench": {
        "dataset": "IIIT5K",
        "question": "what is written in the image?",
        "question_type": "Regular Text Recognition",
        "answer": ["CENTRE"],
        "image": IMAGE,
    },
    "ai2d": {"question": "Which one?", "options": ["a", "", "egg", "d"], "answer": "2", "image": IMAGE},
}
SHORT = "\nAnswer the question using a single word or phrase."

SAMPLES = [
    ("docvqa", "49153", {"answers": ["$1,250", "1,250"]}, {"kind": "form"}, f"What is the total?{SHORT}"),
    ("infovqa", "98313", {"answers": ["pinterest"]}, {"kind": "single span"}, f"Which platform?{SHORT}"),
    ("chartqa", "row#3", {"answers": ["14"]}, {"type": "human"}, f"How many?{SHORT}"),
    ("textvqa", "34602", {"answers": TEN}, {}, f"what is the brand of this camera?{SHORT}"),
    (
        "ocrbench",
        "row#3",
        {"answers": ["CENTRE"]},
        {"kind": "Regular Text Recognition"},
        "what is written in the image?",
    ),
    (
        "ai2d",
        "row#3",
        {"letter": "C"},
        {},
        "Which one?\nA. a\nB. \nC. egg\nD. d\n"
        "Answer with the option's letter from the given choices directly.",
    ),
]


def sample(name: str, **changes: Any) -> Sample:
    (found,) = get_task(name).rows({**ROWS[name], **changes}, "3")
    return found


def judged(name: str, text: str, **changes: Any) -> Score:
    return get_task(name).score(sample(name, **changes), text, (), "absolute")


@pytest.mark.parametrize(("name", "id", "target", "tags", "question"), SAMPLES, ids=[s[0] for s in SAMPLES])
def test_rows_of_the_hub_sets(
    name: str, id: str, target: dict[str, Any], tags: dict[str, str], question: str
) -> None:
    found = sample(name)
    assert (found.id, found.target, found.tags) == (id, target, tags)
    assert found.cluster == Media("image", data=b"picture").digest()
    (message,) = get_task(name).messages(found)
    assert message.content == (found.media[0], question)


@pytest.mark.parametrize("name", ROWS)
def test_columns_are_those_of_the_hub_set(name: str) -> None:
    task = get_task(name)
    assert set(task.columns) <= set(ROWS[name])
    assert task.default_split in task.splits
    assert set(task.bundled_splits) <= set(task.splits)
    assert [metric.name for metric in task.metrics] == list(judged(name, "x").metrics)
    for row in published(name):
        assert row.metric == task.metrics[0].name
        assert row.split in task.splits
        assert (task.submission is not None) is (name in ("docvqa", "infovqa")), "theirs are on hidden tests"


BROKEN = [
    ("docvqa", {"answers": True}, "answers.*split without answers", "neither text nor a number"),
    ("infovqa", {"answers": {}}, "answers.*split without answers", "an object"),
    ("docvqa", {"answers": ["a", [1]]}, "answers must be strings", "a list in a list"),
    ("chartqa", {"answer": float("nan")}, "answer.*split without answers", "an empty cell, as pandas has it"),
    ("chartqa", {"answer": ""}, "answer", "nothing true"),
    ("chartqa", {"question": None}, "question", "nothing asked"),
    ("textvqa", {"answers": [""] * 10}, "answers.*split without answers", "the test split as published"),
    ("ocrbench", {"answer": {"formula": None}}, "answer.formula", "half an object"),
    ("ocrbench", {"image": 7}, "image", "no picture"),
    ("ai2d", {"answer": "4"}, "index of none of 4 options", "beyond the choices"),
    ("ai2d", {"answer": "C"}, "index of a choice", "letters are not what the hub has"),
    ("ai2d", {"answer": -1}, "index of a choice", "below them"),
    ("ai2d", {"options": None}, "options", "no choices"),
]


@pytest.mark.parametrize(
    ("name", "changes", "message", "why"), BROKEN, ids=[f"{case[0]}: {case[3]}" for case in BROKEN]
)
def test_unusable_row_is_refused(name: str, changes: dict[str, Any], message: str, why: str) -> None:
    with pytest.raises(ValueError, match=message):
        sample(name, **changes)


@pytest.mark.parametrize("name", ROWS)
def test_broken_local_file_names_row_and_column(name: str, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    task, file = get_task(name), tmp_path / f"{get_task(name).default_split}.parquet"
    pq.write_table(pa.Table.from_pylist([ROWS[name]]), file)
    (found,) = open_data(task, str(file)).samples
    assert found.target == sample(name).target
    pq.write_table(pa.Table.from_pylist([ROWS[name], {**ROWS[name], "question": " "}]), file)
    with pytest.raises(DataError, match=r"row 1: question must be a sentence"):
        open_data(task, str(file))
    lacking = {key: value for key, value in ROWS[name].items() if key != "question"}
    pq.write_table(pa.Table.from_pylist([lacking]), file)
    with pytest.raises(DataError, match=r"lacks question, which"):
        open_data(task, str(file))


def test_an_unreadable_picture_costs_itself_alone() -> None:
    gone = Media("image", path=Path("no/such.png"))
    assert sample("chartqa", image=gone).cluster == sample("ai2d", image=gone).cluster == "unreadable 3"


SCORES = [
    ("docvqa", " 1,250\n", {"anls": 1, "anls_server": 1, "exact_match": 1}, "white space around it"),
    ("docvqa", "1,2", {"anls": 0.6, "anls_server": 0.6, "exact_match": 0}, "3 of 5 letters"),
    ("docvqa", "The total is $1,250", {"anls": 0, "anls_server": 0, "exact_match": 0}, "a sentence"),
    ("infovqa", "Pinterest", {"anls": 1, "anls_server": 1, "exact_match": 1}, "case"),
    (
        "chartqa",
        "14.5",
        {"relaxed_acc": 1, "relaxed_acc_mended": 1, "exact_match": 0},
        "near enough a number",
    ),
    ("chartqa", "$14", {"relaxed_acc": 0, "relaxed_acc_mended": 1, "exact_match": 0}, "a currency sign"),
    ("textvqa", "Dakota", {"vqa_acc": 0.9, "vqa_acc_vlmevalkit": 0.9}, "three of ten agree"),
    ("ocrbench", "It reads centre", {"acc": 1, "acc_full_width": 1}, "anywhere"),
    ("ocrbench", "ＣＥＮＴＲＥ", {"acc": 0, "acc_full_width": 1}, "full-width letters"),
    ("ai2d", "C", {"acc": 1}, "the bare letter"),
    ("ai2d", "(c)", {"acc": 1}, "case and brackets do not matter"),
    ("ai2d", "C. egg", {"acc": 1}, "with its text"),
    ("ai2d", "B.", {"acc": 0}, "another letter"),
]


@pytest.mark.parametrize(
    ("name", "text", "metrics", "why"), SCORES, ids=[f"{case[0]}: {case[3]}" for case in SCORES]
)
def test_scores(name: str, text: str, metrics: dict[str, float], why: str) -> None:
    score = judged(name, text)
    assert score.status == "scored"
    assert score.metrics == pytest.approx(metrics)


def test_formulas_have_their_own_rule() -> None:
    formula = {"dataset": "HME100k", "answer": ["x ^ { 2 }"]}
    assert sample("ocrbench", **formula).target == {"answers": {"formula": ["x ^ { 2 }"]}}
    assert judged("ocrbench", "so x^{2}.", **formula).metrics["acc"] == 1
    assert judged("ocrbench", "X^{2}", **formula).metrics["acc"] == 0
    assert judged("ocrbench", "X ^ { 2 }", answer=["x ^ { 2 }"]).metrics["acc"] == 1


@pytest.mark.parametrize("name", ROWS)
def test_nothing_said_is_unparsed(name: str) -> None:
    score = judged(name, " \n")
    assert (score.status, score.reason) == ("unparsed", "empty answer")
    assert set(score.metrics.values()) == {0.0}


@pytest.mark.parametrize("text", ["The answer is C", "egg", "CD", "1", "C egg"])
def test_sentences_are_not_searched_for_a_letter(text: str) -> None:
    score = judged("ai2d", text)
    assert (score.status, score.reason) == ("unparsed", "no letter")


TARGETS = [
    ("docvqa", "answers", '["a", "b"]', ["a", "b"], "the text of a list, as CSV has it"),
    ("docvqa", "answers", "['a', 'b']", ["a", "b"], "as Python prints it"),
    ("docvqa", "answer", "plain", ["plain"], "one string"),
    ("chartqa", "answer", "[Yes, No]", ["[Yes, No]"], "an answer in brackets is no list"),
    ("chartqa", "answer", "[2, 4]", ["[2, 4]"], "nor are numbers in brackets"),
    ("chartqa", "answer", 14.0, ["14"], "a number, as JSON has it"),
    ("docvqa", "answers", [0.28, "28%"], ["0.28", "28%"], "a number among texts"),
    ("ocrbench", "formula", ["x"], {"formula": ["x"]}, "a formula"),
    ("ocrbench", "answers", {"formula": ["x"]}, {"formula": ["x"]}, "as vleval writes it"),
    ("ai2d", "letter", "b", "B", "a letter"),
    ("ai2d", "index", 3, "D", "an index"),
]


@pytest.mark.parametrize(
    ("name", "form", "value", "truth", "why"), TARGETS, ids=[case[4] for case in TARGETS]
)
def test_forms_of_the_truth(name: str, form: str, value: Any, truth: Any, why: str) -> None:
    assert get_task(name).target.readers[form](value, form) == truth


@pytest.mark.parametrize("value", ["AB", "", "é", None])
def test_what_is_no_letter(value: Any) -> None:
    with pytest.raises(ValueError, match="letter must be the letter of a choice"):
        get_task("ai2d").target.readers["letter"](value, "letter")


def test_infovqa_is_asked_and_scored_as_docvqa() -> None:
    docvqa, infovqa = get_task("docvqa"), get_task("infovqa")
    same: list[tuple[object, object]] = [
        (getattr(docvqa, name), getattr(infovqa, name))
        for name in ("prompt", "metrics", "judge", "read", "hub")
    ]
    assert all(one == other for one, other in same)
    assert (docvqa.hub_config, infovqa.hub_config) == ("DocVQA", "InfographicVQA")


def test_the_configuration_reaches_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set of several configurations cannot be loaded without the name of one."""
    import datasets

    asked: list[tuple[object, ...]] = []

    def load(name: str, config: str | None, *, split: str, revision: str | None) -> object:
        asked.append((name, config, split))
        return datasets.Dataset.from_list([ROWS["infovqa"]])

    monkeypatch.setattr("datasets.load_dataset", load)
    monkeypatch.setattr("vleval.tasks.data.hub._reachable", lambda endpoint: True)
    task: Task = get_task("infovqa")
    assert len(open_data(task, "hub").samples) == 1
    assert asked == [("lmms-lab-encoder/DocVQA", "InfographicVQA", "validation")]
