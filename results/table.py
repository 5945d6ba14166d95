"""The comparison of settings in the terminal: what each run scored and cost. Legible at 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vleval.results.statistics.stats import Estimate
from vleval.results.summary import Summary
from vleval.tasks.base import Metric

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

Cells = Sequence[str]


class Row(NamedTuple):
    """One run: the settings that tell it from the others, and its numbers."""

    settings: Mapping[str, str]
    summary: Summary
    difference: str = ""
    """Headline against the first row, with its interval; empty in the first row."""


class Columns(NamedTuple):
    """A block of columns that stay together."""

    titles: Cells
    cells: Sequence[Cells]
    """One sequence per row, as long as `titles`."""


def comparison(
    rows: Sequence[Row],
    metrics: Sequence[Metric],
    baselines: Mapping[str, Mapping[str, float]],
    console: Console,
    title: str,
    *,
    digits: int = 1,
) -> RenderableType:
    """The table of the runs for the width of `console`, shares in percent with `digits` decimals.

    Where one table would be too wide, differences and metrics go to a second one and further ones, further
    thresholds of a measure first.
    """
    from rich.console import Group
    from rich.text import Text

    metrics = _by_novelty(metrics)
    headline = metrics[0]
    against = _difference_columns(rows, headline, len(baselines))

    def first(kept: int, *more: Columns) -> Table:
        scores = _metric_columns(rows, metrics[:kept], baselines, digits, interval=True)
        return _table([settings, scores, *more, _cost_columns(rows, len(baselines))])

    def other(start: int, more: Sequence[Columns], end: int) -> Table:
        held = metrics[start:end]
        scores = [_metric_columns(rows, held, baselines, digits, interval=False)] if held else []
        return _table([settings, *more, *scores])

    def most(start: int, build: Callable[[int], Table]) -> int:
        """The end of the longest part of the metrics that fits; never shorter than one."""
        ends = range(len(metrics), start, -1)
        return next((end for end in ends if _fits(build(end), console)), min(start + 1, len(metrics)))

    settings = _setting_columns(rows, baselines)
    kept, parts = len(metrics), [first(len(metrics), *against)]
    if not _fits(parts[0], console):
        kept = most(0, first)
        parts = [first(kept)]
        while kept < len(metrics) or against:
            end = most(kept, partial(other, kept, against))
            parts.append(other(kept, against, end))
            kept, against = end, []
    return Group(
        Text(title, style="bold"),
        parts[0],
        *(each for part in parts[1:] for each in (Text(), part)),
        *map(Text, units(metrics)),
    )


def heading(metric: Metric) -> str:
    """The title, marked where lower is better."""
    return metric.title if metric.higher_is_better else f"{metric.title} \u2193"


def units(metrics: Sequence[Metric]) -> list[str]:
    """What headings alone leave open: the unit where percent and other figures stand together, and ↓."""
    shares = [metric.title for metric in metrics if metric.percent]
    others = [metric.title for metric in metrics if not metric.percent]
    said = []
    if shares and others:
        less = shares if len(shares) < len(others) else others
        said.append(f"in percent: {'' if less is shares else 'all but '}{', '.join(less)}")
    if not all(metric.higher_is_better for metric in metrics):
        said.append("\u2193: lower is better")
    return ["; ".join(said)] if said else []


def _folded(title: str) -> str:
    """A heading in two lines at most, broken where the longer of them is shortest."""
    breaks = [place for place, letter in enumerate(title) if letter == " " and title[place + 1 :] != "\u2193"]
    if not breaks:
        return title
    place = min(breaks, key=lambda place: max(place, len(title) - place - 1))
    return f"{title[:place]}\n{title[place + 1 :]}"


def _by_novelty(metrics: Sequence[Metric]) -> list[Metric]:
    """Metrics in their order, but further thresholds of a measure (`acc@0.7` after `acc@0.5`) at the end."""
    measures = [metric.name.partition("@")[0] for metric in metrics]
    return sorted(
        metrics, key=lambda metric: metric.name.partition("@")[0] in measures[: metrics.index(metric)]
    )


def _table(blocks: Sequence[Columns]) -> Table:
    """Blocks side by side; the first holds words, the others numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for index, heading in enumerate(title for block in blocks for title in block.titles):
        left = index < len(blocks[0].titles)
        table.add_column(
            Text(heading),
            justify="left" if left else "right",
            no_wrap=not left,
            overflow="fold",
            vertical="bottom",
        )
    for cells in zip(*(block.cells for block in blocks), strict=True):
        table.add_row(*(Text(cell) for block in cells for cell in block))
    return table


def _fits(table: Table, console: Console) -> bool:
    from rich.measure import Measurement

    return Measurement.get(console, console.options.update(width=10_000), table).maximum <= console.width


def _setting_columns(rows: Sequence[Row], baselines: Mapping[str, Mapping[str, float]]) -> Columns:
    names = list(rows[0].settings) or ["setting"]
    cells = [[row.settings.get(name, "default") for name in names] for row in rows]
    blank = [""] * (len(names) - 1)
    return Columns(
        [name.replace("-", "\n", 1) for name in names], [*cells, *([name, *blank] for name in baselines)]
    )


def _metric_columns(
    rows: Sequence[Row],
    metrics: Sequence[Metric],
    baselines: Mapping[str, Mapping[str, float]],
    digits: int,
    *,
    interval: bool,
) -> Columns:
    """Metrics of the runs, then of the trivial answers; the first with its interval if asked for."""
    titles = [_folded(heading(metric)) for metric in metrics]
    if interval:
        titles[0] = f"{heading(metrics[0])}\n[95% interval]"
    cells = [
        [
            estimate_text(
                row.summary.metrics[metric.name],
                metric,
                digits,
                interval=interval and metric is metrics[0],
            )
            for metric in metrics
        ]
        for row in rows
    ]
    pad = " " * len(f" [{10:.{digits}f}, {10:.{digits}f}]") if interval else ""
    for scores in baselines.values():
        shown = [
            value_text(scores[metric.name], metric, digits) if metric.name in scores else ""
            for metric in metrics
        ]
        cells.append([shown[0] + pad, *shown[1:]])
    return Columns(titles, cells)


def _difference_columns(rows: Sequence[Row], headline: Metric, blanks: int) -> list[Columns]:
    """One block, or none where no row has a difference."""
    if not any(row.difference for row in rows):
        return []
    title = f"{headline.title} vs first\n[95% interval]"
    return [Columns([title], [*([row.difference] for row in rows), *([""] for _ in range(blanks))])]


def _cost_columns(rows: Sequence[Row], blanks: int) -> Columns:
    titles = ["un-\nparsed", "failed", "visual\ntokens", "samples\n/s", "peak\nmemory"]
    cells = [
        [
            str(row.summary.unparsed),
            str(row.summary.failed),
            number(row.summary.visual_tokens),
            number(row.summary.samples_per_second),
            memory(row.summary.peak_memory_bytes),
        ]
        for row in rows
    ]
    # Answers made elsewhere cost nothing here: a column that no row can fill is left out.
    kept = [index for index in range(len(titles)) if any(row[index] != "-" for row in cells)]
    return Columns(
        [titles[index] for index in kept],
        [*([row[index] for index in kept] for row in cells), *([""] * len(kept) for _ in range(blanks))],
    )


def value_text(value: float, metric: Metric, digits: int = 1) -> str:
    """A metric's value as tables show it: shares in percent with `digits` decimals, edit distances with 3."""
    if metric.percent:
        return f"{100 * value:.{digits}f}"
    return f"{value:.3f}" if metric.worst == 1 else f"{value:.3g}"


def estimate_text(estimate: Estimate, metric: Metric, digits: int = 1, *, interval: bool) -> str:
    """`61.2` or, with its interval, `61.2 [57.0, 65.4]`; a mean of no samples is a dash."""
    if estimate.value is None:
        return "-"
    text = value_text(estimate.value, metric, digits)
    if not interval:
        return text
    if estimate.interval is None:
        return f"{text} [no interval]"
    low, high = (value_text(end, metric, digits) for end in estimate.interval)
    width = len(f"{10:.{digits}f}")
    return f"{text} [{low:>{width}}, {high:>{width}}]"


def number(value: float | None) -> str:
    """Three significant digits, whole above 100; a dash for nothing."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def memory(size: int) -> str:
    """Bytes as `412 MB` or `15.3 GB`; a dash where unknown."""
    if size <= 0:
        return "-"
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"


def counted(count: int, thing: str) -> str:
    """`1 image`, `1,250 images`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
