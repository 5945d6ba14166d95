"""What makes two answers comparable: fingerprints of model, prediction and sample, and their differences.

- model: weight bytes, config, tokenizer and processor files, dtype, model-code version; the engine states it.
- predict: model, prompt, the file of a user's own task, decoding, what the model sees, and the libraries
  that decode media. All answers of a run share it.
- sample: predict, task and its version, id, media bytes and rendered prompt: one answer's identity.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any, NamedTuple

from vleval.results.record import RunRecord

DECODERS = ("pillow", "av")
"""Libraries whose versions change pixels."""

_SHOWN = 40


class Difference(NamedTuple):
    """One field in which a stored run is not what is asked for now."""

    field: str
    stored: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.field} ({_short(self.stored)} stored, {_short(self.now)} now)"


def fingerprint(value: Any) -> str:
    """sha256 (hex) of a value's canonical JSON: sorted keys, ASCII, 1 and 1.0 and true all different."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def predict_fields(run: RunRecord) -> dict[str, Any]:
    """All that decides the answers of a run, by name."""
    # Only where there is one: the fingerprints of all other runs stay as they were.
    own = {} if run.task.own is None else {"task_file": run.task.own.sha256}
    return {
        "model": run.model.fingerprint,
        "engine": run.model.engine,
        "dtype": run.model.dtype,
        "prompt": run.task.prompt,
        **own,
        "decoding": "greedy",
        **run.generation.facts(),
        **asdict(run.vision),
        **{name: run.environment.get(name) for name in DECODERS},
    }


def predict_fingerprint(run: RunRecord) -> str:
    """One for all answers of a run."""
    return fingerprint(predict_fields(run))


def sample_fingerprint(run: RunRecord, id: str, input_sha256: str | None) -> str:
    """One answer's identity."""
    return fingerprint([run.fingerprint, run.task.name, run.task.version, id, input_sha256])


def differences(stored: RunRecord, now: RunRecord) -> list[Difference]:
    """Why the answers of `stored` are no part of `now`; empty when they are.

    The data's content is compared answer by answer (`vleval.running.resume`): a longer run extends a shorter.
    """
    was, is_now = _run_fields(stored), _run_fields(now)
    if stored.model.files and now.model.files:
        # Files name what the fingerprint of the whole model only says.
        was |= _files(stored)
        is_now |= _files(now)
        if _files(stored) != _files(now):
            del was["model"], is_now["model"]
    names = [*is_now, *(name for name in was if name not in is_now)]
    return [
        Difference(name, was.get(name), is_now.get(name))
        for name in names
        if was.get(name) != is_now.get(name)
    ]


def environment_changes(stored: RunRecord, now: RunRecord) -> list[Difference]:
    """What does not forbid to go on, yet may move an answer's last digit: libraries, platform, device."""
    was = {**stored.environment, "device": stored.model.device}
    is_now = {**now.environment, "device": now.model.device}
    return [
        Difference(name, was.get(name), is_now.get(name))
        for name in sorted({*was, *is_now} - {*DECODERS})
        if was.get(name) != is_now.get(name)
    ]


def _run_fields(run: RunRecord) -> dict[str, Any]:
    return {
        "task": run.task.name,
        "task version": run.task.version,
        **predict_fields(run),
        "coordinates": run.coordinates,
        "data": run.data.origin,
        "split": run.data.split,
        "revision": run.data.revision,
    }


def _files(run: RunRecord) -> dict[str, Any]:
    return {name: digest[:12] for name, digest in run.model.files.items()}


def _short(value: Any) -> str:
    text = "none" if value is None else " ".join(str(value).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
