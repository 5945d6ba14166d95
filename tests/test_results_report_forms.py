"""The forms of a report: terminal, Markdown, JSON, curves, plots, and what of the page needs no browser."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image
from rich.console import Console

from gate_kit import right_or_wrong, run_record
from report_kit import report_run
from test_results_report import grid, runs_of
from vleval.console import terminal_safe
from vleval.results.reporting.curves import curves
from vleval.results.reporting.data import build_report
from vleval.results.reporting.document import report_document
from vleval.results.reporting.page import Thumbnails, island, report_page
from vleval.results.reporting.plots import write_plots
from vleval.results.reporting.svg import curve_svg, levels, ticks
from vleval.results.reporting.text import report_markdown, report_terminal
from vleval.results.statistics.stats import Interval

HOSTILE = "</script><img src=x onerror=alert(1)>|`\x1b[31m\u202egnp"
NONE = Thumbnails({}, ())


def shown(runs: list, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    for part in report_terminal(build_report(runs), terminal_safe):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_terminal_has_room_in_80_columns() -> None:
    text = shown(grid())
    assert max(map(len, text.splitlines())) <= 80
    row = next(line for line in text.splitlines() if line.startswith("16t") and "[" in line)
    assert re.fullmatch(r"16t +1 +75\.0 \[no interval\] +0\.0 \[0\.0, 0\.0\] +0 +0 +time", row.strip()), row


def hostile_run():
    record = run_record(count=2)
    return report_run(
        [1.0, 0.0],
        data=replace(record.data, name=HOSTILE, notes=(HOSTILE,)),
        model=replace(record.model, model=HOSTILE),
        warnings=(HOSTILE,),
        label={"max-pixels": HOSTILE},
        change=lambda answer: replace(answer, question=HOSTILE, text=HOSTILE, id=HOSTILE + answer.id),
    )


def test_words_of_others_do_not_steer_a_terminal() -> None:
    text = shown([hostile_run()])
    assert "\x1b" not in text and "\u202e" not in text
    assert "\\x1b[31m" in text.replace("\n", "")


def test_words_of_others_are_plain_in_markdown() -> None:
    text = report_markdown(build_report([hostile_run()]))
    assert "<img" not in text and "\x1b" not in text and "\u202e" not in text
    for line in text.splitlines():
        if line.startswith("|") and "Acc" not in line and "---" not in line:
            assert len(re.findall(r"(?<!\\)\|", line)) == len(re.findall(r"(?<!\\)\|", text_head(text, line)))


def text_head(text: str, line: str) -> str:
    """The heading of the table that a line belongs to."""
    lines = text.splitlines()
    at = lines.index(line)
    while lines[at - 1].startswith("|"):
        at -= 1
    return lines[at]


def test_the_document_holds_the_numbers_of_the_tables() -> None:
    document = report_document(build_report(runs_of(80, 6, 5)))
    json.dumps(document, allow_nan=False)
    (block,) = document["blocks"]
    assert document["schema"] == "vleval/report@1"
    assert block["advice"]["enough"] == 1
    assert block["rows"][1]["against_first"]["difference"] == pytest.approx(0.37)
    assert block["rows"][0]["against_first"] is None
    assert [row["front"]["visual_tokens"] for row in block["rows"]] == [True, True, True]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (83.2, 101, [85, 90, 95, 100]), (0.0104, 0.0134, None)],
)
def test_ticks_are_round(low: float, high: float, expected: list[float] | None) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 6
    assert all(low - 1e-9 <= value <= high + 1e-9 for value in found)
    if expected is not None:
        assert found == pytest.approx(expected)


def test_shades_rise_with_the_score() -> None:
    assert levels([0.1, None, 0.2, 0.3]) == [0, None, 5, 9]
    assert levels([0.5, 0.5]) == [9, 9], "all alike"
    assert levels([None]) == [None]


def test_curves_are_well_formed_and_stay_inside() -> None:
    (block,) = build_report(grid())
    drawn = [ElementTree.fromstring(curve_svg(curve)) for curve in curves(block)]
    assert [svg.get("aria-label", "").split(" against ")[1] for svg in drawn] == [
        "visual tokens per video",
        "seconds per question",
    ] or len(drawn) == 1
    for svg in drawn:
        for text in svg.iter("text"):
            assert 0 <= float(text.get("x", "-1")) <= 520 and 0 <= float(text.get("y", "-1")) <= 320


def test_a_curve_says_its_numbers_on_hover() -> None:
    (block,) = build_report(runs_of(80, 5))
    svg = curve_svg(curves(block)[0])
    assert "<title>4t: 60 [53.1, 66.5] at 4 visual tokens per image</title>" in svg
    assert svg.count('class="dot on s0"') == 2


def test_curves_need_two_settings() -> None:
    (block,) = build_report([report_run([1.0, 0.0])])
    assert curves(block) == []


def test_nothing_in_an_island_can_end_it() -> None:
    text = island({"text": "</script><!--<script>&\u2028\u202e\ud800"})
    assert not set("<>&") & set(text) and text.isascii()
    assert json.loads(text)["text"] == "</script><!--<script>&\u2028\u202e\ud800"


def test_the_page_names_its_style_and_script_by_hash_and_nothing_else() -> None:
    page = report_page(build_report(runs_of(80, 5)), NONE)
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1])  # type: ignore[index]
    assert policy.startswith("default-src 'none'; img-src data:;") and "unsafe" not in policy
    for kind, tag in (("style", r"<style>(.*?)</style>"), ("script", r"<script>(.*?)</script>")):
        (body,) = re.findall(tag, page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not re.search(r"<[^>]+ (style|on\w+)=", page), "the policy would refuse these"
    assert not re.search(r"""(src|href)=["'](?!#|data:)""", page)


def test_words_of_others_are_escaped_on_the_page() -> None:
    page = report_page(build_report([hostile_run(), report_run([1.0, 1.0], tokens=9)]), NONE)
    assert "<img src=x" not in page and "\x1b" not in page and "\u202e" not in page
    assert page.count("</script>") == 3, "two islands and the script"


def test_plots_are_files_of_both_kinds(tmp_path: Path) -> None:
    (block,) = build_report(grid())
    names = {path.name for path in write_plots(tmp_path, [block])}
    assert names >= {"charades-sta-visual-tokens.svg", "charades-sta-heat.png", "charades-sta-heat.svg"}
    for path in tmp_path.iterdir():
        if path.suffix == ".svg":
            ElementTree.parse(path)
        else:
            with Image.open(path) as image:
                assert image.width > 600
    before = (tmp_path / "charades-sta-heat.svg").read_bytes()
    write_plots(tmp_path, [block])
    assert (tmp_path / "charades-sta-heat.svg").read_bytes() == before


def test_signs_of_mathematics_are_text_in_plots(tmp_path: Path) -> None:
    runs = [report_run(right_or_wrong(40, wrong=n), tokens=n, label={"run": f"$x^{n}_"}) for n in (4, 9)]
    write_plots(tmp_path, build_report(runs))
    assert "$x^4_" in (tmp_path / "refcoco-visual-tokens.svg").read_text()


def test_an_interval_beside_its_score_is_drawn(tmp_path: Path) -> None:
    """Rounded or cut, an interval can leave out its score; a bar of negative length is none to draw."""
    runs = [report_run(right_or_wrong(40, wrong=10), tokens=n) for n in (4, 9)]
    headline = runs[0].summary.metrics["acc@0.5"]._replace(interval=Interval(0.8, 0.9))
    off = replace(runs[0].summary, metrics={**runs[0].summary.metrics, "acc@0.5": headline})
    paths = write_plots(tmp_path, build_report([replace(runs[0], summary=off), runs[1]]))
    assert len(paths) == 4
