"""The page for every kind of task: words, letters, numbers, HTML, many boxes, many spans, no truth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from browser_kit import Page, open_page
from report_kit import frame, report_run
from vleval.results.record import SampleRecord
from vleval.results.reporting.data import build_report
from vleval.results.reporting.page import Thumbnail, Thumbnails, report_page
from vleval.results.reporting.run import ReportRun
from vleval.results.reporting.samples import MOST_CHARACTERS

HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><b>bold</b>\u202egnp"
TABLES = "<table><tr><td>1</td></tr></table>" * 200
PAGE = f"<html><body><p data-bbox='1 2 3 4'>{HOSTILE}</p>{TABLES}</body></html>"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
BOXES = [[10.0, 20.0, 110.0, 220.0], [200.0, 50.0, 300.0, 150.0]]


def kind(
    of: str, question: str, target: Mapping[str, Any], parsed: Mapping[str, Any], text: str
) -> ReportRun:
    """A run of one question of a task."""

    def change(record: SampleRecord) -> SampleRecord:
        seen = frame(original_size=(360, 2530)) if of == "infovqa" else frame()
        if "spans" in target:
            seen = frame(4, duration=10.0, timestamps=(0.0, 5.0), grid_thw=(1, 2, 2))
        metrics = record.metrics if target else {}
        return replace(
            record,
            question=question,
            target=target,
            parsed=parsed,
            text=text,
            metrics=metrics,
            frames=(seen,),
        )

    return report_run([0.5], of=of, change=change)


def runs() -> list[ReportRun]:
    answers = ["$1,250", "1,250", HOSTILE, *["dakota"] * 3]
    return [
        kind("docvqa", f"How much? {HOSTILE}", {"answers": answers}, {"answer": "$1,250"}, "$1,250"),
        kind("ai2d", "Which one?\nA. egg\nB. pupa", {"letter": "B"}, {"letter": "A"}, "A. egg"),
        kind("countbench", "How many?", {"count": 3}, {"count": 4}, "There are 4."),
        kind("infovqa", "Which page?", {"answers": [PAGE]}, {"answer": PAGE}, PAGE),
        kind(
            "odinw13",
            "cat, dog",
            {"instances": {"classes": ["cat", "dog"], "boxes": BOXES, "labels": ["cat", HOSTILE]}},
            {"boxes": [[12.0, 22.0, 112.0, 222.0], [0.0, 0.0, 9.0, 9.0]], "labels": ["cat", "dog"]},
            "[...]",
        ),
        kind(
            "qvhighlights",
            "a red star",
            {"spans": [[1.0, 2.0], [4.0, 6.0]], "duration": 10.0},
            {"spans": [[1.0, 3.0], [7.0, 8.0]]},
            "1-3, 7-8",
        ),
        kind("textvqa", "what is it?", {}, {"answer": "dakota"}, "dakota"),
    ]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("words")
    file = folder / "report.html"
    file.write_text(
        report_page(build_report(runs()), Thumbnails({("image-0", "image"): Thumbnail(PIXEL)}, ())),
        encoding="utf-8",
    )
    with open_page(file, folder / "profile") as opened:
        yield opened
        assert opened.complaints == []
        assert opened.run("document.title").endswith(" - vleval"), "hostile text has run"


def chosen(page: Page, of: str) -> str:
    """The words beside the sample of a task."""
    names = [run.record.task.name for run in runs()]
    page.choose("task", str(names.index(of)))
    text: str = page.run("document.getElementById('detail').innerText")
    return text


def texts(page: Page, selector: str) -> list[str]:
    found: list[str] = page.run(
        f"[...document.querySelectorAll('#detail {selector}')].map(e => e.textContent)"
    )
    return found


def test_accepted_answers_stand_beside_the_question(page: Page) -> None:
    text = chosen(page, "docvqa")
    assert "true answers" in text
    assert texts(page, ".truth q") == [
        "$1,250",
        "1,250",
        HOSTILE.replace("\u202e", "\\u202e"),
        "dakota (3 times)",
    ]
    assert texts(page, "pre") == ["$1,250"], "what is all of the answer is not said twice"
    assert page.run("document.querySelectorAll('#detail img, #detail b b').length") == 0


def test_a_choice_is_asked_with_its_options_and_answered_by_its_letter(page: Page) -> None:
    chosen(page, "ai2d")
    assert texts(page, "h3") == ["Which one?"]
    assert texts(page, ".choices") == ["A. egg\nB. pupa"]
    assert (texts(page, ".truth dt"), texts(page, ".truth q")) == (["true letter"], ["B"])
    assert (texts(page, ".read dt"), texts(page, ".read q")) == (["read as letter"], ["A"])


def test_a_number_is_a_number(page: Page) -> None:
    chosen(page, "countbench")
    assert (texts(page, ".truth q"), texts(page, ".read q")) == (["3"], ["4"])


def test_a_long_text_is_folded_escaped_and_cut(page: Page) -> None:
    chosen(page, "infovqa")
    (summary, *_) = texts(page, ".truth summary")
    assert summary == f"{len(PAGE):,} characters"
    (inside, *_) = texts(page, ".truth details pre")
    assert inside.startswith("<html><body><p data-bbox='1 2 3 4'></script><img src=x")
    assert inside.endswith(f" … and {len(PAGE) - MOST_CHARACTERS} more characters")
    assert page.run("document.querySelector('#detail details').open") is False
    assert page.run("document.querySelectorAll('#detail table').length") == 0


def test_words_come_before_the_picture_and_a_tall_picture_scrolls(page: Page) -> None:
    chosen(page, "infovqa")
    parts = page.run("[...document.querySelector('.pane').children].map(e => e.tagName + '.' + e.className)")
    assert parts.index("PRE.") < parts.index("DIV.sheet")
    heights = page.run(
        "(e => [e.clientHeight, e.scrollHeight])(document.querySelector('#detail .sheet:has(> .tall)'))"
    )
    assert heights[0] < 600 < 1500 < heights[1]
    chosen(page, "docvqa")
    assert page.run("document.querySelectorAll('#detail .tall').length") == 0


def test_many_boxes_all_count_and_have_their_labels(page: Page) -> None:
    text = chosen(page, "odinw13")
    assert "2 true boxes" in text
    shapes = page.run(
        "[...document.querySelectorAll('#detail svg rect:not(.blank):not(.halo)')].map(e => "
        "[e.getAttribute('class'), +e.getAttribute('x'), +e.getAttribute('width')])"
    )
    assert shapes == [["pred", 12, 100], ["pred", 0, 9], ["true", 10, 100], ["true", 200, 100]]
    every = "[...document.querySelectorAll('#detail svg text')]"
    labels = page.run(f"{every}.map(e => [e.getAttribute('class'), e.textContent])")
    assert [name for name, _ in labels] == ["name pred-name"] * 2 + ["name true-name"] * 2
    assert [text for _, text in labels[:3]] == ["cat", "dog", "cat"]
    assert labels[3][1].startswith("</script><img")
    ends = page.run(f"{every}.map(e => [+e.getAttribute('x'), +e.getAttribute('y')])")
    assert all(0 <= x <= 640 and 0 < y < 448 for x, y in ends), "labels stay in the picture"


def test_many_spans_are_as_many_bars(page: Page) -> None:
    text = chosen(page, "qvhighlights")
    assert "2 true spans" in text
    bars = page.run("[...document.querySelectorAll('#detail .bar')].map(e => [e.className, e.style.left])")
    assert bars == [["bar pred", "10%"], ["bar pred", "70%"], ["bar true", "10%"], ["bar true", "40%"]]


def test_without_a_truth_there_is_no_score_and_the_page_says_so(page: Page) -> None:
    text = chosen(page, "textvqa")
    assert "published without a truth" in text
    assert texts(page, ".metric") == []
    assert page.run("document.querySelector('[role=option] .badge').textContent") == "-"
    assert texts(page, "pre") == ["dakota"]


def test_search_finds_accepted_answers_and_labels(page: Page) -> None:
    for of, word in (("docvqa", "dakota"), ("odinw13", "bold")):
        chosen(page, of)
        page.choose("search", word)
        assert page.run("document.querySelectorAll('[role=option]').length") == 1, word
        page.choose("search", "")


@pytest.mark.parametrize("width", [400, 1280])
def test_no_kind_makes_the_page_scroll_sideways(page: Page, width: int) -> None:
    page.shoot(width, 800)
    for run in runs():
        chosen(page, run.record.task.name)
        page.run("document.querySelectorAll('#detail details').forEach(e => { e.open = true; })")
        assert page.run("document.documentElement.scrollWidth") <= width, run.record.task.name


def test_the_page_asks_for_nothing(page: Page) -> None:
    assert [url for url in page.requests if not url.startswith("file:")] == []
    state = json.loads(
        page.run("JSON.stringify({scripts: document.scripts.length, images: document.images.length})")
    )
    assert state == {"scripts": 3, "images": 0}
