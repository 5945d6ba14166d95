"""Score against cost as points of a plot, for whoever draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vleval.results.reporting.data import Block
from vleval.results.reporting.run import ReportRun
from vleval.results.statistics.stats import Interval

LOGARITHMIC_FROM = 6.0
"""Largest cost over smallest from which on the axis of costs is logarithmic."""


class Dot(NamedTuple):
    """One setting. Shares are in percent, as in tables."""

    cost: float
    score: float
    interval: Interval | None
    name: str
    """What tells the setting apart, in short: `16t, 2 fps`."""
    label: str
    """The same without what its series says: `16t`."""
    series: str | None
    """What gives the dot its colour, one of the curve's `series`; None where one colour is enough."""
    front: bool


class Curve(NamedTuple):
    """One plot of a block."""

    file: str
    """Stem for files: `visual-tokens`."""
    x_title: str
    y_title: str
    dots: Sequence[Dot]
    """From cheap to dear."""
    series: tuple[str, Sequence[str]] | None
    """What colours tell apart: a flag, and its values."""
    lines: Mapping[str, float]
    """Scores of trivial answers."""

    @property
    def logarithmic(self) -> bool:
        """Whether costs are spread so far that their axis is better logarithmic."""
        return self.dots[-1].cost >= LOGARITHMIC_FROM * self.dots[0].cost

    @property
    def y_range(self) -> tuple[float, float]:
        """Lowest and highest value to show, intervals and trivial answers included."""
        values = [dot.score for dot in self.dots] + list(self.lines.values())
        values += [end for dot in self.dots if dot.interval for end in dot.interval]
        return min(values), max(values)


def curves(block: Block) -> list[Curve]:
    """Score against visual tokens and against seconds, each where two settings or more have both."""
    medium = "image" if block.task.media == "image" else "video"
    found = [
        _curve(block, "visual-tokens", f"visual tokens per {medium}", "visual_tokens", "fewest_tokens"),
        _curve(block, "seconds", "seconds per question", "seconds", "least_time"),
    ]
    return [curve for curve in found if len(curve.dots) > 1]


def _curve(block: Block, file: str, title: str, cost: str, front: str) -> Curve:
    metric = block.headline
    scale = 100.0 if metric.percent else 1.0
    series = _series(block)
    flag = series[0] if series else None
    dots = []
    for row in block.rows:
        run, spent = row.run, getattr(row.run, cost)
        found = run.summary.metrics[metric.name]
        if spent and found.value is not None:
            interval = Interval(*(scale * end for end in found.interval)) if found.interval else None
            value = _short(flag, run.label[flag]) if flag else None
            label = short_name(run, without=flag)
            on_front = getattr(row, front)
            dots.append(Dot(spent, scale * found.value, interval, short_name(run), label, value, on_front))
    lines = {
        name: scale * scores[metric.name] for name, scores in block.baselines.items() if metric.name in scores
    }
    return Curve(
        file,
        title,
        f"{metric.title} (%)" if metric.percent else metric.title,
        sorted(dots, key=lambda dot: dot.cost),
        series,
        lines,
    )


def _series(block: Block) -> tuple[str, Sequence[str]] | None:
    """What colours tell apart: the columns of a grid, else the models."""
    if block.heat:
        flag, values = block.heat.columns
        return flag, [_short(flag, value) for value in values]
    if "model" not in block.rows[0].run.label:
        return None
    return "model", list(dict.fromkeys(_short("model", row.run.label["model"]) for row in block.rows))


def short_name(run: ReportRun, *, without: str | None = None) -> str:
    """`16t`; `16t, 2 fps` where more varies; the flag `without` is left out."""
    return ", ".join(_short(flag, value) for flag, value in run.label.items() if flag != without)


def _short(flag: str, value: str) -> str:
    """A value that needs no flag beside it, models by the last part of their names."""
    if flag == "fps":
        return f"{value} fps"
    return value.rstrip("/").rpartition("/")[2] if flag == "model" else value
