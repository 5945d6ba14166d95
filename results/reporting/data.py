"""A report: runs grouped by task and data, ordered by cost, each against the cheapest; which one to take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vleval.results.against_first import difference
from vleval.results.comparing.eligibility import same_environment
from vleval.results.record import RunRecord
from vleval.results.reporting.cautions import Caution
from vleval.results.reporting.pareto import front
from vleval.results.reporting.run import ReportRun
from vleval.results.statistics.paired import PairedResult
from vleval.results.statistics.stats import Estimate
from vleval.results.table import counted
from vleval.tasks.base import Metric, Task

RATES = ("fps", "max-frames")
SIZES = ("max-pixels", "min-pixels")
"""Flags of a heat map: its columns and its rows, each the first that varies."""


class Row(NamedTuple):
    """One run of a block."""

    run: ReportRun
    difference: PairedResult | None
    """Headline against the first row, + is better; None in the first row."""
    fewest_tokens: bool
    """On the Pareto front of score and visual tokens."""
    least_time: bool
    """On the Pareto front of score and seconds."""


class Advice(NamedTuple):
    """Which setting to take, by index into the rows."""

    best: int
    """Highest headline; the cheapest of several."""
    enough: int | None
    """The cheapest that is not measurably worse than the best; the best itself where every cheaper one is;
    None where some cheaper one had too few images or videos to tell."""
    difference: PairedResult | None
    """`enough` against the best; None where they are one, or it is None."""


class Heat(NamedTuple):
    """Scores over two settings that both vary."""

    columns: tuple[str, Sequence[str]]
    """Flag and its values, cheapest first."""
    rows: tuple[str, Sequence[str]]
    cells: Sequence[Sequence[int | None]]
    """Index into the block's rows, per row and column; None where nothing was run."""


class Finding(NamedTuple):
    """One caution, told once for all runs of a block that it holds for."""

    sentence: str
    where: Sequence[str]
    """Per run concerned: its name and counts; empty where the sentence holds for the block."""

    @property
    def text(self) -> str:
        """The whole of it in one line."""
        return f"{self.sentence} ({'; '.join(self.where)})" if self.where else self.sentence


class SliceRow(NamedTuple):
    """One class of questions, in every run of a block."""

    family: str
    name: str
    estimates: Sequence[Estimate | None]
    """Per row of the block; None where a run has no such question."""


@dataclass(frozen=True, slots=True)
class Block:
    """The runs of one task on the same questions."""

    rows: Sequence[Row]
    advice: Advice | None
    """None where no run has a score."""
    heat: Heat | None
    slices: Sequence[SliceRow]
    findings: Sequence[Finding]

    @property
    def task(self) -> Task:
        """The task of every run."""
        return self.rows[0].run.task

    @property
    def headline(self) -> Metric:
        """Its first metric."""
        return self.task.metrics[0]

    @property
    def record(self) -> RunRecord:
        """Of the first run: task and data are everybody's."""
        return self.rows[0].run.record

    @property
    def baselines(self) -> Mapping[str, Mapping[str, float]]:
        """Trivial answers to the same questions, by the run that answered most."""
        return max((row.run for row in self.rows), key=lambda run: run.summary.n).baselines


def build_report(runs: Iterable[ReportRun]) -> list[Block]:
    """The blocks of a report, in the order of their first runs."""
    groups: dict[tuple[object, ...], list[ReportRun]] = {}
    for run in runs:
        groups.setdefault(group_key(run.record), []).append(run)
    return [_block(sorted(group, key=_cost_order)) for group in groups.values()]


def group_key(record: RunRecord) -> tuple[object, ...]:
    """Equal for runs whose scores may stand in one table: same task, same questions."""
    data = record.data
    return record.task.name, record.task.version, data.name, data.split, data.bundled, data.fingerprint


def short_names(blocks: Sequence[Block]) -> list[str]:
    """The tasks of the blocks, with what tells two blocks of one task apart."""
    titles = [block.task.title for block in blocks]
    return [
        f"{name}, {counted(block.record.data.samples, 'question')}" if titles.count(name) > 1 else name
        for name, block in zip(titles, blocks, strict=True)
    ]


def compare_runs(base: ReportRun, cand: ReportRun) -> PairedResult:
    """The headline on the questions both have; + is better."""
    return difference(base.answers, cand.answers, base.task.metrics)


def _cost_order(run: ReportRun) -> tuple[float, ...]:
    """By visual tokens; settings that cost the same by what was asked for."""
    vision = run.record.vision
    far = float("inf")
    tokens = run.visual_tokens if run.visual_tokens is not None else far
    return (
        tokens,
        vision.max_pixels or far,
        vision.min_pixels or 0,
        vision.fps or 0.0,
        vision.max_frames or far,
    )


def _block(runs: Sequence[ReportRun]) -> Block:
    scores = _merits(runs)
    by_tokens = front([run.visual_tokens for run in runs], scores)
    by_time = front([run.seconds for run in runs], scores)
    rows = [
        Row(run, compare_runs(runs[0], run) if index else None, by_tokens[index], by_time[index])
        for index, run in enumerate(runs)
    ]
    return Block(rows, _advice(runs, scores), _heat(runs), _slices(runs), _findings(runs))


def _merits(runs: Sequence[ReportRun]) -> list[float | None]:
    """Headlines, more is better; None for a run that stopped early where another one is complete."""
    complete = [run.record.status == "complete" for run in runs]
    return [
        None
        if run.score is None or (any(complete) and not whole)
        else (run.score if run.headline.higher_is_better else -run.score)
        for run, whole in zip(runs, complete, strict=True)
    ]


def _advice(runs: Sequence[ReportRun], scores: Sequence[float | None]) -> Advice | None:
    known = {index: score for index, score in enumerate(scores) if score is not None}
    if not known:
        return None
    best = max(known, key=lambda index: known[index])
    cheaper = {index: compare_runs(runs[best], runs[index]) for index in known if index < best}
    for index, result in cheaper.items():
        if result.interval is not None and result.interval.high >= 0:
            return Advice(best, index, result)
    # Without an interval a loss is neither established nor excluded.
    told = all(result.interval is not None for result in cheaper.values())
    return Advice(best, best if told else None, None)


def _heat(runs: Sequence[ReportRun]) -> Heat | None:
    across, down = (_varying(runs, flags) for flags in (RATES, SIZES))
    if across is None or down is None:
        return None
    places: dict[tuple[str, str], int] = {}
    for index, run in enumerate(runs):
        place = run.label[down[0]], run.label[across[0]]
        if place in places:  # more than these two vary
            return None
        places[place] = index
    cells = [[places.get((row, column)) for column in across[1]] for row in down[1]]
    return Heat(across, down, cells)


def _varying(runs: Sequence[ReportRun], flags: Sequence[str]) -> tuple[str, list[str]] | None:
    """The first of some flags that varies, and its values from low to high."""
    for flag in flags:
        values: dict[str, float] = {}
        for run in runs:
            if flag in run.label:
                number: float | None = getattr(run.record.vision, flag.replace("-", "_"))
                values[run.label[flag]] = float("inf") if number is None else number
        if len(values) > 1:
            return flag, sorted(values, key=lambda value: values[value])
    return None


def _slices(runs: Sequence[ReportRun]) -> list[SliceRow]:
    found = [{(each.family, each.name): each.estimate for each in run.slices} for run in runs]
    # The run with most classes has them in order; what it lacks comes after.
    keys = dict.fromkeys(key for one in sorted(found, key=len, reverse=True) for key in one)
    families = dict.fromkeys(family for family, _ in keys)
    ordered = [key for family in families for key in keys if key[0] == family]
    return [SliceRow(*key, [one.get(key) for one in found]) for key in ordered]


def _findings(runs: Sequence[ReportRun]) -> list[Finding]:
    """What holds for the block, then what holds for single runs, each told once."""
    first = runs[0].record
    said = []
    if first.data.bundled:
        said.append(
            "bundled data: made by vleval to try things out; these scores never compare with the benchmark's"
        )
    said += first.data.notes
    said += _unequal(runs)
    kinds: dict[str, list[tuple[ReportRun, Caution]]] = {}
    for run in runs:
        for caution in run.cautions:
            kinds.setdefault(caution.sentence, []).append((run, caution))
    return [Finding(text, ()) for text in said] + [
        Finding(sentence, _where(found, runs)) for sentence, found in kinds.items()
    ]


def _where(found: Sequence[tuple[ReportRun, Caution]], runs: Sequence[ReportRun]) -> list[str]:
    """Which runs a finding is about, and how much of each; nothing to say where it is about all alike."""
    counts = [_counted(run, caution) for run, caution in found]
    if len(found) == len(runs) and len(set(counts)) == 1:
        return [counts[0]] if counts[0] else []
    return [
        f"{run.name}: {count}" if count else run.name for (run, _), count in zip(found, counts, strict=True)
    ]


def _counted(run: ReportRun, caution: Caution) -> str:
    if caution.media is None:
        return caution.detail or ""
    kind = "images" if run.task.media == "image" else "videos"
    return f"{caution.media} of {caution.of} {kind}"


def _unequal(runs: Sequence[ReportRun]) -> list[str]:
    """Why the rows of a table are not to be read against each other without a thought."""
    said = []
    if not all(same_environment(runs[0].record, run.record) for run in runs):
        said.append("the runs were made on other devices or with other libraries: their times do not compare")
    alike: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        alike.setdefault((run.seen, run.record.model.fingerprint), []).append(run.name)
    said += [
        f"the model was shown the very same inputs, so these settings differ in name only: {'; '.join(names)}"
        for names in alike.values()
        if len(names) > 1
    ]
    return said
