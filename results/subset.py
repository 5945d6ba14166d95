"""Which part of a data set a run is asked: from its settings to what opens the data and what titles say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def chosen(config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `open_data` that choose questions, from a run's settings as records have them."""
    return {
        "limit": config.get("limit"),
        "offset": config.get("offset") or 0,
        "ids": tuple(config.get("sample_id") or ()),
        "seed": config.get("shuffle_seed", config.get("seed")),  # `seed`: records of earlier versions
    }


def subset_text(config: Mapping[str, Any]) -> str:
    """The flags that leave out questions, as people write them: `limit 0.1, offset 20`; empty for none."""
    asked = chosen(config)
    said = [] if asked["limit"] is None else [f"limit {asked['limit']:g}"]
    said += [f"offset {asked['offset']}"] if asked["offset"] else []
    said += [f"{len(asked['ids'])} by id"] if asked["ids"] else []
    return ", ".join(said)


def order_text(config: Mapping[str, Any]) -> str:
    """The order that is not the data's own: `shuffle-seed 3`; empty for the data's own."""
    seed = chosen(config)["seed"]
    return "" if seed is None else f"shuffle-seed {seed}"


def title_text(config: Mapping[str, Any]) -> str:
    """All that was said of which questions are asked, and in what order, for a title."""
    return ", ".join(filter(None, (subset_text(config), order_text(config))))
