"""How long `vleval --help` takes beside a bare Typer and Rich program: at most 1.5 times.

Nothing heavy may be imported before a command asks for it.

python benchmarks/startup.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

LIMIT = 1.5
ROOT = Path(__file__).parents[1]

BARE = """
import typer
app = typer.Typer(add_completion=False)
@app.command()
def run(name: str = typer.Option("x", help="A name.")) -> None:
    "Run."
@app.command()
def tasks() -> None:
    "Tasks."
app()
"""


def seconds(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *command, "--help"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def ratio(rounds: int) -> tuple[float, float, float]:
    """Median seconds of vleval and of the bare program, run in turn, and the median of the paired ratios."""
    ours, bare = [], []
    for _ in range(rounds):
        ours.append(seconds("-m", "vleval"))
        bare.append(seconds("-c", BARE))
    pairs = [a / b for a, b in zip(ours, bare, strict=True)]
    return statistics.median(ours), statistics.median(bare), statistics.median(pairs)


if __name__ == "__main__":
    own, plain, factor = ratio(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
    print(
        f"vleval --help {own * 1000:.0f} ms, bare Typer and Rich {plain * 1000:.0f} ms: "
        f"{factor:.2f} (limit {LIMIT})"
    )
    raise SystemExit(factor > LIMIT)
