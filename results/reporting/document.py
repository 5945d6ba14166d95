"""The one JSON document of a report (docs/json.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vleval.results.comparing.document import paired_to_json
from vleval.results.reporting.data import Block, Heat, Row
from vleval.results.reporting.tables import advice_text
from vleval.results.summary import estimate_to_json

SCHEMA = "vleval/report@1"


def report_document(blocks: Sequence[Block]) -> dict[str, Any]:
    """Everything that the tables say, as numbers."""
    return {"schema": SCHEMA, "blocks": [_block(block) for block in blocks]}


def _block(block: Block) -> dict[str, Any]:
    record = block.record
    return {
        "task": asdict(record.task),
        "data": asdict(record.data),
        "metrics": [asdict(metric) for metric in block.task.metrics],
        "advice": _advice(block),
        "rows": [_row(row) for row in block.rows],
        "heat": _heat(block.heat) if block.heat else None,
        "slices": [
            {
                "family": each.family,
                "name": each.name,
                "rows": [estimate_to_json(found) if found else None for found in each.estimates],
            }
            for each in block.slices
        ],
        "findings": [{"sentence": each.sentence, "where": list(each.where)} for each in block.findings],
        "baselines": {name: dict(scores) for name, scores in block.baselines.items()},
    }


def _row(row: Row) -> dict[str, Any]:
    run = row.run
    return {
        "id": run.record.id,
        "folder": run.folder,
        "status": run.record.status,
        "setting": dict(run.label),
        "vision": asdict(run.record.vision),
        "model": {**asdict(run.record.model), "bundled": run.record.bundled_model},
        "summary": run.summary.to_json(),
        "seconds_per_question": run.seconds,
        "against_first": paired_to_json(row.difference) if row.difference else None,
        "front": {"visual_tokens": row.fewest_tokens, "seconds": row.least_time},
    }


def _advice(block: Block) -> dict[str, Any] | None:
    if block.advice is None:
        return None
    best, enough, result = block.advice
    return {
        "best": best,
        "enough": enough,
        "against_best": paired_to_json(result) if result else None,
        "sentence": advice_text(block),
    }


def _heat(heat: Heat) -> dict[str, Any]:
    return {
        "columns": {"flag": heat.columns[0], "values": list(heat.columns[1])},
        "rows": {"flag": heat.rows[0], "values": list(heat.rows[1])},
        "cells": [list(row) for row in heat.cells],
    }
