"""What a task declares holds together: its metrics with each other, with its bundled samples, and with what
was published on it."""

from __future__ import annotations

import re

import pytest

from vleval.tasks.base import Sample, Task
from vleval.tasks.data.sources import open_data
from vleval.tasks.published import PUBLISHED, SIZES, Published
from vleval.tasks.registry import TASKS

FILE_SAFE = re.compile(r"[a-z0-9][a-z0-9_.@+-]{0,59}")
"""Names are columns of CSV files, keys of policies, parts of the names of downloaded files."""
NOT_OURS = {("tempcompass", "avg_of_four_forms"): "one of the four is captions, which a model judges"}
"""Published numbers that are none of the task's metrics, on purpose (`technical_report.Covered.note`)."""

every_task = pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: str(task.name))


def bundled(task: Task) -> list[Sample]:
    return [
        sample for split in task.bundled_splits for sample in open_data(task, "bundled", split=split).samples
    ]


def counting(task: Task, sample: Sample) -> set[str]:
    """The names of the metrics that a sample counts in by what it asks."""
    named = set(task.applies(sample)) if task.applies else {metric.name for metric in task.metrics}
    return named | {metric.name for metric in task.metrics if named & {*metric.parts}}


@every_task
def test_metrics_have_names_titles_and_formulas_of_their_own(task: Task) -> None:
    names, titles = [each.name for each in task.metrics], [each.title for each in task.metrics]
    assert len({*names}) == len(names)
    assert len({*titles}) == len(titles), "two columns of a table would be called alike"
    assert [name for name in names if not FILE_SAFE.fullmatch(name)] == []
    assert [each.name for each in task.metrics if not each.formula.strip()] == []


@every_task
def test_the_worst_value_lies_at_the_bad_end(task: Task) -> None:
    """A share of right answers is worst at 0, a distance at 1: failures must never improve a score."""
    for metric in task.metrics:
        assert metric.worst == (0.0 if metric.higher_is_better else 1.0), metric.name


@every_task
def test_parts_are_other_metrics_that_every_sample_has_alone(task: Task) -> None:
    by_name = {metric.name: metric for metric in task.metrics}
    for metric in task.metrics:
        assert len({*metric.parts}) == len(metric.parts)
        assert not (metric.parts and (metric.figure or metric.strata)), "one way to make a score"
        for name in metric.parts:
            part = by_name[name]
            assert part.figure is None, f"{name} has no value of one sample"
            assert part.parts == (), f"{name}: a sample's parts are put together in one pass"
            assert (part.higher_is_better, part.percent) == (metric.higher_is_better, metric.percent)


@every_task
def test_figures_come_with_evidence(task: Task) -> None:
    figures = {metric.figure for metric in task.metrics} - {None}
    assert bool(figures) == (task.evidence is not None)


@every_task
def test_bundled_samples_have_the_tags_of_every_stratum_and_count_in_every_metric(task: Task) -> None:
    samples = bundled(task)
    known, counted = {metric.name for metric in task.metrics}, set()
    for sample in samples:
        names = counting(task, sample)
        assert names <= known
        for metric in task.metrics:
            if metric.name in names:
                missing = [tag for tag in metric.strata if not sample.tags.get(tag)]
                assert not missing, f"{metric.name}: {sample.id} has no {missing}"
        counted |= names
    assert counted == known, "the bundled data exercise every metric"
    headline = task.metrics[0]
    for metric in (each for each in task.metrics if each.name in (headline.name, *headline.parts)):
        for tag in metric.strata:
            values = {sample.tags[tag] for sample in samples if metric.name in counting(task, sample)}
            assert len(values) > 1, f"{metric.name} would be a plain mean"


@pytest.mark.parametrize(
    "row", PUBLISHED, ids=lambda row: f"{row.family}-{row.task}-{row.split}-{row.metric}"
)
def test_published_rows_are_of_existing_tasks_splits_and_metrics(row: Published) -> None:
    task = TASKS[row.task]
    shown = {note.title for note in task.split_notes.values()}
    assert row.split in task.splits or task.submission is not None, "or a server scores the split"
    assert row.split not in shown
    metrics = {metric.name: metric for metric in task.metrics}
    if (row.task, row.metric) in NOT_OURS:
        assert row.metric not in metrics
        return
    assert row.scores.keys() <= {*SIZES[row.family]}
    values = [row.value(size) for size in row.scores]
    assert values and all(0 < value < 1 for value in values)
    assert metrics[row.metric].percent or row.full == 1.0


def test_each_number_was_published_once() -> None:
    keys = [(row.family, row.task, row.split, row.metric) for row in PUBLISHED]
    assert len({*keys}) == len(keys)
