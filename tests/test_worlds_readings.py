"""Pictures with text for InfoVQA, TextVQA, OCRBench, AI2D: the hub sets' columns, their metrics' traps."""

from __future__ import annotations

import io
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vleval.tasks.base import Answer, Sample
from vleval.tasks.data.sources import BUNDLED, open_data
from vleval.tasks.registry import get_task
from vleval.tasks.worlds.documents import readings
from vleval.tasks.worlds.write import BUNDLED_SEED

MAKERS = {
    "infovqa": readings.infovqa_rows,
    "textvqa": readings.textvqa_rows,
    "ocrbench": readings.ocrbench_rows,
    "ai2d": readings.ai2d_rows,
}
COLUMNS = {
    "infovqa": "questionId question answers answer_type image image_url operation/reasoning ocr data_split",
    "textvqa": "image_id question_id question question_tokens image image_width image_height "
    "flickr_original_url flickr_300k_url answers image_classes set_name ocr_tokens",
    "ocrbench": "dataset question question_type answer image",
    "ai2d": "question options answer image",
}


def rows(name: str) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = pq.read_table(
        BUNDLED / name / f"{get_task(name).default_split}.parquet"
    ).to_pylist()
    return found


def samples(name: str) -> list[Sample]:
    return open_data(get_task(name), "bundled").samples


def picture(row: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(row["image"]["bytes"]))


def scores(name: str, say: Any) -> list[dict[str, float]]:
    task = get_task(name)
    answers = [Answer(sample, say(sample), ()) for sample in samples(name)]
    return [dict(score.metrics) for score in task.score_all(answers, "absolute")]


@pytest.mark.parametrize("name", MAKERS)
def test_columns_are_the_hub_sets_and_rows_what_the_generators_make(name: str) -> None:
    stored = rows(name)
    assert list(stored[0]) == COLUMNS[name].split()
    made = list(MAKERS[name](get_task(name).default_split, BUNDLED_SEED))
    for row, other in zip(stored, made, strict=True):
        assert {**row, "image": row["image"]["path"]} == {**other, "image": other["image"]["path"]}
        assert picture(row).convert("RGB").tobytes() == picture(other).convert("RGB").tobytes()


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files, written once more."""
    folder = tmp_path_factory.mktemp("again")
    readings.write_readings(folder, BUNDLED_SEED)
    return folder


@pytest.mark.parametrize("name", MAKERS)
def test_writing_again_gives_the_same_bytes(name: str, again: Path) -> None:
    file = f"{name}/{get_task(name).default_split}.parquet"
    assert (again / file).read_bytes() == (BUNDLED / file).read_bytes()
    assert (BUNDLED / file).stat().st_size < 200_000


@pytest.mark.parametrize("name", MAKERS)
def test_the_card_states_what_the_files_hold(name: str) -> None:
    found = samples(name)
    pictures = len({sample.cluster for sample in found})
    line = f"| `{name}/{get_task(name).default_split}.parquet` | {pictures} | {len(found)} | {len(found)} |"
    assert line in (BUNDLED / "README.md").read_text(encoding="utf-8")


def truth(sample: Sample) -> str:
    target = sample.target.get("answers") or sample.target["letter"]
    return str((target["formula"] if isinstance(target, dict) else target)[-1])


@pytest.mark.parametrize("name", ["infovqa", "ocrbench", "ai2d"])
def test_known_truths_score_one_and_planted_errors_nothing(name: str) -> None:
    assert {value for score in scores(name, truth) for value in score.values()} == {1.0}
    wrong = {value for score in scores(name, lambda sample: "~~~~~~~~~~") for value in score.values()}
    assert wrong == {0.0}


def test_infographics_are_tall_and_have_all_types_of_answers() -> None:
    found = rows("infovqa")
    shapes = [size[1] / size[0] for size in (picture(row).size for row in found)]
    assert max(shapes) > 7
    kinds = Counter(row["answer_type"][0] for row in found)
    assert set(kinds) == {"single span", "multi-span", "question span", "non-extractive"}
    operations = {name for row in found for name in row["operation/reasoning"]}
    assert operations == {"counting", "arithmetic", "comparison"}
    for row in found:
        text, answers = row["ocr"].lower(), row["answers"]
        if row["answer_type"] == ["question span"]:
            assert answers[0] in row["question"].lower()
        if row["answer_type"] == ["single span"]:
            assert answers[0].lower() in text
        if row["answer_type"] == ["multi-span"]:
            spans = answers[0].split(", ")
            assert set(answers) == {", ".join(order) for order in permutations(spans)}
            assert all(span.lower() in text for span in spans)
        if "arithmetic" in row["operation/reasoning"]:
            assert all(answer not in text.split() for answer in answers), "the sum is written nowhere"


def test_one_wrong_digit_of_two_is_where_the_anls_rules_part() -> None:
    def say(sample: Sample) -> str:
        number = sample.target["answers"][-1]
        if not (number.isdecimal() and len(number) == 2):
            return "~~~~~~~~~~"
        return number[0] + str((int(number[1]) + 1) % 10)

    pairs = Counter((score["anls"], score["anls_server"]) for score in scores("infovqa", say))
    assert pairs[0.0, 0.5] >= 5
    assert set(pairs) == {(0.0, 0.0), (0.0, 0.5)}


def test_a_wrong_sum_of_four_digits_still_earns_most_of_the_score() -> None:
    def say(sample: Sample) -> str:
        number = sample.target["answers"][0]
        return f"9{number[1:]}" if number.isdecimal() and len(number) == 4 else "~~~~~~~~~~"

    assert 0.75 in {score["anls"] for score in scores("infovqa", say)}


def test_ten_people_disagree_so_that_every_value_occurs() -> None:
    from vleval.tasks.text.vqa import normalise

    def commonest(sample: Sample) -> str:
        answers: list[str] = sample.target["answers"]
        counts = Counter(normalise(answer) for answer in answers)
        return max(answers, key=lambda answer: counts[normalise(answer)])

    assert {len(row["answers"]) for row in rows("textvqa")} == {10}
    found = [round(score["vqa_acc"], 3) for score in scores("textvqa", commonest)]
    assert set(found) == {0.3, 0.6, 0.9, 1.0}
    assert {round(score["vqa_acc"], 3) for score in scores("textvqa", lambda sample: "zebra")} == {0.0}


def test_a_full_stop_after_a_digit_is_read_in_two_ways() -> None:
    found = scores("textvqa", lambda sample: next((a for a in sample.target["answers"] if "." in a), "~"))
    assert any(score["vqa_acc"] > score["vqa_acc_vlmevalkit"] for score in found)


def test_words_of_a_scene_are_listed_for_who_wants_them() -> None:
    for row in rows("textvqa"):
        assert row["ocr_tokens"]
        assert picture(row).size == (row["image_width"], row["image_height"])


def test_ocrbench_has_ten_kinds_by_name_and_tiny_crops() -> None:
    found = rows("ocrbench")
    kinds = Counter(row["question_type"] for row in found)
    assert len(kinds) == 10
    assert set(kinds.values()) == {4}
    assert min(picture(row).size for row in found) == (25, 16)
    assert {row["dataset"] for row in found if "Mathematical" in row["question_type"]} == {"HME100k"}


@pytest.mark.parametrize(
    ("change", "plain", "formula"),
    [
        (str.lower, 1.0, 0.0),
        (lambda text: text.replace(" ", ""), None, 1.0),
        (lambda text: f"It reads {text}.", 1.0, 1.0),
    ],
    ids=["case", "spaces", "other words"],
)
def test_formulas_have_their_own_rule(change: Any, plain: float | None, formula: float) -> None:
    def say(sample: Sample) -> str:
        return str(change(truth(sample)))

    found = list(zip(samples("ocrbench"), scores("ocrbench", say), strict=True))
    formulas = [score["acc"] for sample, score in found if isinstance(sample.target["answers"], dict)]
    others = [score["acc"] for sample, score in found if not isinstance(sample.target["answers"], dict)]
    assert set(formulas) == {formula}
    assert plain is None or set(others) == {plain}


def test_choices_may_be_letters_of_the_diagram_in_another_order() -> None:
    found = rows("ai2d")
    lettered = [
        row for row in found if all(len(option) == 1 and option.isalpha() for option in row["options"])
    ]
    assert len(lettered) == 9
    named = [row["options"][int(row["answer"])] for row in lettered]
    chosen = ["ABCD"[int(row["answer"])] for row in lettered]
    assert sum(one == other for one, other in zip(named, chosen, strict=True)) <= 3, "the trap is open"
    assert {row["answer"] for row in found} == {"0", "1", "2", "3"}
    assert all(len(set(row["options"])) == 4 for row in found)
