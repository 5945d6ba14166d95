"""Local forms of sentences about videos, turned into rows: Charades-STA's text, JSON by video, TimeLens.

- Text, one line per sentence: `3MSZA 24.3 30.4##person turn a light on.`
- JSON by video (ActivityNet Captions, Time-R1): {"3MSZA": {"duration": 30.96, "timestamps": [[24.3, 30.4]],
  "sentences": ["person turn a light on."]}}
- TimeLens rows (parquet, JSONL, JSON): {"video_path": "3MSZA.mp4", "query": "...", "span": "[[24.3, 30.4]]"}
- QVHighlights: `highlight_<split>_release.jsonl`.

Videos may be named without their suffix: `rows.media` looks for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vleval.tasks.base import DataError
from vleval.tasks.data import readers, rows
from vleval.tasks.data.table import Row, Table

COLUMNS = ("video", "caption", "timestamp")
TIMELENS = ("video_path", "query", "span")

_LINE = re.compile(r"(\S+)\s+(\S+)\s+([^\s#]+)\s*##(.*)")
_SPLIT = re.compile(r"(?:^|[_-])(train|val_[12]|validation|val|test)(?=[_-]|$)")

Opened = tuple[Table, str]


def open_sentences(path: Path, split: str | None, default: str) -> Opened | None:
    """The rows (`COLUMNS`, and `duration` where it is stated) of a file of sentences, or of the file of a
    split in a folder, and the split; None where the path has none of the forms. Raises DataError."""
    if path.is_dir():
        return _of_folder(path, (".txt", ".json"), split, default, open_sentences)
    if not path.is_file():
        return None
    table: Table | None = None
    if path.suffix.lower() == ".txt":
        table = _text(path)
    elif path.suffix.lower() == ".json" and isinstance(data := readers.load_json(path), dict):
        table = _by_video(path, data)
    if table is None and path.suffix.lower() in readers.SUFFIXES:
        found = readers.read_file(path)
        table = _timelens(found) if set(TIMELENS) <= set(found.columns) else None
    return (table, split or split_of(path)) if table is not None else None


def open_qvhighlights(path: Path, split: str | None, default: str) -> Opened | None:
    """QVHighlights' released files, or that of a split in their folder; None where the path is another.

    Raises DataError, also on the files of the test split that were released without the truth.
    """
    if path.is_dir():
        return _of_folder(path, (".jsonl",), split, default, open_qvhighlights)
    if path.suffix.lower() != ".jsonl" or not path.is_file():
        return None
    table = readers.read_file(path)
    if not {"qid", "vid", "query"} <= set(table.columns):
        return None
    if "relevant_windows" not in table.columns:
        raise DataError(
            f"{path} has questions without their windows: score the val split, or the test split from "
            "highlight_test_with_gt.jsonl, which was released in 2026."
        )
    return table, split or split_of(path)


def split_of(path: Path) -> str:
    """`charades_sta_test.txt` -> `test`; a name that tells no split is its own."""
    found = _SPLIT.findall(path.stem)
    return str(found[-1]) if found else path.stem.partition("-")[0]


def _of_folder(
    folder: Path,
    suffixes: tuple[str, ...],
    split: str | None,
    default: str,
    opener: Callable[[Path, str | None, str], Opened | None],
) -> Opened | None:
    """The file of one split, if all that a folder has of the files named by splits can be its files."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in suffixes and path.is_file() and _SPLIT.search(path.stem):
            # `highlight_test_with_gt` stands after `highlight_test_release`, and has the truth.
            files[split_of(path)] = path
    if not files or any(folder.glob("*.parquet")) or (folder / "data").is_dir():
        return None
    name = readers.choose_split(str(folder), tuple(files), split, default)
    return opener(files[name], name, default)


def _text(path: Path) -> Table:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    found: list[Row] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            match = _LINE.fullmatch(line.strip())
            if match is None:
                raise ValueError(f"must be `VIDEO start end##sentence`, not {line.strip()[:60]!r}")
            name, start, end, sentence = match.groups()
            span = rows.ends([start, end], "the span")
            found.append({"video": name, "caption": rows.sentence(sentence, "sentence"), "timestamp": span})
        except ValueError as error:
            raise DataError(f"{path}, line {number}: {error}.") from error
    if not found:
        raise DataError(f"{path} has no lines `VIDEO start end##sentence`.")
    return Table(COLUMNS, found, len(found))


def _by_video(path: Path, data: Mapping[str, Any]) -> Table | None:
    videos = [value for value in data.values() if isinstance(value, Mapping)]
    if not videos or len(videos) != len(data) or not any("timestamps" in value for value in videos):
        return None
    found: list[Row] = []
    for name, video in data.items():
        try:
            found += _sentences(name, video)
        except ValueError as error:
            raise DataError(f"{path}, video {name}: {error}.") from error
    return Table((*COLUMNS, "duration"), found, len(found))


def _sentences(name: str, video: Mapping[str, Any]) -> Iterator[Row]:
    spans, said = video.get("timestamps"), video.get("sentences")
    if not isinstance(spans, list) or not isinstance(said, list) or len(spans) != len(said):
        raise ValueError("timestamps and sentences must be two lists of one length")
    duration = rows.numbers([video.get("duration")], 1, "duration")[0]
    for number, (span, sentence) in enumerate(zip(spans, said, strict=True)):
        yield {
            "video": name,
            "caption": rows.sentence(sentence, f"sentence {number}"),
            "timestamp": rows.numbers(span, 2, f"timestamp {number}"),
            "duration": duration,
        }


def _timelens(table: Table) -> Table:
    columns = (*COLUMNS, "duration") if "duration" in table.columns else COLUMNS

    def renamed() -> Iterator[Row]:
        for row in table.rows:
            named = {"video": row["video_path"], "caption": row["query"], "timestamp": _only(row["span"])}
            yield named | ({"duration": row["duration"]} if "duration" in columns else {})

    return Table(columns, renamed(), table.total)


def _only(spans: Any) -> Any:
    """The span of a list of one span, or of its text; anything else as it is, for the task to refuse."""
    if isinstance(spans, str):
        try:
            spans = json.loads(spans)
        except (ValueError, RecursionError):
            return spans
    return spans[0] if isinstance(spans, list) and len(spans) == 1 else spans
