"""What `vleval report` takes for runs of many answers, and how soon its page answers a reader.

Two settings of a task are written, each with that many questions, two to an image. Measured in processes of
their own: `vleval report` (seconds, peak memory) and, where Chromium is installed, the page of `--html`:
opening it, narrowing it by a filter and by a search.

python benchmarks/report_page.py [QUESTIONS ...]      default 10000 50000

Exits with 1 where one of the limits below is not kept.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import pytest  # noqa: E402

from browser_kit import open_page  # noqa: E402
from gate_kit import run_record, sample  # noqa: E402
from vleval.grounding.frame import Frame  # noqa: E402
from vleval.model.io import VisionSettings  # noqa: E402
from vleval.results.storage.lines import encode  # noqa: E402

SECONDS_PER_10_000 = 8.0
"""Processor seconds of a report per 10,000 answers."""
MEMORY = 500e6
"""Bytes that a report on 100,000 answers may hold at its peak."""
OPEN = 3.0
"""Seconds until the page of 10,000 questions shows its first sample."""
ANSWER = 0.5
"""Seconds until a filter or a search shows its result."""

ANSWER_TEXT = '```json\n[\n\t{{"bbox_2d": [{}, {}, {}, {}], "label": "thing number {}"}}\n]\n```'


def write_run(folder: Path, tokens: int, count: int) -> None:
    draw = random.Random(tokens)
    folder.mkdir(parents=True)
    record = run_record(count=count, vision=VisionSettings(max_pixels=tokens * 784), seconds=count / 50)
    (folder / "run.json").write_text(json.dumps(record.to_json()), encoding="utf-8")
    seen = Frame((640, 448), (28 * tokens, 28), (1, 2, 2 * tokens), "torch")
    with (folder / "samples.jsonl").open("wb") as file:
        for index in range(count):
            plain = sample("refcoco", index, float(draw.random() < 0.5 + tokens / 200))
            box = [
                draw.randrange(400),
                draw.randrange(300),
                draw.randrange(400, 640),
                draw.randrange(300, 448),
            ]
            answer = replace(
                plain,
                frames=(seen,),
                metrics={**plain.metrics, "mean_iou": round(draw.random(), 6)},
                parsed={"boxes": [box], "ledger": [["fenced", "the answer stands in a code fence", 0]]},
                text=ANSWER_TEXT.format(*box, index),
                question=f"the thing to the left of number {index}",
            )
            file.write(encode(answer.to_json()))


def measure(words: list[str]) -> tuple[float, float]:
    """Processor seconds and peak bytes of one command."""
    command = [sys.executable, "-m", "vleval", *words]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    assert status == 0, f"{words} failed"
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024.0


def look(path: Path, folder: Path) -> tuple[float, float, float]:
    """Seconds to open the page, to filter, to search."""
    began = time.perf_counter()
    with open_page(path, folder) as page:
        assert page.run("document.querySelector('#detail h3').textContent")
        opened = time.perf_counter() - began
        spent = []
        for control, value in (("status", "worse"), ("search", "number 99")):
            began = time.perf_counter()
            page.choose(control, value)
            spent.append(time.perf_counter() - began)
        assert page.complaints == []
    return opened, *spent  # type: ignore[return-value]


def main(counts: list[int]) -> int:
    kept = True
    for count in counts:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
            folder = Path(name)
            for tokens in (16, 64):
                write_run(folder / "runs" / f"t{tokens}", tokens, count)
            seconds, peak = measure(["report", str(folder / "runs"), "--quiet"])
            print(
                f"{count:>7,} questions x 2: report {seconds:5.1f} s, {peak / 1e6:4.0f} MB",
                flush=True,
            )
            kept &= seconds <= SECONDS_PER_10_000 * max(1.0, 2 * count / 10_000) and peak <= MEMORY
            page = folder / "report.html"
            seconds, peak = measure(["report", str(folder / "runs"), "--html", str(page), "--quiet"])
            size = page.stat().st_size / 1e6
            print(f"{'':>19} page   {seconds:5.1f} s, {peak / 1e6:4.0f} MB, {size:.1f} MB of HTML")
            try:
                opened, filtered, searched = look(page, folder / "profile")
            except pytest.skip.Exception as reason:
                print(f"{'':>19} {reason}")
                continue
            print(
                f"{'':>19} opens in {opened:.2f} s, filters in {filtered:.2f} s, searches in {searched:.2f} s"
            )
            kept &= opened <= OPEN and max(filtered, searched) <= ANSWER
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main([int(word) for word in sys.argv[1:]] or [10_000, 50_000]))
