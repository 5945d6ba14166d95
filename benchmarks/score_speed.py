"""How long `vleval score` takes for 50,000 answers, from the start of its process to the end: at most 8 s.

The answers are of the kinds that real logs hold: fenced, bare, behind reasoning, with sizes, several on an
image. The limit is on processor seconds, which other programs on the machine change little. The phases are
timed once more within this process.

python benchmarks/score_speed.py [ROWS]
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 8.0
ROOT = Path(__file__).parents[1]

FORMS = (
    '```json\n[\n\t{{"bbox_2d": [{0}, {1}, {2}, {3}], "label": "{4}"}}\n]\n```',
    '{{"bbox_2d": [{0}, {1}, {2}, {3}], "label": "{4}"}}',
    "<think>\nThe {4} stands to the left of the others, near the edge of the picture, and is the only one "
    'that fits.\n</think>\n<answer>[{{"bbox_2d": [{0}, {1}, {2}, {3}], "label": "{4}"}}]</answer>',
    "The {4} is at [{0}, {1}, {2}, {3}].",
)


def write(path: Path, rows: int) -> None:
    draw = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        for index in range(rows):
            x, y = draw.randrange(0, 400), draw.randrange(0, 300)
            box = [x, y, x + draw.randrange(20, 240), y + draw.randrange(20, 170)]
            said = [value + draw.randrange(-9, 10) for value in box]
            words = f"{draw.choice(('red', 'tall', 'second'))} thing number {draw.randrange(40)}"
            row = {
                "image": f"train2014/COCO_train2014_{index // 3:012}.jpg",
                "expression": words,
                "response": draw.choice(FORMS).format(*said, words),
                "target": {"bbox_xyxy": box},
                "original_size": [640, 480],
                "input_size": [644, 476],
            }
            file.write(json.dumps(row) + "\n")


def phases(path: Path) -> dict[str, float]:
    """Processor seconds of each step, in this process."""
    from vleval.console import Console
    from vleval.results.summary import summarise
    from vleval.scoring import collector_paused, score_file
    from vleval.tasks.data.predictions import read_predictions
    from vleval.tasks.registry import get_task

    task = get_task("refcoco")
    with collector_paused():
        marks = [time.process_time()]
        file = read_predictions(path, task)
        marks.append(time.process_time())
        scored = score_file(task, file, "absolute", Console(quiet=True))
        marks.append(time.process_time())
        summarise(
            scored.records,
            task.metrics,
            expected=len(file.items),
            seconds=0.0,
            peak_memory_bytes=0,
            coordinates="absolute",
        )
        marks.append(time.process_time())
    read, both, summary = (after - before for before, after in zip(marks, marks[1:], strict=False))
    return {"read": read, "score": both - summary, "summarise": summary}


def main(rows: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.jsonl"
        write(path, rows)
        command = [sys.executable, "-m", "vleval", "score", str(path), "--task", "refcoco", "--quiet"]
        began = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        wall = time.perf_counter() - began
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        inside = phases(path)
    spent = usage.ru_utime + usage.ru_stime
    shown = ", ".join(f"{name} {seconds:.2f}" for name, seconds in inside.items())
    print(
        f"{rows} rows: {spent:.2f} processor seconds (limit {LIMIT:g}), {wall:.2f} s on the clock, "
        f"{usage.ru_maxrss / 1024:.0f} MB; of these {shown}"
    )
    return int(spent > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000))
