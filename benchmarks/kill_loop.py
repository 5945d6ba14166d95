"""Kill runs with SIGKILL at random moments, resume them by the same command, and compare with a straight run.

Nothing that was acknowledged may be lost, and the resumed run's answers and summary must equal those of a run
that nobody killed, byte for byte except times and peak memory.

python benchmarks/kill_loop.py [--kills 500] [--engine toy|bundled] [--seed 0]

The toy engine runs in a forked process and is killed about ten times a second; `bundled` runs `vleval run`
with the bundled checkpoint on the CPU, a few seconds each. Exits with 1 on any loss or difference, or when
fewer than 80% of the kills fell between the first and the last acknowledged answer of their run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from run_kit import answer_all, job, result  # noqa: E402
from toy import ToyEngine, exact, only_run, toy_samples  # noqa: E402
from vleval.results.storage.store import read_samples  # noqa: E402

SHARE = 0.8
"""Least share of kills in the middle of a run."""
TOY_SECONDS = 0.002
"""What the toy engine takes for an answer; about as long as storing it takes."""


class Child(NamedTuple):
    """A running process, and the ids that it acknowledges, one per line."""

    pid: int
    acknowledged: IO[str]
    wait: Callable[[], int]


class Scale(NamedTuple):
    """How large the runs are."""

    questions: int
    most_answers: int
    """A session is killed after at most so many answers."""
    pause: float
    """Seconds of about one answer: kills fall at a random moment of it."""


TOY = Scale(60, 16, 0.004)
BUNDLED = Scale(96, 24, 0.5)


def start_toy(output: Path) -> Child:
    """A run with the toy engine, in a fork of this process."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return Child(pid, os.fdopen(read), lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    code = 1
    try:
        code = _run_toy(output, write)
    finally:
        os._exit(code)


def _run_toy(output: Path, write: int) -> int:
    class Acknowledging(ToyEngine):
        def run(self, requests):  # type: ignore[no-untyped-def]
            for response in super().run(requests):
                yield response
                os.write(write, f"{response.id}\n".encode())  # asked for the next: this one is stored

    def slowly(*what):  # type: ignore[no-untyped-def]
        time.sleep(TOY_SECONDS)
        return exact(*what)

    samples = toy_samples(TOY.questions)
    outcome = answer_all(job(output, samples), engine=Acknowledging(samples, slowly))
    return int(outcome.stopped is not None)


def start_bundled(output: Path) -> Child:
    """`vleval run` with the bundled checkpoint; `--verbose` names every answer once it is stored."""
    flags = f"--task refcoco --model bundled --max-pixels 16t --dtype float32 --limit {BUNDLED.questions}"
    process = subprocess.Popen(
        [sys.executable, "-m", "vleval", "run", *flags.split(), "--verbose", "--output", str(output)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    return Child(process.pid, process.stderr, process.wait)


def acknowledged(line: str) -> str | None:
    """The id in a line of either engine; None for other talk."""
    if line.startswith("  "):
        return line.strip().split(": ")[0]
    return line.strip() if line.startswith("toy-") else None


def session(child: Child, chance: random.Random, scale: Scale) -> tuple[list[str], bool]:
    """Kill a run after a random number of answers and a random part of another: (acknowledged, killed)."""
    answers, ids = chance.randint(0, scale.most_answers), []
    while len(ids) < answers:
        line = child.acknowledged.readline()
        if not line:
            break
        if found := acknowledged(line):
            ids.append(found)
    time.sleep(chance.uniform(0, scale.pause if ids else 4 * scale.pause))
    os.kill(child.pid, signal.SIGKILL)
    ids += [found for line in child.acknowledged if (found := acknowledged(line))]
    code = child.wait()
    if code not in (0, -signal.SIGKILL):
        raise SystemExit(f"a run ended with {code} instead of being killed")
    return ids, code == -signal.SIGKILL


def finish(start: Callable[[Path], Child], output: Path) -> None:
    """Run to the end."""
    child = start(output)
    for _ in child.acknowledged:
        pass
    if code := child.wait():
        raise SystemExit(f"a run ended with {code}")


def kill_loop(
    kills: int, start: Callable[[Path], Child], scale: Scale, chance: random.Random, root: Path
) -> Iterator[tuple[bool, int, bool]]:
    """Per kill: whether it fell in the middle, acknowledged answers lost, whether its run came out equal."""
    finish(start, root / "straight")
    straight = result(only_run(root / "straight"))
    number = done = 0
    while done < kills:
        output, middle, lost, known = root / f"run-{number}", [], 0, set()
        number += 1
        while done < kills and len(known) < scale.questions:
            ids, killed = session(start(output), chance, scale)
            known |= set(ids)
            folder = next(output.iterdir(), None) if output.exists() else None
            stored = {sample.id for sample in read_samples(folder)} if known and folder else set()
            lost += len(known - stored)
            if killed:
                middle.append(0 < len(known) < scale.questions)
                done += 1
        finish(start, output)
        equal = result(only_run(output)) == straight
        for place, in_the_middle in enumerate(middle):
            yield in_the_middle, lost if place == 0 else 0, equal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--engine", choices=("toy", "bundled"), default="toy")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    start, scale = (start_toy, TOY) if asked.engine == "toy" else (start_bundled, BUNDLED)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as root:
        answer_all(job(Path(root) / "warm"))  # loads in this process what every fork would load
        kills = list(kill_loop(asked.kills, start, scale, random.Random(asked.seed), Path(root)))
    middle = sum(in_the_middle for in_the_middle, _, _ in kills)
    report = {
        "kills": len(kills),
        "in_the_middle": middle,
        "acknowledged_lost": sum(lost for _, lost, _ in kills),
        "different": sum(not equal for _, _, equal in kills),
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(report))
    return int(report["acknowledged_lost"] > 0 or report["different"] > 0 or middle < SHARE * len(kills))


if __name__ == "__main__":
    raise SystemExit(main())
