"""Parsing of documents: rows, the prompt, and scores of pages that are right, or wrong in one known way."""

from __future__ import annotations

import io
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from vleval.grounding.frame import Frame, to_input
from vleval.grounding.parse import parse_html
from vleval.model.io import Media
from vleval.tasks.base import DataError, Sample, Score
from vleval.tasks.data.sources import BUNDLED, open_data
from vleval.tasks.documents.docparse import METRICS, TASK
from vleval.tasks.worlds.documents.page_rows import docparse_rows
from vleval.tasks.worlds.write import BUNDLED_SEED

NAMES = [metric.name for metric in METRICS]
HEAD = '<h1 data-bbox="10 10 90 20">Title</h1>'
LEFT = '<p data-bbox="10 30 45 90">alpha beta gamma</p>'
RIGHT = '<p data-bbox="55 30 90 60">delta epsilon zeta</p>'
GRID = (
    '<table class="table" data-bbox="55 65 90 90"><tr><td colspan="2">a</td></tr>'
    "<tr><td>b</td><td>c</td></tr></table>"
)
FRAME = Frame((100, 100), (112, 112), (1, 8, 8), "torch")


def page(*elements: str) -> str:
    return f"<html><body>{''.join(elements)}</body></html>"


def made(*elements: str) -> Sample:
    (sample,) = TASK.rows({"image": Media("image", data=b""), "html": page(*elements)}, "3")
    return sample


def seen(markup: str, frame: Frame) -> str:
    """The page as a model writes it that answers in input pixels, as exactly as the numbers can be told."""

    def swap(match: re.Match[str]) -> str:
        (box,) = to_input([[float(word) for word in match[1].split()]], frame, "absolute").tolist()
        return f'data-bbox="{" ".join(f"{edge:.6f}" for edge in box)}"'

    return re.sub('data-bbox="([^"]*)"', swap, markup)


def score(truth: Sample, *elements: str) -> Score:
    return TASK.score(truth, seen(page(*elements), FRAME), (FRAME,), "absolute")


ALL = (HEAD, LEFT, RIGHT, GRID)


def test_a_row_becomes_a_page_in_original_pixels() -> None:
    sample = made(*ALL)
    assert sample.id == "row#3"
    assert sample.target == {"html": page(*ALL)}
    assert sample.tags == {"tables": "with"}
    system, user = TASK.messages(sample)
    assert system.role == "system"
    assert user.content == ("QwenVL HTML ", sample.media[0])
    assert TASK.prompt == f"{system.content[0]}\n\nQwenVL HTML "


def test_the_truth_in_input_pixels_scores_100() -> None:
    found = score(made(*ALL), *ALL)
    assert found.status == "scored"
    assert found.metrics == dict.fromkeys(NAMES, 1.0)
    assert found.parsed["mapped"]
    assert found.parsed["boxes"][0] == pytest.approx([10, 10, 90, 20], abs=1e-4)


def test_pages_without_tables_have_no_table_scores() -> None:
    plain = made(HEAD, LEFT)
    assert set(score(plain, HEAD, LEFT).metrics) == set(NAMES) - {"table_teds", "table_structure"}
    # A table too many costs layout, and the text in it; the headline has three parts.
    found = score(plain, HEAD, LEFT, GRID).metrics
    assert found["layout_f1"] == pytest.approx(2 * 2 / (3 + 2))
    assert found["text"] == pytest.approx(1 - 6 / 28)
    assert found["score"] == pytest.approx((found["text"] + found["layout_f1"] + 1) / 3)


def test_each_fault_costs_its_own_metric() -> None:
    truth = made(*ALL)
    moved = LEFT.replace("10 30 45 90", "10 60 45 120")
    cases = {
        "a box elsewhere, and outside": ((HEAD, moved, RIGHT, GRID), {"layout_f1", "layout_f1_any", "valid"}),
        "another kind": ((HEAD.replace("h1", "p"), LEFT, RIGHT, GRID), {"layout_f1"}),
        "read across": ((HEAD, RIGHT, LEFT, GRID), {"text", "order"}),
        "another level of heading": ((HEAD.replace("h1", "h3"), LEFT, RIGHT, GRID), set()),
        "cells as headings": ((HEAD, LEFT, RIGHT, re.sub("td", "th", GRID)), set()),
        "a lost span": (
            (HEAD, LEFT, RIGHT, GRID.replace(' colspan="2"', "")),
            {"table_teds", "table_structure"},
        ),
        "a wrong cell": ((HEAD, LEFT, RIGHT, GRID.replace(">b<", ">x<")), {"text", "table_teds"}),
        "corners swapped": ((HEAD.replace("10 10 90 20", "90 20 10 10"), LEFT, RIGHT, GRID), None),
    }
    for name, (elements, expected) in cases.items():
        found = score(truth, *elements).metrics
        below = {metric for metric, value in found.items() if value < 1} - {"score"}
        assert below == ({"layout_f1", "layout_f1_any", "valid"} if expected is None else expected), name
        parts = [found[part] for part in METRICS[0].parts]
        assert found["score"] == pytest.approx(sum(parts) / 4)


def test_planted_faults_cost_exactly_what_they_should() -> None:
    truth = made(*ALL)
    assert score(truth, HEAD, RIGHT, LEFT, GRID).metrics["order"] == pytest.approx(1 - 2 / 4)
    assert score(truth, HEAD, LEFT, GRID).metrics["order"] == pytest.approx(1 - 1 / 4)
    assert score(truth, HEAD, LEFT, RIGHT).metrics["table_teds"] == 0.0
    wrong = score(truth, HEAD, LEFT, RIGHT, GRID.replace(">b<", ">x<")).metrics
    assert wrong["table_teds"] == pytest.approx(1 - 1 / 5)  # a cell of tr, td, tr, td, td
    letters = len("Title alpha beta gamma delta epsilon zeta a b c")
    assert wrong["text"] == pytest.approx(1 - 1 / letters)
    twice = score(truth, HEAD, LEFT, RIGHT, GRID, GRID).metrics
    assert twice["table_teds"] == 0.5
    assert twice["layout_f1"] == pytest.approx(2 * 4 / (5 + 4))


def test_boxes_of_the_resized_picture_are_not_taken_for_the_original() -> None:
    """A picture twice as large as its input: unmapped, every box would miss."""
    frame = Frame((100, 100), (56, 56), (1, 4, 4), "torch")
    sample, text = made(*ALL), seen(page(*ALL), frame)
    assert TASK.score(sample, text, (frame,), "absolute").metrics["layout_f1"] == 1.0
    unmapped = TASK.score(sample, text, (), "absolute")
    assert unmapped.metrics["layout_f1"] < 0.5
    assert not unmapped.parsed["mapped"]


@pytest.mark.parametrize("text", ["", "I cannot.", "<html><body><p>no box</p></body></html>"])
def test_what_has_no_box_is_unparsed_and_scores_nothing(text: str) -> None:
    found = TASK.score(made(*ALL), text, (FRAME,), "absolute")
    assert (found.status, set(found.metrics.values())) == ("unparsed", {0.0})
    assert found.reason


def test_a_page_that_was_cut_off_is_not_valid_but_counts() -> None:
    found = TASK.score(made(*ALL), seen(page(HEAD, LEFT), FRAME)[:-20], (FRAME,), "absolute")
    assert found.metrics["valid"] == 0.0
    assert found.metrics["layout_f1"] == pytest.approx(2 * 2 / (2 + 4))


@pytest.mark.parametrize(
    ("markup", "message"),
    [
        ("", "html must be a sentence"),
        ("just words", "html must be a page in QwenVL HTML"),
        ("<body><p>a</p></body>", "html must be a page"),
        ('<p data-bbox="1 2 3">a</p>', "3 numbers instead of 4"),
        ('<p data-bbox="5 5 2 9">a</p>', "."),
        ('<p data-bbox="5 5 5 9">a</p>', "x1 < x2"),
        ('<p data-bbox="1 2 3 4">a', "ends inside"),
    ],
)
def test_truths_that_are_none(markup: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(TASK.rows({"image": Media("image", data=b""), "html": markup}, "0"))


def test_a_file_with_boxes_of_another_picture_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (50, 50)).save(tmp_path / "a.png")
    (tmp_path / "a.html").write_text(page(HEAD))
    with pytest.raises(DataError, match=r"row 0: html has a box that ends at 90, 20, outside of its 50 x 50"):
        open_data(TASK, str(tmp_path))


def test_a_folder_of_pictures_with_pages(tmp_path: Path) -> None:
    for name, suffix in (("b", "png"), ("a", "jpg")):
        Image.new("RGB", (100, 100)).save(tmp_path / f"{name}.{suffix}")
        (tmp_path / f"{name}.html").write_text(page(HEAD, LEFT))
    data = open_data(TASK, str(tmp_path))
    assert [sample.id for sample in data.samples] == ["a.jpg", "b.png"]
    assert (data.split, data.origin) == ("test", "local")
    (tmp_path / "c.html").write_text(page(HEAD))
    with pytest.raises(DataError, match=r"c\.html has no picture of the same name"):
        open_data(TASK, str(tmp_path))


def test_the_hub_has_no_such_set() -> None:
    with pytest.raises(DataError, match="docparse.*--data FILE"):
        open_data(TASK, "hub")


def test_bundled_pages_score_100_and_planted_errors_their_share() -> None:
    import pyarrow.parquet as pq

    stored = pq.read_table(BUNDLED / "docparse" / "test.parquet").to_pylist()
    again = list(docparse_rows(BUNDLED_SEED))
    assert [row["html"] for row in stored] == [row["html"] for row in again]
    for row, other in zip(stored, again, strict=True):
        before, after = (Image.open(io.BytesIO(each["image"]["bytes"])) for each in (row, other))
        assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()
    samples = open_data(TASK, "bundled").samples
    assert len(samples) == 8
    for number, sample in enumerate(samples):
        assert sample.original_size is not None
        frame = Frame(sample.original_size, (448, 420), (1, 30, 32), "torch")
        text = seen(sample.target["html"], frame)
        right = TASK.score(sample, f"```html\n{text}\n```", (frame,), "absolute").metrics
        assert set(right.values()) == {1.0}, number
        if sample.tags["tables"] == "with":
            wrong = TASK.score(sample, text.replace(' colspan="2"', ""), (frame,), "absolute").metrics
            cells = len(re.findall("<t[rd]", sample.target["html"].partition("<table class")[2]))
            charts = sample.target["html"].partition('class="chart"')[2]
            assert wrong["table_teds"] == pytest.approx(1 - 1 / (cells - len(re.findall("<t[rd]", charts))))
        unread = TASK.score(sample, "", (frame,), "absolute").metrics
        assert set(unread.values()) == {0.0}


def test_bundled_pages_hold_the_traps_of_their_metrics() -> None:
    samples = open_data(TASK, "bundled").samples
    kinds = {item.kind or item.tag for s in samples for item in parse_html(s.target["html"]).items}
    assert {"chart", "formula", "image caption", "table", "ul", "li", "h1", "h2", "p"} <= kinds
    assert {s.tags["tables"] for s in samples} == {"with", "without"}
    columns = [
        [item.values for item in parse_html(s.target["html"]).items if item.tag == "p"] for s in samples
    ]
    assert any(
        b[0] > a[2] and b[1] < a[1] for boxes in columns for a, b in zip(boxes, boxes[1:], strict=False)
    )


@pytest.mark.parametrize(
    "text",
    [
        '<p data-bbox="1 2 3 4">a' * 3000,
        '<table data-bbox="1 2 3 4"><tr><td>' * 1500,
        f'<table data-bbox="1 2 3 4">{"<td>" * 15000}',
        f'<p data-bbox="1 2 3 4">{"ab " * 20000}',
    ],
)
def test_no_answer_runs_on(text: str) -> None:
    started = time.process_time()
    found = TASK.score(replace(made(*ALL), id="x"), text, (FRAME,), "absolute")
    assert found.status == "scored"
    assert time.process_time() - started < 5
