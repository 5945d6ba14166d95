"""A baseline small enough to commit: the scores of one run per task, without any text of data or model.

- `baseline.json`: per task who answered, under which settings, with which values and why it was set; then
  what it replaced.
- `scores.jsonl`: a line per answer, sorted by task and id, with the tags and the evidence that the task's
  metrics are computed from. Above 20,000 answers it is `scores.jsonl.gz`.

A change of one answer is a change of one line, so that a commit shows what moved.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vleval.results.comparing.pairing import Answered, Answers, Source
from vleval.results.record import RecordError, RunRecord
from vleval.results.statistics.aggregate import estimates
from vleval.results.storage import disk
from vleval.results.summary import estimate_to_json
from vleval.tasks.base import Metric

SCHEMA = "vleval/baseline@1"
MANIFEST = "baseline.json"
SCORES = "scores.jsonl"
PACKED = "scores.jsonl.gz"
PACK_ABOVE = 20_000


class BaselineError(Exception):
    """A baseline cannot be used; the message is one plain sentence."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A committed baseline."""

    folder: Path
    sources: Mapping[str, Source]
    """By task."""
    tasks: Mapping[str, Mapping[str, Any]]
    """The manifest's entries: `set`, `reason`, `n`, `metrics`, `record`."""
    history: Sequence[Mapping[str, Any]]
    """What was replaced, oldest first: `task`, `set`, `reason`, `model`, `n`, `metrics`, `replaced`."""


def is_baseline(folder: Path) -> bool:
    """Whether a baseline lies in a folder."""
    return (folder / MANIFEST).exists()


def read_baseline(folder: Path) -> Baseline:
    """The baseline of a folder; scores are read when they are needed. Raises BaselineError."""
    path = folder / MANIFEST
    try:
        raw = json.loads(disk.DISK.read(path))
        if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
            found = raw.get("schema") if isinstance(raw, dict) else None
            raise BaselineError(
                f"{path} has the schema {found!r}, this vleval reads {SCHEMA!r}; update vleval"
            )
        tasks, history, sha256 = raw["tasks"], raw["history"], raw["scores"]["sha256"]
        records = {task: RunRecord.from_json(entry["record"]) for task, entry in tasks.items()}
    except OSError as error:
        raise BaselineError(f"cannot read {path}: {error.strerror}") from None
    except RecordError as error:
        raise BaselineError(f"{path}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BaselineError(f"{path} is no baseline of vleval; take it from git again") from None
    everything = functools.cache(lambda: _read_scores(folder, sha256))
    sources = {
        task: Source(str(folder), record, functools.partial(_of_task, everything, task))
        for task, record in records.items()
    }
    return Baseline(folder, sources, tasks, history)


def write_baseline(
    folder: Path,
    new: Mapping[str, Source],
    metrics: Mapping[str, Sequence[Metric]],
    *,
    reason: str,
    now: str,
    old: Baseline | None,
) -> None:
    """Set the runs of some tasks as a baseline; other tasks of `old` stay. Raises OSError, StoreError."""
    answers = {task: source.read() for task, source in old.sources.items()} if old else {}
    answers |= {task: source.read() for task, source in new.items()}
    lines = [_line(task, id, answers[task][id]) for task in sorted(answers) for id in sorted(answers[task])]
    text = b"".join(lines)
    entries = dict(old.tasks) if old else {}
    history = [*old.history] if old else []
    for task, source in new.items():
        if task in entries:
            history.append({"task": task, **_remembered(entries[task]), "replaced": now})
        entries[task] = {
            "set": now,
            "reason": reason,
            "n": len(answers[task]),
            "metrics": {
                name: estimate_to_json(found)
                for name, found in estimates(
                    list(answers[task].values()), metrics[task], metrics[task]
                ).items()
            },
            "record": _committed(source.record).to_json(),
        }
    manifest = {
        "schema": SCHEMA,
        "tasks": dict(sorted(entries.items())),
        "history": history,
        "scores": {"lines": len(lines), "sha256": hashlib.sha256(text).hexdigest()},
    }
    packed = len(lines) > PACK_ABOVE
    disk.make_folders(folder)
    # Without a time in its header, equal scores make equal files.
    disk.replace_file(
        folder / (PACKED if packed else SCORES), gzip.compress(text, mtime=0) if packed else text
    )
    disk.replace_file(folder / MANIFEST, (json.dumps(manifest, indent=2, allow_nan=False) + "\n").encode())
    other = folder / (SCORES if packed else PACKED)
    if other.exists():
        disk.DISK.remove(other)


def _remembered(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What the history keeps of a replaced entry."""
    return {
        "set": entry["set"],
        "reason": entry["reason"],
        "model": entry["record"]["model"]["model"],
        "n": entry["n"],
        "metrics": {
            name: {"value": each["value"], "interval": each["interval"]}
            for name, each in entry["metrics"].items()
        },
    }


def _committed(record: RunRecord) -> RunRecord:
    """A record for others' eyes: no paths of this machine, and nothing that the scores say again."""
    return replace(
        record,
        config={},
        passed=(),
        summary=None,
        warnings=(),
        model=replace(record.model, model=_name(record.model.model)),
        data=replace(record.data, name=_name(record.data.name)),
    )


def _name(text: str) -> str:
    return Path(text).name if Path(text).is_absolute() else text


def _line(task: str, id: str, answer: Answered) -> bytes:
    line: dict[str, Any] = {"task": task, "id": id, "in": answer.input, "t": answer.target}
    line |= {"c": answer.cluster, "s": dict(answer.metrics)}
    if answer.status != "scored":
        line["status"] = answer.status
    if answer.seconds:
        line["seconds"] = answer.seconds
    if answer.tags:
        line["tags"] = dict(answer.tags)
    if answer.evidence is not None:
        line["e"] = answer.evidence
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def _of_task(everything: Any, task: str) -> Answers:
    answers: Answers = everything()[task]
    return answers


def _read_scores(folder: Path, sha256: str) -> dict[str, dict[str, Answered]]:
    path = folder / PACKED if (folder / PACKED).exists() else folder / SCORES
    try:
        data = disk.DISK.read(path)
        text = gzip.decompress(data) if path.name == PACKED else data.replace(b"\r\n", b"\n")
    except (OSError, EOFError, zlib.error) as error:
        raise BaselineError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if hashlib.sha256(text).hexdigest() != sha256:
        raise BaselineError(
            f"{path} is not the file that {MANIFEST} was written with; take both from git again"
        )
    found: dict[str, dict[str, Answered]] = {}
    for line in text.splitlines():
        raw = json.loads(line)
        found.setdefault(raw["task"], {})[raw["id"]] = Answered(
            id=raw["id"],
            cluster=raw["c"],
            input=raw["in"],
            target=raw["t"],
            status=raw.get("status", "scored"),
            metrics=raw["s"],
            seconds=raw.get("seconds", 0.0),
            tags=raw.get("tags", {}),
            evidence=raw.get("e"),
        )
    return found
