"""Films: what their rows say is what the pixels show, also in parts; the files are the generators'."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from vleval.model.io import Media
from vleval.model.video_reader import packet_timeline, read_frames
from vleval.tasks.data.sources import BUNDLED, open_data
from vleval.tasks.registry import get_task
from vleval.tasks.worlds.shapes import COLORS
from vleval.tasks.worlds.video import films, moments
from vleval.tasks.worlds.write import BUNDLED_SEED

FILES = {"qvhighlights": "val", "activitynet-tl": "val_2", "tvgbench": "test"}
MAKERS = {
    "qvhighlights": moments.qvhighlights_rows,
    "activitynet-tl": moments.activitynet_rows,
    "tvgbench": moments.tvgbench_rows,
}
COLUMNS = {
    "qvhighlights": "qid query duration vid relevant_windows relevant_clip_ids saliency_scores",
    "activitynet-tl": "video caption timestamp duration",
    "tvgbench": "path question answer start end duration question_type source dataset_name qsemtype bins",
}


def parquet(name: str) -> Path:
    return BUNDLED / name / f"{FILES[name]}.parquet"


@pytest.mark.parametrize("name", FILES)
def test_bundled_rows_are_the_generators(name: str) -> None:
    made = [row for row, _ in MAKERS[name](BUNDLED_SEED)]
    assert made == pq.read_table(parquet(name)).to_pylist()
    assert pq.read_schema(parquet(name)).names == COLUMNS[name].split()
    assert sum(path.stat().st_size for path in (BUNDLED / name).rglob("*")) < 300_000


def test_written_files_are_the_bundled_ones(tmp_path: Path) -> None:
    rows = moments.write_moments(tmp_path, BUNDLED_SEED)
    assert rows == {"qvhighlights/val": 12, "activitynet-tl/val_2": 9, "tvgbench/test": 9}
    for name in FILES:
        written = sorted(path.relative_to(tmp_path) for path in (tmp_path / name).rglob("*.mp4"))
        assert written == sorted(path.relative_to(BUNDLED) for path in (BUNDLED / name).rglob("*.mp4"))


@pytest.mark.parametrize("name", FILES)
def test_datasets_reads_the_nested_columns(name: str, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    data = datasets.load_dataset(
        "parquet", data_files={"x": str(parquet(name))}, split="x", cache_dir=str(tmp_path)
    )
    assert data[0] == pq.read_table(parquet(name)).to_pylist()[0]


@cache
def colours(media: Media) -> tuple[list[float], np.ndarray[Any, np.dtype[np.int64]]]:
    """Times of the frames, and the duration behind them; [F, colours] pixels, of one in four."""
    timeline = packet_timeline(media)
    assert timeline is not None
    palette, counts = np.array(list(COLORS.values())), []
    for frame in read_frames(media, timeline, range(len(timeline.times))):
        off = np.linalg.norm(frame[::2, ::2].reshape(-1, 1, 3).astype(float) - palette, axis=-1)
        counts.append(((off == off.min(axis=1, keepdims=True)) & (off < 60)).sum(axis=0))
    return [*timeline.times, timeline.duration], np.array(counts)


def seen(media: Media, color: str) -> list[tuple[float, float]]:
    """When a colour is to be seen, in seconds of the medium: read off its frames, one by one."""
    times, counts = colours(media)
    there = counts[:, list(COLORS).index(color)] > 15
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(int)))
    return [(times[start], times[end]) for start, end in edges.reshape(-1, 2).tolist()]


@pytest.mark.parametrize("name", FILES)
def test_the_truth_is_what_the_pixels_show(name: str) -> None:
    """Also in parts: seconds of the truth are those since the start of the frames that are shown."""
    task, checked = get_task(name), 0
    samples = list(open_data(task, "bundled").samples)
    for sample in samples:
        words = sample.question.split()
        alike = [other for other in samples if other.media == sample.media and words[1] in other.question]
        if len(alike) > 1:  # two shapes of one colour in one film: the colour does not tell
            continue
        truth = sample.target.get("spans") or [sample.target["span"]]
        if name == "activitynet-tl":
            truth = [(start, min(end, sample.target["duration"])) for start, end in truth]
        found = seen(sample.media[0], words[1])
        assert np.array(found) == pytest.approx(np.array(truth, dtype=float), abs=1e-6)
        checked += 1
    assert checked >= 7


def test_windows_stand_at_both_sides_of_every_length_and_ratings_follow_their_size() -> None:
    rows: list[dict[str, Any]] = [row for row, _ in moments.qvhighlights_rows(BUNDLED_SEED)]
    lengths = {end - start for row in rows for start, end in row["relevant_windows"]}
    assert {10.0, 12.0, 30.0, 34.0} <= lengths
    assert sorted({len(row["relevant_windows"]) for row in rows}) == [1, 2, 3]
    for row in rows:
        clips = [clip for a, b in row["relevant_windows"] for clip in range(int(a / 2), int(b / 2))]
        assert row["relevant_clip_ids"] == clips
        ranks = np.array(row["saliency_scores"])
        assert all((np.diff(ranks[np.argsort(ranks.sum(axis=1))], axis=0) >= 0).all(axis=0))


def test_films_of_other_names_and_seeds_differ() -> None:
    first = films.make_film("val", 1, 0, [(4.0, 4.0)], 20.0)
    again = films.make_film("val", 1, 0, [(4.0, 4.0)], 20.0)
    assert first.windows == again.windows and first.captions == again.captions
    assert first.windows[0][0].large and not first.windows[0][1].large
    others = [films.make_film("val", seed, 0, [(4.0, 4.0)], 20.0) for seed in range(2, 6)]
    assert any(other.windows != first.windows for other in others)
    for film in (first, *others):
        (one, two) = film.windows[0]
        assert 0 <= one.start < one.end <= two.start - films.STEP and two.end <= 20.0
