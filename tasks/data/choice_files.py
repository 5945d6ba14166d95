"""The files in which benchmarks of choices about videos were released, as rows in the hub sets' columns.

- LVBench, `video_info.meta.jsonl`, a line per video: {"key": "Cm73ma6Ibcs", "type": "sport", "qa": [{"uid":
  "1", "question": ..., "answer": "D", "question_type": [...], "time_reference": ...}]}
- MLVU, `json/1_plotQA.json` to `json/7_topic_reasoning.json`, lists: [{"video": "movie101_66.mp4",
  "question": ..., "candidates": [...], "answer": "Yellow", "question_type": "plotQA"}]
- TempCompass, `questions/multi-choice.json` and so on, by video and aspect: {"1034419625": {"action":
  [{"question": ..., "answer": ...}]}}
- LongVideoBench, `lvb_val.json`: the hub's rows, with a list `candidates` for `option0` to `option4`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vleval.tasks.base import DataError
from vleval.tasks.data import readers
from vleval.tasks.data.configs import CONFIG
from vleval.tasks.data.table import Row, Table

LVBENCH_FILE = "video_info.meta.jsonl"
MLVU_FILES = (
    "1_plotQA",
    "2_needle",
    "3_ego",
    "4_count",
    "5_order",
    "6_anomaly_reco",
    "7_topic_reasoning",
)
LONGVIDEOBENCH_FILE = "lvb_val.json"
LONGVIDEOBENCH_OPTIONS = tuple(f"option{number}" for number in range(5))
LONGVIDEOBENCH_PADDING = "N/A"

Opened = tuple[Table, str]


def open_lvbench(path: Path, split: str | None, default: str) -> Opened | None:
    """The questions of `video_info.meta.jsonl`, or of the one in a folder; None for another form."""
    file = path / LVBENCH_FILE if path.is_dir() else path
    if file.suffix != ".jsonl" or not file.is_file():
        return None
    videos = readers.read_file(file)
    if "qa" not in videos.columns:
        return None
    return _table(_lvbench(file, videos.rows)), split or default


def _lvbench(file: Path, videos: Iterable[Row]) -> Iterator[Row]:
    for number, video in enumerate(videos):
        where = f"{file}, video {number} (the first is 0)"
        name = video.get("key")
        if not isinstance(name, str):
            raise DataError(f"{where} has no key, the name of its file.")
        for entry in _objects(video.get("qa"), f"{where}: qa"):
            yield {"key": name, "type": video.get("type"), "video_path": f"{name}.mp4", **entry}


def open_mlvu(path: Path, split: str | None, default: str) -> Opened | None:
    """The seven files of choices in a folder or in its `json`; None where it has none of them.

    Raises DataError where some are missing: their mean would be that of another benchmark.
    """
    for folder in (path, path / "json"):
        files = [folder / f"{name}.json" for name in MLVU_FILES]
        if any(file.is_file() for file in files):
            if missing := [file.name for file in files if not file.is_file()]:
                raise DataError(f"{folder} lacks {', '.join(missing)}: M-Avg is the mean of all seven.")
            return _table(row for file in files for row in _mlvu(file)), split or default
    return None


def _mlvu(file: Path) -> Iterator[Row]:
    for entry in _objects(readers.load_json(file), str(file)):
        row = dict(entry)
        row["video_name"] = row.pop("video", None)
        row["task_type"] = row.pop("question_type", None)
        yield row


def open_tempcompass(path: Path, split: str | None, default: str) -> Opened | None:
    """The questions of `questions/<form>.json` in a folder or of its own; None for another form."""
    forms = ("multi-choice", "yes_no", "caption_matching")
    for folder in (path, path / "questions"):
        files = {form: folder / f"{form}.json" for form in forms}
        if all(file.is_file() for file in files.values()):
            found = {form: readers.load_json(file) for form, file in files.items()}
            if not all(isinstance(videos, dict) for videos in found.values()):
                return None
            rows = (row for form, videos in found.items() for row in _tempcompass(files[form], form, videos))
            return _table(rows), split or default
    return None


def _tempcompass(file: Path, form: str, videos: Mapping[str, Any]) -> Iterator[Row]:
    for name, aspects in videos.items():
        if not isinstance(aspects, dict):
            raise DataError(f"{file}, video {name!r} must be an object of lists of questions, by aspect.")
        for aspect, questions in aspects.items():
            for entry in _objects(questions, f"{file}, video {name!r}: {aspect}"):
                yield {CONFIG: form, "video_id": name, "dim": aspect, **entry}


def open_longvideobench(path: Path, split: str | None, default: str) -> Opened | None:
    """The questions of `lvb_val.json`, or of the one in a folder; None for another form."""
    file = path / LONGVIDEOBENCH_FILE if path.is_dir() else path
    if file.suffix != ".json" or not file.is_file():
        return None
    table = readers.read_file(file)
    if "candidates" not in table.columns:
        return None
    return _table(_longvideobench(file, table.rows)), split or default


def _longvideobench(file: Path, rows: Iterable[Row]) -> Iterator[Row]:
    for number, row in enumerate(rows):
        texts = row.get("candidates")
        if not isinstance(texts, list) or len(texts) > len(LONGVIDEOBENCH_OPTIONS):
            raise DataError(f"{file}, row {number}: candidates must be a list of at most five choices.")
        padded = [*texts, *[LONGVIDEOBENCH_PADDING] * (len(LONGVIDEOBENCH_OPTIONS) - len(texts))]
        options = dict(zip(LONGVIDEOBENCH_OPTIONS, padded, strict=True))
        yield {"correct_choice": None, **row, **options}


def _objects(value: Any, where: str) -> list[Row]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise DataError(f"{where} must be a list of objects.")
    return value


def _table(rows: Iterable[Row]) -> Table:
    found = list(rows)
    return Table(tuple(dict.fromkeys(name for row in found for name in row)), found, len(found))
