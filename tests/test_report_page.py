"""The page in a real browser: it opens in silence, its filters and keys work, words of models stay words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from browser_kit import Page, open_page
from report_kit import frame, report_run
from vleval.results.record import SampleRecord
from vleval.results.reporting.data import build_report
from vleval.results.reporting.page import Thumbnail, Thumbnails, report_page

COUNT = 400
HOSTILE = (
    "<script>document.title='owned'</script></script><img src=x onerror=\"document.title='owned'\">"
    "<a href=\"javascript:document.title='owned'\">x</a>${document.title='owned'}{{7*7}}"
    "\u202egnp.exe\x1b[2J\ud800<!--"
)
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def answer(record: SampleRecord, *, better: bool) -> SampleRecord:
    """Every tenth unparsed, one failed, one hostile; the others as good as their number."""
    index = int(record.id[1:])
    if index % 10 == 3:
        zeros = dict.fromkeys(record.metrics, 0.0)
        return replace(
            record, status="unparsed", reason="nothing found", metrics=zeros, text="I see no such thing"
        )
    if index == 5:
        return replace(record, status="failed", failure="oom", reason="too large", frames=(), text="")
    share = min(1.0, index / COUNT + (0.25 if better and index % 4 else 0.0))
    words = HOSTILE if index == 7 else f"question {index}"
    box = [10.0, 20.0, 110.0, 220.0]
    ledger = [["extra_items", words, 0]] if index == 7 else []
    return replace(
        record,
        question=words,
        text=words,
        id=record.id + (HOSTILE if index == 7 else ""),
        metrics={**record.metrics, "mean_iou": share, "acc@0.5": float(share >= 0.5)},
        parsed={"boxes": [box, [1.0, 2.0, 3.0, 4.0]], "ledger": ledger},
    )


def span(record: SampleRecord) -> SampleRecord:
    seen = frame(4, duration=10.0, timestamps=(0.0, 5.0), grid_thw=(1, 2, 2))
    parsed = {"spans": [[9.0, 7.5], [2.0, 30.0]], "ledger": []}
    return replace(record, target={"span": [2.0, 4.0]}, frames=(seen,), parsed=parsed)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("page")
    runs = [
        report_run([0.0] * COUNT, tokens=16, change=lambda record: answer(record, better=False)),
        report_run(
            [0.0] * COUNT, tokens=64, change=lambda record: answer(record, better=True), warnings=(HOSTILE,)
        ),
        report_run([0.5] * 4, of="charades-sta", change=span),
    ]
    found = {("image-0", "image"): Thumbnail(PIXEL)}
    file = folder / "report.html"
    file.write_text(report_page(build_report(runs), Thumbnails(found, ())), encoding="utf-8")
    with open_page(file, folder / "profile") as opened:
        yield opened


@pytest.fixture(autouse=True)
def fresh(page: Page) -> Iterator[None]:
    """Every control as at the start; and no complaint whatever a test did."""
    page.choose("task", "0")
    for control, value in (("status", "all"), ("sort", "low"), ("search", "")):
        page.choose(control, value)
    yield
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith("file:")] == []
    assert page.run("document.title").endswith(" - vleval"), "hostile text has run"


def count(page: Page) -> int:
    return int(page.run("document.getElementById('count').textContent").split(" of ")[0].replace(",", ""))


def words(page: Page) -> str:
    text: str = page.run("document.getElementById('detail').innerText")
    return text


def rows(page: Page) -> list[str]:
    found: list[str] = page.run(
        "[...document.querySelectorAll('[role=option] .words')].map(e => e.textContent)"
    )
    return found


def test_it_opens_in_silence_and_asks_for_nothing(page: Page) -> None:
    assert page.complaints == []
    assert len(page.requests) == 1, "the file itself"
    assert count(page) == COUNT


def test_only_rows_in_sight_exist(page: Page) -> None:
    assert 10 < len(rows(page)) < 60
    assert page.run("document.getElementById('list').scrollHeight") >= COUNT * 34


@pytest.mark.parametrize(
    ("status", "expected"), [("unparsed", 40), ("failed", 1), ("scored", 359), ("problems", 1), ("all", 400)]
)
def test_status_filters(page: Page, status: str, expected: int) -> None:
    page.choose("status", status)
    assert count(page) == expected


def test_what_is_worse_than_beside_it_is_found(page: Page) -> None:
    page.choose("status", "worse")
    assert count(page) == len([i for i in range(COUNT) if i % 10 != 3 and i != 5 and i % 4])
    page.choose("status", "better")
    assert count(page) == 0
    assert "No sample fits these filters" in words(page)


@pytest.mark.parametrize(
    ("order", "first"), [("low", "question 0"), ("high", "question 399"), ("loss", "question 1")]
)
def test_orders(page: Page, order: str, first: str) -> None:
    page.choose("status", "scored")
    page.choose("sort", order)
    assert rows(page)[0] == first


def test_search_finds_questions_answers_and_ids(page: Page) -> None:
    for text, expected in (("Question 399", 1), ("i see NO such", 40), ("q00398", 1), ("nowhere", 0)):
        page.choose("search", text)
        assert count(page) == expected, text


def test_two_settings_stand_side_by_side(page: Page) -> None:
    page.choose("search", "question 202")
    text = words(page)
    assert "max-pixels 16t" in text and "max-pixels 64t" in text
    assert "Mean IoU 50.5" in text.replace("\n", " ") and "Mean IoU 75.5" in text.replace("\n", " ")
    page.choose("b", "-1")
    assert "max-pixels 64t" not in words(page)
    page.choose("a", "1")
    assert "max-pixels 64t" in words(page)
    page.choose("task", "0")


def test_boxes_are_drawn_in_original_pixels(page: Page) -> None:
    page.choose("search", "q00000")
    shapes = page.run(
        "[...document.querySelectorAll('.pane:first-child svg rect:not(.blank):not(.halo)')].map(e => "
        "[e.getAttribute('class'), ...['x', 'y', 'width', 'height'].map(n => +e.getAttribute(n))])"
    )
    assert shapes == [["extra", 1, 2, 2, 2], ["pred", 10, 20, 100, 200], ["true", 0, 0, 10, 10]]
    assert page.run("document.querySelector('.pane svg').getAttribute('viewBox')") == "0 0 640 448"
    assert page.run("document.querySelector('.pane image').getAttribute('href')") == PIXEL


def test_without_a_picture_the_sheet_is_blank_and_says_so(page: Page) -> None:
    page.choose("search", "question 399")
    assert "places on a blank sheet" in words(page)
    assert page.run("document.querySelectorAll('.pane svg rect.pred').length") == 2


def test_failures_say_why(page: Page) -> None:
    page.choose("status", "failed")
    assert "failed: oom too large" in words(page)


def test_spans_are_bars_on_the_time_of_the_video(page: Page) -> None:
    page.choose("task", "1")
    bars = page.run(
        "[...document.querySelectorAll('.bar')].map(e => [e.className, e.style.left, e.style.width])"
    )
    assert bars == [["bar pred", "75%", "15%"], ["bar extra", "20%", "80%"], ["bar true", "20%", "20%"]]
    text = words(page)
    assert "predicted 9 to 7.5 s (reversed)" in text
    assert "extra 2 to 30 s (beyond the end)" in text
    assert page.run("document.querySelectorAll('.ticks i').length") == 2, "frames that the model saw"


def test_keys_move_search_and_clear(page: Page) -> None:
    page.choose("sort", "id")
    page.run("document.getElementById('list').focus()")
    for key in ("ArrowDown", "ArrowDown", "ArrowUp"):
        page.press(key)
    assert "question 1" in words(page)
    assert page.run("document.querySelector('[aria-selected=true]').getAttribute('aria-posinset')") == "2"
    page.press("End")
    assert "question 399" in words(page)
    assert page.run("document.getElementById('list').getAttribute('aria-activedescendant')") == "row-399"
    page.press("/")
    assert page.run("document.activeElement.id") == "search"
    page.choose("search", "question 12")
    page.press("Escape")
    assert page.run("[document.activeElement.id, document.getElementById('search').value]") == ["list", ""]
    assert count(page) == COUNT


def test_hostile_words_stay_words(page: Page) -> None:
    page.choose("search", "owned")
    assert count(page) == 1
    text = words(page)
    assert "<script>document.title='owned'</script>" in text
    assert "\\u202egnp.exe\\u001b[2J\\ud800" in text, "what would reorder a line is shown as what it is"
    state: dict[str, Any] = json.loads(
        page.run(
            "JSON.stringify({scripts: document.scripts.length, images: document.images.length,"
            "links: [...document.links].filter(e => !e.getAttribute('href').startsWith('#')).length})"
        )
    )
    assert state == {"scripts": 3, "images": 0, "links": 0}


def test_the_policy_stops_what_is_not_of_the_page(page: Page) -> None:
    page.run(
        "document.body.append(Object.assign(document.createElement('img'), {src: 'https://example.com/x'}))"
    )
    page.run(
        "globalThis.s = Object.assign(document.createElement('script'), {textContent: 'document.title = 1'})"
    )
    page.run("document.body.append(s)")
    page.run("new Promise(done => setTimeout(done, 200))")
    assert len(page.complaints) >= 2
    page.complaints.clear()
    page.requests[:] = [url for url in page.requests if "example.com" not in url]
    page.run("document.querySelector('img[src^=https]').remove(), [...document.scripts].at(-1).remove()")


@pytest.mark.parametrize("width", [400, 1280])
def test_no_width_makes_the_page_scroll_sideways(page: Page, width: int) -> None:
    page.shoot(width, 800)
    page.choose("task", "1")
    assert page.run("document.documentElement.scrollWidth") <= width


def test_dark_and_light_are_both_legible(page: Page) -> None:
    for dark in (False, True):
        page.shoot(1280, 800, dark=dark)
        colours = page.run(
            "['color', 'background-color'].map(name => "
            "getComputedStyle(document.body).getPropertyValue(name).match(/\\d+/g).slice(0, 3).map(Number))"
        )
        ink, paper = (sum(colour) / 3 for colour in colours)
        assert (ink > 200 and paper < 40) if dark else (ink < 60 and paper > 230)
