"""From a plan to answered runs: the data of every task are opened, then the model, then it is asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from vleval.cards.card import NOT_TRAINED
from vleval.console import Console
from vleval.errors import UserError
from vleval.results.record import DataFacts
from vleval.results.storage.store import prepare_root
from vleval.results.subset import chosen
from vleval.running import engines
from vleval.running.engines import BUNDLED, ModelChoice, check_folder, choose_model
from vleval.running.job import Job, LeftOut, Outcome
from vleval.running.overview import MANY
from vleval.running.plan import Part, Plan
from vleval.running.runner import run_grid
from vleval.tasks.base import DataError
from vleval.tasks.data.sources import open_data


class Launched(NamedTuple):
    """What a command came to."""

    jobs: tuple[Job, ...]
    outcome: Outcome
    left_out: tuple[LeftOut, ...]


def launch(plan: Plan, passed: tuple[str, ...], console: Console) -> Launched:
    """Answer every question of every task whose data can be had. Everything cheap is checked first.

    Raises UserError, DataError where the only task has no data, ModelError, Mismatch and StoreError.
    """
    config = plan.parts[0].config  # what is asked of it here is the same in all of them
    # Of every part, since a table of the file may name data that the bundled checkpoint says nothing about.
    choice = [choose_model(config.model, part.config.data, os.environ) for part in plan.parts][0]
    for warning in plan.warnings:
        console.warn(warning)
    check_folder(choice)
    prepare_root(config.output)
    jobs, left_out = _open(plan.parts, choice, passed)
    for task, reason in left_out:
        console.warn(f"{task} is left out: {reason}")
    if not jobs:
        raise UserError(f"none of the {len(left_out)} tasks has its data")
    _announce(jobs, choice, console)
    outcome = run_grid(jobs, engines.open_engine(config, choice), console)
    return Launched(tuple(jobs), outcome, tuple(left_out))


def _open(
    parts: Sequence[Part], choice: ModelChoice, passed: tuple[str, ...]
) -> tuple[list[Job], list[LeftOut]]:
    """The data of all tasks. Raises DataError for that of the only one."""
    jobs: list[Job] = []
    left_out: list[LeftOut] = []
    for part in parts:
        try:
            jobs.append(_job(part, choice, passed, alone=len(parts) == 1))
        except DataError as error:
            if len(parts) == 1:
                raise
            left_out.append(LeftOut(part.task.name, str(error)))
    return jobs, left_out


def _job(part: Part, choice: ModelChoice, passed: tuple[str, ...], *, alone: bool) -> Job:
    task, config = part
    where = config.data if config.data != "auto" else BUNDLED if choice.bundled else "hub"
    data = open_data(
        task,
        where,
        split=config.split,
        revision=config.revision,
        media_dir=config.media,
        **chosen(config.model_dump()),
    )
    if config.prompt is not None:
        task.messages(data.samples[0])  # a task that cannot be asked in other words says so here
    facts = DataFacts(
        name=data.name,
        origin=data.origin,
        split=data.split,
        fingerprint=data.fingerprint,
        samples=len(data.samples),
        bundled=data.origin == BUNDLED,
        revision=data.revision,
        notes=data.notes,
        truths=data.truths,
    )
    return Job(task, facts, data.samples, choice.bundled, config, passed, alone)


def _announce(jobs: Sequence[Job], choice: ModelChoice, console: Console) -> None:
    """Say what is about to be measured, and on whose behalf where nobody asked for it."""
    if choice.bundled and choice.origin == "default":
        console.note("model: the bundled checkpoint, because neither --model nor VLEVAL_MODEL names another")
    elif choice.origin == "VLEVAL_MODEL":
        console.note(f"model: {choice.name} (from VLEVAL_MODEL)")
    else:
        console.note(f"model: {choice.name}")
    for line in _data(jobs):
        console.note(line)
    for job in jobs:
        for warning in job.data.notes:
            console.warn(warning if len(jobs) == 1 else f"{job.task.name}: {warning}")
    untaught = [job.task.name for job in jobs if not job.task.taught]
    if choice.bundled and untaught:
        taught = [job.task.name for job in jobs if job.task.taught]
        few = len(untaught) <= max(MANY, len(taught))
        which = ", ".join(untaught) if few else f"all but {', '.join(taught)}" if taught else "all of them"
        console.note(f"{which}: {NOT_TRAINED}")


def _data(jobs: Sequence[Job]) -> list[str]:
    """A line per task; of many, a line for those of one origin."""
    if len(jobs) <= MANY:
        return [
            f"data: {data.name}, split {data.split}, {data.samples} questions ({data.origin})"
            for data in (job.data for job in jobs)
        ]
    said: dict[str, list[Job]] = {}
    for job in jobs:
        said.setdefault(job.data.origin, []).append(job)
    return [
        f"data ({origin}): {len(held)} tasks, {sum(job.data.samples for job in held)} questions: "
        + ", ".join(f"{job.task.name} {job.data.split}" for job in held)
        for origin, held in said.items()
    ]
