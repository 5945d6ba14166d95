"""The curves and heat maps of a report as files, SVG and PNG, for papers and slides: matplotlib's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vleval.grounding.drawing.palette import GREEN, GREY, ORANGE, PALE, PURPLE, SKY_BLUE, VERMILION
from vleval.results.reporting.curves import Curve, curves
from vleval.results.reporting.data import Block
from vleval.results.reporting.tables import title
from vleval.results.table import estimate_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (GREEN, ORANGE, PURPLE, VERMILION, SKY_BLUE)
MARKERS = "os^Dv"
"""The marks of series, in the order of the page's."""
DPI = 200


def write_plots(folder: Path, blocks: Sequence[Block]) -> list[Path]:
    """Write every plot of the blocks into an existing folder, as .svg and .png; the files.

    Raises OSError.
    """
    written = []
    for name, figure in _figures(blocks):
        for suffix in (".svg", ".png"):
            path = folder / f"{name}{suffix}"
            # Without a date, equal runs give equal files.
            figure.savefig(path, dpi=DPI, metadata={"Date": None} if suffix == ".svg" else None)
            written.append(path)
    return written


def _figures(blocks: Sequence[Block]) -> Iterator[tuple[str, Figure]]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    names = [block.task.name for block in blocks]
    for number, block in enumerate(blocks):
        stem = re.sub(r"[^a-z0-9.+-]+", "-", block.task.name.lower())
        if names.count(block.task.name) > 1:
            stem += f"-{names[: number + 1].count(block.task.name)}"
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "vleval", "font.size": 9}):
            for curve in curves(block):
                figure = Figure(figsize=(5.2, 3.4), layout="constrained")
                _draw_curve(figure.add_subplot(), curve, title(block))
                yield f"{stem}-{curve.file}", figure
            if block.heat:
                figure = Figure(figsize=(4.6, 3.2), layout="constrained")
                _draw_heat(figure.add_subplot(), block)
                yield f"{stem}-heat", figure


def _draw_curve(axes: Axes, curve: Curve, heading: str) -> None:
    from matplotlib.ticker import LogLocator

    values = curve.series[1] if curve.series else [None]
    for number, value in enumerate(values):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        for dot in (dot for dot in curve.dots if dot.series == value):
            if dot.interval:
                # Around its own middle, not the score, which it holds up to rounding only.
                low, high = dot.interval
                axes.errorbar(
                    dot.cost,
                    (low + high) / 2,
                    (high - low) / 2,
                    fmt="none",
                    ecolor=colour,
                    capsize=3,
                    elinewidth=1.2,
                )
            fill = colour if dot.front else "white"
            axes.plot(dot.cost, dot.score, color=colour, marker=marker, markerfacecolor=fill)
            axes.annotate(_plain(dot.label), (dot.cost, dot.score), (6, -11), textcoords="offset points")
        if curve.series:
            axes.plot([], [], color=colour, marker=marker, linestyle="", label=_plain(str(value)))
    front = [dot for dot in curve.dots if dot.front]
    axes.plot([dot.cost for dot in front], [dot.score for dot in front], color=GREY, linewidth=1, zorder=0)
    for name, score in curve.lines.items():
        axes.axhline(score, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        axes.annotate(name, (1, score), (0, 2), ("axes fraction", "data"), "offset points", ha="right")
    if curve.logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
    axes.margins(x=0.12)
    axes.set_xlabel(curve.x_title)
    axes.set_ylabel(curve.y_title)
    axes.set_title(_plain(heading), loc="left", fontsize=9, pad=24 if curve.series else None)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    if curve.series:
        # Above the plot: inside, it would lie on dots or on the lines of trivial answers.
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(values), fontsize=8)


def _draw_heat(axes: Axes, block: Block) -> None:
    assert block.heat is not None
    (across, columns), (down, rows), cells = block.heat
    metric = block.headline
    runs = [[None if place is None else block.rows[place].run for place in line] for line in cells]
    scores = [
        [float("nan") if run is None or run.score is None else run.score for run in line] for line in runs
    ]
    axes.imshow(scores, cmap="Greens", aspect="auto", alpha=0.55)
    for y, line in enumerate(runs):
        for x, run in enumerate(line):
            if run is not None:
                shown = estimate_text(run.summary.metrics[metric.name], metric, interval=True)
                axes.text(x, y, shown.replace(" ", "\n", 1), ha="center", va="center", fontsize=8)
    axes.set_xticks(range(len(columns)), [_plain(value) for value in columns])
    axes.set_yticks(range(len(rows)), [_plain(value) for value in rows])
    axes.set_xlabel(across)
    axes.set_ylabel(down)
    axes.set_title(_plain(f"{metric.title}, {title(block)}"), loc="left", fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _plain(text: str) -> str:
    """Text without the signs that matplotlib reads as mathematics."""
    return text.replace("$", r"\$")
