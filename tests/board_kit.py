"""Run folders for tests of leaderboard and exports: one toy run, and copies of it that say something else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from run_kit import answer_all, job
from vleval.results.boards.board import Board
from vleval.results.record import RunRecord
from vleval.results.storage.store import RUN_FILE
from vleval.stored.boards import complete_sources, fill_board

HUB = {"origin": "hub", "name": "lmms-lab-encoder/RefCOCO", "split": "testA"}
BUNDLED = {"origin": "bundled", "name": "bundled refcoco", "split": "testA", "bundled": True}
MODEL = {"model": "my-org/my-model", "fingerprint": "a" * 64}
OTHER = {"model": "my-org/other", "fingerprint": "b" * 64}
HOSTILE = '=HYPERLINK("http://x/")|<script>alert(1)</script>[a](javascript:b)\x1b]8;;x\x07\u202e\n::error::`'


def toy_run(root: Path, **flags: object) -> Path:
    """The folder of a complete run: 40 questions about 20 images, all answered exactly."""
    (run,) = answer_all(job(root, **flags)).runs
    return run.folder


def variant(folder: Path, copy: Path, **changes: Any) -> Path:
    """A copy of a run whose record says otherwise; mappings are merged, everything else is replaced."""
    shutil.copytree(folder, copy)
    raw = json.loads((copy / RUN_FILE).read_text())
    raw["id"] = copy.name
    for key, value in changes.items():
        raw[key] = {**raw[key], **value} if isinstance(value, dict) else value
    RunRecord.from_json(raw)
    (copy / RUN_FILE).write_text(json.dumps(raw))
    return copy


def board_of(*folders: Path, published: bool = False, into: Board | None = None) -> Board:
    """A board of runs, complete or not."""
    board = into or Board()
    sources = [source for folder in folders for source in complete_sources(folder, allow_partial=True)]
    fill_board(board, sources, with_published=published)
    return board


def cells(board: Board, column: str) -> list[object]:
    """A column of a board, from top to bottom."""
    return [row.get(column) for row in board.rows]
