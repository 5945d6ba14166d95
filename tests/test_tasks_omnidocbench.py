"""OmniDocBench: rows, the official files, and pages that are right, or wrong in one known way."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from vleval.model.io import Media
from vleval.tasks.base import DataError, Sample
from vleval.tasks.data.sources import BUNDLED, open_data
from vleval.tasks.documents.omnidocbench import METRICS, TASK
from vleval.tasks.published import published
from vleval.tasks.wording import reworded
from vleval.tasks.worlds.documents.page_rows import omnidocbench_rows
from vleval.tasks.worlds.write import BUNDLED_SEED

GRID = '<table><tr><td colspan="2">a</td></tr><tr><td>b</td><td>cd</td></tr></table>'
FRAMED = len(GRID) + len('<html><body></body></html> border="1" ')
"""Letters of the table on the page that is compared."""
BLOCKS: list[dict[str, Any]] = [
    {"category_type": "header", "anno_id": 0, "text": "Running head", "order": None},
    {"category_type": "title", "anno_id": 1, "text": "Copper", "order": 1},
    {"category_type": "text_block", "anno_id": 2, "text": "alpha beta gamma", "order": 2},
    {"category_type": "text_block", "anno_id": 3, "text": "delta, $x_1$ and ep", "order": 3},
    {"category_type": "text_block", "anno_id": 4, "text": "silon zeta", "order": 4},
    {"category_type": "equation_isolated", "anno_id": 5, "latex": "$$E = \n mc^2$$", "order": 5},
    {"category_type": "table", "anno_id": 6, "html": GRID, "order": 6},
    {"category_type": "figure", "anno_id": 7, "order": 7},
]
RELATION = [{"relation_type": "truncated", "source_anno_id": 3, "target_anno_id": 4}]
MARKDOWN = [
    "# Copper",
    "alpha beta\ngamma",
    "**delta**, \\(x_1\\) and epsilon zeta",
    "\\[ E = m c^2 \\]",
    GRID,
]


def annotation(*without: int, language: str = "english") -> dict[str, Any]:
    return {
        "layout_dets": [block for block in BLOCKS if block["anno_id"] not in without],
        "page_info": {"image_path": "a/b.png", "page_attribute": {"language": language}},
        "extra": {"relation": [] if 4 in without else RELATION},
    }


def made(*without: int, language: str = "english") -> Sample:
    row = {"image": Media("image", data=b""), "answer": json.dumps(annotation(*without, language=language))}
    (sample,) = TASK.rows({**row, "index": 7}, "3")
    return sample


def score(sample: Sample, *blocks: str) -> Mapping[str, float]:
    found = TASK.score(sample, "\n\n".join(blocks), (), "absolute")
    assert found.status == "scored"
    return found.metrics


def test_a_row_becomes_a_page() -> None:
    sample = made()
    assert (sample.id, sample.tags) == ("row#7", {"language": "en"})
    (message,) = TASK.messages(sample)
    assert message.content == (sample.media[0], TASK.prompt)
    assert [metric.name for metric in METRICS if metric.higher_is_better] == ["teds_en", "teds_zh"]
    row = {"image": Media("image", data=b""), "answer": annotation(language="en_ch_mixed")}
    assert list(TASK.rows(row, "3")) == []


def test_the_prompt_can_be_replaced() -> None:
    sample = made()
    (message,) = reworded(TASK, "To \\(LaTeX\\), please.").messages(sample)
    assert message.content == (sample.media[0], "To \\(LaTeX\\), please.")


@pytest.mark.parametrize(("language", "name"), [("english", "en"), ("simplified_chinese", "zh")])
def test_the_page_itself_has_distance_0_in_its_language(language: str, name: str) -> None:
    found = score(made(language=language), *MARKDOWN)
    parts = {f"{part}_{name}": 0.0 for part in ("text", "formula", "table", "order")}
    overall = {"edit_distance": 0.0, f"edit_distance_{name}": 0.0}
    assert found == {**overall, **parts, f"teds_{name}": 1.0}
    # With the head of the page, which is matched and left out.
    assert score(made(language=language), "Running head", *MARKDOWN) == found
    assert score(made(language=language), f"```markdown\n{MARKDOWN[0]}", *MARKDOWN[1:], "```") == found


def test_what_a_page_lacks_is_in_no_score() -> None:
    plain = made(5, 6)
    assert set(score(plain, *MARKDOWN[:3])) == {"edit_distance", "edit_distance_en", "text_en", "order_en"}
    assert set(score(plain, *MARKDOWN).values()) == {0.0}  # formulas and tables too many are free
    failed = TASK.worst(plain, "failed", "no answer").metrics
    assert set(failed.values()) == {1.0}
    unread = TASK.score(made(), " \n ", (), "absolute")
    assert unread.status == "unparsed"
    assert unread.metrics["edit_distance"] == 1.0
    assert unread.metrics["teds_en"] == 0.0


# Letters of the three blocks that count, as they are compared.
TEXTS = ["Copper", "alphabetagamma", "deltax_1andepsilonzeta"]
LETTERS = sum(map(len, TEXTS))


def test_planted_faults_cost_exactly_what_they_should() -> None:
    head, first, second, formula, table = MARKDOWN
    page = made()
    wrong = score(page, head, first.replace("beta", "bxta"), second, formula, table)
    assert wrong["text_en"] == pytest.approx(1 / LETTERS)
    assert wrong["edit_distance"] == wrong["edit_distance_en"] == pytest.approx(1 / LETTERS / 4)
    assert score(page, head, second, first, formula, table)["order_en"] == pytest.approx(2 / 3)
    assert score(page, head, first, second, "\\[ E = m c^3 \\]", table)["formula_en"] == pytest.approx(1 / 6)
    assert score(page, head, first, second, table)["formula_en"] == 1.0
    cell = score(page, head, first, second, formula, table.replace("cd", "cx"))
    assert cell["table_en"] == pytest.approx(1 / FRAMED)
    assert cell["teds_en"] == pytest.approx(1 - 0.5 / 5)
    lost = score(page, head, first, second, formula, table.replace(' colspan="2"', ""))
    assert lost["teds_en"] == pytest.approx(1 - 1 / 5)
    assert lost["table_en"] == pytest.approx(len(' colspan="2"') / FRAMED)


def test_a_missing_block_counts_twice_and_one_too_many_once() -> None:
    head, first, second, formula, table = MARKDOWN
    missing = len(TEXTS[1])
    headless = made(0)
    found = score(headless, head, second, formula, table)
    assert found["text_en"] == pytest.approx(2 * missing / (LETTERS + missing))
    assert found["order_en"] == pytest.approx(2 / 4)
    extra = score(headless, head, first, second, "Quixotic jumble of words", formula, table)
    assert extra["text_en"] == pytest.approx(21 / (LETTERS + 21))
    # The head of the page is missing, too: the block too many is taken for it, and goes with it.
    assert score(made(), head, first, second, "Quixotic jumble of words", formula, table)["text_en"] == 0.0


def test_blocks_are_matched_however_they_are_broken() -> None:
    page = made(0, 5, 6)
    long = " ".join(f"word{number}" for number in range(40))
    answer = annotation(0, 5, 6)
    answer["layout_dets"][1] = {**BLOCKS[2], "text": long}
    row = {"image": Media("image", data=b""), "answer": answer}
    (page,) = TASK.rows(row, "0")
    head, tail = long[:130].rsplit(" ", 1)[0], long[len(long[:130].rsplit(" ", 1)[0]) :]
    found = score(page, MARKDOWN[0], head, tail, MARKDOWN[2])
    assert found["text_en"] == 0.0
    assert found["order_en"] == 0.0


def test_tables_may_be_markdown_or_latex() -> None:
    plain = annotation(0, 1, 2, 3, 4, 5)
    plain["layout_dets"][0] = {
        **BLOCKS[6],
        "html": GRID.replace(' colspan="2"', "").replace(">a<", ">a</td><td>A<"),
    }
    row = {"image": Media("image", data=b""), "answer": plain}
    (page,) = TASK.rows(row, "0")
    assert score(page, "| a | A |\n|---|:-:|\n| b | cd |") == score(
        page, "\\begin{table}\\begin{tabular}{l|r} a & A \\\\ \\hline b & cd \\\\ \\end{tabular}\\end{table}"
    )
    assert score(page, "| a | A |\n|---|:-:|\n| b | cd |")["table_en"] == 0.0


def test_bundled_pages_have_distance_0_and_planted_errors_their_share() -> None:
    import pyarrow.parquet as pq

    stored = pq.read_table(BUNDLED / "omnidocbench" / "train.parquet").to_pylist()
    made_now = list(omnidocbench_rows(BUNDLED_SEED))
    assert [row["answer"] for row in stored] == [row["answer"] for row in made_now]
    samples = open_data(TASK, "bundled").samples
    assert [sample.tags["language"] for sample in samples].count("zh") == 4
    assert samples[0].media[0].read()[:4] == b"\x89PNG"
    seen: set[str] = set()
    for sample in samples:
        blocks = sample.target["page"]["layout_dets"]
        broken = {each["source_anno_id"] for each in sample.target["page"]["extra"]["relation"]}
        text = "".join(written(block) + ("" if block["anno_id"] in broken else "\n\n") for block in blocks)
        found = TASK.score(sample, text, (), "absolute").metrics
        seen |= set(found)
        assert {name: value for name, value in found.items() if value != name.startswith("teds")} == {}
    assert seen == {metric.name for metric in METRICS}


def written(block: dict[str, Any]) -> str:
    if "latex" in block:
        return f"\\[{block['latex'].strip('$')}\\]"
    return str(block.get("html") or block.get("text") or "")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("{", "in JSON"),
        ("[]", "layout_dets"),
        ({"layout_dets": []}, "page_info"),
        ({**annotation(), "layout_dets": [{"order": 1}]}, "category_type"),
        ({**annotation(), "layout_dets": [{**BLOCKS[1], "order": "first"}]}, "ValueError"),
        (annotation(1, 2, 3, 4, 5, 6), "no text, formula or table"),
    ],
)
def test_annotations_that_are_none(answer: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"answer .*{message}"):
        list(TASK.rows({"image": Media("image", data=b""), "answer": answer}, "0"))


def test_the_official_files(tmp_path: Path) -> None:
    pages = [annotation(), annotation(language="simplified_chinese"), annotation(language="other")]
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "b.png").write_bytes(b"picture")
    (tmp_path / "OmniDocBench.json").write_text(json.dumps(pages))
    for path in (tmp_path, tmp_path / "OmniDocBench.json"):
        samples = open_data(TASK, str(path)).samples
        assert [(sample.id, sample.tags["language"]) for sample in samples] == [
            ("row#0", "en"),
            ("row#1", "zh"),
        ]
        assert samples[0].media[0].read() == b"picture"
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(400)).decode()
    answer = json.dumps(annotation()).replace('"', '""')
    table = tmp_path / "OmniDocBench.tsv"
    table.write_text(f'index\timage\tquestion\tanswer\n0\t{picture}\t\t"{answer}"\n')
    (sample,) = open_data(TASK, str(table)).samples
    assert sample.media[0].read().startswith(b"\x89PNG")
    assert sample.target == {"page": made().target["page"]}
    table.write_text(f"index\timage\tquestion\tanswer\n0\t{picture}\t\n")
    with pytest.raises(DataError, match="row 0 has 3 cells, and the header 4 names"):
        open_data(TASK, str(table))


def test_published_scores_meet_their_metrics() -> None:
    rows = published("omnidocbench")
    assert {row.metric for row in rows} == {"edit_distance_en", "edit_distance_zh"}
    assert {row.split for row in rows} == {TASK.default_split}
    assert all(row.metric in {metric.name for metric in METRICS} for row in rows)


HOSTILE = [
    "$ a\n" * 3000,
    "\\( x" * 16000,
    "a\n\n" * 4000,
    "<table><td>" * 6000,
    "ab " * 21000,
    "|a|\n" * 16000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: str(text[:9]))
def test_no_answer_runs_on(text: str) -> None:
    started = time.process_time()
    assert 0.0 <= score(made(), text)["edit_distance"] <= 1.0
    assert time.process_time() - started < 10
