"""May two runs be compared at all, and what is different between them?

Answers compare when task version, data and all that decides an answer are equal, apart from the model and
from what the user says is under test (`--vary`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, NamedTuple

from vleval.model.io import VisionSettings
from vleval.results.comparing.pairing import Source
from vleval.results.record import RunRecord
from vleval.results.storage.fingerprint import differences, environment_changes, predict_fields

MODEL = frozenset({"model", "dtype"})
"""Fields of a prediction that belong to the model, which may differ."""
_FLAGS = {"sampling": "frame-sampling"}
"""Settings whose flag has another name."""
_VISION = frozenset(_FLAGS.get(field.name, field.name).replace("_", "-") for field in fields(VisionSettings))
_SHOWN = 40
_SHA256 = re.compile("[0-9a-f]{64}")


class Change(NamedTuple):
    """One field in which the candidate is not what the baseline is."""

    field: str
    base: str
    cand: str

    def __str__(self) -> str:
        return f"{self.field} {self.base} -> {self.cand}"


class UnknownSetting(ValueError):
    """`--vary` names no setting; the message is one sentence."""


def settings(run: RunRecord) -> dict[str, Any]:
    """All that must be equal between two runs unless it is varied, by the name of its flag."""
    left_out = {*MODEL, "logprobs"}  # a flag of another name, in the fields of those runs alone that have it
    found = {name: value for name, value in predict_fields(run).items() if name not in left_out}
    return {
        **{_flag(name): value for name, value in found.items()},
        "coordinates": run.coordinates,
        "det-score": "logprob" if run.generation.logprobs else "order",
    }


def check_vary(names: Collection[str], run: RunRecord) -> frozenset[str]:
    """The settings that `names` stands for. Raises UnknownSetting, with the nearest name."""
    # The prompt is a part of the input that pairs are made on.
    known = [name for name in settings(run) if name != "prompt"]
    wanted = {name.strip().replace("_", "-").removeprefix("--") for name in names}
    for name in sorted(wanted - {*known}):
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        raise UnknownSetting(f"--vary {name} names no setting; {hint}")
    return frozenset(wanted)


def refusals(base: Source, cand: Source, vary: Collection[str] = (), *, grid: bool = False) -> list[str]:
    """Why two runs of one task do not compare, in one sentence each; empty where they do.

    With `grid`, what the runs of one grid see may differ. A gate does not take that: the same command with
    another `--max-pixels` would be of the same grid.
    """
    before, after = base.record, cand.record
    found = [
        sentence for source in (base, cand) for sentence in (*incomplete(source), *without_truths(source))
    ]
    if before.task.version != after.task.version:
        found.append(
            f"{base.name} has version {before.task.version} of {before.task.name}, {cand.name} version "
            f"{after.task.version}, which score differently: run the older one again"
        )
    if before.data.bundled != after.data.bundled:
        names = (base.name, cand.name) if before.data.bundled else (cand.name, base.name)
        found.append(f"{names[0]} was run on bundled data and {names[1]} was not: these never compare")
    allowed = {*vary, *_VISION} if grid and before.grid == after.grid else {*vary}
    other = _other_settings(before, after, allowed)
    if other:
        names_only = " ".join(f"--vary {change.field}" for change in other if change.field != "prompt")
        remedy = f"{names_only} says that this is meant" if names_only else "run one of them again"
        found.append(
            f"{base.name} and {cand.name} were asked differently ({', '.join(map(str, other))}): {remedy}"
        )
    return found


def incomplete(source: Source) -> list[str]:
    """Why a run alone cannot be judged: a sentence, or none."""
    record = source.record
    if record.status == "complete":
        return []
    state = "was killed or is still going on" if record.status == "running" else record.status
    return [f"{source.name} is incomplete ({state}): the command that began it goes on with it"]


def without_truths(source: Source) -> list[str]:
    """Why a run has no score whatever was answered: a sentence, or none."""
    data = source.record.data
    if data.truths:
        return []
    return [f"{source.name} has no scores: the split {data.split} of {data.name} is published without truths"]


def changes(base: RunRecord, cand: RunRecord) -> list[Change]:
    """Everything that differs between two runs' fingerprints, settings, data and environments."""
    found = [
        Change("model", _shown(base.model.model), _shown(cand.model.model)),
        Change("parameters", f"{base.model.parameters:,}", f"{cand.model.parameters:,}"),
        Change("samples", str(base.data.samples), str(cand.data.samples)),
        Change("data content", _shown(base.data.fingerprint), _shown(cand.data.fingerprint)),
    ]
    for each in (*differences(base, cand), *environment_changes(base, cand)):
        name = "model fingerprint" if each.field == "model" else _flag(each.field)
        found.append(Change(name, _shown(each.stored), _shown(each.now)))
    return [change for change in found if change.base != change.cand]


def same_machinery(base: RunRecord, cand: RunRecord) -> bool:
    """Whether nothing that could change an answer differs: equal model, settings and environment."""
    return (
        base.model.fingerprint == cand.model.fingerprint
        and settings(base) == settings(cand)
        and same_environment(base, cand)
    )


def same_environment(base: RunRecord, cand: RunRecord) -> bool:
    """Whether times compare: equal libraries, platform and device."""
    return base.environment == cand.environment and base.model.device == cand.model.device


def _other_settings(base: RunRecord, cand: RunRecord, allowed: set[str]) -> list[Change]:
    before, after = settings(base), settings(cand)
    if not (before["prompt"] and after["prompt"]):
        # Records of version 1 do not tell; the input hashes do.
        allowed = {*allowed, "prompt"}
    return [
        Change(name, _shown(before.get(name)), _shown(after.get(name)))
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name) and name not in allowed
    ]


def _flag(name: str) -> str:
    return _FLAGS.get(name, name).replace("_", "-")


def _shown(value: Any) -> str:
    text = "default" if value is None else " ".join(str(value).split())
    if _SHA256.fullmatch(text):
        return text[:12]
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
