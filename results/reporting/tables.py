"""The tables of a report as plain words, built once for the terminal, for Markdown and for the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from vleval.results.comparing.table import difference_text
from vleval.results.reporting.data import Block, Row
from vleval.results.reporting.run import ReportRun
from vleval.results.reporting.slices import NOTES
from vleval.results.statistics.paired import PairedResult
from vleval.results.statistics.stats import Estimate
from vleval.results.subset import title_text
from vleval.results.table import counted, estimate_text, heading, memory, number, units, value_text
from vleval.tasks.base import Metric


@dataclass(frozen=True, slots=True)
class TextTable:
    """Words in rows and columns; every cell may hold anything a model or a file says."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int
    """Columns of words, which come first; numbers follow."""
    notes: Sequence[str] = ()
    marked: frozenset[int] = field(default_factory=frozenset)
    """Rows to stand out: settings on a Pareto front."""


def tables(block: Block) -> Iterator[TextTable]:
    """Scores, costs, further metrics, and scores by class, each where there is something to say."""
    yield score_table(block)
    yield cost_table(block)
    if len(block.task.metrics) > 1:
        yield metric_table(block)
    for family in dict.fromkeys(row.family for row in block.slices):
        yield slice_table(block, family)
    if _shown_run(block).examples:
        yield example_table(block)


def score_table(block: Block) -> TextTable:
    """Headline with interval, difference to the first setting, what could not be scored, the front."""
    metric, alone = block.headline, len(block.rows) == 1
    flags = _flags(block)
    compared = [] if alone else ["against first"]
    rows = [
        [
            *_values(block, row),
            estimate_text(row.run.summary.metrics[metric.name], metric, interval=True),
            *([] if alone else [paired_text(row.difference, metric) if row.difference else "-"]),
            str(row.run.summary.unparsed),
            str(row.run.summary.failed),
            *([] if alone else [front_text(row)]),
        ]
        for row in block.rows
    ]
    return TextTable(
        "Score",
        [
            *flags,
            f"{heading(metric)} [95% interval]",
            *compared,
            "unparsed",
            "failed",
            *([] if alone else ["front"]),
        ],
        rows,
        len(flags),
        [*([] if alone else _score_notes(block)), *_baseline_notes(block)],
        frozenset() if alone else frozenset(i for i, row in enumerate(block.rows) if row.fewest_tokens),
    )


def cost_table(block: Block) -> TextTable:
    """Visual tokens, seconds per question in all and by stage, peak memory."""
    kind = "image" if block.task.media == "image" else "video"
    headings = [
        *_flags(block),
        f"tokens per {kind}",
        "s per question",
        "prefill s",
        "decode s",
        "peak memory",
    ]
    rows = [
        [
            *_values(block, row),
            number(row.run.visual_tokens),
            number(row.run.seconds),
            number(row.run.stage_seconds("prefill")),
            number(row.run.stage_seconds("decode")),
            memory(row.run.summary.peak_memory_bytes),
        ]
        for row in block.rows
    ]
    notes = ["peak memory is that of the process so far: within one command it never falls"]
    return TextTable("Cost", headings, rows, len(_flags(block)), notes)


def settings_table(block: Block) -> TextTable:
    """Score and cost in one row per setting, where there is room for both."""
    score, cost = score_table(block), cost_table(block)
    return TextTable(
        "Settings",
        [*score.headings, *cost.headings[cost.left :]],
        [[*scored, *spent[cost.left :]] for scored, spent in zip(score.rows, cost.rows, strict=True)],
        score.left,
        [*score.notes, *cost.notes],
        score.marked,
    )


def metric_table(block: Block) -> TextTable:
    """The metrics beside the headline."""
    others = block.task.metrics[1:]
    rows = [
        [
            *_values(block, row),
            *(estimate_text(row.run.summary.metrics[each.name], each, interval=False) for each in others),
        ]
        for row in block.rows
    ]
    return TextTable(
        "Other metrics",
        [*_flags(block), *map(heading, others)],
        rows,
        len(_flags(block)),
        units(block.task.metrics),
    )


def slice_table(block: Block, family: str) -> TextTable:
    """The headline by class: a column per class."""
    metric = block.headline
    classes = [each for each in block.slices if each.family == family]
    rows = [
        [*_values(block, row), *(_slice_text(each.estimates[index], metric) for each in classes)]
        for index, row in enumerate(block.rows)
    ]
    headings = [*_flags(block), *(each.name for each in classes)]
    notes = [f"{metric.title} (questions)", *([NOTES[family]] if family in NOTES else [])]
    return TextTable(f"{metric.title} by {family}", headings, rows, len(_flags(block)), notes)


def example_table(block: Block) -> TextTable:
    """The lowest answers of the best setting, in words."""
    run = _shown_run(block)
    where = f" at {run.name}" if len(block.rows) > 1 else ""
    rows = [list(example) for example in run.examples]
    return TextTable(f"Lowest answers{where}", ["score", "question", "true", "said"], rows, 4)


def _shown_run(block: Block) -> ReportRun:
    return block.rows[block.advice.best if block.advice else 0].run


def title(block: Block) -> str:
    """`RefCOCO: bundled refcoco, test`."""
    return f"{block.task.title}: {block.record.data.name}, {block.record.data.split}"


def subtitle(block: Block) -> str:
    """How much was asked, and of whom."""
    most = max((row.run.summary for row in block.rows), key=lambda summary: summary.n)
    models = dict.fromkeys(
        "the bundled checkpoint" if row.run.record.bundled_model else row.run.record.model.model
        for row in block.rows
    )
    part = title_text(block.record.config)
    asked = f"{counted(most.n, 'question')} about {counted(most.clusters, block.task.media)}"
    return f"{asked}{f' ({part})' if part else ''}; {', '.join(models)}"


def advice_text(block: Block) -> str:
    """The finding of the block in a sentence or two."""
    if not block.record.data.truths:
        return "Nothing is scored: the split is published without truths."
    if block.advice is None:
        return "No answer has a score yet."
    metric, (best, enough, result) = block.headline, block.advice
    top = block.rows[best].run
    shown = estimate_text(top.summary.metrics[metric.name], metric, interval=True)
    if len(block.rows) == 1:
        return f"{metric.title} {shown}."
    first = f"{top.name} scores highest: {metric.title} {shown}."
    if best == 0:
        return f"{first} No setting costs less."
    if best < len(block.rows) - 1:
        first += " What costs more scores no higher."
    if enough is None:
        return f"{first} Too few {block.task.media}s to tell whether a cheaper setting is worse."
    if result is None:
        return f"{first} Every cheaper setting is measurably worse."
    less = block.rows[enough].run
    return (
        f"{first} {less.name} is the cheapest that is not measurably worse: "
        f"{paired_text(result, metric)}{_share(less.visual_tokens, top.visual_tokens)}."
    )


def paired_text(result: PairedResult, metric: Metric) -> str:
    """`+1.2 [-0.4, +2.8]`, in the unit of the metric's column; + is better."""
    if result.difference is None:
        return "no pairs"
    return difference_text(
        {
            "difference": result.difference,
            "interval": result.interval,
            "name": metric.name,
            "title": metric.title,
            "percent": metric.percent,
        }
    )


def front_text(row: Row) -> str:
    """Which Pareto fronts a setting is on."""
    return {
        (True, True): "both",
        (True, False): "tokens",
        (False, True): "time",
        (False, False): "",
    }[row.fewest_tokens, row.least_time]


def _share(part: float | None, whole: float | None) -> str:
    return f", at {part / whole:.0%} of its visual tokens" if part is not None and whole else ""


def _score_notes(block: Block) -> list[str]:
    metric = block.headline
    notes = [
        f"against first: paired difference in {metric.title} with its 95% interval, + is better, not "
        "corrected for the number of settings",
        "front: on the Pareto front, i.e. no setting with fewer visual tokens (tokens) or less time per "
        "question (time) scores as high",
    ]
    said = {warning for row in block.rows if row.difference for warning in row.difference.warnings}
    return notes + sorted(said)


def _baseline_notes(block: Block) -> list[str]:
    """Trivial answers to the same questions, which any model should beat."""
    metric = block.headline
    shown = [
        f"{name} {value_text(scores[metric.name], metric)}"
        for name, scores in block.baselines.items()
        if metric.name in scores
    ]
    return [f"trivial answers, {metric.title}: {', '.join(shown)}"] if shown else []


def _slice_text(estimate: Estimate | None, metric: Metric) -> str:
    if estimate is None or estimate.value is None:
        return "-"
    return f"{value_text(estimate.value, metric)} ({estimate.n})"


def _flags(block: Block) -> list[str]:
    return list(block.rows[0].run.label) or ["setting"]


def _values(block: Block, row: Row) -> list[str]:
    return [row.run.label.get(flag, "default") for flag in _flags(block)]
