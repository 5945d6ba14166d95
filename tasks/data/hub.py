"""Takes a benchmark's rows from the Hugging Face hub, or from its cache where the network is down."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from vleval.tasks.base import DataError, Task
from vleval.tasks.data.configs import joined
from vleval.tasks.data.readers import from_dataset
from vleval.tasks.data.table import Table


class HubData(NamedTuple):
    """One split of one data set."""

    name: str
    """The id that answered."""
    table: Table


def load(task: Task, split: str, revision: str | None) -> HubData:
    """The first of the task's candidate ids that can be had, newest first.

    Raises DataError with one sentence that names all ids tried, or the splits there are.
    """
    if not task.hub:
        raise DataError(f"No data set on the hub has the rows of {task.name}: pass them with --data FILE.")
    from datasets import load_dataset

    reasons: list[str] = []
    for name in task.hub:
        try:
            with _offline_unless_reachable():
                tables = {
                    config: from_dataset(load_dataset(name, config, split=split, revision=revision))
                    for config in task.hub_configs or (task.hub_config,)
                }
        # ValueError: no such split. RuntimeError: datasets' own faults while it prepares the files.
        except (OSError, ValueError, RuntimeError) as error:
            if "split" in str(error).lower() and isinstance(error, ValueError):
                raise DataError(f"{name}: {' '.join(str(error).split())}") from error
            reasons.append(str(error).split("\n")[0])
            continue
        return HubData(name, joined(tables) if task.hub_configs else tables[task.hub_config])
    tried = " and ".join(task.hub) + (f" at revision {revision}" if revision else "")
    raise DataError(
        f"Looked for {tried} on the hub and in its cache without success ({reasons[-1]}): "
        f"pass a local copy with --data FILE, or --data bundled for the data that come with vleval."
    )


@contextmanager
def _offline_unless_reachable() -> Iterator[None]:
    """Without a network, read the cache at once: the libraries would retry for half a minute per file."""
    from datasets import config
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE
    if not before[0] and not _reachable(constants.ENDPOINT):
        constants.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE = before


@functools.cache  # one command may want thirty data sets, and an unreachable hub takes its time to say so
def _reachable(endpoint: str) -> bool:
    from huggingface_hub import get_session

    try:
        get_session().head(endpoint, timeout=10)
    except Exception:  # the session's library, and so its faults, differ between versions of the hub client
        return False
    return True
